//! What another plan changes of a run's state. Messages, timers, files and what was handled stay whose they are.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::exits::is_significant;
use super::{supervise, touch_all};
use crate::gate::locate;
use crate::ids::{AgentId, Bytes, PortId, Ref, SupervisorId};
use crate::json;
use crate::plan::{Agent, Child, Plan, Root};
use crate::record::{Carry, Consumed, Entry, Next, Refused, Reloaded, SinkId};
use crate::reload::{Again, covers, same_type};
use crate::state::{
    AgentState, InputRoute, Life, Queue, Queued, Routes, Saved, Stage, Start, State,
    SupervisorState,
};

/// A queue of an agent, by what it joins: the input, and the output that it reads or the dead letters.
type Edge = (PortId, Option<PortId>);

/// The run goes on with another plan.
pub(super) fn reloaded(state: &mut State, entry: &Entry, body: &Reloaded) {
    let plan = entry.payloads.first().and_then(|bytes| postcard::from_bytes::<Plan>(bytes).ok());
    let Some(plan) = plan.map(Arc::new) else { return };
    let again = Again::of(state, &plan);
    let routes = Arc::new(Routes::of(&plan));
    let old = core::mem::replace(&mut state.plan, Arc::clone(&plan));
    let old_routes = core::mem::replace(&mut state.routes, Arc::clone(&routes));
    rest(state, &old_routes, &again);
    relabel(state, &old_routes);
    for agent in plan.present() {
        let Some(before) = old.agent(agent.id) else {
            state.kept.agents.push(AgentState::new(&plan, agent));
            state.kept.alive += 1;
            continue;
        };
        rewire(state, (&old, before), &old_routes, agent);
        reopen(state, (before, &old_routes), agent, &again);
        give_back(&mut state.kept.agents[agent.id.index()], before, agent);
    }
    for id in &again.woken {
        wake(state, *id);
    }
    go_on_as_others(state, entry, body);
    state.kept.revision = body.next.revision;
    state.kept.proposed = None;
    state.kept.reloaded = Some(entry.seq);
    supervisors(state, entry.seq, &old);
    touch_all(state);
    state.stirred = plan.supervisors.iter().map(|supervisor| supervisor.id).collect();
}

/// A proposal that was refused waits no more.
pub(super) fn refused(state: &mut State, body: &Refused) {
    if body.proposal.is_some() && body.proposal == state.proposal() {
        state.kept.proposed = None;
    }
}

/// A cycle that is the same as before has come to rest if it had, unless somebody feeds it again.
fn rest(state: &mut State, old: &Routes, again: &Again) {
    let rested = old.cycles().iter().zip(&state.kept.rested).filter(|(_, rested)| **rested);
    let rested: BTreeSet<&Vec<AgentId>> = rested.map(|(cycle, _)| cycle).collect();
    let fed = |cycle: &[AgentId]| {
        let inputs = cycle.iter().flat_map(|id| state.routes.inputs(*id));
        let mut producers = inputs.flat_map(|input| &input.producers);
        producers.any(|id| !cycle.contains(id) && again.lives(*id))
            || cycle.iter().any(|id| again.woken.contains(id))
    };
    let cycles = state.routes.cycles().iter();
    state.kept.rested = cycles.map(|cycle| rested.contains(cycle) && !fed(cycle)).collect();
}

/// Dead letters that the engine keeps wait for the places where their queues are now, if these are anywhere.
fn relabel(state: &mut State, old: &Routes) {
    let routes = Arc::clone(&state.routes);
    state.kept.letters.relabel(|agent, queue| {
        let edge = edges(old.inputs(agent)).into_iter().find(|(_, at)| *at == queue)?.0;
        edges(routes.inputs(agent)).get(&edge).copied()
    });
}

/// An agent's queues, by what they join.
fn edges(inputs: &[InputRoute]) -> BTreeMap<Edge, usize> {
    let edges = inputs.iter().flat_map(|input| {
        input.queues.iter().zip(&input.from).map(|(queue, from)| ((input.port, *from), *queue))
    });
    edges.collect()
}

/// Puts an agent's messages into the queues that it has now. What came by an edge that is gone stays at its input, in
/// its order; what has no input any more, or is no value of its type, is put behind all queues, to be set aside.
fn rewire(state: &mut State, (old, before): (&Plan, &Agent), old_routes: &Routes, agent: &Agent) {
    let id = agent.id;
    let (old_edges, now) = (edges(old_routes.inputs(id)), edges(state.routes.inputs(id)));
    let fresh = AgentState::new(&state.plan, agent);
    let plan = Arc::clone(&state.plan);
    let one = &mut state.kept.agents[id.index()];
    let was = core::mem::replace(&mut one.queues, fresh.queues);
    let by_queue: BTreeMap<usize, Edge> = old_edges.iter().map(|(edge, at)| (*at, *edge)).collect();
    for (at, Queue { port, items }) in was.into_iter().enumerate() {
        let fits = fits((old, before), (&plan, agent), port);
        let (items, strays): (VecDeque<Queued>, VecDeque<Queued>) =
            items.into_iter().partition(|item| fits(&item.body));
        let to = by_queue.get(&at).and_then(|edge| now.get(edge).copied());
        let to = to.or_else(|| first_that_blocks(&state.routes, (id, port)));
        match to {
            Some(to) => merge(&mut one.queues[to].items, items),
            None => set_apart(&mut one.queues, port, items),
        }
        set_apart(&mut one.queues, port, strays);
    }
}

/// An input's first queue for which its producer waits: nothing is dropped there for want of a place.
fn first_that_blocks(routes: &Routes, (id, port): (AgentId, PortId)) -> Option<usize> {
    let spills = |queue: &usize| routes.spills(id).iter().any(|spill| spill.queue == *queue);
    let input = routes.inputs(id).iter().find(|input| input.port == port)?;
    input.queues.iter().copied().find(|queue| !spills(queue))
}

/// An agent can only close the files that it may not write any more. What it has staged for them is still written: it
/// might when it did.
fn give_back(one: &mut AgentState, before: &Agent, agent: &Agent) {
    let place =
        |roots: &[Root], name: &str| locate(roots, name).map(|at| (at.root.path.clone(), at.rest));
    let (was, is) = (&before.grants.write, &agent.grants.write);
    if was != is {
        // The same name may lead to another file now.
        let same = |name: &str| place(was, name) == place(is, name);
        Arc::make_mut(&mut one.sinks.ended).retain(|(name, _)| same(name));
    }
    let may = |path: &str| agent.grants.write.iter().any(|root| covers(&root.path, path));
    for (sink, write) in one.writes.iter_mut().filter(|(sink, _)| **sink != SinkId::STDOUT) {
        let barred = !may(&write.path);
        if barred {
            write.roots.get_or_insert_with(|| before.grants.write.clone());
        }
        if let Some(open) = one.sinks.open.values_mut().find(|open| open.id == *sink) {
            open.barred = barred;
        }
    }
}

/// Whether messages of an input are values of its type as it is now.
fn fits<'a>(
    (old, before): (&Plan, &Agent),
    (plan, agent): (&'a Plan, &'a Agent),
    port: PortId,
) -> impl Fn(&Bytes) -> bool + 'a {
    let ty =
        |agent: &Agent| agent.inputs.iter().find(|input| input.port == port).map(|input| input.ty);
    let (was, is) = (ty(before), ty(agent));
    let same = was.zip(is).is_some_and(|(was, is)| same_type((&old.types, was), (&plan.types, is)));
    move |body| {
        let text = core::str::from_utf8(body).ok();
        same || is.zip(text).is_some_and(|(is, text)| json::check(&plan.types, is, text).is_ok())
    }
}

/// Puts messages between those of a queue, in the order of the log.
fn merge(queue: &mut VecDeque<Queued>, items: VecDeque<Queued>) {
    if queue.is_empty() {
        *queue = items;
    } else if !items.is_empty() {
        queue.extend(items);
        queue.make_contiguous().sort_by_key(|item| item.id);
    }
}

/// Messages for which there is no queue.
fn set_apart(queues: &mut Vec<Queue>, port: PortId, items: VecDeque<Queued>) {
    if !items.is_empty() {
        queues.push(Queue { port, items });
    }
}

/// What an agent knows of its inputs: one that somebody new feeds is open, and who feeds one no more has ended for it.
/// It need not be told again of one that closes no more.
fn reopen(state: &mut State, (before, old): (&Agent, &Routes), agent: &Agent, again: &Again) {
    let rested = state.has_rested(agent.id);
    let one = &mut state.kept.agents[agent.id.index()];
    let was = before.inputs.iter().zip(&one.closed).zip(old.inputs(agent.id));
    let was: BTreeMap<PortId, (bool, &InputRoute)> =
        was.map(|((input, closed), route)| (input.port, (*closed, route))).collect();
    let closed = state.routes.inputs(agent.id).iter().map(|input| {
        let Some((closed, route)) = was.get(&input.port) else { return !input.is_wired() };
        let known = |id: &AgentId| route.producers.contains(id) || route.feedback.contains(id);
        // Who is new and has nothing to send does not open what had closed.
        let ended =
            |id: &AgentId| if known(id) { !again.woken.contains(id) } else { !again.sends(*id) };
        let fed_back = !rested && input.feedback.iter().any(|id| again.lives(*id));
        *closed && !fed_back && input.producers.iter().chain(&input.feedback).all(ended)
    });
    one.closed = closed.collect();
    one.pending.take_if(|pending| match pending.consumed {
        Consumed::Closed { port } => again.feeds(&state.plan, agent, port),
        _ => false,
    });
}

/// It is started as one that has not lived.
fn wake(state: &mut State, id: AgentId) {
    state.kept.alive += 1;
    let inputs = state.routes.inputs(id).iter();
    let closed = inputs.map(|input| !input.is_wired()).collect();
    let one = &mut state.kept.agents[id.index()];
    (one.life, one.closed) = (Life::Off, closed);
    anew(one);
}

/// An agent keeps nothing but its mailbox and its files.
fn anew(one: &mut AgentState) {
    (one.started, one.mode, one.round) = (false, Next::Wait, 0);
    one.timers.clear();
    one.saved = None;
    one.forget_calls();
    one.saved_sinks = one.sinks.clone();
}

/// Agents whose instances are exchanged begin their next lives at once.
fn go_on_as_others(state: &mut State, entry: &Entry, body: &Reloaded) {
    for (moved, carried) in body.carried(&entry.payloads) {
        let Some(one) = state.kept.agents.get_mut(moved.agent.index()) else { continue };
        if one.life.is_over() {
            continue;
        }
        if let Some(bytes) = carried {
            one.saved = Some(Saved { seq: entry.seq, state: bytes.clone() });
        }
        if moved.how == Carry::Fresh {
            anew(one);
        }
        one.forget_calls();
        one.saved_sinks = one.sinks.clone();
        // It may do at this event what the one before it could not.
        one.pending = None;
        one.not_before = 0;
        if one.life == Life::Up {
            one.life = Life::Starting;
        }
        one.last = Ref::record(entry.seq);
    }
}

/// Supervisors go on with the children that they have now, and start those that are new.
fn supervisors(state: &mut State, seq: u64, old: &Plan) {
    let plan = Arc::clone(&state.plan);
    state.kept.supervisors.resize_with(plan.supervisors.len(), SupervisorState::default);
    for id in &plan.past.supervisors {
        state.kept.supervisors[id.index()] =
            SupervisorState { stage: Stage::Over, ..SupervisorState::default() };
    }
    for supervisor in plan.present_supervisors() {
        let children = supervisor.children.iter();
        let significant = children.filter(|child| is_significant(state, **child)).count();
        let one = &mut state.kept.supervisors[supervisor.id.index()];
        one.significant = u32::try_from(significant).unwrap_or(u32::MAX);
    }
    for supervisor in plan.present_supervisors() {
        let first = supervisor.children.iter().position(|child| is_off(state, *child));
        let known = old.supervisors.get(supervisor.id.index()).is_some();
        let one = &mut state.kept.supervisors[supervisor.id.index()];
        if let (Some(first), Stage::Up, true) = (first, one.stage, known) {
            let at = u32::try_from(first).unwrap_or(u32::MAX);
            let to = u32::try_from(supervisor.children.len()).unwrap_or(u32::MAX);
            one.stage = Stage::Restarting { start: Start { at, due: 0, why: seq }, to };
            one.last = Some(seq);
        }
    }
    for supervisor in plan.present_supervisors() {
        // Who comes below one that is over is never started.
        let above = state.routes.parent(Child::Supervisor(supervisor.id));
        if supervisor.id != above
            && (state.stage(supervisor.id), state.stage(above)) == (Stage::Off, Stage::Over)
        {
            supervise::over(state, supervisor.id);
        }
    }
    for id in 0..state.kept.supervisors.len() {
        supervise::go_on(state, SupervisorId(u32::try_from(id).unwrap_or(u32::MAX)));
    }
}

/// True for a child that is not started.
fn is_off(state: &State, child: Child) -> bool {
    match child {
        Child::Agent(id) => state.agent(id).life == Life::Off,
        Child::Supervisor(id) => state.stage(id) == Stage::Off,
    }
}
