//! How letters are tried again that cannot be in their own run: in a fork from before what prevents it.

use theater_flow_kernel::ids::{AgentId, PortId, RunId};
use theater_flow_kernel::record::{Body, Consumed, Record, Transaction};

use super::Known;
use crate::commands::{live, read};
use crate::exit::Problem;
use crate::journal::{Journal, JournalError};
use crate::letters::{Order, Which};
use crate::log::Log;
use crate::runs::RunDir;

/// Letters named one by one in a command; more are all.
const NAMED: usize = 8;

/// What to type to have these letters of an order tried again; `None` if no fork helps.
pub(super) fn help(
    known: &Known,
    run: &RunDir,
    (order, letters): (&Order, &[u64]),
) -> Result<Option<String>, Problem> {
    let kept = known.state.kept.letters.iter().filter(|(seq, _)| letters.contains(seq));
    let ports: Vec<(AgentId, PortId)> =
        kept.map(|(_, letter)| (letter.agent, letter.port)).collect();
    let mut logs = Logs { known, run, above: vec![] };
    let Some(at) = before_the_end(&mut logs, &ports)? else { return Ok(None) };
    let id = run.holding(at).id;
    let begin = format!(
        "make a run that goes on from before that, with what was mended: `theater-flow fork {id} --at {at}"
    );
    if letters.iter().all(|letter| *letter > at) {
        return Ok(Some(format!("{begin}` (`--with FILE`); what waited there waits again")));
    }
    let which = which(order);
    Ok(Some(format!(
        "{begin} --hold` (`--with FILE`); then `theater-flow dlq FORK retry {which}` and `theater-flow resume FORK`"
    )))
}

/// The letters of an order, as they are typed.
fn which(order: &Order) -> String {
    match &order.which {
        Which::These(seqs) if seqs.len() <= NAMED => {
            seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
        }
        Which::All { agent: Some(agent) } => format!("--agent {agent}"),
        Which::These(_) | Which::All { agent: None } => String::from("--all"),
    }
}

/// The log of a run, and those of the runs that it was forked from.
struct Logs<'a> {
    known: &'a Known,
    run: &'a RunDir,
    /// Those that were needed so far.
    above: Vec<(RunId, Journal<Log>)>,
}

impl Logs<'_> {
    /// A record, in whichever log it stands; `None` if that log is not there any more, or cannot be read.
    fn record(&mut self, seq: u64) -> Result<Option<Record>, JournalError> {
        if seq >= self.known.journal.first() {
            return Ok(Some(self.known.row(seq)?.record));
        }
        let holds = self.run.holding(seq);
        if !self.above.iter().any(|(id, _)| *id == holds.id) {
            let Ok(log) = read::log(&holds) else { return Ok(None) };
            self.above.push((holds.id, log));
        }
        let log = self.above.iter().find(|(id, _)| *id == holds.id);
        Ok(log.and_then(|(_, log)| live::row(log, seq).ok()).map(|row| row.record))
    }
}

/// The last record from which none of these inputs comes to be closed, and none of the agents to its end, by what is
/// on record up to there.
fn before_the_end(
    logs: &mut Logs<'_>,
    ports: &[(AgentId, PortId)],
) -> Result<Option<u64>, JournalError> {
    if ports.is_empty() {
        return Ok(None);
    }
    let known = logs.known;
    for record in known.journal.bare(known.journal.first())? {
        let record = record?;
        let ends = match &record.body {
            Body::Ended(body) => ports.iter().any(|(agent, _)| *agent == body.agent),
            Body::Transaction(Transaction { by, consumed: Consumed::Closed { port }, .. }) => {
                ports.contains(&(by.agent, *port))
            }
            _ => false,
        };
        if ends {
            return Ok(began(logs, record)?.and_then(|seq| seq.checked_sub(1)));
        }
    }
    Ok(None)
}

/// The record that an end follows from, whatever is decided after it: a fork from a later one comes to the same end.
/// `None` if it stands in a log that cannot be read.
fn began(logs: &mut Logs<'_>, end: Record) -> Result<Option<u64>, JournalError> {
    let mut record = end;
    while let Some(least) = follows(&record.body) {
        let mut heaviest: Option<Record> = None;
        for cause in &record.causes {
            let Some(cause) = logs.record(cause.seq)? else { return Ok(None) };
            let weight = weight(&cause.body);
            if weight >= least
                && heaviest.as_ref().is_none_or(|other| weight > self::weight(&other.body))
            {
                heaviest = Some(cause);
            }
        }
        match heaviest {
            Some(cause) => record = cause,
            None => break,
        }
    }
    Ok(Some(record.seq))
}

/// What the record has to weigh at least that an end with this one began before; `None` if it began with this one.
const fn follows(body: &Body) -> Option<u8> {
    match body {
        // The last of a crash is often that its message was set aside.
        Body::DeadLettered(_) => Some(CRASH),
        Body::Ended(_)
        | Body::Stopped(_)
        | Body::Restarted(_)
        | Body::Escalated(_)
        | Body::ShutDown(_) => Some(0),
        _ => None,
    }
}

const CRASH: u8 = 1;

/// What a supervisor decided weighs more than a crash, and that more than what the agent had done by then.
const fn weight(body: &Body) -> u8 {
    match body {
        Body::Restarted(_) | Body::Escalated(_) | Body::ShutDown(_) => 2,
        Body::Crashed(_) => CRASH,
        _ => 0,
    }
}
