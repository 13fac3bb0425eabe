//! The envoy: makes the requests that guests ask for, all in one thread.
//!
//! What a request may reach was checked by the gate; here each address that a name leads to is checked, and the
//! connection goes to the address that was. There is no proxy, whatever the environment says, no cookie, no
//! cache and no connection that is used twice.

mod connect;
mod exchange;
mod place;
mod redirect;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use theater_flow_kernel::http::{self, Answer, HttpError, HttpErrorCode, HttpGrant, Request};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::limits;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};

use crate::driver::{Errand, Errands, Event};
use connect::Tls;
use exchange::Way;

/// The thread. It ends by itself after this is dropped, with what is under way.
pub struct Envoy {
    /// To the thread, which is started with the first errand.
    errands: Option<UnboundedSender<Order>>,
    events: Sender<Event>,
}

/// What the thread is told.
enum Order {
    Do(Errand),
    GiveUp(u64),
}

impl Envoy {
    /// One without errands. Answers go to `events`.
    #[must_use]
    pub fn new(events: Sender<Event>) -> Self {
        Self { errands: None, events }
    }

    /// The way to the thread, which is started if it is not there.
    fn thread(&mut self) -> &UnboundedSender<Order> {
        self.errands.get_or_insert_with(|| {
            let (errands, orders) = unbounded_channel();
            let to = self.events.clone();
            let serve = move || serve(orders, &to);
            // Without a thread nobody takes errands, and each is answered with an error.
            drop(thread::Builder::new().name(String::from("envoy")).spawn(serve));
            errands
        })
    }
}

impl Errands for Envoy {
    fn send(&mut self, errand: Errand) {
        if let Err(SendError(Order::Do(errand))) = self.thread().send(Order::Do(errand)) {
            drop(Reply::to(&errand, &self.events));
        }
    }

    fn give_up(&mut self, intent: u64) {
        if let Some(errands) = &self.errands {
            // Without a thread it is answered already.
            let _ = errands.send(Order::GiveUp(intent));
        }
    }
}

fn serve(mut orders: UnboundedReceiver<Order>, events: &Sender<Event>) {
    let Ok(runtime) = Builder::new_current_thread().enable_io().enable_time().build() else {
        while let Some(order) = orders.blocking_recv() {
            if let Order::Do(errand) = order {
                drop(Reply::to(&errand, events));
            }
        }
        return;
    };
    let tasks = LocalSet::new();
    runtime.block_on(tasks.run_until(async {
        let (tls, places) = (Tls::default(), Rc::new(Semaphore::new(limits::REQUESTS_AT_ONCE)));
        let under_way: Rc<RefCell<BTreeMap<u64, oneshot::Sender<()>>>> = Rc::default();
        while let Some(order) = orders.recv().await {
            let errand = match order {
                Order::Do(errand) => errand,
                Order::GiveUp(intent) => {
                    // That its sender is gone tells whoever makes the request.
                    under_way.borrow_mut().remove(&intent);
                    continue;
                }
            };
            let (intent, (sender, given_up)) = (errand.intent, oneshot::channel());
            under_way.borrow_mut().insert(intent, sender);
            let under_way = Rc::clone(&under_way);
            let (plan, tls, places) = (Arc::clone(&errand.plan), tls.clone(), Rc::clone(&places));
            let reply = Reply::to(&errand, events);
            tokio::task::spawn_local(async move {
                let agent = plan.agent(errand.agent);
                let grants = agent.map_or(&[][..], |agent| &agent.grants.http);
                let answer = tokio::select! {
                    answer = answer(grants, errand, (&tls, &places), &reply.out) => answer,
                    _ = given_up => Err(given_up_error()),
                };
                under_way.borrow_mut().remove(&intent);
                reply.say(answer);
            });
        }
    }));
    // A look-up of a name cannot be given up, and is not waited for.
    runtime.shutdown_background();
}

/// Whether a request may have left of which no whole response was read.
#[derive(Clone, Default)]
struct Out(Rc<Cell<bool>>);

/// An answer that is sent when this is dropped, whatever happens: an agent waits for it.
struct Reply {
    agent: AgentId,
    intent: u64,
    events: Sender<Event>,
    out: Out,
    answer: Answer,
}

impl Reply {
    fn to(errand: &Errand, events: &Sender<Event>) -> Self {
        let failed = HttpError::new(HttpErrorCode::Protocol, "the engine failed at this request");
        let (agent, intent, events) = (errand.agent, errand.intent, events.clone());
        Self { agent, intent, events, out: Out::default(), answer: Err(failed) }
    }

    fn say(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Self { agent, intent, .. } = *self;
        let Ok(bytes) = postcard::to_allocvec(&self.answer) else { return };
        let event = if self.answer.is_err() && self.out.0.get() {
            Event::Unanswered { agent, intent, error: bytes.into() }
        } else {
            Event::Answered { agent, intent, answer: bytes.into() }
        };
        // Nobody listens once the run is let go.
        let _ = self.events.send(event);
    }
}

/// What the guest gets for its errand, once there is a place for it.
async fn answer(
    grants: &[HttpGrant],
    mut errand: Errand,
    (tls, places): (&Tls, &Semaphore),
    out: &Out,
) -> Answer {
    let began = Instant::now();
    let left = Duration::from_millis(errand.left_ms);
    let Ok(_place) = timeout(left, places.acquire()).await else { return Err(too_late()) };
    let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    errand.left_ms = errand.left_ms.saturating_sub(waited);
    perform(grants, &errand, tls, out).await
}

async fn perform(grants: &[HttpGrant], errand: &Errand, tls: &Tls, out: &Out) -> Answer {
    let request: Request = postcard::from_bytes(&errand.args)
        .map_err(|_| HttpError::new(HttpErrorCode::Invalid, "the request cannot be read"))?;
    let (grant, to) = http::admit(grants, &request)?;
    let ms = grant.timeout_ms.min(errand.left_ms);
    if ms == 0 {
        return Err(too_late());
    }
    let time = Duration::from_millis(ms);
    let way = Way { grants, key: &errand.key, tls, out, time };
    let late = |_| {
        let what = if out.0.get() { "no whole response" } else { "no connection" };
        HttpError::new(HttpErrorCode::Timeout, format!("{what} within {ms} ms"))
    };
    timeout(time, way.follow(request, grant, to)).await.map_err(late)?
}

fn given_up_error() -> HttpError {
    HttpError::new(HttpErrorCode::Protocol, "the agent has ended, and nobody waits for this")
}

fn too_late() -> HttpError {
    let message = "the event's time was up before the request was made";
    HttpError::new(HttpErrorCode::Timeout, message)
}
