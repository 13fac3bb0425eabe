//! What must hold of every log.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{PortId, Ref};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Consumed, Entry, Part, Payload};
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
                let bound = output.capacity as usize + limits::EMISSIONS_PER_EVENT as usize;
                assert!(len <= bound, "{len} at {reader:?} after {}", entry.seq);
            }
        }
    }
}

/// By channel and reader: what was emitted is what was handled or set aside, in this order; all of it, if the
/// reader ended by itself.
fn channels(plan: &Arc<Plan>, entries: &[Arc<Entry>]) {
    let mut emitted: BTreeMap<PortId, Vec<Ref>> = BTreeMap::new();
    let mut taken: BTreeMap<(PortId, PortId), Vec<Ref>> = BTreeMap::new();
    let ports: BTreeMap<Ref, PortId> = emissions(entries).collect();
    for (id, port) in &ports {
        emitted.entry(*port).or_default().push(*id);
    }
    for entry in entries {
        let message = match &entry.body {
            Body::Transaction(body) => match body.consumed {
                Consumed::Message { id, port } => Some((id, port)),
                _ => None,
            },
            Body::DeadLettered(body) => Some((body.message, body.port)),
            _ => None,
        };
        if let Some((id, port)) = message
            && let Some(from) = ports.get(&id)
        {
            taken.entry((*from, port)).or_default().push(id);
        }
    }
    let end = super::sim::folded(State::new(Arc::clone(plan)), entries);
    for agent in &plan.agents {
        for input in &agent.inputs {
            for from in &input.from {
                let sent = emitted.get(from).map_or(&[][..], Vec::as_slice);
                let got = taken.get(&(*from, input.port)).map_or(&[][..], Vec::as_slice);
                assert!(
                    sent.starts_with(got),
                    "{from:?} to {}: sent {sent:?}, took {got:?}",
                    agent.name
                );
                let finished = Life::Over(theater_flow_kernel::record::End::Finished);
                if end.agent(agent.id).life == finished {
                    assert_eq!(sent.len(), got.len(), "{from:?} to {}: lost", agent.name);
                }
            }
        }
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
