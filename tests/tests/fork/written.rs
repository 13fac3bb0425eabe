//! What a fork's files begin with: what the run had written, whatever stands where it wrote it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use theater_flow_kernel::ids::Digest;
use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, wait, wait_for};

use crate::scene::{files, folder, fork, is_sound, moved, records, seq};

/// Lines to a file; `MODE` is how it is written.
const COPY: &str = r#"format = 1
name = "copy"
[params]
input = { type = "string", default = "one.txt" }
[supervisors.root]
children = ["lines", "file"]
[agents.lines]
actor = "std/file-lines"
config = { path = { param = "input" } }
grants = { files = { read = [{ param = "input" }] } }
[agents.file]
actor = "std/file-write"
inputs = "lines"
config = { path = "out.txt", format = "text", field = "text", mode = "MODE" }
grants = { files = { write = ["out.txt"] } }
"#;

/// More than is written at once, so that some of it is certain to be there before the rest is.
fn lines(word: &str) -> String {
    let line = |mut text: String, nth| {
        writeln!(text, "{word} {nth:04} {}", "x".repeat(1_000)).expect("it is text");
        text
    };
    (0..600).fold(String::new(), line)
}

/// A run that copies `one.txt`, and the record after which some of it, and not all, is certain to be there.
fn copied(mode: &str, before: Option<&str>) -> (Scene, String, u64) {
    let scene = Scene::new();
    scene.file("p.toml", COPY.replace("MODE", mode));
    scene.file("one.txt", lines("one"));
    if let Some(before) = before {
        scene.file("out.txt", before);
    }
    let run = scene.say("run p.toml").ends(0).last().id;
    let at = confirmed(&scene, &run, "file");
    (scene, run, at)
}

/// The last record that says that some of what an agent wrote is in its place, and not all.
fn confirmed(scene: &Scene, run: &str, agent: &str) -> u64 {
    let all = records(scene, run);
    let some = |record: &&serde_json::Value| {
        record["kind"] == "confirmed" && record["agent"] == agent && record["closed"] == false
    };
    seq(all.iter().rfind(some).expect("it is written bit by bit"))
}

#[test]
fn what_another_run_wrote_there_since_is_not_taken() {
    let (scene, run, at) = copied("replace", None);
    scene.file("two.txt", lines("two"));
    scene.say("run p.toml --set input=two.txt").ends(0);
    assert_eq!(scene.read("out.txt"), lines("two"));
    let forked = fork(&scene, &run, at, &[]).ends(0).last().id;
    let there = moved(&scene, &forked, "out.txt");
    assert!(there == lines("one"), "{}", &there[..there.len().min(40)]);
    assert_eq!(scene.read("out.txt"), lines("two"), "what the other run wrote stays");
    is_sound(&scene, &forked);
    scene.run(["diff", &run, &forked]).ends(0);
}

#[test]
fn what_the_record_holds_is_not_looked_for_in_the_file() {
    for mode in ["replace", "append"] {
        let (scene, run, at) = copied(mode, None);
        fs::remove_file(scene.path().join("out.txt")).expect("it was there");
        let forked = fork(&scene, &run, at, &[]).ends(0).last().id;
        assert!(moved(&scene, &forked, "out.txt") == lines("one"), "{mode}");
        fs::create_dir(scene.path().join("out.txt")).expect("nothing is there");
        let forked = fork(&scene, &run, at, &[]).ends(0).last().id;
        assert!(moved(&scene, &forked, "out.txt") == lines("one"), "{mode}, behind a folder");
    }
}

/// What stood in the file before the run stands nowhere else.
#[test]
fn what_stood_there_before_is_taken_from_the_file_if_the_rest_is_as_it_was() {
    let (scene, run, at) = copied("append", Some("before\n"));
    let whole = scene.read("out.txt");
    assert!(whole == format!("before\n{}", lines("one")));
    let forked = fork(&scene, &run, at, &[]).ends(0).last().id;
    assert!(moved(&scene, &forked, "out.txt") == whole);
    let runs = scene.runs().len();
    // As long as it was, and other lines.
    scene.file("out.txt", format!("before\n{}", lines("two")));
    let place = scene.path().canonicalize().expect("it is there").join("out.txt");
    let name = format!("`{}`", place.display());
    let other = fork(&scene, &run, at, &[]).ends(2);
    other.tells([&name, "from byte 7 on", "put it back"]);
    scene.file("out.txt", "before\none");
    let short = fork(&scene, &run, at, &[]).ends(2);
    short.tells([&name, "holds 10 bytes", "put it back"]);
    fs::remove_file(&place).expect("it was there");
    fork(&scene, &run, at, &[]).ends(2).tells([&name, "is not there", "put it back"]);
    assert_eq!(scene.runs().len(), runs, "what is refused leaves nothing behind");
    scene.file("out.txt", &whole);
    fork(&scene, &run, at, &[]).ends(0);
}

/// Its log begins with the fork: what was written before stands in its parent's, and in its own file.
#[test]
fn a_fork_of_a_fork_takes_from_its_file_what_its_log_does_not_hold() {
    let (scene, run, at) = copied("replace", None);
    let inner = fork(&scene, &run, at, &[]).ends(0).last().id;
    let first = seq(&records(&scene, &inner)[0]);
    fs::remove_file(scene.path().join("out.txt")).expect("it was there");
    let forked = fork(&scene, &inner, first, &[]).ends(0).last().id;
    assert!(moved(&scene, &forked, "out.txt") == lines("one"));
    let there = files(&folder(&scene, &inner).join("files")).into_keys().next();
    let there = there.expect("its file");
    let name = there.canonicalize().expect("its file").display().to_string();
    // Longer than what it wrote, as long with other lines, shorter.
    for other in [format!("{}more\n", lines("one")), lines("two"), String::from("one")] {
        fs::write(&there, &other).expect("it can be written");
        fork(&scene, &inner, first, &[]).ends(2).tells([name.as_str(), "put it back"]);
    }
    fs::remove_file(&there).expect("it was there");
    fork(&scene, &inner, first, &[]).ends(2).tells([name.as_str(), "is not there"]);
}

/// Lines that are typed go to a file, until the run is stopped.
const TYPED: &str = r#"format = 1
name = "typed"
[supervisors.root]
children = ["lines", "file"]
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.file]
actor = "std/file-write"
inputs = "lines"
config = { path = "out.txt", format = "text", field = "text" }
grants = { files = { write = ["out.txt"] } }
"#;

#[test]
fn what_was_erased_is_taken_from_the_file_that_gathers_it() {
    let scene = Scene::new();
    scene.file("p.toml", TYPED);
    let mut child = held(&scene, ["run", "p.toml"]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"tea\nmilk\n").expect("it reads");
    let gathers = wait_for("the lines are written", || {
        let entries = fs::read_dir(scene.path()).expect("a folder").flatten();
        let mut paths = entries.map(|entry| entry.path());
        paths.find(|path| fs::read(path).is_ok_and(|content| content == b"tea\nmilk\n"))
    });
    scene.say("stop @latest").ends(0);
    let run = wait(child).last();
    assert_eq!(run.status, "suspended");
    let at = run.events - 1;
    scene.run(["prune", &run.id]).ends(0);
    let (mode, other) = (
        |path: &Path| fs::metadata(path).expect("it is there").mode(),
        scene.path().join("out.txt"),
    );
    scene.file("out.txt", "of somebody else");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let before = mode(&gathers);
    let forked = fork(&scene, &run.id, at, &["--hold"]).ends(0).text();
    let below = files(&folder(&scene, forked.trim()).join("files"));
    let begun: Vec<_> = below.values().copied().collect();
    assert_eq!(begun, [Digest::of(b"tea\nmilk\n")], "{below:?}");
    assert_eq!(mode(&gathers), before, "what gathers is the parent's");
    fs::remove_file(other).expect("it was there");
    fs::remove_file(gathers).expect("it was there");
    let name = scene.path().canonicalize().expect("it is there").join("out.txt");
    let name = format!("`{}` is not there", name.display());
    // What stands in its place is of somebody else.
    for other in [None, Some("gin\nof somebody else\n")] {
        other.map(|text| scene.file("out.txt", text));
        let refused = fork(&scene, &run.id, at, &["--hold"]).ends(2);
        refused.tells([name.as_str(), "put it back"]);
    }
}

/// Each line to the file that it names, of which no more than 256 are open at a time.
const SORTED: &str = r#"format = 1
name = "sorted"
[supervisors.root]
children = ["lines", "named", "file"]
[agents.lines]
actor = "std/file-lines"
config = { path = "input.txt" }
grants = { files = { read = ["input.txt"] } }
[agents.named]
actor = "std/map"
inputs = "lines"
config = { expr = '{ name: (.text | split(" ")[0]), text }' }
outputs = { out = "{ name: string, text: string }" }
[agents.file]
actor = "std/file-write"
inputs = "named"
config = { path-field = "name", folder = "out", format = "text", field = "text", mode = "append" }
grants = { files = { write = ["out"] } }
"#;

#[test]
fn a_file_that_was_closed_and_is_opened_again_goes_on_with_what_the_run_wrote() {
    let scene = Scene::new();
    scene.file("p.toml", SORTED);
    scene.file("input.txt", named("tea") + &named("milk"));
    scene.file("out/n1", "n1 water\n");
    let run = scene.say("run p.toml").ends(0).last().id;
    assert_eq!(scene.read("out/n0"), "n0 tea\nn0 milk\n");
    let all = records(&scene, &run);
    let closes = |record: &&serde_json::Value| {
        let parts = record["parts"].as_array();
        record["kind"] == "transaction"
            && parts.is_some_and(|parts| parts.iter().any(|part| part["kind"] == "closed"))
    };
    // The first four files are closed for those that come after, and opened again later.
    let at = seq(all.iter().filter(closes).nth(3).expect("more than are open at a time"));
    scene.file("out/n0", "n0 gin\nof somebody else\n");
    fs::remove_file(scene.path().join("out/n2")).expect("it was there");
    let forked = fork(&scene, &run, at, &[]).ends(0).last().id;
    for name in ["n0", "n2", "n3", "n200"] {
        let there = moved(&scene, &forked, &format!("out/{name}"));
        assert_eq!(there, format!("{name} tea\n{name} milk\n"));
    }
    assert_eq!(moved(&scene, &forked, "out/n1"), "n1 water\nn1 tea\nn1 milk\n");
    is_sound(&scene, &forked);
}

/// Lines for as many files as are closed and opened again, one each.
fn named(word: &str) -> String {
    (0..260).fold(String::new(), |text, nth| format!("{text}n{nth} {word}\n"))
}

/// [`SORTED`], of lines that are typed.
fn typed_and_sorted() -> String {
    let typed = "[agents.lines]\nactor = \"std/stdin-lines\"\ngrants = { stdin = true }\n";
    let (from, to) = (SORTED.find("[agents.lines]"), SORTED.find("[agents.named]"));
    let (from, to) = from.zip(to).expect("its agents");
    format!("{}{typed}{}", &SORTED[..from], &SORTED[to..])
}

/// The record that says so of the last of so many closed files of the run that goes on.
fn closed(scene: &Scene, many: usize) -> u64 {
    wait_for("the closed files are written", || {
        let all = scene.say("events @latest --json").json();
        let closed = all.iter().filter(|r| r["kind"] == "confirmed" && r["closed"] == true);
        closed.map(seq).nth(many - 1)
    })
}

#[test]
fn of_a_file_that_was_replaced_again_and_again_the_last_content_counts() {
    let scene = Scene::new();
    scene.file("p.toml", typed_and_sorted().replace("\"append\"", "\"replace\""));
    let mut child = held(&scene, ["run", "p.toml"]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"n0 tea with milk\nn1 tea\nn0 milk\n").expect("it reads");
    let at = closed(&scene, 3);
    scene.say("stop @latest").ends(0);
    let run = wait(child).last().id;
    scene.file("out/n0", "n0 gin");
    fs::remove_file(scene.path().join("out/n1")).expect("it was there");
    symlink("n0", scene.path().join("out/n1")).expect("a link");
    let forked = fork(&scene, &run, at, &["--hold"]).ends(0).text();
    let there = ["out/n0", "out/n1"].map(|name| moved(&scene, forked.trim(), name));
    assert_eq!(there, ["n0 milk", "n1 tea"]);
    let mut child = held(&scene, ["resume", forked.trim()]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"n0 a longer one than before\n").expect("it reads");
    drop(child.stdin.take());
    wait(child).ends(0);
    let again = fork(&scene, forked.trim(), at + 1, &["--hold"]).ends(0).text();
    let there = ["out/n0", "out/n1"].map(|name| moved(&scene, again.trim(), name));
    assert_eq!(there, ["", "n1 tea"], "what the file holds now is a later content");
}

#[test]
fn a_file_of_two_names_is_begun_once_by_the_last() {
    let scene = Scene::new();
    scene.file("p.toml", typed_and_sorted().replace("\"append\"", "\"replace\""));
    scene.file("out/k", "old\n");
    symlink("k", scene.path().join("out/l")).expect("a link");
    let mut child = held(&scene, ["run", "p.toml"]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"k 1\nl 22222222222\n").expect("it reads");
    let at = closed(&scene, 2);
    scene.say("stop @latest").ends(0);
    let run = wait(child).last().id;
    let forked = fork(&scene, &run, at, &["--hold"]).ends(0).text();
    let there = ["out/k", "out/l"].map(|name| moved(&scene, forked.trim(), name));
    assert_eq!(there, ["", "l 22222222222"]);
}

#[test]
fn a_closed_file_that_is_not_what_it_was_is_left_out_and_not_added_to() {
    let scene = Scene::new();
    scene.file("p.toml", typed_and_sorted());
    scene.file("out/n1", "n1 water\n");
    let mut child = held(&scene, ["run", "p.toml"]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(named("tea").as_bytes()).expect("it reads");
    // Four are closed, and nothing of theirs is on its way any more.
    let at = closed(&scene, 4);
    scene.say("stop @latest").ends(0);
    let run = wait(child).last().id;
    scene.file("out/n0", "n0 gin\nof somebody else\n");
    scene.file("out/n1", "of somebody else, and longer\n");
    let forked = fork(&scene, &run, at, &["--hold"]).ends(0).text();
    let forked = forked.trim();
    assert_eq!(moved(&scene, forked, "out/n0"), "n0 tea\n");
    assert_eq!(moved(&scene, forked, "out/n1"), "", "what stood there before it is gone");
    fs::remove_file(scene.path().join("out/n1")).expect("it was there");
    for to in ["nowhere", "n1", "../p.toml"] {
        symlink(to, scene.path().join("out/n1")).expect("a link");
        fork(&scene, &run, at, &["--hold"]).ends(0);
        fs::remove_file(scene.path().join("out/n1")).expect("it was there");
    }
    let mut child = held(&scene, ["resume", forked]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"n0 milk\n").expect("it reads");
    drop(child.stdin.take());
    let ran = wait(child).ends(0);
    assert_eq!(moved(&scene, forked, "out/n0"), "n0 tea\nn0 milk\n", "{ran}");
    let again = fork(&scene, &run, at, &["--hold"]).ends(0).text();
    let mut child = held(&scene, ["resume", again.trim()]);
    let input = child.stdin.as_mut().expect("a pipe");
    input.write_all(b"n1 milk\n").expect("it reads");
    drop(child.stdin.take());
    wait(child).ends(1).tells(["out/n1` is 0 bytes long"]);
}

/// The flaky tree, with so many fields that cannot be counted that it gives up; and the last line of what it is
/// advised to do about its dead letters.
fn given_up(before: Option<&str>) -> (Scene, String, Vec<String>) {
    let scene = Scene::new();
    let tree = theater_flow_tests::root().join("workflows/flaky-tree.toml");
    scene.file("tree.toml", fs::read(tree).expect("the workflow"));
    let field = |nth: u32| {
        let months = if nth.is_multiple_of(3) { 60 } else { nth % 12 + 1 };
        format!("{{\"field\":\"f{nth}\",\"months\":{months}}}\n")
    };
    scene.file("many.jsonl", (1..=40).map(field).collect::<String>());
    if let Some(before) = before {
        scene.file("c.jsonl", before);
    }
    let set = ["fields=many.jsonl", "counted=c.jsonl", "letters=l.jsonl"];
    let set = set.iter().flat_map(|set| ["--set", set]);
    let run = scene.run(["run", "tree.toml"].into_iter().chain(set)).ends(1).last().id;
    assert_eq!(
        scene.read("c.jsonl"),
        before.unwrap_or_default(),
        "half of it never takes its place"
    );
    let refused = scene.run(["dlq", &run, "retry", "--all"]).ends(2);
    let line = refused.err.split('`').find(|text| text.starts_with("theater-flow fork "));
    let line = line.unwrap_or_else(|| panic!("no advice in {refused}"));
    let words = line.split(' ').skip(1).map(str::to_owned).collect();
    (scene, run, words)
}

#[test]
fn what_dead_letters_are_advised_works_though_the_file_that_was_open_is_gone() {
    let other = "of somebody else\n".repeat(1_000);
    for before in [None, Some(other.as_str())] {
        let (scene, run, advice) = given_up(before);
        let at: u64 = advice.last().and_then(|at| at.parse().ok()).expect("the record's number");
        assert!(confirmed(&scene, &run, "written") < at, "some of it was in its place");
        let made = scene.run([&advice[..], &["--hold".into()]].concat()).ends(0).text();
        let forked = made.trim();
        let more = scene.run(["resume", forked, "--allow-dead-letters"]).ends(1);
        more.tells(["gave up"]);
        is_sound(&scene, forked);
        scene.run(["diff", &run, forked]);
        let mended = fs::read_to_string(scene.path().join("tree.toml")).expect("the workflow");
        scene.file("mended.toml", mended.replace("\"1h\"", "\"1ms\""));
        let ran = scene.run([&advice[..], &["--with".into(), "mended.toml".into()]].concat());
        let forked = ran.ends(0).last().id;
        let counted = moved(&scene, &forked, "c.jsonl");
        let fields: Vec<&str> = counted.lines().collect();
        assert_eq!(fields.len(), 27, "{counted}");
        assert!(fields[0].starts_with(r#"{"field":"f1","#), "{counted}");
        is_sound(&scene, &forked);
    }
}
