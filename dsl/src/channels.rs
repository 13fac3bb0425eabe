//! `[channels]`: each must be an output of its file.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::fault::{Fault, did_you_mean};
use crate::graph::Graph;
use crate::notes::Notes;
use crate::scopes::{Scopes, inside};
use crate::spec::{ChannelSpec, Spec};

/// Checks the channels of every scope.
pub(crate) fn check(scopes: &Scopes<'_>, graph: &Graph<'_>, notes: &mut Notes<'_>) {
    if scopes.units.iter().all(|unit| unit.spec.channels.is_empty()) {
        return;
    }
    let mut outputs: BTreeMap<usize, Outputs<'_>> = BTreeMap::new();
    for agent in graph.agents.iter().filter(|agent| agent.relay.is_none()) {
        let name = agent.spec.name.value.as_str();
        let outputs = outputs.entry(agent.scope).or_default();
        match &agent.ports {
            None => drop(outputs.blurred.insert(name)),
            Some(ports) => {
                let names = ports.outputs.iter().map(|port| format!("{name}.{}", port.name));
                outputs.known.extend(names);
            }
        }
    }
    for at in 0..scopes.all.len() {
        let spec = &scopes.unit(at).spec;
        let outputs = outputs.entry(at).or_default();
        for channel in &spec.channels {
            outputs.check(spec, channel, notes);
        }
    }
}

/// The outputs of one scope.
#[derive(Default)]
struct Outputs<'g> {
    known: BTreeSet<String>,
    /// Agents of which the outputs are not known.
    blurred: BTreeSet<&'g str>,
}

impl Outputs<'_> {
    fn check(&self, spec: &Spec, channel: &ChannelSpec, notes: &mut Notes<'_>) {
        let name = channel.name.value.as_str();
        let agent = name.split_once('.').map_or(name, |(agent, _)| agent);
        let known = self.blurred.contains(agent) || self.known.contains(name);
        if known || notes.enough(codes::UNKNOWN_CHANNEL) {
            return;
        }
        let span = channel.name.span;
        if let Some(fault) = inside(spec, agent, span) {
            return notes.fault(fault);
        }
        let fault = Fault::new(codes::UNKNOWN_CHANNEL, format!("no output is called `{name}`"));
        if spec.uses.iter().any(|spec| spec.name.value == agent) {
            let fault = fault.label(span, "an output of a module");
            return notes
                .fault(fault.help("its channel is in the module: say it in the module's file"));
        }
        let of_agent = |output: &&String| output.split('.').next() == Some(name);
        let own = self.known.iter().find(of_agent);
        let help = own.map(|output| format!("write [channels.\"{output}\"]"));
        let help = help.or_else(|| did_you_mean(name, self.known.iter().map(String::as_str)));
        let usual = "write [channels.\"<agent>.<output>\"]";
        let fault = fault.label(span, "a channel is called as its output").maybe_help(help);
        notes.fault(fault.maybe_help(Some(usual.to_owned())));
    }
}
