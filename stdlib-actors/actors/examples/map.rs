//! The component `std/map`.

theater_flow_sdk::export!(theater_flow_actors::map::Map);
