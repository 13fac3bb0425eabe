//! Supervision as OTP's documents and its `supervisor` describe it, with processes and mailboxes, written without
//! a look at the kernel. Where our agents are not processes, these rules hold besides:
//!
//! - An agent that is finished, or done and not permanent, or crashed and temporary, is *over*: its outputs are
//!   closed, so that nobody starts it again, not even its supervisor's next life.
//! - `done` is an exit once all that the agent wrote is in its place; until then it is idle. Stopped and started again
//!   meanwhile, a permanent agent has work again, and any other is done as soon as it lives and all is written.
//! - An agent that has asked is at its event until the answer has come, unless somebody has to decide first: then it is
//!   idle.
//! - An idle agent stops at once when it is told to; one that handles an event ends that first.
//! - A supervisor that is told to stop does so at once, whatever it was doing.
//! - An end counts for `auto_shutdown` unless the child was stopped, or had been told to stop for good. In OTP one that
//!   ends while its siblings are restarted does not, but is started again with them.
//! - What is to be tried again goes to the end of the mail each time; OTP lets an older letter about it count as well.
//! - A supervisor may pause between stopping and starting.
//! - When the process of the whole run ends, supervisors go on in the next one where they were. What lived is started
//!   again first, one after the other in the order of the tree.

mod agent;
mod lost;
mod process;

use std::collections::{BTreeSet, VecDeque};

use theater_flow_kernel::plan::{Child, Restart, Shutdown};

pub(crate) use agent::Stand;

use crate::said::{How, Outside, Said, Stop};
use crate::tree::Tree;
use agent::Agent;

/// A child of a supervisor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    Agent(usize),
    Supervisor(usize),
}

/// A supervisor.
struct Process {
    doing: Doing,
    mail: VecDeque<Mail>,
    /// When it restarted children.
    window: Vec<u64>,
    /// It was told to stop, and is killed at this time.
    kill: Option<u64>,
    /// It goes down with a sibling, and does not come back.
    for_good: bool,
}

enum Doing {
    /// There is no such process.
    Down,
    /// It waits for mail.
    Up,
    /// It starts children, though not before some time, and waits for the first of `left`.
    Starting { left: VecDeque<Who>, up: Vec<Who>, first: bool, due: u64 },
    /// It stops children, and waits for the last of `left`.
    Stopping { left: Vec<Who>, then: Then },
    /// There will be no such process again.
    Over,
}

/// What a supervisor does once children are stopped.
enum Then {
    /// It starts these, after a pause in ms.
    Start(Vec<Who>, u64),
    /// It exits with reason `shutdown`.
    Leave,
    /// Its own start has failed.
    Fail,
}

/// What a supervisor receives.
enum Mail {
    Exit(Who, Exit),
    TryAgain(Who),
}

/// How a child ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exit {
    /// Not by the reasons below.
    Crash { counted: bool },
    /// `normal` or `shutdown`.
    Normal,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Run {
    On,
    /// The root has left.
    Ends,
    Over,
}

/// A tree of processes.
pub(crate) struct Model<'t> {
    tree: &'t Tree,
    agents: Vec<Agent>,
    supervisors: Vec<Process>,
    above: Vec<usize>,
    above_supervisor: Vec<usize>,
    now: u64,
    /// Agents that were just told to stop.
    leaving: BTreeSet<usize>,
    /// Supervisors that have something to decide.
    minds: BTreeSet<usize>,
    said: Vec<Said>,
    /// How the root ends, once it does.
    failed: bool,
    stage: Run,
    /// While the world is busy the run is not over, and if it could not write something the run has failed.
    outside: Outside,
    /// Two things were due at the same time, so that their order means nothing.
    pub(crate) tied: bool,
}

impl<'t> Model<'t> {
    /// A tree of which nothing is started.
    pub(crate) fn new(tree: &'t Tree) -> Self {
        let mut above = vec![0; tree.agents.len()];
        let mut above_supervisor = vec![0; tree.supervisors.len()];
        for (nth, supervisor) in tree.supervisors.iter().enumerate() {
            for child in &supervisor.children {
                match child {
                    Child::Agent(id) => above[id.index()] = nth,
                    Child::Supervisor(id) => above_supervisor[id.index()] = nth,
                }
            }
        }
        Self {
            tree,
            agents: tree.agents.iter().map(|_| Agent::new(Stand::Down)).collect(),
            supervisors: tree.supervisors.iter().map(|_| Process::new()).collect(),
            above,
            above_supervisor,
            now: 0,
            leaving: BTreeSet::new(),
            minds: BTreeSet::new(),
            said: Vec::new(),
            failed: false,
            stage: Run::On,
            outside: Outside::Calm,
            tied: false,
        }
    }

    /// The root is started.
    pub(crate) fn begin(&mut self, now: u64) {
        self.now = now;
        self.start(Who::Supervisor(0), now);
    }

    /// The next time at which something is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let waits = self.next_lost().is_some();
        let starts = self.agents.iter().filter_map(|agent| match agent.stand {
            // Nor before its worker is free of what its last life left it.
            Stand::Starting { due } => {
                Some(due).filter(|due| *due > self.now && !agent.busy && !waits)
            }
            _ => None,
        });
        self.due().map(|(due, _)| due).chain(starts).min()
    }

    /// Time has come so far.
    pub(crate) fn tick(&mut self, now: u64) {
        self.now = now;
        while let Some((due, what)) = self.due().filter(|(due, _)| *due <= now).min() {
            self.tied |= self.due().filter(|(other, _)| *other == due).count() > 1;
            match what {
                Who::Agent(agent) => self.gone(agent, Stop::Killed),
                Who::Supervisor(supervisor) => self.kill(supervisor),
            }
        }
        self.settle();
    }

    /// What was said since the last time.
    pub(crate) fn take(&mut self) -> Vec<Said> {
        self.settle();
        std::mem::take(&mut self.said)
    }

    /// The supervisor that something that was said is about.
    pub(crate) fn whose(&self, said: Said) -> usize {
        match said {
            Said::Up(agent) | Said::Crashed(agent) | Said::Gone { agent, .. } => self.above[agent],
            Said::Restarts { by, .. } | Said::GivesUp { by, .. } | Said::Shuts(by) => by,
            Said::Finished { .. } => 0,
        }
    }

    /// What the world does is for it to say.
    pub(crate) fn set_outside(&mut self, outside: Outside) {
        self.outside = outside;
    }

    /// True if the run is over.
    pub(crate) fn is_finished(&self) -> bool {
        self.stage == Run::Over
    }

    /// What has to be decided is; a run without an agent that may live again is over.
    fn settle(&mut self) {
        self.follow();
        let over = |agent: &Agent| matches!(agent.stand, Stand::Over(_));
        if self.stage == Run::On && self.agents.iter().all(over) {
            self.finish();
        }
        if self.stage == Run::Ends && self.outside != Outside::Busy {
            self.stage = Run::Over;
            self.said
                .push(Said::Finished { failed: self.failed || self.outside == Outside::Broken });
        }
    }

    fn finish(&mut self) {
        self.bury(Who::Supervisor(0));
        self.stage = Run::Ends;
    }

    /// Who is to be killed, and when.
    fn due(&self) -> impl Iterator<Item = (u64, Who)> {
        let agents = self.agents.iter().enumerate().filter_map(|(nth, agent)| match agent.stand {
            Stand::Asked { kill, .. } if !self.leaving.contains(&nth) => {
                Some((kill?, Who::Agent(nth)))
            }
            _ => None,
        });
        let supervisors = self.supervisors.iter().enumerate();
        let supervisors =
            supervisors.filter_map(|(nth, process)| Some((process.kill?, Who::Supervisor(nth))));
        agents.chain(supervisors)
    }

    fn parent(&self, who: Who) -> usize {
        match who {
            Who::Agent(nth) => self.above[nth],
            Who::Supervisor(nth) => self.above_supervisor[nth],
        }
    }

    fn children(&self, supervisor: usize) -> Vec<Who> {
        let children = self.tree.supervisors[supervisor].children.iter();
        let who = |child: &Child| match child {
            Child::Agent(id) => Who::Agent(id.index()),
            Child::Supervisor(id) => Who::Supervisor(id.index()),
        };
        children.map(who).collect()
    }

    fn restart_of(&self, who: Who) -> Restart {
        match who {
            Who::Agent(nth) => self.tree.agents[nth].restart,
            Who::Supervisor(nth) => self.tree.supervisors[nth].restart,
        }
    }

    fn is_significant(&self, who: Who) -> bool {
        match who {
            Who::Agent(nth) => self.tree.agents[nth].significant,
            Who::Supervisor(nth) => self.tree.supervisors[nth].significant,
        }
    }

    fn is_over(&self, who: Who) -> bool {
        match who {
            Who::Agent(nth) => matches!(self.agents[nth].stand, Stand::Over(_)),
            Who::Supervisor(nth) => matches!(self.supervisors[nth].doing, Doing::Over),
        }
    }

    /// The time at which a child that is told to stop now is killed.
    fn deadline(&self, shutdown: Shutdown) -> Option<u64> {
        match shutdown {
            Shutdown::BrutalKill => Some(self.now),
            Shutdown::After(ms) => Some(self.now + ms),
            Shutdown::Infinity => None,
        }
    }

    fn how_buried(&self, nth: usize) -> How {
        let Agent { closing, crashed, .. } = self.agents[nth];
        let done = closing && self.tree.agents[nth].restart != Restart::Permanent;
        match (crashed, self.has_crashed_for_good(nth) || !done) {
            (_, false) => How::Done,
            (true, true) => How::Crashed,
            (false, true) => How::Stopped,
        }
    }

    /// A child, and all below it, never comes again.
    fn bury(&mut self, who: Who) {
        match who {
            Who::Agent(nth) if !self.is_over(who) => {
                let how = self.how_buried(nth);
                self.agents[nth].stand = Stand::Over(how);
                self.agents[nth].lost = false;
            }
            Who::Agent(_) => {}
            Who::Supervisor(nth) => {
                self.supervisors[nth].clear();
                self.supervisors[nth].doing = Doing::Over;
                self.children(nth).into_iter().for_each(|child| self.bury(child));
            }
        }
    }
}
