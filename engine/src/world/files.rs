//! Files under granted roots, through directory handles: a path is resolved by the kernel below the
//! handle, so that neither `..` nor a link, nor one swapped in while we look, leads out of the root.
//!
//! The root itself is taken as the user wrote it: a link there is followed, once, when the root is first
//! used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, FileType, OpenOptions, OpenOptionsExt};
use theater_flow_kernel::gate::{FileError, FileErrorCode, FileKind, FolderEntry, Located, Stat};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Root;

use super::place::Place;

/// Never waits for the other end of a pipe, never becomes the terminal's owner.
const FLAGS: i32 =
    rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOCTTY).bits().cast_signed();

/// The roots that were used, open.
#[derive(Debug, Default)]
pub struct Files {
    roots: BTreeMap<String, Opened>,
}

/// A root.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) dir: Dir,
    /// Where `dir` is: absolute, without links.
    pub(super) path: PathBuf,
    /// The root is this file in `dir`, and nothing else in there is granted.
    pub(super) only: Option<OsString>,
}

impl Files {
    /// Up to `len` bytes from `offset`, fewer only at the end of the file.
    pub fn read(&mut self, at: &Located<'_>, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        let (dir, path) = self.within(at)?;
        let file = open_regular(dir, &path, OpenOptions::new().read(true))
            .map_err(|error| said(at, &error))?
            .into_std();
        let mut bytes = vec![0; len.min(limits::FILE_READ_BYTES) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(said(at, &error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Kind and size.
    pub fn stat(&mut self, at: &Located<'_>) -> Result<Stat, FileError> {
        let (dir, path) = self.within(at)?;
        let found = dir.metadata(&path).map_err(|error| said(at, &error))?;
        let kind = kind(found.file_type());
        Ok(Stat { kind, size: if kind == FileKind::File { found.len() } else { 0 } })
    }

    /// A folder's entries, by name. A link is shown as what it is, not as what it leads to. A name that
    /// is not text is shown as well as it can be, as a thing of another kind, since it cannot be opened.
    pub fn list(&mut self, at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        let (dir, path) = self.within(at)?;
        let mut entries = Vec::new();
        for entry in dir.read_dir(&path).map_err(|error| said(at, &error))? {
            let entry = entry.map_err(|error| said(at, &error))?;
            if entries.len() >= limits::FILE_LIST_ENTRIES {
                let why =
                    format!("{} has more than {} entries", named(at), limits::FILE_LIST_ENTRIES);
                return Err(FileError::new(FileErrorCode::Quota, why));
            }
            let kind = entry.file_type().map_or(FileKind::Other, kind);
            entries.push(match entry.file_name().into_string() {
                Ok(name) => FolderEntry { name, kind },
                Err(name) => {
                    FolderEntry { name: name.to_string_lossy().into_owned(), kind: FileKind::Other }
                }
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The place of a file to write, which need not be there yet. Folders that are missing are made:
    /// the root, or a root file's folder, and those below it.
    pub fn place(&mut self, at: &Located<'_>) -> Result<Place, FileError> {
        let is_file = at.rest.is_empty();
        refuse_link(at)?;
        if !self.roots.contains_key(&at.root.path) {
            let root = Path::new(&at.root.path);
            let folder = if is_file { root.parent().unwrap_or(root) } else { root };
            std::fs::create_dir_all(folder).map_err(|error| said(at, &error))?;
        }
        let (dir, path) = self.within(at)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            dir.create_dir_all(parent).map_err(|error| said(at, &error))?;
        }
        let base = self.roots.get(&at.root.path).map(|root| root.path.clone()).unwrap_or_default();
        let (dir, _) = self.within(at)?;
        Place::in_dir(dir, &base, &path).map_err(|error| said(at, &error))
    }

    /// The root's handle and the way down from it.
    fn within(&mut self, at: &Located<'_>) -> Result<(&Dir, PathBuf), FileError> {
        if !self.roots.contains_key(&at.root.path) {
            let opened = Opened::new(at.root).map_err(|error| said(at, &error))?;
            self.roots.insert(at.root.path.clone(), opened);
        }
        let missing = || said(at, &io::Error::from(ErrorKind::NotFound));
        let root = self.roots.get(&at.root.path).ok_or_else(missing)?;
        let path = match (&root.only, at.rest.is_empty()) {
            (Some(name), true) => PathBuf::from(name),
            (None, true) => PathBuf::from("."),
            (None, false) => PathBuf::from(&at.rest),
            (Some(_), false) => {
                let why = format!("{} is below a file", named(at));
                return Err(FileError::new(FileErrorCode::NotFound, why));
            }
        };
        Ok((&root.dir, path))
    }
}

/// A root to write that is a link leads where the pipeline file does not say.
fn refuse_link(at: &Located<'_>) -> Result<(), FileError> {
    let root = Path::new(&at.root.path);
    if !std::fs::symlink_metadata(root).is_ok_and(|found| found.is_symlink()) {
        return Ok(());
    }
    let target = std::fs::read_link(root).unwrap_or_default();
    let name = &at.root.name;
    let why =
        format!("`{name}` is a link to `{}`: grant that itself, if it is meant", target.display());
    Err(FileError::new(FileErrorCode::Denied, why))
}

impl Opened {
    /// A folder; or else a file, there or not, as the one name that is granted of its folder.
    pub(super) fn new(root: &Root) -> io::Result<Self> {
        let path = Path::new(&root.path);
        match path.canonicalize() {
            Ok(path) if path.is_dir() => Self::open(path, None),
            Ok(path) => Self::file(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::file(path),
            Err(error) => Err(error),
        }
    }

    fn file(path: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::NotFound.into());
        };
        Self::open(folder.canonicalize()?, Some(name.to_os_string()))
    }

    fn open(path: PathBuf, only: Option<OsString>) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Self { dir, path, only })
    }
}

/// Opens a regular file. Looks before opening, since opening some devices does things, and again after,
/// since it may be another one by then.
pub(super) fn open_regular(dir: &Dir, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    match dir.metadata(path) {
        Ok(found) if !found.is_file() => return Err(not_regular()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = dir.open_with(path, options.custom_flags(FLAGS))?;
    if !file.metadata()?.is_file() {
        return Err(not_regular());
    }
    Ok(file)
}

fn kind(found: FileType) -> FileKind {
    if found.is_file() {
        FileKind::File
    } else if found.is_dir() {
        FileKind::Folder
    } else {
        FileKind::Other
    }
}

pub(super) fn not_regular() -> io::Error {
    io::Error::new(ErrorKind::IsADirectory, "not a regular file")
}

/// The guest's name for it, in backticks.
fn named(at: &Located<'_>) -> String {
    let root = at.root.name.trim_end_matches('/');
    if at.rest.is_empty() { format!("`{root}`") } else { format!("`{root}/{}`", at.rest) }
}

/// An error, told with the guest's name for the file and not with ours.
fn said(at: &Located<'_>, error: &io::Error) -> FileError {
    explained(&named(at), error)
}

pub(super) fn explained(name: &str, error: &io::Error) -> FileError {
    let code = match error.kind() {
        ErrorKind::NotFound => FileErrorCode::NotFound,
        ErrorKind::PermissionDenied => FileErrorCode::Denied,
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => FileErrorCode::NotAFile,
        ErrorKind::QuotaExceeded | ErrorKind::StorageFull | ErrorKind::FileTooLarge => {
            FileErrorCode::Quota
        }
        _ => FileErrorCode::Io,
    };
    FileError::new(code, format!("{name}: {error}"))
}

/// A path that is not text cannot stand in the record.
pub(super) fn not_text(name: &str) -> FileError {
    FileError::new(FileErrorCode::Io, format!("`{name}`: its path is not text"))
}
