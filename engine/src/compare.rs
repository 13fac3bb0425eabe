//! Two runs side by side: whether they did the same, and where they first did not.
//!
//! Runs of one pipeline interleave their agents differently, so records are compared agent by agent, and by
//! what they mean: a message by its content, not by its number; no salts, times, snapshots or fuel. An
//! agent with several producers may meet the same events in another order; that alone is no difference.

mod meaning;
mod order;
mod parting;
#[cfg(test)]
mod tests;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Part};

use crate::fork;
use crate::journal::{Journal, JournalError};
use crate::store::Store;
use crate::view::Row;
use meaning::{Meaning, Meanings};
use order::Orders;
use parting::{Parting, Side, parting};
pub use written::Output;
use written::Written;

/// What the run as a whole did stands under this name, which no agent can have.
pub const RUN: &str = "-";

/// One thing that an agent did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Deed {
    seq: u64,
    meaning: Meaning,
}

/// What an agent did in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Events that it was called for, failed attempts too.
    pub calls: u64,
    /// Values that it emitted.
    pub emissions: u64,
    /// Calls that it answered with a fault.
    pub faults: u64,
    /// Ends of its lives.
    pub crashes: u64,
    /// Messages to it that were set aside.
    pub dead_letters: u64,
    /// Fuel of all calls.
    pub fuel: u64,
}

/// Where an agent wrote: its name, and what it calls the file, or where that is if it was open before what is
/// compared; empty for standard output.
pub type Place = (String, String);

/// All that a run did.
#[derive(Debug, Default)]
pub struct Account {
    /// The run goes on: what it has not done yet is no difference.
    pub goes_on: bool,
    deeds: BTreeMap<String, Vec<Deed>>,
    /// Agents that cannot have done so in another order.
    in_one_order: BTreeSet<String>,
    tallies: BTreeMap<String, Tally>,
    outputs: BTreeMap<Place, Output>,
}

/// Where two runs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// What differs between the plans, in words.
    pub plans: Vec<String>,
    /// The first thing that one did and the other did not.
    pub first: Option<First>,
    /// Agents that did the same in another order.
    pub reordered: Vec<String>,
    /// Agents of which nobody knows yet whether they do the same: one did what the other, whose run goes on, may do
    /// later.
    pub undecided: Vec<String>,
    /// By agent: what each run's did, if it has the agent.
    pub agents: Vec<(String, Pair<Tally>)>,
    /// What each run wrote, by place.
    pub outputs: Vec<(Place, Pair<Output>)>,
    /// Deeds of which some was erased, so that nobody knows whether they are the same.
    pub erased: u64,
    /// Which of the runs go on.
    pub go_on: (bool, bool),
}

/// Something of the first run and of the second.
pub type Pair<T> = (Option<T>, Option<T>);

/// See [`Comparison::first`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct First {
    /// Whose deed it is, or [`RUN`].
    pub agent: String,
    /// The records. `None` if the run has nothing there.
    pub records: Pair<u64>,
}

impl Account {
    /// Reads all of a run from a record on. It has this plan now, and has had those, the first one first.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn of<S: Store>(
        journal: &Journal<S>,
        (plan, plans): (&Arc<Plan>, &[Arc<Plan>]),
        from: u64,
    ) -> Result<Self, JournalError> {
        let (mut account, mut meanings) = (Self::default(), Meanings::new(plan, plans));
        let mut orders = Orders::default();
        let mut written = Written::behind(&fork::open_before(journal, from)?, plan);
        for agent in &plan.agents {
            account.tallies.insert(agent.name.clone(), Tally::default());
        }
        for stored in journal.records(from)? {
            let row = Row::of_stored(&stored?)?;
            orders.take(&row.record.body);
            if let Some((name, meaning)) = meanings.of(&row) {
                let deed = Deed { seq: row.record.seq, meaning };
                account.deeds.entry(name).or_default().push(deed);
            }
            if let Some(agent) = row.record.body.agent().and_then(|id| plan.agent(id)) {
                account.count(&agent.name, &row.record.body);
                written.take(&agent.name, &row, meanings.letters());
            }
        }
        account.outputs = written.outputs();
        account.in_one_order = orders.in_one_order(plan);
        for plan in plans {
            let orders = orders.in_one_order(plan);
            let not_so = |name: &String| plan.agents.iter().any(|agent| agent.name == *name);
            account.in_one_order.retain(|name| orders.contains(name) || !not_so(name));
        }
        Ok(account)
    }

    /// What an agent did.
    fn side(&self, agent: &str) -> Side<'_> {
        Side {
            deeds: self.deeds.get(agent).map_or(&[], Vec::as_slice),
            goes_on: self.goes_on,
            in_one_order: self.in_one_order.contains(agent),
        }
    }

    fn count(&mut self, agent: &str, body: &Body) {
        let Some(tally) = self.tallies.get_mut(agent) else { return };
        match body {
            Body::Transaction(body) => {
                tally.calls += 1;
                tally.fuel += body.fuel;
                let emitted = |part: &&Part| matches!(part, Part::Emission { .. });
                tally.emissions += body.parts.iter().filter(emitted).count() as u64;
            }
            Body::Faulted(body) => {
                tally.calls += 1;
                tally.faults += 1;
                tally.fuel += body.fuel;
            }
            Body::Crashed(body) => {
                tally.calls += u64::from(body.consumed.is_some());
                tally.crashes += 1;
                tally.fuel += body.fuel;
            }
            Body::Intent(body) => {
                tally.calls += 1;
                tally.fuel += body.fuel;
            }
            Body::DeadLettered(_) => tally.dead_letters += 1,
            _ => {}
        }
    }
}

impl Comparison {
    /// Compares what two runs of these plans did.
    #[must_use]
    pub fn of(accounts: (&Account, &Account), plans: (&Plan, &Plan)) -> Self {
        let (left, right) = accounts;
        let mut first = None::<((u64, u8), First)>;
        let (mut reordered, mut undecided, mut erased) = (vec![], vec![], 0);
        for name in union(&left.deeds, &right.deeds) {
            let (parted, unknown) = parting(left.side(name), right.side(name));
            erased += unknown;
            match parted {
                Parting::Never => {}
                Parting::Order => reordered.push(name.clone()),
                Parting::Open => undecided.push(name.clone()),
                Parting::At(records) => {
                    let found = First { agent: name.clone(), records };
                    // What only the second run did has no place in the first: those come last.
                    let order = match records {
                        (Some(seq), _) => (seq, 0),
                        (None, Some(seq)) => (seq, 1),
                        (None, None) => (u64::MAX, 2),
                    };
                    if first.as_ref().is_none_or(|(known, _)| order < *known) {
                        first = Some((order, found));
                    }
                }
            }
        }
        let pairs =
            |name: &String| (left.tallies.get(name).copied(), right.tallies.get(name).copied());
        let agents = union(&left.tallies, &right.tallies);
        let written =
            |place: &Place| (left.outputs.get(place).copied(), right.outputs.get(place).copied());
        let outputs = union(&left.outputs, &right.outputs);
        Self {
            plans: plan_differences(plans.0, plans.1),
            first: first.map(|(_, first)| first),
            reordered,
            undecided,
            agents: agents.into_iter().map(|name| (name.clone(), pairs(name))).collect(),
            outputs: outputs.into_iter().map(|place| (place.clone(), written(place))).collect(),
            erased,
            go_on: (left.goes_on, right.goes_on),
        }
    }

    /// True if no difference was found, but for the order; as far as those have come that go on.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let differs = |pair: &Pair<Output>| match pair {
            (Some(left), Some(right)) => !left.is_same(right) && !left.is_unknown(right),
            (left, right) => left.is_some() || right.is_some(),
        };
        let written = || !self.outputs.iter().any(|(_, pair)| differs(pair));
        self.first.is_none() && (self.go_on != (false, false) || written())
    }

    /// How many deeds and outputs cannot be compared, since some of them was erased.
    #[must_use]
    pub fn not_compared(&self) -> u64 {
        let unknown = |pair: &&Pair<Output>| matches!(pair, (Some(left), Some(right)) if left.is_unknown(right));
        self.erased + self.outputs.iter().map(|(_, pair)| pair).filter(unknown).count() as u64
    }
}

fn union<'a, K: Ord, V>(left: &'a BTreeMap<K, V>, right: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    left.keys().chain(right.keys()).collect()
}

/// What differs between two plans, in words.
pub(crate) fn plan_differences(left: &Plan, right: &Plan) -> Vec<String> {
    let mut words = vec![];
    for agent in left.present() {
        let Some(other) = right.named(&agent.name) else {
            words.push(format!("agent `{}` is in the first only", agent.name));
            continue;
        };
        let differs = [
            ("component", agent.component != other.component),
            ("config", agent.config != other.config),
            ("grants", agent.grants != other.grants),
            ("limits", agent.limits != other.limits),
        ];
        let differs: Vec<&str> =
            differs.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
        if !differs.is_empty() {
            words.push(format!("agent `{}` has other {}", agent.name, differs.join(", ")));
        }
    }
    let added = right.present().filter(|agent| left.named(&agent.name).is_none());
    words.extend(added.map(|agent| format!("agent `{}` is in the second only", agent.name)));
    for (name, value) in &left.params {
        let other = right.params.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if other != Some(value) {
            words.push(match other {
                Some(other) => format!("param `{name}` is {value}, then {other}"),
                None => format!("param `{name}` is in the first only"),
            });
        }
    }
    words
}
