//! A run that somebody lets stand still or go on, or sends messages to: whoever does is told when it is durable.

use std::sync::mpsc::SyncSender;

use theater_flow_kernel::decide::way_in;
use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::Person;

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};
use crate::send::{self, Unsent};

/// Somebody wants a run to stand still, or to go on.
pub struct Pausing {
    /// It is to stand still.
    pub still: bool,
    /// Who says so.
    pub by: Person,
    /// Told once it is durable. Dropped if this process can record nothing more.
    pub reply: SyncSender<Held>,
}

/// What became of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It is recorded there.
    Recorded(u64),
    /// It was so before.
    Already,
    /// The run comes to its end.
    Ending,
}

/// Somebody sends a message to an agent.
pub struct Sending {
    /// The agent and its input, `agent.port`.
    pub to: String,
    /// JSON text.
    pub value: String,
    /// Who sends it.
    pub by: Person,
    /// Told the record of the message once that is durable, or why there is none. Dropped if this process can record
    /// nothing more.
    pub reply: SyncSender<Result<u64, Unsent>>,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// The run is kept when nothing is left to do, since somebody may send something; until it is stopped.
    pub fn keep_on(&mut self) {
        self.desk.keep_on();
    }

    /// Whoever takes a run up wants it to go on, unless for something else.
    pub(super) fn go_on_if_taken_up(&mut self) {
        if std::mem::take(&mut self.taken_up) && !self.desk.is_still() {
            self.input(Input::Continue { by: None });
        }
    }

    pub(super) fn pause(&mut self, Pausing { still, by, reply }: Pausing) {
        let seq = self.state.kept.next_seq;
        let was = self.state.kept.paused;
        let by = Some(by);
        self.input(if still { Input::Pause { by } } else { Input::Continue { by } });
        let held = match self.state.kept.next_seq > seq {
            true => Held::Recorded(seq),
            false if was == still => Held::Already,
            false => Held::Ending,
        };
        self.tell_later(seq, (reply, held));
    }

    /// The run stands still: what is in hand ends after the event that it is at.
    pub(super) fn let_end(&mut self) {
        for agent in &self.state.plan.agents {
            if self.desk.is_busy(agent.id) {
                self.workers.halt(agent.id);
            }
        }
    }

    /// The type is looked at here, where it is that of the plan in force.
    pub(super) fn take_in(&mut self, Sending { to, value, by, reply }: Sending) {
        let seq = self.state.kept.next_seq;
        let value = value.trim();
        let aimed = send::aim(&self.state.plan, &to, value).and_then(|at| {
            let way = way_in(&self.state, &self.desk, at);
            way.map(|()| at).map_err(|why| Unsent::NoWayIn { to, why })
        });
        let sent = aimed.map(|(agent, port)| {
            let value = Bytes::from(value.as_bytes());
            self.input(Input::Receive { agent, port, value, by });
            seq
        });
        self.tell_later(seq, (reply, sent));
    }
}
