//! What waits for somebody to decide: for people and as JSON.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, Record};
use theater_flow_kernel::state::{Asking, Stand, State};

use super::time;
use crate::render::escape::escape;
use crate::render::{Look, Tone, fit};

/// Columns of a request's line.
const BRIEF: usize = 200;

/// A request of which nobody knows whether it was made, and about which somebody has to decide.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// The record of the intent: what `approve` calls it.
    pub id: u64,
    /// Who asks.
    pub agent: String,
    /// The request's method.
    pub method: String,
    /// The request's URL.
    pub url: String,
    /// When it was asked for the last time, in ms since 1970.
    pub asked: u64,
    /// The record that says that nobody knows.
    pub held: u64,
    /// Which try at the event it is, from 1.
    pub attempt: u32,
    /// The idempotency key under which it is made if it is approved.
    pub key: String,
    /// Of a fork: the key under which the other run made it, if it did and that is another one.
    pub other_key: Option<String>,
    /// What happens if it is approved.
    pub approve: String,
    /// What happens if it is not.
    pub fail: String,
}

/// What waits, by agent.
#[must_use]
pub fn held(state: &State) -> Vec<Held> {
    state.held().map(|(id, asking)| one(state, id, asking)).collect()
}

fn one(state: &State, id: AgentId, asking: &Asking) -> Held {
    let agent = state.plan.agent(id).map_or_else(String::new, |agent| agent.name.clone());
    let request = asking.args().and_then(|args| postcard::from_bytes::<Request>(args).ok());
    let (method, url) = request.map(|request| (request.method, request.url)).unwrap_or_default();
    let held = match asking.stand {
        Stand::Held { since } => since,
        _ => asking.intent.seq,
    };
    let key = asking.key(state.kept.run);
    let other_key = asking.elsewhere.map(|run| asking.key(Some(run))).filter(|other| *other != key);
    let approve = String::from(match other_key {
        None => "it is made again, under the same key",
        Some(_) => "it is made under this run's key, which no server takes for the other run's",
    });
    let fail = format!(
        "it is not made again: `{agent}` is told `unknown`, and if the event then fails it is not tried again"
    );
    Held {
        id: asking.intent.seq,
        agent,
        method,
        url,
        asked: asking.asked,
        held,
        attempt: asking.attempt,
        key,
        other_key,
        approve,
        fail,
    }
}

impl Held {
    /// In one line.
    #[must_use]
    pub fn brief(&self) -> String {
        let Self { id, agent, method, url, .. } = self;
        fit(&escape(&format!("{id}  {agent}  {method} {url}")), BRIEF)
    }

    /// In several lines for people.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        let asked = time::date_time(self.asked);
        let key = escape(&self.key);
        let mut lines = vec![
            look.paint(Tone::Strong, &self.brief()),
            format!("    asked {asked}, attempt {}, key {key}", self.attempt),
        ];
        lines.extend(self.other_key.as_ref().map(|other| {
            let other = escape(other);
            format!("    the other run's request, if it was made, had the key {other}")
        }));
        lines.push(format!("    approve: {}", escape(&self.approve)));
        lines.push(format!("    --fail:  {}", escape(&self.fail)));
        lines
    }
}

/// A plan that waits for somebody to approve it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldPlan {
    /// The record that proposes it: what `approve` calls it.
    pub id: u64,
    /// Its number, once it is approved.
    pub revision: u32,
    /// What it gives to whom, each whole: `agent: grants.http + GET https://api.example.org/`.
    pub widens: Vec<String>,
    /// When it was proposed, in ms since 1970.
    pub asked: u64,
    /// Who proposed it, if it was somebody.
    pub by: Option<String>,
}

impl HeldPlan {
    /// What a record proposes, if it does.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let Body::Proposed(body) = &record.body else { return None };
        Some(Self {
            id: record.seq,
            revision: body.next.revision,
            widens: body.widens.clone(),
            asked: record.at,
            by: body.by.as_ref().map(ToString::to_string),
        })
    }

    /// In several lines for people.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        let Self { id, revision, widens, asked, by } = self;
        let by = by.as_ref().map_or_else(String::new, |by| format!(" by {}", escape(by)));
        let mut lines = vec![
            look.paint(Tone::Strong, &format!("{id}  plan rev {revision}")),
            format!("    proposed {}{by}", time::date_time(*asked)),
        ];
        lines.extend(widens.iter().map(|what| widening_line(what, look)));
        lines.push(String::from("    approve: the run goes over to it"));
        lines.push(String::from("    --fail:  the run goes on with the plan that it has"));
        lines
    }
}

/// Something that a plan which waits gives to somebody, whole: whoever decides has to see it.
pub(super) fn widening_line(what: &str, look: Look) -> String {
    look.paint(Tone::Bad, &format!("    gives more: {}", escape(what)))
}

/// Something that waits for somebody to decide.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Undecided {
    /// A request.
    Request(Held),
    /// A plan.
    Plan(HeldPlan),
}

impl Undecided {
    /// In several lines for people.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        match self {
            Self::Request(held) => held.lines(look),
            Self::Plan(plan) => plan.lines(look),
        }
    }
}
