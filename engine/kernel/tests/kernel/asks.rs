//! Host calls that wait for the world: nothing is done before its intent is durable, and nothing more often than
//! the grant says.

use std::collections::BTreeMap;

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::http::{HttpGrant, OnUnknown, Scheme};
use theater_flow_kernel::ids::{AgentId, Bytes, Ref};
use theater_flow_kernel::input::{Input, Stamped};
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::{Restore, Shutdown, Strategy};
use theater_flow_kernel::record::{Body, CrashKind, Known, Part, Status};
use theater_flow_kernel::state::{Phase, Queued, State};
use theater_flow_kernel::work::Redo;

use crate::common::audit::audit;
use crate::common::guests::{Kind, Native};
use crate::common::plans::Build;
use crate::common::play::Play;
use crate::common::sim::{Options, Sim, folded};

pub(super) const ASKER: AgentId = AgentId(1);
pub(super) const MESSAGES: u32 = 12;
/// One for each message, and one more for every third.
const ASKS: usize = 16;

pub(crate) fn grant(on_unknown: Option<OnUnknown>) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Https,
        host: String::from("a.test"),
        port: 443,
        methods: vec![String::from("GET"), String::from("POST")],
        paths: vec![String::from("/v1/")],
        local: false,
        redirects: 0,
        timeout_ms: 1_000,
        max_body: 1 << 20,
        on_unknown,
    }
}

/// A source, an agent that asks, standard output.
pub(super) fn chain(
    (method, faults): (&'static str, bool),
    on_unknown: Option<OnUnknown>,
) -> Build {
    let mut build = Build::chain(MESSAGES, &[Kind::Asks { method, faults }, Kind::Stdout]);
    build.agent(1).grants.http = vec![grant(on_unknown)];
    build.agent(1).grants.clock = true;
    build
}

/// How often each request was made.
pub(super) fn made(sim: &Sim) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for key in &sim.outside.lock().expect("one thread").requests {
        *made.entry(key.clone()).or_default() += 1;
    }
    made
}

pub(super) fn lines(sim: &Sim) -> Vec<String> {
    sim.lines("stdout of a2")
}

pub(super) fn outcomes(sim: &Sim, how: Known) -> usize {
    let is = |body: &Body| matches!(body, Body::Outcome(outcome) if outcome.how == how);
    sim.entries.iter().filter(|entry| is(&entry.body)).count()
}

/// Checks the log, and that recovery and replay agree with it.
pub(super) fn check(sim: &Sim) {
    audit(&sim.plan, &sim.entries);
    let again = folded(State::new(sim.plan.clone()), &sim.entries);
    assert_eq!(again.kept, sim.state.kept);
    assert_eq!(again.agent(ASKER).asking, None);
    replay(sim);
}

/// Makes every recorded call again, in a world that says otherwise.
fn replay(sim: &Sim) {
    let mut state = State::new(sim.plan.clone());
    let mut live: BTreeMap<AgentId, Native> = BTreeMap::new();
    let before = sim.outside.lock().expect("one thread").calls;
    for entry in &sim.entries {
        let call = match &entry.body {
            Body::Incarnation(body) => {
                let how = desk::begin(&state, body.agent);
                let mut guest = sim.native(body.agent, body.n - 1, how.sinks.clone());
                let begun = perform::begin(&mut guest, &how).expect("not interrupted");
                assert_eq!(begun.crash, None, "record {}", entry.seq);
                live.insert(body.agent, guest);
                None
            }
            Body::Transaction(body) => Some((body.by.agent, &body.consumed)),
            Body::Faulted(body) => Some((body.by.agent, &body.consumed)),
            Body::Intent(body) => Some((body.by.agent, &body.consumed)),
            Body::Crashed(body) => body.consumed.as_ref().map(|event| (body.by.agent, event)),
            _ => None,
        };
        if let Some((agent, consumed)) = call {
            let event = desk::event(state.agent(agent), consumed).expect("it waits");
            let guest = live.get_mut(&agent).expect("it lives");
            let redo = Redo { event, entry: entry.clone() };
            assert_eq!(perform::again(guest, &redo), None, "record {}", entry.seq);
        }
        fold(&mut state, entry);
        state.touched.clear();
    }
    assert_eq!(sim.outside.lock().expect("one thread").calls, before);
}

#[test]
fn an_ask_is_done_once_and_its_answer_goes_on() {
    for seed in 0..40 {
        let options = Options { cut: true, checkpoint: 30, ..Options::calm(seed) };
        let (status, sim) = Sim::new(chain(("POST", true), None), options).run();
        check(&sim);
        assert_eq!(status, Status::Completed);
        let made = made(&sim);
        assert_eq!((made.len(), made.values().sum()), (ASKS, ASKS), "{made:?}");
        let expected = (1..=MESSAGES).map(|n| {
            let body = n - 1;
            let more = if n % 3 == 0 { format!(" re {body}") } else { String::new() };
            format!("\"{n} re {body}{more}\"")
        });
        assert_eq!(lines(&sim), expected.collect::<Vec<_>>());
        assert_eq!(outcomes(&sim, Known::Answered), ASKS);
        let answers = sim.entries.iter().filter(|e| matches!(e.body, Body::Transaction(_)));
        let answers = answers.flat_map(|entry| entry.body.parts());
        let answers = answers.filter(|part| matches!(part, Part::Answer { .. })).count();
        assert_eq!(answers, 2 * ASKS, "as many looks at the clock as asks");
    }
}

#[test]
fn what_may_be_repeated_is_repeated_under_its_key_and_nothing_is_lost() {
    let (mut crashes, mut repeated) = (0, 0);
    for seed in 0..60 {
        let wild = Options { seed, crash: 25, checkpoint: 30, cut: true };
        let (status, sim) = Sim::new(chain(("GET", true), None), wild).run();
        check(&sim);
        assert_eq!(status, Status::Completed, "seed {seed}");
        let made = made(&sim);
        let extra = made.values().sum::<usize>() - ASKS;
        assert_eq!(made.len(), ASKS);
        assert!(extra <= outcomes(&sim, Known::Repeated), "more often than the log says");
        assert_eq!(lines(&sim).len(), MESSAGES as usize);
        assert!(lines(&sim).iter().all(|line| line.contains("re ")));
        crashes += sim.crashes;
        repeated += extra;
    }
    assert!(crashes > 200 && repeated > 20, "{crashes} crashes, {repeated} repeated");
}

#[test]
fn what_may_not_be_repeated_is_done_once_at_most_and_the_guest_is_told() {
    let mut told = 0;
    for seed in 0..60 {
        let wild = Options { seed, crash: 25, checkpoint: 30, cut: true };
        let (status, sim) = Sim::new(chain(("POST", false), None), wild).run();
        check(&sim);
        assert_eq!(status, Status::Completed, "seed {seed}");
        assert!(made(&sim).values().all(|times| *times == 1), "seed {seed}: {:?}", made(&sim));
        assert_eq!(lines(&sim).len(), MESSAGES as usize);
        let unknown: usize = lines(&sim).iter().map(|line| line.matches("Unknown").count()).sum();
        assert_eq!(unknown, outcomes(&sim, Known::Unknown));
        assert!(made(&sim).len() + unknown >= ASKS, "seed {seed}");
        told += unknown;
    }
    assert!(told > 20, "only {told}");
}

#[test]
fn an_event_with_an_unknown_outcome_is_not_tried_again() {
    let mut letters = 0;
    for seed in 0..60 {
        let wild = Options { seed, crash: 25, checkpoint: 30, cut: true };
        let (_, sim) = Sim::new(chain(("POST", true), None), wild).run();
        check(&sim);
        assert!(made(&sim).values().all(|times| *times == 1), "seed {seed}: {:?}", made(&sim));
        let set_aside = sim.entries.iter().filter_map(|entry| match &entry.body {
            Body::DeadLettered(letter) => Some(letter.attempts),
            _ => None,
        });
        let set_aside: Vec<u32> = set_aside.collect();
        assert!(set_aside.iter().all(|attempts| *attempts == 1), "seed {seed}");
        assert_eq!(set_aside.len(), outcomes(&sim, Known::Unknown));
        assert_eq!(lines(&sim).len() + set_aside.len(), MESSAGES as usize);
        letters += set_aside.len();
    }
    assert!(letters > 20, "only {letters}");
}

#[test]
fn somebody_decides_what_is_to_be_repeated() {
    let mut held = 0;
    for seed in 0..60 {
        let wild = Options { seed, crash: 25, checkpoint: 30, cut: true };
        let asks = chain(("POST", false), Some(OnUnknown::Ask));
        let (status, sim) = Sim::new(asks, wild).run();
        check(&sim);
        assert_eq!(status, Status::Completed, "seed {seed}");
        let extra: usize = made(&sim).values().map(|times| times - 1).sum();
        assert!(extra <= outcomes(&sim, Known::Repeated), "seed {seed}");
        assert_eq!(lines(&sim).len(), MESSAGES as usize);
        held += outcomes(&sim, Known::Held);
    }
    assert!(held > 20, "only {held}");
}

#[test]
fn a_crash_after_any_record_changes_nothing_but_what_the_grant_says() {
    for on_unknown in [OnUnknown::Retry, OnUnknown::Fail] {
        let build = || chain(("POST", false), Some(on_unknown));
        let (_, calm) = Sim::new(build(), Options::calm(1)).run();
        for durable in 1..calm.entries.len() {
            let mut sim = Sim::new(build(), Options::calm(1));
            sim.run_until_durable(durable);
            sim.crash();
            let (status, sim) = sim.run();
            check(&sim);
            assert_eq!(status, Status::Completed);
            let most = if on_unknown == OnUnknown::Retry { 2 } else { 1 };
            assert!(made(&sim).values().all(|times| *times <= most), "crash after {durable}");
            assert_eq!(lines(&sim).len(), MESSAGES as usize, "crash after {durable}");
        }
    }
}

#[test]
fn crashes_of_neighbours_and_fresh_restarts_keep_what_was_asked() {
    for seed in 0..30 {
        let mut build = chain(("GET", true), None);
        build.agent(1).restore = Restore::Fresh;
        build.root().strategy = theater_flow_kernel::plan::Strategy::OneForAll;
        let bad = Kind::Bad { at: &["3", "7"], how: crate::common::guests::Bad::Trap };
        let other = build.add("other", bad, &["in"], &["out"]);
        build.wire((AgentId(0), 0), (other, 0));
        let (status, sim) = Sim::new(build, Options { cut: true, ..Options::calm(seed) }).run();
        check(&sim);
        assert_eq!(status, Status::Degraded, "two messages of the other one");
        assert_eq!(lines(&sim).len(), MESSAGES as usize);
        assert!(made(&sim).values().all(|times| *times == 1));
    }
}

#[test]
fn asks_have_an_end() {
    let forever: crate::common::guests::Script = |gate, _, event| {
        use theater_flow_kernel::http::Request;
        if matches!(event, theater_flow_kernel::work::Event::Message { .. }) {
            loop {
                let (method, url) = (String::from("GET"), String::from("https://a.test/v1/x"));
                let request = Request { method, url, headers: Vec::new(), body: Vec::new() };
                let _ = gate.http(&request)?;
            }
        }
        Ok(theater_flow_kernel::record::Next::Wait)
    };
    for (timeout_ms, kind) in [(u64::MAX, CrashKind::Limit), (5, CrashKind::Timeout)] {
        let mut build = Build::chain(1, &[Kind::Does(forever)]);
        build.agent(1).grants.http = vec![grant(None)];
        build.agent(1).timeout_ms = timeout_ms;
        build.agent(1).retry.max = 0;
        let (status, sim) = Sim::new(build, Options::calm(1)).run();
        check(&sim);
        assert_eq!(status, Status::Degraded);
        let crashes = sim.entries.iter().filter_map(|entry| match &entry.body {
            Body::Crashed(body) => Some(body.crash.kind),
            _ => None,
        });
        assert_eq!(crashes.collect::<Vec<_>>(), [kind]);
        assert!(sim.outside.lock().expect("one thread").requests.len() <= 64);
    }
}

#[test]
fn a_run_that_fails_waits_for_what_was_asked() {
    let mut sim = Sim::new(chain(("POST", true), None), Options::calm(3));
    sim.run_until(|state| state.agent(ASKER).asking.is_some());
    sim.hold(AgentId(2));
    let message = String::from("full");
    let sink = theater_flow_kernel::record::SinkId::STDOUT;
    for _ in 0..20 {
        let input = theater_flow_kernel::input::Input::WriteFailed {
            agent: AgentId(2),
            sink,
            message: message.clone(),
        };
        sim.input(input);
        if sim.state.kept.phase == Phase::Failing {
            break;
        }
        sim.let_go();
        sim.run_until(|state| {
            state.kept.phase == Phase::Failing
                || state.agent(AgentId(2)).life == theater_flow_kernel::state::Life::Up
        });
    }
    assert_eq!(sim.state.kept.phase, Phase::Failing);
    let open = sim.state.agent(ASKER).asking.is_some();
    let (status, sim) = sim.run();
    check(&sim);
    assert_eq!(status, Status::Failed);
    let intents = sim.entries.iter().filter(|e| matches!(e.body, Body::Intent(_))).count();
    assert_eq!(intents, outcomes(&sim, Known::Answered), "open at the end: {open}");
}

#[test]
fn what_is_not_granted_is_denied_at_once_and_recorded() {
    let mut build = chain(("DELETE", false), None);
    build.agent(1).retry.max = 0;
    let (status, sim) = Sim::new(build, Options::calm(1)).run();
    check(&sim);
    assert_eq!(status, Status::Completed);
    assert!(sim.outside.lock().expect("one thread").requests.is_empty());
    let denied = sim.entries.iter().flat_map(|entry| entry.body.parts());
    let denied = denied.filter(|part| matches!(part, Part::Denial { .. })).count();
    assert_eq!(denied, ASKS);
    assert!(lines(&sim).iter().all(|line| line.contains("Denied")));
}

/// Its reader may be stopped already, and never take what fills its mailbox: somebody may have had a dead letter of it
/// tried again.
#[test]
fn who_is_answered_and_has_no_room_to_go_on_is_stopped() {
    for waiting in [3, 4] {
        let mut build = Build::new();
        build.add("trip", Kind::Pass, &[], &[]);
        build.add("ask", Kind::Pass, &[], &["out"]);
        build.add("read", Kind::Pass, &["in"], &[]);
        build.wire((ASKER, 0), (AgentId(2), 0));
        build.root().strategy = Strategy::OneForAll;
        build.agent(1).shutdown = Shutdown::Infinity;
        let mut play = Play::up(build, &[0, 1]);
        play.asks(1);
        play.goes_on(1);
        assert_eq!(play.says(), ["up 1"]);
        let intent = play.state.kept.next_seq - 2;
        play.crashes(0);
        assert_eq!(play.says(), ["crash 0", "s0 restarts 0 1 2 (1)", "stopped 2"]);
        let queue = &mut play.state.kept.agents[2].queues[0].items;
        let body = Bytes::from(&b"1"[..]);
        queue.extend((0..waiting).map(|n| Queued {
            id: Ref::part(1, n),
            body: body.clone(),
            round: 0,
        }));
        let (wall_ms, salt) = (play.now, [1; 16]);
        let input = Input::Answered { agent: ASKER, intent, answer: body };
        let desk = desk::Desk::new(&play.state.plan);
        let step = advance(&mut play.state, &desk, Stamped { wall_ms, salt, input });
        let kinds: Vec<&str> = step.entries.iter().map(|entry| entry.body.kind()).collect();
        assert_eq!(kinds, if waiting == 4 { &["outcome", "stopped"][..] } else { &["outcome"] });
    }
}
