//! A request and its response, and those it is redirected to.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use theater_flow_kernel::http::{
    self, Address, Answer, HttpError, HttpErrorCode, HttpGrant, Request, Response,
};
use theater_flow_kernel::limits;

use super::connect::{self, Sending, Tls};
use super::{Out, redirect};

/// Names the engine to servers that ask for it.
const USER_AGENT: &str = concat!("theater-flow/", env!("CARGO_PKG_VERSION"));

/// Methods whose requests have a content, if only an empty one: some servers refuse them without a length.
const WITH_CONTENT: [&str; 3] = ["POST", "PUT", "PATCH"];

/// What stays the same from redirect to redirect.
pub(super) struct Way<'a> {
    /// What the agent may reach.
    pub(super) grants: &'a [HttpGrant],
    /// The idempotency key.
    pub(super) key: &'a str,
    pub(super) tls: &'a Tls,
    pub(super) out: &'a Out,
    /// For all of it.
    pub(super) time: Duration,
}

impl Way<'_> {
    /// Makes the request, and those it is redirected to.
    pub(super) async fn follow(
        &self,
        mut request: Request,
        first: &HttpGrant,
        mut to: Address,
    ) -> Answer {
        let mut grant = first;
        for _ in 0..first.redirects {
            let response = self.make(&request, grant, &to).await?;
            let Some(next) = redirect::next(&request, &to, &response)? else {
                return Ok(response);
            };
            request = next;
            (grant, to) = onward(self.grants, first, &request)?;
        }
        self.make(&request, grant, &to).await
    }

    async fn make(&self, request: &Request, grant: &HttpGrant, to: &Address) -> Answer {
        let built = build(request, to, self.key)?;
        let mut stream = connect::connect(to, grant.local, (self.tls, self.time)).await?;
        let response = stream.send(built, self.out).await?;
        let response = read(response, grant.max_body).await?;
        self.out.0.set(false);
        Ok(response)
    }
}

/// Where a redirect leads. A server of the internet does not choose what is asked of a machine that is near.
pub(super) fn onward<'g>(
    grants: &'g [HttpGrant],
    first: &HttpGrant,
    next: &Request,
) -> Result<(&'g HttpGrant, Address), HttpError> {
    let (grant, to) = http::admit(grants, next)?;
    if grant.local && !first.local {
        let message = format!(
            "redirected to {}: a host that is granted without `local = true` does not lead to one with it",
            to.origin()
        );
        return Err(HttpError::new(HttpErrorCode::Denied, message));
    }
    Ok((grant, to))
}

/// The request as it goes out.
fn build(request: &Request, to: &Address, key: &str) -> Result<Sending, HttpError> {
    let has = |name: &str| request.headers.iter().any(|(is, _)| is.eq_ignore_ascii_case(name));
    let mut built = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(to.target.as_str())
        .header("host", to.authority());
    for (name, value) in &request.headers {
        built = built.header(name, value.as_bytes());
    }
    for (name, value) in [("idempotency-key", key), ("user-agent", USER_AGENT), ("accept", "*/*")] {
        if !has(name) {
            built = built.header(name, value);
        }
    }
    if request.body.is_empty() && WITH_CONTENT.contains(&request.method.as_str()) {
        built = built.header("content-length", "0");
    }
    let body = Full::new(bytes::Bytes::from(request.body.clone()));
    built.body(body).map_err(|error| HttpError::new(HttpErrorCode::Invalid, error.to_string()))
}

/// Reads a response within its bounds.
async fn read(response: hyper::Response<Incoming>, most: u64) -> Answer {
    let (head, mut body) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers: Vec<(String, String)> = headers.collect();
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::HEADER_BYTES {
        let message =
            format!("the response has more than {} bytes of headers", limits::HEADER_BYTES);
        return Err(HttpError::new(HttpErrorCode::TooLarge, message));
    }
    let bound = usize::try_from(most).unwrap_or(usize::MAX);
    // One buffer: a chunk of one byte costs one byte.
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            HttpError::new(HttpErrorCode::Protocol, format!("the response broke off: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bound - content.len() {
            let message = format!("the response's body has more than {most} bytes");
            return Err(HttpError::new(HttpErrorCode::TooLarge, message));
        }
        content.extend_from_slice(&data);
    }
    Ok(Response { status: head.status.as_u16(), headers, body: content })
}
