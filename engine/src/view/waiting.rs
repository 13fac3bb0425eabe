//! What waits for somebody to decide: for people and as JSON.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::AgentId;
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
    /// When it was asked, in ms since 1970.
    pub asked: u64,
    /// The record that says that nobody knows.
    pub held: u64,
    /// Which try at the event it is, from 1.
    pub attempt: u32,
    /// The idempotency key, the same each time it is made.
    pub key: String,
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
    let approve = String::from("it is made again, under the same key");
    let fail = format!(
        "it is not made again: `{agent}` is told `unknown`, and if the event then fails it is not tried again"
    );
    Held {
        id: asking.intent.seq,
        agent,
        method,
        url,
        asked: asking.intent.at,
        held,
        attempt: asking.attempt,
        key: asking.intent().map_or_else(String::new, |intent| intent.key.clone()),
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
        vec![
            look.paint(Tone::Strong, &self.brief()),
            format!("    asked {asked}, attempt {}, key {key}", self.attempt),
            format!("    approve: {}", escape(&self.approve)),
            format!("    --fail:  {}", escape(&self.fail)),
        ]
    }
}
