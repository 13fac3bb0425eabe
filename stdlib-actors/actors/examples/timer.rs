//! The component `std/timer`.

theater_flow_sdk::export!(theater_flow_actors::timer::Timer);
