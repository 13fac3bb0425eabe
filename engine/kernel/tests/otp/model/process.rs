//! What a supervisor does, one thing after another.

use std::collections::VecDeque;

use theater_flow_kernel::plan::{AutoShutdown, Restart, Shutdown, Strategy};

use super::{Agent, Doing, Exit, Mail, Model, Process, Stand, Then, Who};
use crate::said::{Said, Stop};

impl Process {
    pub(super) fn new() -> Self {
        Self {
            doing: Doing::Down,
            mail: VecDeque::new(),
            window: Vec::new(),
            kill: None,
            for_good: false,
        }
    }

    /// A process that ends takes all that it knew with it.
    pub(super) fn clear(&mut self) {
        *self = Self { for_good: self.for_good, ..Self::new() };
    }

    /// It waits for this child to be gone.
    fn stops(&self, who: Who) -> bool {
        matches!(&self.doing, Doing::Stopping { left, .. } if left.last() == Some(&who))
    }
}

impl Mail {
    fn is_about(&self, who: Who) -> bool {
        match self {
            Self::Exit(from, _) | Self::TryAgain(from) => *from == who,
        }
    }
}

impl Model<'_> {
    /// A supervisor starts a child, though not before this time. It will be up, or not.
    pub(super) fn start(&mut self, who: Who, due: u64) {
        match who {
            Who::Agent(nth) => {
                let Agent { busy, asking, closing, .. } = self.agents[nth];
                let fresh = Agent::new(Stand::Starting { due });
                self.agents[nth] = Agent { busy, asking, closing, ..fresh };
            }
            Who::Supervisor(nth) => {
                self.supervisors[nth] = Process::new();
                let left = self.children(nth);
                self.start_all(nth, left, (true, due));
            }
        }
    }

    fn start_all(&mut self, nth: usize, left: Vec<Who>, (first, due): (bool, u64)) {
        let left = left.into_iter().filter(|who| !self.is_over(*who)).collect();
        self.supervisors[nth].doing = Doing::Starting { left, up: Vec::new(), first, due };
        self.start_next(nth);
    }

    fn start_next(&mut self, nth: usize) {
        let Doing::Starting { left, first, due, .. } = &self.supervisors[nth].doing else {
            return;
        };
        if let Some(next) = left.front() {
            return self.start(*next, *due);
        }
        let first = *first;
        self.supervisors[nth].doing = Doing::Up;
        self.receive(nth);
        if first && nth > 0 {
            self.is_up(Who::Supervisor(nth));
        }
    }

    /// A child is up: the next one's turn.
    pub(super) fn is_up(&mut self, who: Who) {
        let parent = self.parent(who);
        let process = &mut self.supervisors[parent];
        if let Doing::Starting { left, up, .. } = &mut process.doing
            && left.front() == Some(&who)
        {
            left.pop_front();
            up.push(who);
            self.start_next(parent);
        }
    }

    /// A child could not be started. If its supervisor is being started too, that fails; else it is tried again
    /// after all else that has come in.
    pub(super) fn cannot_start(&mut self, who: Who) {
        let parent = self.parent(who);
        let process = &mut self.supervisors[parent];
        let Doing::Starting { up, first, .. } = &mut process.doing else {
            return;
        };
        if *first {
            let left = std::mem::take(up);
            self.said.push(Said::GivesUp { by: parent, count: 0 });
            self.failed |= parent == 0;
            self.stop_all(parent, left, Then::Fail);
        } else {
            process.mail.push_back(Mail::TryAgain(who));
            process.doing = Doing::Up;
            self.receive(parent);
        }
    }

    /// A child ended by itself.
    pub(super) fn exit(&mut self, who: Who, exit: Exit) {
        let parent = self.parent(who);
        let stops = self.supervisors[parent].stops(who);
        if !(stops && self.goes_for_good(who)) {
            self.supervisors[parent].mail.push_back(Mail::Exit(who, exit));
        }
        if stops {
            return self.taken(who);
        }
        self.receive(parent);
    }

    /// A supervisor that waits takes letters that it only has to note, up to the first that it has to decide about.
    fn receive(&mut self, nth: usize) {
        while matches!(self.supervisors[nth].doing, Doing::Up) {
            match self.supervisors[nth].mail.front() {
                Some(Mail::Exit(who, exit)) if !self.comes_back(*who, *exit) => {
                    let who = *who;
                    self.bury(who);
                    if self.follows(nth, who) {
                        self.minds.insert(nth);
                        return;
                    }
                    self.supervisors[nth].mail.pop_front();
                }
                Some(_) => {
                    self.minds.insert(nth);
                    return;
                }
                None => return,
            }
        }
    }

    /// All that follows at once: agents that are told to stop and need no time for it do. Then supervisors that have
    /// something to decide at the same time do so, in the order of the file.
    pub(super) fn follow(&mut self) {
        loop {
            if !self.leaving.is_empty() {
                for nth in std::mem::take(&mut self.leaving) {
                    self.leave_now(nth);
                }
            } else if !self.minds.is_empty() {
                for nth in std::mem::take(&mut self.minds) {
                    self.decide(nth);
                }
            } else {
                return;
            }
        }
    }

    fn decide(&mut self, nth: usize) {
        if matches!(self.supervisors[nth].doing, Doing::Up)
            && let Some(mail) = self.supervisors[nth].mail.pop_front()
        {
            self.handle(nth, &mail);
            self.receive(nth);
        }
    }

    fn handle(&mut self, nth: usize, mail: &Mail) {
        match mail {
            Mail::TryAgain(who) => self.restart(nth, *who, true),
            Mail::Exit(who, exit) if self.comes_back(*who, *exit) => {
                self.restart(nth, *who, !matches!(exit, Exit::Crash { counted: false }));
            }
            Mail::Exit(..) => {
                self.said.push(Said::Shuts(nth));
                let all = self.children(nth);
                self.stop_all(nth, all, Then::Leave);
            }
        }
    }

    fn comes_back(&self, who: Who, exit: Exit) -> bool {
        let again = match self.restart_of(who) {
            Restart::Permanent => true,
            Restart::Transient => matches!(exit, Exit::Crash { .. }),
            Restart::Temporary => false,
        };
        again && !self.is_over(who)
    }

    /// True if a supervisor shuts itself down since a child has ended for good.
    fn follows(&self, nth: usize, ended: Who) -> bool {
        // One whose end it has not read of is active to its knowledge.
        let unread = |who: Who| self.supervisors[nth].mail.iter().skip(1).any(|m| m.is_about(who));
        let active = |who: &Who| self.is_significant(*who) && (!self.is_over(*who) || unread(*who));
        self.is_significant(ended)
            && match self.tree.supervisors[nth].auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => !self.children(nth).iter().any(active),
            }
    }
    /// Restarts a child, if that is not once too often.
    fn restart(&mut self, nth: usize, who: Who, counted: bool) {
        let flags = &self.tree.supervisors[nth];
        let oldest = self.now.saturating_sub(flags.period_ms);
        let window = &mut self.supervisors[nth].window;
        window.retain(|at| *at >= oldest);
        if counted {
            window.push(self.now);
        }
        let count = u32::try_from(window.len()).expect("few restarts");
        let all = self.children(nth);
        if count > flags.intensity {
            self.said.push(Said::GivesUp { by: nth, count });
            self.failed |= nth == 0;
            return self.stop_all(nth, all, Then::Leave);
        }
        self.said.push(Said::Restarts { by: nth, count });
        let at = all.iter().position(|child| *child == who).expect("a child of its own");
        let group = match flags.strategy {
            Strategy::OneForOne => &all[at..=at],
            Strategy::RestForOne => &all[at..],
            Strategy::OneForAll => &all[..],
        };
        let pause = flags.delay.after_ms(count.max(1));
        let stop = group.iter().copied().filter(|child| *child != who).collect();
        let then = Then::Start(group.to_vec(), pause);
        self.stop_all(nth, stop, then);
    }

    /// Stops children, the youngest first.
    fn stop_all(&mut self, nth: usize, left: Vec<Who>, then: Then) {
        self.supervisors[nth].doing = Doing::Stopping { left, then };
        self.stop_next(nth);
    }

    fn stop_next(&mut self, nth: usize) {
        let Doing::Stopping { left, then } = &self.supervisors[nth].doing else { return };
        if let Some(last) = left.last().copied() {
            // Temporary children are not started again by those who stop them in order to start them again.
            let group = matches!(then, Then::Start(..));
            if group && self.restart_of(last) == Restart::Temporary {
                match last {
                    Who::Agent(nth) => self.agents[nth].for_good = true,
                    Who::Supervisor(nth) => self.supervisors[nth].for_good = true,
                }
            }
            return self.stop(last);
        }
        match std::mem::replace(&mut self.supervisors[nth].doing, Doing::Up) {
            Doing::Stopping { then: Then::Start(left, pause), .. } => {
                self.start_all(nth, left, (false, self.now + pause));
            }
            Doing::Stopping { then: Then::Fail, .. } => self.leave(nth, true),
            _ => self.leave(nth, false),
        }
    }

    /// Tells a child to stop: it will be taken.
    fn stop(&mut self, who: Who) {
        match who {
            Who::Agent(nth) => self.stop_agent(nth),
            Who::Supervisor(nth) => self.stop_supervisor(nth),
        }
    }

    fn stop_supervisor(&mut self, nth: usize) {
        let shutdown = self.tree.supervisors[nth].shutdown;
        match &self.supervisors[nth].doing {
            Doing::Down | Doing::Over => return self.taken(Who::Supervisor(nth)),
            _ if shutdown == Shutdown::BrutalKill => return self.kill(nth),
            // Its time runs from when it was told first.
            _ if self.supervisors[nth].kill.is_some() => {}
            _ => self.supervisors[nth].kill = self.deadline(shutdown),
        }
        let leaving = matches!(&self.supervisors[nth].doing, Doing::Stopping { then, .. } if !matches!(then, Then::Start(..)));
        if !leaving {
            let all = self.children(nth);
            self.stop_all(nth, all, Then::Leave);
        }
    }

    /// A child that was told to stop, or had ended before, is not alive.
    pub(super) fn taken(&mut self, who: Who) {
        let parent = self.parent(who);
        if !self.supervisors[parent].stops(who) {
            return;
        }
        let process = &mut self.supervisors[parent];
        if let Doing::Stopping { left, .. } = &mut process.doing {
            left.pop();
        }
        let for_good = self.goes_for_good(who);
        let crashed = matches!(who, Who::Agent(nth) if self.has_crashed_for_good(nth));
        let over = self.is_over(who) || crashed;
        if crashed || for_good {
            self.bury(who);
        }
        // What is known of its end is read no more, unless it is over: then its supervisor may follow it. (OTP lets an
        // old letter to try again lie there: if the next start fails too, that one counts, out of its turn.)
        if !over {
            let mail = &mut self.supervisors[parent].mail;
            mail.retain(|mail| !mail.is_about(who));
        }
        self.stop_next(parent);
    }

    fn goes_for_good(&self, who: Who) -> bool {
        match who {
            Who::Agent(nth) => self.agents[nth].for_good,
            Who::Supervisor(nth) => self.supervisors[nth].for_good,
        }
    }

    /// A supervisor is no more.
    fn leave(&mut self, nth: usize, failed_to_start: bool) {
        self.supervisors[nth].clear();
        if nth == 0 {
            return self.finish();
        }
        let who = Who::Supervisor(nth);
        if failed_to_start && !self.supervisors[self.parent(who)].stops(who) {
            self.cannot_start(who);
        } else {
            self.exit(who, Exit::Normal);
        }
    }

    /// A supervisor is killed, with all below it.
    pub(super) fn kill(&mut self, nth: usize) {
        self.kill_below(nth);
        self.taken(Who::Supervisor(nth));
    }

    fn kill_below(&mut self, nth: usize) {
        if matches!(self.supervisors[nth].doing, Doing::Over) {
            return;
        }
        for child in self.children(nth).into_iter().rev() {
            match child {
                Who::Agent(_) if self.is_over(child) => {}
                Who::Agent(agent) if self.has_crashed_for_good(agent) => self.bury(child),
                Who::Agent(agent) => self.put_down(agent, Stop::Killed),
                Who::Supervisor(below) => self.kill_below(below),
            }
            if self.goes_for_good(child) {
                self.bury(child);
            }
        }
        self.supervisors[nth].clear();
    }
}
