//! The component `std/aggregate`.

theater_flow_sdk::export!(theater_flow_actors::aggregate::Aggregate);
