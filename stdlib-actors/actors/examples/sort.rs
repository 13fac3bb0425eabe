//! The component `std/sort`.

theater_flow_sdk::export!(theater_flow_actors::sort::Sort);
