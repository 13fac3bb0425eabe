//! Decisions about asks and dead letters: whoever makes one is told when it is durable, and not before.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::Person;

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};
use crate::letters::{Fate, Order};

/// Somebody's decision about an ask of which nobody knows what became.
pub struct Decision {
    /// The record of the intent.
    pub intent: u64,
    /// It is done again; else the guest is told that nobody knows.
    pub repeat: bool,
    /// Who decided.
    pub by: Person,
    /// Told true once the decision is durable, false if that ask does not wait for one. Dropped if this process can
    /// record nothing more.
    pub reply: SyncSender<bool>,
}

/// Somebody's order about dead letters.
pub struct LetterOrder {
    /// What is to be done with which.
    pub order: Order,
    /// Who says so.
    pub by: Person,
    /// Told what became of it, once that is durable. Dropped if this process can record nothing more.
    pub reply: SyncSender<Vec<Fate>>,
}

/// Tells somebody that something is durable.
type Tell = Box<dyn FnOnce() + Send>;

/// Those who wait to be told, in the order of their records.
#[derive(Default)]
pub(super) struct Recorded(VecDeque<(u64, Tell)>);

impl Recorded {
    /// What is to be told stands in this record, or before it.
    fn wait(&mut self, seq: u64, tell: Tell) {
        self.0.push_back((seq, tell));
    }

    /// All records before this seq are durable.
    pub(super) fn flushed(&mut self, seq: u64) {
        while let Some((_, tell)) = self.0.pop_front_if(|(waits, _)| *waits < seq) {
            tell();
        }
    }
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// Whoever decided hears of it once it is durable.
    pub(super) fn decided(&mut self, decision: Decision) {
        let Decision { intent, repeat, by, reply } = decision;
        let seq = self.state.kept.next_seq;
        self.input(Input::Decided { intent, repeat, by });
        let recorded = self.state.kept.next_seq > seq;
        self.tell_later(seq, (reply, recorded));
    }

    /// The same of an order about dead letters.
    pub(super) fn letters(&mut self, LetterOrder { order, by, reply }: LetterOrder) {
        let seq = self.state.kept.next_seq;
        let fates = order.carry_out(self, &by, Self::state, Self::input);
        self.tell_later(seq, (reply, fates));
    }

    /// Tells once what was recorded from `seq` on is durable; at once, if nothing was.
    pub(super) fn tell_later<T: Send + 'static>(
        &mut self,
        seq: u64,
        (reply, what): (SyncSender<T>, T),
    ) {
        let tell = move || {
            // Whoever asked may have given up waiting.
            let _ = reply.send(what);
        };
        match self.state.kept.next_seq.checked_sub(1).filter(|last| *last >= seq) {
            Some(last) => self.recorded.wait(last, Box::new(tell)),
            None => tell(),
        }
    }
}
