//! The contract's types as they cross the border of a component; see `wit/`.

pub(crate) mod http;

use theater_flow_kernel::gate;
use theater_flow_kernel::ids;
use theater_flow_kernel::record;
use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Description {
    pub(crate) doc: String,
    #[component(name = "config-schema")]
    pub(crate) config_schema: String,
    pub(crate) stateless: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the derived `Lift`")]
pub(crate) enum Direction {
    #[component(name = "input")]
    Input,
    #[component(name = "output")]
    Output,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    #[component(name = "type")]
    pub(crate) ty: String,
    pub(crate) optional: bool,
    pub(crate) doc: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ConfigFault {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Message<'a> {
    pub(crate) port: &'a str,
    pub(crate) body: &'a str,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Down<'a> {
    pub(crate) agent: &'a str,
    pub(crate) reason: &'a str,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Event<'a> {
    #[component(name = "start")]
    Start,
    #[component(name = "pull")]
    Pull,
    #[component(name = "message")]
    Message(Message<'a>),
    #[component(name = "closed")]
    Closed(&'a str),
    #[component(name = "timer")]
    Timer(&'a str),
    #[component(name = "down")]
    #[expect(dead_code, reason = "in the contract; comes with watching other agents")]
    Down(Down<'a>),
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Next {
    #[component(name = "wait")]
    Wait,
    #[component(name = "more")]
    More,
    #[component(name = "done")]
    Done,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Fault {
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the derived `Lift`")]
pub(crate) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct TypeMismatch {
    pointer: String,
    message: String,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum EmitError {
    #[component(name = "unknown-port")]
    UnknownPort(String),
    #[component(name = "wrong-type")]
    WrongType(TypeMismatch),
    #[component(name = "too-large")]
    TooLarge(u64),
    #[component(name = "full")]
    Full(u32),
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum FileErrorCode {
    #[component(name = "denied")]
    Denied,
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "not-a-file")]
    NotAFile,
    #[component(name = "quota")]
    Quota,
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "io")]
    Io,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct FileError {
    code: FileErrorCode,
    message: String,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum FileKind {
    #[component(name = "file")]
    File,
    #[component(name = "folder")]
    Folder,
    #[component(name = "other")]
    Other,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Stat {
    kind: FileKind,
    size: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Entry {
    name: String,
    kind: FileKind,
}

impl From<Next> for record::Next {
    fn from(next: Next) -> Self {
        match next {
            Next::Wait => Self::Wait,
            Next::More => Self::More,
            Next::Done => Self::Done,
        }
    }
}

impl From<Level> for record::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

impl From<Fault> for ids::Fault {
    fn from(Fault { code, message }: Fault) -> Self {
        let code = crate::crash::bounded(code, theater_flow_kernel::limits::NAME_BYTES);
        let message = crate::crash::bounded(message, theater_flow_kernel::limits::MESSAGE_BYTES);
        Self { code, message }
    }
}

impl From<gate::EmitError> for EmitError {
    fn from(error: gate::EmitError) -> Self {
        match error {
            gate::EmitError::UnknownPort(port) => Self::UnknownPort(port),
            gate::EmitError::WrongType { pointer, message } => {
                Self::WrongType(TypeMismatch { pointer, message })
            }
            gate::EmitError::TooLarge(bound) => Self::TooLarge(bound),
            gate::EmitError::Full(bound) => Self::Full(bound),
        }
    }
}

impl From<gate::FileError> for FileError {
    fn from(gate::FileError { code, message }: gate::FileError) -> Self {
        let code = match code {
            gate::FileErrorCode::Denied => FileErrorCode::Denied,
            gate::FileErrorCode::NotFound => FileErrorCode::NotFound,
            gate::FileErrorCode::NotAFile => FileErrorCode::NotAFile,
            gate::FileErrorCode::Quota => FileErrorCode::Quota,
            gate::FileErrorCode::Conflict => FileErrorCode::Conflict,
            gate::FileErrorCode::Io => FileErrorCode::Io,
        };
        Self { code, message }
    }
}

impl From<gate::FileKind> for FileKind {
    fn from(kind: gate::FileKind) -> Self {
        match kind {
            gate::FileKind::File => Self::File,
            gate::FileKind::Folder => Self::Folder,
            gate::FileKind::Other => Self::Other,
        }
    }
}

impl From<gate::Stat> for Stat {
    fn from(gate::Stat { kind, size }: gate::Stat) -> Self {
        Self { kind: kind.into(), size }
    }
}

impl From<gate::FolderEntry> for Entry {
    fn from(gate::FolderEntry { name, kind }: gate::FolderEntry) -> Self {
        Self { name, kind: kind.into() }
    }
}
