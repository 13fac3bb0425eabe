//! A host function that skips the gate, planted: it is linked like all others, and answers by itself.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Body, Call, CrashKind, Entry, Next, Part, Transaction};
use theater_flow_kernel::work::{Batch, Done, Outcome, Redo, by};

use crate::imports::{Needs, define, linker};
use crate::instance::{Bounds, Cell, Instance, Outside};
use crate::{Actor, Host, Listener};
use support::{LIMITS, Parts, TestWorld, all, gate, message, plan};

/// What a linker is told to link in the place of what is there.
type Plant = fn(&mut wasmtime::component::Linker<crate::imports::Data>) -> wasmtime::Result<()>;

/// Emits the last digit of what `clock.now` says.
const TELLS_TIME: Parts<'static> = Parts {
    imports: r#"(import "theater:flow/clock@0.1.0" "now" (func $now (result i64)))"#,
    handle: "(i32.store8 (i32.const 64) (i32.add (i32.const 48)
        (i32.wrap_i64 (i64.rem_u (call $now) (i64.const 10)))))
      (call $emit (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3072))",
    more: "",
    snapshot: "",
    memory: "2",
};

/// The names of the functions that were called.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<&'static str>>>);

impl Heard {
    fn listener(&self) -> Listener {
        let heard = Arc::clone(&self.0);
        Arc::new(move |name| heard.lock().unwrap().push(name))
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn instance(host: &Host, actor: &Actor, heard: &Heard, plant: Plant) -> Instance {
    let mut linker = linker(&host.engine, Needs::ALL).unwrap();
    linker.allow_shadowing(true);
    plant(&mut linker).unwrap();
    let ready = linker.instantiate_pre(actor.component()).unwrap();
    let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
    let (gate, listener) = (Some(Box::new(gate)), Some(heard.listener()));
    let outside = Outside { gate, listener, killed: crate::Kill::default() };
    let bounds = Bounds { limits: LIMITS, timeout_ms: 30_000 };
    let cell = Cell::new(&ready, Arc::clone(&host.ticker), outside, bounds).unwrap();
    Instance::new(cell, actor).unwrap()
}

/// Handles a message, and gives the record of it.
fn handle(instance: &mut Instance) -> Redo {
    let (event, so_far) = (message("7"), None);
    let events = VecDeque::from([event.clone()]);
    let batch = Batch { events, mode: Next::Wait, attempt: 1, room: vec![9], so_far };
    let Done::Handled(mut calls) = perform::handle(instance, batch, &|| false) else {
        panic!("it handles");
    };
    let call = calls.pop().unwrap();
    let Outcome::Next(next) = call.outcome else { panic!("{:?}", call.outcome) };
    let agent = theater_flow_kernel::ids::AgentId(0);
    let (by, consumed, parts) = (by(agent, 1, 1), call.consumed, call.trace.parts);
    let body = Transaction { by, consumed, parts, next, fuel: call.trace.fuel };
    let (salt, payloads) = (call.trace.salt, call.trace.payloads);
    let body = Body::Transaction(body);
    let entry = Entry { seq: 5, at: 0, causes: vec![], body, salt, payloads };
    Redo { event, entry: Arc::new(entry) }
}

fn begun(plant: Plant) -> (Host, Actor, Heard, Plant) {
    let host = support::host();
    let actor = support::actor(&host, TELLS_TIME);
    (host, actor, Heard::default(), plant)
}

#[test]
fn what_goes_through_the_gate_is_recorded_and_comes_again() {
    let (host, actor, heard, plant) = begun(|_| Ok(()));
    let redo = handle(&mut instance(&host, &actor, &heard, plant));
    assert_eq!(heard.take(), ["clock.now", "outbox.emit"]);
    assert!(matches!(
        redo.entry.body.parts(),
        [Part::Answer { call: Call::ClockNow, .. }, Part::Emission { .. }]
    ));
    assert_eq!(perform::again(&mut instance(&host, &actor, &heard, plant), &redo), None);
}

#[test]
fn what_skips_the_gate_is_heard_but_not_recorded_and_diverges() {
    /// A clock that nobody winds back for a replay.
    static CLOCK: AtomicU64 = AtomicU64::new(0);
    let (host, actor, heard, plant) = begun(|linker| {
        let mut link = linker.instance("theater:flow/clock@0.1.0")?;
        define(&mut link, "clock.now", |_, (): ()| Ok((CLOCK.fetch_add(1, Ordering::Relaxed),)))
    });
    let redo = handle(&mut instance(&host, &actor, &heard, plant));
    // What is counted in front of the gate is more than what is behind it.
    assert_eq!(heard.take(), ["clock.now", "outbox.emit"]);
    assert!(matches!(redo.entry.body.parts(), [Part::Emission { .. }]));
    let crash = perform::again(&mut instance(&host, &actor, &heard, plant), &redo).unwrap();
    assert_eq!(crash.kind, CrashKind::Divergence);
    assert!(crash.message.starts_with("record 5.0 is an emission"), "{}", crash.message);
    assert!(crash.message.contains("the guest now made another"), "{}", crash.message);
}

#[test]
fn actors_that_nobody_has_are_forgotten() {
    let (host, kept, ..) = begun(|_| Ok(()));
    drop(support::handling(&host, support::ECHO));
    let known = || -> Vec<_> { host.actors.lock().unwrap().keys().copied().collect() };
    assert_eq!(known().len(), 2);
    host.forget_unused();
    assert_eq!(known(), [kept.digest()]);
}
