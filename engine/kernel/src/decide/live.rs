//! What somebody does to a run that goes on: it stands still, goes on, or gets a message from outside.

use alloc::vec;
use core::fmt;

use super::Draft;
use crate::desk::Desk;
use crate::ids::{AgentId, Bytes, PortId, Salt};
use crate::limits;
use crate::plan::{Agent, Restart};
use crate::record::{Body, Continued, Next, Paused, Payload, Person, Received};
use crate::state::{InputRoute, Phase, State};

/// Somebody wants a run to stand still.
pub(super) fn paused(state: &State, by: Option<Person>) -> Option<Draft> {
    let goes_on = state.kept.phase == Phase::Running && !state.kept.paused && !state.is_ending();
    goes_on.then(|| Draft::new(vec![state.last()], Body::Paused(Paused { by })))
}

/// Somebody wants it to go on.
pub(super) fn continued(state: &State, by: Option<Person>) -> Option<Draft> {
    state.kept.paused.then(|| Draft::new(vec![state.last()], Body::Continued(Continued { by })))
}

/// Why a message from outside is not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoWayIn {
    /// The run stops, or comes to its end.
    Ending,
    /// The agent has ended, or has answered that it is done.
    Ended,
    /// There is no such input.
    NoInput,
    /// All who sent to the input have ended, so that the agent is told, or was, that no more will come.
    Closed,
    /// So many messages wait there, which are all that may.
    Full(u32),
}

impl fmt::Display for NoWayIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ending => f.write_str("the run comes to its end"),
            Self::Ended => f.write_str("the agent has ended"),
            Self::NoInput => f.write_str("the pipeline has no such input any more"),
            Self::Closed => f.write_str(
                "all who sent to this input have ended, and the agent is told that no more comes",
            ),
            Self::Full(places) => write!(f, "its {places} places are taken"),
        }
    }
}

/// Whether a message from outside can be put into the mailbox of an agent, behind all that is there.
///
/// # Errors
/// Why it cannot.
pub fn way_in(state: &State, desk: &Desk, (id, port): (AgentId, PortId)) -> Result<(), NoWayIn> {
    if state.kept.phase != Phase::Running || state.is_ending() {
        return Err(NoWayIn::Ending);
    }
    let input = state.routes.inputs(id).iter().zip(0..).find(|(input, _)| input.port == port);
    let (input, nth): (&InputRoute, usize) = input.ok_or(NoWayIn::NoInput)?;
    let agent = state.agent(id);
    let permanent = |plan: &Agent| plan.restart == Restart::Permanent;
    let done = agent.mode == Next::Done && !state.plan.agent(id).is_some_and(permanent);
    if agent.life.is_over() || done {
        return Err(NoWayIn::Ended);
    }
    // The news that it closes may be in a worker's hands.
    let over = |producer: &AgentId| state.agent(*producer).life.is_over();
    let fed_back = state.has_rested(id) || input.feedback.iter().all(over);
    let closes = !desk.is_lasting() && input.producers.iter().all(over) && fed_back;
    if input.is_wired() && (agent.closed[nth] || closes) {
        return Err(NoWayIn::Closed);
    }
    let queue = *input.queues.first().ok_or(NoWayIn::NoInput)?;
    let places = places(state, id, queue, input.from.first().copied().flatten());
    let taken = agent.queues.get(queue).ok_or(NoWayIn::NoInput)?.items.len();
    if taken >= places as usize { Err(NoWayIn::Full(places)) } else { Ok(()) }
}

/// How many messages may wait in a queue.
fn places(state: &State, id: AgentId, queue: usize, from: Option<PortId>) -> u32 {
    let spill = state.routes.spills(id).iter().find(|spill| spill.queue == queue);
    let spill = spill.and_then(|spill| u32::try_from(spill.places).ok());
    let route = from.and_then(|from| state.routes.output(from)).map(|route| route.capacity);
    spill.or(route).unwrap_or(limits::CAPACITY)
}

/// Somebody sends a message.
pub(super) fn received(
    state: &State,
    desk: &Desk,
    (agent, port): (AgentId, PortId),
    (value, by): (Bytes, Person),
) -> Option<Draft> {
    way_in(state, desk, (agent, port)).ok()?;
    let payload = Payload::commit(&Salt::default(), &value);
    let body = Body::Received(Received { agent, port, value: payload, by });
    // Whatever came last in the run has nothing to do with it.
    let mut draft = Draft::new(vec![state.agent(agent).last], body);
    draft.payloads.push(value);
    Some(draft)
}
