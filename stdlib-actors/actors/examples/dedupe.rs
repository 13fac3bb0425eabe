//! The component `std/dedupe`.

theater_flow_sdk::export!(theater_flow_actors::dedupe::Dedupe);
