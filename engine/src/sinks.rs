//! Sinks: files and standard output, written after the log is durable.
//!
//! A file is written at absolute offsets, so that writing the same bytes again changes nothing. A
//! replacement is written beside the file and renamed over it when it is closed.

mod ground;

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use theater_flow_kernel::gate::FileError;
use theater_flow_kernel::ids::{AgentId, RunId};
use theater_flow_kernel::record::SinkId;
use theater_flow_kernel::state::WriteWhat;

use crate::driver::{Event, Job, Outputs};
use crate::world::Claims;

pub use ground::{Ground, Positioned, RealGround, Spot};

/// Why staged bytes are not in their place.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file system, or whoever reads standard output, refused.
    #[error("cannot write {what}: {source}")]
    Io {
        /// Which file.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Somebody else changed the file: it is not touched.
    #[error(
        "`{path}` is {found} bytes long, but the log says {least} to {most}: somebody else changed it"
    )]
    Changed {
        /// The file.
        path: String,
        /// Its length.
        found: u64,
        /// What the log says is there for certain.
        least: u64,
        /// What may be there at most.
        most: u64,
    },
    /// Somebody else wrote behind what the run has written: it is not touched.
    #[error(
        "`{path}` holds bytes after byte {least} that this run did not write: somebody else changed it"
    )]
    Foreign {
        /// The file.
        path: String,
        /// What the log says is there for certain.
        least: u64,
    },
    /// Something stands there that is not to be written.
    #[error("cannot write `{path}`: {message}")]
    Refused {
        /// The file.
        path: String,
        /// Why.
        message: String,
    },
}

/// All sinks of a run.
pub struct Sinks<W, G: Ground = RealGround> {
    run: RunId,
    claims: Claims,
    stdout: W,
    ground: G,
    open: HashMap<(AgentId, SinkId), FileOf<G>>,
}

/// An open file of a file system.
type FileOf<G> = <<G as Ground>::Spot as Spot>::File;

/// What a job did: all bytes before `upto` are there, and the sink is closed or not.
type Written = (u64, bool);

impl<W: io::Write> Sinks<W> {
    /// Sinks of a run; standard output goes to `stdout`. A file that is closed is given up in
    /// `claims`.
    pub fn new(run: RunId, claims: Claims, stdout: W) -> Self {
        Self { run, claims, stdout, ground: RealGround, open: HashMap::new() }
    }
}

impl<W: io::Write, G: Ground> Sinks<W, G> {
    /// The same, with files on another file system.
    #[must_use]
    pub fn on<H: Ground>(self, ground: H) -> Sinks<W, H> {
        let Self { run, claims, stdout, .. } = self;
        Sinks { run, claims, stdout, ground, open: HashMap::new() }
    }

    /// Does a job. When this returns, files are synced.
    ///
    /// # Errors
    /// Then nothing of the job counts as done; it may be tried again.
    pub fn write(&mut self, job: &Job) -> Result<Written, SinkError> {
        if job.sink == SinkId::STDOUT {
            return self.print(job);
        }
        let written = self.write_file(job);
        if let Ok((_, true)) = written {
            self.claims.release(Path::new(&job.path));
        }
        if written.as_ref().map_or(true, |(_, closed)| *closed) {
            self.open.remove(&(job.agent, job.sink));
        }
        written
    }

    fn print(&mut self, job: &Job) -> Result<Written, SinkError> {
        let mut upto = job.confirmed;
        let failed = |source| SinkError::Io { what: String::from("standard output"), source };
        for (offset, bytes) in spans(job) {
            match self.stdout.write_all(bytes) {
                Ok(()) => upto = offset + bytes.len() as u64,
                // What came out is not to come again; what did not will fail by itself.
                Err(_) if upto > job.confirmed => break,
                Err(source) => return Err(failed(source)),
            }
        }
        self.stdout.flush().map_err(failed)?;
        Ok((upto, false))
    }

    fn write_file(&mut self, job: &Job) -> Result<Written, SinkError> {
        let failed = |source| SinkError::Io { what: format!("`{}`", job.path), source };
        let place = self.place(job).map_err(failed)?;
        let tag = format!("{}-{}-{}", self.run, job.agent.0, job.sink.0);
        if job.ops.contains(&WriteWhat::Abandon) {
            place.discard(&tag).map_err(failed)?;
            return Ok((job.confirmed, true));
        }
        let closes = job.ops.last() == Some(&WriteWhat::Close);
        let upto = spans(job).last().map_or(job.confirmed, |(at, bytes)| at + bytes.len() as u64);
        let entry = self.open.entry((job.agent, job.sink));
        let is_first = matches!(entry, MapEntry::Vacant(_));
        if is_first && closes && is_in_place(job, &place, &tag, upto)? {
            return Ok((upto, true));
        }
        let found = check_length(job, &place, &tag, upto)?;
        let file = match entry {
            MapEntry::Occupied(open) => open.into_mut(),
            MapEntry::Vacant(none) => none.insert(open(job, &place, &tag)?),
        };
        check_tail(job, file, found)?;
        for (offset, bytes) in spans(job) {
            file.write_all_at(bytes, offset).map_err(failed)?;
        }
        file.sync_data().map_err(failed)?;
        if closes && job.replace {
            place.swap(&tag).map_err(failed)?;
        }
        Ok((upto, closes))
    }

    /// The file's place, found through the agent's grants: no link leads out of them.
    fn place(&self, job: &Job) -> io::Result<G::Spot> {
        self.ground.spot(&job.roots, Path::new(&job.path))
    }
}

/// The job's bytes with their offsets.
fn spans(job: &Job) -> impl Iterator<Item = (u64, &[u8])> {
    job.ops.iter().filter_map(|op| match op {
        WriteWhat::Bytes { offset, bytes } => Some((*offset, &bytes[..])),
        WriteWhat::Close | WriteWhat::Abandon => None,
    })
}

/// The length of the file at the place, or beside it; `None` if there is none.
fn length(job: &Job, found: Result<Option<u64>, FileError>) -> Result<Option<u64>, SinkError> {
    found
        .map_err(|FileError { message, .. }| SinkError::Refused { path: job.path.clone(), message })
}

/// True if the replacement took its place before the process died: part of it was written, nothing is
/// beside the file any more, and the file is as long as the replacement.
fn is_in_place(job: &Job, place: &impl Spot, tag: &str, upto: u64) -> Result<bool, SinkError> {
    let beside = length(job, place.size_beside(tag))?;
    let there = length(job, place.size())?;
    Ok(job.replace && job.confirmed > 0 && beside.is_none() && there == Some(upto))
}

/// Compares the file's length with the log's: what is certain to be there, and no more than one write
/// that was cut off by a kill. Gives the length.
fn check_length(job: &Job, place: &impl Spot, tag: &str, upto: u64) -> Result<u64, SinkError> {
    let found = if job.replace { place.size_beside(tag) } else { place.size() };
    let found = length(job, found)?.unwrap_or(0);
    if (job.confirmed..=upto).contains(&found) {
        return Ok(found);
    }
    let (path, least, most) = (job.path.clone(), job.confirmed, upto);
    Err(SinkError::Changed { path, found, least, most })
}

/// What stands behind the last byte that is certain must be the beginning of this write: else somebody
/// else put it there. A power cut may have left zeros.
fn check_tail(job: &Job, file: &impl Positioned, found: u64) -> Result<(), SinkError> {
    for (offset, bytes) in spans(job).take_while(|(offset, _)| *offset < found) {
        let len = usize::try_from(found - offset).map_or(bytes.len(), |len| len.min(bytes.len()));
        let mut there = vec![0; len];
        let what = || format!("`{}`", job.path);
        let read = file.read_exact_at(&mut there, offset);
        read.map_err(|source| SinkError::Io { what: what(), source })?;
        if there.iter().zip(bytes).any(|(there, byte)| there != byte && *there != 0) {
            return Err(SinkError::Foreign { path: job.path.clone(), least: job.confirmed });
        }
    }
    Ok(())
}

/// Opens a file for a run's first write to it, or its first since the run was resumed.
fn open<S: Spot>(job: &Job, place: &S, tag: &str) -> Result<S::File, SinkError> {
    let failed = |source| SinkError::Io { what: format!("`{}`", job.path), source };
    let file = if job.replace { place.open_beside(tag) } else { place.open() };
    let file = file.map_err(failed)?;
    place.sync_folder().map_err(failed)?;
    Ok(file)
}

/// A thread that does jobs in order. It ends by itself after this is dropped: whoever reads standard
/// output may never do so again, and must not hold up a stop.
pub struct SinkThread(Sender<Job>);

impl SinkThread {
    /// Starts it. What became of each job goes to `events`.
    pub fn new<W: io::Write + Send + 'static>(sinks: Sinks<W>, events: Sender<Event>) -> Self {
        let (jobs, receiver) = channel();
        std::thread::spawn(move || serve(sinks, &receiver, &events));
        Self(jobs)
    }
}

fn serve<W: io::Write>(mut sinks: Sinks<W>, jobs: &Receiver<Job>, events: &Sender<Event>) {
    for job in jobs {
        let Job { agent, sink, .. } = job;
        let event = match sinks.write(&job) {
            Ok((upto, closed)) => Event::Written { agent, sink, upto, closed },
            Err(error) => Event::WriteFailed { agent, sink, message: error.to_string() },
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

impl Outputs for SinkThread {
    fn write(&mut self, job: Job) {
        // The thread ends only when nobody listens to it.
        let _ = self.0.send(job);
    }
}
