//! The component `std/filter`.

theater_flow_sdk::export!(theater_flow_actors::filter::Filter);
