//! What a record follows from, and what follows from it.
//!
//! Causes always stand before what they cause, so the records of a run are a graph without cycles. Towards
//! the causes it is walked step by step, reading only the blocks on the way; towards the effects the
//! causes of all later records are read once.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::record::{Body, CrashKind, Known, Part};

use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// Which way to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// To what the record follows from.
    Causes,
    /// To what follows from the record.
    Effects,
}

/// What is asked of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// About which record or part.
    pub what: Ref,
    /// Which way to look.
    pub direction: Direction,
    /// JSON lines with everything, instead of a tree.
    pub json: bool,
}

/// A record and its relatives in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    /// The record, or the part of it, that was asked about.
    pub of: Ref,
    /// Which way they lie.
    pub direction: Direction,
    /// The relatives by seq; the record itself is among them, at distance 0.
    pub members: BTreeMap<u64, Member>,
    /// True if there may be more: the walk ended at its bound.
    pub more: bool,
}

/// One of a [`Family`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Member {
    /// Steps to the record that was asked about, the fewest that there are.
    pub distance: u32,
    /// The next relatives, further from it: causes as the record names them, or the records that name it.
    pub next: Vec<Ref>,
    /// The relative one step nearer to it, by which the distance is counted; its own seq at distance 0.
    pub towards: u64,
    /// What came into the run with this record; always `None` towards the effects.
    pub source: Option<Source>,
}

/// What a record brought into the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// An answer of the world to a guest, what somebody decided or sent, or what the world did to what the run wrote or to a
    /// call.
    World,
    /// A process began the run, took it up, was told to let it go, to let it stand still or to go on, or erased payloads of it.
    Run,
}

/// What came in with a record.
#[must_use]
pub fn source(body: &Body) -> Option<Source> {
    match body {
        Body::Genesis(_)
        | Body::Forked(_)
        | Body::Resumed(_)
        | Body::Stopping(_)
        | Body::Suspended(_)
        | Body::Waiting(_)
        | Body::Paused(_)
        | Body::Continued(_)
        | Body::Pruned(_) => Some(Source::Run),
        Body::Confirmed(_)
        | Body::Decided(_)
        | Body::Retried(_)
        | Body::Discarded(_)
        | Body::Received(_) => Some(Source::World),
        Body::Outcome(body) => {
            matches!(body.how, Known::Answered | Known::Made).then_some(Source::World)
        }
        Body::Crashed(body) if matches!(body.crash.kind, CrashKind::Timeout | CrashKind::Write) => {
            Some(Source::World)
        }
        body => {
            let answered = |part: &Part| matches!(part, Part::Answer { .. });
            body.parts().iter().any(answered).then_some(Source::World)
        }
    }
}

/// What `of` follows from: about `most` of the nearest records, all of them if there are fewer.
///
/// # Errors
/// If the log cannot be read.
pub fn causes<S: Store>(
    journal: &Journal<S>,
    of: Ref,
    most: usize,
) -> Result<Family, JournalError> {
    let mut near = journal.nearby();
    let mut members = BTreeMap::new();
    let root = Member { towards: of.seq, ..Member::default() };
    members.insert(of.seq, root);
    let (mut queue, mut more) = (VecDeque::from([of.seq]), false);
    while let Some(seq) = queue.pop_front() {
        // What a fork follows from beyond its first record stands in its parent.
        if seq < journal.first() {
            continue;
        }
        let record = near.record(seq)?;
        let (next, source) = (record.causes, source(&record.body));
        let distance = members.get(&seq).map_or(0, |member| member.distance);
        for cause in &next {
            if members.contains_key(&cause.seq) {
                continue;
            }
            if members.len() >= most {
                more = true;
                continue;
            }
            let member = Member { distance: distance + 1, towards: seq, ..Member::default() };
            members.insert(cause.seq, member);
            queue.push_back(cause.seq);
        }
        if let Some(member) = members.get_mut(&seq) {
            (member.next, member.source) = (next, source);
        }
    }
    Ok(Family { of, direction: Direction::Causes, members, more })
}

/// What follows from `of`, all of it. Of a part, only what names that part or the record as a whole.
///
/// # Errors
/// If the log cannot be read.
pub fn effects<S: Store>(journal: &Journal<S>, of: Ref) -> Result<Family, JournalError> {
    let mut members = BTreeMap::new();
    let root = Member { towards: of.seq, ..Member::default() };
    members.insert(of.seq, root);
    for link in journal.links(of.seq.saturating_add(1))? {
        let link = link?;
        let mut nearest: Option<(u32, u64)> = None;
        for cause in link.causes {
            let of_another_part = cause.seq == of.seq
                && of.part.is_some()
                && cause.part.is_some()
                && cause.part != of.part;
            let Some(parent) = members.get_mut(&cause.seq).filter(|_| !of_another_part) else {
                continue;
            };
            if parent.next.last().is_none_or(|last: &Ref| last.seq != link.seq) {
                // Most lead to one record, and there may be a million of them.
                if parent.next.len() < 2 {
                    parent.next.reserve_exact(1);
                }
                parent.next.push(Ref::record(link.seq));
            }
            let distance = (parent.distance + 1, cause.seq);
            nearest = Some(nearest.map_or(distance, |known| known.min(distance)));
        }
        if let Some((distance, towards)) = nearest {
            members.insert(link.seq, Member { distance, towards, ..Member::default() });
        }
    }
    Ok(Family { of, direction: Direction::Effects, members, more: false })
}

impl Family {
    /// The shortest way from something that came into the run to the record, in that order, without the
    /// record. What the world said counts before the run's own beginning. `None` if nothing is at hand.
    #[must_use]
    pub fn shortest(&self) -> Option<Vec<u64>> {
        let came = |wanted: Source| {
            let members = self.members.iter().filter(|(_, member)| member.source == Some(wanted));
            members.min_by_key(|(seq, member)| (member.distance, u64::MAX - **seq))
        };
        let (first, _) = came(Source::World).or_else(|| came(Source::Run))?;
        let mut way = vec![*first];
        let mut at = *first;
        while let Some(member) = self.members.get(&at).filter(|member| member.distance > 0) {
            at = member.towards;
            way.push(at);
        }
        way.pop();
        Some(way)
    }
}
