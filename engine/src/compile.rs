//! Compiles a pipeline file: fetches what the compiler says it needs, until it is done.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use theater_flow_dsl::{
    ActorFacts, ActorProblem, Compiled, ConfigFault, Direction, Facts, Import, Mode, Need, Outcome,
    PortFacts, PortsProblem, Source, compile,
};
use theater_flow_host::{Actor, Host, LoadError, component_of};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;

use crate::stdlib;
use crate::watch::{self, Reads, Seen};

/// A pipeline file with what was said beside it.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// As the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its absolute folder.
    pub folder: String,
    /// The absolute current folder.
    pub cwd: String,
}

/// Why a pipeline file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot read `{name}`: {source}")]
    Io {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// Too long.
    #[error("`{name}` is longer than {} bytes", limits::SOURCE_BYTES)]
    TooLong {
        /// The file.
        name: String,
    },
    /// Not text.
    #[error("`{name}` is not UTF-8 text: byte {at} is not part of a character")]
    NotText {
        /// The file.
        name: String,
        /// Where.
        at: usize,
    },
    /// A path with bytes that are not UTF-8.
    #[error("`{}` is not a path of UTF-8 text", .path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
}

impl Pipeline {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let bytes = read_bounded(path, limits::SOURCE_BYTES)
            .map_err(|source| ReadError::Io { name: name.clone(), source })?
            .ok_or_else(|| ReadError::TooLong { name: name.clone() })?;
        let text = String::from_utf8(bytes).map_err(|error| ReadError::NotText {
            name: name.clone(),
            at: error.utf8_error().valid_up_to(),
        })?;
        let io = |source| ReadError::Io { name: name.clone(), source };
        let whole = std::fs::canonicalize(path).map_err(io)?;
        let folder = utf8(whole.parent().unwrap_or(Path::new("/")))?;
        let cwd = utf8(&std::env::current_dir().map_err(io)?)?;
        Ok(Self { name, text, folder, cwd })
    }

    /// What was read, as whoever watches the file sees it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen::of(self.text.as_bytes()).within(Path::new(&self.folder))
    }

    /// Reads a file that somebody saved. A pipe or a device is none: it could keep the reader waiting for ever.
    pub fn saved(path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { name: path.display().to_string(), source };
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(io(std::io::Error::other("it is not a regular file")));
        }
        Self::read(path)
    }

    /// The file as the compiler takes it.
    #[must_use]
    pub fn source<'a>(&'a self, set: &'a [(String, String)], mode: Mode) -> Source<'a> {
        let Self { name, text, folder, cwd } = self;
        Source { name, text, folder, cwd, set, mode }
    }
}

fn utf8(path: &Path) -> Result<String, ReadError> {
    let text = path.to_str().ok_or_else(|| ReadError::Path { path: path.to_path_buf() })?;
    Ok(String::from(text))
}

/// A file's bytes; `None` if they are more than `most`.
fn read_bounded(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Fetches facts for the compiler, and keeps the actors that it has seen.
pub struct Fetcher {
    host: Arc<Host>,
    facts: Facts,
    actors: HashMap<Digest, Actor>,
    reads: Reads,
}

impl Fetcher {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(host: Arc<Host>) -> Self {
        let facts = Facts {
            std: stdlib::names().map(|name| format!("std/{name}")).collect(),
            ..Facts::default()
        };
        Self { host, facts, actors: HashMap::new(), reads: Reads::new() }
    }

    /// Compiles a pipeline.
    pub fn compile(
        &mut self,
        pipeline: &Pipeline,
        set: &[(String, String)],
        mode: Mode,
    ) -> Compiled {
        let source = pipeline.source(set, mode);
        loop {
            match compile(&source, &self.facts) {
                Outcome::Done(compiled) => return compiled,
                Outcome::Need(needs) => needs.into_iter().for_each(|need| self.fetch(need)),
            }
        }
    }

    /// The actors that a compiled plan may name, by digest.
    #[must_use]
    pub fn actors(&self) -> HashMap<Digest, Actor> {
        self.actors.clone()
    }

    /// The same, when no more is to be compiled.
    #[must_use]
    pub fn into_actors(self) -> HashMap<Digest, Actor> {
        self.actors
    }

    /// What was read at which absolute paths, or looked for there, besides the pipelines' own files.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    fn fetch(&mut self, need: Need) {
        match need {
            Need::Actor(name) => {
                let answer = self.about(&name);
                self.facts.actors.insert(name, answer);
            }
            Need::Ports { component, config } => {
                let answer = self.ports(component, &config);
                self.facts.ports.insert((component, config), answer);
            }
            Need::File(path) => {
                let answer = self.read_text(Path::new(&path));
                self.facts.files.insert(path, answer);
            }
            Need::Env(name) => {
                let value = std::env::var(&name).ok();
                self.facts.env.insert(name, value);
            }
        }
    }

    fn read_text(&mut self, path: &Path) -> Result<String, String> {
        let (seen, bytes) = watch::read(path);
        self.reads.insert(path.to_path_buf(), seen);
        let bytes = bytes.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limits::SOURCE_BYTES {
            return Err(format!("it is longer than {} bytes", limits::SOURCE_BYTES));
        }
        String::from_utf8(bytes).map_err(|_| String::from("it is not UTF-8 text"))
    }

    /// What an actor says of itself: `std/<name>`, or an absolute path.
    pub fn about(&mut self, name: &str) -> Result<ActorFacts, ActorProblem> {
        let (file, seen) = file(name);
        self.reads.extend(seen.map(|seen| (PathBuf::from(name), seen)));
        let file = file?;
        let bytes = component_of(&file).map_err(problem)?;
        let actor = self.host.load(&bytes).map_err(problem)?;
        let about =
            self.host.about(&actor).map_err(|error| ActorProblem::WrongWorld(error.to_string()))?;
        let imports = actor.imports().iter().map(|(interface, function)| Import {
            interface: interface.clone(),
            function: function.clone(),
        });
        let facts = ActorFacts {
            digest: actor.digest(),
            file: Digest::of(&file),
            imports: imports.collect(),
            doc: about.doc,
            config_schema: about.config_schema,
            stateless: about.stateless,
        };
        self.actors.insert(actor.digest(), actor);
        Ok(facts)
    }

    /// True of a component that was [asked about](Self::about) before if it exports `migrate`.
    #[must_use]
    pub fn migrates(&self, component: Digest) -> bool {
        self.actors.get(&component).is_some_and(Actor::migrates)
    }

    /// What an actor that was [asked about](Self::about) before says to a config.
    pub fn ports(&self, component: Digest, config: &str) -> Result<Vec<PortFacts>, PortsProblem> {
        let unknown = || PortsProblem::Crashed(String::from("the component was not loaded"));
        let actor = self.actors.get(&component).ok_or_else(unknown)?;
        let asked = self.host.ports(actor, config);
        let answered = asked.map_err(|error| PortsProblem::Crashed(error.to_string()))?;
        let ports = answered.map_err(|faults| {
            let faults = faults.into_iter();
            PortsProblem::Config(
                faults
                    .map(|fault| ConfigFault { pointer: fault.pointer, message: fault.message })
                    .collect(),
            )
        })?;
        let ports = ports.into_iter().map(|port| PortFacts {
            name: port.name,
            direction: if port.input { Direction::Input } else { Direction::Output },
            ty: port.ty,
            optional: port.optional,
            doc: port.doc,
        });
        Ok(ports.collect())
    }
}

/// The component of an actor: `std/<name>`, or an absolute path. Of a core module it is the component
/// that is made of it, which is what runs, and is kept and cached.
pub fn component(name: &str) -> Result<Vec<u8>, ActorProblem> {
    let file = file(name).0?;
    match component_of(&file).map_err(problem)? {
        Cow::Owned(made) => Ok(made),
        Cow::Borrowed(_) => Ok(file.into_owned()),
    }
}

fn problem(error: LoadError) -> ActorProblem {
    match error {
        LoadError::WrongWorld(_) => ActorProblem::WrongWorld(error.to_string()),
        other => ActorProblem::NotAComponent(other.to_string()),
    }
}

/// The file of an actor as it is, and what was seen at its path if it is one.
fn file(name: &str) -> (Result<Cow<'static, [u8]>, ActorProblem>, Option<Seen>) {
    if let Some(std) = name.strip_prefix("std/") {
        let part = stdlib::component(std).map(Cow::Borrowed).ok_or(ActorProblem::NotFound);
        return (part, None);
    }
    let (seen, bytes) = watch::read(Path::new(name));
    let file = bytes.map(Cow::Owned).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ActorProblem::NotFound,
        std::io::ErrorKind::FileTooLarge => ActorProblem::NotAComponent(error.to_string()),
        _ => ActorProblem::Unreadable(error.to_string()),
    });
    (file, Some(seen))
}
