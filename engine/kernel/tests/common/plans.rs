//! Plans, built by hand.

use std::sync::Arc;

use theater_flow_kernel::ids::{AgentId, Digest, PortId, SupervisorId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    Agent, AutoShutdown, Backoff, Child, DeadLetterPort, Feedback, Grants, GuestLimits, InputPort,
    OutputPort, Overflow, Past, Plan, ReloadRules, Restart, Restore, Retry, Root, Shutdown,
    Strategy, Supervisor, Wait,
};
use theater_flow_kernel::types::{Type, TypeTable};

use super::guests::Kind;

/// A plan under construction, with what its agents do.
pub(crate) struct Build {
    plan: Plan,
    kinds: Vec<Kind>,
    ports: u32,
}

/// Three retries with 100, 200, 400 ms between them.
pub(crate) const RETRY: Retry =
    Retry { max: 3, wait: Wait { backoff: Backoff::Exponential, base_ms: 100, cap_ms: 10_000 } };

/// A supervisor.
pub(crate) fn supervisor(id: u32, strategy: Strategy, children: Vec<Child>) -> Supervisor {
    let (name, id) = (format!("s{id}"), SupervisorId(id));
    Supervisor {
        id,
        name,
        strategy,
        children,
        intensity: 3,
        period_ms: 5_000,
        delay: Wait::NONE,
        restart: Restart::Permanent,
        shutdown: Shutdown::Infinity,
        significant: false,
        auto_shutdown: AutoShutdown::Never,
    }
}

impl Build {
    pub(crate) fn new() -> Self {
        let mut types = TypeTable::default();
        types.intern(Type::Json);
        let plan = Plan {
            name: String::from("sim"),
            description: String::new(),
            source: Digest::default(),
            types,
            agents: Vec::new(),
            supervisors: vec![supervisor(0, Strategy::OneForOne, Vec::new())],
            dead_letter: None,
            params: Vec::new(),
            env: Vec::new(),
            secrets: Vec::new(),
            files: Vec::new(),
            past: Past::default(),
            reload: ReloadRules::default(),
            set: vec![],
        };
        Self { plan, kinds: Vec::new(), ports: 0 }
    }

    /// An agent under the root, with these inputs and outputs, all of type `json`.
    pub(crate) fn add(
        &mut self,
        name: &str,
        kind: Kind,
        inputs: &[&str],
        outputs: &[&str],
    ) -> AgentId {
        let id = AgentId(u32::try_from(self.plan.agents.len()).expect("few agents"));
        let ty = self.plan.types.intern(Type::Json);
        let name_of = |name: &&str| String::from(*name);
        let inputs = inputs.iter().map(|name| {
            let (port, from, feedback) = (self.port(), Vec::new(), Vec::new());
            InputPort { port, name: name_of(name), ty, from, feedback }
        });
        let inputs = inputs.collect();
        let outputs = outputs.iter().map(|name| {
            let (port, overflow, readers) = (self.port(), Overflow::Block, Vec::new());
            OutputPort { port, name: name_of(name), ty, readers, capacity: 4, overflow }
        });
        let outputs = outputs.collect();
        let root = |name: &str| Root { name: String::from(name), path: format!("/abs/{name}") };
        let grants =
            Grants { read: vec![root("files")], write: vec![root("out")], ..Grants::default() };
        self.plan.agents.push(Agent {
            id,
            name: String::from(name),
            actor: format!("std/{name}"),
            component: Digest::of(name.as_bytes()),
            config: String::from("{}"),
            grants,
            inputs,
            outputs,
            restart: Restart::Transient,
            restore: Restore::Checkpoint,
            retry: RETRY,
            timeout_ms: limits::TIMEOUT_MS,
            limits: GuestLimits { memory: limits::MEMORY_BYTES, fuel: limits::FUEL },
            stateless: matches!(kind, Kind::Pass | Kind::Filter),
            shutdown: Shutdown::After(limits::SHUTDOWN_MS),
            significant: false,
        });
        self.plan.supervisors[0].children.push(Child::Agent(id));
        self.kinds.push(kind);
        id
    }

    fn port(&mut self) -> PortId {
        self.ports += 1;
        PortId(self.ports - 1)
    }

    /// Joins an output to an input.
    pub(crate) fn wire(&mut self, from: (AgentId, usize), to: (AgentId, usize)) {
        let input = self.plan.agents[to.0.index()].inputs[to.1].port;
        let output = &mut self.plan.agents[from.0.index()].outputs[from.1];
        let port = output.port;
        output.readers.push(input);
        self.plan.agents[to.0.index()].inputs[to.1].from.push(port);
    }

    /// Joins an output to an input of an agent that feeds it.
    pub(crate) fn feed_back(&mut self, from: (AgentId, usize), to: (AgentId, usize), rounds: u32) {
        let input = self.plan.agents[to.0.index()].inputs[to.1].port;
        let output = &mut self.plan.agents[from.0.index()].outputs[from.1];
        let from = output.port;
        output.readers.push(input);
        self.plan.agents[to.0.index()].inputs[to.1].feedback.push(Feedback { from, rounds });
    }

    /// Agents in a row, each with one input and one output, after a source of `n` messages.
    pub(crate) fn chain(n: u32, kinds: &[Kind]) -> Self {
        let mut build = Self::new();
        let mut last = build.add("source", Kind::Source { n, k: 2 }, &[], &["out"]);
        for (nth, kind) in kinds.iter().enumerate() {
            let id = build.add(&format!("a{nth}"), kind.clone(), &["in"], &["out"]);
            build.wire((last, 0), (id, 0));
            last = id;
        }
        build
    }

    /// Takes another plan for the same agents.
    pub(crate) fn set(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// Gives an agent something else to do.
    pub(crate) fn becomes(&mut self, id: AgentId, kind: Kind) {
        self.kinds[id.index()] = kind;
    }

    pub(crate) fn agent(&mut self, id: u32) -> &mut Agent {
        &mut self.plan.agents[id as usize]
    }

    /// How many agents there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.plan.agents.len()).expect("few agents")
    }

    pub(crate) fn root(&mut self) -> &mut Supervisor {
        &mut self.plan.supervisors[0]
    }

    pub(crate) fn supervisor(&mut self, id: u32) -> &mut Supervisor {
        &mut self.plan.supervisors[id as usize]
    }

    pub(crate) fn supervisors(&mut self, supervisors: Vec<Supervisor>) {
        self.plan.supervisors = supervisors;
    }

    /// Dead letters of `feeders` go to the first input of `to`.
    pub(crate) fn dead_letters(&mut self, to: AgentId, feeders: &[AgentId]) {
        let port = self.plan.agents[to.index()].inputs[0].port;
        self.plan.dead_letter = Some(DeadLetterPort { agent: to, port, feeders: feeders.to_vec() });
    }

    pub(crate) fn done(self) -> (Arc<Plan>, Vec<Kind>) {
        (Arc::new(self.plan), self.kinds)
    }
}
