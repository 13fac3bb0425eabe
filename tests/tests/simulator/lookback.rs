//! Looking back at a run that has had several plans: replay, state, forks, pruning, checkpoints.

use theater_flow::fork::Point;
use theater_flow::journal::Journal;
use theater_flow::memory::{Disk, MemoryStore};
use theater_flow::prune::{Planned, PruneError, Wish};
use theater_flow::rebuild;
use theater_flow::recover;
use theater_flow::replay::{NoWorld, Recital, Replay, Span};
use theater_flow::revisions;
use theater_flow::sim::{End, Machine};
use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Body;

use super::change::{Told, ask, heard};
use super::check::{journal, records, whole};
use super::piece::{Piece, calm, find_todos, input, middle, rough};

/// A run that goes over to each of these plans, and what it leaves.
struct Run {
    piece: Piece,
    plans: Vec<Plan>,
    machine: Machine,
}

impl Run {
    /// Four plans: one with a stage, one in which it is another by name, one with other limits, and the first again.
    fn new(seed: u64) -> Self {
        let first = find_todos(&middle("PROBE", "", ""), "middle");
        let second = first.replace("middle", "centre");
        let third =
            second.replace("[agents.notes]\n", "[agents.notes]\nlimits = { fuel = 900_000_000 }\n");
        let mut piece = Piece::new(first.clone(), input(60));
        let mut plans = vec![];
        for text in [second, third, first] {
            let other = Piece::new(text, vec![]);
            piece.actors.extend(other.actors);
            plans.push(Plan::clone(&other.plan));
        }
        let machine = piece.machine();
        let mut process = piece.process(&machine, rough(seed)).expect("it is not over");
        let end = plans.iter().find_map(|plan| {
            if let Some(end) = (0..8).find_map(|_| process.step()) {
                return Some(end);
            }
            let mut reply = ask(&mut process, plan, None);
            loop {
                match heard(&reply) {
                    Some(Told::Done(theater_flow::driver::Outcome::Proposed {
                        proposal, ..
                    })) => {
                        reply = ask(&mut process, plan, Some(proposal));
                    }
                    Some(_) => return None,
                    None => {}
                }
                if let Some(end) = process.step() {
                    return Some(end);
                }
            }
        });
        assert!(matches!(end.unwrap_or_else(|| process.run()), End::Ended(_)));
        Self { piece, plans, machine }
    }

    fn journal(&self) -> Journal<MemoryStore> {
        journal(&self.machine)
    }

    /// The records of reloads.
    fn reloads(&self) -> Vec<u64> {
        let all = records(&self.machine);
        let is = |body: &Body| matches!(body, Body::Reloaded(_));
        all.iter().filter(|entry| is(&entry.body)).map(|entry| entry.seq).collect()
    }
}

#[test]
fn a_replay_over_four_plans_finds_no_difference_from_any_record_on() {
    let told = Run::new(1);
    whole(&told.piece, &told.machine);
    let journal = told.journal();
    assert_eq!(told.reloads().len(), told.plans.len(), "each of them");
    assert_eq!(revisions::plans(&journal).expect("plans").len(), 4);
    let crew = told.piece.crew(|| Box::new(NoWorld));
    let near = told.reloads().into_iter().flat_map(|seq| seq.saturating_sub(2)..seq + 3);
    for from in near.chain((0..records(&told.machine).len() as u64).step_by(9)) {
        let span = Span { from, ..Span::default() };
        let again = Replay { crew: &crew, before: None, recital: &Recital::default(), span };
        let again = again.run(&journal).expect("a log");
        assert_eq!(again.differences, vec![], "from {from}");
    }
}

#[test]
fn the_state_of_everybody_is_told_around_each_reload() {
    let told = Run::new(2);
    let journal = told.journal();
    let plan = recover::plan(&journal).expect("a plan");
    let crew = told.piece.crew(|| Box::new(NoWorld));
    let mut known = 0;
    for seq in told.reloads() {
        for at in seq - 2..seq + 3 {
            for agent in &plan.agents {
                let ground = match rebuild::ground(&journal, &plan, (agent.id, at)) {
                    Ok(ground) => ground,
                    Err(rebuild::NoState::NotBegun { .. }) => continue,
                    Err(other) => panic!("{} at {at}: {other}", agent.name),
                };
                let state = rebuild::state(&crew, &ground.plan, agent.id, &ground.begin);
                state.unwrap_or_else(|why| panic!("{} at {at}: {why}", agent.name));
                known += 1;
            }
        }
    }
    assert!(known > 50, "{known}");
}

/// A fork before, at and after each reload goes on with the plan of its point, or with that of another file.
#[test]
fn a_fork_around_each_reload_goes_on_with_the_plan_of_its_point() {
    let told = Run::new(3);
    let journal = told.journal();
    let crew = told.piece.crew(|| Box::new(NoWorld));
    for (nth, seq) in (1..).zip(told.reloads()) {
        for at in [seq - 1, seq, seq + 1] {
            let point = Point::find(&journal, at).expect("a point");
            let plan = recover::plan_at(&journal, at + 1).expect("a plan");
            assert_eq!((&point.plan, point.state.kept.reloaded), (&plan, None), "{at}");
            assert_eq!(point.state.kept.proposed, None);
            let revision: u32 = nth + u32::from(at >= seq);
            assert_eq!(point.state.kept.revision, revision);
            for next in &told.plans {
                let mut snapshots = |id, begin: &theater_flow_kernel::work::Begin| {
                    Ok(rebuild::state(&crew, &point.plan, id, begin)?)
                };
                let fork = match point.with(next.clone(), &mut snapshots) {
                    Ok(fork) => fork,
                    Err(theater_flow::fork::ForkError::Unfit(_)) => continue,
                    Err(other) => panic!("{at}: {other}"),
                };
                // Who is there under its name goes on; who only had it once does not.
                for agent in &fork.plan.agents {
                    let before = point.plan.named(&agent.name);
                    let before = before.map(|before| point.state.agent(before.id).incarnations);
                    let after = fork.state.agent(agent.id).incarnations;
                    assert_eq!(after, before.unwrap_or(0), "{} at {at}", agent.name);
                }
                assert_eq!(fork.state.kept.revision, revision + 1);
            }
        }
    }
}

/// What is pruned takes no plan with it: all is named, resumed and replayed as before from behind the hole.
#[test]
fn pruning_leaves_the_plans() {
    let told = Run::new(4);
    let before = told.journal();
    let plans = revisions::plans(&before).expect("plans");
    for seq in told.reloads() {
        let named = Planned::new(&before, &Wish::Of(vec![Ref::record(seq)]));
        assert!(matches!(named, Err(PruneError::Plan { of }) if of.seq == seq), "{named:?}");
    }
    let planned = Planned::new(&before, &Wish::All).expect("it is over");
    assert!(!planned.is_empty());
    let after = planned.carry_out(&before, Disk::default().open(), 0).expect("it is written");
    after.verify(Some(after.flushed())).expect("it is whole");
    assert_eq!(revisions::plans(&after).expect("plans"), plans);
    assert_eq!(recover::plans(&after).expect("plans"), plans);
    let end = after.flushed().seq;
    assert_eq!(*recover::state(&after, end).expect("a state").plan, **plans.last().expect("one"));
}

/// A run that is killed again and again on its way through plans, with checkpoints, is taken up with the right one.
#[test]
fn checkpoints_are_taken_up_with_the_plan_of_their_time() {
    let mut piece = Piece::producing(2_000);
    let limits = |text: &str, fuel: u64| {
        text.replace(
            "[agents.findings]\n",
            &format!("[agents.findings]\nlimits = {{ fuel = {fuel} }}\n"),
        )
    };
    let text = super::piece::producing_text(2_000);
    let plans: Vec<Plan> = [900_000_000, 800_000_000, 700_000_000]
        .map(|fuel| {
            let other = Piece::new(limits(&text, fuel), vec![]);
            piece.actors.extend(other.actors);
            Plan::clone(&other.plan)
        })
        .into();
    let machine = piece.machine();
    let mut taken_up = 0;
    for (nth, plan) in (2_u32..).zip(&plans) {
        let mut process = piece.process(&machine, calm(nth.into())).expect("it is not over");
        assert!((0..30).find_map(|_| process.step()).is_none());
        let reply = ask(&mut process, plan, None);
        while heard(&reply).is_none() {
            assert!(process.step().is_none(), "it is not over");
        }
        assert!((0..20).find_map(|_| process.step()).is_none());
        // It dies here.
        drop(process);
        let log = journal(&machine);
        let state = recover::state(&log, log.flushed().seq).expect("a state");
        assert_eq!(state.kept.revision, nth);
        taken_up += usize::from(log.checkpoint(u64::MAX).expect("a log").is_some());
    }
    piece.finish(&machine, calm(9));
    let lines = whole(&piece, &machine).found.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(lines, 2_000);
    let log = journal(&machine);
    assert!(taken_up > 0 && !log.checkpoints().is_empty());
    assert_eq!(recover::plans(&log).expect("plans").len(), 4);
}
