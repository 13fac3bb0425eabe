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

/// Channels that are named when none is meant.
const NAMED: usize = 12;

impl Desk {
    /// The run is to stand still, or to go on.
    pub(super) async fn pause(&self, query: Option<&str>, (still, by): (bool, Peer)) -> Answer {
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            return refuse(StatusCode::BAD_REQUEST, &format!("`{query}` is not understood"));
        }
        let shown = Arc::clone(&self.shown);
        value(blocking(move || shown.pause(still, by.uid)).await.flatten())
    }

    /// Somebody sends a message, which is the request's body.
    pub(super) async fn send<B>(&self, query: Option<&str>, body: B, by: Peer) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let to = match query.and_then(|query| query.split_once('=')) {
            Some(("to", to)) => to.to_owned(),
            _ => return refuse(StatusCode::BAD_REQUEST, "whom to? `to=AGENT.PORT` says it"),
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
        let pattern = match query.unwrap_or_default().split_once('=') {
            Some(("channels", pattern)) => Pattern::parse(pattern),
            _ => Err(String::from("which channels? `channels=PATTERN` says it")),
        };
        let pattern = match pattern {
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
