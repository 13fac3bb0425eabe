//! The component `std/file-write`.

theater_flow_sdk::export!(theater_flow_actors::file_write::FileWrite);
