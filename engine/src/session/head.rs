//! What stands beside a log: its folder's name and its head.

use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Lineage, Status};

use super::{Place, SessionError, now_ms};
use crate::head::{Head, Parent, Reloads, Standing};
use crate::journal::{Flushed, Journal};
use crate::scribe::status_name;
use crate::store::SledStore;

/// A folder that was renamed or swapped must not be taken for another run's.
pub(crate) fn check_name(place: &Place, run: RunId) -> Result<(), SessionError> {
    let folder = place.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if folder == run.to_string() { Ok(()) } else { Err(SessionError::Another { folder, run }) }
}

/// Who ended the run may have been killed before its head said so: then it would be listed as interrupted
/// for ever.
pub(super) fn note_end(place: &Place, head: Head, status: Status, flushed: Flushed) {
    let Flushed { seq, head: hash } = flushed;
    if head.seq != seq {
        let status = String::from(status_name(status));
        let ended = Head { status, seq, head: hash, ..head };
        // A head that lags is still a lower bound.
        let _ = ended.write(&place.folder);
    }
}

/// A log that is shorter than its head, or holds something else there, must not be gone on with.
pub(crate) fn check_head(head: &Head, journal: &Journal<SledStore>) -> Result<(), SessionError> {
    match head.check(journal)? {
        Standing::Held => Ok(()),
        Standing::Shorter { records } => Err(SessionError::Behind { records, named: head.seq }),
        Standing::Different => Err(SessionError::Behind { records: head.seq, named: head.seq }),
    }
}

/// The first head of a run, or one for a run whose head is gone.
pub(crate) fn new_head(
    run: RunId,
    plan: &Plan,
    flushed: Flushed,
    lineage: Option<&Lineage>,
) -> Head {
    Head {
        run: run.to_string(),
        name: plan.name.clone(),
        status: String::from("running"),
        seq: flushed.seq,
        head: flushed.head,
        at: now_ms(),
        reloads: Reloads::default(),
        parent: lineage.map(|from| Parent { run: from.parent.to_string(), seq: from.seq }),
    }
}
