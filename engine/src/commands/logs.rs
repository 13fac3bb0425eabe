//! `logs`: what agents said, and what went wrong with them.

use serde_json::Value;

use super::{live, read};
use crate::cli::Logs;
use crate::exit::{Exit, Problem};
use crate::journal::JournalError;
use crate::recover;
use crate::render::Screen;
use crate::revisions;
use crate::runs::RunDir;
use crate::view::{Filter, LogLine, Row, View};

pub(super) fn logs(screen: &Screen, run: &RunDir, args: &Logs) -> Result<Exit, Problem> {
    if let Some(client) = live::owner(run)? {
        let mut tell = |line: &str| {
            let record: Value = serde_json::from_str(line)?;
            LogLine::of_json(&record).iter().try_for_each(|line| print(screen, line, args))
        };
        return read::follow(screen, &client, args.follow, &mut tell);
    }
    let journal = read::log(run)?;
    let plan = recover::plan(&journal)?;
    // Knows the agents' names.
    Filter::new(&plan, args.agent.as_deref(), None)?;
    let plans = revisions::plans(&journal)?;
    let view = View::new(&plan).after(&plans);
    for stored in journal.records(0)? {
        let row = Row::of_stored(&stored?).map_err(JournalError::from)?;
        for line in view.logs(&row) {
            print(screen, &line, args)?;
        }
    }
    Ok(Exit::Ok)
}

/// Prints a line if it is wanted.
fn print(screen: &Screen, line: &LogLine, args: &Logs) -> std::io::Result<()> {
    let about = args.agent.as_deref().is_none_or(|agent| agent == line.agent);
    if !about || !line.is_at_least(&args.level) {
        return Ok(());
    }
    if screen.is_json() {
        screen.json_line(&line.json().to_string())
    } else {
        screen.line(&line.line(screen.look()))
    }
}
