//! The component `std/report`.

theater_flow_sdk::export!(theater_flow_actors::report::Report);
