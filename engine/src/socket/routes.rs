//! What is answered to which request.

mod live;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use theater_flow_kernel::ids::{Digest, Ref};
use theater_flow_kernel::limits::PAYLOAD_BYTES;
use tokio::sync::{Semaphore, watch};

use super::feed::{Feed, Source, What};
use super::server::Bounds;
use super::{Haste, Shown, Span};
use crate::causes::{Direction, Question};
use crate::letters::{Deed, Order, Which};
use crate::render::Look;

/// Bytes of a request's body, but for those of `/v1/send` and `/v1/reload`. No other needs one.
const BODY_BYTES: usize = 4_096;
/// Bytes of what a reload names.
const RELOAD_BYTES: usize = 1 << 20;

/// What can be asked. `docs/control-socket.md` says of each what it takes and what it answers.
pub(super) const ROUTES: [(Method, &str); 16] = [
    (Method::GET, "/v1/hello"),
    (Method::GET, "/v1/events"),
    (Method::GET, "/v1/pairs"),
    (Method::GET, "/v1/show"),
    (Method::GET, "/v1/why"),
    (Method::GET, "/v1/verify"),
    (Method::GET, "/v1/tree"),
    (Method::GET, "/v1/waiting"),
    (Method::GET, "/v1/tap"),
    (Method::POST, "/v1/approve"),
    (Method::POST, "/v1/letters"),
    (Method::POST, "/v1/reload"),
    (Method::POST, "/v1/send"),
    (Method::POST, "/v1/pause"),
    (Method::POST, "/v1/resume"),
    (Method::POST, "/v1/stop"),
];

/// The body of an answer.
pub(super) type Body = Either<Full<Bytes>, Feed>;
type Answer = Response<Body>;

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// The process, if it is known.
    pub(super) pid: Option<i32>,
    /// The user.
    pub(super) uid: u32,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid} of user {}", self.uid),
            None => write!(f, "user {}", self.uid),
        }
    }
}

/// What all connections share.
pub(super) struct Desk {
    pub(super) shown: Arc<dyn Shown>,
    pub(super) bounds: Bounds,
    /// Turns true when the server goes.
    pub(super) stop: watch::Receiver<bool>,
    /// Places for those who are fed records, fewer than connections: a stop always gets through.
    pub(super) feeds: Arc<Semaphore>,
    /// One long look at the log at a time, so that they never use up the machine.
    pub(super) long: Semaphore,
}

impl Desk {
    /// Answers a request.
    pub(super) async fn answer<B>(&self, request: Request<B>, by: Peer) -> Answer
    where
        B: hyper::body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (request, body) = request.into_parts();
        let path = request.uri.path();
        let long = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long");
        let most = match path {
            "/v1/send" => PAYLOAD_BYTES,
            "/v1/reload" => RELOAD_BYTES,
            _ => BODY_BYTES,
        };
        if body.size_hint().lower() > most as u64 {
            return long();
        }
        let Some((allowed, _)) = ROUTES.iter().find(|(_, known)| *known == path) else {
            return refuse(StatusCode::NOT_FOUND, &format!("there is no `{path}` here"));
        };
        if request.method != allowed {
            let what = format!("`{path}` takes {allowed}");
            let mut answer = refuse(StatusCode::METHOD_NOT_ALLOWED, &what);
            let allowed = HeaderValue::from_str(allowed.as_str());
            answer.headers_mut().extend(allowed.ok().map(|allowed| (ALLOW, allowed)));
            return answer;
        }
        if let Err(wrong) = live::bare(path, request.uri.query()) {
            return refuse(StatusCode::BAD_REQUEST, &wrong);
        }
        match path {
            "/v1/events" => self.events(request.uri.query()).await,
            "/v1/pairs" => self.pairs(request.uri.query()).await,
            "/v1/show" => self.show(request.uri.query()).await,
            "/v1/why" => self.why(request.uri.query()).await,
            "/v1/verify" => self.verify(request.uri.query()).await,
            "/v1/tree" => self.look(Shown::tree).await,
            "/v1/waiting" => self.look(Shown::waiting).await,
            "/v1/approve" => self.approve(request.uri.query(), by).await,
            "/v1/letters" => self.letters(request.uri.query(), by).await,
            "/v1/reload" => self.reload(body, by).await,
            "/v1/tap" => self.tap(request.uri.query()).await,
            "/v1/send" => self.send(request.uri.query(), body, by).await,
            "/v1/pause" => self.pause((true, by)).await,
            "/v1/resume" => self.pause((false, by)).await,
            "/v1/stop" => self.stop(request.uri.query(), by.to_string()).await,
            _ => self.hello().await,
        }
    }

    async fn hello(&self) -> Answer {
        let shown = Arc::clone(&self.shown);
        value(blocking(move || shown.hello()).await)
    }

    async fn stop(&self, query: Option<&str>, by: String) -> Answer {
        let haste = match haste(query.unwrap_or_default()) {
            Ok(haste) => haste,
            Err(wrong) => return refuse(StatusCode::BAD_REQUEST, &wrong),
        };
        let shown = Arc::clone(&self.shown);
        match blocking(move || shown.stop(&by, haste)).await {
            Ok(()) => whole(StatusCode::ACCEPTED, &json!({ "stopping": true })),
            Err(what) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
        }
    }

    async fn approve(&self, query: Option<&str>, by: Peer) -> Answer {
        match decision(query.unwrap_or_default()) {
            // No long look is waited for.
            Ok((id, repeat)) => {
                let shown = Arc::clone(&self.shown);
                value(blocking(move || shown.approve(id, repeat, by.uid)).await.flatten())
            }
            Err(wrong) => refuse(StatusCode::BAD_REQUEST, &wrong),
        }
    }

    async fn letters(&self, query: Option<&str>, by: Peer) -> Answer {
        match order(query.unwrap_or_default()) {
            Ok(order) => {
                let shown = Arc::clone(&self.shown);
                value(blocking(move || shown.letters(order, by.uid)).await.flatten())
            }
            Err(wrong) => refuse(StatusCode::BAD_REQUEST, &wrong),
        }
    }

    /// Bytes of the log itself. Each answer is short, so that these take no turns.
    async fn pairs(&self, query: Option<&str>) -> Answer {
        let span = match Span::parse(query.unwrap_or_default()) {
            Ok(span) => span,
            Err(wrong) => return refuse(StatusCode::BAD_REQUEST, &wrong),
        };
        let shown = Arc::clone(&self.shown);
        let pairs = blocking(move || shown.pairs(&span)).await.flatten();
        let bytes = pairs
            .and_then(|pairs| postcard::to_allocvec(&pairs).map_err(|error| error.to_string()));
        match bytes {
            Ok(bytes) => {
                let body = Either::Left(Full::from(bytes));
                answer(StatusCode::OK, "application/octet-stream", body)
            }
            Err(what) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
        }
    }

    async fn show(&self, query: Option<&str>) -> Answer {
        match Named::parse(query.unwrap_or_default(), false) {
            Ok(named) => self.look(move |shown| shown.show(named.what, named.look)).await,
            Err(wrong) => refuse(StatusCode::BAD_REQUEST, &wrong),
        }
    }

    async fn why(&self, query: Option<&str>) -> Answer {
        match Named::parse(query.unwrap_or_default(), true) {
            Ok(Named { what, look, direction, json }) => {
                let question = Question { what, direction, json };
                self.look(move |shown| shown.why(question, look)).await
            }
            Err(wrong) => refuse(StatusCode::BAD_REQUEST, &wrong),
        }
    }

    async fn verify(&self, query: Option<&str>) -> Answer {
        match sought(query.unwrap_or_default()) {
            Ok(head) => self.look(move |shown| shown.verify(head)).await,
            Err(wrong) => refuse(StatusCode::BAD_REQUEST, &wrong),
        }
    }

    async fn look<F>(&self, look: F) -> Answer
    where
        F: FnOnce(&dyn Shown) -> Result<Value, String> + Send + 'static,
    {
        let turn = self.long.acquire().await;
        let shown = Arc::clone(&self.shown);
        let result = blocking(move || look(&*shown)).await.flatten();
        drop(turn);
        value(result)
    }

    async fn events(&self, query: Option<&str>) -> Answer {
        let (from, follow) = match parse(query.unwrap_or_default()) {
            Ok(parsed) => parsed,
            Err(what) => return refuse(StatusCode::BAD_REQUEST, &what),
        };
        let Ok(place) = Arc::clone(&self.feeds).try_acquire_owned() else {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many read the records already");
        };
        let (shown, stop) = (Arc::clone(&self.shown), self.stop.clone());
        let (pause, what) = (self.bounds.pause, What::Records);
        let source = Source { shown, what, follow, pause, stop, _place: place };
        match Feed::start(source, from).await {
            Ok(feed) => answer(StatusCode::OK, "application/x-ndjson", Either::Right(feed)),
            Err(what) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
        }
    }
}

/// Runs `work`, which may block, on a thread that may. A panic in it is an error.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, String>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|_| String::from("the run could not be read: an internal error"))
}

/// The `from` and `follow` of a query.
fn parse(query: &str) -> Result<(u64, bool), String> {
    let (mut from, mut follow) = (0, false);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("from", seq)) => {
                from = seq.parse().map_err(|_| format!("`from` takes a seq, not `{seq}`"))?;
            }
            Some(("follow", "1")) => follow = true,
            Some(("follow", "0")) => follow = false,
            _ => return Err(format!("`{pair}` is not understood")),
        }
    }
    Ok((from, follow))
}

/// The `head` of a query.
fn sought(query: &str) -> Result<Option<Digest>, String> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(None),
        Some(("head", hex)) => match Digest::from_hex(hex) {
            Some(head) => Ok(Some(head)),
            None => Err(format!("`head` takes 64 hex digits, not `{hex}`")),
        },
        _ => Err(format!("`{query}` is not understood")),
    }
}

/// How long a run that stops may take.
fn haste(query: &str) -> Result<Haste, String> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(Haste::Usual),
        Some(("now", "1")) => Ok(Haste::Now),
        Some(("within", ms)) => {
            let ms = ms.parse().map_err(|_| format!("`within` takes milliseconds, not `{ms}`"))?;
            Ok(Haste::Within(ms))
        }
        _ => Err(format!("`{query}` is not understood")),
    }
}

/// What is to be done with which dead letters.
fn order(query: &str) -> Result<Order, String> {
    let (mut deed, mut these, mut agent, mut all) = (None, vec![], None, false);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("do", word)) => {
                let known = [Deed::Retry, Deed::Drop].into_iter().find(|deed| deed.word() == word);
                deed = Some(known.ok_or("`do` takes `retry` or `drop`")?);
            }
            Some(("letter", seq)) => {
                let wrong = |_| format!("`letter` takes a seq, not `{seq}`");
                these.push(seq.parse().map_err(wrong)?);
            }
            Some(("agent", name)) => agent = Some(name.to_owned()),
            Some(("all", "1")) => all = true,
            _ => return Err(format!("`{pair}` is not understood")),
        }
    }
    let deed = deed.ok_or("`do` is missing")?;
    match (all, these.is_empty()) {
        (true, true) => Ok(Order { deed, which: Which::All { agent } }),
        (false, false) if agent.is_none() => Ok(Order { deed, which: Which::These(these) }),
        _ => Err(String::from("which letters? `letter` names some, or `all=1` means all")),
    }
}

/// The `id` of a decision, and whether that is to be made again.
fn decision(query: &str) -> Result<(u64, bool), String> {
    let (mut id, mut repeat) = (None, true);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("id", seq)) => {
                id = Some(seq.parse().map_err(|_| format!("`id` takes a seq, not `{seq}`"))?);
            }
            Some(("fail", "1")) => repeat = false,
            _ => return Err(format!("`{pair}` is not understood")),
        }
    }
    Ok((id.ok_or("`id` is missing")?, repeat))
}

/// What a query of `show` or `why` names.
struct Named {
    what: Ref,
    look: Look,
    direction: Direction,
    json: bool,
}

impl Named {
    fn parse(query: &str, is_why: bool) -> Result<Self, String> {
        let (mut what, mut look) = (None, Look::PLAIN);
        let (mut direction, mut json) = (Direction::Causes, false);
        let mut part = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let wrong = || format!("`{pair}` is not understood");
            match pair.split_once('=').ok_or_else(wrong)? {
                ("seq", seq) => what = Some(seq.parse().map_err(|_| wrong())?),
                ("part", number) => part = Some(number.parse().map_err(|_| wrong())?),
                ("width", columns) => look.width = Some(columns.parse().map_err(|_| wrong())?),
                ("colour", "1") => look.colour = true,
                ("impact", "1") if is_why => direction = Direction::Effects,
                ("json", "1") if is_why => json = true,
                _ => return Err(wrong()),
            }
        }
        let seq = what.ok_or("`seq` is missing")?;
        Ok(Self { what: Ref { seq, part }, look, direction, json })
    }
}

fn value(result: Result<Value, String>) -> Answer {
    match result {
        Ok(value) => whole(StatusCode::OK, &value),
        Err(what) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
    }
}

fn refuse(status: StatusCode, what: &str) -> Answer {
    whole(status, &json!({ "error": what }))
}

fn whole(status: StatusCode, value: &Value) -> Answer {
    let text = format!("{value}\n");
    answer(status, "application/json", Either::Left(Full::from(text)))
}

fn answer(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
