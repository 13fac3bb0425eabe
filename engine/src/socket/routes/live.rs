//! What somebody does to a live run, and watches of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Body;
use theater_flow_kernel::limits::PAYLOAD_BYTES;
use tokio::time::timeout;

use super::super::feed::{Feed, Source, What};
use super::{Answer, Desk, Peer, RELOAD_BYTES, answer, blocking, refuse, value};
use crate::channels::Pattern;

/// Requests without parameters.
const BARE: [&str; 6] =
    ["/v1/hello", "/v1/tree", "/v1/waiting", "/v1/reload", "/v1/pause", "/v1/resume"];
/// Channels that are named when none is meant.
const NAMED: usize = 12;

impl Desk {
    /// The run is to stand still, or to go on.
    pub(super) async fn pause(&self, (still, by): (bool, Peer)) -> Answer {
        let shown = Arc::clone(&self.shown);
        value(blocking(move || shown.pause(still, by.uid)).await.flatten())
    }

    /// Somebody sends a message, which is the request's body.
    pub(super) async fn send<B>(&self, query: Option<&str>, body: B, by: Peer) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let to = match only("to", query) {
            Ok(Some(to)) => to.to_owned(),
            Ok(None) => return refuse(StatusCode::BAD_REQUEST, "whom to? `to=AGENT.PORT` says it"),
            Err(wrong) => return refuse(StatusCode::BAD_REQUEST, &wrong),
        };
        let value = match text(body, self.bounds.taken).await {
            Ok(value) => value,
            Err((status, what)) => return refuse(status, &what),
        };
        let shown = Arc::clone(&self.shown);
        super::value(blocking(move || shown.send(&to, value, by.uid)).await.flatten())
    }

    /// The run is to go over to another plan, which the request's body names.
    pub(super) async fn reload<B>(&self, body: B, by: Peer) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = match whole(body, ("body", RELOAD_BYTES), self.bounds.taken).await {
            Ok(body) => body,
            Err((status, what)) => return refuse(status, &what),
        };
        match serde_json::from_slice(&body) {
            Ok(ask) => {
                let shown = Arc::clone(&self.shown);
                value(blocking(move || shown.reload(ask, by.uid)).await.flatten())
            }
            Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("the body: {error}")),
        }
    }

    /// Messages as they are emitted.
    pub(super) async fn tap(&self, query: Option<&str>) -> Answer {
        let which = || String::from("which channels? `channels=PATTERN` says it");
        let pattern = only("channels", query).and_then(|text| text.ok_or_else(which));
        let pattern = match pattern.and_then(Pattern::parse) {
            Ok(pattern) => pattern,
            Err(wrong) => return refuse(StatusCode::BAD_REQUEST, &wrong),
        };
        let Ok(place) = Arc::clone(&self.feeds).try_acquire_owned() else {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many read the records already");
        };
        let shown = Arc::clone(&self.shown);
        let (known, from) = match blocking(move || shown.channels()).await.flatten() {
            Ok(found) => found,
            Err(what) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
        };
        if !known.iter().any(|channel| pattern.matches(channel)) {
            return refuse(StatusCode::NOT_FOUND, &none(&pattern, &known));
        }
        let (shown, stop) = (Arc::clone(&self.shown), self.stop.clone());
        let (pause, what) = (self.bounds.pause, What::Messages(Arc::new(pattern)));
        let source = Source { shown, what, follow: true, pause, stop, _place: place };
        match Feed::start(source, from).await {
            Ok(feed) => answer(StatusCode::OK, "application/x-ndjson", Either::Right(feed)),
            Err(what) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &what),
        }
    }
}

/// The value of the only parameter that a request may have.
fn only<'q>(name: &str, query: Option<&'q str>) -> Result<Option<&'q str>, String> {
    let mut value = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((key, said)) if key == name && value.is_none() => value = Some(said),
            _ => return Err(format!("`{pair}` is not understood")),
        }
    }
    Ok(value)
}

/// Refuses parameters of what has none.
pub(super) fn bare(path: &str, query: Option<&str>) -> Result<(), String> {
    if BARE.contains(&path) { only("", query).map(|_| ()) } else { Ok(()) }
}

/// That no channel is meant, and which there are.
fn none(pattern: &Pattern, known: &[String]) -> String {
    let named: Vec<String> = known.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = known.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let there = if known.is_empty() { "none".to_owned() } else { named.join(", ") + &more };
    format!("no channel of the run is named `{}`: there is {there}", pattern.text())
}

/// A message as text.
async fn text<B>(body: B, within: Duration) -> Result<String, (StatusCode, String)>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let bytes = whole(body, ("message", PAYLOAD_BYTES), within).await?;
    let no_text = |_| (StatusCode::BAD_REQUEST, String::from("it is no UTF-8"));
    String::from_utf8(bytes.into()).map_err(no_text)
}

/// All of a body. Whoever is slow is not waited for.
async fn whole<B>(
    body: B,
    (what, most): (&str, usize),
    within: Duration,
) -> Result<Bytes, (StatusCode, String)>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let late = |_| (StatusCode::REQUEST_TIMEOUT, format!("the {what} did not come"));
    match timeout(within, Limited::new(body, most).collect()).await.map_err(late)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let what = format!("a {what} has at most {} MiB", most >> 20);
            Err((StatusCode::PAYLOAD_TOO_LARGE, what))
        }
        Err(_) => Err((StatusCode::BAD_REQUEST, format!("the {what} was cut off"))),
    }
}
