//! A server on this machine that counts the requests that are made to it, and answers them as a test has it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::LIMIT;

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// It is answered with `re ` and its body.
    Answers,
    /// It is not answered before [`Server::release`].
    Hangs,
    /// Its connection is closed without a word.
    Closes,
    /// It is answered with just this, and its connection is closed.
    Says(&'static str),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Server {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    held: Receiver<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The idempotency key of each request, in order.
    made: Mutex<Vec<String>>,
    /// Requests that hang, with their bodies.
    hanging: Mutex<Vec<(TcpStream, Vec<u8>)>>,
}

impl Server {
    /// Listens; the request with number n, from 1, is treated as `manner` says of n.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start(manner: impl Fn(usize) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (shared, (tell, held)) = (Arc::<Shared>::default(), channel());
        let (theirs, manner) = (Arc::clone(&shared), Arc::new(manner));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, manner, tell) =
                    (Arc::clone(&theirs), Arc::clone(&manner), tell.clone());
                thread::spawn(move || shared.take(stream, &*manner, &tell));
            }
        });
        Self { port, shared, held }
    }

    /// One whose request with this number, from 1, hangs; with 0 none does.
    #[must_use]
    pub fn hanging_at(silent: usize) -> Self {
        Self::start(move |nth| if nth == silent { Manner::Hangs } else { Manner::Answers })
    }

    /// Waits until a request has come that hangs or is closed.
    ///
    /// # Panics
    /// If none comes.
    pub fn wait(&self) {
        self.held.recv_timeout(LIMIT).expect("the request came");
    }

    /// Answers all that hang.
    pub fn release(&self) {
        for (stream, body) in lock(&self.shared.hanging).drain(..) {
            answer(&stream, &body);
        }
    }

    /// How often each key came.
    #[must_use]
    pub fn made(&self) -> BTreeMap<String, usize> {
        let mut made = BTreeMap::new();
        for key in lock(&self.shared.made).iter() {
            *made.entry(key.clone()).or_default() += 1;
        }
        made
    }

    /// How many requests came, with how many keys.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let made = self.made();
        (made.values().sum(), made.len())
    }
}

impl Shared {
    fn take(&self, stream: TcpStream, manner: &dyn Fn(usize) -> Manner, tell: &Sender<()>) {
        // Whoever is killed while it asks has asked nothing.
        let Some((key, body)) = read(&stream) else { return };
        let nth = {
            let mut made = lock(&self.made);
            made.push(key);
            made.len()
        };
        match manner(nth) {
            Manner::Answers => answer(&stream, &body),
            Manner::Hangs => {
                lock(&self.hanging).push((stream, body));
                let _ = tell.send(());
            }
            Manner::Closes => {
                drop(stream);
                let _ = tell.send(());
            }
            Manner::Says(text) => {
                let _ = (&stream).write_all(text.as_bytes());
            }
        }
    }
}

/// The idempotency key and the body of a request; `None` if it does not come whole.
fn read(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let line = line.trim_end().to_lowercase();
        if let Some(value) = line.strip_prefix("idempotency-key: ") {
            value.clone_into(&mut key);
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key, body))
}

/// Whoever asked may be gone.
fn answer(mut stream: &TcpStream, body: &[u8]) {
    let body = [b"re ", body].concat();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipeline of three lines of `lines.txt`, a request for each, and the answers on standard output; what failed goes
/// to `refused.jsonl`. `more` stands in the grant, `habits` with the agent.
#[must_use]
pub fn asking(port: u16, method: &str, (more, habits): (&str, &str)) -> String {
    format!(
        r#"
format = 1
name = "ask"

[supervisors.root]
children = ["lines", "ask", "print", "refused"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}

[agents.ask]
actor = "std/http"
inputs = "lines"
config = {{ url = "http://127.0.0.1:{port}/v1/x", method = "{method}", on-error = "reject" }}
{habits}
grants = {{ http = [
  {{ host = "127.0.0.1", scheme = "http", port = {port}, methods = ["{method}"], paths = ["/v1/"], {more} }},
] }}

[agents.print]
actor = "std/stdout"
inputs = "ask.out"
grants = {{ stdout = true }}

[agents.refused]
actor = "std/file-write"
inputs = "ask.rejected"
config = {{ path = "refused.jsonl" }}
grants = {{ files = {{ write = ["refused.jsonl"] }} }}
"#
    )
}
