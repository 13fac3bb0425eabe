//! The component `std/route`.

theater_flow_sdk::export!(theater_flow_actors::route::Route);
