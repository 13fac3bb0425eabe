//! Ctrl-C, SIGTERM and SIGHUP, told to whoever runs a run.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// A signal that asks this process to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caught {
    /// `SIGINT` or `SIGTERM`.
    pub name: &'static str,
    /// It is not the first: stop now, without draining.
    pub again: bool,
}

/// Listens for signals, on a thread of its own, until it is dropped.
///
/// From the first time on, these signals no longer end this process by themselves, not after the drop
/// either: they are then ignored.
#[derive(Debug)]
pub struct Signals {
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Calls `told` at each SIGINT and SIGTERM. When this returns, none is missed.
    pub fn listen(told: impl FnMut(Caught) + Send + 'static) -> io::Result<Self> {
        Self::start(told, None)
    }

    /// The same, and calls `asked` at each SIGHUP.
    pub fn listen_to_all(
        told: impl FnMut(Caught) + Send + 'static,
        asked: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(told, Some(Box::new(asked)))
    }

    fn start(
        told: impl FnMut(Caught) + Send + 'static,
        asked: Option<Box<dyn FnMut() + Send>>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (interrupt, terminate, hangup) = {
            let _inside = runtime.enter();
            let hangup = |asked| Ok::<_, io::Error>((signal(SignalKind::hangup())?, asked));
            let hangup = asked.map(hangup).transpose()?;
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, hangup)
        };
        let (stop, stopped) = oneshot::channel();
        let work = async move {
            tokio::select! {
                () = tell(interrupt, terminate, told) => {}
                () = ask(hangup) => {}
                _ = stopped => {}
            }
        };
        let thread = thread::Builder::new().name("signals".into());
        let thread = thread.spawn(move || runtime.block_on(work))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Tells of signals for ever.
async fn tell(mut interrupt: Signal, mut terminate: Signal, mut told: impl FnMut(Caught)) {
    let mut again = false;
    loop {
        let name = tokio::select! {
            Some(()) = interrupt.recv() => "SIGINT",
            Some(()) = terminate.recv() => "SIGTERM",
            else => return,
        };
        told(Caught { name, again });
        again = true;
    }
}

/// Tells of SIGHUPs for ever.
async fn ask(hangup: Option<(Signal, Box<dyn FnMut() + Send>)>) {
    if let Some((mut hangup, mut asked)) = hangup {
        while hangup.recv().await.is_some() {
            asked();
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn the_first_signal_and_the_next_are_told_apart() {
        let (sender, caught) = mpsc::channel();
        let signals = Signals::listen(move |signal| sender.send(signal).unwrap()).unwrap();
        let sent = [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT"), (Signal::INT, "SIGINT")];
        for (nth, (signal, name)) in sent.into_iter().enumerate() {
            kill_process(getpid(), signal).unwrap();
            let found = caught.recv_timeout(Duration::from_mins(1)).unwrap();
            assert_eq!(found, Caught { name, again: nth > 0 });
        }
        drop(signals);
        assert!(caught.recv().is_err(), "the thread has ended and dropped the closure");
    }

    #[test]
    fn a_hangup_is_told_to_who_listens_to_it() {
        let (sender, asked) = mpsc::channel();
        let signals = Signals::listen_to_all(|_| {}, move || sender.send(()).unwrap()).unwrap();
        for _ in 0..2 {
            kill_process(getpid(), Signal::HUP).unwrap();
            asked.recv_timeout(Duration::from_mins(1)).unwrap();
        }
        drop(signals);
        assert!(asked.recv().is_err());
    }
}
