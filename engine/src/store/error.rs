//! Why a store does not answer.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store.
    #[error("there is no log at {}", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already.
    #[error("{} exists already", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Another process, or this one elsewhere, has it open.
    #[error("the log at {} is in use by another process", .path.display())]
    Locked {
        /// Where.
        path: PathBuf,
    },
    /// There is no space left, or a quota is used up.
    #[error("no space left for {}", .path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// The file system cannot be written to.
    #[error("{} is on a read-only file system", .path.display())]
    ReadOnly {
        /// Where.
        path: PathBuf,
    },
    /// The file system refused otherwise.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The files are not what the store wrote.
    #[error("the log at {} is damaged: its files do not hold what was written to them", .path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
    },
    /// A log at rest is read from a copy, which cannot be made.
    #[error("the log at {} is read from a copy, which cannot be made: {source}", .path.display())]
    NoCopy {
        /// Where.
        path: PathBuf,
        /// Why.
        source: Box<StoreError>,
    },
    /// A value is longer than a store may keep.
    #[error("a value of {len} bytes is too long to store")]
    TooLong {
        /// How long it is, in bytes.
        len: usize,
    },
    /// Its owner has closed it, or it is only there for reading.
    #[error("the log is not open, or only for reading")]
    Closed,
    /// There was an error before.
    #[error("the log met an error before and is no longer used")]
    Poisoned,
    /// The simulated process died here.
    #[error("the process died")]
    Crashed,
}

impl StoreError {
    /// What the file system said about `path`.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Io { path, source },
        }
    }

    pub(super) fn sled(path: &Path, error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
                Self::Locked { path: path.to_owned() }
            }
            sled::Error::Io(source) if is_of_system(&source) => Self::io(path, source),
            // What sled says of its files means nothing to those who do not know them.
            _ => Self::Damaged { path: path.to_owned() },
        }
    }

    /// The same, said of the log at `path`, where it came of a copy of that.
    pub(super) fn of_original(self, path: &Path) -> Self {
        match self {
            Self::Damaged { .. } => Self::Damaged { path: path.to_owned() },
            other => other,
        }
    }
}

/// True if the file system refused; else sled found something in its files that it did not write.
fn is_of_system(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    match error.kind() {
        // An offset that no file has comes of damage too.
        E::UnexpectedEof | E::InvalidData | E::InvalidInput => false,
        E::PermissionDenied | E::StorageFull | E::QuotaExceeded | E::ReadOnlyFilesystem => true,
        _ => error.raw_os_error().is_some(),
    }
}
