//! Decisions about asks: whoever makes one is told when it is durable, and not before.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

use theater_flow_kernel::record::Person;

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

/// Those who wait to be told, in the order of their records.
#[derive(Default)]
pub(super) struct Recorded(VecDeque<(u64, SyncSender<bool>)>);

impl Recorded {
    /// The decision stands in this record.
    pub(super) fn wait(&mut self, seq: u64, reply: SyncSender<bool>) {
        self.0.push_back((seq, reply));
    }

    /// All records before this seq are durable.
    pub(super) fn flushed(&mut self, seq: u64) {
        while let Some((_, reply)) = self.0.pop_front_if(|(waits, _)| *waits < seq) {
            // Whoever asked may have given up waiting.
            let _ = reply.send(true);
        }
    }
}
