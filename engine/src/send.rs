//! A message from outside, before it is one: whom it is for, and whether it is a value of the input's type.

use theater_flow_kernel::decide::NoWayIn;
use theater_flow_kernel::flow;
use theater_flow_kernel::ids::{AgentId, PortId};
use theater_flow_kernel::json;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Agent, Plan};

/// The characters of an agent's name or a port's that are no letters or digits, and of the dot between them.
const MARKS: &str = "-_/.";

/// Why a message is not sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsent {
    /// That names no input.
    #[error("`{to}` names no input: `agent.port` does, or `agent` if it has one input")]
    Name {
        /// What was named.
        to: String,
    },
    /// There is no such agent.
    #[error("there is no agent `{agent}`")]
    NoAgent {
        /// Who was named.
        agent: String,
        /// Who there is.
        known: Vec<String>,
    },
    /// The agent has no such input.
    #[error("`{agent}` has no input `{port}`")]
    NoInput {
        /// Who was named.
        agent: String,
        /// Which input was named.
        port: String,
        /// Which there are.
        known: Vec<String>,
    },
    /// It is no value of the input's type.
    #[error("this is no value of `{to}`, which is of type {ty}: {why}")]
    Value {
        /// The agent and the input.
        to: String,
        /// The input's type.
        ty: String,
        /// Where and how it differs.
        why: json::Mismatch,
    },
    /// It is longer than a message may be.
    #[error("a message has at most {} MiB", limits::PAYLOAD_BYTES >> 20)]
    TooLong,
    /// The input takes nothing now.
    #[error("`{to}` takes no message: {why}")]
    NoWayIn {
        /// The agent and the input.
        to: String,
        /// Why.
        why: NoWayIn,
    },
}

impl Unsent {
    /// True if the same can never be sent: the words are wrong, not the moment.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        !matches!(self, Self::NoWayIn { .. })
    }
}

/// True for what can stand where an input is named: a name that the socket can be asked for.
#[must_use]
pub fn is_name(to: &str) -> bool {
    !to.is_empty() && to.chars().all(|c| c.is_ascii_alphanumeric() || MARKS.contains(c))
}

/// The input that `to` names, if `value` is a value of its type.
///
/// # Errors
/// Why there is none, or it is not.
pub fn aim(plan: &Plan, to: &str, value: &str) -> Result<(AgentId, PortId), Unsent> {
    let (agent, input) = named(plan, to)?;
    if value.len() > limits::PAYLOAD_BYTES {
        return Err(Unsent::TooLong);
    }
    json::check(&plan.types, input.ty, value).map_err(|why| {
        let ty = flow::show(&plan.types, input.ty);
        Unsent::Value { to: format!("{}.{}", agent.name, input.name), ty, why }
    })?;
    Ok((agent.id, input.port))
}

/// The input of this name; an agent alone names its only one.
fn named<'p>(
    plan: &'p Plan,
    to: &str,
) -> Result<(&'p Agent, &'p theater_flow_kernel::plan::InputPort), Unsent> {
    let (name, port) = match to.split_once('.') {
        Some((name, port)) if !name.is_empty() && !port.is_empty() => (name, Some(port)),
        None if !to.is_empty() => (to, None),
        _ => return Err(Unsent::Name { to: to.to_owned() }),
    };
    let agent = plan.named(name).ok_or_else(|| {
        let known = plan.present().map(|agent| agent.name.clone()).collect();
        Unsent::NoAgent { agent: name.to_owned(), known }
    })?;
    let input = match (port, agent.inputs.as_slice()) {
        (Some(port), inputs) => inputs.iter().find(|input| input.name == port),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let none = || Unsent::NoInput {
        agent: name.to_owned(),
        port: port.unwrap_or("in").to_owned(),
        known: agent.inputs.iter().map(|input| input.name.clone()).collect(),
    };
    input.map(|input| (agent, input)).ok_or_else(none)
}
