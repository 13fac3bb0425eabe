//! Guests that are listened to: each call of an import is counted by its name where the host is entered, in
//! front of the gate and without it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use theater_flow::workers::{Crew, Troupe};
use theater_flow_host::Instance;
use theater_flow_kernel::gate::Gate;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, Call, Consumed, Next, Part, SinkId};
use theater_flow_kernel::work::{Begin, Begun, Called, Event, Guest};

/// How often each function was called.
pub(crate) type Calls = BTreeMap<&'static str, u64>;

thread_local! {
    /// What was heard on this thread, on which a simulated process does all its work.
    static HEARD: RefCell<Calls> = RefCell::default();
}

/// Hears a call.
pub(crate) fn hear(name: &'static str) {
    HEARD.with_borrow_mut(|heard| *heard.entry(name).or_default() += 1);
}

/// What was heard since this was last asked.
fn take() -> Calls {
    HEARD.take()
}

/// Adds what was called to a sum.
pub(crate) fn add(sum: &mut Calls, calls: &Calls) {
    for (name, times) in calls {
        *sum.entry(name).or_default() += times;
    }
}

/// What was heard of the lives of all agents, in order.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) lives: BTreeMap<AgentId, Vec<Life>>,
    /// Calls that new lives made again, each of which was compared with its record.
    pub(crate) again: Calls,
    /// Calls in `init` and `snapshot`.
    pub(crate) aside: Calls,
}

/// What a life was called for, and called meanwhile.
pub(crate) type Life = Vec<(Consumed, Calls)>;

/// Real agents, with who listens to them.
pub(crate) struct Heard {
    pub(crate) crew: Crew,
    pub(crate) book: Rc<RefCell<Book>>,
}

/// A life that is listened to.
pub(crate) struct HeardGuest {
    inner: Instance,
    agent: AgentId,
    book: Rc<RefCell<Book>>,
}

impl Troupe for Heard {
    type Guest = HeardGuest;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<HeardGuest>, Option<Begun>) {
        take();
        let (instance, begun) = self.crew.begin(id, how);
        let heard = take();
        let mut book = self.book.borrow_mut();
        if let Some(begun) = begun.as_ref().filter(|begun| begun.crash.is_none()) {
            let (mut again, aside) = (Calls::new(), recorded(&begun.call.parts));
            how.redo.iter().for_each(|redo| add(&mut again, &of(&redo.entry.body)));
            let mut expected = again.clone();
            add(&mut expected, &aside);
            assert_eq!(heard, expected, "a new life does what the old one did");
            add(&mut book.again, &again);
            add(&mut book.aside, &aside);
        }
        book.lives.entry(id).or_default().push(Life::new());
        let book = Rc::clone(&self.book);
        (instance.map(|inner| HeardGuest { inner, agent: id, book }), begun)
    }

    fn lives(guest: &HeardGuest) -> bool {
        guest.inner.is_alive()
    }
}

impl Guest for HeardGuest {
    fn gate(&mut self) -> &mut Gate {
        self.inner.gate()
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        self.inner.init(saved)
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        take();
        let called = self.inner.handle(event);
        let mut book = self.book.borrow_mut();
        let life = book.lives.entry(self.agent).or_default().last_mut().expect("it has begun");
        life.push((event.consumed(), take()));
        called
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        take();
        let called = self.inner.snapshot();
        add(&mut self.book.borrow_mut().aside, &take());
        called
    }
}

/// What a record says was called.
pub(crate) fn of(body: &Body) -> Calls {
    let mut calls = recorded(body.parts());
    if let Body::Intent(intent) = body {
        *calls.entry(name(intent.call)).or_default() += 1;
    }
    calls
}

/// What parts say was called. One call has one part, but for the first `append` to a file, which is answered
/// where the file is and opens it before it stages, and for log lines, which are counted when they are too many.
fn recorded(parts: &[Part]) -> Calls {
    let mut calls = Calls::new();
    for (nth, part) in parts.iter().enumerate() {
        let opens = matches!(parts.get(nth + 1), Some(Part::Opened { .. }));
        let (name, times) = match part {
            Part::Emission { .. } => ("outbox.emit", 1),
            Part::Answer { call: Call::FilesAppend, .. } if opens => continue,
            Part::Answer { call, .. } | Part::Denial { call, .. } => (name(*call), 1),
            Part::Opened { .. } => continue,
            Part::Staged { sink: SinkId::STDOUT, .. } => ("stdout.write", 1),
            Part::Staged { .. } => ("files.append", 1),
            Part::Closed { .. } => ("files.close", 1),
            Part::Log { .. } => ("log.write", 1),
            Part::LogDropped { lines } => ("log.write", u64::from(*lines)),
            Part::TimerSet { .. } => ("timer.set", 1),
            Part::TimerCancelled { .. } => ("timer.cancel", 1),
        };
        *calls.entry(name).or_default() += times;
    }
    calls
}

const fn name(call: Call) -> &'static str {
    match call {
        Call::Emit => "outbox.emit",
        Call::ClockNow => "clock.now",
        Call::RandomBytes => "random.bytes",
        Call::FilesRead => "files.read",
        Call::FilesStat => "files.stat",
        Call::FilesList => "files.list",
        Call::FilesAppend => "files.append",
        Call::FilesReplace => "files.replace",
        Call::FilesClose => "files.close",
        Call::StdinRead => "stdin.read",
        Call::HttpSend => "http.send",
    }
}
