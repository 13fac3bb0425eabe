//! One agent in a replay: its instance, and how what it does compares with the record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Body, Crash, CrashKind, Entry, Origin};
use theater_flow_kernel::work::{Begin, Event, Guest as _, Redo};

use super::Replay;
use super::reading::{Deed, Job};
use crate::workers::Troupe;

/// What is said of a decision that does not follow from what was recorded before it.
const OTHERWISE: &str = "by what the records before it say, the supervisor decides otherwise here";

/// An agent's side of a replay.
pub(super) struct Lane<T: Troupe> {
    id: AgentId,
    instance: Option<T::Guest>,
    /// The instance is as it was in the run, and is to hand over to one that is not.
    early: bool,
    /// It has come to where it is another way than in the run: its fuel may differ.
    inexact: bool,
    /// It has differed, and what it keeps in mind cannot be compared any more.
    over: bool,
    pub(super) calls: u64,
    pub(super) skipped: u64,
    /// Where it differed, the first in words.
    pub(super) found: Option<Found>,
}

/// Where an agent differed from the record.
pub(super) struct Found {
    /// The first record.
    pub(super) seq: u64,
    /// See [`Job::nth`].
    pub(super) nth: u64,
    /// How it differed there.
    pub(super) message: String,
    /// Further records whose calls differ.
    pub(super) also: Vec<u64>,
}

impl<T: Troupe> Lane<T> {
    pub(super) fn new(id: AgentId) -> Self {
        let (instance, found) = (None, None);
        let (early, inexact, over) = (false, false, false);
        Self { id, instance, early, inexact, over, calls: 0, skipped: 0, found }
    }

    /// Does it. True if it differs from the record.
    pub(super) fn perform(&mut self, job: Job, replay: &Replay<'_, T>) -> bool {
        let Job { seq, deed, anew, nth } = job;
        if self.over {
            self.skipped += u64::from(deed.calls() > 0);
            return false;
        }
        let broken = || Some(String::from("the engine failed at this call"));
        let done = catch_unwind(AssertUnwindSafe(|| {
            if self.instance.is_none()
                && let Some(anew) = anew.filter(|_| self.found.is_some())
            {
                self.instance = self.bring(&anew, replay).ok();
            }
            match replay.before.filter(|_| seq < replay.span.from) {
                Some(before) => self.precede(deed, before),
                None => self.hand_over(seq, replay).or_else(|| self.compare(deed, replay)),
            }
        }));
        let Some(message) = done.unwrap_or_else(|_| broken()) else { return false };
        self.instance = None;
        self.over = !replay.span.stateless.contains(&self.id);
        match &mut self.found {
            Some(found) => found.also.push(seq),
            None => self.found = Some(Found { seq, nth, message, also: vec![] }),
        }
        true
    }

    /// Does it, and says how it differs.
    fn compare(&mut self, deed: Deed, replay: &Replay<'_, T>) -> Option<String> {
        match deed {
            Deed::Enter(begin) => self.enter(&begin, replay),
            Deed::Begin(begin, entry) => self.begin(&begin, &entry, replay),
            Deed::Handle(event, entry) => {
                let message = self.handle(event, &entry);
                // A crash ends the life, and so does an ask.
                if matches!(entry.body, Body::Crashed(_) | Body::Intent(_)) {
                    self.instance = None;
                }
                message
            }
            Deed::Snapshot(entry) => self.snapshot(&entry, replay),
            Deed::Migrate(begin, from, state) => self.migrate(&begin, (&from, &state), replay),
            Deed::End => {
                self.instance = None;
                None
            }
            Deed::Otherwise => Some(String::from(OTHERWISE)),
        }
    }

    fn enter(&mut self, begin: &Begin, replay: &Replay<'_, T>) -> Option<String> {
        self.inexact = true;
        match self.bring(begin, replay) {
            Ok(instance) => {
                self.instance = Some(instance);
                None
            }
            Err(crash) => Some(crash.message),
        }
    }

    fn bring(&mut self, begin: &Begin, replay: &Replay<'_, T>) -> Result<T::Guest, Crash> {
        self.calls += 1 + begin.redo.len() as u64;
        bring(self.id, begin, replay)
    }

    /// Does what comes before the span, as it was done.
    fn precede(&mut self, deed: Deed, before: &T) -> Option<String> {
        self.early = true;
        self.calls += deed.calls();
        match deed {
            Deed::Enter(begin) | Deed::Begin(begin, _) => {
                self.instance = come(self.id, &begin, before).ok();
            }
            Deed::Handle(Some(event), entry) => {
                let redo = Redo { event, entry: Arc::clone(&entry) };
                let crash = self.instance.as_mut().and_then(|old| perform::alike(old, &redo));
                if matches!(entry.body, Body::Crashed(_) | Body::Intent(_)) {
                    self.instance = None;
                }
                return crash.map(|crash| not_again(&crash).message);
            }
            Deed::Snapshot(entry) => {
                let taken = self.instance.as_mut().and_then(perform::snapshot);
                if matches!(entry.body, Body::Crashed(_)) || taken.is_none() {
                    self.instance = None;
                }
            }
            Deed::Handle(None, _) | Deed::Migrate(..) | Deed::End => self.instance = None,
            Deed::Otherwise => {}
        }
        None
    }

    /// The span begins: another instance goes on with what the one has in mind that is as it was.
    fn hand_over(&mut self, seq: u64, replay: &Replay<'_, T>) -> Option<String> {
        if !std::mem::take(&mut self.early) {
            return None;
        }
        let mut old = self.instance.take()?;
        self.inexact = true;
        self.calls += 2;
        match succeed(self.id, &mut old, (vec![], replay.crew)) {
            Ok(instance) => {
                self.instance = Some(instance);
                None
            }
            Err(crash) => Some(format!("before record {seq}: {}", crash.message)),
        }
    }

    fn begin(&mut self, begin: &Begin, entry: &Entry, replay: &Replay<'_, T>) -> Option<String> {
        self.instance = None;
        if !replay.ends_at_first() {
            let failed = self.enter(begin, replay);
            return failed.filter(|_| matches!(entry.body, Body::Incarnation(_)));
        }
        self.inexact = false;
        self.calls += 1 + begin.redo.len() as u64;
        let (instance, life) = replay.crew.begin(self.id, begin);
        let life = life?;
        match (&entry.body, life.crash) {
            (Body::Incarnation(body), None) => {
                self.instance = instance;
                let (now, then) = (life.call.fuel, body.fuel);
                (now != then).then(|| format!("`init` took {now} fuel, the record says {then}"))
            }
            (Body::Crashed(_), Some(crash)) if crash.kind == CrashKind::Init => None,
            (_, Some(crash)) => Some(crash.message),
            (_, None) => Some(String::from("its life failed to begin, and now it begins")),
        }
    }

    fn handle(&mut self, event: Option<Event>, entry: &Arc<Entry>) -> Option<String> {
        let Some(event) = event else {
            return Some(String::from("the event that it names is not waiting at this point"));
        };
        let Some(instance) = self.instance.as_mut() else {
            // Time can run out for one that was not alive.
            let late =
                matches!(&entry.body, Body::Crashed(body) if body.crash.kind == CrashKind::Timeout);
            let message = || String::from("the agent has no instance at this point");
            return (!late).then(message);
        };
        self.calls += 1;
        let redo = Redo { event, entry: Arc::clone(entry) };
        let crash = if self.inexact {
            perform::alike(instance, &redo)
        } else {
            perform::again(instance, &redo)
        };
        crash.map(|crash| crash.message)
    }

    /// The component that the agent goes on with makes the state that there was its own.
    fn migrate(
        &mut self,
        begin: &Begin,
        (from, state): (&str, &[u8]),
        replay: &Replay<'_, T>,
    ) -> Option<String> {
        self.instance = None;
        if !replay.ends_at_first() {
            // What another component makes of it is its own.
            return None;
        }
        self.calls += 1;
        match replay.crew.migrate(self.id, begin, from) {
            Some(Ok(now)) if *now == *state => None,
            Some(Ok(_)) => Some(String::from("`migrate` gives other bytes")),
            Some(Err(crash)) => Some(crash.message),
            None => Some(String::from("the component has no `migrate` any more")),
        }
    }

    fn snapshot(&mut self, entry: &Entry, replay: &Replay<'_, T>) -> Option<String> {
        let Some(instance) = self.instance.as_mut() else {
            return Some(String::from("the agent has no instance at this point"));
        };
        self.calls += 1;
        let taken = perform::snapshot(instance)?;
        let body = match (&entry.body, &taken.state) {
            (Body::Snapshot(body), Ok(_)) => body,
            (Body::Crashed(then), Err(now)) if then.crash.kind == now.kind => {
                self.instance = None;
                return None;
            }
            (Body::Crashed(_), Ok(_)) => {
                return Some(String::from("the snapshot crashed, and now it is taken"));
            }
            (_, Err(crash)) => return Some(crash.message.clone()),
            (_, Ok(_)) => return None,
        };
        match &taken.state {
            // What another component or config keeps in mind is its own.
            _ if !replay.ends_at_first() => None,
            Ok((_, bytes)) if Some(bytes) != entry.payloads.last() => {
                Some(String::from("the snapshot has other bytes"))
            }
            _ if !self.inexact && taken.trace.fuel != body.fuel => Some(format!(
                "the snapshot took {} fuel, the record says {}",
                taken.trace.fuel, body.fuel
            )),
            _ => None,
        }
    }
}

/// A new instance that has done what the agent has done so far, whatever fuel that took. What comes before the span
/// is done as it was, if the agent is another now.
pub(super) fn bring<T: Troupe>(
    id: AgentId,
    begin: &Begin,
    replay: &Replay<'_, T>,
) -> Result<T::Guest, Crash> {
    let early = begin.redo.partition_point(|redo| redo.entry.seq < replay.span.from);
    let Some(before) = replay.before.filter(|_| early > 0) else {
        return come(id, begin, replay.crew);
    };
    let (early, late) = begin.redo.split_at(early);
    let begin = Begin { redo: early.to_vec(), ..begin.clone() };
    let mut old = come(id, &begin, before).map_err(|crash| not_again(&crash))?;
    succeed(id, &mut old, (late.to_vec(), replay.crew))
}

/// A new instance that has done what the agent has done so far, all by itself.
fn come<T: Troupe>(id: AgentId, begin: &Begin, crew: &T) -> Result<T::Guest, Crash> {
    let alone = Begin { redo: vec![], ..begin.clone() };
    let (instance, life) = crew.begin(id, &alone);
    let mut instance = match (life.and_then(|life| life.crash), instance) {
        (Some(crash), _) => return Err(crash),
        (None, Some(instance)) => instance,
        (None, None) => {
            let message = String::from("the call was interrupted");
            return Err(Crash { kind: CrashKind::Init, message });
        }
    };
    match begin.redo.iter().find_map(|redo| perform::alike(&mut instance, redo)) {
        Some(crash) => Err(crash),
        None => Ok(instance),
    }
}

/// An instance that goes on with what an old one has in mind, and does what comes after that.
fn succeed<T: Troupe>(
    id: AgentId,
    old: &mut T::Guest,
    (redo, crew): (Vec<Redo>, &T),
) -> Result<T::Guest, Crash> {
    let broken = |message| Crash { kind: CrashKind::Init, message };
    let taken = perform::snapshot(old).map(|taken| taken.state);
    let (_, saved) = match taken {
        Some(Ok(saved)) => saved,
        Some(Err(crash)) => return Err(not_again(&crash)),
        None => return Err(broken(String::from("the call was interrupted"))),
    };
    let origin = Origin::Checkpoint { snapshot: None, redone: 0 };
    let (plan, sinks) = (Arc::clone(old.gate().plan()), old.gate().sinks().clone());
    let begin = Begin { plan, origin, saved: Some(saved), redo: vec![], sinks };
    let mut new = come(id, &begin, crew).map_err(|crash| {
        let why = crash.message;
        broken(format!("it cannot go on from what it had in mind there as it was: {why}"))
    })?;
    match redo.iter().find_map(|redo| perform::alike(&mut new, redo)) {
        Some(crash) => Err(crash),
        None => Ok(new),
    }
}

/// What is not the other file's doing.
fn not_again(crash: &Crash) -> Crash {
    let why = &crash.message;
    let message = format!("as it was in the run, it does not do again what it did: {why}");
    Crash { kind: CrashKind::Divergence, message }
}
