//! Runs that are asked to go over to another plan on the way.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use theater_flow::driver::{Choices, Event, Outcome, Refused, Reload};
use theater_flow::recover;
use theater_flow::sim::{End, Fate, Machine, Process, Schedule};
use theater_flow::workers::Troupe;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Body;
use theater_flow_kernel::reload::{Misfits, adopt};

use super::check::{journal, records};
use super::piece::Piece;

/// A pipeline, and what its file says later.
pub(crate) struct Change {
    pub(crate) name: &'static str,
    /// The pipeline as it is begun, with the components of both.
    pub(crate) piece: Piece,
    pub(crate) next: Plan,
}

/// What was said to whoever asked for a reload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    Done(Outcome),
    Refused(Refused),
    /// The process ended first.
    Nothing,
}

/// A life that was asked to go over on its way.
pub(crate) struct Life {
    pub(crate) end: End,
    pub(crate) told: Told,
    /// The write points of the machine when it was asked, and when the answer was there.
    pub(crate) points: (usize, usize),
}

impl Change {
    pub(crate) fn new(name: &'static str, (old, new): (String, String), input: Vec<u8>) -> Self {
        let mut piece = Piece::new(old, input);
        let other = Piece::new(new, Vec::new());
        piece.actors.extend(other.actors);
        Self { name, piece, next: Plan::clone(&other.plan) }
    }

    /// From one text to what it is after `edit`.
    pub(crate) fn edit(name: &'static str, old: &str, edits: &[(&str, &str)]) -> Self {
        let mut new = String::from(old);
        for (from, to) in edits {
            assert!(new.contains(from), "{name}: {from}");
            new = new.replace(from, to);
        }
        Self::new(name, (String::from(old), new), super::piece::input(24))
    }

    /// Agents that go on as other instances, since their limits are lower.
    pub(crate) fn move_all(name: &'static str, old: &str, agents: &[&str]) -> Self {
        let mut new = String::from(old);
        for agent in agents {
            let head = format!("[agents.{agent}]\n");
            assert!(new.contains(&head), "{name}: {agent}");
            new = new.replace(&head, &format!("{head}limits = {{ fuel = 900_000_000 }}\n"));
        }
        Self::new(name, (String::from(old), new), super::piece::input(24))
    }

    /// A life that takes so many steps before it is asked.
    pub(crate) fn live(&self, machine: &Machine, (schedule, at): (Schedule, usize)) -> Life {
        self.live_with(machine, (schedule, at), |_| None)
    }

    /// As that, and something else comes in before each further step, if anything does.
    pub(crate) fn live_with(
        &self,
        machine: &Machine,
        (schedule, at): (Schedule, usize),
        mut meanwhile: impl FnMut(usize) -> Option<Event>,
    ) -> Life {
        let mut process = self.piece.process(machine, schedule).expect("it is not over");
        let early = (0..at).find_map(|_| process.step());
        let from = machine.points().len();
        if let Some(end) = early {
            return Life { end, told: Told::Nothing, points: (from, from) };
        }
        let mut reply = ask(&mut process, &self.next, None);
        let mut told = None;
        for step in 0..200_000 {
            if let Some(event) = meanwhile(step) {
                process.tell(event);
            }
            let end = process.step();
            if told.is_none() {
                told = heard(&reply).map(|told| (told, machine.points().len()));
                // What gives more than there was is approved at once.
                if let Some((Told::Done(Outcome::Proposed { proposal, .. }), _)) = told {
                    reply = ask(&mut process, &self.next, Some(proposal));
                    told = None;
                }
            }
            if let Some(end) = end {
                let last = (Told::Nothing, machine.points().len());
                let (told, to) = told.unwrap_or(last);
                return Life { end, told, points: (from, to) };
            }
        }
        panic!("{}: no end: {:?}", self.name, process.state().kept);
    }

    /// A life that ends as `fate` has it.
    pub(crate) fn doomed(&self, begin: (Schedule, usize), fate: Fate) -> (Machine, Life) {
        let machine = self.piece.machine();
        machine.doom(fate);
        let life = self.live(&machine, begin);
        (machine, life)
    }

    /// The plan in force, as the log says it: the old one or the new one, whole. True for the new one.
    #[track_caller]
    pub(crate) fn is_new(&self, machine: &Machine) -> bool {
        if machine.log().tree().is_empty() {
            return false;
        }
        let plan = recover::plan(&journal(machine)).expect("a plan");
        let new = adopt(&self.piece.plan, self.next.clone());
        let is_new = *plan == new;
        assert!(is_new || plan == self.piece.plan, "{}: a plan of neither form", self.name);
        let reloads = records(machine);
        let reloads = reloads.iter().filter(|entry| matches!(entry.body, Body::Reloaded(_)));
        assert_eq!(reloads.count(), usize::from(is_new), "{}", self.name);
        is_new
    }
}

/// Asks a process to go over to a plan.
pub(crate) fn ask<T: Troupe>(
    process: &mut Process<T>,
    plan: &Plan,
    proposal: Option<u64>,
) -> Receiver<Result<Outcome, Refused>> {
    let (reply, told) = sync_channel(1);
    let choices = Choices { fresh: false, misfits: Misfits::Refuse };
    let plan = plan.clone();
    process.tell(Event::Reload(Box::new(Reload { plan, choices, proposal, by: None, reply })));
    told
}

/// What was said, if anything was.
pub(crate) fn heard(reply: &Receiver<Result<Outcome, Refused>>) -> Option<Told> {
    match reply.try_recv() {
        Ok(Ok(done)) => Some(Told::Done(done)),
        Ok(Err(refused)) => Some(Told::Refused(refused)),
        Err(TryRecvError::Disconnected) => Some(Told::Nothing),
        Err(TryRecvError::Empty) => None,
    }
}
