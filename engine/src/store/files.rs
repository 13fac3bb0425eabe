//! Folders and files around the database: made durable, locked, copied.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::store::StoreError;

/// Makes the folder at `path`, whose parent must exist.
pub(super) fn create_dir(path: &Path) -> Result<(), StoreError> {
    fs::create_dir(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.to_owned() },
        _ => StoreError::io(path, error),
    })
}

/// Makes durable that the entries of the folder at `path` are there.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| StoreError::io(path, error))
}

/// Makes durable all that is in the folder at `path`, and that it is there itself.
pub(super) fn sync_tree(path: &Path) -> Result<(), StoreError> {
    for entry in entries(path)? {
        // A folder is synced as a file is.
        sync_dir(&entry)?;
    }
    sync_dir(path)?;
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Where a database is made that is to take the place of the one at `path`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Removes what is there, if anything: half a new database, or an old one that was replaced.
pub(super) fn remove_beside(path: &Path) -> Result<(), StoreError> {
    let new = beside(path);
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(&new, error)),
        _ => Ok(()),
    }
}

/// Puts the folder at `new` in the place of the one at `path`, at once and durably, and removes the old one.
pub(crate) fn take_place(new: &Path, path: &Path) -> Result<(), StoreError> {
    sync_tree(new)?;
    let exchange = rustix::fs::RenameFlags::EXCHANGE;
    let exchanged =
        rustix::fs::renameat_with(rustix::fs::CWD, new, rustix::fs::CWD, path, exchange);
    exchanged.map_err(|error| StoreError::io(path, error.into()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    sync_dir(parent)?;
    fs::remove_dir_all(new).map_err(|error| StoreError::io(new, error))?;
    sync_dir(parent)
}

/// Puts `bytes` in the place of the file at `path`, at once and durably: whoever reads it, also after a
/// power cut, gets the old content or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace_by(path, bytes, ".new")
}

/// As [`replace`], of a file that several may make at a time, all with the same content.
pub(crate) fn place(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    replace_by(path, bytes, &format!(".{}.{n}.new", process::id()))
}

/// As [`replace`], by a file with this behind its name.
fn replace_by(path: &Path, bytes: &[u8], behind: &str) -> Result<(), StoreError> {
    let mut new = path.as_os_str().to_owned();
    new.push(behind);
    let new = PathBuf::from(new);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| {
        // Half a file helps nobody, least of all where there is no space.
        let _ = fs::remove_file(&new);
        StoreError::io(path, error)
    })?;
    sync_dir(
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
    )
}

/// Locks the database at `path` as long as the file lives. What is not a database is missing.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let data = path.join("db");
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::Missing { path: path.to_owned() }
        }
        _ => StoreError::io(&data, error),
    };
    fs::metadata(path.join("conf")).map_err(missing)?;
    let file = File::open(&data).map_err(missing)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io(&data, error)),
    }
}

/// Removes what an open that was killed left behind. The database must be locked.
pub(super) fn remove_unfinished_snapshots(path: &Path) -> Result<(), StoreError> {
    for entry in entries(path)?.iter().filter(|entry| is_unfinished(entry)) {
        fs::remove_file(entry).map_err(|error| StoreError::io(entry, error))?;
    }
    Ok(())
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b"snap.") && name.ends_with(b".generating")
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = || fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>();
    list().map_err(|error| StoreError::io(path, error))
}

/// A copy of a database's folder. Removed when dropped.
#[derive(Debug)]
pub(super) struct Copy(PathBuf);

impl Copy {
    /// Copies the database at `path`, which must be locked, to a folder beside it; to one among the temporary files
    /// if nothing can be written there, as on a medium that is only for reading or has no room.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".copy-";
        let parent = path.parent().unwrap_or(Path::new(""));
        remove_stale(parent, &name);
        remove_abandoned(&std::env::temp_dir(), &format!("{TEMPORARY}{name}"));
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}{}-{n}", process::id());
        match Self::made(parent.join(&name), path) {
            Err(error) if is_refused(&error) => {
                let elsewhere = std::env::temp_dir().join(format!("{TEMPORARY}{name}"));
                Self::made(elsewhere, path)
            }
            made => made,
        }
    }

    fn made(at: PathBuf, from: &Path) -> Result<Self, StoreError> {
        private_dir(&at)?;
        let copy = Self(at);
        copy.fill(from)?;
        Ok(copy)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn fill(&self, from: &Path) -> Result<(), StoreError> {
        for entry in entries(from)?.iter().filter(|entry| !is_unfinished(entry)) {
            let to = self.0.join(entry.file_name().unwrap_or_default());
            if entry.is_dir() {
                private_dir(&to)?;
                for blob in entries(entry)? {
                    copy_file(&blob, &to.join(blob.file_name().unwrap_or_default()))?;
                }
            } else {
                copy_file(entry, &to)?;
            }
        }
        Ok(())
    }
}

/// How the names of copies among the temporary files begin.
const TEMPORARY: &str = "theater-flow-";

/// True if the folder is not one that this process can write to.
fn is_refused(error: &StoreError) -> bool {
    match error {
        StoreError::ReadOnly { .. } | StoreError::Full { .. } => true,
        StoreError::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Nobody can be told; the next copy removes what is left.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn private_dir(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| StoreError::io(path, error))
}

/// Copies what a file holds, not who may write to it: the copy is this process's own.
fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut read = File::open(from).map_err(|error| StoreError::io(from, error))?;
    let mut copy = || io::copy(&mut read, &mut File::create(to)?);
    copy().map(drop).map_err(|error| StoreError::io(to, error))
}

/// Removes copies whose makers are gone, as nobody holds their lock. Called under the original's lock,
/// which is also held while a copy is made, so none of them is half-made by a living process.
fn remove_stale(parent: &Path, name: &str) {
    let dir = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    for copy in entries(dir).unwrap_or_default() {
        let ours = copy.file_name().is_some_and(|n| n.to_string_lossy().starts_with(name));
        if ours && !matches!(lock(&copy), Err(StoreError::Locked { .. })) {
            let _ = fs::remove_dir_all(&copy);
        }
    }
}

/// Removes copies among the temporary files whose makers are gone: both the process of their number, and whoever held
/// their lock. They are of any database, so that no lock of one says that none is half-made.
pub(super) fn remove_abandoned(folder: &Path, name: &str) {
    let is_gone = |pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
    for copy in entries(folder).unwrap_or_default() {
        let own =
            copy.file_name().and_then(|own| own.to_str()?.strip_prefix(name)?.split_once('-'));
        let pid = own.and_then(|(pid, _)| rustix::process::Pid::from_raw(pid.parse().ok()?));
        if pid.is_some_and(is_gone) && !matches!(lock(&copy), Err(StoreError::Locked { .. })) {
            // Somebody else's is theirs to remove.
            let _ = fs::remove_dir_all(&copy);
        }
    }
}
