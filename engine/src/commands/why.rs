//! `why`: what a record follows from, or what follows from it.

use super::{live, read};
use crate::causes::{self, Direction, Question};
use crate::cli::Why;
use crate::exit::{Exit, Problem};
use crate::journal::{Journal, JournalError};
use crate::recover;
use crate::render::{Look, Screen};
use crate::revisions;
use crate::runs::RunDir;
use crate::store::Store;
use crate::view::{Row, View};

/// Records that are looked at for a tree on text, about: as many as are read while one waits.
const NEAR: usize = 5_000;

pub(super) fn why(screen: &Screen, run: &RunDir, args: &Why) -> Result<Exit, Problem> {
    let direction = if args.impact { Direction::Effects } else { Direction::Causes };
    let question = Question { what: args.what, direction, json: screen.is_json() };
    let lines = if let Some(client) = live::owner(run)? {
        let value = client.why(question, screen.look());
        let value = value.map_err(|error| Problem::failed(error.to_string()))?;
        let records = value["records"].as_u64().unwrap_or(0);
        if args.what.seq >= records {
            let help = Some(String::from("the run goes on"));
            return Err(read::no_record(args.what, records).with_help(help));
        }
        let lines = value["lines"].as_array().ok_or_else(|| read::no_part(args.what))?;
        lines.iter().filter_map(|line| line.as_str().map(String::from)).collect()
    } else {
        let journal = read::log(run)?;
        let plan = recover::plan(&journal)?;
        let records = journal.flushed().seq;
        if args.what.seq >= records {
            return Err(read::no_record(args.what, records));
        }
        let plans = revisions::plans(&journal)?;
        let view = live::view(&journal, &plan)?.after(&plans);
        let lines = answer(&journal, &view, question, screen.look())?;
        lines.ok_or_else(|| read::no_part(args.what))?
    };
    for line in lines {
        if screen.is_json() {
            screen.json_line(&line)?;
        } else {
            screen.line(&line)?;
        }
    }
    Ok(Exit::Ok)
}

/// The lines of an answer; `None` if the record has no such part. The record must be there.
pub(super) fn answer<S: Store>(
    journal: &Journal<S>,
    view: &View<'_>,
    question: Question,
    look: Look,
) -> Result<Option<Vec<String>>, JournalError> {
    let Question { what, direction, json } = question;
    let row = live::row(journal, what.seq)?;
    let parts = row.record.body.parts().len();
    if what.part.is_some_and(|part| part as usize >= parts) {
        return Ok(None);
    }
    let family = match direction {
        Direction::Causes => causes::causes(journal, what, if json { usize::MAX } else { NEAR })?,
        Direction::Effects => causes::effects(journal, what)?,
    };
    let mut failed = None;
    let mut near = journal.nearby();
    let mut rows = |seq| match near.stored(seq).and_then(|stored| Ok(Row::of_stored(&stored)?)) {
        Err(JournalError::Before { .. }) => None,
        row => row.map_err(|error| failed = Some(error)).ok(),
    };
    let lines =
        if json { view.why_json(&family, &mut rows) } else { view.why(&family, &mut rows, look) };
    failed.map_or(Ok(Some(lines)), Err)
}
