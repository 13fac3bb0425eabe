//! What runs: the compiled form of a pipeline file. A plan is plain data, complete and checked; nothing
//! in it is looked up again in the file, the environment or the file system.

mod retry;
mod rules;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::http::HttpGrant;
use crate::ids::{AgentId, Digest, PortId, SupervisorId, TypeId};
use crate::types::TypeTable;

pub use retry::{Backoff, Retry, Wait};
pub use rules::{OnDelete, OnStateMismatch, OnTypeMismatch, ReloadRules};

/// A compiled pipeline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The pipeline's `name`.
    pub name: String,
    /// The pipeline's `description`, maybe empty.
    pub description: String,
    /// SHA-256 of the file's text.
    pub source: Digest,
    /// All message types.
    pub types: TypeTable,
    /// In file order; an agent's id is its position.
    pub agents: Vec<Agent>,
    /// The root first; a supervisor's id is its position.
    pub supervisors: Vec<Supervisor>,
    /// Who takes dead letters; without it the engine keeps them.
    pub dead_letter: Option<DeadLetterPort>,
    /// Parameter values as they were resolved: name and JSON value.
    pub params: Vec<(String, String)>,
    /// Environment values that the file refers to: name and value.
    pub env: Vec<(String, String)>,
    /// Names of the secrets that the file refers to.
    pub secrets: Vec<String>,
    /// What earlier plans of the run have left; nothing in a plan as it was compiled.
    pub past: Past,
    /// What the file says of going over to another plan.
    pub reload: ReloadRules,
    /// Names of the parameters whose values were given from outside the file, in file order.
    pub set: Vec<String>,
    /// The absolute paths of files outside of the pipeline's folder whose texts stand in configs, in order.
    pub files: Vec<String>,
}

/// What earlier plans of a run have left in one: ids last as long as a run, and none is given twice.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Past {
    /// Agents that are gone, in order. They keep their places in [`Plan::agents`], wired to nobody.
    pub agents: Vec<AgentId>,
    /// Supervisors that are gone, in order. They keep their places in [`Plan::supervisors`], without children.
    pub supervisors: Vec<SupervisorId>,
    /// How many port ids were given; in a plan as it was compiled, 0 for as many as it has.
    pub ports: u32,
}

/// A node of the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// Its position in [`Plan::agents`].
    pub id: AgentId,
    /// Its name in the file.
    pub name: String,
    /// What it runs: `std/<name>`, or the absolute path of a component.
    pub actor: String,
    /// SHA-256 of the component.
    pub component: Digest,
    /// The config as JSON text, all references resolved, secrets by placeholder.
    pub config: String,
    /// What it may reach.
    pub grants: Grants,
    /// Its inputs, in the order its actor names them.
    pub inputs: Vec<InputPort>,
    /// Its outputs, in the order its actor names them.
    pub outputs: Vec<OutputPort>,
    /// When it is restarted.
    pub restart: Restart,
    /// From what it is restarted.
    pub restore: Restore,
    /// What happens after a fault or a crash at an event.
    pub retry: Retry,
    /// Wall time of one event, in ms.
    pub timeout_ms: u64,
    /// Bounds on the guest.
    pub limits: GuestLimits,
    /// True if nothing survives from one event to the next, as the actor says.
    pub stateless: bool,
    /// How long it may take to come to rest when its supervisor stops it.
    pub shutdown: Shutdown,
    /// Its own end may end its supervisor, see [`AutoShutdown`]. Never that of a permanent one.
    pub significant: bool,
}

/// An input port with the channels it reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InputPort {
    /// Its id.
    pub port: PortId,
    /// Its name in the actor.
    pub name: String,
    /// What arrives there.
    pub ty: TypeId,
    /// The output ports it reads, in file order; empty if it is unwired.
    pub from: Vec<PortId>,
    /// The output ports that feed back into it, in file order. Each closes a cycle.
    pub feedback: Vec<Feedback>,
}

/// An edge that closes a cycle. Its producer never waits for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feedback {
    /// The output port.
    pub from: PortId,
    /// How often a message may have gone over such edges; beyond it is a dead letter.
    pub rounds: u32,
}

/// An output port, which is a channel, with its readers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutputPort {
    /// Its id.
    pub port: PortId,
    /// Its name in the actor.
    pub name: String,
    /// What leaves there; every value is checked against it.
    pub ty: TypeId,
    /// The input ports that read it, in the order of their agents.
    pub readers: Vec<PortId>,
    /// Places per reader.
    pub capacity: u32,
    /// What happens when a reader's places are taken.
    pub overflow: Overflow,
}

/// What happens when a reader is full. Each reader is full for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Overflow {
    /// The producer waits.
    Block,
    /// Its oldest messages make place.
    DropOldest,
    /// What finds no place is dropped.
    DropNewest,
    /// What finds no place is a dead letter.
    Fail,
}

/// What an agent may reach. Nothing by default.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one grant, and they are independent")]
pub struct Grants {
    /// `clock.now`.
    pub clock: bool,
    /// `random.bytes`.
    pub random: bool,
    /// `timer.set`.
    pub timer: bool,
    /// `stdin.read`.
    pub stdin: bool,
    /// `stdout.write`.
    pub stdout: bool,
    /// Files and folders it may read.
    pub read: Vec<Root>,
    /// Files and folders it may write.
    pub write: Vec<Root>,
    /// Where it may send requests; the first that fits counts.
    pub http: Vec<HttpGrant>,
}

impl Grants {
    /// True if a call may have to wait for the world, and cannot be undone.
    #[must_use]
    pub fn asks(&self) -> bool {
        !self.http.is_empty()
    }
}

/// A file or folder, with all below it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// As the pipeline file wrote it: this is what the guest's paths begin with.
    pub name: String,
    /// Where it is: absolute.
    pub path: String,
}

/// When an agent is restarted, as in OTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Restart {
    /// Whenever it ends, unless it is finished.
    Permanent,
    /// When it crashes.
    Transient,
    /// Never.
    Temporary,
}

/// From what a restarted agent begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Restore {
    /// Its last snapshot, and what it handled since.
    Checkpoint,
    /// Nothing: `start` comes again.
    Fresh,
}

/// Bounds on one guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GuestLimits {
    /// Linear memory, in bytes.
    pub memory: u64,
    /// Fuel of one event.
    pub fuel: u64,
}

/// A supervisor of the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Supervisor {
    /// Its position in [`Plan::supervisors`].
    pub id: SupervisorId,
    /// Its name in the file.
    pub name: String,
    /// Who else goes down with a failed child.
    pub strategy: Strategy,
    /// In start order.
    pub children: Vec<Child>,
    /// Restarts allowed within the period.
    pub intensity: u32,
    /// The window in which restarts are counted, in ms.
    pub period_ms: u64,
    /// How the wait before a restart grows with the restarts in the window. OTP has none.
    pub delay: Wait,
    /// When the supervisor above starts it again after it gave up or shut itself down.
    pub restart: Restart,
    /// How long those below it may take to come to rest when the supervisor above stops it.
    pub shutdown: Shutdown,
    /// Its own end may end the supervisor above, see [`AutoShutdown`].
    pub significant: bool,
    /// Whether it shuts itself down once significant children have ended by themselves.
    pub auto_shutdown: AutoShutdown,
}

/// How long a child may take to come to rest when its supervisor stops it, as in OTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Shutdown {
    /// It is ended at once, whatever it is doing.
    BrutalKill,
    /// It ends what it is doing; after this time, in ms, it is killed.
    After(u64),
    /// It ends what it is doing, however long that takes.
    Infinity,
}

/// Whether a supervisor shuts itself down when significant children end by themselves, as in OTP: transient
/// ones without a crash, temporary ones in any way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AutoShutdown {
    /// It does not.
    Never,
    /// With the first of them.
    AnySignificant,
    /// With the last of them.
    AllSignificant,
}

/// Who else goes down with a failed child, as in OTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Strategy {
    /// Nobody.
    OneForOne,
    /// All of them.
    OneForAll,
    /// Those started after it.
    RestForOne,
}

/// A child of a supervisor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Child {
    /// An agent.
    Agent(AgentId),
    /// A supervisor below.
    Supervisor(SupervisorId),
}

/// The input that takes dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLetterPort {
    /// The agent.
    pub agent: AgentId,
    /// Its input.
    pub port: PortId,
    /// The agents whose dead letters it takes: all but itself and those that it feeds. When they have
    /// ended, the port closes.
    pub feeders: Vec<AgentId>,
}

impl Agent {
    /// True if a life after a crash begins from nothing. Not for one that may ask: the calls that led to an
    /// answer must come again.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.restore == Restore::Fresh && !self.grants.asks()
    }
}

impl Plan {
    /// The agent with this id.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(id.index())
    }

    /// The agent with this name that is not gone.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Agent> {
        self.present().find(|agent| agent.name == name)
    }

    /// The supervisor with this name that is not gone.
    #[must_use]
    pub fn supervisor_named(&self, name: &str) -> Option<&Supervisor> {
        self.present_supervisors().find(|supervisor| supervisor.name == name)
    }

    /// The agents that are not gone, by id.
    pub fn present(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().filter(|agent| self.past.agents.binary_search(&agent.id).is_err())
    }

    /// The supervisors that are not gone, by id.
    pub fn present_supervisors(&self) -> impl Iterator<Item = &Supervisor> {
        let gone = |id| self.past.supervisors.binary_search(id).is_ok();
        self.supervisors.iter().filter(move |supervisor| !gone(&supervisor.id))
    }

    /// How many port ids were given in the run so far.
    #[must_use]
    pub fn ports_given(&self) -> u32 {
        let inputs =
            self.agents.iter().flat_map(|agent| agent.inputs.iter().map(|input| input.port));
        let outputs =
            self.agents.iter().flat_map(|agent| agent.outputs.iter().map(|output| output.port));
        let last = inputs.chain(outputs).max().map_or(0, |port| port.0 + 1);
        self.past.ports.max(last)
    }

    /// The agent and the input with this port id.
    #[must_use]
    pub fn input(&self, port: PortId) -> Option<(&Agent, &InputPort)> {
        self.agents
            .iter()
            .find_map(|agent| Some((agent, agent.inputs.iter().find(|input| input.port == port)?)))
    }

    /// The agent and the output with this port id.
    #[must_use]
    pub fn output(&self, port: PortId) -> Option<(&Agent, &OutputPort)> {
        self.agents.iter().find_map(|agent| {
            Some((agent, agent.outputs.iter().find(|output| output.port == port)?))
        })
    }
}
