//! Standard input, read by a thread of its own, so that waiting for it can be given up.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use theater_flow_kernel::gate::StdinError;

/// Bytes read ahead at most.
const AHEAD: usize = 256 << 10;
/// Bytes asked of the source at a time.
const CHUNK: usize = 64 << 10;

/// A source of bytes for all agents that are granted `stdin`: each byte goes to one of them. Cloning
/// shares it. The source is not touched before the first read; its thread is never joined, since a
/// blocked read cannot be given up, and ends with the process.
#[derive(Clone)]
pub struct Stdin(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What to read from, until the first read.
    source: Option<Box<dyn Read + Send>>,
    bytes: VecDeque<u8>,
    end: Option<Result<(), String>>,
    interrupted: bool,
}

impl Default for Stdin {
    /// The standard input of the process.
    fn default() -> Self {
        Self::of(std::io::stdin())
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}

impl Stdin {
    /// Input from any source.
    pub fn of(source: impl Read + Send + 'static) -> Self {
        let source: Option<Box<dyn Read + Send>> = Some(Box::new(source));
        let state = State { source, bytes: VecDeque::new(), end: None, interrupted: false };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Waits for bytes and gives what is there, up to `len`; empty at the end. The wait also ends when `given_up`
    /// says so, which is asked at the beginning and after each [`look_up`](Self::look_up).
    pub fn read(&self, len: u32, given_up: &dyn Fn() -> bool) -> Result<Vec<u8>, StdinError> {
        let mut state = self.begun()?;
        loop {
            if state.interrupted || given_up() {
                return Err(StdinError::Interrupted);
            }
            if len == 0 || !state.bytes.is_empty() {
                let len = state.bytes.len().min(len as usize);
                let bytes = state.bytes.drain(..len).collect();
                self.0.changed.notify_all();
                return Ok(bytes);
            }
            match &state.end {
                Some(Ok(())) => return Ok(Vec::new()),
                Some(Err(why)) => return Err(StdinError::Failed(why.clone())),
                None => {}
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends all waiting, now and later: the run is stopping.
    pub fn interrupt(&self) {
        self.0.lock().interrupted = true;
        self.0.changed.notify_all();
    }

    /// Lets those that wait look whether they still have to.
    pub fn look_up(&self) {
        // Who is about to wait holds the state while it looks.
        drop(self.0.lock());
        self.0.changed.notify_all();
    }

    /// The state, with the thread started.
    fn begun(&self) -> Result<MutexGuard<'_, State>, StdinError> {
        let mut state = self.0.lock();
        if let Some(source) = state.source.take() {
            let shared = Arc::clone(&self.0);
            std::thread::Builder::new()
                .name(String::from("stdin"))
                .spawn(move || shared.fill(source))
                .map_err(|error| StdinError::Failed(error.to_string()))?;
        }
        Ok(state)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the end, an error, or the interruption.
    fn fill(&self, mut source: Box<dyn Read + Send>) {
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match source.read(&mut chunk) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let mut state = self.lock();
            match read {
                Ok(0) => state.end = Some(Ok(())),
                Ok(len) => state.bytes.extend(&chunk[..len]),
                Err(error) => state.end = Some(Err(error.to_string())),
            }
            self.changed.notify_all();
            while state.bytes.len() >= AHEAD && !state.interrupted {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.end.is_some() || state.interrupted {
                return;
            }
        }
    }
}
