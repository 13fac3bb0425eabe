//! What stands at a path, as far as it matters.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;

/// Bytes of a file of which the content is kept, so that a part of it is known as such.
const KEPT_BYTES: usize = 256 << 10;

/// What was read at which paths, or looked for there.
pub type Reads = BTreeMap<PathBuf, Seen>;

/// Of all that was read, and where.
#[must_use]
pub fn digest(reads: &Reads) -> Digest {
    let mut text = Vec::new();
    for (path, seen) in reads {
        text.extend_from_slice(path.as_os_str().as_encoded_bytes());
        text.push(0);
        match seen {
            Seen::File(content) => text.extend_from_slice(&content.digest.0),
            Seen::Gone => text.push(1),
            Seen::Closed => text.push(2),
        }
        text.push(0);
    }
    Digest::of(&text)
}

/// What stands at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A file.
    File(Content),
    /// Nothing.
    Gone,
    /// What cannot be read, is too long, or is no file.
    Closed,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub struct Content {
    digest: Digest,
    bytes: u64,
    /// What it is, unless it is long.
    kept: Option<Arc<[u8]>>,
    /// The folder that it is in when all links are followed, where that matters: what it names is looked for there.
    folder: Option<PathBuf>,
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.folder == other.folder
    }
}

impl Eq for Content {}

impl Seen {
    /// A file with this content.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let kept = (bytes.len() <= KEPT_BYTES).then(|| Arc::from(bytes));
        Self::File(Content {
            digest: Digest::of(bytes),
            bytes: bytes.len() as u64,
            kept,
            folder: None,
        })
    }

    /// The same in this folder, which is part of what is seen.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::File(content) => {
                Self::File(Content { folder: Some(folder.to_path_buf()), ..content })
            }
            other => other,
        }
    }

    /// True if this may be the beginning of what is being written in the place of `whole`: it is less, and does not end as
    /// that did, or is a part of it. An empty file always is.
    #[must_use]
    pub fn is_part_of(&self, whole: &Self) -> bool {
        match (self, whole) {
            (Self::File(part), _) if part.bytes == 0 => true,
            (Self::File(part), Self::File(whole)) => part.is_part_of(whole),
            _ => false,
        }
    }
}

impl Content {
    fn is_part_of(&self, whole: &Self) -> bool {
        let shorter = self.bytes < whole.bytes;
        match (&self.kept, &whole.kept) {
            (Some(part), Some(whole)) => {
                let ends = last_line(part) == last_line(whole);
                shorter && (whole.starts_with(part) || !ends)
            }
            // Nobody knows what it began with.
            _ => shorter,
        }
    }
}

/// What is behind the last line break but one.
fn last_line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_end();
    bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Reads what stands at a path; its bytes only if that is a regular file that is not too long.
pub(crate) fn read(path: &Path) -> (Seen, io::Result<Vec<u8>>) {
    let bytes = read_regular(path);
    let seen = match &bytes {
        Ok(bytes) => Seen::of(bytes),
        Err(error) => unread(error),
    };
    (seen, bytes)
}

/// What stands where this was the answer to an attempt to read.
fn unread(error: &io::Error) -> Seen {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Seen::Gone,
        _ => Seen::Closed,
    }
}

/// A file's bytes. A pipe or a device could keep the reader waiting for ever, also one that takes a file's place at
/// the last moment.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let is_file = |found: Metadata| {
        let no_file = || io::Error::other("it is not a regular file");
        found.is_file().then_some(()).ok_or_else(no_file)
    };
    is_file(fs::metadata(path)?)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    is_file(file.metadata()?)?;
    let (most, mut bytes) = (limits::COMPONENT_BYTES, Vec::new());
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let long = format!("it is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, long));
    }
    Ok(bytes)
}

/// What the file system says of a file without reading it. While that stays, so does the content, but for changes
/// within one tick of its clock, and by means that it does not see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    id: (u64, u64),
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of what stands at a path, if anything does.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            id: (found.dev(), found.ino()),
            bytes: found.size(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// True if a change after `now_ms` (since 1970) would show in it: file systems count time in steps of up to 2 s.
    pub(super) fn is_old(&self, now_ms: u64) -> bool {
        let newest = self.changed.0.max(self.written.0);
        u64::try_from(newest).is_ok_and(|newest| now_ms / 1_000 > newest.saturating_add(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a pipe");
        assert_eq!(read(&pipe).0, Seen::Closed);
        assert_eq!(read(dir.path()).0, Seen::Closed);
        assert_eq!(read(&dir.path().join("none")).0, Seen::Gone);
        assert_eq!(read(&pipe.join("none")).0, Seen::Gone);
        let long = File::create(dir.path().join("long")).expect("a file");
        long.set_len(limits::COMPONENT_BYTES + 1).expect("a long one");
        assert_eq!(read(&dir.path().join("long")).0, Seen::Closed);
    }

    #[test]
    fn the_same_content_elsewhere_is_something_else_only_where_that_matters() {
        let (here, there) = (Path::new("/here"), Path::new("/there"));
        assert_eq!(Seen::of(b"a"), Seen::of(b"a"));
        assert_ne!(Seen::of(b"a").within(here), Seen::of(b"a").within(there));
        assert!(!Seen::of(b"a").within(here).is_part_of(&Seen::of(b"a").within(there)));
    }

    #[test]
    fn a_stamp_is_believed_once_it_is_old() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        fs::write(&file, "a").expect("a file");
        let stamp = Stamp::of(&file).expect("it is there");
        let now = crate::session::now_ms();
        assert!(!stamp.is_old(now));
        assert!(stamp.is_old(now + 10_000));
    }
}
