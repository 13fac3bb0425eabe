//! Begins the log of a fork. A process takes it up as it takes up any run that nobody runs.

use theater_flow_host::Host;
use theater_flow_kernel::ids::{AgentId, Digest, Ref, RunId, Salt};
use theater_flow_kernel::record::{
    Body, Checkpoint, Entry, Forked, Genesis, Given, Lineage, Payload,
};
use theater_flow_kernel::state::Stand;

use super::components::{components, keep_components};
use super::{Place, SessionError, facts, new_head, now_ms};
use crate::driver::Clock as _;
use crate::fork::{Fork, Point};
use crate::head::{Head, Parent, Reloads};
use crate::journal::{Commit, Flushed, Journal};
use crate::session::RealClock;
use crate::store::SledStore;

/// Makes the log of a run that goes on from `point`: its first record, the plan, and the state that it takes over.
///
/// # Panics
/// Never: plans are plain data.
///
/// # Errors
/// If the log cannot be made, or a component is not to be found.
pub fn begin_fork(
    place: &Place,
    (point, fork): (&Point, &Fork),
    run: RunId,
    host: &Host,
) -> Result<(), SessionError> {
    keep_components(place, &fork.plan)?;
    let plan = postcard::to_allocvec(&fork.plan).expect("plans are plain data");
    let state = fork.state.to_checkpoint();
    let components = components(&fork.plan).into_iter().collect();
    let genesis = Genesis { run, plan: Digest::of(&plan), engine: facts(host), components };
    let entry = first_record(point, fork, (genesis, &state));
    let head = Head {
        status: String::from("suspended"),
        reloads: Reloads::default(),
        parent: Some(Parent { run: point.run.to_string(), seq: point.flushed.seq - 1 }),
        ..new_head(run, &fork.plan, Flushed::default(), None)
    };
    // As for any other run: there is no log without a head.
    head.write(&place.folder)?;
    let store = SledStore::create(&place.folder.join("db"))?;
    let mut journal = Journal::create_after(store, point.flushed)?;
    let Flushed { seq, head: hash } = journal.commit(Commit {
        entries: &[entry.into()],
        checkpoint: Some(&state),
        plan: Some(&plan),
    })?;
    Ok(Head { seq, head: hash, at: now_ms(), ..head }.write(&place.folder)?)
}

/// Under which keys requests go out that were the parent's: no other record says so before they do.
fn keys(fork: &Fork, run: RunId) -> impl Iterator<Item = String> {
    let given = |id: AgentId| fork.given.iter().any(|given| given.agent == id);
    let agents = (0..).map(AgentId).zip(&fork.state.kept.agents);
    let asking = agents.filter(move |(id, agent)| !given(*id) && !agent.life.is_over());
    asking.filter_map(move |(_, agent)| {
        let asking = agent.asking.as_ref()?;
        let (key, seq) = (asking.key(Some(run)), asking.intent.seq);
        let same = asking.intent().is_none_or(|intent| intent.key == key);
        let answered = matches!(asking.stand, Stand::Answered { .. });
        (!same && !answered).then(|| format!("request {seq} goes out under the key {key}"))
    })
}

fn first_record(point: &Point, fork: &Fork, (genesis, state): (Genesis, &[u8])) -> Entry {
    let seq = point.flushed.seq;
    let salt = if fork.given.is_empty() { Salt::default() } else { RealClock::after(0).salt() };
    let given = fork.given.iter().map(|given| Given {
        of: given.of,
        agent: given.agent,
        answer: Payload::commit(&salt, &given.answer),
    });
    let lineage = Lineage {
        parent: point.run,
        seq: seq - 1,
        hash: point.flushed.head,
        state: Checkpoint { upto: seq, digest: Digest::of(state), len: state.len() as u64 },
        changed: fork.changed.iter().cloned().chain(keys(fork, genesis.run)).collect(),
        given: given.collect(),
    };
    let payloads = fork.given.iter().map(|given| given.answer.clone()).collect();
    let body = Body::Forked(Box::new(Forked { genesis, lineage }));
    let at = now_ms().max(point.state.kept.now);
    Entry { seq, at, causes: vec![Ref::record(seq - 1)], body, salt, payloads }
}
