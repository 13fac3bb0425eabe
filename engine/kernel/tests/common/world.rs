//! What is outside of the kernel: time, files, randomness. It survives a crash of the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FileKind, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::http::HttpErrorCode;
use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::record::SinkId;
use theater_flow_kernel::state::{Write, WriteWhat};

use super::Rng;

/// The outside.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Replacements that have taken their place.
    pub(crate) replaced: BTreeSet<String>,
    /// How many more times `random` says 1 before it says 0, by agent.
    pub(crate) failures: BTreeMap<AgentId, u32>,
    /// What `failures` begins with, again after each 0.
    pub(crate) failures_each: u32,
    /// The keys of the requests that were made, in order.
    pub(crate) requests: Vec<String>,
    /// No request is answered: each breaks off like this.
    pub(crate) breaks: Option<HttpErrorCode>,
    /// Calls that reached the world, salts left out.
    pub(crate) calls: u64,
}

impl Outside {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: 1_000_000,
            rng: Rng::new(seed),
            files: BTreeMap::new(),
            replaced: BTreeSet::new(),
            failures: BTreeMap::new(),
            failures_each: 0,
            requests: Vec::new(),
            breaks: None,
            calls: 0,
        }
    }

    /// Does what is to be done at a sink. The new length, and whether the sink is closed.
    pub(crate) fn write(
        &mut self,
        (agent, sink): (AgentId, SinkId),
        write: &Write,
        ops: usize,
    ) -> (u64, bool) {
        let path = place(agent, sink, write);
        // A replacement may have taken its place before a crash, unconfirmed: there is nothing left to do.
        let gone = write.replace && self.replaced.contains(&path);
        let (mut upto, mut closed) = (write.confirmed, false);
        if write.pending.iter().take(ops).any(|op| op.what == WriteWhat::Abandon) {
            // As the engine does: bytes before it are not written any more.
            self.files.remove(&path);
            return (upto, true);
        }
        for op in write.pending.iter().take(ops) {
            match &op.what {
                WriteWhat::Bytes { offset, bytes } => {
                    upto = offset + bytes.len() as u64;
                    if gone {
                        continue;
                    }
                    let file = self.files.entry(path.clone()).or_default();
                    let from = usize::try_from(*offset).expect("small files");
                    assert!(file.len() >= from, "{path}: a hole before {from}");
                    file.resize(file.len().max(from + bytes.len()), 0);
                    file[from..from + bytes.len()].copy_from_slice(bytes);
                }
                WriteWhat::Close => {
                    if write.replace && !gone {
                        let file = self.files.remove(&path).unwrap_or_default();
                        self.files.insert(write.path.clone(), file);
                        self.replaced.insert(path.clone());
                    }
                    closed = true;
                }
                WriteWhat::Abandon => {}
            }
        }
        (upto, closed)
    }
}

fn place(agent: AgentId, sink: SinkId, write: &Write) -> String {
    match (sink, write.replace) {
        (SinkId::STDOUT, _) => format!("stdout of {agent:?}"),
        (_, false) => write.path.clone(),
        (_, true) => format!("{}.new-{agent:?}-{}", write.path, sink.0),
    }
}

/// One agent's way to the outside.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) outside: Arc<Mutex<Outside>>,
    pub(crate) agent: AgentId,
}

impl Fake {
    fn ask(&self) -> MutexGuard<'_, Outside> {
        let mut outside = self.outside.lock().expect("one thread");
        outside.calls += 1;
        outside
    }

    fn count(&self) {
        drop(self.ask());
    }
}

impl World for Fake {
    fn now_ms(&mut self) -> u64 {
        self.ask().now
    }

    fn random(&mut self, len: u32) -> Vec<u8> {
        let mut outside = self.ask();
        let each = outside.failures_each;
        let left = outside.failures.entry(self.agent).or_insert(each);
        let bad = *left > 0;
        *left = if bad { *left - 1 } else { each };
        vec![u8::from(bad); len as usize]
    }

    fn salt(&mut self) -> Salt {
        self.outside.lock().expect("one thread").rng.salt()
    }

    fn read(&mut self, at: &Located<'_>, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        let outside = self.ask();
        let file = outside.files.get(&absolute(at)).ok_or_else(not_found)?;
        let from = usize::try_from(offset).expect("small files").min(file.len());
        let to = file.len().min(from + len as usize);
        Ok(file[from..to].to_vec())
    }

    fn stat(&mut self, at: &Located<'_>) -> Result<Stat, FileError> {
        let outside = self.ask();
        let size = outside.files.get(&absolute(at)).ok_or_else(not_found)?.len() as u64;
        Ok(Stat { kind: FileKind::File, size })
    }

    fn list(&mut self, _: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        self.count();
        Ok(Vec::new())
    }

    fn claim(&mut self, at: &Located<'_>, _: bool) -> Result<Claimed, FileError> {
        let path = absolute(at);
        let size = self.ask().files.get(&path).map_or(0, |file| file.len() as u64);
        Ok(Claimed { path, size })
    }

    fn stdin(&mut self, _: u32) -> Result<Vec<u8>, StdinError> {
        self.count();
        Ok(Vec::new())
    }
}

fn absolute(at: &Located<'_>) -> String {
    format!("{}/{}", at.root.path, at.rest)
}

fn not_found() -> FileError {
    FileError::new(FileErrorCode::NotFound, "no such file")
}
