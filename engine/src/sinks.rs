//! Sinks: files and standard output, written after the log is durable.
//!
//! A file is written at absolute offsets, so that writing the same bytes again changes nothing. A
//! replacement is written beside the file and renamed over it when it is closed.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use theater_flow_kernel::gate::FileError;
use theater_flow_kernel::ids::{AgentId, RunId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::SinkId;
use theater_flow_kernel::state::WriteWhat;

use crate::driver::{Event, Job, Outputs};
use crate::world::{Claims, Found, Place};

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
pub struct Sinks<W> {
    run: RunId,
    plan: Arc<Plan>,
    claims: Claims,
    stdout: W,
    open: HashMap<(AgentId, SinkId), File>,
}

/// What a job did: all bytes before `upto` are there, and the sink is closed or not.
type Written = (u64, bool);

impl<W: io::Write> Sinks<W> {
    /// Sinks of a run of `plan`; standard output goes to `stdout`. A file that is closed is given up in
    /// `claims`.
    pub fn new(run: RunId, plan: Arc<Plan>, claims: Claims, stdout: W) -> Self {
        Self { run, plan, claims, stdout, open: HashMap::new() }
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
            self.stdout.write_all(bytes).map_err(failed)?;
            upto = offset + bytes.len() as u64;
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
        let file = match self.open.entry((job.agent, job.sink)) {
            MapEntry::Occupied(open) => open.into_mut(),
            MapEntry::Vacant(_) if closes && is_in_place(job, &place, &tag, upto)? => {
                return Ok((upto, true));
            }
            MapEntry::Vacant(none) => none.insert(open(job, &place, &tag, upto)?),
        };
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
    fn place(&self, job: &Job) -> io::Result<Place> {
        let roots = self.plan.agent(job.agent).map_or(&[][..], |agent| &agent.grants.write);
        Place::find(roots, Path::new(&job.path))
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
fn length(job: &Job, found: Result<Option<Found>, FileError>) -> Result<Option<u64>, SinkError> {
    match found {
        Ok(found) => Ok(found.map(|found| found.size)),
        Err(FileError { message, .. }) => {
            Err(SinkError::Refused { path: job.path.clone(), message })
        }
    }
}

/// True if the replacement took its place before the process died: part of it was written, nothing is
/// beside the file any more, and the file is as long as the replacement.
fn is_in_place(job: &Job, place: &Place, tag: &str, upto: u64) -> Result<bool, SinkError> {
    let beside = length(job, place.found_beside(tag))?;
    let there = length(job, place.found())?;
    Ok(job.replace && job.confirmed > 0 && beside.is_none() && there == Some(upto))
}

/// Opens a file for a run's first write to it, or its first since the run was resumed, and compares its
/// length with the log's.
fn open(job: &Job, place: &Place, tag: &str, upto: u64) -> Result<File, SinkError> {
    let failed = |source| SinkError::Io { what: format!("`{}`", job.path), source };
    let found = if job.replace { place.found_beside(tag) } else { place.found() };
    let found = length(job, found)?.unwrap_or(0);
    if !(job.confirmed..=upto).contains(&found) {
        let (path, least, most) = (job.path.clone(), job.confirmed, upto);
        return Err(SinkError::Changed { path, found, least, most });
    }
    let file = if job.replace { place.open_beside(tag) } else { place.open() };
    let file = file.map_err(failed)?;
    place.sync_folder().map_err(failed)?;
    Ok(file)
}

/// A thread that does jobs in order.
pub struct SinkThread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl SinkThread {
    /// Starts it. What became of each job goes to `events`.
    pub fn new<W: io::Write + Send + 'static>(sinks: Sinks<W>, events: Sender<Event>) -> Self {
        let (jobs, receiver) = channel();
        let thread = std::thread::spawn(move || serve(sinks, &receiver, &events));
        Self { jobs: Some(jobs), thread: Some(thread) }
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
        if let Some(jobs) = &self.jobs {
            // The thread ends only when nobody listens to it.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for SinkThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
