//! When a run may go over to another plan, and the record of it.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Draft;
use crate::desk::Desk;
use crate::ids::{AgentId, Bytes, PortId, Ref, Salt, SupervisorId};
use crate::input::{Offer, Proposal, Switch};
use crate::json;
use crate::plan::{Child, Plan};
use crate::record::{Body, Consumed, Move, Next, NextPlan, Payload, Proposed, Refused, Reloaded};
use crate::reload::{Again, Misfits, same_type};
use crate::state::{Phase, Stage, State};

/// Why a run cannot go over to another plan now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// It does not run, or comes to its end.
    Phase,
    /// The proposal that it is waits no more: somebody refused it, or another plan came.
    Withdrawn,
    /// Not all who lived when the process before this one ended are started again.
    Resuming,
    /// A supervisor whose children change is starting or stopping some.
    Supervisor(SupervisorId),
    /// This supervisor has ended, and in the plan somebody lives below it.
    Over(SupervisorId),
    /// An agent that is to go on as another instance, or to go, is at an event.
    Busy(AgentId),
    /// It waits for what it asked, or for somebody's decision about it.
    Asking(AgentId),
    /// What it did since its last snapshot is not in one.
    Unsaved(AgentId),
    /// It is to go, and has messages to handle.
    Unread(AgentId),
    /// It is to go, and not all that it wrote is in its place: later nobody could try again.
    Unwritten(AgentId),
    /// It is just being told that an input has closed that somebody feeds in the plan.
    Closing(AgentId),
    /// A message waits that is no value of the input's new type.
    Misfit {
        /// Whose mailbox it is in.
        agent: AgentId,
        /// The input.
        port: PortId,
        /// The message.
        message: Ref,
    },
}

/// What keeps a run from going over to this plan now; nothing if it can.
pub fn obstacle(state: &State, desk: &Desk, plan: &Plan, switch: &Switch) -> Option<Obstacle> {
    if state.kept.phase != Phase::Running {
        return Some(Obstacle::Phase);
    }
    if switch.proposal.is_some() && switch.proposal != state.proposal() {
        return Some(Obstacle::Withdrawn);
    }
    if !state.kept.to_start.is_empty() {
        return Some(Obstacle::Resuming);
    }
    let mut moved = switch.moves.iter().map(|moved| (moved.agent, moved.state.is_some()));
    let resting = moved.find_map(|(id, made)| at_rest(state, desk, (id, made))).or_else(|| {
        leaving(state, plan).find_map(|id| gone(state, desk, id, switch.leave.contains(&id)))
    });
    if resting.is_some() {
        return resting;
    }
    // It is looked at again and again while agents come to rest: what takes longer comes last.
    let again = Again::of(state, plan);
    ended_above(state, plan, &again)
        .map(Obstacle::Over)
        .or_else(|| in_motion(state, plan, &again).map(Obstacle::Supervisor))
        .or_else(|| closing(state, desk, (plan, &again)).map(Obstacle::Closing))
        .or_else(|| match switch.misfits {
            Misfits::Refuse => misfits(state, plan)
                .next()
                .map(|(agent, port, message)| Obstacle::Misfit { agent, port, message }),
            Misfits::SetAside => None,
        })
}

/// A supervisor whose children are others in the plan, or start again, and that is busy with some.
fn in_motion(state: &State, plan: &Plan, again: &Again) -> Option<SupervisorId> {
    let children = |plan: &Plan, id: SupervisorId| {
        plan.supervisors.get(id.index()).map(|supervisor| supervisor.children.clone())
    };
    let ids = state.plan.present_supervisors().map(|supervisor| supervisor.id);
    let other = |id: &SupervisorId| children(&state.plan, *id) != children(plan, *id);
    let wakes = |id: &SupervisorId| {
        let children = children(plan, *id).unwrap_or_default();
        children.iter().any(|child| matches!(child, Child::Agent(id) if again.woken.contains(id)))
    };
    let mut changed = ids.filter(|id| other(id) || wakes(id));
    changed.find(|id| {
        let still = matches!(state.stage(*id), Stage::Off | Stage::Up | Stage::Over);
        let exits = state.kept.supervisors.get(id.index()).map_or(0, |one| one.exits.len());
        !still || exits > 0
    })
}

/// A supervisor that has ended, and below which somebody would live: nobody would see to them.
fn ended_above(state: &State, plan: &Plan, again: &Again) -> Option<SupervisorId> {
    let lives = |child: &Child| match child {
        Child::Agent(id) => {
            again.woken.contains(id)
                || state.kept.agents.get(id.index()).is_some_and(|one| !one.life.is_over())
        }
        Child::Supervisor(id) => {
            let known = state.kept.supervisors.get(id.index());
            known.is_some_and(|one| one.stage != Stage::Over)
        }
    };
    let over = |id: SupervisorId| {
        state.kept.supervisors.get(id.index()).is_some_and(|one| one.stage == Stage::Over)
    };
    let mut ended = plan.present_supervisors().filter(|supervisor| over(supervisor.id));
    ended.find(|supervisor| supervisor.children.iter().any(lives)).map(|supervisor| supervisor.id)
}

/// What keeps an agent from going on as another instance. `made`: its state was made from the record.
fn at_rest(state: &State, desk: &Desk, (id, made): (AgentId, bool)) -> Option<Obstacle> {
    let agent = state.agent(id);
    let unsaved = state.plan.agent(id).is_some_and(|plan| agent.is_unsaved(plan));
    if agent.life.is_over() {
        None
    } else if desk.is_busy(id) {
        Some(Obstacle::Busy(id))
    } else if agent.asking.is_some() {
        Some(Obstacle::Asking(id))
    } else if unsaved && !made {
        Some(Obstacle::Unsaved(id))
    } else {
        None
    }
}

/// An agent that would take an input for closed that is open in the plan.
fn closing(state: &State, desk: &Desk, (plan, again): (&Plan, &Again)) -> Option<AgentId> {
    let told = |id: AgentId| {
        let asked = state.agent(id).asking.as_ref().map(|asking| &asking.consumed);
        let asked = asked.and_then(|consumed| match consumed {
            Consumed::Closed { port } => Some(*port),
            _ => None,
        });
        desk.closing(id).or(asked)
    };
    let mut stay = plan.present().filter(|agent| agent.id.index() < state.kept.agents.len());
    let told = stay.find(|agent| told(agent.id).is_some_and(|port| again.feeds(plan, agent, port)));
    told.map(|agent| agent.id)
}

/// Agents that the plan does not have.
fn leaving<'a>(state: &'a State, plan: &'a Plan) -> impl Iterator<Item = AgentId> + 'a {
    let gone = |id: &AgentId| plan.past.agents.binary_search(id).is_ok();
    state.plan.present().map(|agent| agent.id).filter(gone)
}

/// What keeps an agent from going. `leave`: what it has not handled becomes dead letters, and nobody waits for a disk.
#[must_use]
pub fn gone(state: &State, desk: &Desk, id: AgentId, leave: bool) -> Option<Obstacle> {
    let agent = state.agent(id);
    if agent.life.is_over() {
        None
    } else if desk.is_busy(id) {
        Some(Obstacle::Busy(id))
    } else if agent.asking.is_some() {
        Some(Obstacle::Asking(id))
    } else if !leave && (agent.depth() > 0 || goes_on(state, id)) {
        Some(Obstacle::Unread(id))
    } else if !leave && agent.writes_on() {
        Some(Obstacle::Unwritten(id))
    } else {
        None
    }
}

/// True if an agent that is to go has handled all that it has: it can go as soon as nobody sends it more.
#[must_use]
pub fn has_handled(state: &State, desk: &Desk, id: AgentId) -> bool {
    gone(state, desk, id, false).is_none()
}

/// True if an agent with inputs has more to send, of what it has handled.
fn goes_on(state: &State, id: AgentId) -> bool {
    let wired = state.routes.inputs(id).iter().any(|input| !input.queues.is_empty());
    wired && state.agent(id).mode == Next::More
}

/// The messages that are no values of the types that their inputs have in the plan.
fn misfits<'a>(
    state: &'a State,
    plan: &'a Plan,
) -> impl Iterator<Item = (AgentId, PortId, Ref)> + 'a {
    let known = state.plan.present().filter_map(|before| {
        let after = plan.named(&before.name).filter(|after| after.id == before.id)?;
        Some((before, after))
    });
    let inputs = known.flat_map(|(before, after)| {
        before.inputs.iter().map(move |input| {
            let new = after.inputs.iter().find(|other| other.port == input.port);
            (before.id, input, new)
        })
    });
    let other = inputs.filter(|(_, input, new)| {
        !new.is_some_and(|new| same_type((&state.plan.types, input.ty), (&plan.types, new.ty)))
    });
    other.flat_map(move |(id, input, new)| {
        let queues = state.agent(id).queues.iter().filter(|queue| queue.port == input.port);
        let fits = move |body: &[u8]| {
            let text = core::str::from_utf8(body).ok();
            new.zip(text).is_some_and(|(new, text)| json::check(&plan.types, new.ty, text).is_ok())
        };
        let items = queues.flat_map(|queue| &queue.items).filter(move |item| !fits(&item.body));
        items.map(move |item| (id, input.port, item.id))
    })
}

/// How many messages become dead letters when the run goes over to a plan: those that do not fit it, and those that
/// agents leave which it does not have.
fn set_aside(state: &State, plan: &Plan) -> u64 {
    let left: usize = leaving(state, plan).map(|id| state.agent(id).depth()).sum();
    (left + misfits(state, plan).count()) as u64
}

/// The record of it.
pub(super) fn reloaded(state: &State, (plan, switch): (&Plan, Switch), salt: Salt) -> Draft {
    let (set_aside, again) = (set_aside(state, plan), Again::of(state, plan));
    let again = again.woken.into_iter().collect();
    let Switch { offer, moves, proposal, by, .. } = switch;
    let (next, mut payloads) = next(state, offer, &salt);
    let moves: Vec<Move> = moves
        .into_iter()
        .map(|moved| {
            let state = moved.state.as_ref().map(|state| Payload::commit(&salt, state));
            payloads.extend(moved.state);
            Move { agent: moved.agent, how: moved.how, state }
        })
        .collect();
    let causes = behind(state, proposal);
    let body = Body::Reloaded(Box::new(Reloaded { next, moves, set_aside, again, proposal, by }));
    Draft { causes, body, salt: Some(salt), payloads }
}

/// The record that a plan waits for somebody to approve it.
pub(super) fn proposed(state: &State, proposal: Proposal, salt: Salt) -> Draft {
    let Proposal { offer, widens, by } = proposal;
    let (next, payloads) = next(state, offer, &salt);
    let causes = behind(state, state.proposal());
    let body = Body::Proposed(Box::new(Proposed { next, widens, by }));
    Draft { causes, body, salt: Some(salt), payloads }
}

/// The record that the run goes on as it did; nothing if that was decided before.
pub(super) fn refused(state: &State, refused: Refused) -> Option<Draft> {
    let proposal = refused.proposal;
    if proposal.is_some() && proposal != state.proposal() {
        return None;
    }
    Some(Draft::new(behind(state, proposal), Body::Refused(Box::new(refused))))
}

/// A plan as it stands in a record, and its payloads.
fn next(state: &State, offer: Offer, salt: &Salt) -> (NextPlan, Vec<Bytes>) {
    let Offer { plan: bytes, from, to, source, changes: text, counts } = offer;
    let (plan, changes) = (Payload::commit(salt, &bytes), Payload::commit(salt, &text));
    let (revision, before) = (state.kept.revision + 1, state.kept.reloaded);
    (NextPlan { revision, before, from, to, source, plan, changes, counts }, vec![bytes, text])
}

/// What such a record follows from: a proposal, if it is about one, and the last record.
fn behind(state: &State, proposal: Option<u64>) -> Vec<Ref> {
    let mut causes: Vec<Ref> =
        proposal.map(Ref::record).into_iter().chain([state.last()]).collect();
    causes.sort_unstable();
    causes.dedup();
    causes
}
