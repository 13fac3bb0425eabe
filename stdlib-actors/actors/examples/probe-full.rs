//! The component `probe-full`.

theater_flow_sdk::export!(theater_flow_actors::probe::ProbeFull);
