//! The backlog: records that wait to become durable. It is bounded, so that a log that is slower than the
//! agents slows them, and does not fill the memory.

use std::collections::VecDeque;
use std::sync::Arc;

use theater_flow_kernel::record::Entry;

/// Records that may wait; beyond it no new work is given out.
const RECORDS: usize = 65_536;
/// Bytes of payloads that may wait, likewise.
const BYTES: usize = 32 << 20;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Backlog {
    /// The seq and the bytes of each record, in order.
    waiting: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Backlog {
    /// Takes in new records.
    pub(super) fn add(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            let bytes = entry.payload_bytes();
            self.waiting.push_back((entry.seq, bytes));
            self.bytes += bytes;
        }
    }

    /// All records before this seq are durable.
    pub(super) fn flushed(&mut self, seq: u64) {
        while let Some((_, bytes)) = self.waiting.pop_front_if(|(first, _)| *first < seq) {
            self.bytes -= bytes;
        }
    }

    /// True if no new work may be given out.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() > RECORDS || self.bytes > BYTES
    }
}

#[cfg(test)]
mod tests {
    use theater_flow_kernel::ids::Bytes;
    use theater_flow_kernel::record::{Body, Stopping};

    use super::*;

    fn entry(seq: u64, bytes: usize) -> Arc<Entry> {
        let body = Body::Stopping(Stopping { by: String::new() });
        let payloads = vec![Bytes::from(vec![0; bytes])];
        Arc::new(Entry { seq, at: 0, salt: [0; 16], causes: Vec::new(), body, payloads })
    }

    #[test]
    fn it_is_full_by_bytes_until_they_are_durable() {
        let mut backlog = Backlog::default();
        backlog.add(&[entry(0, BYTES), entry(1, 0)]);
        assert!(!backlog.is_full());
        backlog.add(&[entry(2, 1)]);
        assert!(backlog.is_full());
        backlog.flushed(0);
        assert!(backlog.is_full(), "record 0 is not durable yet");
        backlog.flushed(1);
        assert!(!backlog.is_full());
        backlog.flushed(3);
        assert_eq!((backlog.waiting.len(), backlog.bytes), (0, 0));
    }

    #[test]
    fn it_is_full_by_records() {
        let mut backlog = Backlog::default();
        let records = u64::try_from(RECORDS).expect("it is small");
        (0..=records).for_each(|seq| backlog.add(&[entry(seq, 0)]));
        assert!(backlog.is_full());
        backlog.flushed(1);
        assert!(!backlog.is_full());
    }
}
