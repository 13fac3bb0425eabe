//! Writing the state down, so that a process that takes the run up need not fold all of its log.

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::state::Phase;

use super::{CheckpointBytes, Clock, Driver, Errands, Outputs, Scribe, Workers};

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    pub(super) fn checkpoint_if_due(&mut self) {
        let running = matches!(self.state.kept.phase, Phase::Running | Phase::Stopping);
        if running && self.state.wants_checkpoint() {
            self.checkpoint(self.state.to_checkpoint());
        }
    }

    /// The last checkpoint before the run is let go, if it is worth its place.
    pub(super) fn last_checkpoint(&mut self) {
        let bytes = self.state.to_checkpoint();
        if self.state.is_worth_a_checkpoint(bytes.len() as u64) {
            self.checkpoint(bytes);
        }
    }

    /// Writes the state down, with all records before it.
    fn checkpoint(&mut self, bytes: Vec<u8>) {
        self.send();
        let upto = self.state.kept.next_seq;
        let (digest, len) = (Digest::of(&bytes), bytes.len() as u64);
        self.unsent.checkpoint = Some(CheckpointBytes { upto, bytes });
        self.input(Input::Checkpointed { upto, digest, len });
    }
}
