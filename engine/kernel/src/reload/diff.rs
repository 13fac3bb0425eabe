//! What differs between two plans, by meaning: not by text, order or whoever was renumbered.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::same::same_type;
use super::widen::{Widening, widenings};
use crate::ids::{PortId, SupervisorId, TypeId};
use crate::plan::{Agent, Child, InputPort, OutputPort, Plan, Supervisor};
use crate::record::Counts;

/// All that differs, by what it is about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// By kind of what they are about, then by name; one of these may have several.
    pub all: Vec<Change>,
    /// What gives somebody more than they had: it needs approval.
    pub widenings: Vec<Widening>,
    /// Agents that go and keep something in mind from one event to the next, which goes with them; by name.
    pub forgets: Vec<String>,
}

/// Something that differs about one agent or supervisor, or about the file's rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Change {
    /// The agent's or the supervisor's name; `[reload]` for the rules.
    pub name: String,
    /// How it differs.
    pub kind: Kind,
}

/// How something differs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// An agent is new.
    Start,
    /// An agent is gone.
    Stop,
    /// An agent goes on with its state as another instance.
    Replace(Vec<Why>),
    /// An agent reads other outputs, or its letters come from elsewhere.
    Rewire,
    /// An agent's limits, retries or places for messages are others.
    Retune(Vec<&'static str>),
    /// An agent may do other things.
    Regrant,
    /// An agent or a supervisor is supervised otherwise.
    Supervise(Vec<&'static str>),
    /// A supervisor is new.
    StartSupervisor,
    /// A supervisor is gone.
    StopSupervisor,
    /// What the file says of its own changes is other, see [`ReloadRules`](crate::plan::ReloadRules): the keys. Nobody
    /// has to do anything for it.
    Rules(Vec<&'static str>),
}

/// Why an agent needs another instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// Its component is another.
    Component,
    /// Its config is another.
    Config,
    /// Its ports are others, or their types.
    Ports,
}

impl Changes {
    /// True if nothing differs in meaning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many agents and supervisors are new, go on otherwise, and are gone. Other rules count as one that goes on.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let mut last = None;
        for change in &self.all {
            match change.kind {
                Kind::Start | Kind::StartSupervisor => counts.added += 1,
                Kind::Stop | Kind::StopSupervisor => counts.removed += 1,
                // One has several changes in a row.
                _ if last == Some(&change.name) => {}
                _ => {
                    last = Some(&change.name);
                    counts.changed += 1;
                }
            }
        }
        counts
    }
}

impl fmt::Display for Changes {
    /// A line each, as in `~ scan: limits, retry`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind.sign(), self.name, self.kind)
    }
}

impl Kind {
    /// `+` for what is new, `-` for what is gone, `~` for the rest.
    #[must_use]
    pub const fn sign(&self) -> char {
        match self {
            Self::Start | Self::StartSupervisor => '+',
            Self::Stop | Self::StopSupervisor => '-',
            _ => '~',
        }
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Start | Self::StartSupervisor => "start",
            Self::Stop | Self::StopSupervisor => "stop",
            Self::Replace(_) => "replace",
            Self::Rewire => "rewire",
            Self::Retune(_) => "retune",
            Self::Regrant => "regrant",
            Self::Supervise(_) => "supervise",
            Self::Rules(_) => "rules",
        }
    }

    /// What of it differs, if not all.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Replace(why) => why.iter().map(|why| why.word()).collect(),
            Self::Retune(keys) | Self::Supervise(keys) | Self::Rules(keys) => keys.clone(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Kind {
    /// `replace (config)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        if let Self::StartSupervisor | Self::StopSupervisor = self {
            f.write_str(" supervisor")?;
        }
        match self.keys().as_slice() {
            [] => Ok(()),
            keys => write!(f, " ({})", keys.join(", ")),
        }
    }
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Config => "config",
            Self::Ports => "ports",
        }
    }
}

/// What differs between a plan and the one that is to follow it, which must be [`adopt`](super::adopt)ed.
#[must_use]
pub fn diff(old: &Plan, new: &Plan) -> Changes {
    let mut all = Vec::new();
    for agent in new.present() {
        match old.named(&agent.name).filter(|before| before.id == agent.id) {
            None => all.push(Change { name: agent.name.clone(), kind: Kind::Start }),
            Some(before) => {
                let kinds = of_agent((old, before), (new, agent));
                all.extend(kinds.map(|kind| Change { name: agent.name.clone(), kind }));
            }
        }
    }
    let gone = old.present().filter(|agent| new.named(&agent.name).is_none());
    all.extend(gone.map(|agent| Change { name: agent.name.clone(), kind: Kind::Stop }));
    all.sort_unstable();
    let mut tree = of_supervisors(old, new);
    tree.sort_unstable();
    all.append(&mut tree);
    all.extend(of_rules(old, new));
    let keeps = |name: &String| old.named(name).is_some_and(|agent| !agent.stateless);
    let goes = all.iter().filter(|change| change.kind == Kind::Stop).map(|change| &change.name);
    let forgets = goes.filter(|name| keeps(name)).cloned().collect();
    Changes { all, widenings: widenings(old, new), forgets }
}

/// How an agent differs.
fn of_agent(old: (&Plan, &Agent), new: (&Plan, &Agent)) -> impl Iterator<Item = Kind> {
    let ((_, before), (_, agent)) = (old, new);
    let whys = [
        (Why::Component, before.component != agent.component),
        (Why::Config, before.config != agent.config),
        (Why::Ports, !same_ports(old, new)),
    ];
    let whys: Vec<Why> =
        whys.into_iter().filter_map(|(why, differs)| differs.then_some(why)).collect();
    let tunes = tunes(before, agent);
    let supervised = supervised(old, new);
    [
        (!whys.is_empty()).then_some(Kind::Replace(whys)),
        is_rewired(old, new).then_some(Kind::Rewire),
        (!tunes.is_empty()).then_some(Kind::Retune(tunes)),
        (before.grants != agent.grants).then_some(Kind::Regrant),
        (!supervised.is_empty()).then_some(Kind::Supervise(supervised)),
    ]
    .into_iter()
    .flatten()
}

/// True if the actor has the same ports, with the same types.
fn same_ports((old, before): (&Plan, &Agent), (new, agent): (&Plan, &Agent)) -> bool {
    let same = |one: (PortId, TypeId), other: (PortId, TypeId)| {
        one.0 == other.0 && same_type((&old.types, one.1), (&new.types, other.1))
    };
    let inputs = |agent: &Agent| agent.inputs.iter().map(|port| (port.port, port.ty)).collect();
    let outputs = |agent: &Agent| agent.outputs.iter().map(|port| (port.port, port.ty)).collect();
    let all = |one: Vec<_>, other: Vec<_>| {
        one.len() == other.len() && one.into_iter().zip(other).all(|(one, other)| same(one, other))
    };
    all(inputs(before), inputs(agent)) && all(outputs(before), outputs(agent))
}

/// True if an agent reads other outputs, or takes letters of others. Who reads it is those ones' change.
fn is_rewired((old, before): (&Plan, &Agent), (new, agent): (&Plan, &Agent)) -> bool {
    let letters = |plan: &Plan, agent: &Agent| {
        let letters = plan.dead_letter.as_ref().filter(|letters| letters.agent == agent.id);
        letters.map(|letters| (letters.port, letters.feeders.clone()))
    };
    let edges = |agent: &Agent| -> Vec<_> {
        let edges = |input: &InputPort| (input.port, sorted(&input.from), feedback(input));
        agent.inputs.iter().map(edges).collect()
    };
    edges(before) != edges(agent) || letters(old, before) != letters(new, agent)
}

fn feedback(input: &InputPort) -> Vec<(PortId, u32)> {
    let mut edges: Vec<_> = input.feedback.iter().map(|edge| (edge.from, edge.rounds)).collect();
    edges.sort_unstable();
    edges
}

fn sorted(ports: &[PortId]) -> Vec<PortId> {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports
}

/// Which of its figures are others, as the file names them.
fn tunes(before: &Agent, agent: &Agent) -> Vec<&'static str> {
    let places = |agent: &Agent| -> Vec<_> {
        let places = |port: &OutputPort| (port.port, port.capacity, port.overflow);
        agent.outputs.iter().map(places).collect()
    };
    // Other ports have other places: that is told with the ports.
    let same_outputs = before.outputs.len() == agent.outputs.len()
        && before.outputs.iter().zip(&agent.outputs).all(|(one, other)| one.port == other.port);
    chosen([
        ("limits", before.limits != agent.limits),
        ("timeout", before.timeout_ms != agent.timeout_ms),
        ("retry", before.retry != agent.retry),
        ("channels", same_outputs && places(before) != places(agent)),
    ])
}

/// Which of the keys of its supervision are others.
fn supervised((old, before): (&Plan, &Agent), (new, agent): (&Plan, &Agent)) -> Vec<&'static str> {
    let above = |plan: &Plan, agent: &Agent| above(plan, Child::Agent(agent.id));
    chosen([
        ("restart", before.restart != agent.restart),
        ("restore", before.restore != agent.restore),
        ("shutdown", before.shutdown != agent.shutdown),
        ("significant", before.significant != agent.significant),
        ("supervisor", above(old, before) != above(new, agent)),
    ])
}

fn chosen<const N: usize>(keys: [(&'static str, bool); N]) -> Vec<&'static str> {
    keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

/// Below whom a child stands.
fn above(plan: &Plan, child: Child) -> Option<SupervisorId> {
    let above = plan.present_supervisors().find(|supervisor| supervisor.children.contains(&child));
    above.map(|supervisor| supervisor.id)
}

fn of_rules(old: &Plan, new: &Plan) -> Option<Change> {
    let (before, rules) = (&old.reload, &new.reload);
    let keys = chosen([
        ("on_state_mismatch", before.on_state_mismatch != rules.on_state_mismatch),
        ("on_type_mismatch", before.on_type_mismatch != rules.on_type_mismatch),
        ("on_delete", before.on_delete != rules.on_delete),
    ]);
    (!keys.is_empty()).then(|| Change { name: String::from("[reload]"), kind: Kind::Rules(keys) })
}

fn of_supervisors(old: &Plan, new: &Plan) -> Vec<Change> {
    let change = |name: &String, kind| Change { name: name.clone(), kind };
    let mut all = Vec::new();
    for supervisor in new.present_supervisors() {
        let before = old.supervisor_named(&supervisor.name);
        match before.filter(|before| before.id == supervisor.id) {
            None => all.push(change(&supervisor.name, Kind::StartSupervisor)),
            Some(before) => {
                let keys = of_supervisor((old, before), (new, supervisor));
                let kind = (!keys.is_empty()).then_some(Kind::Supervise(keys));
                all.extend(kind.map(|kind| change(&supervisor.name, kind)));
            }
        }
    }
    let gone = old.present_supervisors();
    let gone = gone.filter(|supervisor| new.supervisor_named(&supervisor.name).is_none());
    all.extend(gone.map(|supervisor| change(&supervisor.name, Kind::StopSupervisor)));
    all
}

fn of_supervisor(
    (old, before): (&Plan, &Supervisor),
    (new, supervisor): (&Plan, &Supervisor),
) -> Vec<&'static str> {
    let above = |plan: &Plan, id| above(plan, Child::Supervisor(id));
    chosen([
        ("strategy", before.strategy != supervisor.strategy),
        ("children", before.children != supervisor.children),
        ("intensity", before.intensity != supervisor.intensity),
        ("period", before.period_ms != supervisor.period_ms),
        ("delay", before.delay != supervisor.delay),
        ("restart", before.restart != supervisor.restart),
        ("shutdown", before.shutdown != supervisor.shutdown),
        ("significant", before.significant != supervisor.significant),
        ("auto_shutdown", before.auto_shutdown != supervisor.auto_shutdown),
        ("supervisor", above(old, before.id) != above(new, supervisor.id)),
    ])
}
