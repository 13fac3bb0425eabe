//! Who owns a run: at most one process, for as long as it lives.
//!
//! The owner holds a lock on a file in the run's folder. The kernel lets it go when the process ends,
//! however it ends, so a lock that is free means that nobody owns the run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::store::StoreError;

/// The file's name, in a run's folder.
const FILE: &str = "owner.lock";
/// How often to try, as one who only looks holds the lock for an instant too.
const TRIES: u32 = 20;
/// The wait between two tries.
const BETWEEN: Duration = Duration::from_millis(2);

/// A run is this process's own until this is dropped.
#[derive(Debug)]
pub struct Ownership {
    file: File,
}

/// Why a run cannot be owned.
#[derive(Debug, thiserror::Error)]
pub enum Held {
    /// Another process owns it.
    #[error("the run is in use by another process{}", pid_text(*.pid))]
    By {
        /// Its id; 0 if it has not said.
        pid: u32,
    },
    /// The file system refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn pid_text(pid: u32) -> String {
    if pid == 0 { String::new() } else { format!(" ({pid})") }
}

impl Ownership {
    /// Takes the run in this folder, or says who has it.
    pub fn take(run: &Path) -> Result<Self, Held> {
        let path = run.join(FILE);
        let refused = |error| StoreError::io(&path, error);
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = open.map_err(refused)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(refused(error).into()),
                Err(TryLockError::WouldBlock) if attempt < TRIES => thread::sleep(BETWEEN),
                Err(TryLockError::WouldBlock) => {
                    return Err(Held::By { pid: read_pid(&mut file) });
                }
            }
        }
        write_pid(&mut file).map_err(refused)?;
        Ok(Self { file })
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // Closing the file does it too; but then a copy of it in a child process would keep the lock.
        let _ = self.file.unlock();
    }
}

/// The process that owns the run in this folder, 0 if it has not said who it is; `None` if nobody does.
#[must_use]
pub fn owner(run: &Path) -> Option<u32> {
    let path: PathBuf = run.join(FILE);
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_pid(&mut file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.take(16).read_to_string(&mut text);
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}
