//! A run whose workers do what a test says, one thing at a time: what supervisors make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::gate::Ask;
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, RunId};
use theater_flow_kernel::input::{Beginning, Input, Offer, Stamped, Switch};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{
    self, Body, Consumed, Crash, CrashKind, End, Entry, Next, Part, Payload, SinkId,
};
use theater_flow_kernel::reload::{Misfits, adopt, diff};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Activation, Begun, Call, Done, Outcome, Report, Trace, Work};

use super::plans::Build;
use super::sim::{facts, folded};

/// See the [module](self).
pub(crate) struct Play {
    plan: Arc<Plan>,
    pub(crate) state: State,
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) now: u64,
    desk: Desk,
    /// What workers have.
    given: BTreeMap<AgentId, Activation>,
    /// Records that [`says`](Self::says) has told.
    said: usize,
}

impl Play {
    /// A run that has begun.
    pub(crate) fn new(build: Build) -> Self {
        let (plan, _) = build.done();
        let (state, desk) = (State::new(Arc::clone(&plan)), Desk::new(&plan));
        let given = BTreeMap::new();
        let mut run = Self { plan, state, entries: vec![], now: 1_000, desk, given, said: 0 };
        let (id, digest) = (RunId([7; 16]), Digest::default());
        run.input(Input::Begin(Beginning {
            run: id,
            plan: digest,
            engine: facts(),
            components: vec![],
        }));
        run
    }

    /// One in which all are up: these are in the middle of an event, the others wait for a timer.
    pub(crate) fn up(build: Build, working: &[u32]) -> Self {
        let mut play = Self::new(build);
        let idle = |play: &Self, id: &AgentId| !working.contains(&id.0) || !play.has_started(*id);
        while let Some(id) = play.given.keys().copied().find(|id| idle(&play, id)) {
            if working.contains(&id.0) && play.life(id.0) == Life::Up {
                play.ends(id, (Outcome::Next(Next::More), vec![]));
            } else {
                play.goes_on(id.0);
            }
        }
        play.says();
        play
    }

    fn has_started(&self, id: AgentId) -> bool {
        self.state.agent(id).started
    }

    pub(crate) fn input(&mut self, input: Input) {
        let stamped = Stamped { wall_ms: self.now, salt: [1; 16], input };
        let step = advance(&mut self.state, &self.desk, stamped);
        self.desk.note(&step);
        self.entries.extend(step.entries);
        self.dispatch();
        let again = folded(State::new(Arc::clone(&self.plan)), &self.entries);
        assert_eq!(again.kept, self.state.kept, "the records alone say so");
    }

    fn dispatch(&mut self) {
        for given in self.desk.dispatch(&self.state, self.now) {
            if !matches!(given.work, Work::Drop) {
                assert!(self.given.insert(given.agent, given).is_none(), "one at a time");
            }
        }
    }

    /// The run goes over to another plan, at once.
    pub(crate) fn reload(&mut self, edit: impl FnOnce(&mut Plan)) {
        let old = Arc::clone(&self.state.plan);
        let mut new = Plan::clone(&old);
        edit(&mut new);
        let new = adopt(&old, new);
        let offer = Offer::new(&old, &new, &diff(&old, &new));
        let (moves, misfits) = (vec![], Misfits::Refuse);
        let switch =
            Switch { offer, moves, misfits, leave: BTreeSet::new(), proposal: None, by: None };
        let revision = self.state.kept.revision;
        self.desk.fit(&new);
        self.input(Input::Reload(Box::new(switch)));
        assert_eq!(self.state.kept.revision, revision + 1, "nothing stands in the way");
    }

    /// Time passes, as a driver lets it.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.desk.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Tick);
            assert!(self.desk.next_due().is_none_or(|next| next > due), "it would turn for ever");
        }
        self.now = end;
        self.input(Input::Tick);
    }

    /// True if a worker has something of this agent.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.given.contains_key(&AgentId(id))
    }

    fn report(&mut self, id: AgentId, done: impl FnOnce(&Activation) -> Done) {
        let given = self.given.remove(&id).expect("a worker has it");
        let (incarnation, done) = (given.incarnation, done(&given));
        let report = self.desk.reported(Report { agent: id, incarnation, done });
        self.input(Input::Report(report));
    }

    /// What a worker has of an agent ends well: it lives then, or waits for a timer.
    pub(crate) fn goes_on(&mut self, id: u32) {
        let part = Part::TimerSet { name: String::from("t"), after_ms: 1_000_000_000 };
        self.ends(AgentId(id), (Outcome::Next(Next::Wait), vec![part]));
    }

    pub(crate) fn crashes(&mut self, id: u32) {
        let crash = Crash { kind: CrashKind::Trap, message: String::from("boom") };
        self.ends(AgentId(id), (Outcome::Crash(crash), vec![]));
    }

    /// One is at an event that asks the world.
    pub(crate) fn asks(&mut self, id: u32) {
        let args = Bytes::from(&b"q"[..]);
        self.ends(
            AgentId(id),
            (Outcome::Asked(Ask { call: record::Call::HttpSend, args }), vec![]),
        );
    }

    pub(crate) fn done(&mut self, id: u32) {
        self.ends(AgentId(id), (Outcome::Next(Next::Done), vec![]));
    }

    /// One is done, and a byte that it wrote has yet to be put in its place.
    pub(crate) fn done_but_for_a_byte(&mut self, id: u32) {
        let bytes = Bytes::from(&b"x"[..]);
        let payload = Payload::commit(&Trace::default().salt, &bytes);
        let part = Part::Staged { sink: SinkId::STDOUT, offset: 0, payload };
        self.report(AgentId(id), |given| {
            let Work::Handle(batch) = &given.work else { panic!("it is at no event") };
            let (consumed, attempt) = (Consumed::Pull, batch.attempt);
            let trace =
                Trace { parts: vec![part], payloads: vec![bytes.clone()], ..Trace::default() };
            let outcome = Outcome::Next(Next::Done);
            Done::Handled(vec![Call { consumed, attempt, trace, outcome }])
        });
    }

    /// That byte is put in its place.
    pub(crate) fn writes(&mut self, id: u32) {
        let (agent, sink) = (AgentId(id), SinkId::STDOUT);
        self.input(Input::Written { agent, sink, upto: 1, closed: false });
    }

    fn ends(&mut self, id: AgentId, (outcome, parts): (Outcome, Vec<Part>)) {
        self.report(id, |given| match &given.work {
            Work::Begin(begin) => {
                let crash = match &outcome {
                    Outcome::Crash(crash) => Some(Crash { kind: CrashKind::Init, ..crash.clone() }),
                    _ => None,
                };
                Done::Begun(Begun { origin: begin.origin, call: Trace::default(), crash })
            }
            Work::Handle(batch) => {
                let consumed = batch.events.front().map_or(
                    theater_flow_kernel::record::Consumed::Pull,
                    theater_flow_kernel::work::Event::consumed,
                );
                let trace = Trace { parts, ..Trace::default() };
                Done::Handled(vec![Call { consumed, attempt: batch.attempt, trace, outcome }])
            }
            Work::Snapshot | Work::Drop => Done::Handled(vec![]),
        });
    }

    /// A worker gives back what it has of an agent.
    pub(crate) fn gives_back(&mut self, id: u32) {
        self.report(AgentId(id), |_| Done::Handled(vec![]));
    }

    /// The process dies, and another one takes the run up.
    pub(crate) fn resume(&mut self) {
        self.state = folded(State::new(Arc::clone(&self.plan)), &self.entries);
        self.desk = Desk::new(&self.plan);
        self.given.clear();
        self.input(Input::Resume(facts()));
    }

    pub(crate) fn life(&self, id: u32) -> Life {
        self.state.agent(AgentId(id)).life
    }

    /// What supervision did since this was asked last, in few words.
    pub(crate) fn says(&mut self) -> Vec<String> {
        let new = &self.entries[self.said..];
        self.said = self.entries.len();
        new.iter().filter_map(|entry| word(&entry.body)).collect()
    }
}

fn word(body: &Body) -> Option<String> {
    let agents = |ids: &[AgentId]| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        ids.join(" ")
    };
    Some(match body {
        Body::Incarnation(body) => format!("up {}", body.agent.0),
        Body::Crashed(body) => format!("crash {}", body.by.agent.0),
        Body::Restarted(body) => {
            format!("s{} restarts {} ({})", body.supervisor.0, agents(&body.agents), body.count)
        }
        Body::Escalated(body) => format!("s{} gives up ({})", body.supervisor.0, body.count),
        Body::ShutDown(body) => format!("s{} shuts down", body.supervisor.0),
        Body::Stopped(body) if body.killed => format!("killed {}", body.agent.0),
        Body::Stopped(body) => format!("stopped {}", body.agent.0),
        Body::Ended(body) => {
            let how = match body.how {
                End::Finished => "finished",
                End::Done => "done",
                End::Crashed => "crashed",
                End::Stopped => "stopped",
                End::Removed => "removed",
            };
            format!("end {} {how}", body.agent.0)
        }
        Body::Finished(body) => format!("{:?}", body.status),
        _ => return None,
    })
}
