//! OTP's cases of a supervisor whose specification changes while it runs (`significant_upgrade_*` and `code_change*` of
//! its suite). What differs here: who is new is started, and who is gone is stopped, with the change itself.

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::{
    AutoShutdown::{self, AllSignificant, AnySignificant, Never},
    Child, Plan, Restart, Strategy,
};
use theater_flow_kernel::state::Life;

use super::stops::{below, nested};
use crate::common::plans::Build;
use crate::common::play::Play;

/// `s0 [a0, s1 [a1, a2], a3]`: `s1` shuts itself down as said, and these of its agents count for that.
fn run(auto: AutoShutdown, significant: &[u32], working: &[u32]) -> Play {
    let mut build: Build = nested([Strategy::OneForOne, Strategy::OneForOne]);
    below(&mut build).auto_shutdown = auto;
    below(&mut build).restart = Restart::Transient;
    for id in [1, 2] {
        build.agent(id).restart = Restart::Transient;
        build.agent(id).significant = significant.contains(&id);
    }
    Play::up(build, working)
}

/// The same of its next plan.
fn becomes(play: &mut Play, auto: AutoShutdown, significant: &[u32]) {
    play.reload(|plan| {
        plan.supervisors[1].auto_shutdown = auto;
        for id in [1, 2] {
            plan.agents[id as usize].significant = significant.contains(&id);
        }
    });
    play.says();
}

const SHUTS_DOWN: [&str; 4] = ["end 1 done", "s1 shuts down", "stopped 2", "end 2 stopped"];

#[test]
fn significant_upgrade_never_any() {
    let mut play = run(Never, &[], &[1]);
    becomes(&mut play, AnySignificant, &[1]);
    play.done(1);
    assert_eq!(play.says(), SHUTS_DOWN);
}

#[test]
fn significant_upgrade_any_never() {
    let mut play = run(AnySignificant, &[1], &[1, 2]);
    becomes(&mut play, Never, &[]);
    play.done(1);
    assert_eq!(play.says(), ["end 1 done"]);
    assert_eq!(play.life(2), Life::Up);
}

#[test]
fn significant_upgrade_never_all() {
    let mut play = run(Never, &[], &[1, 2]);
    becomes(&mut play, AllSignificant, &[1, 2]);
    play.done(1);
    assert_eq!(play.says(), ["end 1 done"]);
    play.done(2);
    assert_eq!(play.says(), ["end 2 done", "s1 shuts down"]);
}

#[test]
fn significant_upgrade_all_never() {
    let mut play = run(AllSignificant, &[1, 2], &[1, 2]);
    play.done(1);
    becomes(&mut play, Never, &[]);
    play.done(2);
    assert_eq!(play.says(), ["end 2 done"], "it goes on without children");
    assert_eq!(play.life(3), Life::Up);
}

/// One of them has ended already: the others are all that there are.
#[test]
fn significant_upgrade_any_all() {
    let mut play = run(AnySignificant, &[1, 2], &[1, 2]);
    becomes(&mut play, AllSignificant, &[1, 2]);
    play.done(1);
    assert_eq!(play.says(), ["end 1 done"]);
    play.done(2);
    assert_eq!(play.says(), ["end 2 done", "s1 shuts down"]);
}

#[test]
fn significant_upgrade_all_any() {
    let mut play = run(AllSignificant, &[1, 2], &[1]);
    becomes(&mut play, AnySignificant, &[1, 2]);
    play.done(1);
    assert_eq!(play.says(), SHUTS_DOWN);
}

/// A child that runs counts as its specification says now.
#[test]
fn significant_upgrade_child() {
    let mut play = run(AnySignificant, &[2], &[1, 2]);
    becomes(&mut play, AnySignificant, &[1]);
    play.done(2);
    assert_eq!(play.says(), ["end 2 done"]);
    play.done(1);
    assert_eq!(play.says(), ["end 1 done", "s1 shuts down"]);
}

/// Adds an agent like the last one to `s1`.
fn add(plan: &mut Plan) {
    let mut more = plan.agents[3].clone();
    more.id = AgentId(4);
    more.name = String::from("a4");
    plan.agents.push(more);
    plan.supervisors[1].children.push(Child::Agent(AgentId(4)));
}

/// OTP adds children without starting them, and takes others off its list without stopping them: somebody says so
/// later. Here nobody could, so the change does both. Who stays, and what was counted, stays as it is.
#[test]
fn code_change() {
    let mut play = run(Never, &[], &[1]);
    play.crashes(1);
    play.goes_on(1);
    play.says();
    play.reload(add);
    assert!(play.has(4), "it is started");
    play.goes_on(4);
    let before = play.state.agent(AgentId(1)).incarnations;
    play.reload(|plan| {
        plan.supervisors[1].children.retain(|child| *child != Child::Agent(AgentId(2)));
        plan.agents.remove(2);
        for (at, agent) in (0..).zip(&mut plan.agents) {
            let old = agent.id;
            agent.id = AgentId(at);
            for supervisor in &mut plan.supervisors {
                let place = supervisor.children.iter_mut().find(|one| **one == Child::Agent(old));
                if let Some(place) = place {
                    *place = Child::Agent(AgentId(at));
                }
            }
        }
    });
    assert!(play.life(2).is_over(), "it is stopped");
    assert_eq!(play.life(1), Life::Up);
    assert_eq!(play.state.agent(AgentId(1)).incarnations, before);
    assert_eq!(play.state.kept.supervisors[1].recent.len(), 1, "the restart still counts");
}

/// The flags of the supervisor: they hold for what happens from now on.
#[test]
fn code_change_map() {
    let mut play = run(Never, &[], &[1]);
    play.reload(|plan| {
        plan.supervisors[1].strategy = Strategy::OneForAll;
        plan.supervisors[1].intensity = 1;
    });
    play.says();
    play.crashes(1);
    assert_eq!(play.says(), ["crash 1", "s1 restarts 1 2 (1)", "stopped 2"]);
}
