//! The side that shows a run.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::place::{self, ENDING, Place};
use super::routes::{Desk, Peer};
use super::wire::{Patient, is_gone, may_speak};
use super::{Shown, SocketError};

/// Threads for calls that may block.
const BLOCKING_THREADS: usize = 4;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// Headers of a request.
const HEADERS: usize = 32;
/// Stale sockets looked for at a start.
const SWEPT: usize = 1_024;

/// How many and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at a time; more wait to be accepted.
    pub(super) connections: usize,
    /// Of these, how many may be fed records.
    pub(super) feeds: usize,
    /// Until a request's head must have come.
    pub(super) head: Duration,
    /// Until some of what waits to be taken must be taken.
    pub(super) taken: Duration,
    /// Between two looks for new records.
    pub(super) pause: Duration,
    /// For those who are still being answered when the server goes.
    pub(super) linger: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 32,
            feeds: 24,
            head: Duration::from_secs(5),
            taken: Duration::from_secs(30),
            pause: Duration::from_millis(50),
            linger: Duration::from_secs(1),
        }
    }
}

/// A control socket that is listened to. It goes when this is dropped: those who are being answered get a
/// second to take the rest, and those who follow get what is written by then.
#[derive(Debug)]
pub struct Server {
    place: Option<Place>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens for the run in `run_folder`, which this process must own, and shows it.
    pub fn start(run_folder: &Path, shown: Arc<dyn Shown>) -> Result<Self, SocketError> {
        let session = std::env::var_os("XDG_RUNTIME_DIR");
        let folder = place::folder(session.as_deref(), Path::new("/tmp"))?;
        Self::start_in(&folder, run_folder, shown, Bounds::default())
    }

    /// Listens in `folder`.
    pub(super) fn start_in(
        folder: &Path,
        run_folder: &Path,
        shown: Arc<dyn Shown>,
        bounds: Bounds,
    ) -> Result<Self, SocketError> {
        let (listener, place) = Place::take(folder, run_folder)?;
        let io = |error| SocketError::io(place.socket(), error);
        let runtime = runtime().map_err(io)?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::from_std(listener).map_err(io)?
        };
        let (stop, stopped) = watch::channel(false);
        let desk = Desk {
            shown,
            bounds,
            stop: stopped,
            feeds: Arc::new(Semaphore::new(bounds.feeds)),
            long: Semaphore::new(1),
        };
        let folder = folder.to_owned();
        let thread = thread::Builder::new().name("socket".into()).spawn(move || {
            runtime.block_on(async {
                sweep(&folder).await;
                serve(&listener, Arc::new(desk)).await;
            });
            // A call that still looks at the log is not waited for.
            runtime.shutdown_background();
        });
        let thread = Some(thread.map_err(io)?);
        Ok(Self { place: Some(place), stop, thread })
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.as_ref().map_or(Path::new(""), Place::socket)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First, so that nobody new comes.
        self.place = None;
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("socket-read")
        .build()
}

/// Accepts connections until the server goes, and a little longer lets those end that there are.
async fn serve(listener: &UnixListener, desk: Arc<Desk>) {
    let mut stop = desk.stop.clone();
    let mut talks = JoinSet::new();
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = accept(listener, &desk, &mut talks) => {}
    }
    let ended = async { while talks.join_next().await.is_some() {} };
    // Those who take longer are cut off.
    let _ = timeout(desk.bounds.linger, ended).await;
}

/// Accepts connections for ever.
async fn accept(listener: &UnixListener, desk: &Arc<Desk>, talks: &mut JoinSet<()>) {
    loop {
        if talks.len() >= desk.bounds.connections {
            talks.join_next().await;
        }
        while talks.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(talks.spawn(talk(stream, Arc::clone(desk)))),
            // Such as no free descriptor: trying at once would be of no use.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One connection: one request and its answer. What goes wrong is the other side's concern.
async fn talk(stream: UnixStream, desk: Arc<Desk>) {
    let Ok(peer) = stream.peer_cred() else { return };
    if !may_speak(peer.uid()) {
        return;
    }
    let by = Peer { pid: peer.pid(), uid: peer.uid() };
    let stream = TokioIo::new(Patient::new(stream, desk.bounds.taken));
    let mut stop = desk.stop.clone();
    let asked = AtomicBool::new(false);
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request, by).await) }
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(desk.bounds.head)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(stream, service);
    let mut talk = std::pin::pin!(talk);
    tokio::select! {
        _ = talk.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // Who has not asked yet is not waited for.
    if asked.load(Ordering::Relaxed) {
        talk.as_mut().graceful_shutdown();
        let _ = talk.await;
    }
}

/// Removes the sockets of owners that were killed.
async fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.take(SWEPT).flatten() {
        let path = entry.path();
        let ours = path.extension() == Some(OsStr::new(ENDING));
        if ours && UnixStream::connect(&path).await.is_err_and(|error| is_gone(&error)) {
            let _ = fs::remove_file(&path);
        }
    }
}
