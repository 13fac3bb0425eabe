//! `dlq`: the dead letters of a run.

mod fork;
mod sort;

use std::path::Path;
use std::sync::Arc;

use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Body;
use theater_flow_kernel::state::State;

use super::{live, read};
use crate::cli::{self, Letters};
use crate::exit::{Exit, Problem};
use crate::journal::{Journal, JournalError};
use crate::letters::Deed;
use crate::log::Log;
use crate::recover;
use crate::render::Screen;
use crate::runs::RunDir;
use crate::view::{self, DeadLetter, Detail, Place, Row};

pub(super) fn dlq(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    args: &cli::Dlq,
) -> Result<Exit, Problem> {
    match &args.what {
        None => list(screen, run, None),
        Some(Letters::List { agent }) => list(screen, run, agent.as_deref()),
        Some(Letters::Show { seq }) => show(screen, run, *seq),
        Some(Letters::Retry(chosen)) => {
            sort::sort(screen, (run, folder), (Deed::Retry, chosen.which()))
        }
        Some(Letters::Drop(chosen)) => {
            sort::sort(screen, (run, folder), (Deed::Drop, chosen.which()))
        }
    }
}

/// A run as its log has it.
struct Known {
    journal: Journal<Log>,
    plan: Arc<Plan>,
    state: State,
}

impl Known {
    fn read(screen: &Screen, run: &RunDir) -> Result<Self, Problem> {
        let journal = read::log(run)?;
        let plan = recover::plan(&journal)?;
        let end = journal.flushed().seq;
        read::warn(screen, &journal, end)?;
        let state = recover::state(&journal, end)?;
        Ok(Self { journal, plan, state })
    }

    fn row(&self, seq: u64) -> Result<Row, JournalError> {
        live::row(&self.journal, seq)
    }

    /// What the dead-letter agent took. The log is not read if there is no such agent.
    fn taken(&self) -> Result<Vec<DeadLetter>, JournalError> {
        let mut taken = vec![];
        if self.plan.dead_letter.is_none() {
            return Ok(taken);
        }
        for record in self.journal.bare(self.journal.first())? {
            let record = record?;
            if let Body::DeadLettered(body) = &record.body
                && body.letter.is_some()
            {
                let row = self.row(record.seq)?;
                taken.push(DeadLetter::of_row(&self.plan, &row, body));
            }
        }
        Ok(taken)
    }

    /// One letter, whatever has become of it.
    fn letter(&self, seq: u64) -> Result<DeadLetter, Problem> {
        let kept = view::letters(&self.state).into_iter().find(|letter| letter.letter == seq);
        if let Some(letter) = kept {
            return Ok(letter);
        }
        let records = self.journal.flushed().seq;
        if seq >= records {
            return Err(read::no_record(Ref::record(seq), records));
        }
        let row = self.row(seq)?;
        let Body::DeadLettered(body) = &row.record.body else {
            let kind = row.record.body.kind();
            let help = String::from("`theater-flow dlq RUN` lists dead letters");
            return Err(Problem::usage(format!("record {seq} is no dead letter but {kind}"))
                .with_help(Some(help)));
        };
        let mut letter = DeadLetter::of_row(&self.plan, &row, body);
        if let Some(place) = self.resolved(seq)? {
            letter.place = place;
        }
        if letter.body.is_none() && body.message.seq >= self.journal.first() {
            letter.body = self.content(body.message)?;
        }
        Ok(letter)
    }

    /// What somebody did with a letter.
    fn resolved(&self, seq: u64) -> Result<Option<Place>, JournalError> {
        for record in self.journal.bare(seq)? {
            let record = record?;
            match &record.body {
                Body::Retried(body) if body.letter == seq => {
                    return Ok(Some(Place::Retried { record: record.seq }));
                }
                Body::Discarded(body) if body.letter == seq => {
                    return Ok(Some(Place::Dropped { record: record.seq }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// A message as it was emitted, or the dead letter that it is.
    fn content(
        &self,
        message: Ref,
    ) -> Result<Option<theater_flow_kernel::ids::Bytes>, JournalError> {
        let row = self.row(message.seq)?;
        Ok(match message.part {
            Some(part) => {
                let mut parts = row.parts();
                let found = parts.find(|(i, ..)| *i == part);
                found.and_then(|(_, _, payloads)| payloads.first().cloned().flatten())
            }
            None => row.own_payload().cloned(),
        })
    }
}

fn list(screen: &Screen, run: &RunDir, agent: Option<&str>) -> Result<Exit, Problem> {
    let known = Known::read(screen, run)?;
    if let Some(agent) = agent {
        view::agent_id(&known.plan, agent)?;
    }
    let mut letters = view::letters(&known.state);
    letters.extend(known.taken()?);
    letters.sort_by_key(|letter| letter.letter);
    letters.retain(|letter| agent.is_none_or(|agent| letter.agent == agent));
    for letter in &letters {
        if screen.is_json() {
            screen.json_line(&letter.json(Detail::Line).to_string())?;
        } else {
            for line in letter.lines(screen.look()) {
                screen.line(&line)?;
            }
        }
    }
    let left = view::letters_left(&known.state);
    if left > 0 {
        let id = run.id;
        screen.tell(&format!("{left} more are only in the log, since there was no place to keep them: `theater-flow events {id} --kind dead-lettered`"));
    } else if letters.is_empty() {
        let of = agent.map_or_else(String::new, |agent| format!(" of `{agent}`"));
        screen.say(&format!("run {} has no dead letters{of}", run.id));
    }
    Ok(Exit::Ok)
}

fn show(screen: &Screen, run: &RunDir, seq: u64) -> Result<Exit, Problem> {
    let letter = Known::read(screen, run)?.letter(seq)?;
    if screen.is_json() {
        screen.json_line(&letter.json(Detail::Full).to_string())?;
    } else {
        screen.line(letter.page(screen.look()).trim_end())?;
    }
    Ok(Exit::Ok)
}
