//! The component `std/file-lines`.

theater_flow_sdk::export!(theater_flow_actors::file_lines::FileLines);
