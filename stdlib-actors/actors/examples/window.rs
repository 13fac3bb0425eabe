//! The component `std/window`.

theater_flow_sdk::export!(theater_flow_actors::window::Window);
