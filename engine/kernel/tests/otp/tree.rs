//! A supervision tree, with nothing in it but what supervision looks at, and the plan of such a tree.

use std::sync::Arc;

use theater_flow_kernel::http::{HttpGrant, OnUnknown, Scheme};
use theater_flow_kernel::ids::{AgentId, Digest, PortId, SupervisorId, TypeId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    Agent, AutoShutdown, Child, Grants, GuestLimits, InputPort, OutputPort, Overflow, Past, Plan,
    ReloadRules, Restart, Restore, Retry, Shutdown, Strategy, Supervisor, Wait,
};
use theater_flow_kernel::types::{Type, TypeTable};

/// A supervision tree: the root is supervisor 0.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) agents: Vec<Leaf>,
    pub(crate) supervisors: Vec<Supervisor>,
    /// Who sends messages to whom: always from an earlier agent to a later one.
    pub(crate) wires: Vec<Wire>,
}

/// A channel from one agent to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wire {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// An agent, as its supervisor sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaf {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) significant: bool,
    pub(crate) restore: Restore,
}

impl Leaf {
    /// A permanent agent that may take as long as it likes to stop.
    pub(crate) const PERMANENT: Self = Self {
        restart: Restart::Permanent,
        shutdown: Shutdown::Infinity,
        significant: false,
        restore: Restore::Checkpoint,
    };

    pub(crate) const fn restart(self, restart: Restart) -> Self {
        Self { restart, ..self }
    }

    pub(crate) const fn shutdown(self, shutdown: Shutdown) -> Self {
        Self { shutdown, ..self }
    }

    pub(crate) const fn significant(self) -> Self {
        Self { significant: true, ..self }
    }
}

impl Tree {
    /// A root without children.
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self { agents: Vec::new(), supervisors: vec![supervisor(0, strategy)], wires: Vec::new() }
    }

    /// A root over these agents.
    pub(crate) fn flat(strategy: Strategy, leaves: &[Leaf]) -> Self {
        let mut tree = Self::new(strategy);
        for leaf in leaves {
            tree.agent(0, *leaf);
        }
        tree
    }

    /// One more agent, the youngest child of a supervisor.
    pub(crate) fn agent(&mut self, under: usize, leaf: Leaf) -> usize {
        let nth = self.agents.len();
        self.agents.push(leaf);
        self.supervisors[under].children.push(Child::Agent(AgentId(small(nth))));
        nth
    }

    /// One more supervisor, the youngest child of a supervisor.
    pub(crate) fn below(&mut self, under: usize, strategy: Strategy) -> usize {
        let nth = self.supervisors.len();
        self.supervisors.push(supervisor(nth, strategy));
        self.supervisors[under].children.push(Child::Supervisor(SupervisorId(small(nth))));
        nth
    }

    /// How often it may restart children within a time, in ms.
    pub(crate) fn intensity(mut self, intensity: u32, period_ms: u64) -> Self {
        self.supervisors[0].intensity = intensity;
        self.supervisors[0].period_ms = period_ms;
        self
    }

    /// When the root shuts itself down.
    pub(crate) fn auto(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.supervisors[0].auto_shutdown = auto_shutdown;
        self
    }

    /// An agent's input and output, if it has them. Every other output waits for its readers.
    fn ports(&self, nth: usize, ty: TypeId) -> (Vec<InputPort>, Vec<OutputPort>) {
        let from = self.wires.iter().filter(|wire| wire.to == nth);
        let from: Vec<PortId> = from.map(|wire| output(wire.from)).collect();
        let readers = self.wires.iter().filter(|wire| wire.from == nth);
        let readers: Vec<PortId> = readers.map(|wire| input(wire.to)).collect();
        let (feedback, name) = (Vec::new(), String::from("in"));
        let inputs = InputPort { port: input(nth), name, ty, from, feedback };
        let overflow = if nth.is_multiple_of(2) { Overflow::Block } else { Overflow::DropNewest };
        let (port, name) = (output(nth), String::from("out"));
        let outputs = OutputPort { port, name, ty, readers, capacity: 2, overflow };
        let inputs = Some(inputs).filter(|input| !input.from.is_empty());
        let outputs = Some(outputs).filter(|output| !output.readers.is_empty());
        (inputs.into_iter().collect(), outputs.into_iter().collect())
    }

    /// What a kernel needs to run it: agents whose events are tried again at once, and forever.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        let mut types = TypeTable::default();
        let ty = types.intern(Type::Json);
        let agents = self.agents.iter().enumerate().map(|(nth, leaf)| {
            let (inputs, outputs) = self.ports(nth, ty);
            // One that sends nothing may ask: whether it goes on after an answer is then nobody else's doing.
            let asks = outputs.is_empty().then(|| anywhere(nth));
            let http = asks.into_iter().collect();
            let grants = Grants { http, ..Grants::default() };
            Agent { inputs, outputs, grants, ..agent(nth, *leaf) }
        });
        Arc::new(Plan {
            name: String::from("tree"),
            description: String::new(),
            source: Digest::default(),
            agents: agents.collect(),
            types,
            supervisors: self.supervisors.clone(),
            dead_letter: None,
            params: Vec::new(),
            env: Vec::new(),
            secrets: Vec::new(),
            files: Vec::new(),
            past: Past::default(),
            reload: ReloadRules::default(),
            set: vec![],
        })
    }
}

/// An agent's input.
pub(crate) fn input(agent: usize) -> PortId {
    PortId(small(2 * agent))
}

/// An agent's output.
pub(crate) fn output(agent: usize) -> PortId {
    PortId(small(2 * agent + 1))
}

pub(crate) fn small(nth: usize) -> u32 {
    u32::try_from(nth).expect("trees are small")
}

fn supervisor(nth: usize, strategy: Strategy) -> Supervisor {
    Supervisor {
        id: SupervisorId(small(nth)),
        name: format!("s{nth}"),
        strategy,
        children: Vec::new(),
        intensity: 3,
        period_ms: 5_000,
        delay: Wait::NONE,
        restart: Restart::Permanent,
        shutdown: Shutdown::Infinity,
        significant: false,
        auto_shutdown: AutoShutdown::Never,
    }
}

/// Of every other agent somebody has to decide when nobody knows what became of what it asked.
fn anywhere(nth: usize) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Https,
        host: String::from("a.test"),
        port: 443,
        methods: vec![String::from("GET")],
        paths: vec![String::from("/")],
        local: false,
        redirects: 0,
        timeout_ms: 1_000,
        max_body: 1,
        on_unknown: nth.is_multiple_of(2).then_some(OnUnknown::Ask),
    }
}

fn agent(nth: usize, leaf: Leaf) -> Agent {
    Agent {
        id: AgentId(small(nth)),
        name: format!("a{nth}"),
        actor: String::from("std/leaf"),
        component: Digest::default(),
        config: String::from("{}"),
        grants: Grants::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        restart: leaf.restart,
        restore: leaf.restore,
        retry: Retry { max: u32::MAX, wait: Wait::NONE },
        timeout_ms: limits::TIMEOUT_MS,
        limits: GuestLimits { memory: limits::MEMORY_BYTES, fuel: limits::FUEL },
        stateless: true,
        shutdown: leaf.shutdown,
        significant: leaf.significant,
    }
}
