//! Reloads that take a place to write away: what was written there before stands there, whole, and nothing after.

use theater_flow::driver::Refused;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, Part, SinkId, Status};

use super::change::{Change, Told};
use super::check::{records, whole};
use super::piece::{FOUND, calm, find_todos, rough};

/// Where what is found later goes.
const LATER: &str = "/sim/later/found.jsonl";

/// The pipeline of the workflow, whose findings may go to two folders.
fn text(mode: &str) -> String {
    let config = format!("config = {{ path = \"out/found.jsonl\", mode = \"{mode}\" }}");
    find_todos("", "lines")
        .replace("config = { path = \"out/found.jsonl\" }", &config)
        .replace("write = [\"out\"]", "write = [\"out\", \"later\"]")
}

/// What stands in the files before and after, and whether that is all there is to find.
fn both(change: &Change, machine: &theater_flow::sim::Machine, expected: &[u8]) -> (usize, usize) {
    let lines = |path: &str| machine.file(path).unwrap_or_default();
    let (before, after) = (lines(FOUND), lines(LATER));
    assert_eq!([&before[..], &after].concat(), expected, "{}", change.name);
    let count = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
    (count(&before), count(&after))
}

#[test]
fn who_may_write_elsewhere_only_has_written_what_it_had() {
    for mode in ["append", "replace"] {
        let edits = [
            ("path = \"out/found.jsonl\"", "path = \"later/found.jsonl\""),
            ("write = [\"out\", \"later\"]", "write = [\"later\"]"),
        ];
        let change = Change::edit("elsewhere", &text(mode), &edits);
        let machine = change.piece.machine();
        change.piece.finish(&machine, calm(1));
        let expected = whole(&change.piece, &machine).found;
        let mut split = 0;
        for seed in 0..60_u32 {
            let machine = change.piece.machine();
            machine.put(FOUND, b"");
            change.live(&machine, (rough(seed.into()), seed as usize));
            change.piece.finish(&machine, calm(2));
            assert_eq!(whole(&change.piece, &machine).status, Status::Completed, "{seed}");
            let (before, after) = both(&change, &machine, &expected);
            split += usize::from(before > 0 && after > 0);
            let crashed = |body: &Body| matches!(body, Body::Crashed(_));
            assert!(!records(&machine).iter().any(|entry| crashed(&entry.body)), "{seed}");
        }
        println!("{mode}: {split} of 60 in two files");
        assert!(split > 5, "{split}");
    }
}

/// A file that was open is not written to by one that is not granted it any more.
#[test]
fn an_open_file_is_no_way_round_the_grants() {
    for mode in ["append", "replace"] {
        let edits = [("write = [\"out\", \"later\"]", "write = [\"later\"]")];
        let change = Change::edit("taken away", &text(mode), &edits);
        let mut denied = 0;
        for seed in 0..60_u32 {
            let machine = change.piece.machine();
            machine.put(FOUND, b"");
            change.live(&machine, (rough(seed.into()), seed as usize));
            change.piece.finish(&machine, calm(2));
            let result = whole(&change.piece, &machine);
            let entries = records(&machine);
            let switch = entries.iter().position(|entry| matches!(entry.body, Body::Reloaded(_)));
            let Some(switch) = switch else { continue };
            // To open a file, nothing is written to it.
            let writes = |part: &Part| {
                let file = |sink: SinkId| sink != SinkId::STDOUT;
                matches!(part, Part::Staged { sink, payload, .. } if file(*sink) && payload.len > 0)
            };
            let after = entries[switch..].iter().flat_map(|entry| entry.body.parts());
            assert_eq!(after.filter(|part| writes(part)).count(), 0, "{seed}");
            let all = entries.iter().flat_map(|entry| entry.body.parts());
            let lines = result.found.split_inclusive(|byte| *byte == b'\n').count();
            assert_eq!(lines, all.filter(|part| writes(part)).count(), "{mode} {seed}");
            let letter = |body: &Body| matches!(body, Body::DeadLettered(_));
            let letters = entries.iter().filter(|entry| letter(&entry.body)).count();
            assert_eq!(lines + letters, change.piece.findings(), "{seed}");
            denied += usize::from(lines > 0 && letters > 0);
        }
        assert!(denied > 1, "{mode}: {denied}");
    }
}

/// Who comes does not begin before who went has written all.
#[test]
fn another_who_writes_to_the_same_file_goes_on_behind_it() {
    let text = text("append");
    let edits = [("\"findings\"", "\"results\""), ("agents.findings", "agents.results")];
    let change = Change::edit("results", &text, &edits);
    let machine = change.piece.machine();
    change.piece.finish(&machine, calm(1));
    let expected = whole(&change.piece, &machine).found;
    let old = change.piece.plan.named("findings").expect("it is there").id;
    let new = AgentId(u32::try_from(change.piece.plan.agents.len()).expect("few"));
    let mut both = 0;
    for seed in 0..60_u32 {
        let machine = change.piece.machine();
        let life = change.live(&machine, (rough(seed.into()), seed as usize));
        let ending = matches!(life.told, Told::Refused(Refused::Ending));
        assert!(ending || matches!(life.told, Told::Done(_) | Told::Nothing), "{:?}", life.told);
        change.piece.finish(&machine, calm(2));
        let result = whole(&change.piece, &machine);
        assert_eq!((result.status, &result.found), (Status::Completed, &expected), "{seed}");
        let entries = records(&machine);
        let place =
            |wanted: &dyn Fn(&Body) -> bool| entries.iter().rposition(|entry| wanted(&entry.body));
        let closed = place(&|body| matches!(body, Body::Confirmed(body) if body.agent == old));
        let born = place(&|body| matches!(body, Body::Incarnation(body) if body.agent == new));
        if let Some((closed, born)) = closed.zip(born) {
            assert!(closed < born, "{seed}: {closed} {born}");
            both += 1;
        }
    }
    assert!(both > 5, "{both}");
}
