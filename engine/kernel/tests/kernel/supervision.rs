//! Who goes down with whom, who comes back in which order, and who gives up.

use theater_flow_kernel::ids::{AgentId, Ref, SupervisorId};
use theater_flow_kernel::plan::{Child, Restart, Strategy};
use theater_flow_kernel::record::{Body, End, Origin, Status};
use theater_flow_kernel::supervise::{casualties, window};

use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::{Build, supervisor};
use crate::common::sim::{Options, Sim};

fn agents(ids: &[u32]) -> Vec<Child> {
    ids.iter().map(|id| Child::Agent(AgentId(*id))).collect()
}

fn run(build: Build, seed: u64) -> (Status, Sim) {
    let (status, sim) = Sim::new(build, Options { cut: true, ..Options::calm(seed) }).run();
    audit(&sim.plan, &sim.entries);
    (status, sim)
}

/// Supervisor, agents and count of each restart; `None` for who gave up.
fn decisions(sim: &Sim) -> Vec<(u32, Option<Vec<u32>>, u32)> {
    let bodies = sim.entries.iter().map(|entry| &entry.body);
    let decisions = bodies.filter_map(|body| match body {
        Body::Restarted(body) => {
            let agents = body.agents.iter().map(|id| id.0).collect();
            Some((body.supervisor.0, Some(agents), body.count))
        }
        Body::Escalated(body) => Some((body.supervisor.0, None, body.count)),
        _ => None,
    });
    decisions.collect()
}

fn lives(sim: &Sim) -> Vec<u32> {
    let bodies = sim.entries.iter().map(|entry| &entry.body);
    let lives = bodies.filter_map(|body| match body {
        Body::Incarnation(body) => Some(body.agent.0),
        _ => None,
    });
    lives.collect()
}

fn ends(sim: &Sim) -> Vec<(u32, End)> {
    let bodies = sim.entries.iter().map(|entry| &entry.body);
    bodies
        .filter_map(|body| {
            if let Body::Ended(body) = body { Some((body.agent.0, body.how)) } else { None }
        })
        .collect()
}

#[test]
fn casualties_by_strategy() {
    let cases = [
        (Strategy::OneForOne, 1, 1..2),
        (Strategy::OneForAll, 1, 0..4),
        (Strategy::RestForOne, 0, 0..4),
        (Strategy::RestForOne, 1, 1..4),
        (Strategy::RestForOne, 2, 2..4),
        (Strategy::RestForOne, 3, 3..4),
        (Strategy::OneForOne, 2, 2..3),
    ];
    for (strategy, failed, down) in cases {
        assert_eq!(casualties(strategy, 4, failed), down, "{strategy:?} {failed}");
    }
}

#[test]
fn the_window_keeps_what_is_no_older_than_the_period() {
    assert_eq!(window(&[], 10, 5), [10]);
    assert_eq!(window(&[4, 5, 6, 10], 10, 5), [5, 6, 10, 10]);
    assert_eq!(window(&[0], 3, 5), [0, 3]);
    assert_eq!(window(&[1, 2], 100, 0), [100]);
}

/// Source, an agent that traps at each of these messages, standard output.
fn trapping(at: &'static [&'static str], how: Bad) -> Build {
    Build::chain(12, &[Kind::Bad { at, how }, Kind::Stdout])
}

#[test]
fn more_restarts_than_allowed_fail_the_run_and_agents_end_youngest_first() {
    for seed in 0..20 {
        let (status, sim) = run(trapping(&["1", "2", "3", "4"], Bad::Trap), seed);
        assert_eq!(status, Status::Failed);
        let restarts = [1, 2, 3].map(|count| (0, Some(vec![1]), count));
        let expected = restarts.into_iter().chain([(0, None, 4)]).collect::<Vec<_>>();
        assert_eq!(decisions(&sim), expected, "seed {seed}");
        let stopped: Vec<_> =
            ends(&sim).into_iter().filter(|(_, how)| *how == End::Stopped).collect();
        let order: Vec<u32> = stopped.iter().map(|(id, _)| *id).collect();
        assert!(order == [2, 1, 0] || order == [2, 1], "{order:?}");
        let escalated = sim.entries.iter().find(|entry| matches!(entry.body, Body::Escalated(_)));
        let escalated = Ref::record(escalated.unwrap().seq);
        let ended = sim
            .entries
            .iter()
            .filter(|entry| matches!(&entry.body, Body::Ended(body) if body.how == End::Stopped));
        assert!(ended.into_iter().all(|entry| entry.causes.contains(&escalated)));
    }
}

#[test]
fn no_restart_is_allowed_with_intensity_0() {
    let mut build = trapping(&["1"], Bad::Trap);
    build.root().intensity = 0;
    let (status, sim) = run(build, 3);
    assert_eq!((status, decisions(&sim)), (Status::Failed, vec![(0, None, 1)]));
}

#[test]
fn restarts_further_apart_than_the_period_are_not_too_many() {
    let mut build = trapping(&["1", "2", "3"], Bad::TrapSometimes);
    build.root().intensity = 1;
    build.root().period_ms = 50;
    let mut retry = crate::common::plans::RETRY;
    retry.wait.base_ms = 1_000;
    build.agent(1).retry = retry;
    let sim = Sim::new(build, Options::calm(1));
    sim.outside.lock().unwrap().failures_each = 1;
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Completed);
    assert_eq!(decisions(&sim).len(), 3);
}

/// `s0(s1(source, bad), out)`.
fn nested(strategy: Strategy, intensity: u32) -> Build {
    let mut build = trapping(&["3", "5", "7"], Bad::Trap);
    let children = vec![Child::Supervisor(SupervisorId(1)), Child::Agent(AgentId(2))];
    let mut below = supervisor(1, Strategy::OneForOne, agents(&[0, 1]));
    below.intensity = intensity;
    build.supervisors(vec![supervisor(0, strategy, children), below]);
    build
}

#[test]
fn who_gives_up_is_restarted_by_the_one_above() {
    for seed in 0..30 {
        let (status, sim) = run(nested(Strategy::OneForOne, 1), seed);
        assert_eq!(status, Status::Degraded);
        let made = decisions(&sim);
        assert_eq!(made[0], (1, Some(vec![1]), 1));
        assert_eq!(made[1], (1, None, 2));
        let above = made[2].1.clone().unwrap();
        assert!(
            above == [0, 1] || above == [1],
            "{above:?}: in start order, but for who has ended"
        );
        assert_eq!((made[2].0, made[2].2), (0, 1));
        // Its window is empty again.
        assert_eq!(made[3], (1, Some(vec![1]), 1));
        assert_eq!(made.len(), 4);
        assert_eq!(sim.lines("stdout of a2").len(), 9);
    }
}

#[test]
fn giving_up_goes_up_to_the_root() {
    let mut build = nested(Strategy::OneForAll, 0);
    build.root().intensity = 1;
    let (status, sim) = run(build, 2);
    assert_eq!(status, Status::Failed);
    let made: Vec<_> =
        decisions(&sim).iter().map(|(id, agents, _)| (*id, agents.is_some())).collect();
    assert_eq!(made, [(1, false), (0, true), (1, false), (0, false)]);
}

#[test]
fn all_or_the_rest_go_down_and_come_back_in_start_order() {
    for seed in 0..40 {
        for (strategy, down) in
            [(Strategy::OneForAll, &[0, 1, 2][..]), (Strategy::RestForOne, &[1, 2])]
        {
            let mut build = trapping(&["3"], Bad::Trap);
            build.root().strategy = strategy;
            let (status, sim) = run(build, seed);
            assert_eq!(status, Status::Degraded);
            let made = decisions(&sim)[0].1.clone().unwrap();
            let alive: Vec<u32> = down.iter().copied().filter(|id| made.contains(id)).collect();
            assert!(made == alive && made.contains(&1) && made.contains(&2), "{made:?}");
            let before =
                sim.entries.iter().take_while(|entry| !matches!(entry.body, Body::Restarted(_)));
            let before = before.filter(|entry| matches!(entry.body, Body::Incarnation(_))).count();
            let after: Vec<u32> = lives(&sim)[before..].to_vec();
            assert_eq!(after, made, "seed {seed}");
            assert_eq!(sim.lines("stdout of a2").len(), 11);
        }
    }
}

#[test]
fn restarts_that_cross_keep_the_start_order() {
    for seed in 0..60 {
        let at: &'static [&'static str] = &["3"];
        let kinds = [
            Kind::Bad { at, how: Bad::Trap },
            Kind::Bad { at: &["0", "5"], how: Bad::Trap },
            Kind::Stdout,
        ];
        let mut build = Build::chain(12, &kinds);
        build.root().strategy = Strategy::RestForOne;
        let (_, sim) = run(build, seed);
        let mut alive: Vec<u32> = Vec::new();
        for entry in &sim.entries {
            match &entry.body {
                Body::Incarnation(body) => {
                    assert!(
                        alive.iter().all(|id| *id < body.agent.0),
                        "seed {seed}: {alive:?} before {body:?}"
                    );
                    alive.push(body.agent.0);
                }
                Body::Restarted(body) => alive.retain(|id| !body.agents.contains(&AgentId(*id))),
                Body::Ended(body) => alive.retain(|id| *id != body.agent.0),
                _ => {}
            }
        }
    }
}

#[test]
fn a_temporary_bystander_does_not_come_back() {
    let mut build = trapping(&["3"], Bad::Trap);
    build.root().strategy = Strategy::OneForAll;
    build.agent(2).restart = Restart::Temporary;
    let (status, sim) = run(build, 4);
    assert_eq!(status, Status::Degraded);
    assert!(ends(&sim).contains(&(2, End::Stopped)));
    assert_eq!(sim.state.agent(AgentId(2)).incarnations, 1);
}

#[test]
fn a_permanent_agent_that_is_done_is_started_again_and_counts() {
    let mut build = Build::chain(12, &[Kind::DoneAt(3), Kind::Stdout]);
    build.agent(1).restart = Restart::Permanent;
    let (status, sim) = run(build, 4);
    assert_eq!(status, Status::Completed);
    assert_eq!(decisions(&sim), [(0, Some(vec![1]), 1)]);
    assert_eq!(sim.lines("stdout of a2").len(), 12);
}

#[test]
fn an_agent_that_cannot_be_started_at_first_fails_the_run() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let mut build = Build::chain(3, &[Kind::NoInit { at_first: true }, Kind::Stdout]);
        build.agent(1).restart = restart;
        let above = vec![Child::Agent(AgentId(0)), Child::Supervisor(SupervisorId(1))];
        let above = supervisor(0, Strategy::OneForOne, above);
        build.supervisors(vec![above, supervisor(1, Strategy::OneForOne, agents(&[1, 2]))]);
        let (status, sim) = run(build, 1);
        assert_eq!(status, Status::Failed);
        assert_eq!(decisions(&sim), [(1, None, 0), (0, None, 0)]);
        assert_eq!(lives(&sim), [0], "the youngest was never started");
    }
}

#[test]
fn failed_restarts_count() {
    let mut build = Build::chain(12, &[Kind::NoInit { at_first: false }, Kind::Stdout]);
    build.root().strategy = Strategy::OneForAll;
    let bad = build.add("bad", Kind::Bad { at: &["3"], how: Bad::Trap }, &["in"], &["out"]);
    build.wire((AgentId(0), 0), (bad, 0));
    let (status, sim) = run(build, 1);
    assert_eq!(status, Status::Failed);
    let counts: Vec<_> =
        decisions(&sim).iter().map(|(_, agents, count)| (agents.is_some(), *count)).collect();
    assert_eq!(counts, [(true, 1), (true, 2), (true, 3), (false, 4)]);
}

#[test]
fn lives_after_the_first_begin_from_what_was_kept() {
    let (_, sim) = run(trapping(&["3"], Bad::Trap), 1);
    let origins = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::Incarnation(body) if body.agent.0 == 1 => Some((body.n, body.from)),
        _ => None,
    });
    let origins: Vec<_> = origins.collect();
    assert_eq!(origins[0], (1, Origin::Fresh));
    assert!(
        matches!(origins[1], (2, Origin::Checkpoint { snapshot: None, redone }) if redone >= 4)
    );
}
