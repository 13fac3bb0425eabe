//! The component `std/file-read`.

theater_flow_sdk::export!(theater_flow_actors::file_read::FileRead);
