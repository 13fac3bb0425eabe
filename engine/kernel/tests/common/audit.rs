//! What must hold of every log.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{PortId, Ref};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{
    Body, Consumed, DeadLetterReason, End, Entry, Part, Payload, Resolved, Transaction,
};
use theater_flow_kernel::state::{Life, State};

/// Checks a log of a run of `plan`, from its first record on.
pub(crate) fn audit(plan: &Arc<Plan>, entries: &[Arc<Entry>]) {
    entries.iter().enumerate().for_each(|(nth, entry)| one(entries, nth, entry));
    bounds(plan, entries);
    channels(plan, entries);
}

fn one(entries: &[Arc<Entry>], nth: usize, entry: &Entry) {
    assert_eq!(entry.seq, nth as u64);
    assert!(nth == 0 || entries[nth - 1].at <= entry.at, "time goes back at {nth}");
    assert_eq!(entry.causes.is_empty(), nth == 0, "{nth}: {entry:?}");
    for cause in &entry.causes {
        assert!(cause.seq < entry.seq, "{nth} is caused by {cause}");
        let parts = entries[nth_of(cause.seq)].body.parts().len();
        assert!(
            cause.part.is_none_or(|part| nth_of(part.into()) < parts),
            "{nth}: no part {cause}"
        );
    }
    let committed: Vec<Payload> = entry.body.payloads().copied().collect();
    let bytes = entry.payloads.iter().map(|bytes| Payload::commit(&entry.salt, bytes));
    assert_eq!(committed, bytes.collect::<Vec<_>>(), "payloads of {nth}");
    if entry.payloads.is_empty() {
        assert_eq!(entry.salt, [0; 16]);
    }
}

fn nth_of(seq: u64) -> usize {
    usize::try_from(seq).expect("small logs")
}

/// Every queue keeps its bound at every record.
fn bounds(plan: &Arc<Plan>, entries: &[Arc<Entry>]) {
    let mut state = State::new(Arc::clone(plan));
    for entry in entries {
        fold(&mut state, entry);
        state.touched.clear();
        for output in plan.agents.iter().flat_map(|agent| &agent.outputs) {
            let route = state.routes.output(output.port).expect("a port of the plan");
            for reader in &route.readers {
                let len = state.agent(reader.agent).queues[reader.queue].items.len();
                let places = if reader.feedback {
                    limits::FEEDBACK_MESSAGES as usize
                } else {
                    output.capacity as usize
                };
                let bound = places + limits::EMISSIONS_PER_EVENT as usize;
                assert!(len <= bound, "{len} at {reader:?} after {}", entry.seq);
            }
        }
    }
}

/// By channel and reader: what was emitted is what was handled and set aside, in this order, or dropped, and
/// nothing twice; all of it, if the reader ended by itself.
fn channels(plan: &Arc<Plan>, entries: &[Arc<Entry>]) {
    let mut emitted: BTreeMap<PortId, Vec<Ref>> = BTreeMap::new();
    let ports: BTreeMap<Ref, PortId> = emissions(entries).collect();
    for (id, port) in &ports {
        emitted.entry(*port).or_default().push(*id);
    }
    let mut taken: BTreeMap<(PortId, PortId), [Vec<Ref>; 3]> = BTreeMap::new();
    let retried: Vec<&Resolved> = entries.iter().filter_map(|entry| retried(&entry.body)).collect();
    for entry in entries {
        if retried.iter().any(|retried| retried.letter == entry.seq) {
            continue;
        }
        for (fate, id, port) in fates(&entry.body) {
            // What was tried again may come after what was emitted later.
            let again = retried.iter().any(|again| (again.message, again.port) == (id, port));
            let fate = if again { Fate::Dropped } else { fate };
            if let Some(from) = ports.get(&id) {
                taken.entry((*from, port)).or_default()[fate as usize].push(id);
            }
        }
    }
    let end = super::sim::folded(State::new(Arc::clone(plan)), entries);
    let nothing = Default::default();
    for agent in &plan.agents {
        let finished = end.agent(agent.id).life == Life::Over(End::Finished);
        for input in &agent.inputs {
            let feedback = input.feedback.iter().map(|edge| edge.from);
            for from in input.from.iter().copied().chain(feedback) {
                let sent = emitted.get(&from).map_or(&[][..], Vec::as_slice);
                let got = taken.get(&(from, input.port)).unwrap_or(&nothing);
                let what = format!("{from:?} to {}: sent {sent:?}, took {got:?}", agent.name);
                one_channel(sent, got, &what);
                let count = got.iter().map(Vec::len).sum::<usize>();
                assert!(!finished || count == sent.len(), "lost: {what}");
            }
        }
    }
}

fn one_channel(sent: &[Ref], got: &[Vec<Ref>; 3], what: &str) {
    let [taken, spilled, dropped] = got;
    assert!(taken.is_sorted() && spilled.is_sorted(), "order: {what}");
    let mut all = got.concat();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "twice: {what}");
    if spilled.is_empty() && dropped.is_empty() {
        assert!(sent.starts_with(&all), "out of order: {what}");
    } else {
        assert!(all.iter().all(|id| sent.binary_search(id).is_ok()), "from nowhere: {what}");
    }
}

fn retried(body: &Body) -> Option<&Resolved> {
    match body {
        Body::Retried(body) => Some(body),
        _ => None,
    }
}

/// What became of a message.
#[derive(Clone, Copy)]
enum Fate {
    /// It was handled, or set aside because it could not be.
    Taken,
    /// It was set aside for want of a place, or a round too many.
    Spilled,
    /// It was dropped, or was a dead letter before.
    Dropped,
}

fn fates(body: &Body) -> Vec<(Fate, Ref, PortId)> {
    match body {
        Body::Transaction(Transaction { consumed: Consumed::Message { id, port }, .. }) => {
            vec![(Fate::Taken, *id, *port)]
        }
        Body::DeadLettered(body) => {
            use DeadLetterReason::{Closed, Overflow, Rounds};
            let spilled = matches!(body.why, Overflow | Rounds | Closed);
            let fate = if spilled { Fate::Spilled } else { Fate::Taken };
            vec![(fate, body.message, body.port)]
        }
        Body::Dropped(body) => {
            body.messages.iter().map(|id| (Fate::Dropped, *id, body.port)).collect()
        }
        _ => Vec::new(),
    }
}

fn emissions(entries: &[Arc<Entry>]) -> impl Iterator<Item = (Ref, PortId)> + '_ {
    entries.iter().filter(|entry| matches!(entry.body, Body::Transaction(_))).flat_map(|entry| {
        let parts = (0_u32..).zip(entry.body.parts());
        parts.filter_map(|(nth, part)| match part {
            Part::Emission { port, .. } => Some((Ref::part(entry.seq, nth), *port)),
            _ => None,
        })
    })
}
