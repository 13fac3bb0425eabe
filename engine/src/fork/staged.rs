//! What a run had written up to a point, from its log: all that it staged stands there, whatever became of its files.
//!
//! The log is read from the last checkpoint on behind which all the files were begun, if there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use theater_flow_kernel::block::{Stored, StoredPayload};
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::{Body, End, Part, Record, SinkId, Transaction};
use theater_flow_kernel::state::{State, WriteWhat};

use super::page::Page;
use super::{FilesError, Point};
use crate::journal::{Journal, JournalError};
use crate::recover;
use crate::store::Store;

/// Puts on the pages what the log holds of them. Leaves out those of closed files that are open anew (`written`).
///
/// # Errors
/// If the log cannot be read, or is not as it was written, or a file of the fork cannot be written.
pub(super) fn recall<S: Store>(
    journal: &Journal<S>,
    point: &Point,
    (pages, written): (Vec<Page>, &BTreeSet<(AgentId, PathBuf)>),
) -> Result<Vec<Page>, FilesError> {
    let (from, state) = begin(journal, point, &pages);
    let mut pages = placed(journal, (from, point), pages)?;
    pages.retain(|page| {
        page.sink.is_some() || !written.contains(&(page.agent, page.from.path.clone()))
    });
    let mut sinks = Sinks::of(&pages);
    if let Some(state) = &state {
        sinks.resume(state);
    }
    // Of an open replacement it is known which sink it is.
    if pages.iter().any(|page| !page.replace) {
        since(journal, (from, point), (sinks.clone(), &mut pages))?;
    }
    if let Some(state) = state {
        pending(&state, &sinks, &mut pages)?;
    }
    play(journal, (from, point), (sinks, &mut pages))?;
    Ok(pages)
}

/// Which pages what is given to a sink may be of.
#[derive(Clone, Debug)]
struct Sinks {
    /// The pages of an agent's file.
    pages: BTreeMap<(AgentId, PathBuf), Vec<usize>>,
    /// What is open of these files where the log is read: their pages, and whether it replaces.
    open: BTreeMap<(AgentId, SinkId), (Vec<usize>, bool)>,
}

impl Sinks {
    fn of(pages: &[Page]) -> Self {
        let mut known: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (nth, page) in pages.iter().enumerate() {
            known.entry((page.agent, page.from.path.clone())).or_default().push(nth);
        }
        Self { pages: known, open: BTreeMap::new() }
    }

    fn agents(&self) -> BTreeSet<AgentId> {
        self.pages.keys().map(|(agent, _)| *agent).collect()
    }

    /// Goes on with what is open in a state.
    fn resume(&mut self, state: &State) {
        for agent in self.agents() {
            for (sink, write) in &state.agent(agent).writes {
                self.opened((agent, *sink), &write.path, write.replace);
            }
        }
    }

    fn opened(&mut self, key: (AgentId, SinkId), path: &str, replace: bool) {
        if let Some(pages) = self.pages.get(&(key.0, PathBuf::from(path))) {
            self.open.insert(key, (pages.clone(), replace));
        }
    }

    fn follow(&mut self, agent: AgentId, part: &Part) {
        match part {
            Part::Opened { sink, path, replace, .. } => {
                self.opened((agent, *sink), path, *replace);
            }
            Part::Closed { sink } => {
                self.open.remove(&(agent, *sink));
            }
            _ => {}
        }
    }

    fn put(
        &self,
        pages: &mut [Page],
        (agent, sink): (AgentId, SinkId),
        (offset, bytes): (u64, &[u8]),
    ) -> Result<(), FilesError> {
        let Some((of, replace)) = self.open.get(&(agent, sink)) else { return Ok(()) };
        for nth in of {
            if pages[*nth].takes(sink, *replace) {
                pages[*nth].put(offset, bytes)?;
            }
        }
        Ok(())
    }
}

/// Where to begin to read, and the state there if files were open that are not begun behind it.
fn begin<S: Store>(journal: &Journal<S>, point: &Point, pages: &[Page]) -> (u64, Option<State>) {
    let first = journal.first();
    let stored = journal.checkpoints().iter().rev();
    for upto in stored.filter(|upto| (first + 1..=point.flushed.seq).contains(*upto)) {
        // One that is of no use is passed over.
        let Ok(state) = recover::state(journal, *upto) else { continue };
        if !pages.iter().any(|page| knows(&state, page)) {
            return (*upto, None);
        }
    }
    // If it cannot be read, the log holds nothing of what was open there.
    (first, recover::state(journal, first).ok().filter(|_| first > 0))
}

/// True if the file was begun before.
fn knows(state: &State, page: &Page) -> bool {
    // A plan that came later may have brought the agent.
    let Some(agent) = state.kept.agents.get(page.agent.index()) else { return false };
    let is_open = page.sink.is_some_and(|sink| agent.writes.contains_key(&sink));
    let named = page.name.as_ref().is_some_and(|name| {
        let closed = agent.sinks.ended.iter().any(|(known, _)| known == name);
        closed && !page.replace || page.sink.is_none() && agent.sinks.open.contains_key(name)
    });
    is_open || named
}

/// The records from one on and before another, without payloads.
fn bare<S: Store>(
    journal: &Journal<S>,
    (from, to): (u64, u64),
) -> Result<impl Iterator<Item = Result<Record, JournalError>> + '_, JournalError> {
    let before = move |record: &Result<Record, _>| record.as_ref().map_or(true, |r| r.seq < to);
    Ok(journal.bare(from)?.take_while(before))
}

/// Places the closed files where they were when they were opened, by what the log says: a link may lead elsewhere now.
/// Of several names of one file only the last that it had counts.
fn placed<S: Store>(
    journal: &Journal<S>,
    (from, point): (u64, &Point),
    mut pages: Vec<Page>,
) -> Result<Vec<Page>, FilesError> {
    let mut names: BTreeMap<(AgentId, String), usize> = BTreeMap::new();
    for (nth, page) in pages.iter().enumerate().filter(|(_, page)| page.sink.is_none()) {
        names.extend(page.name.clone().map(|name| ((page.agent, name), nth)));
    }
    if names.is_empty() {
        return Ok(pages);
    }
    let mut last: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for record in bare(journal, (from, point.flushed.seq))? {
        let Body::Transaction(Transaction { by, parts, .. }) = record?.body else { continue };
        for part in parts {
            if let Part::Opened { name, path, .. } = part
                && let Some(nth) = names.get(&(by.agent, name))
            {
                pages[*nth].from.path = PathBuf::from(&path);
                last.insert(PathBuf::from(path), *nth);
            }
        }
    }
    let mut nth = 0;
    pages.retain(|page| {
        let is_last = last.get(&page.from.path).is_none_or(|last| *last == nth);
        nth += 1;
        page.sink.is_some() || is_last
    });
    Ok(pages)
}

/// Finds out which replacement of each file was the last that was completed.
fn since<S: Store>(
    journal: &Journal<S>,
    (from, point): (u64, &Point),
    (mut sinks, pages): (Sinks, &mut [Page]),
) -> Result<(), FilesError> {
    for record in bare(journal, (from, point.flushed.seq))? {
        let Body::Transaction(Transaction { by, parts, .. }) = record?.body else { continue };
        for part in &parts {
            if let Part::Closed { sink } = part
                && let Some((of, true)) = sinks.open.get(&(by.agent, *sink))
            {
                for nth in of {
                    let page = &mut pages[*nth];
                    if !page.replace && page.sink.is_none_or(|last| *sink < last) {
                        page.since = Some(*sink);
                    }
                }
            }
            sinks.follow(by.agent, part);
        }
    }
    Ok(())
}

/// What was staged where the log begins, and not yet in its place.
fn pending(state: &State, sinks: &Sinks, pages: &mut [Page]) -> Result<(), FilesError> {
    for agent in sinks.agents() {
        for (sink, write) in &state.agent(agent).writes {
            for op in &write.pending {
                if let WriteWhat::Bytes { offset, bytes } = &op.what {
                    sinks.put(pages, (agent, *sink), (*offset, bytes))?;
                }
            }
        }
    }
    Ok(())
}

/// Takes what was staged from the records, which have to be what was written.
fn play<S: Store>(
    journal: &Journal<S>,
    (from, point): (u64, &Point),
    (mut sinks, pages): (Sinks, &mut [Page]),
) -> Result<(), FilesError> {
    let agents = sinks.agents();
    let (seq, head) = (point.flushed.seq, point.flushed.head);
    let mut verifier = recover::verifier(journal, from)?.expecting(seq, head);
    for stored in journal.records(from)? {
        let stored = stored?;
        if stored.seq >= seq {
            break;
        }
        let record = verifier.check(&stored).map_err(JournalError::from)?;
        let Body::Transaction(Transaction { by, parts, .. }) = &record.body else { continue };
        if !agents.contains(&by.agent) {
            continue;
        }
        for (part, bytes) in with_bytes(parts, &stored) {
            if let (Part::Staged { sink, offset, .. }, Some(bytes)) = (part, bytes) {
                sinks.put(pages, (by.agent, *sink), (*offset, bytes))?;
            }
            sinks.follow(by.agent, part);
        }
    }
    Ok(())
}

/// How long a replacement is that was open at the point and has taken its place since; `None` if it was thrown away, or
/// nothing says that it was completed. What the log holds of it behind the point has to be in the file.
///
/// # Errors
/// If the log cannot be read, or the file holds something else.
pub(super) fn completed<S: Store>(
    journal: &Journal<S>,
    point: &Point,
    (page, file): (&Page, &File),
) -> Result<Option<u64>, FilesError> {
    let Some(sink) = page.sink else { return replaced(journal, point, page) };
    let mut len = page.len;
    let write = point.state.agent(page.agent).writes.get(&sink);
    for op in write.iter().flat_map(|write| &write.pending) {
        match &op.what {
            WriteWhat::Bytes { offset, bytes } => {
                page.compare(file, (*offset, bytes))?;
                len = offset + bytes.len() as u64;
            }
            WriteWhat::Close => return Ok(Some(len)),
            WriteWhat::Abandon => return Ok(None),
        }
    }
    for stored in journal.records(point.flushed.seq)? {
        let stored = stored?;
        match &stored.record().map_err(JournalError::from)?.body {
            Body::Transaction(Transaction { by, parts, .. }) if by.agent == page.agent => {
                for (part, bytes) in with_bytes(parts, &stored) {
                    match part {
                        Part::Staged { sink: to, offset, payload } if *to == sink => {
                            page.compare(file, (*offset, bytes.map_or(&[], |bytes| bytes)))?;
                            len = offset + u64::from(payload.len);
                        }
                        Part::Closed { sink: closed } if *closed == sink => return Ok(Some(len)),
                        // It was begun anew.
                        Part::Opened { name, .. } if Some(name) == page.name.as_ref() => {
                            return Ok(None);
                        }
                        _ => {}
                    }
                }
            }
            Body::Ended(body) if body.agent == page.agent => {
                return Ok(matches!(body.how, End::Finished | End::Done).then_some(len));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// How long a closed file is at least that no other content has replaced behind the point, by what the log says; `None`
/// if one has.
fn replaced<S: Store>(
    journal: &Journal<S>,
    point: &Point,
    page: &Page,
) -> Result<Option<u64>, FilesError> {
    for record in journal.bare(point.flushed.seq)? {
        let record = record?;
        let is_other = |part: &Part| match part {
            Part::Opened { path, replace, .. } => {
                *replace && page.from.path.as_os_str() == path.as_str()
            }
            _ => false,
        };
        if record.body.parts().iter().any(is_other) {
            return Ok(None);
        }
    }
    Ok(Some(page.len))
}

/// The parts of a record, each with the last of its payloads, if it has one that was not erased.
fn with_bytes<'a>(
    parts: &'a [Part],
    stored: &'a Stored,
) -> impl Iterator<Item = (&'a Part, Option<&'a Bytes>)> {
    let mut payloads = stored.payloads.iter();
    parts.iter().map(move |part| {
        let own = payloads.by_ref().take(part.payloads().count()).last();
        (part, own.and_then(StoredPayload::bytes))
    })
}
