//! What the kernel knows of an ask that an agent waits for.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::gate::SoFar;
use crate::http::{self, Address, HttpGrant, OnUnknown, Request};
use crate::ids::{Bytes, RunId};
use crate::plan::Agent;
use crate::record::{Body, Consumed, Entry, Intent};

/// An attempt at an event that has asked the world.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asking {
    /// The event.
    pub consumed: Consumed,
    /// Which try at it, from 1.
    pub attempt: u32,
    /// When the attempt asked for the first time, in ms since 1970; later, if the run was not run in between, or
    /// waited for somebody: that is not the event's time.
    pub since: u64,
    /// The record of what it asked last.
    pub intent: Arc<Entry>,
    /// What is known of that.
    pub stand: Stand,
    /// It asked something that may have been done and cannot be told what came of it: the event is not tried
    /// again.
    pub unknown: bool,
    /// When what it asked last was given out to be done, for the last time, in ms since 1970.
    pub asked: u64,
    /// The run that gave it out then, if that was not this one but one that it was forked from.
    pub elsewhere: Option<RunId>,
}

/// What is known of an ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stand {
    /// It is done once this record is durable, or was.
    Open {
        /// The record.
        after: u64,
    },
    /// The process that was to do it has ended: nobody knows.
    Lost,
    /// Somebody has to say whether it is to be done again.
    Held {
        /// The record that says so.
        since: u64,
    },
    /// It is answered.
    Answered {
        /// The record of the outcome.
        outcome: u64,
        /// Postcard.
        answer: Bytes,
    },
    /// The run was forked before there was an answer: it is done in this run as well.
    Forked,
    /// Somebody decided, and nobody has acted on it.
    Decided {
        /// The record that says so.
        by: u64,
        /// It is done again.
        repeat: bool,
    },
}

impl Asking {
    /// The intent.
    #[must_use]
    pub fn intent(&self) -> Option<&Intent> {
        match &self.intent.body {
            Body::Intent(intent) => Some(intent),
            _ => None,
        }
    }

    /// What is asked, postcard.
    #[must_use]
    pub fn args(&self) -> Option<&Bytes> {
        self.intent.payloads.last()
    }

    /// The idempotency key under which run `run` makes it. What was meant in a run that this one was forked from is
    /// made once more in this run's own name, so that no server takes it for a repetition. A key that the guest has
    /// set is nobody's name, and stays.
    #[must_use]
    pub fn key(&self, run: Option<RunId>) -> String {
        let key = self.intent().map_or("", |intent| intent.key.as_str());
        let asked: Option<Request> = self.args().and_then(|args| postcard::from_bytes(args).ok());
        match (run, key.split_once('/')) {
            _ if asked.is_some_and(|asked| asked.key().is_some()) => String::from(key),
            (Some(run), Some((_, rest))) => format!("{run}/{rest}"),
            _ => String::from(key),
        }
    }

    /// What the attempt's next call is given; `None` as long as there is no answer.
    #[must_use]
    pub fn so_far(&self) -> Option<Arc<SoFar>> {
        match &self.stand {
            Stand::Answered { answer, .. } => SoFar::of(&self.intent, answer),
            Stand::Open { .. }
            | Stand::Lost
            | Stand::Forked
            | Stand::Held { .. }
            | Stand::Decided { .. } => None,
        }
    }

    /// True if it is being done, or may have been, and no record says what came of it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.stand, Stand::Open { .. } | Stand::Lost | Stand::Forked)
    }

    /// True if somebody has to decide about it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self.stand, Stand::Held { .. })
    }

    /// When the event's time is up, in ms since 1970.
    #[must_use]
    pub fn deadline(&self, agent: &Agent) -> u64 {
        self.since.saturating_add(agent.timeout_ms)
    }

    /// The request, with where it goes and the grant that lets it pass.
    #[must_use]
    pub fn request<'g>(&self, agent: &'g Agent) -> Option<(Request, Address, &'g HttpGrant)> {
        let request: Request = postcard::from_bytes(self.args()?).ok()?;
        let (grant, address) = http::admit(&agent.grants.http, &request).ok()?;
        Some((request, address, grant))
    }

    /// What happens if nobody knows what became of it.
    #[must_use]
    pub fn on_unknown(&self, agent: &Agent) -> OnUnknown {
        self.request(agent)
            .map_or(OnUnknown::Fail, |(request, _, grant)| grant.on_unknown(&request.method))
    }
}
