//! The side that asks.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use theater_flow_kernel::ids::{Digest, Ref};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::{Haste, ReloadAsk, SocketError, Span, place, wire};
use crate::causes::{Direction, Question};
use crate::channels::Pattern;
use crate::letters::{Order, Which};
use crate::render::Look;
use crate::store::Pair;

/// Until a connection is made.
const CONNECT: Duration = Duration::from_secs(10);
/// Until a short answer has come, or a part of a long one.
const ANSWER: Duration = Duration::from_secs(30);
/// Until all of the log has been looked at.
const LOOK: Duration = Duration::from_mins(30);
/// Bytes of a whole answer.
const ANSWER_BYTES: usize = 64 << 20;
/// Bytes of a line: the payloads of an event, each byte as up to six of JSON.
const LINE_BYTES: usize = 512 << 20;

/// What a reader of records hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard<'a> {
    /// A record, as a line of JSON without its line feed.
    Line(&'a str),
    /// No more for now: the next may be long in coming.
    Pause,
}

/// Whoever takes them; false when it has enough.
type Each<'a> = &'a mut dyn FnMut(Heard<'_>) -> bool;

/// Asks the process that owns a run. The calls block, but not for ever.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    runtime: Runtime,
}

impl Client {
    /// Finds the owner of the run in `run_folder`; `None` if it has none that lives.
    pub fn connect(run_folder: &Path) -> Result<Option<Self>, SocketError> {
        let Some(socket) = place::pointed(run_folder)? else {
            return Ok(None);
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| SocketError::io(&socket, error))?;
        let client = Self { socket, runtime };
        match client.runtime.block_on(client.reach()) {
            Ok(_) => Ok(Some(client)),
            Err(SocketError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who the owner is: see [`Shown::hello`](super::Shown::hello).
    pub fn hello(&self) -> Result<Value, SocketError> {
        self.value(Method::GET, "/v1/hello", ANSWER)
    }

    /// What a check of the whole log finds, and which record has the hash `head`.
    pub fn verify(&self, head: Option<Digest>) -> Result<Value, SocketError> {
        let head = head.map_or_else(String::new, |head| format!("?head={head}"));
        self.value(Method::GET, &format!("/v1/verify{head}"), LOOK)
    }

    /// The supervision tree.
    pub fn tree(&self) -> Result<Value, SocketError> {
        self.value(Method::GET, "/v1/tree", LOOK)
    }

    /// A record or a part of it, in full: see [`Shown::show`](super::Shown::show).
    pub fn show(&self, what: Ref, look: Look) -> Result<Value, SocketError> {
        self.value(Method::GET, &format!("/v1/show?{}", named(what, look)), LOOK)
    }

    /// Why a record is there: see [`Shown::why`](super::Shown::why).
    pub fn why(&self, question: Question, look: Look) -> Result<Value, SocketError> {
        let impact = if question.direction == Direction::Effects { "&impact=1" } else { "" };
        let json = if question.json { "&json=1" } else { "" };
        let path = format!("/v1/why?{}{impact}{json}", named(question.what, look));
        self.value(Method::GET, &path, LOOK)
    }

    /// What waits for somebody to decide: see [`Shown::waiting`](super::Shown::waiting).
    pub fn waiting(&self) -> Result<Value, SocketError> {
        self.value(Method::GET, "/v1/waiting", LOOK)
    }

    /// Decides about what was asked in record `id`: see [`Shown::approve`](super::Shown::approve).
    pub fn approve(&self, id: u64, repeat: bool) -> Result<Value, SocketError> {
        let fail = if repeat { "" } else { "&fail=1" };
        self.value(Method::POST, &format!("/v1/approve?id={id}{fail}"), LOOK)
    }

    /// Has something done with dead letters: see [`Shown::letters`](super::Shown::letters).
    pub fn letters(&self, order: &Order) -> Result<Value, SocketError> {
        let which = match &order.which {
            Which::These(seqs) => {
                let named: Vec<String> = seqs.iter().map(|seq| format!("&letter={seq}")).collect();
                named.concat()
            }
            Which::All { agent: None } => String::from("&all=1"),
            Which::All { agent: Some(agent) } => format!("&all=1&agent={agent}"),
        };
        let path = format!("/v1/letters?do={}{which}", order.deed.word());
        self.value(Method::POST, &path, LOOK)
    }

    /// Has the run go over to another plan: see [`Shown::reload`](super::Shown::reload).
    pub fn reload(&self, ask: &ReloadAsk) -> Result<Value, SocketError> {
        let body = serde_json::to_vec(ask).map_err(|error| SocketError::garbled(&error))?;
        self.posted("/v1/reload", body.into())
    }

    /// The run is to stand still, or to go on: see [`Shown::pause`](super::Shown::pause).
    pub fn pause(&self, still: bool) -> Result<Value, SocketError> {
        self.value(Method::POST, if still { "/v1/pause" } else { "/v1/resume" }, LOOK)
    }

    /// Sends a message to an input, named by what [`is_name`](crate::send::is_name): see
    /// [`Shown::send`](super::Shown::send).
    pub fn pass_on(&self, to: &str, value: String) -> Result<Value, SocketError> {
        self.posted(&format!("/v1/send?to={to}"), value.into())
    }

    /// Hands messages of the channels that the pattern means on to `each` as they are emitted, until the run ends or it
    /// returns false.
    pub fn tap(&self, pattern: &Pattern, each: Each<'_>) -> Result<(), SocketError> {
        let path = format!("/v1/tap?channels={}", pattern.text());
        self.runtime.block_on(async {
            let answer = timed(ANSWER, self.ask(Method::GET, &path)).await?;
            read_lines(accepted(answer).await?.into_body(), true, each).await
        })
    }

    /// Bytes of the log: see [`Shown::pairs`](super::Shown::pairs).
    pub fn pairs(&self, span: &Span) -> Result<Vec<Pair>, SocketError> {
        let path = format!("/v1/pairs?{}", span.query());
        self.runtime.block_on(timed(ANSWER, async {
            let answer = accepted(self.ask(Method::GET, &path).await?).await?;
            let bytes = whole(answer).await?;
            postcard::from_bytes(&bytes).map_err(|error| SocketError::garbled(&error))
        }))
    }

    /// Asks the run to stop. When this returns, it has been told; it stops when it has drained.
    pub fn stop(&self, haste: Haste) -> Result<(), SocketError> {
        let path = match haste {
            Haste::Usual => String::from("/v1/stop"),
            Haste::Within(ms) => format!("/v1/stop?within={ms}"),
            Haste::Now => String::from("/v1/stop?now=1"),
        };
        self.value(Method::POST, &path, ANSWER).map(drop)
    }

    /// Hands the records from seq `from` on to `each`, until there are no more or it returns false. With `follow` until the run ends, however long that takes.
    ///
    /// After [`SocketError::Cut`] the lines that came are right, and reading can go on after the last.
    pub fn events(&self, from: u64, follow: bool, each: Each<'_>) -> Result<(), SocketError> {
        let path = format!("/v1/events?from={from}&follow={}", u8::from(follow));
        self.runtime.block_on(async {
            let answer = timed(ANSWER, self.ask(Method::GET, &path)).await?;
            let answer = accepted(answer).await?;
            read_lines(answer.into_body(), follow, each).await
        })
    }

    fn value(&self, method: Method, path: &str, limit: Duration) -> Result<Value, SocketError> {
        self.asked((method, path), Bytes::new(), limit)
    }

    /// The answer to something that is said at length.
    fn posted(&self, path: &str, body: Bytes) -> Result<Value, SocketError> {
        self.asked((Method::POST, path), body, LOOK)
    }

    fn asked(
        &self,
        request: (Method, &str),
        body: Bytes,
        limit: Duration,
    ) -> Result<Value, SocketError> {
        self.runtime.block_on(timed(limit, async {
            let answer = accepted(self.send(request, body).await?).await?;
            let bytes = whole(answer).await?;
            serde_json::from_slice(&bytes).map_err(|error| SocketError::garbled(&error))
        }))
    }

    /// Sends a request without a body.
    async fn ask(&self, method: Method, path: &str) -> Result<Response<Incoming>, SocketError> {
        self.send((method, path), Bytes::new()).await
    }

    /// Sends a request on a connection of its own.
    async fn send(
        &self,
        (method, path): (Method, &str),
        body: Bytes,
    ) -> Result<Response<Incoming>, SocketError> {
        let stream = self.reach().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        let request =
            request.body(Full::new(body)).map_err(|error| SocketError::garbled(&error))?;
        sender.send_request(request).await.map_err(|error| broken(&error))
    }

    async fn reach(&self) -> Result<UnixStream, SocketError> {
        let io = |error: io::Error| {
            if wire::is_gone(&error) {
                SocketError::Gone
            } else {
                SocketError::io(&self.socket, error)
            }
        };
        let stream =
            timed(CONNECT, async { wire::connect(&self.socket).await.map_err(io) }).await?;
        let uid = stream.peer_cred().map_err(io)?.uid();
        // The administrator may ask about anyone's run.
        if wire::may_speak(uid) || rustix::process::geteuid().is_root() {
            Ok(stream)
        } else {
            Err(SocketError::Stranger { path: self.socket.clone(), uid })
        }
    }
}

/// A record and a look, as a query.
fn named(what: Ref, look: Look) -> String {
    let part = what.part.map(|part| format!("&part={part}")).unwrap_or_default();
    let width = look.width.map(|width| format!("&width={width}")).unwrap_or_default();
    let colour = if look.colour { "&colour=1" } else { "" };
    format!("seq={}{part}{width}{colour}", what.seq)
}

async fn timed<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, SocketError>>,
) -> Result<T, SocketError> {
    timeout(limit, work).await.unwrap_or(Err(SocketError::TimedOut))
}

/// An error of the connection: most often its other end is gone.
fn broken(error: &hyper::Error) -> SocketError {
    if error.is_parse() { SocketError::garbled(error) } else { SocketError::Cut }
}

/// The answer, if it is not an error.
async fn accepted(answer: Response<Incoming>) -> Result<Response<Incoming>, SocketError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let bytes = timed(ANSWER, whole(answer)).await?;
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let what = value.get("error").and_then(Value::as_str);
    let what = what.or(status.canonical_reason()).unwrap_or("it was refused").to_owned();
    Err(SocketError::Refused { status: StatusCode::as_u16(&status), what })
}

async fn whole(answer: Response<Incoming>) -> Result<Bytes, SocketError> {
    match Limited::new(answer.into_body(), ANSWER_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(SocketError::garbled(&error))
        }
        Err(_) => Err(SocketError::Cut),
    }
}

/// Cuts a body into lines. Only a line that has ended is handed on.
async fn read_lines(mut body: Incoming, follow: bool, each: Each<'_>) -> Result<(), SocketError> {
    let mut rest = vec![];
    loop {
        let next = if follow {
            body.frame().await
        } else {
            timeout(ANSWER, body.frame()).await.map_err(|_| SocketError::TimedOut)?
        };
        let Some(frame) = next else { break };
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if !take_lines(&mut rest, &data, each)? || !each(Heard::Pause) {
            return Ok(());
        }
        if rest.len() > LINE_BYTES {
            return Err(SocketError::garbled(&"a line is too long"));
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(SocketError::Cut) }
}

/// Hands on the lines that end in `data`, the first of which began with `rest`; keeps what follows in
/// `rest`. False if no more is wanted.
fn take_lines(rest: &mut Vec<u8>, data: &[u8], each: Each<'_>) -> Result<bool, SocketError> {
    for piece in data.split_inclusive(|byte| *byte == b'\n') {
        rest.extend_from_slice(piece);
        if let Some(line) = rest.strip_suffix(b"\n") {
            let line = str::from_utf8(line).map_err(|error| SocketError::garbled(&error))?;
            if !each(Heard::Line(line)) {
                return Ok(false);
            }
            rest.clear();
        }
    }
    Ok(true)
}
