//! Successors that are tried out before a run goes over to them, and plans that are withdrawn meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use theater_flow::driver::{
    Audition, Choices, Ending, Event, Outcome, Refusal, Refused, Reload, Tried,
};
use theater_flow::sim::{End, Machine, Process, Schedule, SimWorld};
use theater_flow::workers::{Actors, Crew, Troupe};
use theater_flow_host::{Host, HostConfig, Instance};
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::{self, Body, Carry, Entry, Origin, Person};
use theater_flow_kernel::reload::Misfits;
use theater_flow_kernel::work::{Begin, Begun, Sinks};

use super::change::{Change, Told, ask, heard};
use super::check::{records, whole};
use super::piece::{FOUND, Piece, asking_text, calm, find_todos, middle, restarting_text, rough};

/// What a test's successors make of a state is this behind it; such a state is one that they can begin with.
const MARK: &[u8] = b" made its own";

/// A crew whose successors do as a test says.
struct Judge<F> {
    crew: Crew,
    says: F,
}

impl<F: Fn(&Audition) -> Tried> Troupe for Judge<F> {
    type Guest = Instance;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Instance>, Option<Begun>) {
        let saved =
            how.saved.as_ref().map(|saved| Bytes::from(saved.strip_suffix(MARK).unwrap_or(saved)));
        self.crew.begin(id, &Begin { saved, ..how.clone() })
    }

    fn lives(guest: &Instance) -> bool {
        guest.is_alive()
    }

    fn audition(&self, given: &Audition) -> Tried {
        (self.says)(given)
    }
}

fn judged<F: Fn(&Audition) -> Tried>(
    (change, machine): (&Change, &Machine),
    schedule: Schedule,
    says: F,
) -> Process<Judge<F>> {
    let theirs = machine.clone();
    let crew = change.piece.crew(move || Box::new(SimWorld(theirs.clone())));
    let started = Process::start(machine, &change.piece.plan, Judge { crew, says }, schedule);
    started.expect("the log adds up").expect("it is not over")
}

/// Goes on until an answer is there; nothing if the process ends first.
fn told<T: Troupe>(
    process: &mut Process<T>,
    reply: &Receiver<Result<Outcome, Refused>>,
) -> Option<Told> {
    for _ in 0..200_000 {
        if let Some(told) = heard(reply) {
            return Some(told);
        }
        if process.step().is_some() {
            return None;
        }
    }
    panic!("no answer: {:?}", process.state().kept);
}

/// Asks to go over to a plan with whatever state there is, or none.
fn ask_fresh<T: Troupe>(
    process: &mut Process<T>,
    change: &Change,
) -> Receiver<Result<Outcome, Refused>> {
    ask_so(process, change, Misfits::Refuse)
}

fn ask_so<T: Troupe>(
    process: &mut Process<T>,
    change: &Change,
    misfits: Misfits,
) -> Receiver<Result<Outcome, Refused>> {
    let (reply, told) = sync_channel(1);
    let choices = Choices { fresh: true, misfits };
    let (plan, proposal, by) = (change.next.clone(), None, None);
    process.tell(Event::Reload(Box::new(Reload { plan, choices, proposal, by, reply })));
    told
}

/// How agents went on in the reload that a log has.
fn carried(machine: &Machine) -> Vec<Carry> {
    let all = records(machine);
    let moves = all.iter().filter_map(|entry| match &entry.body {
        Body::Reloaded(body) => Some(body.moves.iter().map(|moved| moved.how)),
        _ => None,
    });
    moves.flatten().collect()
}

#[test]
fn only_a_state_that_does_not_fit_is_left_behind() {
    let change = Change::move_all("notes", &find_todos("", "lines"), &["notes"]);
    let (mut dropped, mut kept) = (0, 0);
    for seed in 0..10 {
        for fits in [false, true] {
            let machine = change.piece.machine();
            let says = |given: &Audition| match (fits, given.begin.origin) {
                (true, _) => Tried::Unknown(String::from("no room")),
                (false, Origin::Fresh) => Tried::Fits(None),
                (false, _) => Tried::Unfit(String::from("another form")),
            };
            let mut process = judged((&change, &machine), rough(seed), says);
            assert!((0..20).find_map(|_| process.step()).is_none());
            let reply = ask_fresh(&mut process, &change);
            match told(&mut process, &reply) {
                Some(Told::Done(_)) => {
                    assert!(!fits);
                    // It may be that it had not begun: then it has no state.
                    dropped += usize::from(carried(&machine) == [Carry::Fresh]);
                }
                Some(Told::Refused(Refused::Untried { agent, why })) => {
                    assert_eq!((fits, &agent[..], &why[..]), (true, "notes", "no room"));
                    assert!(!change.is_new(&machine));
                    kept += 1;
                }
                None | Some(Told::Refused(Refused::Ending)) => {}
                other => panic!("{seed}: {other:?}"),
            }
        }
    }
    assert!(dropped > 5 && kept > 5, "{dropped} {kept}");
}

/// The state of each agent that is to be gone on from after these records.
fn last_states(entries: &[Entry], forgets: AgentId) -> BTreeMap<AgentId, Bytes> {
    let mut states = BTreeMap::new();
    for entry in entries {
        match &entry.body {
            Body::Snapshot(body) => {
                states.insert(body.agent, entry.payloads.last().expect("it is there").clone());
            }
            // Who forgets does so when its life ends.
            Body::Stopped(_) | Body::Crashed(_) if entry.body.agent() == Some(forgets) => {
                states.remove(&forgets);
            }
            _ => {}
        }
    }
    states
}

/// A pipeline in which all are restarted again and again, also one that forgets what it knew.
fn forgetting() -> String {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let second = middle(&probe, "", "restore = \"fresh\"")
        .replace("agents.middle", "agents.second")
        .replace("inputs = \"lines\"", "inputs = \"middle\"");
    let text = restarting_text(24).replace("inputs = \"middle\"", "inputs = \"second\"");
    text.replace("\"middle\", ", "\"middle\", \"second\", ") + &second
}

/// Who is restarted between its try and the switch goes on from what it has then.
#[test]
fn a_successor_goes_on_from_the_state_that_there_is_at_the_switch() {
    let change = Change::move_all("restarted", &forgetting(), &["second", "findings"]);
    let undisturbed = change.piece.machine();
    change.piece.finish(&undisturbed, calm(1));
    let forgets = change.piece.plan.named("second").expect("it is there").id;
    let (mut done, mut again) = (0, 0);
    for seed in 0..40 {
        let machine = change.piece.machine();
        let tried: Mutex<Vec<(AgentId, Option<Bytes>)>> = Mutex::default();
        let says = |given: &Audition| {
            let saved = given.begin.saved.clone();
            tried.lock().expect("one thread").push((given.agent, saved.clone()));
            let own = saved.map(|saved| Bytes::from([&saved[..], MARK].concat()));
            Tried::Fits(own)
        };
        let mut process = judged((&change, &machine), rough(seed), says);
        assert!((0..30).find_map(|_| process.step()).is_none());
        let reply = ask_fresh(&mut process, &change);
        let said = told(&mut process, &reply);
        if !matches!(said, Some(Told::Done(_))) {
            continue;
        }
        done += 1;
        let all = records(&machine);
        let at = all.iter().position(|entry| matches!(entry.body, Body::Reloaded(_)));
        let at = at.expect("it is durable");
        let Body::Reloaded(body) = &all[at].body else { unreachable!("it is one") };
        let states = last_states(&all[..at], forgets);
        for (moved, state) in body.carried(&all[at].payloads) {
            let own = states.get(&moved.agent).map(|state| [&state[..], MARK].concat());
            assert_eq!(state.map(|state| state.to_vec()), own, "{seed}: {moved:?}");
        }
        let agents: BTreeSet<AgentId> =
            tried.lock().expect("one").iter().map(|one| one.0).collect();
        again += usize::from(tried.lock().expect("one").len() > agents.len());
        assert!(matches!(process.run(), End::Ended(Ending::Finished(_))), "{seed}");
        assert_eq!(machine.file(FOUND), undisturbed.file(FOUND), "{seed}");
    }
    println!("{done} reloads, in {again} of them somebody was tried out more than once");
    assert!(done > 10 && again > 0, "{done} {again}");
}

/// Who goes has next to no time, and whoever reads it goes on as another instance: that one has its own time from when it
/// is asked to rest.
#[test]
fn who_goes_late_is_refused_or_left_and_holds_up_nobody_else() {
    let hasty = middle("PROBE", "", "shutdown = \"1ms\"");
    let old = find_todos(&hasty, "middle");
    let new = find_todos("", "lines")
        .replace("[agents.notes]\n", "[agents.notes]\nlimits = { fuel = 900_000_000 }\n");
    let change = Change::new("one less", (old, new), super::piece::input(24));
    let (mut left, mut refused) = (0, 0);
    for seed in 0..80_u32 {
        let misfits = [Misfits::Refuse, Misfits::SetAside][seed as usize % 2];
        let machine = change.piece.machine();
        let mut process = change.piece.process(&machine, rough(seed.into())).expect("not over");
        assert!((0..12 + seed as usize % 20).find_map(|_| process.step()).is_none());
        let reply = ask_so(&mut process, &change, misfits);
        let letters = |machine: &Machine| {
            let all = records(machine);
            all.iter().filter(|entry| matches!(entry.body, Body::DeadLettered(_))).count() as u64
        };
        match told(&mut process, &reply) {
            Some(Told::Done(Outcome::Reloaded { set_aside, .. })) => {
                process.run();
                assert_eq!(letters(&machine), set_aside, "{seed}");
                assert!(set_aside == 0 || misfits == Misfits::SetAside, "{seed}");
                left += u64::from(set_aside > 0);
            }
            Some(Told::Refused(Refused::Unread { agent, messages })) => {
                assert_eq!((misfits, &agent[..]), (Misfits::Refuse, "middle"), "{seed}");
                assert!(messages > 0, "{seed}");
                change.piece.finish(&machine, calm(3));
                assert_eq!(letters(&machine), 0, "{seed}");
                refused += 1;
            }
            Some(Told::Refused(Refused::Late { agent, .. })) => assert_eq!(agent, "middle"),
            None | Some(Told::Refused(Refused::Ending)) => {}
            other => panic!("{seed}: {other:?}"),
        }
    }
    println!("left {left}, refused {refused}");
    assert!(left > 3 && refused > 3, "{left} {refused}");
}

/// A plan that is refused while the run goes over to it is not gone over to, and nobody waits for who does not rest.
#[test]
fn a_plan_that_is_refused_on_the_way_is_withdrawn_at_once() {
    let text = asking_text("retry").replace("[agents.ask]\n", "[agents.ask]\nshutdown = \"1h\"\n");
    let wider = ("[agents.ask]\n", "[agents.ask]\nlimits = { memory = \"128MiB\" }\n");
    let change = Change::edit("wider", &text, &[wider]);
    let (mut withdrawn, mut done) = (0, 0);
    for seed in 0..60_u32 {
        let machine = change.piece.machine();
        let mut process = change.piece.process(&machine, rough(seed.into())).expect("not over");
        assert!((0..10).find_map(|_| process.step()).is_none());
        let reply = ask(&mut process, &change.next, None);
        let Some(Told::Done(Outcome::Proposed { proposal, .. })) = told(&mut process, &reply)
        else {
            panic!("it waits");
        };
        let reply = ask(&mut process, &change.next, Some(proposal));
        let steps = 1 + seed as usize % 5;
        if (0..steps).find_map(|_| process.step()).is_some() || heard(&reply).is_some() {
            done += 1;
            continue;
        }
        let now = machine.now();
        let refused = record::Refused::proposal(proposal, Person { uid: 7, name: None });
        let (tell, recorded) = sync_channel(1);
        process.tell(Event::Refuse(Refusal { refused, reply: tell }));
        match told(&mut process, &reply) {
            Some(Told::Refused(Refused::NoProposal)) => {
                assert!(machine.now() - now < 5_000, "{seed}: nobody is waited for");
                assert_eq!(recorded.try_recv(), Ok(true), "{seed}");
                withdrawn += 1;
            }
            Some(Told::Done(_)) => done += 1,
            other => panic!("{seed}: {other:?}"),
        }
        let new = change.is_new(&machine);
        assert!(!new || recorded.try_recv() != Ok(true), "{seed}");
        process.run();
        change.piece.finish(&machine, calm(3));
        whole(&change.piece, &machine);
    }
    println!("withdrawn {withdrawn}, done {done}");
    assert!(withdrawn > 10, "{withdrawn} {done}");
}

#[test]
fn what_cannot_be_made_or_is_given_up_says_nothing_of_a_state() {
    let config = HostConfig { cache: None, instances: 1 };
    let host = Arc::new(Host::new(config).expect("an engine"));
    let piece = Piece::on(&host, find_todos("", "lines"), Vec::new());
    let (plan, actors) = (&piece.plan, piece.actors.clone());
    let machine = piece.machine();
    let worlds = Box::new(move |_| Ok(Box::new(SimWorld(machine.clone())) as _));
    let crew = Crew::new(Arc::clone(&host), actors, worlds);
    let agent = plan.named("notes").expect("it is there").id;
    let begin = Begin {
        plan: Arc::clone(plan),
        origin: Origin::Fresh,
        saved: None,
        redo: Vec::new(),
        sinks: Sinks::default(),
    };
    let given = Audition { agent, nth: 1, begin, from: None, given_up: Arc::default() };
    assert_eq!(crew.audition(&given), Tried::Fits(None));
    assert_eq!(host.room(), 1);
    let mut alive: Vec<Instance> =
        std::iter::from_fn(|| crew.begin(agent, &given.begin).0).collect();
    assert_eq!(host.room(), 0);
    let no_room = |tried: Tried| matches!(tried, Tried::Unknown(why) if why.contains("no room"));
    assert!(no_room(crew.audition(&given)));
    alive.pop();
    assert_eq!(crew.audition(&given), Tried::Fits(None));
    given.given_up.store(true, Ordering::Relaxed);
    assert!(matches!(crew.audition(&given), Tried::Unknown(_)));
}

#[test]
fn components_that_no_plan_in_force_needs_are_forgotten() {
    let (one, other) = (Piece::plain(4), Piece::cycling(4));
    let actors = Actors::from(one.actors.clone());
    actors.add(other.actors.clone());
    actors.keep_only(&one.plan);
    let needed = one.plan.present().map(|agent| agent.component);
    assert!(needed.into_iter().all(|component| actors.get(component).is_some()));
    let sort = other.plan.named("ordered").expect("it is there").component;
    assert!(actors.get(sort).is_none());
}
