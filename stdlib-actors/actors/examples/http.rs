//! The component `std/http`.

theater_flow_sdk::export!(theater_flow_actors::http::Http);
