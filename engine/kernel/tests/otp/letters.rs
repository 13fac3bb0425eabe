//! Whatever happens to those who send and read them, messages are handled once and in order, or are accounted for.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::ids::{PortId, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Consumed, DeadLetterReason, End, Entry, Part};

/// What became of the messages of one channel and one reader, by kind.
#[derive(Default)]
struct Fates {
    handled: Vec<Ref>,
    set_aside: Vec<Ref>,
    dropped: Vec<Ref>,
}

/// Checks the whole log of a run.
pub(crate) fn check(plan: &Plan, entries: &[Arc<Entry>]) -> Result<(), String> {
    let mut sent: BTreeMap<PortId, Vec<Ref>> = BTreeMap::new();
    let mut fates: BTreeMap<PortId, Fates> = BTreeMap::new();
    let mut ended_well = vec![false; plan.agents.len()];
    for entry in entries {
        for (nth, part) in (0_u32..).zip(entry.body.parts()) {
            if let (Part::Emission { port, .. }, Body::Transaction(_)) = (part, &entry.body) {
                sent.entry(*port).or_default().push(Ref::part(entry.seq, nth));
            }
        }
        match &entry.body {
            Body::Transaction(body) => {
                if let Consumed::Message { id, port } = body.consumed {
                    fates.entry(port).or_default().handled.push(id);
                }
            }
            Body::DeadLettered(body) => {
                let fates = fates.entry(body.port).or_default();
                match body.why {
                    // Those that are left are set aside in their order, after all that was handled.
                    DeadLetterReason::Ended => fates.handled.push(body.message),
                    _ => fates.set_aside.push(body.message),
                }
            }
            Body::Dropped(body) => {
                fates.entry(body.port).or_default().dropped.extend(&body.messages);
            }
            Body::Ended(body) => {
                let well = matches!(body.how, End::Done | End::Finished);
                ended_well[body.agent.index()] = well;
            }
            _ => {}
        }
    }
    for (agent, input) in plan.agents.iter().flat_map(|a| a.inputs.iter().map(move |i| (a, i))) {
        let sent = input.from.iter().filter_map(|port| sent.get(port)).flatten();
        let fates = fates.remove(&input.port).unwrap_or_default();
        let left = ended_well[agent.id.index()];
        one_input(sent.copied().collect(), fates, left)
            .map_err(|error| format!("{}: {error}", agent.name))?;
    }
    Ok(())
}

/// `left` is true if the reader ended well, and may have left messages unread.
fn one_input(mut sent: Vec<Ref>, fates: Fates, left: bool) -> Result<(), String> {
    let Fates { handled, set_aside, dropped } = fates;
    if !handled.is_sorted() {
        return Err(format!("out of order: {handled:?}"));
    }
    let mut all = [handled, set_aside, dropped].concat();
    all.sort_unstable();
    sent.sort_unstable();
    if all.windows(2).any(|two| two[0] == two[1]) {
        return Err(format!("twice: {all:?}"));
    }
    if let Some(unknown) = all.iter().find(|id| sent.binary_search(id).is_err()) {
        return Err(format!("{unknown} was never sent"));
    }
    let lost = sent.iter().find(|id| all.binary_search(id).is_err());
    lost.filter(|_| !left).map_or(Ok(()), |id| Err(format!("{id} is lost")))
}
