//! What a fork writes. Its parent's files are its parent's: where both would write to one place, the fork's is
//! moved below its own folder, with what had been written there up to the point.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use theater_flow_kernel::gate::locate;
use theater_flow_kernel::ids::{AgentId, RunId};
use theater_flow_kernel::plan::{Agent, Plan, Root};
use theater_flow_kernel::state::WriteWhat;

use super::page::{At, Page};
use super::{Fork, Point, staged};
use crate::journal::{Journal, JournalError};
use crate::store::{Store, StoreError};
use crate::world::Place;

/// Why a fork's files cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The file system refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read, or is not as it was written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What had been written up to the point is gone.
    #[error(
        "`{}` is not there, of whose first {needed} bytes the run's log does not hold all",
        .path.display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
        /// How many bytes are needed.
        needed: u64,
    },
    /// It is not as long as it was left.
    #[error(
        "`{}` holds {found} bytes, of which {needed} should be there: the file has changed since, and the run's log \
        does not hold all of it",
        .path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// How many bytes are needed.
        needed: u64,
        /// How many there are.
        found: u64,
    },
    /// It does not hold what the run wrote.
    #[error(
        "`{}` is not what the run wrote, from byte {at} on: the file has changed since, and the run's log does not \
        hold all of it",
        .path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// The first byte that is another.
        at: u64,
    },
}

/// Moves what the fork would write to places of its parent's below `folder`, and begins the files that were open
/// at the point there. Gives the places that were moved, old and new.
///
/// # Errors
/// If what had been written to them stands neither in the parent's log nor in its files, or the new ones cannot be
/// written.
pub fn move_files<S: Store>(
    fork: &mut Fork,
    (journal, point): (&Journal<S>, &Point),
    (run, folder): (RunId, &Path),
) -> Result<Vec<(String, String)>, FilesError> {
    let writes = point.state.kept.agents.iter().flat_map(|agent| agent.writes.values());
    let written: BTreeSet<&str> = writes.map(|write| write.path.as_str()).collect();
    let theirs: Vec<PathBuf> = roots(&point.plan).map(|root| PathBuf::from(&root.path)).collect();
    let mut moved = vec![];
    for agent in &mut fork.plan.agents {
        for root in &mut agent.grants.write {
            let path = Path::new(&root.path);
            if theirs.iter().any(|other| path.starts_with(other) || other.starts_with(path)) {
                let new = below(folder, path);
                make((path, &new), written.contains(root.path.as_str()))?;
                let new = new.display().to_string();
                moved.push((std::mem::replace(&mut root.path, new.clone()), new));
            }
        }
    }
    moved.sort_unstable();
    moved.dedup();
    let (mut open, mut closed) = (Open::default(), vec![]);
    for id in fork.plan.agents.iter().map(|agent| agent.id).collect::<Vec<_>>() {
        pages(fork, point, (id, run), (&mut open, &mut closed));
    }
    begin((journal, point), open, closed)?;
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

/// Makes the place of a root: a folder if it is one, else the folder that the file is in. What the run wrote to is a file,
/// whatever stands there now.
fn make((old, new): (&Path, &Path), is_file: bool) -> Result<(), StoreError> {
    let is_folder = !is_file && old.is_dir();
    let folder = if is_folder { new } else { new.parent().unwrap_or(new) };
    fs::create_dir_all(folder).map_err(|error| StoreError::io(folder, error))
}

/// What is open at the point.
#[derive(Default)]
struct Open {
    /// Files that have something in them.
    pages: Vec<Page>,
    /// Files that have their content while they are open, or will have: by whom.
    written: BTreeSet<(AgentId, PathBuf)>,
}

/// Lists the files of one agent that were open at the point and have something in them, and those that were closed:
/// one that is opened again goes on where it ended.
fn pages(
    fork: &mut Fork,
    point: &Point,
    (id, run): (AgentId, RunId),
    (open, closed): (&mut Open, &mut Vec<Page>),
) {
    let Some(agent) = fork.plan.agent(id) else { return };
    let Some(before) = point.plan.agents.iter().find(|before| before.name == agent.name) else {
        return;
    };
    let (old, new) = (roots_of(before), roots_of(agent));
    let at = |roots: &Arc<[Root]>, path: &Path, tag: Option<String>| At {
        roots: Arc::clone(roots),
        path: path.to_owned(),
        tag,
    };
    let state = &mut fork.state.kept.agents[id.index()];
    for (sink, write) in state.writes.iter_mut().filter(|(_, write)| !write.path.is_empty()) {
        let from = PathBuf::from(&write.path);
        let Some(to) = moved(&old, &new, &from) else { continue };
        write.path = to.display().to_string();
        let tag = |run: RunId, agent: AgentId| format!("{run}-{}-{}", agent.0, sink.0);
        let tags = write.replace.then(|| (tag(point.run, before.id), tag(run, id)));
        let (theirs, ours) = tags.unzip();
        // Behind one on the same file nothing was written yet.
        let is_behind = open.written.contains(&(before.id, from.clone()));
        let will_be = write.pending.iter().any(|op| op.what == WriteWhat::Close);
        if !write.replace || will_be {
            open.written.insert((before.id, from.clone()));
        }
        if write.confirmed > 0 && !is_behind {
            let places = (at(&old, &from, theirs), at(&new, &to, ours));
            let name = state.sinks.open.iter().find(|(_, open)| open.id == *sink);
            let name = name.map(|(name, _)| name.clone());
            open.pages.push(Page::new(before.id, Some(*sink), write.confirmed, places).named(name));
        }
    }
    for (name, len) in state.sinks.ended.iter() {
        let Some((from, to)) = located(&old, name).zip(located(&new, name)) else { continue };
        if from != to {
            let places = (at(&old, &from, None), at(&new, &to, None));
            let name = Some(name.clone());
            closed.push(Page::new(before.id, None, *len, places).named(name));
        }
    }
}

fn roots_of(agent: &Agent) -> Arc<[Root]> {
    agent.grants.write.as_slice().into()
}

/// Where a file is that a guest calls so: without links, as far as it is there.
fn located(roots: &[Root], name: &str) -> Option<PathBuf> {
    let at = locate(roots, name)?;
    let root = Path::new(&at.root.path);
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let path = if at.rest.is_empty() { root } else { root.join(&at.rest) };
    Some(Place::find(roots, &path).map_or(path, |place| place.path().to_owned()))
}

/// Begins the files of all agents.
fn begin<S: Store>(
    (journal, point): (&Journal<S>, &Point),
    open: Open,
    closed: Vec<Page>,
) -> Result<(), FilesError> {
    let Open { mut pages, written } = open;
    for page in closed {
        let is_same = |other: &Page| other.to.path == page.to.path && other.to.tag.is_none();
        if !pages.iter().any(is_same) {
            pages.push(page);
        }
    }
    if pages.is_empty() {
        return Ok(());
    }
    let mut pages = staged::recall(journal, point, (pages, &written))?;
    for page in &mut pages {
        match page.finish(|page, file| staged::completed(journal, point, (page, file))) {
            // Who opens it again is told that it is not as it was left.
            Err(FilesError::Gone { .. } | FilesError::Length { .. } | FilesError::Other { .. })
                if page.sink.is_none() =>
            {
                page.discard()?;
            }
            finished => finished?,
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
