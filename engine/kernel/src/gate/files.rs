//! The gate's methods for files: which root a path is under, and what is open for writing.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use serde::{Deserialize, Serialize};

use super::{Gate, Mode, Stop, World, bounded_name};
use crate::limits;
use crate::plan::Root;
use crate::record::{Call, Part, SinkId};
use crate::work::Sink;

/// Why a call about a file failed. See `error` in `wit/files.wit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileError {
    /// For programs.
    pub code: FileErrorCode,
    /// For people.
    pub message: String,
}

/// See `error-code` in `wit/files.wit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FileErrorCode {
    /// Outside every granted root.
    Denied,
    /// No such file.
    NotFound,
    /// Not a regular file, or not a folder where one is wanted.
    NotAFile,
    /// A bound was met.
    Quota,
    /// Another agent writes it, or it is not open.
    Conflict,
    /// Anything else.
    Io,
}

impl FileError {
    /// An error.
    #[must_use]
    pub fn new(code: FileErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What stands at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else.
    Other,
}

/// A file's kind and size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
}

/// One entry of a folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
}

/// A file that is this agent's to write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claimed {
    /// Where it is: absolute.
    pub path: String,
    /// Its size now, in bytes; 0 if it is not there.
    pub size: u64,
}

/// A guest's path, resolved: a granted root and the way down from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located<'a> {
    /// The root.
    pub root: &'a Root,
    /// The rest of the path, relative, without `..`; empty for the root itself.
    pub rest: String,
}

impl Located<'_> {
    /// The path without detours: the root's name, then each step down.
    #[must_use]
    pub fn name(&self) -> String {
        let root = self.root.name.trim_end_matches('/');
        if self.rest.is_empty() { root.to_string() } else { format!("{root}/{}", self.rest) }
    }
}

/// Finds the longest root that `path` begins with, and the way down from it. `None` if there is none, or if
/// the way is not plainly downwards. Links are the world's to refuse.
#[must_use]
pub fn locate<'a>(roots: &'a [Root], path: &str) -> Option<Located<'a>> {
    if path.contains('\0') {
        return None;
    }
    let under = roots.iter().filter_map(|root| Some((root, below(&root.name, path)?)));
    let (root, rest) = under.max_by_key(|(root, _)| root.name.len())?;
    let steps: Vec<&str> =
        rest.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    let downwards = steps.iter().all(|step| *step != "..");
    downwards.then(|| Located { root, rest: steps.join("/") })
}

/// What follows `root` in `path`, if it is the root or something below it.
fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    let root = root.trim_end_matches('/');
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl Gate {
    /// `files.read`.
    pub fn file_read(
        &mut self,
        path: &str,
        offset: u64,
        len: u32,
    ) -> Result<Result<Vec<u8>, FileError>, Stop> {
        let len = len.min(limits::FILE_READ_BYTES);
        self.enter("files.read", path.len())?;
        let answer = self.read_at(Call::FilesRead, path, &(path, offset, len), |world, at| {
            world.read(at, offset, len)
        })?;
        self.counts.cost += answer.as_ref().map_or(0, Vec::len) as u64;
        Ok(answer)
    }

    /// `files.stat`.
    pub fn file_stat(&mut self, path: &str) -> Result<Result<Stat, FileError>, Stop> {
        self.enter("files.stat", path.len())?;
        self.read_at(Call::FilesStat, path, &path, |world, at| world.stat(at))
    }

    /// `files.list`.
    pub fn file_list(&mut self, path: &str) -> Result<Result<Vec<Entry>, FileError>, Stop> {
        self.enter("files.list", path.len())?;
        self.read_at(Call::FilesList, path, &path, |world, at| world.list(at))
    }

    /// `files.append`.
    pub fn file_append(&mut self, path: &str, bytes: &[u8]) -> Result<Result<(), FileError>, Stop> {
        self.enter("files.append", path.len() + bytes.len())?;
        let name = self.sink_name(path)?;
        let open = self.sinks.open.get(&name).filter(|_| self.is_open(&name));
        // One that is barred is open all the same: to be closed.
        if open.is_none_or(|sink| sink.barred)
            && let Err(error) = self.open_file(Call::FilesAppend, &name, false)?
        {
            return Ok(Err(error));
        }
        self.stage(&name, bytes)?;
        Ok(Ok(()))
    }

    /// `files.replace`.
    pub fn file_replace(&mut self, path: &str) -> Result<Result<(), FileError>, Stop> {
        self.enter("files.replace", path.len())?;
        // On a file that is open it begins anew: an agent that restarts with empty state must be able to.
        let name = self.sink_name(path)?;
        self.open_file(Call::FilesReplace, &name, true)
    }

    /// `files.close`.
    pub fn file_close(&mut self, path: &str) -> Result<Result<(), FileError>, Stop> {
        self.enter("files.close", path.len())?;
        let name = self.sink_name(path)?;
        if !self.is_open(&name) {
            let why = format!("`{path}` is not open");
            return self.refuse(Call::FilesClose, path, FileErrorCode::Conflict, why);
        }
        self.remember_sinks();
        let sink = self.sinks.close(&name).map_or(SinkId::STDOUT, |sink| sink.id);
        self.note(Part::Closed { sink }, [None, None])?;
        Ok(Ok(()))
    }

    /// The one name of a file to write: `out/x`, `out//x` and `out/./x` are one sink.
    fn sink_name(&self, path: &str) -> Result<String, Stop> {
        let name = bounded_name(path)?;
        if self.is_open(&name) {
            return Ok(name);
        }
        let at = locate(&self.agent().grants.write, path);
        Ok(at.map_or(name, |at| at.name()))
    }

    fn is_open(&self, name: &str) -> bool {
        !name.is_empty() && self.sinks.open.contains_key(name)
    }

    /// Makes a file the agent's to write, and an open sink.
    fn open_file(
        &mut self,
        call: Call,
        name: &str,
        replace: bool,
    ) -> Result<Result<(), FileError>, Stop> {
        if self.sinks.open.len() > limits::OPEN_FILES_PER_AGENT {
            let why = format!("more than {} files are open", limits::OPEN_FILES_PER_AGENT);
            return self.refuse(call, name, FileErrorCode::Quota, why);
        }
        let roots = self.agent().grants.write.clone();
        let Some(at) = locate(&roots, name) else {
            return self.refuse(call, name, FileErrorCode::Denied, outside(name, &roots, "write"));
        };
        let claimed = self.ask(call, &name, |world| Ok(world.claim(&at, replace)))?;
        let Claimed { path, size } = match claimed {
            Ok(claimed) => claimed,
            Err(error) => return Ok(Err(error)),
        };
        self.remember_sinks();
        let id = SinkId(self.sinks.next);
        let base = if replace { 0 } else { self.sinks.end_of(name).unwrap_or(size) };
        self.sinks.next = id.after().0;
        self.sinks.open.insert(name.to_string(), Sink { id, len: base, barred: false });
        let name = name.to_string();
        self.note(Part::Opened { sink: id, name, path, base, replace }, [None, None])?;
        Ok(Ok(()))
    }

    /// Asks the world about a file under the agent's read roots.
    fn read_at<A: Serialize, T: Serialize + for<'de> Deserialize<'de>>(
        &mut self,
        call: Call,
        path: &str,
        args: &A,
        live: impl FnOnce(&mut dyn World, &Located<'_>) -> Result<T, FileError>,
    ) -> Result<Result<T, FileError>, Stop> {
        bounded_name(path)?;
        let roots = self.agent().grants.read.clone();
        match locate(&roots, path) {
            Some(at) => self.ask(call, args, |world| Ok(live(world, &at))),
            None => self.refuse(call, path, FileErrorCode::Denied, outside(path, &roots, "read")),
        }
    }

    /// Denies a call about a file.
    fn refuse<T>(
        &mut self,
        call: Call,
        path: &str,
        code: FileErrorCode,
        why: String,
    ) -> Result<Result<T, FileError>, Stop> {
        debug_assert!(self.mode != Mode::Quiet, "calls enter first");
        let error = FileError::new(code, why);
        self.deny(call, &path, &error)?;
        Ok(Err(error))
    }
}

fn outside(path: &str, roots: &[Root], to: &str) -> String {
    let names: Vec<String> = roots.iter().map(|root| format!("`{}`", root.name)).collect();
    let granted = if names.is_empty() { vec![String::from("nothing")] } else { names };
    format!("`{path}` is outside what the agent may {to}: {}", granted.join(", "))
}
