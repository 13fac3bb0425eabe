//! What must stay as it is when the text of a pipeline changes.

use std::collections::BTreeMap;

use theater_flow_kernel::flow;
use theater_flow_kernel::plan::{Child, Plan};

/// What a plan means, without its numbers: they follow the order of the file.
pub(crate) fn meaning(plan: &Plan) -> BTreeMap<String, String> {
    let mut ports = BTreeMap::new();
    for agent in &plan.agents {
        ports.extend(agent.inputs.iter().map(|port| (port.port, (&agent.name, &port.name))));
        ports.extend(agent.outputs.iter().map(|port| (port.port, (&agent.name, &port.name))));
    }
    let ty = |ty| flow::show(&plan.types, ty);
    let mut said = BTreeMap::new();
    for agent in &plan.agents {
        let inputs = agent.inputs.iter().map(|port| {
            let from: Vec<_> = port.from.iter().map(|from| ports[from]).collect();
            let back: Vec<_> =
                port.feedback.iter().map(|back| (ports[&back.from], back.rounds)).collect();
            (&port.name, ty(port.ty), from, back)
        });
        let inputs: Vec<_> = inputs.collect();
        let outputs = agent.outputs.iter().map(|port| {
            (&port.name, ty(port.ty), port.readers.len(), port.capacity, port.overflow)
        });
        let outputs: Vec<_> = outputs.collect();
        let ends = (agent.restart, agent.shutdown, agent.significant);
        let habits = (ends, agent.restore, &agent.retry, agent.timeout_ms, &agent.limits);
        let what = (&agent.actor, agent.component, &agent.config, &agent.grants, habits);
        said.insert(format!("agent {}", agent.name), format!("{what:#?} {inputs:#?} {outputs:#?}"));
    }
    for supervisor in &plan.supervisors {
        let child = |child: &Child| match child {
            Child::Agent(id) => plan.agents.iter().find(|a| a.id == *id).map(|a| &a.name),
            Child::Supervisor(id) => plan.supervisors.iter().find(|s| s.id == *id).map(|s| &s.name),
        };
        let children: Vec<_> = supervisor.children.iter().map(child).collect();
        let counts = (supervisor.intensity, supervisor.period_ms, supervisor.delay);
        let ends = (supervisor.restart, supervisor.shutdown, supervisor.significant);
        let habits = (supervisor.strategy, counts, ends, supervisor.auto_shutdown);
        said.insert(format!("supervisor {}", supervisor.name), format!("{habits:?} {children:?}"));
    }
    let letters = plan.dead_letter.as_ref().map(|port| ports[&port.port]);
    let rest = (&plan.name, &plan.description, letters, &plan.params, &plan.env, &plan.secrets);
    said.insert("reload".to_owned(), format!("{:?} {:?}", plan.reload, plan.set));
    said.insert("rest".to_owned(), format!("{rest:?}"));
    said
}
