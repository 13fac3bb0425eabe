//! The component `std/stdin-lines`.

theater_flow_sdk::export!(theater_flow_actors::stdin_lines::StdinLines);
