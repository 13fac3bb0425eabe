//! What a head says of a run's reloads.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::record::Body;

use crate::view;

/// Characters of a reason.
const WHAT: usize = 1_000;
/// Bytes of what a plan that waits gives to somebody: the head is written again and again.
const WIDENS: usize = 64 << 10;

/// What became of a run's reloads.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reloads {
    /// The last one.
    pub last: Option<LastReload>,
    /// The record of the plan that waits for somebody to approve it.
    pub waits: Option<u64>,
    /// What that gives to whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widens: Vec<String>,
}

/// What became of a reload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastReload {
    /// `ok`, `waits` or `refused`.
    pub outcome: String,
    /// The record that says so.
    pub record: u64,
    /// When that was, in ms since 1970.
    pub at: u64,
    /// The step from one plan to the next, `rev 7→8 (+1 ~2 -0)`, or why there is none.
    pub what: String,
}

impl Reloads {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// This plan waits, which gives that.
    pub(crate) fn wait(&mut self, waits: Option<u64>, widens: &[String]) {
        let mut bytes = 0;
        let fits = |what: &&String| {
            bytes += what.len();
            bytes <= WIDENS
        };
        let mut told: Vec<String> = widens.iter().take_while(fits).cloned().collect();
        let more = widens.len() - told.len();
        told.extend((more > 0).then(|| format!("and {more} more, which `approve` lists")));
        (self.waits, self.widens) = (waits, told);
    }

    /// A record was written at `at`, in ms since 1970. True if it is about a reload.
    pub fn note(&mut self, record: u64, at: u64, body: &Body) -> bool {
        let (outcome, what) = match body {
            Body::Reloaded(body) => {
                self.wait(None, &[]);
                let step = view::step(body.next.revision, body.next.counts);
                ("ok", step + &view::lost(body.set_aside))
            }
            Body::Proposed(body) => {
                self.wait(Some(record), &body.widens);
                ("waits", view::step(body.next.revision, body.next.counts))
            }
            Body::Refused(body) => {
                if body.proposal.is_some() && body.proposal == self.waits {
                    self.wait(None, &[]);
                }
                ("refused", body.why.chars().take(WHAT).collect())
            }
            _ => return false,
        };
        self.last = Some(LastReload { outcome: outcome.to_owned(), record, at, what });
        true
    }
}
