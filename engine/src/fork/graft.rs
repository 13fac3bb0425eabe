//! The state of a run, as another plan has it: agents, inputs and supervisors are matched by their names.

use std::collections::{BTreeMap, VecDeque};

use theater_flow_kernel::desk;
use theater_flow_kernel::ids::{AgentId, Bytes, PortId, Ref};
use theater_flow_kernel::json;
use theater_flow_kernel::plan::{Agent, Child, InputPort, Plan};
use theater_flow_kernel::record::Consumed;
use theater_flow_kernel::state::{
    AgentState, Kept, Letter, Life, Queue, Saved, Stage, State, Stop,
};
use theater_flow_kernel::work::Begin;

use super::{Fork, ForkError, Point};
use crate::compare::plan_differences;

/// Makes an agent's snapshot at the point, with the component that it has there.
pub type Snapshots<'a> = &'a mut dyn FnMut(AgentId, &Begin) -> Result<Bytes, ForkError>;

/// Which place of a mailbox it is: an input, and the output that feeds it, or the dead letters.
type Place = (PortId, Option<PortId>);

impl Point {
    /// A fork that goes on from here with another plan. An agent with another component or config begins from its
    /// snapshot here, at the event that it was in the middle of; a new one from nothing; one that the plan does not
    /// have falls away.
    ///
    /// # Errors
    /// If something waits here that has no place in the plan, or a snapshot cannot be made.
    pub fn with(&self, plan: Plan, snapshots: Snapshots<'_>) -> Result<Fork, ForkError> {
        let changed = plan_differences(&self.plan, &plan);
        let mut plan = plan;
        renumber(&mut plan, &self.plan);
        let mut state = State::new(plan.clone().into());
        let mut unfit = vec![];
        for agent in &plan.agents {
            let into = &mut state.kept.agents[agent.id.index()];
            into.last = Ref::record(self.flushed.seq - 1);
            let Some(before) = self.plan.named(&agent.name) else { continue };
            let from = self.state.agent(before.id);
            let mut grafted = AgentState { queues: into.queues.clone(), ..from.clone() };
            mailbox((&self.plan, before, from), (&plan, agent, &mut grafted), &mut unfit);
            let writes = grafted.writes.values().map(|write| write.path.as_str());
            let names = grafted.sinks.open.keys().map(String::as_str);
            let roots = |agent: &Agent| -> Vec<String> {
                agent.grants.write.iter().map(|root| root.path.clone()).collect()
            };
            if roots(before) != roots(agent) && writes.chain(names).any(|path| !path.is_empty()) {
                unfit.push(format!(
                    "`{}` has a file open, and may write elsewhere then",
                    agent.name
                ));
            }
            if (before.component, &before.config) != (agent.component, &agent.config) {
                other(&mut grafted, (self, before), snapshots)?;
            }
            *into = grafted;
        }
        if !unfit.is_empty() {
            return Err(ForkError::Unfit(unfit));
        }
        self.rest(&mut state);
        self.letters(&mut state);
        Ok(Fork { plan, state, changed, given: vec![] })
    }

    /// What is not an agent's.
    fn rest(&self, state: &mut State) {
        let (from, into) = (&self.state.kept, &mut state.kept);
        (into.run, into.next_seq, into.now, into.phase) =
            (from.run, from.next_seq, from.now, from.phase);
        into.dead_letters = from.dead_letters;
        into.revision = from.revision + 1;
        let over = into.agents.iter().filter(|agent| agent.life.is_over()).count();
        into.alive -= u32::try_from(over).unwrap_or(into.alive);
        supervision((&self.plan, from), (&state.plan, into));
        let names = |plan: &Plan, cycle: &[AgentId]| -> Vec<String> {
            let mut names: Vec<String> =
                cycle.iter().filter_map(|id| Some(plan.agent(*id)?.name.clone())).collect();
            names.sort_unstable();
            names
        };
        let rested = self.state.routes.cycles().iter().zip(&from.rested);
        let rested: Vec<Vec<String>> = rested
            .filter(|(_, rested)| **rested)
            .map(|(cycle, _)| names(&self.plan, cycle))
            .collect();
        for (nth, cycle) in state.routes.cycles().iter().enumerate() {
            into.rested[nth] = rested.contains(&names(&state.plan, cycle));
        }
    }
}

/// The tree may be another: who is to live is started again in its order, and the windows are as they were.
fn supervision((old, from): (&Plan, &Kept), (new, into): (&Plan, &mut Kept)) {
    for agent in into.agents.iter_mut().filter(|agent| !agent.life.is_over()) {
        (agent.life, agent.halt, agent.not_before) = (Life::Lost, None, 0);
    }
    for plan in &new.supervisors {
        let before = old.supervisor_named(&plan.name);
        let before = before.map(|before| &from.supervisors[before.id.index()]);
        let supervisor = &mut into.supervisors[plan.id.index()];
        supervisor.stage = match before.map(|before| before.stage) {
            Some(stage @ Stage::Over) => stage,
            // A run that fails goes on to do so.
            Some(Stage::Stopping(stop)) if stop.last => {
                let left = u32::try_from(plan.children.len()).unwrap_or(u32::MAX);
                Stage::Stopping(Stop { left, ..stop })
            }
            _ => Stage::Up,
        };
        if let Some(before) = before {
            supervisor.recent.clone_from(&before.recent);
            supervisor.gave_up = before.gave_up;
            (supervisor.restarts, supervisor.last) = (before.restarts, before.last);
        }
    }
    for plan in &new.supervisors {
        let active = |child: &&Child| match child {
            Child::Agent(id) => {
                new.agents[id.index()].significant && !into.agents[id.index()].life.is_over()
            }
            Child::Supervisor(id) => {
                new.supervisors[id.index()].significant
                    && into.supervisors[id.index()].stage != Stage::Over
            }
        };
        let significant = plan.children.iter().filter(active).count();
        into.supervisors[plan.id.index()].significant =
            u32::try_from(significant).unwrap_or(u32::MAX);
    }
}

impl Point {
    /// Dead letters that the plan has a place for can be tried again there; the others are only counted.
    fn letters(&self, state: &mut State) {
        let plan = state.plan.clone();
        for (seq, letter) in self.state.kept.letters.iter() {
            let before = self.plan.agent(letter.agent);
            let agent = before
                .and_then(|before| plan.agents.iter().find(|agent| agent.name == before.name));
            let Some((before, agent)) = before.zip(agent) else { continue };
            let place = places(&self.plan, before).get(letter.queue as usize).copied();
            let queue = places(&plan, agent).iter().position(|there| Some(*there) == place);
            let message = VecDeque::from([letter.message.clone()]);
            let alone = Queue { port: letter.port, items: message };
            let Some(queue) = queue.and_then(|queue| u32::try_from(queue).ok()) else { continue };
            if mistyped((&plan, agent), (letter.port, &alone), "").is_none() {
                state.kept.letters.keep(seq, Letter { agent: agent.id, queue, ..letter.clone() });
            }
        }
    }
}

/// An agent that is another from here on: it begins from its snapshot, and what it was in the middle of begins anew.
fn other(
    agent: &mut AgentState,
    (point, before): (&Point, &Agent),
    snapshots: Snapshots<'_>,
) -> Result<(), ForkError> {
    if !agent.redo.is_empty() && !agent.life.is_over() && !before.is_fresh() {
        let state = snapshots(before.id, &desk::begin(&point.state, before.id))?;
        agent.saved = Some(Saved { seq: point.flushed.seq, state });
    }
    agent.forget_calls();
    agent.saved_sinks = agent.sinks.clone();
    agent.pending = None;
    agent.asking = None;
    Ok(())
}

/// Puts what waits for an agent where it waits then, and says what has no place there.
fn mailbox(
    (old, before, from): (&Plan, &Agent, &AgentState),
    (new, agent, into): (&Plan, &Agent, &mut AgentState),
    unfit: &mut Vec<String>,
) {
    let places: BTreeMap<Place, usize> =
        (0..).zip(places(new, agent)).map(|(nth, place)| (place, nth)).collect();
    for (place, queue) in self::places(old, before).into_iter().zip(&from.queues) {
        let port = before.inputs.iter().find(|input| input.port == place.0);
        let name = format!("`{}.{}`", agent.name, port.map_or("?", |port| &port.name));
        match places.get(&place) {
            Some(nth) => {
                unfit.extend(mistyped((new, agent), (place.0, queue), &name));
                into.queues[*nth].items.clone_from(&queue.items);
            }
            None if queue.items.is_empty() => {}
            None => unfit.push(format!(
                "{} messages wait at {name}, where nothing comes from `{}` then",
                queue.items.len(),
                place.1.map_or_else(|| elsewhere(old, place.0), |port| producer(old, port)),
            )),
        }
    }
    into.closed = agent
        .inputs
        .iter()
        .map(|input| match before.inputs.iter().position(|known| known.port == input.port) {
            Some(nth) => from.closed[nth],
            None => !is_wired(new, agent, input),
        })
        .collect();
    let known = |consumed: &Consumed| match consumed {
        Consumed::Message { port, .. } | Consumed::Closed { port } => {
            agent.inputs.iter().any(|input| input.port == *port)
        }
        Consumed::Start | Consumed::Pull | Consumed::Timer { .. } => true,
    };
    into.pending.take_if(|pending| !known(&pending.consumed));
    into.asking.take_if(|asking| !known(&asking.consumed));
}

/// What waits at an input and is not of its type.
fn mistyped(
    (plan, agent): (&Plan, &Agent),
    (port, queue): (PortId, &Queue),
    name: &str,
) -> Option<String> {
    let input = agent.inputs.iter().find(|input| input.port == port)?;
    queue.items.iter().find_map(|item| {
        let text = std::str::from_utf8(&item.body).ok()?;
        let mismatch = json::check(&plan.types, input.ty, text).err()?;
        Some(format!(
            "message {}, which waits at {name}, is not of its type then: {mismatch}",
            item.id
        ))
    })
}

fn producer(plan: &Plan, port: PortId) -> String {
    let found = plan.output(port);
    found.map_or_else(String::new, |(agent, output)| format!("{}.{}", agent.name, output.name))
}

/// The places of an agent's mailbox, in the order of [`AgentState::queues`].
fn places(plan: &Plan, agent: &Agent) -> Vec<Place> {
    let letters = plan.dead_letter.as_ref().filter(|letters| letters.agent == agent.id);
    let mut places = vec![];
    for input in &agent.inputs {
        places.extend(input.from.iter().map(|from| (input.port, Some(*from))));
        places.extend(input.feedback.iter().map(|edge| (input.port, Some(edge.from))));
        let takes_letters = letters.is_some_and(|letters| letters.port == input.port);
        let is_open = takes_letters || input.from.is_empty() && input.feedback.is_empty();
        places.extend(is_open.then_some((input.port, None)));
    }
    places
}

/// True if somebody in the run sends to an input.
fn is_wired(plan: &Plan, agent: &Agent, input: &InputPort) -> bool {
    let letters = plan.dead_letter.as_ref().filter(|letters| letters.agent == agent.id);
    let takes_letters = letters.is_some_and(|letters| letters.port == input.port);
    takes_letters || !input.from.is_empty() || !input.feedback.is_empty()
}

/// Where messages came from that came from no output.
fn elsewhere(plan: &Plan, port: PortId) -> String {
    let takes_letters = plan.dead_letter.as_ref().is_some_and(|letters| letters.port == port);
    String::from(if takes_letters { "errors" } else { "outside" })
}

/// Gives the ports of `plan` the numbers that they have in `known`, and new ones numbers that it does not have:
/// what waits, and what was done, names ports by number.
fn renumber(plan: &mut Plan, known: &Plan) {
    let ports = |plan: &Plan| -> Vec<((String, bool, String), PortId)> {
        let inputs = plan.present().flat_map(|agent| {
            agent
                .inputs
                .iter()
                .map(|port| ((agent.name.clone(), true, port.name.clone()), port.port))
        });
        let outputs = plan.present().flat_map(|agent| {
            agent
                .outputs
                .iter()
                .map(|port| ((agent.name.clone(), false, port.name.clone()), port.port))
        });
        inputs.chain(outputs).collect()
    };
    let theirs: BTreeMap<_, PortId> = ports(known).into_iter().collect();
    let mut next = known.ports_given();
    let mut numbers: BTreeMap<PortId, PortId> = BTreeMap::new();
    for (name, port) in ports(plan) {
        let number = theirs.get(&name).copied().unwrap_or_else(|| {
            next += 1;
            PortId(next - 1)
        });
        numbers.insert(port, number);
    }
    let set = |port: &mut PortId| *port = numbers.get(port).copied().unwrap_or(*port);
    for agent in &mut plan.agents {
        for input in &mut agent.inputs {
            set(&mut input.port);
            input.from.iter_mut().for_each(set);
            input.feedback.iter_mut().for_each(|edge| set(&mut edge.from));
        }
        for output in &mut agent.outputs {
            set(&mut output.port);
            output.readers.iter_mut().for_each(set);
        }
    }
    if let Some(letters) = &mut plan.dead_letter {
        set(&mut letters.port);
    }
}
