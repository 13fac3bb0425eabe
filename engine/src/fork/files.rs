//! What a fork writes. Its parent's files are its parent's: where both would write to one place, the fork's is
//! moved below its own folder, with what had been written there up to the point.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use theater_flow_kernel::gate::locate;
use theater_flow_kernel::ids::{AgentId, RunId};
use theater_flow_kernel::plan::{Plan, Root};
use theater_flow_kernel::record::SinkId;
use theater_flow_kernel::state::Write;

use super::{Fork, Point};
use crate::store::{StoreError, sync_dir};
use crate::world::Place;

/// Why a fork's files cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The file system refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What had been written up to the point is gone.
    #[error(
        "`{}` holds {found} bytes, of which the run had written {needed} at that point: the file has changed since",
        .path.display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
        /// How many bytes are needed.
        needed: u64,
        /// How many there are.
        found: u64,
    },
}

/// Moves what the fork would write to places of its parent's below `folder`, and begins the files that were open
/// at the point there. Gives the places that were moved, old and new.
///
/// # Errors
/// If the parent's files do not hold any more what was written to them, or the new ones cannot be written.
pub fn move_files(
    fork: &mut Fork,
    point: &Point,
    (run, folder): (RunId, &Path),
) -> Result<Vec<(String, String)>, FilesError> {
    let theirs: Vec<PathBuf> = roots(&point.plan).map(|root| PathBuf::from(&root.path)).collect();
    let mut moved = vec![];
    for agent in &mut fork.plan.agents {
        for root in &mut agent.grants.write {
            let path = Path::new(&root.path);
            if theirs.iter().any(|other| path.starts_with(other) || other.starts_with(path)) {
                let new = below(folder, path);
                make(path, &new)?;
                let new = new.display().to_string();
                moved.push((std::mem::replace(&mut root.path, new.clone()), new));
            }
        }
    }
    moved.sort_unstable();
    moved.dedup();
    for id in fork.plan.agents.iter().map(|agent| agent.id).collect::<Vec<_>>() {
        begin(fork, point, id, run)?;
    }
    Ok(moved)
}

fn roots(plan: &Plan) -> impl Iterator<Item = &Root> {
    plan.agents.iter().flat_map(|agent| &agent.grants.write)
}

/// A path below the fork's folder. One that was moved before is moved anew, not deeper.
fn below(folder: &Path, path: &Path) -> PathBuf {
    let runs = folder.parent().and_then(Path::parent);
    let inner = runs.and_then(|runs| path.strip_prefix(runs).ok()).and_then(|inner| {
        let mut steps = inner.components();
        let (_, files) = (steps.next()?, steps.next()?);
        (files.as_os_str() == super::FILES).then_some(steps.as_path())
    });
    folder.join(inner.unwrap_or_else(|| path.strip_prefix("/").unwrap_or(path)))
}

/// Makes the place of a root: a folder if it is one, else the folder that the file is in.
fn make(old: &Path, new: &Path) -> Result<(), StoreError> {
    let folder = if old.is_dir() { new } else { new.parent().unwrap_or(new) };
    fs::create_dir_all(folder).map_err(|error| StoreError::io(folder, error))
}

/// Begins the files of one agent that were open at the point, or had just been closed.
fn begin(fork: &mut Fork, point: &Point, id: AgentId, run: RunId) -> Result<(), FilesError> {
    let Some(agent) = fork.plan.agent(id) else { return Ok(()) };
    let Some(before) = point.plan.agents.iter().find(|before| before.name == agent.name) else {
        return Ok(());
    };
    let (old, new) = (before.grants.write.clone(), agent.grants.write.clone());
    let tag = |run: RunId, agent: AgentId, sink: SinkId| format!("{run}-{}-{}", agent.0, sink.0);
    let state = &mut fork.state.kept.agents[id.index()];
    for (sink, write) in state.writes.iter_mut().filter(|(_, write)| !write.path.is_empty()) {
        let Some(to) = moved(&old, &new, Path::new(&write.path)) else { continue };
        let from = write.replace.then(|| tag(point.run, before.id, *sink));
        let tag = write.replace.then(|| tag(run, id, *sink));
        copy(write, (&old, from), (&new, &to, tag))?;
        write.path = to.display().to_string();
    }
    // A file that was closed and is opened again goes on where it ended.
    let ended = state.sinks.ended.iter().filter_map(|(name, len)| {
        let (from, to) = (locate(&old, name)?, locate(&new, name)?);
        let path =
            |at: &theater_flow_kernel::gate::Located<'_>| Path::new(&at.root.path).join(&at.rest);
        let (from, to) = (path(&from), path(&to));
        (from != to && !to.exists()).then_some((from, to, *len))
    });
    for (from, to, len) in ended.collect::<Vec<_>>() {
        if fs::metadata(&from).is_ok_and(|found| found.len() >= len) {
            let io = |error| StoreError::io(&to, error);
            fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(io)?;
            let mut file = fs::File::create(&to).map_err(io)?;
            take(&mut fs::File::open(&from).map_err(io)?, &mut file, len).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
    }
    Ok(())
}

/// Where a file is that an agent wrote below its old roots. A root may have been named by a link.
fn moved(old: &[Root], new: &[Root], path: &Path) -> Option<PathBuf> {
    old.iter().zip(new).find_map(|(old, new)| {
        let real = fs::canonicalize(&old.path).ok();
        let rest = path.strip_prefix(&old.path).ok();
        let rest = rest.or_else(|| path.strip_prefix(real.as_deref()?).ok())?;
        let new = Path::new(&new.path);
        let to = if rest.as_os_str().is_empty() { new.to_owned() } else { new.join(rest) };
        (old.path != new.to_string_lossy()).then_some(to)
    })
}

/// Copies what is certain to be in the parent's file to the fork's.
fn copy(
    write: &Write,
    (old, beside): (&[Root], Option<String>),
    (new, to, tag): (&[Root], &Path, Option<String>),
) -> Result<(), FilesError> {
    if write.confirmed == 0 {
        return Ok(());
    }
    let path = Path::new(&write.path);
    let io = |error| StoreError::io(path, error);
    let from = Place::find(old, path).map_err(io)?;
    let gathers = beside.filter(|tag| matches!(from.found_beside(tag), Ok(Some(_))));
    let mut source = match &gathers {
        Some(tag) => from.open_beside(tag),
        None => fs::File::open(from.path()),
    }
    .map_err(|error| gone(&error, write).unwrap_or_else(|| io(error).into()))?;
    let found = source.metadata().map_err(io)?.len();
    if found < write.confirmed {
        return Err(FilesError::Gone { path: path.to_owned(), needed: write.confirmed, found });
    }
    let io = |error| StoreError::io(to, error);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let place = Place::find(new, to).map_err(io)?;
    let mut file = tag.map_or_else(|| place.open(), |tag| place.open_beside(&tag)).map_err(io)?;
    take(&mut source, &mut file, write.confirmed).map_err(io)?;
    file.sync_all().map_err(io)?;
    sync_dir(to.parent().unwrap_or(to))?;
    Ok(())
}

fn gone(error: &io::Error, write: &Write) -> Option<FilesError> {
    let (path, needed) = (PathBuf::from(&write.path), write.confirmed);
    let gone = error.kind() == io::ErrorKind::NotFound;
    gone.then_some(FilesError::Gone { path, needed, found: 0 })
}

fn take(from: &mut fs::File, to: &mut fs::File, len: u64) -> io::Result<()> {
    io::copy(&mut from.take(len), to)?;
    to.flush()
}
