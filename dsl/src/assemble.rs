//! The last stage: from a graph without faults to the [`Plan`].

use std::collections::BTreeMap;

use theater_flow_kernel::ids::{AgentId, PortId, TypeId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    self, Backoff, DeadLetterPort, Feedback, GuestLimits, InputPort, OutputPort, Overflow, Restart,
    Restore, Retry, Shutdown, Wait,
};

use crate::grants;
use crate::graph::{Agent, Graph, Wire};
use crate::modules::Unit;
use crate::scopes::Scopes;
use crate::solve::PortTypes;
use crate::spec::{ChannelHabits, Habits, WaitSpec};

/// The agents of the plan; `None` if something of them is not known.
pub(crate) fn agents(
    graph: &Graph<'_>,
    types: &[PortTypes],
    scopes: &Scopes<'_>,
    wires: &[Wire],
) -> Option<Vec<plan::Agent>> {
    let ids = Numbers::new(graph);
    let channels = channels(graph, scopes);
    let mut agents = Vec::with_capacity(graph.agents.len());
    // The ports of modules come last, and are not in the plan.
    let own = graph.agents.iter().take_while(|agent| agent.relay.is_none());
    for (at, (agent, types)) in own.zip(types).enumerate() {
        let inputs = inputs(agent, ids.first(at), &types.inputs)?;
        let first_output = ids.first(at) + id(inputs.len());
        let outputs = outputs(agent, first_output, &types.outputs, channels.get(at)?)?;
        agents.push(one(
            AgentId(id(at)),
            agent,
            (inputs, outputs),
            &scopes.unit(agent.scope).spec.default_agent,
        )?);
    }
    for wire in wires {
        let (input, output) = (wire.input?, wire.output?);
        let from = agents.get(wire.from)?.outputs.get(output)?.port;
        let to = agents.get(wire.to)?.inputs.get(input)?.port;
        let read = agents.get_mut(wire.to)?.inputs.get_mut(input)?;
        match wire.feedback {
            None => read.from.push(from),
            Some(rounds) => read.feedback.push(Feedback { from, rounds }),
        }
        agents.get_mut(wire.from)?.outputs.get_mut(output)?.readers.push(to);
    }
    Some(agents)
}

/// The input that takes dead letters.
pub(crate) fn dead_letter(
    at: Option<usize>,
    graph: &Graph<'_>,
    agents: &[plan::Agent],
) -> Option<DeadLetterPort> {
    let at = at?;
    let agent = agents.get(at)?;
    let port = agent.inputs.first()?.port;
    let fed = graph.fed_by(at);
    let feeds = |other: &usize| *other != at && !fed.contains(other);
    let feeders = (0..agents.len()).filter(feeds).map(|other| AgentId(id(other))).collect();
    Some(DeadLetterPort { agent: agent.id, port, feeders })
}

/// All ports are numbered in agent order, inputs then outputs.
struct Numbers {
    first: Vec<u32>,
}

impl Numbers {
    fn new(graph: &Graph<'_>) -> Self {
        let ports = |agent: &Agent<'_>| {
            let ports = agent.ports.as_ref();
            ports.map_or(0, |ports| id(ports.inputs.len() + ports.outputs.len()))
        };
        let first = graph.agents.iter().scan(0, |next, agent| {
            let first = *next;
            *next += ports(agent);
            Some(first)
        });
        Self { first: first.collect() }
    }

    fn first(&self, agent: usize) -> u32 {
        self.first.get(agent).copied().unwrap_or_default()
    }
}

fn id(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn inputs(agent: &Agent<'_>, first: u32, types: &[Option<TypeId>]) -> Option<Vec<InputPort>> {
    let ports = &agent.ports.as_ref()?.inputs;
    let port = |(number, (port, ty)): (u32, (&crate::graph::Port, &Option<TypeId>))| {
        Some(InputPort {
            port: PortId(number),
            name: port.name.clone(),
            ty: (*ty)?,
            from: Vec::new(),
            feedback: Vec::new(),
        })
    };
    (first..).zip(ports.iter().zip(types)).map(port).collect()
}

fn outputs(
    agent: &Agent<'_>,
    first: u32,
    types: &[Option<TypeId>],
    channels: &[(u32, Overflow)],
) -> Option<Vec<OutputPort>> {
    let ports = &agent.ports.as_ref()?.outputs;
    let mut outputs = Vec::with_capacity(ports.len());
    for (((number, port), ty), channel) in (first..).zip(ports).zip(types).zip(channels) {
        let (capacity, overflow) = *channel;
        outputs.push(OutputPort {
            port: PortId(number),
            name: port.name.clone(),
            ty: (*ty)?,
            readers: Vec::new(),
            capacity,
            overflow,
        });
    }
    Some(outputs)
}

/// The capacity of every output and what happens beyond it, by agent and port. Each by itself: a channel that says
/// only `capacity` keeps the file's `overflow`.
fn channels(graph: &Graph<'_>, scopes: &Scopes<'_>) -> Vec<Vec<(u32, Overflow)>> {
    let named = |unit: &Unit| -> BTreeMap<String, ChannelHabits> {
        let channels = unit.spec.channels.iter();
        channels.map(|channel| (channel.name.value.clone(), channel.habits)).collect()
    };
    let named: Vec<_> = scopes.units.iter().map(named).collect();
    let own = |agent: &Agent<'_>, port: &str| {
        let name = format!("{}.{port}", agent.spec.name.value);
        let own = named.get(agent.unit).and_then(|named| named.get(&name));
        let own = own.copied().unwrap_or_default();
        let usual = scopes.unit(agent.scope).spec.default_channel;
        let capacity = own.capacity.or(usual.capacity).unwrap_or(limits::CAPACITY);
        (capacity, own.overflow.or(usual.overflow).unwrap_or(Overflow::Block))
    };
    let of = |agent: &Agent<'_>| {
        let outputs = agent.ports.iter().flat_map(|ports| &ports.outputs);
        outputs.map(|port| own(agent, &port.name)).collect()
    };
    graph.agents.iter().map(of).collect()
}

fn one(
    id: AgentId,
    agent: &Agent<'_>,
    (inputs, outputs): (Vec<InputPort>, Vec<OutputPort>),
    usual: &Habits,
) -> Option<plan::Agent> {
    let facts = agent.facts?;
    let own = &agent.spec.habits;
    Some(plan::Agent {
        id,
        name: agent.name.clone(),
        actor: agent.actor.clone(),
        component: facts.digest,
        config: agent.config.clone()?,
        grants: grants::grants(agent),
        inputs,
        outputs,
        restart: restart(own, usual),
        restore: own.restore.or(usual.restore).unwrap_or(Restore::Checkpoint),
        retry: retry(own, usual),
        timeout_ms: own.timeout_ms.or(usual.timeout_ms).unwrap_or(limits::TIMEOUT_MS),
        limits: GuestLimits {
            memory: own.memory.or(usual.memory).unwrap_or(limits::MEMORY_BYTES),
            fuel: own.fuel.or(usual.fuel).unwrap_or(limits::FUEL),
        },
        stateless: facts.stateless,
        shutdown: own.shutdown.or(usual.shutdown).unwrap_or(Shutdown::After(limits::SHUTDOWN_MS)),
        significant: agent.spec.significant.span().is_some(),
    })
}

/// When an agent is started again.
pub(crate) fn restart(own: &Habits, usual: &Habits) -> Restart {
    own.restart.or(usual.restart).map_or(Restart::Transient, |said| said.value)
}

/// Each value by itself: an agent that says only `max` keeps the file's `backoff`.
fn retry(own: &Habits, usual: &Habits) -> Retry {
    let (own, usual) = (&own.retry, &usual.retry);
    Retry {
        max: own.max.or(usual.max).unwrap_or(limits::RETRIES),
        wait: wait(own.wait, usual.wait),
    }
}

/// The longest wait of the defaults, and the usual one, give way to a first wait that is longer: it is meant as it
/// stands.
pub(crate) fn wait(own: WaitSpec, usual: WaitSpec) -> Wait {
    let base_ms = own.base_ms.or(usual.base_ms).unwrap_or(limits::RETRY_BASE_MS);
    let cap_ms = match (own.cap_ms, usual.cap_ms) {
        (Some(cap), _) => cap,
        (None, Some(cap)) if own.base_ms.is_none() => cap,
        (None, cap) => cap.unwrap_or(limits::RETRY_CAP_MS).max(base_ms),
    };
    let backoff = own.backoff.or(usual.backoff).unwrap_or(Backoff::Exponential);
    Wait { backoff, base_ms, cap_ms }
}
