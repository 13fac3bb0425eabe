//! For programs.

use serde_json::{Value, json as object};
use theater_flow_kernel::flow;
use theater_flow_kernel::plan::{Agent, Child, Plan};

use super::{arrows, auto_shutdown, reach, strategy};

/// `{ name, agents, supervisors, channels }`; agents and supervisors are named, channels are
/// `{ from, to, type, feedback }` with `agent.port` at both ends.
#[must_use]
pub fn json(plan: &Plan) -> Value {
    let agents: Vec<Value> = plan.agents.iter().map(|agent| node(plan, agent)).collect();
    let name = |child: &Child| match child {
        Child::Agent(id) => plan.agent(*id).map(|agent| agent.name.clone()),
        Child::Supervisor(id) => {
            plan.supervisors.get(id.index()).map(|supervisor| supervisor.name.clone())
        }
    };
    let supervisors = plan.supervisors.iter().map(|supervisor| {
        let children: Vec<_> = supervisor.children.iter().filter_map(name).collect();
        object!({
            "name": supervisor.name,
            "strategy": strategy(supervisor.strategy),
            "auto_shutdown": auto_shutdown(supervisor.auto_shutdown),
            "significant": supervisor.significant,
            "children": children,
        })
    });
    let end = |(nth, port): (usize, &str)| {
        plan.agents.get(nth).map(|agent| format!("{}.{port}", agent.name))
    };
    let channels = arrows(plan).into_iter().map(|arrow| {
        let (from, to) = (end(arrow.from), end(arrow.to));
        object!({ "from": from, "to": to, "type": arrow.ty, "feedback": arrow.feedback })
    });
    object!({
        "name": plan.name,
        "agents": agents,
        "supervisors": supervisors.collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
    })
}

fn node(plan: &Plan, agent: &Agent) -> Value {
    let port = |name: &str, ty| object!({ "name": name, "type": flow::show(&plan.types, ty) });
    let inputs: Vec<Value> = agent.inputs.iter().map(|input| port(&input.name, input.ty)).collect();
    let outputs = agent.outputs.iter().map(|output| port(&output.name, output.ty));
    object!({
        "name": agent.name,
        "actor": agent.actor,
        "significant": agent.significant,
        "reach": reach(&agent.grants),
        "inputs": inputs,
        "outputs": outputs.collect::<Vec<_>>(),
    })
}
