//! A record as JSON.

use theater_flow_kernel::record::{
    Attempt, Body, Confirmed, Consumed, Continued, Crash, CrashKind, Crashed, DeadLetterReason,
    DeadLettered, DropChoice, Dropped, End, EngineFacts, Forked, Genesis, Incarnation, Next,
    Origin, Paused, Pruned, Pruning, Received, Resumed, Snapshot,
};

use super::json::{Fields, Json};
use super::part::{self, Form};
use super::{Detail, Row, View};
use super::{ask, fork, reload};

impl View<'_> {
    /// The record as one JSON object: `seq`, `hash`, `prev`, `at` (ms since 1970), `kind`, `agent` (its
    /// name, or null), `causes` (`seq` or `seq.i`), `parts`, what its kind has besides, and `summary`.
    #[must_use]
    pub fn line(&self, row: &Row, detail: Detail) -> Json {
        let record = &row.record;
        let agent = record.body.agent().map(|id| Json::text(self.agent(id)));
        let parts = row.parts().map(|part| self.part_json(row, part, detail));
        let mut fields = vec![
            ("seq", record.seq.into()),
            ("hash", Json::text(row.hash)),
            ("prev", Json::text(record.prev)),
            ("at", record.at.into()),
            ("kind", Json::text(record.body.kind())),
            ("agent", agent.into()),
            ("causes", record.causes.iter().map(Json::text).collect()),
            ("parts", parts.collect()),
        ];
        fields.extend(self.body(row, detail));
        fields.push(("summary", Json::Text(self.summary(row))));
        Json::Object(fields)
    }

    /// One part of a record as a JSON object, with the record's `seq`; `None` if it has no such part.
    #[must_use]
    pub fn part_line(&self, row: &Row, i: u32) -> Option<Json> {
        let part = row.parts().find(|(nth, _, _)| *nth == i)?;
        let mut fields = vec![("seq", row.record.seq.into())];
        match self.part_json(row, part, Detail::Full) {
            Json::Object(more) => fields.extend(more),
            other => fields.push(("part", other)),
        }
        Some(Json::Object(fields))
    }

    /// What a record of its kind says besides its parts.
    fn body(&self, row: &Row, detail: Detail) -> Fields {
        match &row.record.body {
            Body::Genesis(body) => self.genesis(body),
            Body::Resumed(body) => self.resumed(body),
            Body::Incarnation(body) => incarnation(body),
            Body::Transaction(body) => {
                let mut fields = by(body.by);
                fields.push(("consumed", self.consumed(&body.consumed)));
                fields.extend([("next", Json::text(next(body.next))), ("fuel", body.fuel.into())]);
                fields
            }
            Body::Faulted(body) => {
                let mut fields = by(body.by);
                fields.push(("consumed", self.consumed(&body.consumed)));
                let fault = said(&body.fault.code, &body.fault.message);
                fields.extend([("fault", Json::Object(fault)), ("fuel", body.fuel.into())]);
                fields
            }
            Body::Crashed(body) => self.crashed(body),
            Body::Restarted(body) => vec![
                ("supervisor", Json::text(self.supervisor(body.supervisor))),
                ("agents", body.agents.iter().map(|id| Json::text(self.agent(*id))).collect()),
                ("count", body.count.into()),
                ("counted", body.counted.into()),
            ],
            Body::Escalated(body) => {
                let supervisor = Json::text(self.supervisor(body.supervisor));
                vec![("supervisor", supervisor), ("count", body.count.into())]
            }
            Body::Stopped(body) => vec![("killed", body.killed.into())],
            Body::ShutDown(body) => {
                vec![("supervisor", Json::text(self.supervisor(body.supervisor)))]
            }
            Body::DeadLettered(body) => self.dead_lettered(body, row, detail),
            Body::Snapshot(body) => snapshot(body, row, detail),
            Body::Confirmed(body) => self.confirmed(body, row),
            Body::Ended(body) => {
                vec![("how", Json::text(end(body.how))), ("unread", body.unread.into())]
            }
            Body::Checkpoint(body) => {
                let (upto, digest) =
                    (("upto", body.upto.into()), ("digest", Json::text(body.digest)));
                vec![upto, digest, ("len", body.len.into())]
            }
            Body::Stopping(body) => vec![("by", Json::text(&body.by))],
            Body::Suspended(body) => vec![("why", Json::text(&body.why))],
            Body::Finished(body) => {
                let status = ("status", Json::text(super::status(body.status)));
                vec![status, ("dead_letters", body.dead_letters.into())]
            }
            Body::Dropped(body) => self.dropped(body),
            Body::Rested(body) => {
                let agents = body.agents.iter().map(|agent| Json::text(self.agent(*agent)));
                vec![("agents", agents.collect())]
            }
            Body::Intent(body) => self.intent(body, row),
            Body::Outcome(body) => ask::outcome(body, row, detail),
            Body::Forked(body) => self.forked(body),
            Body::Waiting(body) => ask::waiting(body),
            Body::Decided(body) => ask::decided(body),
            Body::Pruned(body) => pruned(body),
            Body::Retried(body) | Body::Discarded(body) => self.resolved(body),
            Body::Paused(Paused { by }) | Body::Continued(Continued { by }) => {
                vec![("by", by.as_ref().map(ask::person).into())]
            }
            Body::Received(body) => self.received(body, row, detail),
            Body::Reloaded(body) => self.reloaded(body, row),
            Body::Proposed(body) => reload::proposed(body, row),
            Body::Refused(body) => reload::refused(body),
        }
    }

    fn confirmed(&self, body: &Confirmed, row: &Row) -> Fields {
        let (sink, upto) = (("sink", body.sink.0.into()), ("upto", body.upto.into()));
        let mut fields = vec![sink, upto, ("closed", body.closed.into())];
        part::add_path(&mut fields, self.open_file(row, body.sink));
        fields
    }

    fn received(&self, body: &Received, row: &Row, detail: Detail) -> Fields {
        let mut fields = vec![("port", Json::text(self.port(body.port)))];
        part::payload(&mut fields, &body.value, row.own_payload(), Form::Json, detail);
        fields.push(("by", ask::person(&body.by)));
        fields
    }

    fn dropped(&self, body: &Dropped) -> Fields {
        let messages = body.messages.iter().map(Json::text).collect();
        let port = ("port", Json::text(self.port(body.port)));
        let which = match body.which {
            DropChoice::Oldest => "oldest",
            DropChoice::Newest => "newest",
        };
        vec![port, ("which", Json::text(which)), ("messages", messages)]
    }

    fn genesis(&self, body: &Genesis) -> Fields {
        let component = |(actor, digest): &(String, _)| {
            Json::Object(vec![("actor", Json::text(actor)), ("sha256", Json::text(digest))])
        };
        let param = |(name, value): &(String, String)| {
            let value = Json::raw(value.as_bytes()).unwrap_or_else(|| Json::text(value));
            Json::Object(vec![("name", Json::text(name)), ("value", value)])
        };
        let mut fields = vec![
            ("run", Json::text(body.run)),
            ("pipeline", Json::text(&self.first.name)),
            ("plan", Json::text(body.plan)),
        ];
        fields.extend(engine(&body.engine));
        fields.push(("components", body.components.iter().map(component).collect()));
        fields.push(("params", self.first.params.iter().map(param).collect()));
        fields
    }

    fn forked(&self, body: &Forked) -> Fields {
        let mut fields = self.genesis(&body.genesis);
        fields.extend(fork::lineage(&body.lineage));
        fields
    }

    fn resumed(&self, body: &Resumed) -> Fields {
        let repeated = body.repeated.iter().map(|repeated| {
            let agent = ("agent", Json::text(self.agent(repeated.agent)));
            Json::Object(vec![agent, ("from", repeated.from.into()), ("to", repeated.to.into())])
        });
        let mut fields = engine(&body.engine);
        fields.push(("repeated", repeated.collect()));
        fields
    }

    fn crashed(&self, body: &Crashed) -> Fields {
        let mut fields = by(body.by);
        let consumed = body.consumed.as_ref().map(|consumed| self.consumed(consumed));
        fields.push(("consumed", consumed.into()));
        fields.push(("crash", Json::Object(crash(&body.crash))));
        fields.push(("fuel", body.fuel.into()));
        fields
    }

    fn dead_lettered(&self, body: &DeadLettered, row: &Row, detail: Detail) -> Fields {
        let why = match &body.why {
            DeadLetterReason::Fault(fault) => {
                vec![("fault", Json::Object(said(&fault.code, &fault.message)))]
            }
            DeadLetterReason::Crash(how) => vec![("crash", Json::Object(crash(how)))],
            DeadLetterReason::Ended => vec![("ended", true.into())],
            DeadLetterReason::Overflow => vec![("overflow", true.into())],
            DeadLetterReason::Rounds => vec![("rounds", true.into())],
            DeadLetterReason::Closed => vec![("closed", true.into())],
            DeadLetterReason::Unfit => vec![("unfit", true.into())],
        };
        let letter = body.letter.as_ref().map(|letter| {
            let mut fields = vec![];
            part::payload(&mut fields, letter, row.own_payload(), Form::Json, detail);
            Json::Object(fields)
        });
        vec![
            ("message", Json::text(body.message)),
            ("port", Json::text(self.port(body.port))),
            ("attempts", body.attempts.into()),
            ("why", Json::Object(why)),
            ("letter", letter.into()),
        ]
    }

    /// The event of a call.
    pub(super) fn consumed(&self, consumed: &Consumed) -> Json {
        let (kind, more) = match consumed {
            Consumed::Start => ("start", vec![]),
            Consumed::Pull => ("pull", vec![]),
            Consumed::Message { id, port } => {
                ("message", vec![("id", Json::text(id)), ("port", Json::text(self.port(*port)))])
            }
            Consumed::Closed { port } => ("closed", vec![("port", Json::text(self.port(*port)))]),
            Consumed::Timer { name } => ("timer", vec![("name", Json::text(name))]),
        };
        Json::Object([("kind", Json::text(kind))].into_iter().chain(more).collect())
    }
}

pub(super) fn by(by: Attempt) -> Fields {
    let incarnation = ("incarnation", by.incarnation.into());
    vec![("instance", by.instance.into()), incarnation, ("attempt", by.attempt.into())]
}

fn engine(facts: &EngineFacts) -> Fields {
    vec![
        ("engine", Json::text(&facts.engine)),
        ("wasmtime", Json::text(&facts.wasmtime)),
        ("flags", facts.flags.iter().map(Json::text).collect()),
    ]
}

fn incarnation(body: &Incarnation) -> Fields {
    let mut fields = vec![("instance", body.instance.into()), ("incarnation", body.n.into())];
    match body.from {
        Origin::Fresh => fields.push(("from", Json::text("fresh"))),
        Origin::Checkpoint { snapshot, redone } => fields.extend([
            ("from", Json::text("checkpoint")),
            ("snapshot", snapshot.into()),
            ("redone", redone.into()),
        ]),
    }
    fields.extend([
        ("component", Json::text(body.component)),
        ("config", Json::text(body.config)),
        ("fuel", body.fuel.into()),
    ]);
    fields
}

fn snapshot(body: &Snapshot, row: &Row, detail: Detail) -> Fields {
    let mut state = vec![];
    part::payload(&mut state, &body.state, row.own_payload(), Form::Text, detail);
    vec![
        ("instance", body.instance.into()),
        ("incarnation", body.incarnation.into()),
        ("state", Json::Object(state)),
        ("fuel", body.fuel.into()),
    ]
}

fn said(code: &str, message: &str) -> Fields {
    vec![("code", Json::text(code)), ("message", Json::text(message))]
}

fn crash(crash: &Crash) -> Fields {
    vec![("kind", Json::text(crash_kind(crash.kind))), ("message", Json::text(&crash.message))]
}

/// A crash in words.
pub(super) fn crashed(crash: &Crash) -> String {
    crash_text(crash_kind(crash.kind), &crash.message)
}

/// The word for a kind of crash and its message; what that repeats of the kind is left out.
pub(super) fn crash_text(kind: &str, message: &str) -> String {
    let message = message.strip_prefix("wasm trap: ").unwrap_or(message);
    let again = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": "));
    format!("{kind}: {}", again.unwrap_or(message))
}

/// The word for a kind of crash.
pub(super) const fn crash_kind(kind: CrashKind) -> &'static str {
    match kind {
        CrashKind::Trap => "trap",
        CrashKind::Fuel => "fuel",
        CrashKind::Memory => "memory",
        CrashKind::Limit => "limit",
        CrashKind::Timeout => "timeout",
        CrashKind::Divergence => "divergence",
        CrashKind::Init => "init",
        CrashKind::Fault => "fault",
        CrashKind::Write => "write",
    }
}

/// The word for what a guest answered.
pub(super) const fn next(next: Next) -> &'static str {
    match next {
        Next::Wait => "wait",
        Next::More => "more",
        Next::Done => "done",
    }
}

/// The word for how an agent ended.
pub(super) const fn end(end: End) -> &'static str {
    match end {
        End::Finished => "finished",
        End::Done => "done",
        End::Crashed => "crashed",
        End::Stopped => "stopped",
        End::Removed => "removed",
    }
}

fn pruned(body: &Pruned) -> Fields {
    let what = match body.what {
        Pruning::Before(before) => ("before", before.into()),
        Pruning::Of(of) => ("of", Json::text(of)),
    };
    let checkpoints = body.checkpoints.iter().map(|upto| (*upto).into()).collect();
    vec![
        what,
        ("payloads", body.payloads.into()),
        ("bytes", body.bytes.into()),
        ("checkpoints", checkpoints),
    ]
}
