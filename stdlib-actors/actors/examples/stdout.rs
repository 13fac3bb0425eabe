//! The component `std/stdout`.

theater_flow_sdk::export!(theater_flow_actors::stdout::Stdout);
