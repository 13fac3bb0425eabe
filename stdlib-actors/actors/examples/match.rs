//! The component `std/match`.

theater_flow_sdk::export!(theater_flow_actors::matching::Match);
