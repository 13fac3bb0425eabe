//! `run --watch`: which plans are applied, by the record.

use std::collections::VecDeque;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use theater_flow_kernel::ids::Digest;
use theater_flow_tests::held::wait_for;
use theater_flow_tests::saves::{Saved, Way, table};
use theater_flow_tests::watched::{Watched, field, records};
use theater_flow_tests::{Scene, prebuilt};

/// A pipeline that prints its letter again and again. `x` has a fault. They differ behind their first half.
fn flow(letter: char) -> String {
    let key = if letter == 'x' { "tmplate" } else { "template" };
    PIPELINE.replace("KEY", key).replace("LETTER", &letter.to_string())
}

const PIPELINE: &str = r#"format = 1
name = "letters"
description = "Prints a letter again and again; what it is called is of no matter, but that it is long"

[supervisors.root]
children = ["tick", "out", "text"]

[agents.tick]
actor = "std/timer"
config = { every = "20ms" }
grants = { clock = true, timer = true }

[agents.out]
actor = "std/stdout"
inputs = "text"
grants = { stdout = true }

[agents.text]
actor = "std/template"
inputs = "tick"
config = { KEY = "LETTER" }
"#;

/// The letters of contents by their digests, as records name them.
fn recorded(scene: &Scene, kind: &str) -> String {
    let sources = field(&records(scene, "@latest", kind), "source");
    let letter = |source: &String| {
        let is = |letter: &char| Digest::of(flow(*letter).as_bytes()).to_string() == *source;
        ('a'..='z').find(is).unwrap_or('?')
    };
    sources.iter().map(letter).collect()
}

/// What is printed, each letter once as long as it stays.
fn printed(ran: &theater_flow_tests::Ran) -> String {
    let mut letters: Vec<char> =
        ran.text().lines().filter_map(|line| line.chars().nth(1)).collect();
    letters.dedup();
    letters.into_iter().collect()
}

/// Runs `a`, saves the others, each once the one before was dealt with; says which were applied, and which refused.
fn applied(way: Way, watcher: &str, letters: &str) -> String {
    let scene = Scene::new();
    let mut saved = Saved::new(way, scene.path(), &flow('a'));
    let line = format!("run {} --watch --watcher {watcher}", saved.path().display());
    let mut run = Watched::start(&scene, "run", &line);
    run.wait_for("run ", 1);
    let mut counts = [0, 0];
    for letter in letters.chars() {
        saved.save(&flow(letter));
        let (text, count) = match letter {
            'x' => ("reload refused", &mut counts[0]),
            _ => ("reload ok rev", &mut counts[1]),
        };
        *count += 1;
        run.wait_for(text, *count);
    }
    // The last one is seen at work.
    let last = letters.chars().last().unwrap_or('a');
    wait_for("its letter", || run.out().contains(last).then_some(()));
    let ran = run.stopped().ends(130);
    let (applied, refused) = (recorded(&scene, "reloaded"), recorded(&scene, "refused"));
    assert_eq!(printed(&ran), format!("a{applied}"), "{way:?} {watcher}\n{ran}");
    let _ = scene.say("verify @latest").ends(0);
    format!("{applied}/{refused}")
}

/// What each cell of the matrix must be: which contents were applied, and which were refused.
const MATRIX: &str = "\
way                    | native b | native x b | poll b | poll x b
in place               | b/       | b/x        | b/     | b/x
temp + rename          | b/       | b/x        | b/     | b/x
vim's backup + rename  | b/       | b/x        | b/     | b/x
delete + create        | b/       | b/x        | b/     | b/x
`..data` link swapped  | b/       | b/x        | b/     | b/x
two halves, 500 ms     | b/       | b/x        | b/     | b/x
linked file            | b/       | b/x        | b/     | b/x
linked folder          | b/       | b/x        | b/     | b/x
";

/// Cells done at a time.
const AT_ONCE: usize = 6;

#[test]
fn every_way_to_save_is_applied_once() {
    let columns = [("native", "b"), ("native", "xb"), ("poll", "b"), ("poll", "xb")];
    let mut cells = VecDeque::new();
    for (row, (way, _)) in Way::ALL.into_iter().enumerate() {
        for (column, (watcher, letters)) in columns.into_iter().enumerate() {
            cells.push_back((row, column, way, watcher, letters));
        }
    }
    let (cells, done) =
        (Mutex::new(cells), Mutex::new([const { [const { String::new() }; 4] }; 8]));
    let next = || cells.lock().expect("a cell").pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((row, column, way, watcher, letters)) = next() {
                    let found = applied(way, watcher, letters);
                    done.lock().expect("cells")[row][column] = found;
                }
            });
        }
    });
    let table = table(&done.into_inner().expect("cells"));
    println!("{table}");
    assert_eq!(table, MATRIX);
}

#[test]
fn a_fault_is_shown_with_its_line_once_and_what_was_there_before_is_nothing_new() {
    let scene = Scene::new();
    let mut saved = Saved::new(Way::Rename, scene.path(), &flow('a'));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    saved.save(&flow('x'));
    run.wait_for("reload refused", 1);
    saved.save(&flow('x'));
    saved.save(&flow('a'));
    run.wait_for("reload ok rev 1: nothing differs in meaning", 1);
    saved.save(&format!("{}# a remark\n", flow('a')));
    run.wait_for("reload ok rev 1: nothing differs in meaning", 2);
    let ran = run.stopped().ends(130);
    assert_eq!(ran.err.matches("reload refused").count(), 1, "{ran}");
    let _ = ran.tells(["flow.toml:2", "tmplate"]);
    assert_eq!(recorded(&scene, "reloaded"), "");
    assert_eq!(recorded(&scene, "refused"), "x");
}

#[test]
fn who_asks_with_a_signal_is_told_again() {
    let scene = Scene::new();
    let mut saved = Saved::new(Way::Rename, scene.path(), &flow('a'));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    run.signal(Signal::HUP);
    run.wait_for("reload ok rev 1: nothing differs in meaning", 1);
    saved.save(&flow('x'));
    run.wait_for("reload refused", 1);
    run.signal(Signal::HUP);
    run.wait_for("reload refused", 2);
    let _ = run.stopped().ends(130);
    assert_eq!(recorded(&scene, "refused"), "xx");
}

#[test]
fn a_storm_of_saves_ends_with_the_last() {
    let scene = Scene::new();
    let mut saved = Saved::new(Way::Rename, scene.path(), &flow('a'));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    for letter in ('b'..='w').cycle().take(100) {
        saved.save(&flow(letter));
        thread::sleep(Duration::from_millis(10));
    }
    saved.save(&flow('z'));
    wait_for("its letter", || run.out().contains('z').then_some(()));
    let ran = run.stopped().ends(130);
    let applied = recorded(&scene, "reloaded");
    // Where the machine itself pauses, some of the others may be taken as well.
    assert!(applied.ends_with('z') && applied.len() <= 8, "{applied}\n{ran}");
    assert_eq!(recorded(&scene, "refused"), "");
}

#[test]
fn the_beginning_of_what_runs_is_not_applied_while_it_may_be_half_written() {
    let (scene, whole) = (Scene::new(), flow('a'));
    let mut saved = Saved::new(Way::InPlace, scene.path(), &whole);
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    for end in [0, 11, whole.len() / 2, whole.len() - 40, whole.len() - 1] {
        saved.save(&whole[..end]);
        thread::sleep(Duration::from_millis(600));
        saved.save(&whole);
        thread::sleep(Duration::from_millis(100));
    }
    saved.save(&flow('z'));
    run.wait_for("reload ok rev 1→2", 1);
    let _ = run.stopped().ends(130);
    assert_eq!(recorded(&scene, "reloaded"), "z");
    assert_eq!(recorded(&scene, "refused"), "");
}

#[test]
fn values_from_the_command_line_hold_for_all_that_comes() {
    let scene = Scene::new();
    let with_param = |letter: char, every: &str| {
        let text = flow(letter).replace(r#""LETTER""#, "{ param = \"text\" }");
        let text = text.replace(&format!("\"{letter}\"\n"), "{ param = \"text\" }\n");
        let text = text.replace(&format!("\"{letter}\" }}"), "{ param = \"text\" } }");
        let params = "[params]\ntext = { type = \"string\", default = \"unset\" }\n\n[agents.tick]";
        text.replace("[agents.tick]", params).replace("20ms", every)
    };
    let mut saved = Saved::new(Way::InPlace, scene.path(), &with_param('a', "20ms"));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch --set text=q");
    run.wait_for("run ", 1);
    saved.save(&with_param('a', "10ms"));
    run.wait_for("reload ok rev 1→2 (+0 ~1 -0) in ", 1);
    let ran = run.stopped().ends(130);
    assert_eq!(printed(&ran), "q", "{ran}");
}

#[test]
fn modules_values_and_components_are_followed_too() {
    let scene = Scene::new();
    scene.file("letter.txt", "a");
    let own = scene.path().join("own.wasm");
    fs::copy(prebuilt("template"), &own).expect("a component");
    let text = flow('a').replace("std/template", "./own.wasm");
    let text = text.replace("\"a\" }", "{ file = \"letter.txt\" } }");
    scene.file("flow.toml", text);
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    scene.file("letter.txt", "b");
    run.wait_for("reload ok rev 1→2 (+0 ~1 -0) in ", 1);
    // A file of none of its components' names takes the place of one.
    scene.file("other.wasm", "no component");
    fs::rename(scene.path().join("other.wasm"), &own).expect("it is there");
    run.wait_for("reload refused", 1);
    fs::remove_file(&own).expect("it is there");
    run.wait_for("reload refused", 2);
    fs::copy(prebuilt("template"), &own).expect("a component");
    run.wait_for("reload ok rev 2: nothing differs in meaning", 1);
    let ran = run.stopped().ends(130);
    assert_eq!(printed(&ran), "ab", "{ran}");
}

#[test]
fn what_becomes_of_a_run_whose_file_is_gone_is_what_the_file_said() {
    let scene = Scene::new();
    let rule = |letter, word| format!("{}\n[reload]\non_delete = \"{word}\"\n", flow(letter));
    let saved = Saved::new(Way::Rename, scene.path(), &rule('a', "keep"));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    fs::remove_file(saved.path()).expect("it is there");
    run.wait_for("`flow.toml` is gone: the run goes on", 1);
    scene.file("flow.toml", rule('b', "stop"));
    run.wait_for("reload ok rev 1→2", 1);
    fs::remove_file(saved.path()).expect("it is there");
    run.wait_for("`flow.toml` is gone: the run stops", 1);
    assert_eq!(run.ended().ends(130).last().status, "suspended");
    scene.file("flow.toml", flow('c'));
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch");
    run.wait_for("run ", 1);
    fs::remove_file(saved.path()).expect("it is there");
    run.wait_for("`flow.toml` is gone: the run ends what is under way", 1);
    assert_eq!(run.ended().ends(130).last().status, "suspended");
}

#[test]
fn what_cannot_change_cannot_be_watched() {
    let scene = Scene::new();
    let ran = scene.say("run /dev/null --watch").ends(2);
    ran.tells(["`/dev/null` is not a regular file"]);
    scene.file("flow.toml", flow('a'));
    scene.say("run flow.toml --watcher poll").ends(2).tells(["--watch"]);
    scene.say("run --resume @latest --watch").ends(2).tells(["--watch"]);
    assert_eq!(scene.runs(), Vec::<std::path::PathBuf>::new());
}
