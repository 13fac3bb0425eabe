//! The machine's files and standard output, as sinks see them.

use std::io;
use std::path::Path;

use theater_flow_kernel::gate::{FileError, FileErrorCode};
use theater_flow_kernel::plan::Root;

use super::files::Node;
use super::machine::{Machine, Print, What};
use crate::sinks::{Ground, Positioned, Spot};

/// The files of a machine.
#[derive(Clone, Debug)]
pub(super) struct SimGround(pub(super) Machine);

/// A path of a machine.
#[derive(Clone, Debug)]
pub(super) struct SimSpot {
    machine: Machine,
    path: String,
}

/// An open file of a machine.
#[derive(Clone, Debug)]
pub(super) struct SimFile {
    machine: Machine,
    path: String,
    node: Node,
}

impl Ground for SimGround {
    type Spot = SimSpot;

    fn spot(&self, roots: &[Root], path: &Path) -> io::Result<SimSpot> {
        if !roots.iter().any(|root| path.starts_with(&root.path)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let path = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(SimSpot { machine: self.0.clone(), path: String::from(path) })
    }
}

impl SimSpot {
    fn size_of(&self, path: &str) -> Result<Option<u64>, FileError> {
        let inner = self.machine.inner();
        let len = inner.files.bytes(path).map(|bytes| bytes.len() as u64);
        if len.is_none() && inner.files.paths().any(|other| other.starts_with(&format!("{path}/")))
        {
            return Err(FileError::new(FileErrorCode::NotAFile, "it is a folder"));
        }
        Ok(len)
    }

    fn beside(&self, tag: &str) -> String {
        format!("{}.{tag}.theater-flow", self.path)
    }

    fn open_named(&self, path: &str) -> io::Result<SimFile> {
        let mut inner = self.machine.inner();
        if inner.files.node(path).is_none() {
            let what = What::Create(String::from(path));
            inner.step(what, 1, |inner, _| inner.files.create(path))?;
        }
        let node = inner.files.node(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile { machine: self.machine.clone(), path: String::from(path), node })
    }
}

impl Spot for SimSpot {
    type File = SimFile;

    fn size(&self) -> Result<Option<u64>, FileError> {
        self.size_of(&self.path)
    }

    fn size_beside(&self, tag: &str) -> Result<Option<u64>, FileError> {
        self.size_of(&self.beside(tag))
    }

    fn open(&self) -> io::Result<SimFile> {
        self.open_named(&self.path)
    }

    fn open_beside(&self, tag: &str) -> io::Result<SimFile> {
        self.open_named(&self.beside(tag))
    }

    fn swap(&self, tag: &str) -> io::Result<bool> {
        let beside = self.beside(tag);
        let mut inner = self.machine.inner();
        if inner.files.node(&beside).is_none() {
            return Ok(false);
        }
        let what = What::Rename(self.path.clone());
        inner.step(what, 1, |inner, _| inner.files.rename(&beside, &self.path))?;
        drop(inner);
        self.sync_folder().map(|()| true)
    }

    fn discard(&self, tag: &str) -> io::Result<()> {
        let beside = self.beside(tag);
        let what = What::Remove(beside.clone());
        self.machine.inner().step(what, 1, |inner, _| inner.files.remove(&beside))
    }

    fn sync_folder(&self) -> io::Result<()> {
        let what = What::SyncFolder(self.path.clone());
        self.machine.inner().step(what, 1, |inner, _| inner.files.sync_names())
    }
}

impl Positioned for SimFile {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let inner = self.machine.inner();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = inner.files.bytes(&self.path).and_then(|all| all.get(from..));
        let there = there.and_then(|all| all.get(..bytes.len()));
        bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let what = What::Write(self.path.clone());
        self.machine.inner().step(what, bytes.len(), |inner, kept| {
            inner.files.write(self.node, offset, &bytes[..kept]);
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let what = What::Sync(self.path.clone());
        self.machine.inner().step(what, 1, |inner, _| inner.files.sync(self.node))
    }
}

/// The standard output of a machine.
#[derive(Clone, Debug)]
pub(super) struct Printer(pub(super) Machine);

impl io::Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.inner().step(What::Print, bytes.len(), |inner, kept| {
            let (agent, offset) = inner.printing;
            inner.printing.1 += kept as u64;
            inner.prints.push(Print { agent, offset, bytes: bytes[..kept].to_vec() });
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
