//! Why a run did not end well: what stands before its last line.

use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Status};

use crate::journal::{Journal, JournalError};
use crate::render::Screen;
use crate::runs::RunDir;
use crate::store::SledStore;
use crate::view::{Row, View};

/// Records looked through, from the last one back: a reason that lies before them is only counted.
const LOOK_BACK: u64 = 65_536;

/// The last records that say what went wrong.
#[derive(Default)]
struct Reasons {
    crashed: Option<Row>,
    escalated: Option<Row>,
    letter: Option<Row>,
    letters: u64,
}

/// Tells why a run of `plan`, which is over, is `failed` or `degraded`. This process owns it.
pub(super) fn tell_why(screen: &Screen, run: &RunDir, plan: &Plan, status: Status) {
    // What cannot be read is no reason to end otherwise: the log is there to be looked at.
    let found = reasons(run).unwrap_or_default();
    let view = View::new(plan);
    let id = run.id;
    let (message, lists) = match status {
        Status::Completed => return,
        Status::Degraded => (degraded(&view, &found), format!("dlq {id}")),
        Status::Failed => (failed(&view, &found), format!("events {id} --kind crashed")),
    };
    let help = format!("`theater-flow {lists}` lists them");
    screen.problem(&message, Some(&help));
}

fn reasons(run: &RunDir) -> Result<Reasons, JournalError> {
    let journal = Journal::open(SledStore::open(&run.db())?)?;
    let mut found = Reasons::default();
    for stored in journal.records(journal.flushed().seq.saturating_sub(LOOK_BACK))? {
        let row = Row::of_stored(&stored?)?;
        let kept = match &row.record.body {
            Body::Crashed(_) => &mut found.crashed,
            Body::Escalated(_) => &mut found.escalated,
            Body::DeadLettered(_) => &mut found.letter,
            Body::Finished(body) => {
                found.letters = body.dead_letters;
                continue;
            }
            _ => continue,
        };
        *kept = Some(row);
    }
    Ok(found)
}

fn failed(view: &View<'_>, found: &Reasons) -> String {
    let gave_up = found.escalated.as_ref().map(|row| view.summary(row));
    let gave_up = gave_up.unwrap_or_else(|| String::from("the root supervisor gave up"));
    let last = found.crashed.as_ref().map(|row| {
        let (agent, seq) = (view.about(row), row.record.seq);
        format!(": `{agent}` crashed (record {seq}): {}", view.summary(row))
    });
    gave_up + &last.unwrap_or_default()
}

fn degraded(view: &View<'_>, found: &Reasons) -> String {
    let count = match found.letters {
        1 => String::from("1 event could not be handled"),
        more => format!("{more} events could not be handled, the last of them"),
    };
    let last = found.letter.as_ref().map(|row| {
        let (agent, seq) = (view.about(row), row.record.seq);
        format!(" by `{agent}` (record {seq}): {}", view.summary(row))
    });
    count + &last.unwrap_or_default()
}
