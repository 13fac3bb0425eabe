//! The trait that an actor implements, and constructors for the words it is written in.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ConfigFault, ConfigSchema, Cx, Direction, Event, Fault, FileError, FileErrorCode, Message,
    Next, Port, Typed,
};

/// What an agent runs: made from its config, changed only through its [`State`](Actor::State).
pub trait Actor: Sized {
    /// The `config` of the pipeline file. Derive `Deserialize`, with `deny_unknown_fields`, and
    /// [`Config`](derive@crate::Config), which makes a JSON Schema of it.
    type Config: DeserializeOwned + ConfigSchema;

    /// All that survives from one event to the next. `()` if nothing does. Keep it in ordered
    /// collections: a `HashMap` may have another order after it was restored.
    type State: Default + Serialize + DeserializeOwned;

    /// Plain text; the first line says what the actor does.
    const DOC: &'static str;

    /// True if nothing survives from one event to the next: no snapshots are taken.
    const STATELESS: bool = size_of::<Self::State>() == 0;

    /// The typed ports for this config, and the check of what a schema cannot say. Called when the
    /// pipeline is compiled, without capabilities, and only with a config that is within its bounds.
    ///
    /// # Errors
    /// Everything that is wrong with the config, each with a JSON pointer to its place.
    fn ports(config: &Self::Config) -> Result<Vec<Port>, Vec<ConfigFault>>;

    /// Makes the actor. Called at the beginning of every incarnation.
    ///
    /// # Errors
    /// A fault if the actor cannot be made; [`ports`](Actor::ports) should have found it.
    fn new(config: Self::Config) -> Result<Self, Fault>;

    /// Takes up the state that a life begins with: the saved one, or the default. Called once after
    /// [`new`](Actor::new). A state that means something else under another config says which one it
    /// is of, and is refused here, since a run may go over to another config for the same agent.
    ///
    /// # Errors
    /// A fault with the code `bad-snapshot` if the actor cannot go on with this state.
    fn take_up(&self, _state: &mut Self::State) -> Result<(), Fault> {
        Ok(())
    }

    /// Handles one event as one transaction.
    ///
    /// # Errors
    /// A fault discards what this event emitted and staged, and the event is tried again by the
    /// agent's policy. It does *not* undo changes of `state`: change it last.
    fn handle(&self, state: &mut Self::State, event: Event, cx: &mut Cx) -> Result<Next, Fault>;
}

impl Port {
    /// An input of a type in the pipeline language. It must be wired.
    #[must_use]
    pub fn input(name: &str, of: &str) -> Self {
        Self::new(Direction::Input, name, of)
    }

    /// An output of a type in the pipeline language.
    #[must_use]
    pub fn output(name: &str, of: &str) -> Self {
        Self::new(Direction::Output, name, of)
    }

    /// An input for values of a Rust type. It must be wired.
    #[must_use]
    pub fn input_of<T: Typed>(name: &str) -> Self {
        Self::input(name, &T::TYPE.to_string())
    }

    /// An output of values of a Rust type.
    #[must_use]
    pub fn output_of<T: Typed>(name: &str) -> Self {
        Self::output(name, &T::TYPE.to_string())
    }

    fn new(direction: Direction, name: &str, of: &str) -> Self {
        let doc = String::new();
        Self {
            name: name.into(),
            direction,
            type_: of.into(),
            optional: false,
            doc,
        }
    }

    /// Says what the port is for.
    #[must_use]
    pub fn doc(mut self, doc: &str) -> Self {
        self.doc = doc.into();
        self
    }

    /// An input that may stay unwired, or an output that may go unread without a warning.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

impl ConfigFault {
    /// A fault at the place that the steps lead to: `ConfigFault::at(&["rules", "key"], "…")` has
    /// the pointer `/rules/key`.
    #[must_use]
    pub fn at(steps: &[&str], message: impl Into<String>) -> Self {
        let mut pointer = String::new();
        for step in steps {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        Self {
            pointer,
            message: message.into(),
        }
    }
}

impl Fault {
    /// A fault with a short code such as `not-found`, and a message for people.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// A fault that says what could not be done to which file: `Fault::file("read", path, &error)`.
    /// Its code is the error's.
    #[must_use]
    pub fn file(doing: &str, path: &str, error: &FileError) -> Self {
        let message = format!("cannot {doing} `{path}`: {}", error.message);
        Self::new(error.code.as_str(), message)
    }
}

impl FileErrorCode {
    /// The code as the pipeline language writes it: `not-found`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::NotAFile => "not-a-file",
            Self::Quota => "quota",
            Self::Conflict => "conflict",
            Self::Io => "io",
        }
    }
}

impl Message {
    /// The body as a value. Borrows from the body where the type allows.
    ///
    /// # Errors
    /// A fault with the code `bad-message`: the port's type and `T` disagree.
    pub fn read<'de, T: serde::Deserialize<'de>>(&'de self) -> Result<T, Fault> {
        serde_json::from_str(&self.body).map_err(|error| {
            Fault::new(
                "bad-message",
                format!("a message on `{}`: {error}", self.port),
            )
        })
    }
}
