//! Asks that are not answered whole, that go on after a pause, and how much they carry.

use theater_flow_kernel::http::{Answer, HttpErrorCode, OnUnknown, Request};
use theater_flow_kernel::record::{Body, CrashKind, Known, Next, Status};
use theater_flow_kernel::state::{Asking, State};
use theater_flow_kernel::work::Event;

use super::asks::{ASKER, MESSAGES, chain, check, grant, lines, made, outcomes};
use crate::common::guests::{Kind, Script};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};

/// What each event was answered of a request that reached the server, and of which no whole response came back.
fn broken(code: HttpErrorCode, method: &'static str, on_unknown: Option<OnUnknown>) -> Sim {
    let sim = Sim::new(chain((method, true), on_unknown), Options::calm(1));
    sim.outside.lock().expect("one thread").breaks = Some(code);
    let (_, sim) = sim.run();
    check(&sim);
    assert_eq!(made(&sim).len(), MESSAGES as usize);
    sim
}

fn told(sim: &Sim) -> Vec<(Known, HttpErrorCode, String)> {
    let outcomes = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::Outcome(body) => Some((body.how, entry.payloads.last()?)),
        _ => None,
    });
    let told = outcomes.map(|(how, bytes)| {
        let answer: Answer = postcard::from_bytes(bytes).expect("ours");
        let error = answer.expect_err("no response came");
        (how, error.code, error.message)
    });
    told.collect()
}

#[test]
fn a_request_that_broke_off_is_not_made_again_unless_it_may_be() {
    use HttpErrorCode::{Timeout, TooLarge, Unknown};
    let tries = |sim: &Sim| made(sim).into_values().max();
    let sim = broken(Timeout, "POST", None);
    assert_eq!(tries(&sim), Some(1), "nobody knows: not again");
    assert!(told(&sim).iter().all(|(how, code, why)| {
        let shown = why.starts_with("no whole response: ") && why.contains("made or not");
        (*how, *code, shown) == (Known::Unknown, Unknown, true)
    }));
    let sim = broken(TooLarge, "POST", None);
    assert_eq!(tries(&sim), Some(1), "it was made");
    assert!(told(&sim).iter().all(|(how, code, _)| (*how, *code) == (Known::Made, TooLarge)));
    for (method, on_unknown) in [("GET", None), ("POST", Some(OnUnknown::Retry))] {
        for code in [Timeout, TooLarge] {
            let sim = broken(code, method, on_unknown);
            assert_eq!(tries(&sim), Some(4), "as often as `retry` says");
            assert!(told(&sim).iter().all(|(how, c, _)| (*how, *c) == (Known::Answered, code)));
        }
    }
    assert_eq!(tries(&broken(Timeout, "GET", Some(OnUnknown::Fail))), Some(1));
}

#[test]
fn of_a_request_that_broke_off_somebody_decides_if_it_is_so_granted() {
    let mut sim = Sim::new(chain(("POST", true), Some(OnUnknown::Ask)), Options::calm(1));
    sim.outside.lock().expect("one thread").breaks = Some(HttpErrorCode::Protocol);
    sim.run_until(|state| {
        let asking = state.agent(ASKER).asking.as_ref();
        asking.is_some_and(Asking::is_held)
    });
    sim.outside.lock().expect("one thread").breaks = None;
    let cause = told(&sim).remove(0);
    assert_eq!((cause.0, cause.1), (Known::Held, HttpErrorCode::Protocol), "the cause is shown");
    let (_, sim) = sim.run();
    check(&sim);
    assert_eq!(outcomes(&sim, Known::Held), 1);
}

#[test]
fn the_time_in_which_nobody_runs_a_run_is_no_time_of_an_event() {
    let mut build = chain(("GET", true), None);
    build.agent(1).timeout_ms = 1_000;
    build.agent(1).retry.max = 0;
    let mut sim = Sim::new(build, Options::calm(1));
    sim.run_until(|state| state.agent(ASKER).asking.is_some());
    let durable = sim.entries.len();
    sim.run_until_durable(durable);
    sim.outside.lock().expect("one thread").now += 60_000;
    sim.crash();
    let asked = |state: &State| {
        let asking = state.agent(ASKER).asking.as_ref();
        asking.map(|asking| asking.deadline(&state.plan.agents[1]))
    };
    assert!(asked(&sim.state).is_some_and(|due| due > sim.state.kept.now), "it has all its time");
    let (status, sim) = sim.run();
    check(&sim);
    assert_eq!((status, lines(&sim).len()), (Status::Completed, MESSAGES as usize));
}

const ONCE: Script = |gate, _, event| {
    if matches!(event, Event::Message { .. }) {
        let headers = vec![(String::from("Idempotency-Key"), String::from("mine"))];
        let (method, url) = (String::from("POST"), String::from("https://a.test/v1/x"));
        let _ = gate.http(&Request { method, url, headers, body: Vec::new() })?;
    }
    Ok(Next::Wait)
};

#[test]
fn the_key_that_the_guest_has_set_is_the_one_in_the_record() {
    let mut build = Build::chain(1, &[Kind::Does(ONCE)]);
    build.agent(1).grants.http = vec![grant(None)];
    let (status, sim) = Sim::new(build, Options::calm(1)).run();
    check(&sim);
    assert_eq!((status, made(&sim)), (Status::Completed, [(String::from("mine"), 1)].into()));
}

#[test]
fn what_one_event_may_do_before_it_asks_is_bounded() {
    let long: Script = |gate, _, event| {
        if matches!(event, Event::Message { .. }) {
            for _ in 0..4 {
                let (method, url) = (String::from("POST"), String::from("https://a.test/v1/x"));
                let body = vec![b'x'; 5 << 20];
                // The answer is as long as the request.
                let _ = gate.http(&Request { method, url, headers: Vec::new(), body })?;
            }
        }
        Ok(Next::Wait)
    };
    let mut build = Build::chain(1, &[Kind::Does(long)]);
    build.agent(1).grants.http = vec![grant(None)];
    build.agent(1).retry.max = 0;
    let (status, sim) = Sim::new(build, Options::calm(1)).run();
    check(&sim);
    assert_eq!(status, Status::Degraded);
    let crash = sim.entries.iter().find_map(|entry| match &entry.body {
        Body::Crashed(body) => Some(&body.crash),
        _ => None,
    });
    let crash = crash.expect("it crashed");
    assert_eq!(crash.kind, CrashKind::Limit);
    assert!(crash.message.contains("before it asks"), "{}", crash.message);
    assert_eq!(made(&sim).len(), 2);
}
