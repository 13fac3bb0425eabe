//! Supervisors that shut themselves down once significant children have ended.

use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::plan::{
    AutoShutdown, Child, Restart,
    Strategy::{OneForAll, OneForOne},
};
use theater_flow_kernel::state::{Life, Stage};

use super::stops::{agents, below, nested};
use crate::common::plans::{Build, supervisor};
use crate::common::play::Play;

/// Two significant agents, `a1` and `a2`, under a supervisor that shuts itself down, below a root that does not.
fn significant(auto: AutoShutdown, restart: Restart) -> Build {
    let mut build = nested([OneForOne, OneForAll]);
    below(&mut build).auto_shutdown = auto;
    below(&mut build).restart = Restart::Transient;
    for id in [1, 2] {
        build.agent(id).significant = true;
        build.agent(id).restart = restart;
    }
    build
}

#[test]
fn significant_children_that_end_by_themselves_end_their_supervisor() {
    for restart in [Restart::Transient, Restart::Temporary] {
        let mut play = Play::up(significant(AutoShutdown::AnySignificant, restart), &[1]);
        play.done(1);
        assert_eq!(play.says(), ["end 1 done", "s1 shuts down", "stopped 2", "end 2 stopped"]);
        let mut play = Play::up(significant(AutoShutdown::AllSignificant, restart), &[1, 2]);
        play.done(1);
        assert_eq!(play.says(), ["end 1 done"]);
        play.done(2);
        assert_eq!(play.says(), ["end 2 done", "s1 shuts down"]);
        assert_eq!(play.life(3), Life::Up);
    }
}

#[test]
fn a_crash_ends_a_supervisor_only_if_its_child_is_temporary() {
    let mut play = Play::up(significant(AutoShutdown::AnySignificant, Restart::Temporary), &[1]);
    play.crashes(1);
    assert_eq!(
        play.says(),
        ["crash 1", "end 1 crashed", "s1 shuts down", "stopped 2", "end 2 stopped"]
    );
    let mut play = Play::up(significant(AutoShutdown::AnySignificant, Restart::Transient), &[1]);
    play.crashes(1);
    assert_eq!(play.says(), ["crash 1", "s1 restarts 1 2 (1)", "stopped 2"]);
}

#[test]
fn a_permanent_supervisor_that_shut_itself_down_is_started_again_and_counts() {
    let mut build = significant(AutoShutdown::AnySignificant, Restart::Transient);
    below(&mut build).restart = Restart::Permanent;
    let mut play = Play::up(build, &[1]);
    play.done(1);
    assert_eq!(
        play.says(),
        ["end 1 done", "s1 shuts down", "stopped 2", "s0 restarts 2 (1)"],
        "but for what is over"
    );
}

#[test]
fn the_root_may_shut_itself_down_and_the_run_ends_well() {
    let mut build = agents(3, OneForOne);
    build.root().auto_shutdown = AutoShutdown::AnySignificant;
    build.agent(1).significant = true;
    let mut play = Play::up(build, &[1, 2]);
    play.done(1);
    assert_eq!(play.says(), ["end 1 done", "s0 shuts down"]);
    play.goes_on(2);
    assert_eq!(play.says(), ["end 2 stopped", "end 0 stopped", "Completed"]);
}

#[test]
fn a_significant_supervisor_ends_the_one_above() {
    let mut build = significant(AutoShutdown::AllSignificant, Restart::Transient);
    below(&mut build).significant = true;
    build.root().auto_shutdown = AutoShutdown::AnySignificant;
    let mut play = Play::up(build, &[1, 2]);
    play.done(2);
    play.done(1);
    assert_eq!(
        play.says(),
        [
            "end 2 done",
            "end 1 done",
            "s1 shuts down",
            "s0 shuts down",
            "end 3 stopped",
            "end 0 stopped",
            "Completed"
        ]
    );
}

/// It does not come back from that, and no longer keeps the one above from its end.
#[test]
fn a_temporary_supervisor_that_goes_down_with_a_sibling_is_significant_no_more() {
    for gave_up in [false, true] {
        let mut build = nested([OneForAll, OneForOne]);
        build.root().auto_shutdown = AutoShutdown::AllSignificant;
        build.agent(3).significant = true;
        below(&mut build).significant = true;
        below(&mut build).restart = Restart::Temporary;
        below(&mut build).intensity = 0;
        let mut play = Play::up(build, &[0, 1, 3]);
        play.crashes(0);
        assert_eq!(play.says(), ["crash 0", "s0 restarts 0 3 (1)"]);
        if gave_up {
            play.crashes(1);
            assert_eq!(play.says(), ["crash 1", "s1 gives up (1)", "stopped 2"]);
        }
        play.gives_back(3);
        if !gave_up {
            play.gives_back(1);
        }
        play.says();
        play.goes_on(0);
        play.goes_on(3);
        play.done(3);
        assert_eq!(play.says(), ["up 0", "up 3", "end 3 done", "s0 shuts down"]);
    }
}

/// `s0 [a0, s1 [a1, s2 [a2, a4]], a3]`: what `s1` wants of `s2`, a temporary one, holds when `s1` is stopped, too.
#[test]
fn who_goes_down_for_good_does_so_if_all_are_stopped_meanwhile() {
    let mut build = agents(5, OneForAll);
    let agent = |id| Child::Agent(AgentId(id));
    let below = |id| Child::Supervisor(SupervisorId(id));
    build.supervisors(vec![
        supervisor(0, OneForAll, vec![agent(0), below(1), agent(3)]),
        supervisor(1, OneForAll, vec![agent(1), below(2)]),
        supervisor(2, OneForAll, vec![agent(2), agent(4)]),
    ]);
    build.supervisor(2).restart = Restart::Temporary;
    let mut play = Play::up(build, &[0, 1, 4]);
    play.crashes(1);
    assert_eq!(play.says(), ["crash 1", "s1 restarts 1 (1)"]);
    play.crashes(0);
    assert_eq!(play.says(), ["crash 0", "s0 restarts 0 1 3 (1)", "stopped 3"]);
    play.gives_back(4);
    assert_eq!(play.says(), ["end 4 stopped", "end 2 stopped"]);
    play.goes_on(0);
    play.goes_on(1);
    play.goes_on(3);
    assert_eq!(play.says(), ["up 0", "up 1", "up 3"]);
    assert_eq!(play.state.stage(SupervisorId(2)), Stage::Over);
}
