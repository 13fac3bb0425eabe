//! What the simulated workers and writers do.

use std::cell::Cell;

use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::perform;
use theater_flow_kernel::record::SinkId;
use theater_flow_kernel::work::{Activation, Done, Report, Work};

use super::guests::Native;
use super::sim::Sim;

impl Sim {
    /// A worker does one activation.
    pub(super) fn perform(&mut self) {
        let nth = self.rng.below(self.given.len());
        let Activation { agent, incarnation, work } = self.given.remove(nth);
        let cut = if self.options.cut { self.rng.below(6) + 1 } else { usize::MAX };
        let kind = self.kind(agent);
        let instance = &mut self.instances[agent.index()];
        let done = match work {
            Work::Drop => {
                // It may have been started again meanwhile.
                instance.take_if(|instance| instance.lives() < incarnation);
                return;
            }
            Work::Begin(start) => {
                let lives = self.state.agent(agent).incarnations;
                let what = (kind, lives);
                let mut new = Native::new(
                    (&self.state.plan, agent),
                    what,
                    start.sinks.clone(),
                    &self.outside,
                );
                let begun = perform::begin(&mut new, &start).expect("not interrupted");
                *instance = begun.crash.is_none().then_some(new);
                Done::Begun(begun)
            }
            Work::Handle(batch) => {
                let left = Cell::new(cut);
                let stop = || left.replace(left.get().saturating_sub(1)) == 0;
                perform::handle(instance.as_mut().expect("it lives"), batch, &stop)
            }
            Work::Snapshot => {
                let taken = perform::snapshot(instance.as_mut().expect("it lives"));
                Done::Snapshot(taken.expect("not interrupted"))
            }
        };
        self.reports.push(Report { agent, incarnation, done });
    }

    /// No worker begins what was given out for this agent.
    pub(crate) fn hold(&mut self, agent: AgentId) {
        self.stuck.extend(self.given.extract_if(.., |given| given.agent == agent));
    }

    /// Workers begin what was held.
    pub(crate) fn let_go(&mut self) {
        self.given.append(&mut self.stuck);
    }

    pub(super) fn report(&mut self) {
        let nth = self.rng.below(self.reports.len());
        let report = self.reports.remove(nth);
        let report = self.desk.reported(report);
        self.input(Input::Report(report));
    }

    /// Sinks with something durable to be written and no job under way.
    fn full(&self) -> Vec<(AgentId, SinkId, usize)> {
        let agents =
            self.state.plan.agents.iter().map(|agent| (agent.id, self.state.agent(agent.id)));
        let sinks =
            agents.flat_map(|(id, agent)| agent.writes.iter().map(move |write| (id, write)));
        let full = sinks.filter_map(|(id, (sink, write))| {
            let busy = self.written.iter().any(|written| {
                matches!(written, Input::Written { agent, sink: s, .. } if *agent == id && s == sink)
            });
            let durable = write.pending.iter().take_while(|op| op.seq < self.flushed as u64).count();
            // Two sinks on one file are written one after the other.
            let mut earlier = self.state.agent(id).writes.range(SinkId(1)..*sink.max(&SinkId(1)));
            let behind = earlier.any(|(_, other)| other.path == write.path);
            let ready = durable > 0 && !busy && !behind && write.broken.is_none();
            ready.then_some((id, *sink, durable))
        });
        full.collect()
    }

    /// Writes what is durable at one sink. False if there is nothing.
    pub(super) fn write(&mut self) -> bool {
        let full = self.full();
        if full.is_empty() {
            return false;
        }
        let (agent, sink, durable) = full[self.rng.below(full.len())];
        let ops = 1 + self.rng.below(durable);
        let write = &self.state.agent(agent).writes[&sink];
        let (upto, closed) =
            self.outside.lock().expect("one thread").write((agent, sink), write, ops);
        self.written.push(Input::Written { agent, sink, upto, closed });
        true
    }

    pub(super) fn confirm(&mut self) {
        let nth = self.rng.below(self.written.len());
        let written = self.written.remove(nth);
        self.input(written);
    }

    /// A snapshot of an instance that no worker has now.
    pub(crate) fn snapshot_now(&mut self, agent: AgentId) -> Report {
        while self.given.iter().any(|given| given.agent == agent)
            || self.reports.iter().any(|report| report.agent == agent)
        {
            self.desk = Desk::new(&self.state.plan);
            self.given.retain(|given| given.agent != agent);
            if !self.reports.is_empty() {
                self.report();
            }
        }
        let incarnation = self.state.agent(agent).incarnations;
        let instance = self.instances[agent.index()].as_mut().expect("it lives");
        let taken = perform::snapshot(instance).expect("not interrupted");
        self.desk.touch(&[agent]);
        Report { agent, incarnation, done: Done::Snapshot(taken) }
    }

    /// The lines of a file, or none.
    pub(crate) fn lines(&self, path: &str) -> Vec<String> {
        let outside = self.outside.lock().expect("one thread");
        let bytes = outside.files.get(path).cloned().unwrap_or_default();
        String::from_utf8(bytes).expect("text").lines().map(String::from).collect()
    }

    /// All files with their lines in order of their text.
    pub(crate) fn sorted_files(&self) -> Vec<(String, Vec<String>)> {
        let paths: Vec<String> =
            self.outside.lock().expect("one thread").files.keys().cloned().collect();
        let sorted = paths.into_iter().map(|path| {
            let mut lines = self.lines(&path);
            lines.sort_unstable();
            (path, lines)
        });
        sorted.collect()
    }
}
