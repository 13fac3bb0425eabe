//! What no pruning by age erases: dead letters that the engine keeps, and plans.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::record::Body;

use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// Somebody may want to see these letters, or have them tried again. Without its plans nothing of a log can be read.
pub(super) fn kept<S: Store>(journal: &Journal<S>) -> Result<BTreeSet<Ref>, JournalError> {
    let (mut letters, mut plans) = (BTreeMap::new(), BTreeSet::new());
    for record in journal.bare(0)? {
        let record = record?;
        match record.body {
            Body::DeadLettered(body) if body.letter.is_none() => {
                letters.insert(record.seq, body.message);
            }
            Body::Retried(body) | Body::Discarded(body) => {
                letters.remove(&body.letter);
            }
            body if is_plan(&body) => {
                plans.insert(Ref::record(record.seq));
            }
            _ => {}
        }
    }
    Ok(letters.into_values().chain(plans).collect())
}

/// True if a record holds a plan.
pub(super) const fn is_plan(body: &Body) -> bool {
    matches!(body, Body::Reloaded(_) | Body::Proposed(_))
}
