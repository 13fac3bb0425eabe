//! What must hold of every log, whatever the model says.

use std::collections::BTreeSet;
use std::sync::Arc;

use theater_flow_kernel::plan::{Child, Plan, Restart, Strategy};
use theater_flow_kernel::record::{Body, CrashKind, End, Entry, Known, Next, Part};

/// How an agent stands, as the records have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stand {
    New,
    Alive,
    /// It crashed or is done, or a process took its life with it.
    Down,
    Stopped,
    Over(End),
}

/// A log read from its beginning.
struct Reader<'p> {
    plan: &'p Plan,
    agents: Vec<Stand>,
    /// By agent: the supervisors above it, the next one first.
    above: Vec<Vec<usize>>,
    /// By agent: its last life began when its supervisor had ended.
    late: Vec<bool>,
    /// By agent: it has answered `done`, and waits for what it wrote.
    closing: Vec<bool>,
    /// By agent: what it wrote is not in its place.
    unwritten: Vec<bool>,
    /// By agent: it was closing when its process ended.
    lost: Vec<bool>,
    /// By agent: it has asked, and a further life goes on with the event.
    asking: Vec<bool>,
    /// Records of what was asked, of which no record says what came of it.
    intents: BTreeSet<u64>,
    /// By supervisor: those above it, the root first.
    parents: Vec<Vec<usize>>,
    /// By supervisor: when it restarted children, as far as that counted.
    restarts: Vec<Vec<u64>>,
    /// By supervisor: it may have been started again, with an empty window.
    renewed: Vec<bool>,
    /// By supervisor: it gave up or shut itself down, and was not started again since.
    ended: Vec<bool>,
    /// By supervisor: it has ever done so.
    has_ended: Vec<bool>,
}

/// Checks the log of a run.
pub(crate) fn check(plan: &Plan, entries: &[Arc<Entry>]) -> Result<(), String> {
    let mut reader = Reader::new(plan);
    for entry in entries {
        reader.closes(&entry.body);
        reader.read(entry).map_err(|error| format!("record {}: {error}", entry.seq))?;
    }
    Ok(())
}

/// A log in a few words a record, for whoever has to find out why it is wrong.
pub(crate) fn story(entries: &[Arc<Entry>]) -> String {
    entries.iter().map(|entry| line(entry)).collect()
}

/// A record in a few words.
fn line(entry: &Entry) -> String {
    let what = match &entry.body {
        Body::Restarted(body) => format!("{body:?}"),
        Body::Escalated(body) => format!("{body:?}"),
        Body::ShutDown(body) => format!("{body:?}"),
        Body::Ended(body) => format!("{body:?}"),
        Body::Stopped(body) => format!("{body:?}"),
        Body::Transaction(body) => {
            format!("{:?} {:?} {:?}", body.by.agent, body.consumed, body.next)
        }
        body => format!("{:?} {}", body.agent(), body.kind()),
    };
    format!("\n  {} at {}: {what}", entry.seq, entry.at)
}

impl<'p> Reader<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut above = vec![Vec::new(); plan.agents.len()];
        let supervisors = plan.supervisors.len();
        let mut parents = vec![Vec::new(); supervisors];
        climb(plan, &mut Vec::from([0]), (&mut above, &mut parents));
        Self {
            plan,
            agents: vec![Stand::New; plan.agents.len()],
            late: vec![false; plan.agents.len()],
            closing: vec![false; plan.agents.len()],
            lost: vec![false; plan.agents.len()],
            unwritten: vec![false; plan.agents.len()],
            asking: vec![false; plan.agents.len()],
            intents: BTreeSet::new(),
            above,
            parents,
            restarts: vec![Vec::new(); supervisors],
            renewed: vec![false; supervisors],
            ended: vec![false; supervisors],
            has_ended: vec![false; supervisors],
        }
    }

    fn read(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.body {
            Body::Incarnation(body) => self.born(body.agent.index()),
            Body::Intent(body) => {
                self.asking[body.by.agent.index()] = true;
                self.intents.insert(entry.seq);
                Ok(())
            }
            Body::Crashed(body) => {
                self.asking[body.by.agent.index()] = false;
                self.agents[body.by.agent.index()] = Stand::Down;
                Ok(())
            }
            Body::Transaction(body) => {
                let nth = body.by.agent.index();
                let was = self.agents[nth];
                if body.next == Next::Done {
                    self.agents[nth] = Stand::Down;
                }
                let alive = was == Stand::Alive;
                alive.then_some(()).ok_or(format!("a{nth} handles an event, and was {was:?}"))
            }
            Body::Restarted(body) => {
                let nth = body.supervisor.index();
                if self.has_gone(nth) {
                    return Err(format!("s{nth} restarts children after its end"));
                }
                self.restarted(nth);
                if body.counted { self.counted(nth, entry.at, body.count) } else { Ok(()) }
            }
            Body::Escalated(body) => {
                let nth = body.supervisor.index();
                let allowed = self.plan.supervisors[nth].intensity;
                self.end(nth);
                let fair = body.count == 0 || body.count > allowed;
                fair.then_some(()).ok_or(format!("s{nth} gives up at {} of {allowed}", body.count))
            }
            Body::ShutDown(body) => {
                self.end(body.supervisor.index());
                Ok(())
            }
            Body::Stopped(body) => {
                let nth = body.agent.index();
                self.asking[nth] = false;
                let was = std::mem::replace(&mut self.agents[nth], Stand::Stopped);
                if matches!(was, Stand::Over(_)) {
                    return Err(format!("a{nth} is stopped, and was {was:?}"));
                }
                self.stopped(nth)
            }
            Body::Ended(body) => self.ended(body.agent.index(), body.how),
            Body::Resumed(_) => {
                let alive = self.agents.iter_mut().filter(|agent| **agent == Stand::Alive);
                alive.for_each(|agent| *agent = Stand::Down);
                self.asking.fill(false);
                Ok(())
            }
            Body::Outcome(body) => {
                if body.how == Known::Repeated {
                    self.intents.insert(body.intent);
                } else {
                    self.intents.remove(&body.intent);
                }
                Ok(())
            }
            Body::Finished(_) => self.finished(),
            _ => Ok(()),
        }
    }

    /// Notes who has answered `done` and waits for what it wrote.
    fn closes(&mut self, body: &Body) {
        match body {
            Body::Transaction(body) => {
                let nth = body.by.agent.index();
                self.unwritten[nth] |=
                    body.parts.iter().any(|part| matches!(part, Part::Staged { .. }));
                self.closing[nth] = body.next == Next::Done && self.unwritten[nth];
            }
            Body::Confirmed(body) => {
                let nth = body.agent.index();
                self.unwritten[nth] = false;
                if !self.lost[nth] {
                    self.begins_anew(nth);
                }
            }
            // A write of one that was lost is tried again in its next life.
            Body::Crashed(body)
                if body.crash.kind == CrashKind::Write && self.lost[body.by.agent.index()] => {}
            Body::Crashed(body) => self.begins_anew(body.by.agent.index()),
            Body::Stopped(body) => self.begins_anew(body.agent.index()),
            Body::Resumed(_) => {
                let fresh = (0..self.agents.len()).filter(|nth| self.plan.agents[*nth].is_fresh());
                fresh.for_each(|nth| self.begins_anew(nth));
                self.lost.clone_from(&self.closing);
            }
            _ => {}
        }
    }

    /// The next life of a permanent agent is done with nothing.
    fn begins_anew(&mut self, nth: usize) {
        self.closing[nth] &= self.plan.agents[nth].restart != Restart::Permanent;
    }

    fn ended(&mut self, nth: usize, how: End) -> Result<(), String> {
        let was = std::mem::replace(&mut self.agents[nth], Stand::Over(how));
        if matches!(was, Stand::Over(_)) {
            return Err(format!("a{nth} ends twice"));
        }
        if was == Stand::Alive && how == End::Stopped {
            self.stopped(nth)?;
        }
        self.ends_rightly(nth, how)
    }

    /// Nobody outlives the run, and nothing that was asked is left open.
    fn finished(&self) -> Result<(), String> {
        let orphan = self.agents.iter().position(|agent| !matches!(agent, Stand::Over(_)));
        if let Some(nth) = orphan {
            return Err(format!("a{nth} outlives the run"));
        }
        let open = self.intents.first();
        open.map_or(Ok(()), |seq| Err(format!("nobody knows what became of {seq}")))
    }

    /// Nobody begins to live when its supervisor has ended, or before an older sibling, or after a temporary life.
    fn born(&mut self, nth: usize) -> Result<(), String> {
        // One that only waits for what it wrote does nothing.
        let stand = if self.closing[nth] { Stand::Down } else { Stand::Alive };
        if std::mem::take(&mut self.lost[nth]) && !self.unwritten[nth] {
            self.begins_anew(nth);
        }
        let was = std::mem::replace(&mut self.agents[nth], stand);
        if std::mem::take(&mut self.asking[nth]) && was == Stand::Alive {
            return Ok(());
        }
        if matches!(was, Stand::Alive | Stand::Over(_)) {
            return Err(format!("a{nth} begins to live, and was {was:?}"));
        }
        // A start that was under way may come to its end. What is further below goes on until its turn comes.
        let gone = self.has_gone(self.above[nth][0]);
        if gone && self.late[nth] {
            return Err(format!("a{nth} begins to live, but its supervisor has ended"));
        }
        self.late[nth] = gone;
        if gone {
            return Ok(());
        }
        let older = self.siblings(nth).0;
        let asleep = older.iter().find_map(|child| match child {
            Child::Agent(id) => {
                let stand = self.agents[id.index()];
                matches!(stand, Stand::New | Stand::Stopped).then_some(id)
            }
            Child::Supervisor(_) => None,
        });
        asleep.map_or(Ok(()), |id| Err(format!("a{nth} begins to live before {id:?}")))
    }

    /// True if a supervisor has ended, and cannot have been started again since: one that ends while a group goes
    /// down that it is in is started again by a decision made before.
    fn has_gone(&self, nth: usize) -> bool {
        let mut above = self.parents[nth].iter();
        self.ended[nth]
            && above.all(|by| self.plan.supervisors[*by].strategy == Strategy::OneForOne)
    }

    /// Whoever is stopped is the youngest that lives, and somebody above it has a reason.
    fn stopped(&mut self, nth: usize) -> Result<(), String> {
        let younger = self.siblings(nth).1.to_vec();
        let mut below = Vec::new();
        for child in &younger {
            self.leaves(*child, &mut below);
        }
        if let Some(alive) = below.iter().find(|id| self.agents[**id] == Stand::Alive) {
            return Err(format!("a{nth} is stopped before a{alive}"));
        }
        let reason = |by: &usize| {
            self.has_ended[*by] || self.plan.supervisors[*by].strategy != Strategy::OneForOne
        };
        let any = self.above[nth].iter().any(reason);
        any.then_some(()).ok_or(format!("a{nth} is stopped without a reason"))
    }

    fn ends_rightly(&self, nth: usize, how: End) -> Result<(), String> {
        let restart = self.plan.agents[nth].restart;
        let right = match how {
            End::Finished => true,
            End::Done => restart != Restart::Permanent,
            End::Crashed => restart == Restart::Temporary,
            End::Removed => false,
            End::Stopped => {
                let gives_up = |by: &usize| {
                    self.has_ended[*by] || self.plan.supervisors[*by].restart == Restart::Temporary
                };
                restart == Restart::Temporary || self.above[nth].iter().any(gives_up)
            }
        };
        right.then_some(()).ok_or(format!("a{nth}, {restart:?}, is over: {how:?}"))
    }

    /// There are no more restarts in any window than are allowed.
    fn counted(&mut self, nth: usize, at: u64, count: u32) -> Result<(), String> {
        let flags = &self.plan.supervisors[nth];
        let window = &mut self.restarts[nth];
        window.push(at);
        window.retain(|then| *then >= at.saturating_sub(flags.period_ms));
        let most = u32::try_from(window.len()).expect("few");
        let fair = (count == most || self.renewed[nth] && count < most) && count <= flags.intensity;
        window.drain(..window.len().saturating_sub(count as usize));
        fair.then_some(()).ok_or(format!("s{nth} says it is restart {count}, not {most}"))
    }

    /// What is below a supervisor that restarts children may be new again.
    fn restarted(&mut self, nth: usize) {
        for child in &self.plan.supervisors[nth].children {
            if let Child::Supervisor(id) = child {
                self.ended[id.index()] = false;
                self.renewed[id.index()] = true;
                self.restarted(id.index());
            }
        }
    }

    fn end(&mut self, nth: usize) {
        self.ended[nth] = true;
        self.has_ended[nth] = true;
        self.restarts[nth].clear();
    }

    /// Its older and its younger siblings.
    fn siblings(&self, nth: usize) -> (&'p [Child], &'p [Child]) {
        let children = &self.plan.supervisors[self.above[nth][0]].children;
        let own = |child: &Child| matches!(child, Child::Agent(id) if id.index() == nth);
        let at = children.iter().position(own).expect("a child of its own");
        (&children[..at], &children[at + 1..])
    }

    fn leaves(&self, child: Child, into: &mut Vec<usize>) {
        match child {
            Child::Agent(id) => into.push(id.index()),
            Child::Supervisor(id) => {
                let children = &self.plan.supervisors[id.index()].children;
                for child in children {
                    self.leaves(*child, into);
                }
            }
        }
    }
}

/// Notes for each agent and each supervisor what stands above it; `path` ends in the supervisor whose turn it is.
fn climb(
    plan: &Plan,
    path: &mut Vec<usize>,
    (above, parents): (&mut [Vec<usize>], &mut [Vec<usize>]),
) {
    let at = *path.last().expect("the root, at least");
    for child in &plan.supervisors[at].children {
        match child {
            Child::Agent(id) => above[id.index()] = path.iter().rev().copied().collect(),
            Child::Supervisor(id) => {
                parents[id.index()].clone_from(path);
                path.push(id.index());
                climb(plan, path, (&mut *above, &mut *parents));
                path.pop();
            }
        }
    }
}
