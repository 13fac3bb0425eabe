//! Runs every recorded guest call of a run again, with the recorded answers and without touching the
//! world, and compares what the guests do: emissions, staged writes, fuel, snapshots.

use std::collections::HashMap;
use std::sync::Arc;

use theater_flow_host::Instance;
use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Body, Consumed, Entry, Incarnation, Snapshot};
use theater_flow_kernel::state::State;
use theater_flow_kernel::work::Redo;

use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Crew;

/// Where a replay first differed from the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The record.
    pub seq: u64,
    /// Whose call it was.
    pub agent: AgentId,
    /// How it differed.
    pub message: String,
}

/// What a replay did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Records looked at.
    pub records: u64,
    /// Guest calls made again.
    pub calls: u64,
    /// The first difference, where the replay stopped.
    pub difference: Option<Difference>,
}

/// A world that is not there: whatever asks it is a leak.
pub struct NoWorld;

impl World for NoWorld {
    fn now_ms(&mut self) -> u64 {
        0
    }

    fn random(&mut self, _len: u32) -> Vec<u8> {
        Vec::new()
    }

    fn salt(&mut self) -> Salt {
        Salt::default()
    }

    fn read(&mut self, _at: &Located<'_>, _offset: u64, _len: u32) -> Result<Vec<u8>, FileError> {
        Err(nothing())
    }

    fn stat(&mut self, _at: &Located<'_>) -> Result<Stat, FileError> {
        Err(nothing())
    }

    fn list(&mut self, _at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        Err(nothing())
    }

    fn claim(&mut self, _at: &Located<'_>, _replace: bool) -> Result<Claimed, FileError> {
        Err(nothing())
    }

    fn stdin(&mut self, _len: u32) -> Result<Vec<u8>, StdinError> {
        Err(StdinError::Interrupted)
    }
}

fn nothing() -> FileError {
    FileError::new(FileErrorCode::Io, "a replay has no files")
}

/// Runs a log again, up to its first difference. `crew` makes instances in [`NoWorld`].
///
/// # Errors
/// If the log cannot be read.
pub fn replay<S: Store>(journal: &Journal<S>, crew: &Crew) -> Result<Replayed, RecoverError> {
    let plan = recover::plan(journal)?;
    let mut again =
        Again { crew, state: State::new(plan), live: HashMap::new(), did: Replayed::default() };
    for entry in recover::entries(journal, 0)? {
        let entry = Arc::new(entry?);
        if let Some(message) = again.call(&entry) {
            let agent = entry.body.agent().unwrap_or(AgentId(0));
            again.did.difference = Some(Difference { seq: entry.seq, agent, message });
            break;
        }
        fold(&mut again.state, &entry);
        again.state.touched.clear();
        again.did.records += 1;
    }
    Ok(again.did)
}

/// A replay under way.
struct Again<'a> {
    crew: &'a Crew,
    state: State,
    live: HashMap<AgentId, Instance>,
    did: Replayed,
}

impl Again<'_> {
    /// Makes the guest call of a record, and says how it differed.
    fn call(&mut self, entry: &Arc<Entry>) -> Option<String> {
        match &entry.body {
            Body::Incarnation(body) => self.begin(body),
            Body::Transaction(body) => self.handle(entry, body.by.agent, &body.consumed),
            Body::Faulted(body) => self.handle(entry, body.by.agent, &body.consumed),
            Body::Crashed(body) => {
                let consumed = body.consumed.as_ref();
                let differs =
                    consumed.and_then(|consumed| self.handle(entry, body.by.agent, consumed));
                self.live.remove(&body.by.agent);
                differs
            }
            Body::Snapshot(body) => self.snapshot(entry, body),
            Body::Ended(body) => {
                self.live.remove(&body.agent);
                None
            }
            _ => None,
        }
    }

    fn begin(&mut self, body: &Incarnation) -> Option<String> {
        let begin = desk::begin(self.state.agent(body.agent));
        self.did.calls += 1 + begin.redo.len() as u64;
        let (instance, outcome) = self.crew.begin(body.agent, &begin);
        let outcome = outcome?;
        if let Some(crash) = outcome.crash {
            return Some(crash.message);
        }
        if outcome.call.fuel != body.fuel {
            return Some(format!(
                "`init` took {} fuel, the record says {}",
                outcome.call.fuel, body.fuel
            ));
        }
        self.live.extend(instance.map(|instance| (body.agent, instance)));
        None
    }

    fn handle(&mut self, entry: &Arc<Entry>, id: AgentId, consumed: &Consumed) -> Option<String> {
        let Some(event) = desk::event(self.state.agent(id), consumed) else {
            return Some(format!("the event {consumed:?} is not waiting at this point"));
        };
        let Some(instance) = self.live.get_mut(&id) else {
            return Some(String::from("the agent has no instance at this point"));
        };
        self.did.calls += 1;
        perform::again(instance, &Redo { event, entry: Arc::clone(entry) })
            .map(|crash| crash.message)
    }

    fn snapshot(&mut self, entry: &Arc<Entry>, body: &Snapshot) -> Option<String> {
        let Some(instance) = self.live.get_mut(&body.agent) else {
            return Some(String::from("the agent has no instance at this point"));
        };
        self.did.calls += 1;
        let taken = perform::snapshot(instance)?;
        match taken.state {
            Err(crash) => Some(crash.message),
            Ok((_, bytes)) if Some(&bytes) != entry.payloads.last() => {
                Some(String::from("the snapshot has other bytes"))
            }
            Ok(_) if taken.trace.fuel != body.fuel => Some(format!(
                "the snapshot took {} fuel, the record says {}",
                taken.trace.fuel, body.fuel
            )),
            Ok(_) => None,
        }
    }
}
