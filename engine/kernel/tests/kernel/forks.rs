//! What folding the first record of a fork changes of the state that it took over.

use std::sync::Arc;

use theater_flow_kernel::fold::fold;
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, Ref, RunId, SupervisorId};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::plan::{Backoff, Shutdown, Strategy, Wait};
use theater_flow_kernel::record::{
    Body, Checkpoint, Consumed, DeadLetterReason, End, Entry, Forked, Genesis, Given, Intent,
    Lineage, Payload,
};
use theater_flow_kernel::state::{
    AgentState, Asking, Life, Pending, Phase, Stage, Stand, State, Timer,
};
use theater_flow_kernel::work::by;

use super::stops::nested;
use crate::common::guests::Kind;
use crate::common::plans::Build;
use crate::common::play::Play;
use crate::common::sim::{Options, Sim, facts};

const AGENT: AgentId = AgentId(1);
const PASSED: u64 = 5_000;

/// A state in which a run is in the middle of its work.
fn state() -> State {
    let mut sim = Sim::new(Build::chain(10, &[Kind::Stdout]), Options::calm(3));
    sim.run_until(|state| state.agent(AGENT).life == Life::Up && state.agent(AGENT).handled > 2);
    sim.state
}

fn asking(state: &State, stand: Stand) -> Asking {
    let (consumed, parts, key) = (Consumed::Pull, vec![], String::from("r/a/e/1"));
    let (args, call) =
        (Payload::commit(&[0; 16], b"q"), theater_flow_kernel::record::Call::HttpSend);
    let intent = Intent {
        by: by(AGENT, 1, 1),
        consumed: consumed.clone(),
        parts,
        n: 1,
        call,
        args,
        key,
        fuel: 0,
    };
    let at = state.kept.now;
    let seq = state.kept.next_seq - 1;
    let entry = Entry {
        seq,
        at,
        causes: vec![],
        body: Body::Intent(intent),
        salt: [0; 16],
        payloads: vec![Bytes::from(&b"q"[..])],
    };
    Asking {
        consumed,
        attempt: 1,
        since: at,
        intent: Arc::new(entry),
        stand,
        unknown: false,
        asked: at,
        elsewhere: None,
    }
}

/// The state after the first record of a fork.
pub(crate) fn forked(mut state: State, given: &[&[u8]]) -> State {
    let seq = state.kept.next_seq;
    let genesis = Genesis {
        run: RunId([9; 16]),
        plan: Digest::default(),
        engine: facts(),
        components: vec![],
    };
    let given_by = |answer: &&[u8]| Given {
        of: Ref::record(seq),
        agent: AGENT,
        answer: Payload::commit(&[1; 16], answer),
    };
    let lineage = Lineage {
        parent: RunId([7; 16]),
        seq: seq - 1,
        hash: Digest::default(),
        state: Checkpoint { upto: seq, digest: Digest::default(), len: 77 },
        changed: vec![],
        given: given.iter().map(given_by).collect(),
    };
    let entry = Entry {
        seq,
        at: state.kept.now + PASSED,
        causes: vec![Ref::record(seq - 1)],
        body: Body::Forked(Box::new(Forked { genesis, lineage })),
        salt: [1; 16],
        payloads: given.iter().map(|answer| Bytes::from(*answer)).collect(),
    };
    fold(&mut state, &Arc::new(entry));
    state
}

#[test]
fn nobody_runs_a_fork_at_first_and_no_life_goes_on() {
    let before = state();
    let after = forked(before.clone(), &[]);
    assert_eq!((after.kept.phase, after.kept.run), (Phase::Suspended, Some(RunId([9; 16]))));
    assert_eq!((after.kept.since_checkpoint, after.kept.checkpoint_len), (0, 77));
    for (then, now) in before.kept.agents.iter().zip(&after.kept.agents) {
        assert_eq!((&then.queues, then.calls, &then.writes), (&now.queues, now.calls, &now.writes));
        let expected = if then.life == Life::Up { Life::Lost } else { then.life };
        assert_eq!(now.life, expected);
    }
    let lost = |agent: &&AgentState| agent.life == Life::Lost;
    let lost = after.kept.agents.iter().filter(lost).count();
    assert!(lost > 0, "somebody lived");
    assert_eq!(after.kept.to_start.len(), lost);
}

#[test]
fn what_is_due_after_a_while_is_due_after_the_same_while() {
    let mut before = state();
    let (now, set) = (before.kept.now, Ref::record(1));
    let agent = &mut before.kept.agents[AGENT.index()];
    agent.timers.insert(String::from("t"), Timer { due: now + 700, set });
    agent.timers.insert(String::from("never"), Timer { due: u64::MAX, set });
    agent.pending = Some(Pending {
        consumed: Consumed::Timer { name: String::from("t") },
        failed: 1,
        due: now + 900,
        failure: 1,
        why: DeadLetterReason::Ended,
        hopeless: false,
        crashed: false,
        unknown: false,
    });
    before.kept.supervisors[0].recent = vec![now - 30];
    let after = forked(before, &[]);
    let agent = after.agent(AGENT);
    assert_eq!(agent.timers["t"].due, now + PASSED + 700);
    assert_eq!(agent.timers["never"].due, u64::MAX);
    assert_eq!(agent.pending.as_ref().map(|pending| pending.due), Some(now + PASSED), "at once");
    assert_eq!(after.kept.supervisors[0].recent, [now + PASSED - 30]);
}

/// `s0 [a0, s1 [a1, a2], a3]`, of which `a0` was restarted just now with all others; `a2` is at an event.
fn restarting(change: impl FnOnce(&mut Build)) -> State {
    let mut build = nested([Strategy::OneForAll, Strategy::OneForOne]);
    change(&mut build);
    let mut play = Play::up(build, &[0, 2]);
    play.crashes(0);
    play.state
}

#[test]
fn what_supervisors_wait_for_is_due_after_the_same_while() {
    let before = restarting(|build| build.supervisor(1).shutdown = Shutdown::After(300));
    let due = before.kept.now + 300;
    let stopping = |state: &State| match state.stage(SupervisorId(1)) {
        Stage::Stopping(stop) => stop.due,
        _ => None,
    };
    assert_eq!((stopping(&before), before.next_deadline()), (Some(due), Some(due)));
    let after = forked(before, &[]);
    assert_eq!((stopping(&after), after.next_deadline()), (Some(due + PASSED), Some(due + PASSED)));
    assert_eq!(after.agent(AgentId(2)).halt.and_then(|halt| halt.due), Some(due + PASSED));

    let before = restarting(|build| {
        let delay = Wait { backoff: Backoff::Constant, base_ms: 400, cap_ms: 400 };
        build.root().delay = delay;
        build.agent(2).shutdown = Shutdown::BrutalKill;
    });
    let due = before.kept.now + 400;
    let starting = |state: &State| match state.stage(SupervisorId(0)) {
        Stage::Restarting { start, .. } => (start.due, state.agent(AgentId(0)).not_before),
        _ => (0, 0),
    };
    assert_eq!(starting(&before), (due, due));
    assert_eq!(starting(&forked(before, &[])), (due + PASSED, due + PASSED));
}

#[test]
fn what_was_asked_is_asked_again_and_what_was_answered_is_not() {
    let stand = |stand: Stand, over: bool| {
        let mut before = state();
        let asking = asking(&before, stand);
        let agent = &mut before.kept.agents[AGENT.index()];
        agent.asking = Some(asking);
        if over {
            agent.life = Life::Over(End::Stopped);
        }
        let now = before.kept.now;
        let asking = forked(before, &[]).agent(AGENT).asking.clone();
        assert!(asking.as_ref().is_none_or(|asking| asking.since == now + PASSED));
        asking.map(|asking| asking.stand)
    };
    let answered = Stand::Answered { outcome: 3, answer: Bytes::from(&b"a"[..]) };
    assert_eq!(stand(Stand::Open { after: 3 }, false), Some(Stand::Forked));
    assert_eq!(stand(Stand::Lost, false), Some(Stand::Forked));
    let held = Stand::Held { since: 3 };
    assert_eq!(stand(held.clone(), false), Some(held), "somebody has to say for the fork");
    assert_eq!(stand(answered.clone(), false), Some(answered));
    assert_eq!(stand(Stand::Open { after: 3 }, true), None, "nobody waits for it");
}

#[test]
fn a_given_answer_stands_where_the_fork_begins() {
    let mut before = state();
    let seq = before.kept.next_seq;
    before.kept.agents[AGENT.index()].asking = Some(asking(&before, Stand::Open { after: 3 }));
    let after = forked(before, &[b"given"]);
    let expected = Stand::Answered { outcome: seq, answer: Bytes::from(&b"given"[..]) };
    assert_eq!(after.agent(AGENT).asking.as_ref().map(|asking| &asking.stand), Some(&expected));
}

#[test]
fn what_was_asked_elsewhere_is_asked_in_the_forks_own_name() {
    let key = |asking: &Asking, run: u8| asking.key(Some(RunId([run; 16])));
    let mut before = state();
    let held = asking(&before, Stand::Held { since: 3 });
    before.kept.agents[AGENT.index()].asking = Some(held.clone());
    let after = forked(before, &[]).agent(AGENT).asking.clone().expect("it waits");
    assert_eq!((held.elsewhere, after.elsewhere), (None, Some(RunId([7; 16]))));
    assert_eq!(key(&after, 9), format!("{}/a/e/1", RunId([9; 16])));
    let own = Request {
        method: "POST".into(),
        url: "http://x/".into(),
        headers: vec![("Idempotency-Key".into(), "r/a/e/1".into())],
        body: vec![],
    };
    let args = Bytes::from(postcard::to_allocvec(&own).expect("plain data"));
    let intent = Arc::new(Entry { payloads: vec![args], ..Entry::clone(&after.intent) });
    let set = Asking { intent, ..after };
    assert_eq!(key(&set, 9), "r/a/e/1", "what the guest has set stays");
}

/// What the run says, when a process takes it up, that it may write a second time.
fn says_repeated(sim: &mut Sim) -> usize {
    sim.input(Input::Resume(facts()));
    let resumed = sim.entries.iter().rev().find_map(|entry| match &entry.body {
        Body::Resumed(body) => Some(body.repeated.len()),
        _ => None,
    });
    resumed.expect("it is taken up")
}

#[test]
fn what_the_parent_printed_is_not_printed_again_by_the_fork() {
    let mut sim = Sim::new(Build::chain(10, &[Kind::Stdout]), Options::calm(3));
    let waits =
        |state: &State| state.agent(AGENT).writes.values().any(|write| !write.pending.is_empty());
    sim.run_until(waits);
    let before = sim.state.clone();
    assert_eq!(says_repeated(&mut sim), 1, "the run itself may have printed it");
    sim.state = forked(before, &[]);
    assert_eq!(says_repeated(&mut sim), 0, "the fork has printed nothing");
    assert_eq!(says_repeated(&mut sim), 1, "now it may have");
}
