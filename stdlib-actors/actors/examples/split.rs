//! The component `std/split`.

theater_flow_sdk::export!(theater_flow_actors::split::Split);
