//! What a run waits for that was asked to stop or comes to its end, told every few seconds to whoever sits there.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use crate::driver::Remains;
use crate::render::Screen;
use crate::view;

/// Tells it on a thread of its own: whoever does not read standard error holds nothing up.
pub(super) struct Waiting(Option<(Sender<String>, JoinHandle<()>)>);

impl Waiting {
    pub(super) fn new(screen: &Arc<Screen>) -> Self {
        let (sender, lines) = channel::<String>();
        let screen = Arc::clone(screen);
        let thread = thread::Builder::new().name("drain".into());
        let started = thread.spawn(move || lines.iter().for_each(|line| screen.say(&line)));
        Self(started.ok().map(|thread| (sender, thread)))
    }

    /// What is left to be done, and for how many ms more it is waited for, if not for as long as it takes.
    pub(super) fn tell(&self, remains: &[Remains], left_ms: Option<u64>) {
        if let Some((sender, _)) = &self.0 {
            // The thread lives as long as this does.
            let _ = sender.send(view::remains_line(remains, left_ms));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.0.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}
