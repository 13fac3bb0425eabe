//! Errands: what guests ask of the world, on its way there. Nothing goes out before the record that asks for it is
//! durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_kernel::http::{Answer, HttpError, HttpErrorCode};
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Call, Entry, Known};
use theater_flow_kernel::state::{Stand, State};

/// Something to be done outside, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errand {
    /// The plan that the run has.
    pub plan: Arc<Plan>,
    /// Who asks.
    pub agent: AgentId,
    /// The record of the intent.
    pub intent: u64,
    /// What.
    pub call: Call,
    /// With what, postcard.
    pub args: Bytes,
    /// The idempotency key.
    pub key: String,
    /// What is left of the event's time, in ms.
    pub left_ms: u64,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Pending {
    /// By agent: the record that must be durable first.
    waiting: BTreeMap<AgentId, u64>,
    /// Agents whose errands are under way.
    out: BTreeSet<AgentId>,
    /// Agents that have ended with an errand, and whether it is under way.
    given_up: Vec<(AgentId, bool)>,
}

impl Pending {
    /// Looks at new records for what they ask.
    pub(super) fn note(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            match &entry.body {
                Body::Intent(body) => self.waiting.insert(body.by.agent, entry.seq),
                Body::Outcome(body) if body.how == Known::Repeated => {
                    self.waiting.insert(body.agent, entry.seq)
                }
                Body::Ended(body) => {
                    let out = self.out.contains(&body.agent);
                    let waits = self.waiting.remove(&body.agent).is_some();
                    self.given_up.extend((out || waits).then_some((body.agent, out)));
                    continue;
                }
                _ => continue,
            };
        }
    }

    /// Agents that have ended with an errand since this was asked last, and whether it is under way.
    pub(super) fn given_up(&mut self) -> Vec<(AgentId, bool)> {
        std::mem::take(&mut self.given_up)
    }

    /// Those that can be done now: all before `flushed` is durable.
    pub(super) fn due(&mut self, state: &State, flushed: u64, now: u64) -> Vec<Errand> {
        let ready = self.waiting.extract_if(.., |_, after| *after < flushed);
        let errands = ready.filter_map(|(id, after)| errand(state, (id, after), now));
        let errands: Vec<Errand> = errands.collect();
        self.out.extend(errands.iter().map(|errand| errand.agent));
        errands
    }

    /// The world answered.
    pub(super) fn done(&mut self, agent: AgentId) {
        self.out.remove(&agent);
    }

    /// True if nothing waits for the world.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.out.is_empty()
    }
}

/// What becomes of an ask whose agent has ended before it was made.
pub(super) fn not_made() -> Bytes {
    let why = "the agent has ended before the request was made";
    let answer: Answer = Err(HttpError::new(HttpErrorCode::Connect, why));
    postcard::to_allocvec(&answer).unwrap_or_default().into()
}

fn errand(state: &State, (agent, after): (AgentId, u64), now: u64) -> Option<Errand> {
    let asking = state.agent(agent).asking.as_ref()?;
    if asking.stand != (Stand::Open { after }) {
        return None;
    }
    let (intent, args) = (asking.intent()?, asking.args()?.clone());
    let left_ms = asking.deadline(state.plan.agent(agent)?).saturating_sub(now);
    let (seq, call, key) = (asking.intent.seq, intent.call, asking.key(state.kept.run));
    let plan = Arc::clone(&state.plan);
    Some(Errand { plan, agent, intent: seq, call, args, key, left_ms })
}
