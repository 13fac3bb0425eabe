//! The world of a native test: files in a map, a clock that stands still, and a list of all calls.
//! It keeps the host's bounds where an actor can meet them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::bindings::theater::flow::outbox::EmitError;
use crate::{
    FileError, FileErrorCode, FileKind, FileStat, FolderEntry, HttpError, HttpErrorCode,
    HttpRequest, HttpResponse, Level, TypeMismatch,
};

const EMISSIONS_PER_EVENT: u32 = 1_024;
const PAYLOAD_BYTES: usize = 16 << 20;
const FILE_READ_BYTES: u32 = 1 << 20;

/// A scripted world. Set its fields before an event, look at them after.
#[derive(Clone, Default, Debug)]
pub struct Outside {
    /// Content by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Paths of what is neither file nor folder, such as links.
    pub others: BTreeSet<String>,
    /// Paths at which everything fails, and how.
    pub failing: BTreeMap<String, FileErrorCode>,
    /// Contents begun by `replace` and not closed.
    pub replacing: BTreeMap<String, Vec<u8>>,
    /// Files appended to and not closed.
    pub appending: BTreeSet<String>,
    /// Milliseconds since 1970.
    pub now: u64,
    /// What is left of standard input.
    pub stdin: Vec<u8>,
    /// What was written to standard output.
    pub stdout: Vec<u8>,
    /// What the next requests are answered; without one no host answers.
    pub responses: VecDeque<Result<HttpResponse, HttpError>>,
    /// The requests that were made.
    pub requests: Vec<HttpRequest>,
    /// Timers that are set, and after how many ms they are due.
    pub timers: BTreeMap<String, u64>,
    /// Outputs that exist. Empty: every name does.
    pub outputs: BTreeSet<String>,
    /// Answers to emissions by port: every value there is of the wrong type.
    pub refusing: BTreeMap<String, TypeMismatch>,
    /// Every call but emissions and log lines, as text: `read a.txt 0 32768`.
    pub calls: Vec<String>,
    /// Port and body of every emission.
    pub emitted: Vec<(String, String)>,
    /// Every log line.
    pub logged: Vec<(Level, String)>,
    random: u8,
}

impl Outside {
    pub(crate) fn emit(&mut self, port: &str, body: &str) -> Result<(), EmitError> {
        if !self.outputs.is_empty() && !self.outputs.contains(port) {
            return Err(EmitError::UnknownPort(port.into()));
        }
        if body.len() > PAYLOAD_BYTES {
            return Err(EmitError::TooLarge(PAYLOAD_BYTES as u64));
        }
        if let Some(mismatch) = self.refusing.get(port) {
            return Err(EmitError::WrongType(mismatch.clone()));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(body) {
            let (pointer, message) = (String::new(), error.to_string());
            return Err(EmitError::WrongType(TypeMismatch { pointer, message }));
        }
        if self.emitted.len() >= EMISSIONS_PER_EVENT as usize {
            return Err(EmitError::Full(EMISSIONS_PER_EVENT));
        }
        self.emitted.push((port.into(), body.into()));
        Ok(())
    }

    pub(crate) fn log(&mut self, level: Level, text: &str) {
        self.logged.push((level, text.into()));
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&mut self) -> u64 {
        self.calls.push("now".into());
        self.now
    }

    /// As many bytes; they only count up.
    pub fn random(&mut self, len: u32) -> Vec<u8> {
        self.calls.push(format!("random {len}"));
        let next = |_| {
            self.random = self.random.wrapping_add(1);
            self.random
        };
        (0..len).map(next).collect()
    }

    /// Sets or moves the timer of this name.
    pub fn set_timer(&mut self, name: &str, after_ms: u64) {
        self.calls.push(format!("set-timer {name} {after_ms}"));
        self.timers.insert(name.into(), after_ms);
    }

    /// Cancels the timer of this name, if it is set.
    pub fn cancel_timer(&mut self, name: &str) {
        self.calls.push(format!("cancel-timer {name}"));
        self.timers.remove(name);
    }

    /// Up to `len` bytes (1 MiB at most) of a file from `offset`; empty at its end.
    pub fn read(&mut self, path: &str, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        self.called(format!("read {path} {offset} {len}"), path)?;
        let content = self.content(path)?;
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let until = from
            .saturating_add(len.min(FILE_READ_BYTES) as usize)
            .min(content.len());
        Ok(content[from..until].to_vec())
    }

    /// What a path leads to.
    pub fn stat(&mut self, path: &str) -> Result<FileStat, FileError> {
        self.called(format!("stat {path}"), path)?;
        let prefix = format!("{path}/");
        let kind = if self.others.contains(path) {
            FileKind::Other
        } else if self.files.keys().any(|file| file.starts_with(&prefix)) {
            FileKind::Folder
        } else {
            FileKind::File
        };
        let size = match kind {
            FileKind::File => self.content(path)?.len() as u64,
            _ => 0,
        };
        Ok(FileStat { kind, size })
    }

    /// A folder's entries, by name. Folders are there if a file is below them; what is in
    /// [`others`](Self::others) shows as neither.
    pub fn list(&mut self, path: &str) -> Result<Vec<FolderEntry>, FileError> {
        self.called(format!("list {path}"), path)?;
        if self.files.contains_key(path) {
            return Err(error(FileErrorCode::NotAFile));
        }
        let prefix = format!("{path}/");
        let below = |paths: &'_ mut dyn Iterator<Item = &String>, kind| {
            let rests = paths.filter_map(|path| path.strip_prefix(&prefix));
            let entries = rests.map(|rest| match rest.split_once('/') {
                Some((folder, _)) => (folder.to_owned(), FileKind::Folder),
                None => (rest.to_owned(), kind),
            });
            entries.collect::<BTreeMap<_, _>>()
        };
        let mut entries = below(&mut self.files.keys(), FileKind::File);
        entries.extend(below(&mut self.others.iter(), FileKind::Other));
        if entries.is_empty() {
            return Err(error(FileErrorCode::NotFound));
        }
        let entry = |(name, kind)| FolderEntry { name, kind };
        Ok(entries.into_iter().map(entry).collect())
    }

    /// Adds bytes at the end of a file, which is made if it is not there.
    pub fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.called(format!("append {path} {}", bytes.len()), path)?;
        if let Some(begun) = self.replacing.get_mut(path) {
            begun.extend_from_slice(bytes);
            return Ok(());
        }
        self.appending.insert(path.into());
        self.files
            .entry(path.into())
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }

    /// Begins a new content for a file, which takes the old one's place at [`close`](Self::close).
    pub fn replace(&mut self, path: &str) -> Result<(), FileError> {
        self.called(format!("replace {path}"), path)?;
        self.replacing.insert(path.into(), Vec::new());
        Ok(())
    }

    /// Ends writing to a file.
    pub fn close(&mut self, path: &str) -> Result<(), FileError> {
        self.called(format!("close {path}"), path)?;
        match self.replacing.remove(path) {
            Some(content) => {
                self.files.insert(path.into(), content);
                Ok(())
            }
            None if self.appending.remove(path) => Ok(()),
            None => Err(error(FileErrorCode::Conflict)),
        }
    }

    /// Makes a request; the next of [`responses`](Self::responses) answers it.
    pub fn send(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.calls
            .push(format!("send {} {}", request.method, request.url));
        self.requests.push(request.clone());
        let nobody = || HttpError {
            code: HttpErrorCode::Connect,
            message: "nobody answers".into(),
        };
        self.responses.pop_front().ok_or_else(nobody)?
    }

    /// Up to `len` bytes of what is left of the input.
    pub fn read_stdin(&mut self, len: u32) -> Result<Vec<u8>, String> {
        self.calls.push(format!("stdin {len}"));
        let until = self.stdin.len().min(len as usize);
        Ok(self.stdin.drain(..until).collect())
    }

    /// Writes to standard output.
    pub fn write_stdout(&mut self, bytes: &[u8]) {
        self.calls.push(format!("stdout {}", bytes.len()));
        self.stdout.extend_from_slice(bytes);
    }

    fn called(&mut self, call: String, path: &str) -> Result<(), FileError> {
        self.calls.push(call);
        self.failing
            .get(path)
            .map_or(Ok(()), |code| Err(error(*code)))
    }

    fn content(&self, path: &str) -> Result<&Vec<u8>, FileError> {
        self.files
            .get(path)
            .ok_or_else(|| error(FileErrorCode::NotFound))
    }
}

fn error(code: FileErrorCode) -> FileError {
    FileError {
        code,
        message: code.as_str().into(),
    }
}
