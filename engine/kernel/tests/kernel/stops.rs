//! Children are stopped one at a time, in their time or without any, and started again in order.

use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::plan::{
    Backoff, Child, Restart, Restore, Retry, Shutdown, Strategy, Supervisor, Wait,
};
use theater_flow_kernel::state::{Life, Stage};

use crate::common::guests::Kind;
use crate::common::plans::{Build, supervisor};
use crate::common::play::Play;

/// So many agents under the root, with this strategy.
pub(super) fn agents(n: u32, strategy: Strategy) -> Build {
    let mut build = Build::new();
    for nth in 0..n {
        build.add(&format!("a{nth}"), Kind::Pass, &[], &[]);
        build.agent(nth).retry = Retry { max: 100, wait: Wait::NONE };
    }
    build.root().strategy = strategy;
    build
}

/// `s0 [a0, s1 [a1, a2], a3]`.
pub(super) fn nested(strategies: [Strategy; 2]) -> Build {
    let mut build = agents(4, strategies[0]);
    let (agent, below) = (|id| Child::Agent(AgentId(id)), Child::Supervisor(SupervisorId(1)));
    build.supervisors(vec![
        supervisor(0, strategies[0], vec![agent(0), below, agent(3)]),
        supervisor(1, strategies[1], vec![agent(1), agent(2)]),
    ]);
    build
}

pub(super) fn below(build: &mut Build) -> &mut Supervisor {
    build.supervisor(1)
}

use Strategy::{OneForAll, OneForOne, RestForOne};

#[test]
fn a_group_stops_youngest_first_and_comes_back_in_order() {
    let mut play = Play::up(agents(4, RestForOne), &[1]);
    play.crashes(1);
    assert_eq!(play.says(), ["crash 1", "s0 restarts 1 2 3 (1)", "stopped 3", "stopped 2"]);
    assert!(play.has(1) && !play.has(2), "each waits for the one before");
    play.goes_on(1);
    assert!(play.has(2) && !play.has(3));
    play.goes_on(2);
    play.goes_on(3);
    assert_eq!(play.says(), ["up 1", "up 2", "up 3"]);
    assert_eq!(play.life(0), Life::Up);
}

#[test]
fn who_is_at_an_event_may_end_it_and_gets_no_further_one() {
    let mut play = Play::up(agents(3, OneForAll), &[0, 1, 2]);
    play.crashes(0);
    assert_eq!(play.says(), ["crash 0", "s0 restarts 0 1 2 (1)"]);
    play.goes_on(1);
    assert!(play.has(2) && !play.has(1), "1 was not asked yet, and has nothing more to do");
    play.goes_on(2);
    assert_eq!(play.says(), ["stopped 2", "stopped 1"]);
}

#[test]
fn who_takes_too_long_is_killed_and_the_event_is_not_a_failed_one() {
    let mut build = agents(2, OneForAll);
    build.agent(1).shutdown = Shutdown::After(500);
    let mut play = Play::up(build, &[0, 1]);
    play.crashes(0);
    play.wait(499);
    assert_eq!(play.says(), ["crash 0", "s0 restarts 0 1 (1)"]);
    play.wait(1);
    assert_eq!(play.says(), ["killed 1"]);
    play.goes_on(0);
    assert!(play.has(1), "the worker still has what it was killed at");
    play.goes_on(1);
    assert_eq!(play.says(), ["up 0"], "what it did then is nothing");
    play.goes_on(1);
    assert_eq!(play.says(), ["up 1"]);
    let agent = play.state.agent(AgentId(1));
    assert!(agent.pending.is_none() && play.has(1), "it is pulled again, for the first time");
    assert_eq!(agent.crashes, 0);
}

#[test]
fn brutal_kill_gives_no_time_and_infinity_gives_all() {
    for (shutdown, said) in [
        (Shutdown::BrutalKill, vec!["crash 0", "s0 restarts 0 1 (1)", "killed 1"]),
        (Shutdown::Infinity, vec!["crash 0", "s0 restarts 0 1 (1)"]),
    ] {
        let mut build = agents(2, OneForAll);
        build.agent(1).shutdown = shutdown;
        let mut play = Play::up(build, &[0, 1]);
        play.crashes(0);
        play.wait(if shutdown == Shutdown::Infinity { 100_000_000 } else { 0 });
        assert_eq!(play.says(), said);
    }
}

#[test]
fn a_supervisor_has_a_time_of_its_own_for_all_below() {
    let mut build = nested([OneForAll, OneForOne]);
    below(&mut build).shutdown = Shutdown::After(300);
    build.agent(1).shutdown = Shutdown::Infinity;
    build.agent(2).shutdown = Shutdown::After(200);
    let mut play = Play::up(build, &[0, 1, 2]);
    play.crashes(0);
    assert_eq!(play.says(), ["crash 0", "s0 restarts 0 1 2 3 (1)", "stopped 3"]);
    play.wait(200);
    assert_eq!(play.says(), ["killed 2"]);
    play.wait(100);
    assert_eq!(play.says(), ["killed 1"], "its supervisor's time is up");
}

#[test]
fn who_crashes_or_is_done_while_it_is_stopped_is_taken_as_it_is() {
    let mut build = agents(4, OneForAll);
    build.agent(3).restart = Restart::Permanent;
    let mut play = Play::up(build, &[0, 1, 2, 3]);
    play.crashes(0);
    play.done(3);
    play.crashes(2);
    play.done(1);
    assert_eq!(
        play.says(),
        ["crash 0", "s0 restarts 0 1 2 3 (1)", "crash 2", "end 1 done"],
        "none of them counts, and what is over does not come again"
    );
    for id in [0, 2, 3] {
        play.goes_on(id);
    }
    assert_eq!(play.says(), ["up 0", "up 2", "up 3", "end 3 finished"]);
    assert_eq!(play.state.kept.supervisors[0].recent.len(), 1);
}

#[test]
fn a_crash_before_its_turn_is_taken_too_and_one_outside_of_the_group_waits() {
    let mut play = Play::up(agents(3, RestForOne), &[0, 1, 2]);
    play.crashes(1);
    play.crashes(0);
    assert_eq!(play.says(), ["crash 1", "s0 restarts 1 2 (1)", "crash 0"]);
    play.goes_on(2);
    assert_eq!(play.says(), ["stopped 2"]);
    play.goes_on(1);
    assert_eq!(play.says(), ["up 1"], "first one thing, then the other");
    play.goes_on(2);
    assert_eq!(play.says(), ["up 2", "s0 restarts 0 1 2 (2)", "stopped 2"]);
}

#[test]
fn a_restart_that_fails_counts_and_waits_behind_what_else_there_is() {
    let mut play = Play::up(agents(3, RestForOne), &[0, 1, 2]);
    play.crashes(1);
    play.gives_back(2);
    play.crashes(0);
    play.crashes(1);
    assert_eq!(
        play.says(),
        [
            "crash 1",
            "s0 restarts 1 2 (1)",
            "stopped 2",
            "crash 0",
            "crash 1",
            // That of 0 came first, and takes 1 with it.
            "s0 restarts 0 1 2 (2)"
        ]
    );
    for id in [0, 1, 2] {
        play.goes_on(id);
    }
    assert_eq!(play.says(), ["up 0", "up 1", "up 2"]);
}

#[test]
fn one_for_all_stops_those_just_started_when_another_fails_to_start() {
    let mut play = Play::up(agents(3, OneForAll), &[0]);
    play.crashes(0);
    play.goes_on(0);
    play.crashes(1);
    assert_eq!(
        play.says(),
        [
            "crash 0",
            "s0 restarts 0 1 2 (1)",
            "stopped 2",
            "stopped 1",
            "up 0",
            "crash 1",
            "s0 restarts 0 1 2 (2)"
        ]
    );
    play.goes_on(0);
    assert_eq!(play.says(), ["stopped 0"], "it was just pulled, and that came to its end");
}

#[test]
fn who_gives_up_stops_all_below_and_the_one_above_decides() {
    for (restart, after) in [
        (Restart::Permanent, vec!["s0 restarts 1 2 (1)"]),
        (Restart::Transient, vec!["end 2 stopped", "end 1 stopped"]),
        (Restart::Temporary, vec!["end 2 stopped", "end 1 stopped"]),
    ] {
        let mut build = nested([OneForOne, OneForOne]);
        below(&mut build).intensity = 0;
        below(&mut build).restart = restart;
        let mut play = Play::up(build, &[1]);
        play.crashes(1);
        let before = vec!["crash 1", "s1 gives up (1)", "stopped 2"];
        assert_eq!(play.says(), [before, after].concat(), "{restart:?}");
        let over = play.state.stage(SupervisorId(1)) == Stage::Over;
        assert_eq!(over, restart != Restart::Permanent);
        assert_eq!(play.life(3), Life::Up);
    }
}

#[test]
fn the_root_that_gives_up_ends_all_in_their_time() {
    let mut build = nested([OneForOne, OneForOne]);
    build.root().intensity = 0;
    build.agent(2).shutdown = Shutdown::After(50);
    let mut play = Play::up(build, &[0, 2]);
    play.crashes(0);
    assert_eq!(play.says(), ["crash 0", "s0 gives up (1)", "end 3 stopped"]);
    play.wait(50);
    assert_eq!(play.says(), ["end 2 stopped", "end 1 stopped", "end 0 stopped", "Failed"]);
}

#[test]
fn temporary_children_end_with_a_sibling_and_come_again_with_their_supervisor() {
    let mut build = nested([OneForAll, OneForAll]);
    build.agent(2).restart = Restart::Temporary;
    build.agent(3).restart = Restart::Temporary;
    let mut play = Play::up(build, &[0]);
    play.crashes(0);
    assert_eq!(
        play.says(),
        ["crash 0", "s0 restarts 0 1 2 (1)", "end 3 stopped", "stopped 2", "stopped 1"]
    );
    for id in [0, 1, 2] {
        play.goes_on(id);
    }
    assert_eq!(play.says(), ["up 0", "up 1", "up 2"]);
}

#[test]
fn a_delay_passes_between_the_stop_and_the_start_and_holds_up_nothing_else() {
    let mut build = agents(2, OneForAll);
    build.root().delay = Wait { backoff: Backoff::Exponential, base_ms: 100, cap_ms: 150 };
    let mut play = Play::up(build, &[0]);
    for (ms, count) in [(100, 1), (150, 2), (150, 3)] {
        play.crashes(0);
        let restarts = format!("s0 restarts 0 1 ({count})");
        assert_eq!(play.says(), ["crash 0", restarts.as_str(), "stopped 1"]);
        play.wait(ms - 1);
        assert!(!play.has(0));
        play.wait(1);
        play.goes_on(0);
        play.goes_on(1);
        assert_eq!(play.says(), ["up 0", "up 1"]);
    }
    play.crashes(0);
    assert_eq!(
        play.says(),
        ["crash 0", "s0 gives up (4)", "end 1 stopped", "end 0 stopped", "Failed"]
    );
}

#[test]
fn a_start_that_fails_below_is_a_failed_restart_above() {
    let mut build = nested([OneForOne, OneForOne]);
    below(&mut build).intensity = 0;
    let mut play = Play::up(build, &[1]);
    play.crashes(1);
    play.says();
    for count in [2, 3] {
        play.goes_on(1);
        play.crashes(2);
        let restarts = format!("s0 restarts 1 2 ({count})");
        let said = play.says();
        assert_eq!(said[..3], ["up 1", "crash 2", "s1 gives up (0)"]);
        play.gives_back(1);
        assert_eq!(play.says(), ["stopped 1", restarts.as_str()]);
    }
}

#[test]
fn a_process_that_takes_over_goes_on_where_supervisors_were() {
    let mut build = agents(4, RestForOne);
    build.agent(3).shutdown = Shutdown::After(500);
    let mut play = Play::up(build, &[1, 3]);
    play.crashes(1);
    assert_eq!(play.says(), ["crash 1", "s0 restarts 1 2 3 (1)"]);
    play.resume();
    assert_eq!(play.says(), ["stopped 3", "stopped 2"], "no life goes on");
    assert!(play.has(0) && !play.has(1), "first what lived");
    play.goes_on(0);
    assert_eq!(play.says(), ["up 0"]);
    play.resume();
    for id in [0, 1, 2, 3] {
        play.goes_on(id);
    }
    assert_eq!(play.says(), ["up 0", "up 1", "up 2", "up 3"]);
    assert_eq!(play.state.kept.supervisors[0].recent.len(), 1, "and nothing counts twice");
}

#[test]
fn many_children_stop_and_start_one_by_one() {
    let mut build = agents(100, OneForAll);
    build.root().intensity = 1;
    let mut play = Play::up(build, &[7]);
    play.crashes(7);
    let said = play.says();
    let stopped: Vec<String> =
        (0..100).rev().filter(|id| *id != 7).map(|id| format!("stopped {id}")).collect();
    assert_eq!(said[2..], stopped);
    for id in 0..100 {
        play.goes_on(id);
    }
    let up: Vec<String> = (0..100).map(|id| format!("up {id}")).collect();
    assert_eq!(play.says(), up);
}

#[test]
fn what_comes_of_a_start_that_was_given_up_is_not_the_next_ones() {
    let late: [fn(&mut Play, u32); 2] = [Play::goes_on, Play::crashes];
    for late in late {
        let mut build = nested([OneForAll, OneForOne]);
        build.agent(1).shutdown = Shutdown::BrutalKill;
        let mut play = Play::up(build, &[0, 1]);
        play.crashes(1);
        assert!(play.has(1), "it begins a life");
        play.crashes(0);
        play.says();
        play.goes_on(0);
        assert_eq!(play.says(), ["up 0"]);
        assert_eq!(play.life(1), Life::Starting, "its turn has come again");
        late(&mut play, 1);
        assert!(play.says().is_empty(), "that was another start");
        assert!(play.has(1));
        play.goes_on(1);
        assert_eq!(play.says(), ["up 1"]);
    }
}

/// `done` is an exit once all is written, whichever process writes it, and before or after the next life begins.
#[test]
fn who_is_done_ends_when_all_it_wrote_is_in_its_place() {
    for (restart, said) in [
        (Restart::Permanent, "s0 restarts 1 (1)"),
        (Restart::Transient, "end 1 done"),
        (Restart::Temporary, "end 1 done"),
    ] {
        for early in [false, true] {
            let mut build = agents(2, OneForOne);
            build.agent(1).restart = restart;
            let mut play = Play::up(build, &[1]);
            play.done_but_for_a_byte(1);
            assert!(play.says().is_empty() && !play.has(1), "it waits");
            play.resume();
            if early {
                play.writes(1);
            }
            play.goes_on(0);
            play.goes_on(1);
            if !early {
                play.writes(1);
            }
            assert_eq!(play.says(), ["up 0", "up 1", said], "{restart:?} {early}");
        }
    }
}

#[test]
fn a_fresh_agent_forgets_with_its_process_as_with_any_life() {
    for restore in [Restore::Fresh, Restore::Checkpoint] {
        let mut build = agents(1, OneForOne);
        build.agent(0).restore = restore;
        let mut play = Play::up(build, &[]);
        assert!(!play.state.agent(AgentId(0)).timers.is_empty(), "it waits for a timer");
        play.resume();
        let agent = play.state.agent(AgentId(0));
        let forgot = (!agent.started, agent.timers.is_empty());
        assert_eq!(forgot, (restore == Restore::Fresh, restore == Restore::Fresh));
    }
}
