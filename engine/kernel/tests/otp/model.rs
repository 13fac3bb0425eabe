//! Supervision as OTP's documents and its `supervisor` describe it, with processes and mailboxes, written without
//! a look at the kernel. Where our agents are not processes, these rules hold besides:
//!
//! - An agent that is finished, or done and not permanent, or crashed and temporary, is *over*: its outputs are
//!   closed, so that nobody starts it again, not even its supervisor's next life.
//! - An idle agent stops at once when it is told to; one that handles an event ends that first.
//! - A supervisor that is told to stop does so at once, whatever it was doing.
//! - A supervisor may pause between stopping and starting.
//! - When the process of the whole run ends, supervisors go on in the next one where they were. What lived is started
//!   again first, one after the other in the order of the tree.

mod process;

use std::collections::{BTreeSet, VecDeque};

use theater_flow_kernel::plan::{Child, Restart, Shutdown};

use crate::said::{How, Said, Stop};
use crate::tree::Tree;

/// A child of a supervisor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    Agent(usize),
    Supervisor(usize),
}

/// How an agent stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stand {
    /// It is not alive, and has never been or may come again.
    Down,
    /// Its supervisor waits for its start, which begins at this time.
    Starting { due: u64 },
    /// It lived when its process ended, and is to be started again.
    Lost,
    /// It is alive.
    Up,
    /// It is alive, or being started, told to stop, and killed at this time.
    Asked { kill: Option<u64>, born: bool },
    /// It never comes again.
    Over(How),
}

struct Agent {
    stand: Stand,
    /// It handles an event.
    busy: bool,
    /// Its life ended in a crash.
    crashed: bool,
    /// It goes down with a sibling, and does not come back.
    for_good: bool,
    /// It is to be started again, or to be stopped before that, since its process ended.
    lost: bool,
}

impl Agent {
    fn new(stand: Stand) -> Self {
        Self { stand, busy: false, crashed: false, for_good: false, lost: false }
    }
}

/// A supervisor.
struct Process {
    doing: Doing,
    mail: VecDeque<Mail>,
    /// When it restarted children.
    window: Vec<u64>,
    /// Children whose restart failed, and is to be tried again.
    again: BTreeSet<Who>,
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
    finished: bool,
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
            finished: false,
            tied: false,
        }
    }

    /// The root is started.
    pub(crate) fn begin(&mut self, now: u64) {
        self.now = now;
        self.start(Who::Supervisor(0), now);
    }

    /// An agent's start succeeded. There may be nothing left for it to do at once.
    pub(crate) fn begun(&mut self, agent: usize, ran_out: bool) {
        self.said.push(Said::Up(agent));
        let asked = matches!(self.agents[agent].stand, Stand::Asked { .. });
        self.agents[agent].stand = Stand::Up;
        self.agents[agent].busy = false;
        self.agents[agent].lost = false;
        if !asked {
            self.is_up(Who::Agent(agent));
        }
        if ran_out {
            self.ran_out(agent);
        } else if asked {
            self.gone(agent, Stop::Calmly);
        }
    }

    /// An agent's start failed.
    pub(crate) fn not_begun(&mut self, agent: usize) {
        self.said.push(Said::Crashed(agent));
        let was = std::mem::replace(&mut self.agents[agent].stand, Stand::Down);
        self.agents[agent].lost = false;
        match was {
            Stand::Asked { .. } => self.taken(Who::Agent(agent)),
            Stand::Lost => {
                self.agents[agent].crashed = true;
                self.exit(Who::Agent(agent), Exit::Crash { counted: true });
            }
            _ => self.cannot_start(Who::Agent(agent)),
        }
    }

    /// The process ended, and another one takes over. What was being started still is; whatever lived is lost.
    pub(crate) fn killed(&mut self) {
        self.settle();
        for nth in 0..self.agents.len() {
            let awaited = self.awaits(Who::Agent(nth));
            let agent = &mut self.agents[nth];
            agent.busy = false;
            match agent.stand {
                Stand::Up => agent.stand = Stand::Lost,
                Stand::Starting { .. } if !awaited => agent.stand = Stand::Lost,
                Stand::Asked { kill, .. } => agent.stand = Stand::Asked { kill, born: false },
                _ => {}
            }
            agent.lost = matches!(agent.stand, Stand::Lost | Stand::Asked { .. });
        }
        for nth in 0..self.agents.len() {
            if matches!(self.agents[nth].stand, Stand::Asked { .. }) {
                self.gone(nth, Stop::Calmly);
            }
        }
    }

    /// True if its supervisor waits for this child's start.
    fn awaits(&self, who: Who) -> bool {
        let doing = &self.supervisors[self.parent(who)].doing;
        matches!(doing, Doing::Starting { left, .. } if left.front() == Some(&who))
    }

    /// Whose turn it is to be started again after the process ended.
    pub(crate) fn next_lost(&self) -> Option<usize> {
        self.first_lost(Who::Supervisor(0))
    }

    fn first_lost(&self, who: Who) -> Option<usize> {
        match who {
            Who::Agent(nth) => Some(nth).filter(|nth| self.agents[*nth].lost),
            Who::Supervisor(nth) => {
                self.children(nth).into_iter().find_map(|child| self.first_lost(child))
            }
        }
    }

    /// An agent crashed; again at the same message, if that does not count.
    pub(crate) fn crashed(&mut self, agent: usize, counted: bool) {
        self.said.push(Said::Crashed(agent));
        self.agents[agent].crashed = true;
        self.agents[agent].stand = Stand::Down;
        self.exit(Who::Agent(agent), Exit::Crash { counted });
    }

    /// An agent answered `done`.
    pub(crate) fn done(&mut self, agent: usize) {
        let permanent = self.tree.agents[agent].restart == Restart::Permanent;
        self.agents[agent].stand = if permanent { Stand::Down } else { Stand::Over(How::Done) };
        self.exit(Who::Agent(agent), Exit::Normal);
    }

    /// Nothing is left for an agent to do. That is no exit, but a significant child has ended by itself.
    pub(crate) fn ran_out(&mut self, agent: usize) {
        self.agents[agent].stand = Stand::Over(How::Finished);
        self.exit(Who::Agent(agent), Exit::Normal);
    }

    /// An agent's worker is through with an event, or with what an earlier life left it.
    pub(crate) fn rested(&mut self, agent: usize) {
        self.agents[agent].busy = false;
        if matches!(self.agents[agent].stand, Stand::Asked { .. }) {
            self.gone(agent, Stop::Calmly);
        }
    }

    /// Whether an agent handles an event is for its worker to say.
    pub(crate) fn set_busy(&mut self, agent: usize, busy: bool) {
        self.agents[agent].busy = busy;
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

    /// How an agent stands.
    pub(crate) fn stand(&self, agent: usize) -> Stand {
        self.agents[agent].stand
    }

    /// The supervisor that something that was said is about.
    pub(crate) fn whose(&self, said: Said) -> usize {
        match said {
            Said::Up(agent) | Said::Crashed(agent) | Said::Gone { agent, .. } => self.above[agent],
            Said::Restarts { by, .. } | Said::GivesUp { by, .. } | Said::Shuts(by) => by,
            Said::Finished { .. } => 0,
        }
    }

    /// True if the root is over.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// What has to be decided is; a run without an agent that may live again is over.
    fn settle(&mut self) {
        self.follow();
        let over = |agent: &Agent| matches!(agent.stand, Stand::Over(_));
        if !self.finished && self.agents.iter().all(over) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.bury(Who::Supervisor(0));
        self.finished = true;
        self.said.push(Said::Finished { failed: self.failed });
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

    /// An agent that was told to stop is not alive any more.
    fn gone(&mut self, agent: usize, how: Stop) {
        self.put_down(agent, how);
        self.taken(Who::Agent(agent));
    }

    fn put_down(&mut self, agent: usize, how: Stop) {
        if matches!(self.agents[agent].stand, Stand::Up | Stand::Asked { born: true, .. }) {
            self.said.push(Said::Gone { agent, how });
        }
        self.agents[agent].stand = Stand::Down;
        self.agents[agent].lost = false;
    }

    /// A child, and all below it, never comes again.
    fn bury(&mut self, who: Who) {
        match who {
            Who::Agent(nth) if !self.is_over(who) => {
                let how = if self.agents[nth].crashed { How::Crashed } else { How::Stopped };
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
