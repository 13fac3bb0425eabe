//! What the compiler is given, and what it asks for. It reads nothing itself: it names its [`Need`]s,
//! the shell answers them in [`Facts`], and compiles again.

use std::collections::BTreeMap;

use theater_flow_kernel::ids::Digest;

/// A pipeline file, and what was said beside it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file's name, for display.
    pub name: &'a str,
    /// Its whole text.
    pub text: &'a str,
    /// The absolute folder of the file: relative paths in the file are against it.
    pub folder: &'a str,
    /// The absolute current folder: relative paths in `--set` are against it.
    pub cwd: &'a str,
    /// `--set name=value`, in order; the last of one name counts.
    pub set: &'a [(String, String)],
    /// What for.
    pub mode: Mode,
}

/// What a file is compiled for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// To hear of its faults: a missing environment variable or param value is a warning, though
    /// there is no plan then.
    Check,
    /// To run it: those are errors. Its tests are not looked at: what they name need not be there.
    Run,
    /// To run its test with this number, from 0, whose `params` take the place of the defaults.
    Test(usize),
}

/// A question to the shell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Need {
    /// The component of this actor: `std/<name>`, or an absolute path. Answer: [`Facts::actors`].
    Actor(String),
    /// What `ports` of this component says to this config. Answer: [`Facts::ports`].
    Ports {
        /// The component.
        component: Digest,
        /// The config as JSON.
        config: String,
    },
    /// The text of the file with this absolute path. Answer: [`Facts::files`].
    File(String),
    /// An environment variable. Answer: [`Facts::env`].
    Env(String),
}

/// Answers to [`Need`]s. What is not in it is asked for.
#[derive(Clone, Default, Debug)]
pub struct Facts {
    /// The actors there are, as `std/<name>`; only for did-you-mean.
    pub std: Vec<String>,
    /// By actor, as in [`Need::Actor`].
    pub actors: BTreeMap<String, Result<ActorFacts, ActorProblem>>,
    /// By component and config, as in [`Need::Ports`].
    pub ports: BTreeMap<(Digest, String), Result<Vec<PortFacts>, PortsProblem>>,
    /// By absolute path: the text, or why it cannot be read.
    pub files: BTreeMap<String, Result<String, String>>,
    /// By name: the value, `None` if it is not set.
    pub env: BTreeMap<String, Option<String>>,
}

/// What a component says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActorFacts {
    /// SHA-256 of the component.
    pub digest: Digest,
    /// SHA-256 of the actor's file as it is, which is what `sha256` pins: what `sha256sum` says. It is
    /// another than that of the component if the file is a core module, of which one was made.
    pub file: Digest,
    /// Every function that it imports.
    pub imports: Vec<Import>,
    /// Plain text.
    pub doc: String,
    /// JSON Schema of its config.
    pub config_schema: String,
    /// True if nothing survives from one event to the next.
    pub stateless: bool,
}

/// A function that a component imports.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Import {
    /// `files` for `theater:flow/files@0.1.0`; the whole name for every other package.
    pub interface: String,
    /// The function's name in it.
    pub function: String,
}

/// Why there is no such actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActorProblem {
    /// No stdlib actor of the name, or no such file.
    NotFound,
    /// The file is there but cannot be read, for this reason.
    Unreadable(String),
    /// Truncated, a core module, something else; with the reason.
    NotAComponent(String),
    /// A component, but of another world; with what is missing.
    WrongWorld(String),
}

/// Why there are no ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortsProblem {
    /// The actor refuses the config.
    Config(Vec<ConfigFault>),
    /// The actor failed at the question, for this reason.
    Crashed(String),
}

/// A port as the actor says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortFacts {
    /// Its name.
    pub name: String,
    /// In or out.
    pub direction: Direction,
    /// A type in the pipeline language; may hold `$T`.
    pub ty: String,
    /// May stay unwired, or go unread without a warning.
    pub optional: bool,
    /// Plain text.
    pub doc: String,
}

/// Which way messages go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// To the actor.
    Input,
    /// From the actor.
    Output,
}

/// What is wrong with a config, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// JSON pointer (RFC 6901) into the config.
    pub pointer: String,
    /// For people.
    pub message: String,
}
