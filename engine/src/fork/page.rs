//! A file of a fork that begins with what its parent had written: from the parent's log what stands there, and the
//! rest from the parent's file, which then has to hold what the log holds too.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Root;
use theater_flow_kernel::record::SinkId;

use super::FilesError;
use crate::store::{StoreError, sync_dir};
use crate::world::Place;

/// Bytes that are gathered before they are written, and that are compared at a time.
const BUFFER: usize = 32 << 10;

/// A file, and the roots that grant it. It is not kept open: there may be more of them than a process can have.
#[derive(Clone, Debug)]
pub(super) struct At {
    /// Roots of the agent's.
    pub(super) roots: Arc<[Root]>,
    /// Absolute.
    pub(super) path: PathBuf,
    /// Of a replacement, how what gathers beside the file is called.
    pub(super) tag: Option<String>,
}

impl At {
    fn place(&self) -> Result<Place, StoreError> {
        Place::find(&self.roots, &self.path).map_err(|error| StoreError::io(&self.path, error))
    }

    /// Opens it, and makes it if it is not there.
    fn open(&self) -> Result<File, StoreError> {
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(|error| StoreError::io(folder, error))?;
        let place = self.place()?;
        let file = self.tag.as_ref().map_or_else(|| place.open(), |tag| place.open_beside(tag));
        file.map_err(|error| StoreError::io(&self.path, error))
    }

    /// Opens what there is of it for reading, and says whether it has taken its place; `None` if nothing of it can be
    /// got at. Nothing is made or changed where the parent writes.
    fn there(&self) -> Result<Option<(File, bool)>, StoreError> {
        let Ok(place) = Place::find(&self.roots, &self.path) else { return Ok(None) };
        let io = |error| StoreError::io(&self.path, error);
        if let Some(tag) = &self.tag
            && let Some(file) = place.read_beside(tag).map_err(io)?
        {
            return Ok(Some((file, false)));
        }
        Ok(place.read().map_err(io)?.map(|file| (file, true)))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Page {
    /// Whose it is in the parent.
    pub(super) agent: AgentId,
    /// The number of the sink that is open or to be closed; `None` if the file was closed and all of it is there.
    pub(super) sink: Option<SinkId>,
    /// What the guest calls it, if that is known.
    pub(super) name: Option<String>,
    /// True of a sink whose content takes the place of what was there.
    pub(super) replace: bool,
    /// The last replacement that counts: what was staged before it, by others, is not of the file any more.
    pub(super) since: Option<SinkId>,
    /// How many bytes it begins with.
    pub(super) len: u64,
    /// The parent's file.
    pub(super) from: At,
    /// The fork's.
    pub(super) to: At,
    /// What was taken from the log, in order, and no two next to each other.
    held: Vec<Range<u64>>,
    /// What was taken last and is not written yet: the end of what is held.
    buffer: Vec<u8>,
}

impl Page {
    /// One of which nothing is known yet.
    pub(super) fn new(
        agent: AgentId,
        sink: Option<SinkId>,
        len: u64,
        (from, to): (At, At),
    ) -> Self {
        let replace = from.tag.is_some();
        let since = sink.filter(|_| replace);
        Self {
            agent,
            sink,
            name: None,
            replace,
            since,
            len,
            from,
            to,
            held: vec![],
            buffer: vec![],
        }
    }

    /// The same, of a file that the guest calls so.
    pub(super) fn named(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }

    /// True if what this sink of the agent's was given is of the file.
    pub(super) fn takes(&self, sink: SinkId, replace: bool) -> bool {
        let since = match self.since {
            Some(since) => sink == since || sink > since && !replace,
            None => !replace,
        };
        since && self.sink.is_none_or(|last| sink <= last)
    }

    /// Takes bytes that stand in the log. What is not certain to be in the parent's file is the fork's to write.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let room = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset + bytes.len() as u64;
        match self.held.last_mut() {
            Some(last) if last.end == offset => last.end = end,
            _ => {
                self.flush()?;
                self.held.push(offset..end);
            }
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(last) = self.held.last().filter(|_| !self.buffer.is_empty()) {
            let at = last.end - self.buffer.len() as u64;
            let written = self.to.open()?.write_all_at(&self.buffer, at);
            written.map_err(|error| StoreError::io(&self.to.path, error))?;
            self.buffer = vec![];
        }
        Ok(())
    }

    /// What the log does not hold.
    fn gaps(&self) -> Vec<Range<u64>> {
        let mut held = self.held.clone();
        held.sort_unstable_by_key(|held| held.start);
        let (mut gaps, mut upto) = (vec![], 0);
        for held in held {
            if held.start > upto {
                gaps.push(upto..held.start);
            }
            upto = upto.max(held.end);
        }
        if upto < self.len {
            gaps.push(upto..self.len);
        }
        gaps
    }

    /// Takes what the log does not hold from the parent's file, and makes all durable. `whole` says how long a
    /// replacement is that has taken its place; `None` if it never did, or another one has.
    ///
    /// # Errors
    /// If the parent's file does not hold it, or not what the log holds too.
    pub(super) fn finish(
        &mut self,
        whole: impl FnOnce(&Self, &File) -> Result<Option<u64>, FilesError>,
    ) -> Result<(), FilesError> {
        self.flush()?;
        let gaps = self.gaps();
        if !gaps.is_empty() {
            let source = self.source(whole)?;
            self.fill(&source, &gaps)?;
        }
        let io = |error| StoreError::io(&self.to.path, error);
        self.to.open()?.sync_all().map_err(io)?;
        Ok(sync_dir(self.to.path.parent().unwrap_or(&self.to.path))?)
    }

    /// The parent's file, if it is long enough.
    fn source(
        &self,
        whole: impl FnOnce(&Self, &File) -> Result<Option<u64>, FilesError>,
    ) -> Result<File, FilesError> {
        let (path, needed) = (self.from.path.clone(), self.len);
        let Some((file, in_place)) = self.from.there()? else {
            return Err(FilesError::Gone { path, needed });
        };
        let found = file.metadata().map_err(|error| StoreError::io(&path, error))?.len();
        if found < needed {
            return Err(FilesError::Length { path, needed, found });
        }
        if in_place && (self.replace || self.sink.is_none()) {
            match whole(self, &file)? {
                None => return Err(FilesError::Gone { path, needed }),
                Some(whole) if self.replace && whole != found => {
                    return Err(FilesError::Length { path, needed: whole, found });
                }
                Some(_) => {}
            }
        }
        Ok(file)
    }

    fn fill(&self, source: &File, gaps: &[Range<u64>]) -> Result<(), FilesError> {
        let file = self.to.open()?;
        let from = |error| StoreError::io(&self.from.path, error);
        let to = |error| StoreError::io(&self.to.path, error);
        let mut bytes = vec![0; BUFFER];
        for (at, len) in self.held.iter().flat_map(steps) {
            file.read_exact_at(&mut bytes[..len], at).map_err(to)?;
            self.compare(source, (at, &bytes[..len]))?;
        }
        for (at, len) in gaps.iter().flat_map(steps) {
            source.read_exact_at(&mut bytes[..len], at).map_err(from)?;
            file.write_all_at(&bytes[..len], at).map_err(to)?;
        }
        Ok(())
    }

    /// Refuses a file of the parent that does not hold these bytes there.
    pub(super) fn compare(
        &self,
        source: &File,
        (offset, bytes): (u64, &[u8]),
    ) -> Result<(), FilesError> {
        let mut there = vec![0; bytes.len()];
        let other = match source.read_exact_at(&mut there, offset) {
            Ok(()) => there.iter().zip(bytes).position(|(there, byte)| there != byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(0),
            Err(error) => return Err(StoreError::io(&self.from.path, error).into()),
        };
        other.map_or(Ok(()), |other| {
            let (path, at) = (self.from.path.clone(), offset + other as u64);
            Err(FilesError::Other { path, at })
        })
    }

    /// Leaves nothing of it.
    pub(super) fn discard(&self) -> Result<(), StoreError> {
        match fs::remove_file(&self.to.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io(&self.to.path, error))
            }
            _ => Ok(()),
        }
    }
}

/// A range in pieces of no more than a buffer.
fn steps(range: &Range<u64>) -> impl Iterator<Item = (u64, usize)> + use<> {
    let (end, buffer) = (range.end, BUFFER as u64);
    let starts = std::iter::successors(Some(range.start), move |at| at.checked_add(buffer));
    let starts = starts.take_while(move |at| *at < end);
    starts.map(move |at| (at, usize::try_from(end - at).map_or(BUFFER, |left| left.min(BUFFER))))
}
