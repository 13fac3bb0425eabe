//! The component `std/file-walk`.

theater_flow_sdk::export!(theater_flow_actors::file_walk::FileWalk);
