//! What the driver is given: queues that take what it gives out, and the machine's time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::record::Next;
use theater_flow_kernel::work::{Activation, Work};

use super::dice::Dice;
use super::machine::Machine;
use crate::driver::{Audition, Clock, Commit, Errand, Errands, Job, Outputs, Scribe, Workers};

/// What the driver gave and nobody has done yet.
pub(super) struct Queue<T>(Rc<RefCell<VecDeque<T>>>);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<T> Queue<T> {
    fn push(&self, given: T) {
        self.0.borrow_mut().push_back(given);
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Takes the first, unless it is to wait.
    pub(super) fn take_first(&self, wait: impl Fn(&T) -> bool) -> Option<T> {
        let mut given = self.0.borrow_mut();
        if given.front().is_none_or(wait) { None } else { given.pop_front() }
    }

    pub(super) fn take(&self, nth: usize) -> Option<T> {
        self.0.borrow_mut().remove(nth)
    }
}

impl Scribe for Queue<Commit> {
    fn append(&mut self, commit: Commit) {
        self.push(commit);
    }
}

/// What workers are given.
pub(super) enum Task {
    /// Work of an agent.
    Work(Activation),
    /// A successor to try out.
    Audition(Audition),
}

impl Workers for Queue<Task> {
    fn submit(&mut self, activation: Activation) {
        self.push(Task::Work(activation));
    }

    fn audition(&mut self, audition: Audition) {
        self.push(Task::Audition(audition));
    }

    fn room(&self) -> usize {
        usize::MAX
    }

    /// What no worker has begun is given back, but for what is gone on with after an ask.
    fn halt(&mut self, agent: AgentId) {
        for task in &mut *self.0.borrow_mut() {
            if let Task::Work(given) = task
                && given.agent == agent
                && let Work::Handle(batch) = &mut given.work
                && batch.so_far.is_none()
            {
                batch.events.clear();
                batch.mode = Next::Wait;
            }
        }
    }

    /// Work of a life that is over is done all the same, as a worker may that hears of it too late.
    fn kill(&mut self, _agent: AgentId) {}

    fn interrupt(&mut self) {}
}

impl Outputs for Queue<Job> {
    fn write(&mut self, job: Job) {
        self.push(job);
    }
}

impl Errands for Queue<Errand> {
    fn send(&mut self, errand: Errand) {
        self.push(errand);
    }

    /// What is given up is done all the same, as what is on its way already.
    fn give_up(&mut self, _intent: u64) {}
}

/// The machine's time, and salts.
pub(super) struct Watch(pub(super) Machine, pub(super) Dice);

impl Clock for Watch {
    fn now_ms(&mut self) -> u64 {
        self.0.now()
    }

    fn salt(&mut self) -> Salt {
        self.1.salt()
    }
}
