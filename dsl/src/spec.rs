//! What a pipeline file says, before it is known what it means. Every leaf keeps its place.

use theater_flow_kernel::http::HttpGrant;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::{
    AutoShutdown, Backoff, Overflow, ReloadRules, Restart, Restore, Shutdown, Strategy,
};

use crate::span::{At, Span};
use crate::spec_restart::Significant;
use crate::spec_tests::TestSpec;
use crate::tree::{Entry, Node};
use crate::type_text::Expr;

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) description: String,
    /// If it is a module.
    pub(crate) module: Option<ModuleSpec>,
    pub(crate) uses: Vec<UseSpec>,
    pub(crate) supervisors: Vec<SupervisorSpec>,
    pub(crate) params: Vec<ParamSpec>,
    pub(crate) types: Vec<TypeSpec>,
    pub(crate) dead_letter: Option<At<String>>,
    pub(crate) reload: ReloadRules,
    pub(crate) agents: Vec<AgentSpec>,
    pub(crate) channels: Vec<ChannelSpec>,
    pub(crate) default_channel: ChannelHabits,
    pub(crate) default_agent: Habits,
    pub(crate) default_supervisor: SupervisorHabits,
    pub(crate) tests: Vec<TestSpec>,
}

/// `[module]`.
#[derive(Debug, Default)]
pub(crate) struct ModuleSpec {
    pub(crate) span: Span,
    pub(crate) inputs: Vec<PortSpec>,
    pub(crate) outputs: Vec<PortSpec>,
}

/// A port of a module.
#[derive(Debug)]
pub(crate) struct PortSpec {
    pub(crate) name: At<String>,
    /// `None` after a fault.
    pub(crate) ty: Option<At<Expr>>,
    /// For an output: what goes out there.
    pub(crate) from: Vec<EdgeSpec>,
    pub(crate) from_span: Span,
}

/// `[use.<id>]`.
#[derive(Debug)]
pub(crate) struct UseSpec {
    pub(crate) name: At<String>,
    pub(crate) from: Option<At<String>>,
    pub(crate) inputs: Vec<InputSpec>,
    pub(crate) params: Vec<Entry>,
}

/// `[supervisors.<name>]`.
#[derive(Debug)]
pub(crate) struct SupervisorSpec {
    pub(crate) name: At<String>,
    pub(crate) children: Vec<At<String>>,
    /// There was a fault in `children`: they may be more.
    pub(crate) unclear: bool,
    pub(crate) habits: SupervisorHabits,
    pub(crate) significant: Significant,
}

/// What `[defaults.supervisor]` can say too.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SupervisorHabits {
    pub(crate) strategy: Option<At<Strategy>>,
    pub(crate) intensity: Option<u32>,
    pub(crate) period_ms: Option<u64>,
    pub(crate) delay: Option<WaitSpec>,
    pub(crate) restart: Option<At<Restart>>,
    pub(crate) shutdown: Option<At<Shutdown>>,
    pub(crate) auto_shutdown: Option<At<AutoShutdown>>,
    /// There was a fault: what is missing may have been meant to be there.
    pub(crate) unclear: bool,
}

/// `[params] <name> = { … }`.
#[derive(Debug)]
pub(crate) struct ParamSpec {
    pub(crate) name: At<String>,
    pub(crate) ty: Option<Expr>,
    pub(crate) default: Option<Node>,
}

/// `[types] <name> = …`.
#[derive(Debug)]
pub(crate) struct TypeSpec {
    pub(crate) name: At<String>,
    /// `None` after a fault; the name exists all the same.
    pub(crate) expr: Option<Expr>,
}

/// `[agents.<name>]`.
#[derive(Debug)]
pub(crate) struct AgentSpec {
    pub(crate) name: At<String>,
    pub(crate) actor: Option<At<String>>,
    pub(crate) sha256: Option<At<Digest>>,
    pub(crate) inputs: Vec<InputSpec>,
    pub(crate) outputs: Vec<OutputSpec>,
    pub(crate) config: ConfigSpec,
    pub(crate) grants: GrantsSpec,
    pub(crate) habits: Habits,
    pub(crate) significant: Significant,
}

/// `config = { … }`.
#[derive(Debug, Default)]
pub(crate) enum ConfigSpec {
    /// There is none.
    #[default]
    Absent,
    /// A table.
    Table(Node),
    /// Something else, which was said.
    Faulty,
}

/// What `[defaults.agent]` can say too.
#[derive(Debug, Default, Clone)]
pub(crate) struct Habits {
    pub(crate) restart: Option<At<Restart>>,
    pub(crate) restore: Option<Restore>,
    /// There was a fault in `restart` or `restore`.
    pub(crate) unclear: bool,
    pub(crate) shutdown: Option<Shutdown>,
    pub(crate) retry: RetrySpec,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) memory: Option<u64>,
    pub(crate) fuel: Option<u64>,
}

/// `retry = { … }`.
#[derive(Debug, Default, Clone)]
pub(crate) struct RetrySpec {
    pub(crate) max: Option<u32>,
    pub(crate) wait: WaitSpec,
}

/// How a wait grows, in `retry` and `delay`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WaitSpec {
    pub(crate) backoff: Option<Backoff>,
    pub(crate) base_ms: Option<u64>,
    pub(crate) cap_ms: Option<u64>,
}

/// The producers of one input.
#[derive(Debug, Clone)]
pub(crate) struct InputSpec {
    /// `None` where the file leaves it to the actor, which has only one.
    pub(crate) port: Option<At<String>>,
    pub(crate) edges: Vec<EdgeSpec>,
    /// Where the input is wired.
    pub(crate) span: Span,
}

/// One producer of an input.
#[derive(Debug, Clone)]
pub(crate) struct EdgeSpec {
    /// `walk` or `walk.out`.
    pub(crate) from: At<String>,
    /// The type that the consumer reads it as.
    pub(crate) ty: Option<At<Expr>>,
    /// Rounds, for an edge that feeds back.
    pub(crate) feedback: Option<u32>,
}

/// `outputs = { <port> = <type> }`.
#[derive(Debug)]
pub(crate) struct OutputSpec {
    pub(crate) port: At<String>,
    pub(crate) ty: At<Expr>,
}

/// `grants = { … }`.
#[derive(Debug, Default)]
pub(crate) struct GrantsSpec {
    /// There was a fault, so that what is missing may have been meant to be there.
    pub(crate) unclear: bool,
    /// Those that are `true`, with their place.
    pub(crate) switches: Vec<At<Switch>>,
    /// Where `files` stands, if it is there.
    pub(crate) files: Option<Span>,
    pub(crate) read: Vec<Node>,
    pub(crate) write: Vec<Node>,
    /// Where `http` stands, if it is there.
    pub(crate) http: Option<Span>,
    pub(crate) hosts: Vec<HttpGrant>,
}

/// A grant that is only on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Clock,
    Random,
    Timer,
    Stdin,
    Stdout,
}

impl Switch {
    pub(crate) const ALL: [Self; 5] =
        [Self::Clock, Self::Random, Self::Timer, Self::Stdin, Self::Stdout];

    /// Its name in the file, which is that of its interface.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Timer => "timer",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
        }
    }
}

/// `[channels."agent.port"]`.
#[derive(Debug)]
pub(crate) struct ChannelSpec {
    pub(crate) name: At<String>,
    pub(crate) habits: ChannelHabits,
}

/// What `[defaults.channel]` can say too.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ChannelHabits {
    pub(crate) capacity: Option<u32>,
    pub(crate) overflow: Option<Overflow>,
}
