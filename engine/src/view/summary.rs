//! A record in one line, for people.

use serde_json::Value;
use theater_flow_kernel::record::{
    Body, Consumed, Crashed, DeadLetterReason, DeadLettered, DropChoice, Dropped, Incarnation,
    Next, Origin, Part, Person, Pruned, Pruning, Restarted, Resumed, Transaction,
};

use super::line::{crashed, end, next};
use super::logs::{
    CYCLE_RESTED, NO_PLACE, NO_PLACE_ANY_MORE, READER_ENDED, TOO_MANY_ROUNDS, gave_up,
};
use super::{Row, View, ask, count, fork, part, reload, time};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};

/// Columns of the longest kind.
const KIND: usize = 13;
/// Columns of an agent's name; a longer one is cut.
const AGENT: usize = 14;
/// Columns of a summary, at most.
const SUMMARY: usize = 320;

impl View<'_> {
    /// One line: seq, time (UTC), agent, kind, and what there is to say, cut to the look's width.
    #[must_use]
    pub fn summary_line(&self, row: &Row, look: Look) -> String {
        let record = &row.record;
        let columns = Columns {
            seq: record.seq,
            at: record.at,
            agent: record.body.agent().map_or("-", |id| self.agent(id)),
            kind: record.body.kind(),
            tone: tone(&record.body),
            summary: &self.summary(row),
        };
        columns.line(look)
    }

    /// What a record says, on one harmless line of a bounded length.
    #[must_use]
    pub fn summary(&self, row: &Row) -> String {
        let text = match &row.record.body {
            Body::Genesis(body) => {
                let agents = count(self.first.present().count() as u64, "agent", "agents");
                let (name, date) = (escape(&self.first.name), time::date_time(row.record.at));
                format!("run {} of {name} with {agents}, {date}", body.run)
            }
            Body::Resumed(body) => self.resumed_summary(body),
            Body::Incarnation(body) => incarnation(body),
            Body::Transaction(body) => self.transaction(body, row),
            Body::Faulted(body) => {
                let call = self.call(&body.consumed, body.by.attempt);
                format!("{call}: {}: {}", escape(&body.fault.code), escape(&body.fault.message))
            }
            Body::Crashed(body) => self.crash(body),
            Body::Restarted(body) => self.restart(body),
            Body::Escalated(body) => {
                gave_up(&escape(self.supervisor(body.supervisor)), body.count.into())
            }
            Body::DeadLettered(body) => self.dead_letter(body),
            Body::Snapshot(body) => format!("{} B of state", body.state.len),
            Body::Confirmed(body) => {
                let closed = if body.closed { ", closed" } else { "" };
                format!("{} up to byte {}{closed}", self.sink(row, body.sink), body.upto)
            }
            Body::Ended(body) => {
                let unread = count(body.unread, "message", "messages");
                format!("{}{}", end(body.how), some(body.unread, &format!("{unread} unread")))
            }
            Body::Checkpoint(body) => format!("{} B, all before record {}", body.len, body.upto),
            Body::Stopping(body) => format!("asked by {}", escape(&body.by)),
            Body::Suspended(body) => escape(&body.why).into_owned(),
            Body::Finished(body) => {
                let letters = count(body.dead_letters, "dead letter", "dead letters");
                format!("{}{}", super::status(body.status), some(body.dead_letters, &letters))
            }
            Body::Dropped(body) => self.dropped_brief(body),
            Body::Rested(body) => {
                let names = body.agents.iter().map(|agent| escape(self.agent(*agent)));
                format!("the cycle of {}", names.collect::<Vec<_>>().join(", "))
            }
            Body::Intent(body) => {
                let event = self.call(&body.consumed, body.by.attempt);
                format!("{event} → {}", ask::intent_brief(body, row))
            }
            Body::Outcome(body) => ask::outcome_brief(body, row),
            Body::Forked(body) => fork::brief(&body.lineage),
            Body::Waiting(body) => ask::waiting_brief(body),
            Body::Decided(body) => ask::decided_brief(body),
            Body::Pruned(body) => pruned(body),
            Body::Stopped(body) => String::from(if body.killed { "killed" } else { "at rest" }),
            Body::ShutDown(body) => {
                let supervisor = escape(self.supervisor(body.supervisor));
                format!("{supervisor}, since significant children have ended")
            }
            Body::Retried(body) => format!("{}, tried again", self.resolved_brief(body)),
            Body::Discarded(body) => format!("{}, dropped", self.resolved_brief(body)),
            Body::Reloaded(body) => reload::reloaded_brief(body),
            Body::Proposed(body) => reload::proposed_brief(body),
            Body::Refused(body) => reload::refused_brief(body),
            Body::Paused(body) => said_by(body.by.as_ref()),
            Body::Continued(body) => said_by(body.by.as_ref()),
            Body::Received(body) => {
                let (by, port) = (body.by.to_string(), escape(self.port(body.port)));
                format!("sent by {} to {port}: {}", escape(&by), part::brief(row.own_payload()))
            }
        };
        fit(&text, SUMMARY)
    }

    fn dropped_brief(&self, body: &Dropped) -> String {
        let which = match body.which {
            DropChoice::Oldest => "the oldest, to make place",
            DropChoice::Newest => "without a place",
        };
        let messages = count(body.messages.len() as u64, "message", "messages");
        format!("{} {messages}, {which}", escape(self.port(body.port)))
    }

    fn transaction(&self, body: &Transaction, row: &Row) -> String {
        let mut text = self.call(&body.consumed, body.by.attempt);
        let parts = self.parts_brief(row);
        if !parts.is_empty() {
            text = format!("{text} → {parts}");
        }
        if body.next != Next::Wait {
            text = format!("{text} · {}", next(body.next));
        }
        text
    }

    fn crash(&self, body: &Crashed) -> String {
        let call = body.consumed.as_ref().map(|event| self.call(event, body.by.attempt));
        let call = call.map_or_else(String::new, |call| call + ": ");
        format!("{call}{}", escape(&crashed(&body.crash)))
    }

    fn restart(&self, body: &Restarted) -> String {
        let agents: Vec<_> = body.agents.iter().map(|id| escape(self.agent(*id))).collect();
        let (agents, supervisor) = (agents.join(", "), escape(self.supervisor(body.supervisor)));
        let counted = if body.counted { "" } else { ", not counted" };
        format!("{agents} by {supervisor}, {} in its window{counted}", body.count)
    }

    /// A part in a few words; `None` if the record has no such part.
    #[must_use]
    pub fn part_summary(&self, row: &Row, i: u32) -> Option<String> {
        let (_, part, payloads) = row.parts().find(|(nth, _, _)| *nth == i)?;
        Some(self.part_brief(row, (part, payloads)))
    }

    /// The event of a call, and which try it is.
    fn call(&self, consumed: &Consumed, attempt: u32) -> String {
        let event = match consumed {
            Consumed::Start => "start".to_owned(),
            Consumed::Pull => "pull".to_owned(),
            Consumed::Message { id, port } => format!("{} {id}", escape(self.port(*port))),
            Consumed::Closed { port } => format!("{} closed", escape(self.port(*port))),
            Consumed::Timer { name } => format!("timer {}", escape(name)),
        };
        if attempt > 1 { format!("{event}, attempt {attempt}") } else { event }
    }

    /// The parts in a few words: one of a sort by its content, several by their number.
    fn parts_brief(&self, row: &Row) -> String {
        let mut groups: Vec<(String, String, usize)> = vec![];
        for (_, part, payloads) in row.parts() {
            let sort = self.sort(row, part);
            match groups.iter_mut().find(|(known, _, _)| *known == sort) {
                Some((_, _, known)) => *known += 1,
                None => groups.push((sort, self.part_brief(row, (part, payloads)), 1)),
            }
        }
        let groups = groups.into_iter().map(|(sort, brief, number)| match number {
            1 => brief,
            _ => format!("{number} × {sort}"),
        });
        groups.collect::<Vec<_>>().join(", ")
    }

    /// What parts are counted by.
    fn sort(&self, row: &Row, part: &Part) -> String {
        match part {
            Part::Emission { port, .. } => escape(self.port(*port)).into_owned(),
            Part::Answer { call, .. } => super::call::name(*call).to_owned(),
            Part::Denial { call, .. } => format!("denied {}", super::call::name(*call)),
            Part::Staged { sink: to, .. } => format!("write to {}", self.sink(row, *to)),
            _ => part::kind(part).to_owned(),
        }
    }

    fn resumed_summary(&self, body: &Resumed) -> String {
        let engine = escape(&body.engine.engine);
        let repeated = body.repeated.iter().map(|repeated| {
            let (agent, from, to) =
                (escape(self.agent(repeated.agent)), repeated.from, repeated.to);
            format!("; bytes {from} to {to} of {agent}'s output may stand there twice")
        });
        format!("by engine {engine}{}", repeated.collect::<String>())
    }

    fn dead_letter(&self, body: &DeadLettered) -> String {
        let why = match &body.why {
            DeadLetterReason::Fault(fault) => format!("{}: {}", fault.code, fault.message),
            DeadLetterReason::Crash(crash) => crashed(crash),
            DeadLetterReason::Ended => READER_ENDED.to_owned(),
            DeadLetterReason::Overflow => NO_PLACE.to_owned(),
            DeadLetterReason::Rounds => TOO_MANY_ROUNDS.to_owned(),
            DeadLetterReason::Closed => CYCLE_RESTED.to_owned(),
            DeadLetterReason::Unfit => NO_PLACE_ANY_MORE.to_owned(),
        };
        let attempts = count(body.attempts.into(), "attempt", "attempts");
        format!(
            "{} {} after {attempts}: {}",
            escape(self.port(body.port)),
            body.message,
            escape(&why)
        )
    }
}

fn incarnation(body: &Incarnation) -> String {
    match body.from {
        Origin::Fresh => format!("life {} from nothing", body.n),
        Origin::Checkpoint { snapshot, redone } => {
            let from =
                snapshot.map_or_else(|| "the start".to_owned(), |seq| format!("snapshot {seq}"));
            let calls = count(redone.into(), "call", "calls");
            format!("life {} from {from}, {calls} made again", body.n)
        }
    }
}

/// Who let a run stand still or go on, if it was somebody.
fn said_by(by: Option<&Person>) -> String {
    by.map_or_else(String::new, |by| format!("says {}", escape(&by.to_string())))
}

/// What follows a word, unless there are none of it.
fn some(number: u64, text: &str) -> String {
    if number == 0 { String::new() } else { format!(", {text}") }
}

/// A record that the owner of a live run sent as JSON, as the line of [`View::summary_line`].
#[must_use]
pub fn live_line(line: &Value, look: Look) -> String {
    let text = |field: &str| line[field].as_str();
    let kind = text("kind").unwrap_or("?");
    let parts = line["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let denied = parts.iter().any(|part| part["kind"] == "denial");
    let columns = Columns {
        seq: line["seq"].as_u64().unwrap_or(0),
        at: line["at"].as_u64().unwrap_or(0),
        agent: text("agent").unwrap_or("-"),
        kind,
        tone: tone_of(kind, text("status"), denied),
        summary: &escape(text("summary").unwrap_or_default()),
    };
    columns.line(look)
}

/// One line of `events`.
struct Columns<'a> {
    seq: u64,
    at: u64,
    agent: &'a str,
    kind: &'a str,
    tone: Tone,
    /// Harmless already.
    summary: &'a str,
}

impl Columns<'_> {
    fn line(&self, look: Look) -> String {
        let (seq, at) = (format!("{:>6}", self.seq), time::time_of_day(self.at));
        let agent = fit(&escape(self.agent), AGENT);
        let pad = " ".repeat(AGENT.saturating_sub(columns(&agent)));
        let kind = format!("{:<KIND$}", escape(self.kind));
        let used = columns(&seq) + columns(&at) + AGENT + columns(&kind) + 8;
        let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(used).max(1));
        let summary = fit(self.summary, room);
        let (at, kind) = (look.paint(Tone::Faint, &at), look.paint(self.tone, &kind));
        format!("{seq}  {at}  {agent}{pad}  {kind}  {summary}").trim_end().to_owned()
    }
}

fn tone(body: &Body) -> Tone {
    let status = match body {
        Body::Finished(body) => Some(super::status(body.status)),
        _ => None,
    };
    let denied = body.parts().iter().any(|part| matches!(part, Part::Denial { .. }));
    tone_of(body.kind(), status, denied)
}

fn tone_of(kind: &str, status: Option<&str>, denied: bool) -> Tone {
    match (kind, status) {
        ("finished", Some("completed")) => Tone::Good,
        ("finished", Some("degraded"))
        | (
            "paused" | "restarted" | "stopped" | "stopping" | "suspended" | "waiting" | "resumed"
            | "dropped",
            _,
        ) => Tone::Warn,
        ("finished" | "crashed" | "faulted" | "escalated" | "dead-lettered", _) => Tone::Bad,
        ("snapshot" | "checkpoint" | "confirmed", _) => Tone::Faint,
        _ if denied => Tone::Warn,
        _ => Tone::Plain,
    }
}

fn pruned(body: &Pruned) -> String {
    let payloads = count(body.payloads, "payload", "payloads");
    let whose = match body.what {
        Pruning::Before(before) => format!("of records before {before}"),
        Pruning::Of(of) => format!("of {of}"),
    };
    let checkpoints = body.checkpoints.len() as u64;
    let more = some(checkpoints, &count(checkpoints, "checkpoint", "checkpoints"));
    format!("{payloads} {whose} erased, {} B{more}", body.bytes)
}
