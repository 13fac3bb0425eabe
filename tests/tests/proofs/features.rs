//! What occurred in runs, as their records say.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::{AgentId, PortId, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{
    Body, Call, Consumed, CrashKind as Kind, DeadLetterReason as Why, Entry, Known, Origin, Part,
    SinkId, Status,
};

/// How often each feature occurred, and in how many runs.
#[derive(Clone, Default)]
pub(crate) struct Features(BTreeMap<&'static str, (u64, u64)>);

impl Features {
    /// Those of one run.
    pub(crate) fn of(plan: &Plan, entries: &[Entry]) -> Self {
        let mut features = Self::default();
        for entry in entries {
            features.record(&entry.body);
        }
        features.channels(plan, entries);
        features
    }

    pub(crate) fn add(&mut self, what: &'static str, times: u64) {
        let (runs, sum) = self.0.entry(what).or_default();
        *runs = u64::from(times > 0).max(*runs);
        *sum += times;
    }

    /// Those of other runs too.
    pub(crate) fn join(&mut self, other: &Self) {
        for (what, (runs, times)) in &other.0 {
            let known = self.0.entry(what).or_default();
            *known = (known.0 + runs, known.1 + times);
        }
    }

    /// In how many runs it occurred.
    pub(crate) fn runs(&self, what: &str) -> u64 {
        self.0.get(what).map_or(0, |(runs, _)| *runs)
    }

    pub(crate) fn table(&self) -> String {
        let line = |(what, (runs, times)): (&&str, &(u64, u64))| {
            format!("{what:<28} in {runs:>5} runs {times:>8} times\n")
        };
        self.0.iter().map(line).collect()
    }

    fn record(&mut self, body: &Body) {
        self.add(body.kind(), 1);
        match body {
            Body::Transaction(body) => {
                self.consumed(&body.consumed);
                self.add("retry that worked", u64::from(body.by.attempt > 1));
            }
            Body::Crashed(body) => self.add(crash_kind(body.crash.kind), 1),
            Body::DeadLettered(body) => self.add(reason(&body.why), 1),
            Body::Incarnation(body) => {
                if let Origin::Checkpoint { snapshot, redone } = body.from {
                    self.add("life from a snapshot", u64::from(snapshot.is_some()));
                    self.add("event handled again", u64::from(redone));
                }
            }
            Body::Outcome(body) => self.add(known(body.how), 1),
            Body::Finished(body) => self.add(status(body.status), 1),
            _ => {}
        }
        body.parts().iter().for_each(|part| self.part(part));
    }

    fn consumed(&mut self, consumed: &Consumed) {
        let what = match consumed {
            Consumed::Start => "event start",
            Consumed::Pull => "event pull",
            Consumed::Message { .. } => "event message",
            Consumed::Closed { .. } => "event closed",
            Consumed::Timer { .. } => "event timer",
        };
        self.add(what, 1);
    }

    fn part(&mut self, part: &Part) {
        let what = match part {
            Part::Emission { .. } => "emission",
            Part::Answer { call, .. } => answered(*call),
            Part::Denial { .. } => "denial",
            Part::Opened { .. } => "file opened",
            Part::Staged { sink: SinkId::STDOUT, .. } => "stdout written",
            Part::Staged { .. } => "file written",
            Part::Closed { .. } => "file closed",
            Part::Log { .. } => "log line",
            Part::LogDropped { .. } => "log lines dropped",
            Part::TimerSet { .. } => "timer set",
            Part::TimerCancelled { .. } => "timer cancelled",
        };
        self.add(what, 1);
    }

    /// What only shows in records that belong together.
    fn channels(&mut self, plan: &Plan, entries: &[Entry]) {
        let emitted = emitted(entries);
        let mut readers: BTreeMap<Ref, BTreeSet<AgentId>> = BTreeMap::new();
        let mut writers: BTreeMap<PortId, BTreeSet<PortId>> = BTreeMap::new();
        for entry in entries {
            let Body::Transaction(body) = &entry.body else { continue };
            let Consumed::Message { id, port } = body.consumed else { continue };
            let Some(from) = emitted.get(&id) else { continue };
            readers.entry(id).or_default().insert(body.by.agent);
            writers.entry(port).or_default().insert(*from);
            let inputs = plan.agents.iter().flat_map(|agent| &agent.inputs);
            let mut edges = inputs.filter(|input| input.port == port).flat_map(|i| &i.feedback);
            self.add("message fed back", u64::from(edges.any(|edge| edge.from == *from)));
        }
        let many = |len: usize| u64::from(len > 1);
        self.add("message to many readers", readers.values().map(|set| many(set.len())).sum());
        self.add("input of many writers", writers.values().map(|set| many(set.len())).sum());
    }
}

/// The port of each message.
fn emitted(entries: &[Entry]) -> BTreeMap<Ref, PortId> {
    let of = |entry: &'_ Entry| -> Vec<(Ref, PortId)> {
        let Body::Transaction(body) = &entry.body else { return Vec::new() };
        let parts = (0..).zip(&body.parts);
        let port = |(nth, part): (u32, &Part)| match part {
            Part::Emission { port, .. } => Some((Ref::part(entry.seq, nth), *port)),
            _ => None,
        };
        parts.filter_map(port).collect()
    };
    entries.iter().flat_map(of).collect()
}

const fn crash_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Trap => "crash by trap",
        Kind::Fuel => "crash by fuel",
        Kind::Memory => "crash by memory",
        Kind::Limit => "crash by a limit",
        Kind::Timeout => "crash by timeout",
        Kind::Divergence => "crash by divergence",
        Kind::Init => "crash in init",
        Kind::Fault => "crash by a fault at no message",
        Kind::Write => "crash by a failed write",
    }
}

const fn reason(why: &Why) -> &'static str {
    match why {
        Why::Fault(_) => "letter after a fault",
        Why::Crash(_) => "letter after a crash",
        Why::Ended => "letter to one that ended",
        Why::Overflow => "letter without a place",
        Why::Rounds => "letter after its rounds",
        Why::Closed => "letter after the rest",
        Why::Unfit => "letter of no use to a new plan",
    }
}

const fn known(how: Known) -> &'static str {
    match how {
        Known::Answered => "http answered",
        Known::Repeated => "http made again",
        Known::Unknown => "http unknown",
        Known::Held => "http held",
        Known::Made => "http made, answer too long",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Completed => "run completed",
        Status::Degraded => "run degraded",
        Status::Failed => "run failed",
    }
}

const fn answered(call: Call) -> &'static str {
    match call {
        Call::Emit => "answer to an emission",
        Call::ClockNow => "clock read",
        Call::RandomBytes => "random bytes",
        Call::FilesRead => "file read",
        Call::FilesStat => "file looked at",
        Call::FilesList => "folder listed",
        Call::FilesAppend => "file asked for to append",
        Call::FilesReplace => "file asked for to replace",
        Call::FilesClose => "answer to a close",
        Call::StdinRead => "stdin read",
        Call::HttpSend => "http answer given",
    }
}
