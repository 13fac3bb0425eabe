//! The component `std/template`.

theater_flow_sdk::export!(theater_flow_actors::template::Template);
