//! The envoy: makes the requests that guests ask for, all in one thread.
//!
//! What a request may reach was checked by the gate; here each address that a name leads to is checked, and the
//! connection goes to the address that was. There is no proxy, whatever the environment says, no cookie, no
//! cache and no connection that is used twice.

mod connect;
mod place;
mod redirect;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use theater_flow_kernel::http::{
    self, Address, Answer, HttpError, HttpErrorCode, HttpGrant, Request, Response,
};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Plan;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::driver::{Errand, Errands, Event};
use connect::{Sending, Tls};

/// Names the engine to servers that ask for it.
const USER_AGENT: &str = concat!("theater-flow/", env!("CARGO_PKG_VERSION"));

/// The thread. It ends by itself after this is dropped, with what is under way.
pub struct Envoy(UnboundedSender<Errand>);

impl Envoy {
    /// Starts it, for the agents of `plan`. Answers go to `events`.
    #[must_use]
    pub fn new(plan: Arc<Plan>, events: Sender<Event>) -> Self {
        let (errands, receiver) = unbounded_channel();
        if plan.agents.iter().any(|agent| agent.grants.asks()) {
            std::thread::spawn(move || serve(&plan, receiver, &events));
        }
        Self(errands)
    }
}

impl Errands for Envoy {
    fn send(&mut self, errand: Errand) {
        // The thread ends only when nobody listens to it.
        let _ = self.0.send(errand);
    }
}

fn serve(plan: &Arc<Plan>, mut errands: UnboundedReceiver<Errand>, events: &Sender<Event>) {
    let Ok(runtime) = Builder::new_current_thread().enable_io().enable_time().build() else {
        while let Some(errand) = errands.blocking_recv() {
            drop(Reply::to(&errand, events));
        }
        return;
    };
    let tasks = LocalSet::new();
    runtime.block_on(tasks.run_until(async {
        let tls = Tls::default();
        while let Some(errand) = errands.recv().await {
            let (plan, tls) = (Arc::clone(plan), tls.clone());
            let reply = Reply::to(&errand, events);
            tokio::task::spawn_local(async move {
                let agent = plan.agent(errand.agent);
                let grants = agent.map_or(&[][..], |agent| &agent.grants.http);
                reply.say(answer(grants, &errand, &tls).await);
            });
        }
    }));
    // A look-up of a name cannot be given up, and is not waited for.
    runtime.shutdown_background();
}

/// An answer that is sent when this is dropped, whatever happens: an agent waits for it.
struct Reply {
    agent: AgentId,
    intent: u64,
    events: Sender<Event>,
    answer: Answer,
}

impl Reply {
    fn to(errand: &Errand, events: &Sender<Event>) -> Self {
        let failed = HttpError::new(HttpErrorCode::Protocol, "the engine failed at this request");
        let (agent, intent, events) = (errand.agent, errand.intent, events.clone());
        Self { agent, intent, events, answer: Err(failed) }
    }

    fn say(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Self { agent, intent, .. } = *self;
        if let Ok(answer) = postcard::to_allocvec(&self.answer) {
            // Nobody listens once the run is let go.
            let _ = self.events.send(Event::Answered { agent, intent, answer: answer.into() });
        }
    }
}

/// What the guest gets for its errand.
async fn answer(grants: &[HttpGrant], errand: &Errand, tls: &Tls) -> Answer {
    let request: Request = postcard::from_bytes(&errand.args)
        .map_err(|_| HttpError::new(HttpErrorCode::Invalid, "the request cannot be read"))?;
    let (grant, to) = http::admit(grants, &request)?;
    let ms = grant.timeout_ms.min(errand.left_ms);
    let way = Way { grants, key: &errand.key, tls };
    let late =
        |_| HttpError::new(HttpErrorCode::Timeout, format!("no whole response within {ms} ms"));
    timeout(Duration::from_millis(ms), way.follow(request, grant, to)).await.map_err(late)?
}

/// What stays the same from redirect to redirect.
struct Way<'a> {
    grants: &'a [HttpGrant],
    key: &'a str,
    tls: &'a Tls,
}

impl Way<'_> {
    /// Makes the request, and those it is redirected to.
    async fn follow(&self, mut request: Request, first: &HttpGrant, mut to: Address) -> Answer {
        let mut grant = first;
        for _ in 0..first.redirects {
            let response = self.make(&request, grant, &to).await?;
            let Some(next) = redirect::next(&request, &to, &response)? else {
                return Ok(response);
            };
            request = next;
            (grant, to) = http::admit(self.grants, &request)?;
        }
        self.make(&request, grant, &to).await
    }

    async fn make(&self, request: &Request, grant: &HttpGrant, to: &Address) -> Answer {
        let stream = connect::connect(to, grant.local, self.tls).await?;
        let built = build(request, to, self.key)?;
        let response = stream.send(built).await?;
        read(response, grant.max_body).await
    }
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
    let body = Full::new(bytes::Bytes::from(request.body.clone()));
    built.body(body).map_err(|error| HttpError::new(HttpErrorCode::Invalid, error.to_string()))
}

/// Reads a response within its bounds.
async fn read(response: hyper::Response<Incoming>, most: u64) -> Answer {
    let (head, body) = response.into_parts();
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
    let body = Limited::new(body, bound).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let message = format!("the response's body has more than {most} bytes");
            HttpError::new(HttpErrorCode::TooLarge, message)
        } else {
            HttpError::new(HttpErrorCode::Protocol, format!("the response broke off: {error}"))
        }
    })?;
    let body = body.to_bytes().to_vec();
    Ok(Response { status: head.status.as_u16(), headers, body })
}
