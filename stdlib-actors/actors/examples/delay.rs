//! The component `std/delay`.

theater_flow_sdk::export!(theater_flow_actors::delay::Delay);
