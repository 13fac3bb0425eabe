//! Crashes at every write point of a reload: the run has the plan that it had or the other one, whole, and what comes
//! out of it is what would have come without.

use std::collections::BTreeSet;

use theater_flow::driver::{DRAIN_MS, Ending, Event, Refused};
use theater_flow::sim::{End, Fate, How, Machine, Point, Schedule, What};
use theater_flow_kernel::record::Body;

use super::change::{Change, Told, ask, heard};
use super::check::{records, whole};
use super::piece::{asking_text, calm, find_todos, middle, restarting_text, rough, waiting_text};

/// Changes after which the same comes out as before.
fn changes() -> Vec<Change> {
    let plain = find_todos("", "lines");
    let with = find_todos(&middle("PROBE", "", ""), "middle");
    let all = ["lines", "middle", "notes", "findings", "print"];
    let below = "children = [\"lines\", \"middle\", \"below\", \"print\"]\n\
        [supervisors.below]\nstrategy = \"one-for-all\"\nchildren = [\"findings\", \"notes\"]";
    let children = "children = [\"lines\", \"middle\", \"notes\", \"findings\", \"print\"]";
    let channels = "\n[channels.\"lines.out\"]\ncapacity = 3\n[channels.\"notes.out\"]\n\
        capacity = 2\n[agents.middle]\n";
    let extra = "[agents.extra]\nactor = \"std/file-write\"\ninputs = \"middle\"\n\
        config = { path = \"out/extra.jsonl\" }\ngrants = { files = { write = [\"out\"] } }\n\
        [agents.middle]\n";
    vec![
        Change::move_all("limits of all", &with, &all),
        Change::move_all("limits of one that writes", &with, &["findings"]),
        Change::edit("a config", &with, &[("echo = true", "echo = true, pad = 1")]),
        Change::new("one more", (plain.clone(), with.clone()), super::piece::input(24)),
        Change::new("one less", (with.clone(), plain), super::piece::input(24)),
        Change::edit("another name", &with, &[("middle", "centre")]),
        Change::edit("another tree", &with, &[(children, below)]),
        Change::edit("channels", &with, &[("\n[agents.middle]\n", channels)]),
        Change::edit(
            "a sink more",
            &with,
            &[("\"print\"]", "\"print\", \"extra\"]"), ("\n[agents.middle]\n", extra)],
        ),
    ]
}

/// Changes of agents that ask, that wait, and that are restarted all the time.
fn busy() -> Vec<Change> {
    let (asking, waiting, restarting) = (asking_text("retry"), waiting_text(), restarting_text(24));
    vec![
        Change::move_all("who asks", &asking, &["ask"]),
        Change::move_all("all round who asks", &asking, &["lines", "findings", "refused"]),
        Change::edit(
            "another name of who asks",
            &asking,
            &[("\"ask", "\"other"), ("agents.ask", "agents.other")],
        ),
        Change::move_all("who waits", &waiting, &["middle"]),
        Change::move_all("all round who waits", &waiting, &["lines", "notes", "print"]),
        Change::move_all("who is restarted", &restarting, &["lines", "middle", "findings"]),
        Change::edit("who restarts", &restarting, &[("one-for-all", "rest-for-one")]),
    ]
}

/// The ways to die at a point.
fn ways(point: &Point) -> Vec<How> {
    let torn = match point.what {
        What::Commit => (1..point.size).collect(),
        _ => vec![point.size / 2],
    };
    let torn = torn.into_iter().filter(|kept| *kept > 0).map(How::Torn);
    [How::Before, How::After].into_iter().chain(torn).collect()
}

/// Dies at every point from the question to the answer, and at two beyond. How many deaths left each plan.
fn dies(change: &Change, begin: (Schedule, usize)) -> [usize; 2] {
    let name = change.name;
    let undisturbed = change.piece.machine();
    change.piece.finish(&undisturbed, calm(1));
    let expected = whole(&change.piece, &undisturbed);
    let machine = change.piece.machine();
    let life = change.live(&machine, begin);
    assert!(matches!(life.told, Told::Done(_)), "{name}: {:?}", life.told);
    assert!(change.is_new(&machine), "{name}");
    assert_eq!(whole(&change.piece, &machine), expected, "{name}");
    let points = machine.points();
    let mut left = [0; 2];
    let upto = points.len().min(life.points.1 + 2);
    // What is handled first may take long.
    let some = if theater_flow_tests::is_full() { 1 } else { 1 + (upto - life.points.0) / 12 };
    // At the last ones the new plan is durable.
    let last = upto.saturating_sub(2).max(life.points.0)..upto;
    let tried: BTreeSet<usize> = (life.points.0..upto).step_by(some).chain(last).collect();
    for point in tried {
        for (nth, how) in ways(&points[point]).into_iter().enumerate() {
            let fate = Fate { point, how, power: nth % 2 == 0 };
            let (machine, life) = change.doomed(begin, fate);
            assert!(matches!(life.end, End::Died), "{name}, {fate:?}: {:?}", life.end);
            let new = change.is_new(&machine);
            assert!(new || life.told == Told::Nothing, "{name}, {fate:?}: told too early");
            left[usize::from(new)] += 1;
            // Whoever asked may ask again, and is told that it is so already.
            if nth % 2 == 0 && change.piece.process(&machine, calm(2)).is_some() {
                let again = change.live(&machine, (calm(2), 5));
                assert!(!matches!(again.told, Told::Refused(_)), "{name}, {fate:?}");
            }
            change.piece.finish(&machine, calm(3));
            assert_eq!(whole(&change.piece, &machine), expected, "{name}, {fate:?}");
        }
    }
    left
}

/// Dies everywhere in reloads that are asked for at several moments.
fn dies_in_all(changes: Vec<Change>) {
    let only = std::env::var("ONLY").ok();
    let wanted = |change: &Change| only.as_ref().is_none_or(|only| only == change.name);
    for change in changes.into_iter().filter(wanted) {
        let mut left = [0; 2];
        let moments = [(calm(1), 3), (rough(1), 14), (calm(1), 30), (rough(1), 45)];
        let some = if theater_flow_tests::is_full() { 1 } else { 3 };
        for begin in moments.into_iter().step_by(some) {
            let [old, new] = dies(&change, begin);
            left = [left[0] + old, left[1] + new];
        }
        let [old, new] = left;
        println!("crash points {} of {}: old plan {old}, new plan {new}", old + new, change.name);
        assert!(old > 0 && new > 0, "{}", change.name);
    }
}

#[test]
fn a_crash_at_every_write_point_of_a_reload_leaves_one_plan_or_the_other() {
    dies_in_all(changes());
}

#[test]
fn so_it_is_with_agents_that_ask_wait_and_crash() {
    dies_in_all(busy());
}

/// Something comes in the middle of a reload, at every step of it. What was told to whoever asked for the reload.
fn meanwhile(
    change: &Change,
    event: impl Fn() -> Event,
    told: impl Fn(&Told) -> bool,
) -> [usize; 2] {
    let undisturbed = change.piece.machine();
    change.piece.finish(&undisturbed, calm(1));
    let expected = whole(&change.piece, &undisturbed);
    let (mut done, mut other) = (0, 0);
    let (moments, nth) =
        if theater_flow_tests::is_full() { (&[5, 20, 33][..], 1) } else { (&[5, 25][..], 9) };
    let steps = |at: &usize| (0..40).step_by(nth).map(|step| (*at, step)).collect::<Vec<_>>();
    for (at, step) in moments.iter().flat_map(steps) {
        let machine = change.piece.machine();
        let schedule = Schedule { seed: step as u64, rough: step % 2 == 0 };
        let mut once = Some(());
        let life = change.live_with(&machine, (schedule, at), |now| {
            (now == step).then(|| once.take()).flatten().map(|()| event())
        });
        let name = format!("{}, asked for at {at}, disturbed {step} steps later", change.name);
        let new = change.is_new(&machine);
        assert_eq!(new, matches!(life.told, Told::Done(_)), "{name}: {:?}", life.told);
        assert!(new || told(&life.told), "{name}: {:?}", life.told);
        done += usize::from(new);
        other += usize::from(!new);
        ends_by_letting_go(&machine, &name);
        change.piece.finish(&machine, calm(3));
        assert_eq!(whole(&change.piece, &machine), expected, "{name}");
    }
    [done, other]
}

/// That a run was let go is the last thing that a process records.
fn ends_by_letting_go(machine: &Machine, name: &str) {
    let records = records(machine);
    let let_go = records.iter().position(|entry| matches!(entry.body, Body::Suspended(_)));
    if let Some(at) = let_go {
        let kinds: Vec<_> = records[at..].iter().map(|entry| entry.body.kind()).collect();
        assert_eq!(kinds, ["suspended"], "{name}");
    }
}

#[test]
fn a_stop_in_the_middle_of_a_reload_is_one() {
    let drain = || Event::Stop { by: String::from("test"), within_ms: DRAIN_MS };
    let mut sum = [0; 2];
    for change in changes().into_iter().chain(busy()) {
        let ending = |told: &Told| matches!(told, Told::Refused(Refused::Ending) | Told::Nothing);
        let [done, not] = meanwhile(&change, drain, ending);
        let [done_too, not_too] = meanwhile(&change, || Event::StopNow, ending);
        sum = [sum[0] + done + done_too, sum[1] + not + not_too];
    }
    let [done, not] = sum;
    println!("stopped in the middle: {done} reloads before it, {not} not");
    assert!(done > 20 && not > 20);
}

#[test]
fn a_full_disk_in_the_middle_of_a_reload_changes_nothing() {
    for change in changes() {
        let machine = change.piece.machine();
        let begin = (rough(3), 14);
        let life = change.live(&machine, begin);
        let expected = whole(&change.piece, &machine);
        for point in life.points.0..life.points.1 {
            let fate = Fate { point, how: How::Full, power: false };
            let (machine, life) = change.doomed(begin, fate);
            let new = change.is_new(&machine);
            let told = matches!(life.told, Told::Done(_));
            assert!(new || !told, "{}, {fate:?}: {:?}", change.name, life.told);
            change.piece.finish(&machine, calm(4));
            assert_eq!(whole(&change.piece, &machine), expected, "{}, {fate:?}", change.name);
        }
    }
}

/// With a time for each agent to come to rest in.
fn in_time(name: &'static str, text: &str, times: &[(&str, &str)], moved: &[&str]) -> Change {
    let mut text = String::from(text);
    for (agent, time) in times {
        let head = format!("[agents.{agent}]\n");
        text = text.replace(&head, &format!("{head}shutdown = \"{time}\"\n"));
    }
    Change::move_all(name, &text, moved)
}

/// Who has time holds up nobody but those who are to rest, and nobody is awake for nothing meanwhile.
#[test]
fn whose_time_is_up_is_named_and_nobody_spins() {
    let asking = asking_text("retry");
    let ask = [("ask", "infinity"), ("lines", "brutal-kill"), ("findings", "1ms")];
    let patient = in_time("patient", &asking, &ask, &["ask", "lines", "findings"]);
    let hasty = in_time("hasty", &asking, &[("ask", "1ms")], &["ask"]);
    for (change, patient) in [(patient, true), (hasty, false)] {
        let (mut done, mut late) = (0, 0);
        for seed in 0..60_u32 {
            let machine = change.piece.machine();
            let begin = (rough(seed.into()), 4 + seed as usize % 40);
            let life = change.live(&machine, begin);
            match &life.told {
                Told::Done(_) => done += 1,
                Told::Refused(Refused::Late { agent, .. }) => {
                    assert!(agent == "ask" || patient, "{agent}");
                    late += 1;
                }
                Told::Refused(Refused::Ending) => {}
                other => panic!("{seed}: {other:?}"),
            }
            assert_eq!(change.is_new(&machine), matches!(life.told, Told::Done(_)));
            change.piece.finish(&machine, calm(3));
            whole(&change.piece, &machine);
        }
        println!("{}: {done} done, {late} late", change.name);
        assert!(done > 0 && late > 0);
    }
}

/// Two reloads, the second right after the first is refused: what is still under way of the first one says nothing
/// about the second.
#[test]
fn a_successor_of_a_refused_reload_is_not_taken_for_another() {
    let second = middle("PROBE", "", "")
        .replace("agents.middle", "agents.second")
        .replace("inputs = \"lines\"", "inputs = \"middle\"");
    let text = find_todos(&(middle("PROBE", "", "") + &second), "second")
        .replace("\"middle\", \"notes\"", "\"middle\", \"second\", \"notes\"");
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let text = text.replace("PROBE", &probe);
    let config = |agent: &str, more: &str| {
        let (head, tail) = text.split_once(&format!("[agents.{agent}]")).expect("it is there");
        let tail = tail.replacen("echo = true", &format!("echo = true, {more}"), 1);
        format!("{head}[agents.{agent}]{tail}")
    };
    let bad = "init-fault = \"no\"";
    let first = config("second", bad).replacen("echo = true", "echo = true, pad = 1", 1);
    let first = Change::new("one bad", (text.clone(), first), super::piece::input(24));
    let then = Change::new("the other", (text.clone(), config("middle", bad)), Vec::new());
    let mut both = 0;
    for seed in 0..60 {
        let machine = first.piece.machine();
        let mut process = first.piece.process(&machine, rough(seed)).expect("it is not over");
        assert!((0..20).find_map(|_| process.step()).is_none());
        let reply = ask(&mut process, &first.next, None);
        let told = loop {
            if let Some(told) = heard(&reply) {
                break told;
            }
            assert!(process.step().is_none());
        };
        let is = |told: &Told, who: &str| matches!(told, Told::Refused(Refused::State { agent, .. }) if agent == who);
        assert!(is(&told, "second"), "{seed}: {told:?}");
        let reply = ask(&mut process, &then.next, None);
        let end = process.run();
        let told = heard(&reply).expect("the process has ended");
        assert!(matches!(end, End::Ended(_)), "{end:?}");
        assert!(is(&told, "middle") || told == Told::Refused(Refused::Ending), "{seed}: {told:?}");
        both += usize::from(is(&told, "middle"));
        assert!(!first.is_new(&machine));
        whole(&first.piece, &machine);
    }
    assert!(both > 20, "{both}");
}

/// A run that has nothing to do but to wait for somebody goes over first; who is waited for is not waited for twice.
#[test]
fn a_run_that_waits_for_a_decision_goes_over_first() {
    let asking = asking_text("ask");
    let others = Change::move_all("others", &asking, &["lines", "findings", "refused"]);
    let itself = in_time("itself", &asking, &[("ask", "infinity")], &["ask"]);
    for (change, goes) in [(others, true), (itself, false)] {
        let points = change.piece.machine();
        change.piece.finish(&points, calm(1));
        let is = |point: &Point| matches!(point.what, What::Ask(_));
        let point = points.points().iter().position(is).expect("it asks");
        for at in 0..30_u32 {
            let fate = Fate { point, how: How::After, power: false };
            let (machine, _) = change.piece.doomed(calm(1), fate);
            let life = change.live(&machine, (calm(at.into()), at as usize));
            let waits = matches!(life.end, End::Ended(Ending::Waiting));
            assert!(waits, "{at}: {:?}", life.end);
            let held = matches!(life.told, Told::Refused(Refused::Undecided { .. }));
            let done = matches!(life.told, Told::Done(_));
            let early = life.points.0 == life.points.1;
            assert!(early || if goes { done } else { held }, "{at}: {:?}", life.told);
            assert_eq!(change.is_new(&machine), done);
        }
    }
}
