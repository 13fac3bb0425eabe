//! `new`: a folder to begin with.

use std::path::Path;

use crate::cli::NAME;
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::scaffold::{self, ScaffoldError};

/// Makes the folder of a new pipeline, or of a new actor.
pub(super) fn new(screen: &Screen, name: &str, actor: bool) -> Result<Exit, Problem> {
    let files = if actor { scaffold::actor(name)? } else { scaffold::pipeline(name)? };
    scaffold::write(Path::new(name), &files)?;
    let what = if actor { "an actor in Rust" } else { "a pipeline" };
    screen.say(&format!("made `{name}`, {what}; next:\n\n  cd {name}"));
    if actor {
        screen.say("  rustup target add wasm32-unknown-unknown");
        screen.say("  cargo test");
        screen.say("  cargo build --release --target wasm32-unknown-unknown");
    }
    screen.say(&format!("  {NAME} run pipeline.toml"));
    Ok(Exit::Ok)
}

impl From<ScaffoldError> for Problem {
    fn from(error: ScaffoldError) -> Self {
        let help = match &error {
            ScaffoldError::Name(_) => {
                "a name is small letters, digits and `-`, begins with a letter, and has at most 64"
            }
            ScaffoldError::Taken(_) => "choose a longer one, as in `my-actor`",
            ScaffoldError::There(_) => "choose another name; nothing was written",
            ScaffoldError::Io { .. } => return Self::failed(error.to_string()),
        };
        Self::usage(error.to_string()).with_help(Some(help.to_owned()))
    }
}
