//! Where staged bytes go: a name in a folder that is held open, so that what happens to the way there
//! does not move the writing.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions};
use theater_flow_kernel::gate::FileError;
use theater_flow_kernel::plan::Root;

use super::claims::Identity;
use super::files::{Opened, explained, not_regular, open_regular};

/// A place to write: a folder that is open, and a name in it.
#[derive(Debug)]
pub struct Place {
    dir: Dir,
    name: OsString,
    path: PathBuf,
}

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Bytes.
    pub size: u64,
    /// Device and inode.
    pub identity: Identity,
}

impl Place {
    /// The place of a path that was claimed, found again through the roots that grant it. `path` is
    /// absolute and without links, as [`Claimed`](theater_flow_kernel::gate::Claimed) has it.
    ///
    /// # Errors
    /// No root of these holds it, or a folder on the way is gone or has become a link that leads out.
    pub fn find(roots: &[Root], path: &Path) -> io::Result<Self> {
        for root in roots {
            let Ok(root) = Opened::new(root) else {
                continue;
            };
            let Ok(rest) = path.strip_prefix(&root.path) else {
                continue;
            };
            if root.only.as_ref().is_none_or(|only| rest == Path::new(only)) {
                return Self::in_dir(&root.dir, &root.path, rest);
            }
        }
        let why = format!("{} is not under a granted root", path.display());
        Err(io::Error::new(ErrorKind::PermissionDenied, why))
    }

    /// Follows links in the way and at its end as far as they stay below `dir`.
    pub(super) fn in_dir(dir: &Dir, base: &Path, path: &Path) -> io::Result<Self> {
        let resolved = match dir.canonicalize(path) {
            Ok(resolved) => resolved,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if dir.symlink_metadata(path).is_ok() {
                    return Err(io::Error::new(ErrorKind::InvalidInput, "it is a link to nothing"));
                }
                let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
                let folder = dir.canonicalize(above(path))?;
                folder.strip_prefix(".").unwrap_or(&folder).join(name)
            }
            Err(error) => return Err(error),
        };
        let name = resolved.file_name().ok_or(ErrorKind::IsADirectory)?.to_os_string();
        let folder = dir.open_dir(above(&resolved))?;
        Ok(Self { dir: folder, name, path: base.join(&resolved) })
    }

    /// Where it is: absolute, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands there; `None` if nothing does.
    ///
    /// # Errors
    /// Something that is not a regular file does.
    pub fn found(&self) -> Result<Option<Found>, FileError> {
        self.found_named(&self.name)
    }

    /// What stands beside this file under `tag`, as [`found`](Self::found) says it.
    pub fn found_beside(&self, tag: &str) -> Result<Option<Found>, FileError> {
        self.found_named(&self.beside(tag))
    }

    fn found_named(&self, name: &OsString) -> Result<Option<Found>, FileError> {
        match self.dir.symlink_metadata(name) {
            Ok(found) if found.is_file() => Ok(Some(Found::of(&found))),
            Ok(_) => Err(explained(&self.path.display().to_string(), &not_regular())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(explained(&self.path.display().to_string(), &error)),
        }
    }

    /// Opens the file for reading only; `None` if there is no regular file.
    pub fn read(&self) -> io::Result<Option<std::fs::File>> {
        self.read_named(&self.name)
    }

    /// Opens the file beside this one under `tag`, as [`read`](Self::read) does this one.
    pub fn read_beside(&self, tag: &str) -> io::Result<Option<std::fs::File>> {
        self.read_named(&self.beside(tag))
    }

    fn read_named(&self, name: &OsString) -> io::Result<Option<std::fs::File>> {
        if !matches!(self.found_named(name), Ok(Some(_))) {
            return Ok(None);
        }
        let opened = open_regular(&self.dir, Path::new(name), OpenOptions::new().read(true));
        match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => Ok(Some(opened?.into_std())),
        }
    }

    /// Opens the file for reading and writing at positions, and makes it if it is not there.
    pub fn open(&self) -> io::Result<std::fs::File> {
        self.open_named(&self.name)
    }

    /// Opens, or makes, the file beside this one in which its new content gathers until
    /// [`swap`](Self::swap). `tag` names the run and the sink: a resumed run finds the same file. Who may
    /// read the old content may read the new, and nobody else.
    pub fn open_beside(&self, tag: &str) -> io::Result<std::fs::File> {
        let beside = self.open_named(&self.beside(tag))?;
        if self.dir.symlink_metadata(&self.name).is_ok_and(|found| found.is_file()) {
            beside.set_permissions(self.open_named(&self.name)?.metadata()?.permissions())?;
        }
        Ok(beside)
    }

    /// Puts the content beside this file into its place, whole. The caller has synced it. True if it
    /// was there: after a kill it may have been moved already.
    pub fn swap(&self, tag: &str) -> io::Result<bool> {
        match self.dir.rename(self.beside(tag), &self.dir, &self.name) {
            Ok(()) => self.sync_folder().map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the content beside this file, if it is there.
    pub fn discard(&self, tag: &str) -> io::Result<()> {
        match self.dir.remove_file(self.beside(tag)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the folder's entries durable: after a file was made or moved.
    pub fn sync_folder(&self) -> io::Result<()> {
        // The handle itself is of a kind that cannot be synced.
        self.dir.open(".")?.sync_all()
    }

    fn beside(&self, tag: &str) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(format!(".{tag}.theater-flow"));
        name
    }

    fn open_named(&self, name: &OsString) -> io::Result<std::fs::File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        Ok(open_regular(&self.dir, Path::new(name), &mut options)?.into_std())
    }
}

impl Found {
    fn of(found: &Metadata) -> Self {
        Self { size: found.len(), identity: (found.dev(), found.ino()) }
    }
}

/// The folder part of a relative path.
fn above(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
