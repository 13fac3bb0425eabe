//! The program `theater-flow`.

use std::process::ExitCode;
use std::sync::Arc;

use theater_flow::cli::Cli;
use theater_flow::commands;
use theater_flow::exit::{Exit, conclude};
use theater_flow::render::Screen;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody may be there to read it.
            let _ = Screen::standard(false, false).usage(&error);
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    let screen = Arc::new(Screen::standard(cli.global.json, cli.global.quiet));
    let result = commands::perform(&screen, cli);
    conclude(&screen, result).into()
}
