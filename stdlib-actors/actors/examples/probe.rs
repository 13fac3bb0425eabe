//! The component `probe`.

theater_flow_sdk::export!(theater_flow_actors::probe::Probe);
