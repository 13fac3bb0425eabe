//! Bad pipelines and bad input: a clear message, the documented exit code, and nothing half-done.
#![expect(clippy::print_stdout, reason = "what was counted or skipped is to be seen")]

use std::fs;

use theater_flow_tests::{Ran, Scene, prebuilt};

const BEFORE: &str = "what was there before\n";
const TODOS: &str = include_str!("../cases/run-todos/pipeline.toml");

/// A scene with a pipeline's text, input, and a file that a run would replace.
fn scene(pipeline: &[u8]) -> Scene {
    let scene = Scene::new();
    scene.file("p.toml", pipeline);
    scene.file("input.txt", "TODO\n");
    scene.file("findings.jsonl", BEFORE);
    scene
}

/// Runs a pipeline that must be refused, and checks that nothing was begun.
#[track_caller]
fn refused(scene: &Scene, code: i32) -> Ran {
    for command in ["check", "run"] {
        let ran = scene.run([command, "p.toml"]).ends(code);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran}");
        assert!(scene.runs().is_empty(), "{command} left a run behind");
        assert_eq!(scene.read("findings.jsonl"), BEFORE);
        if command == "run" {
            return ran;
        }
    }
    unreachable!("`run` is among the commands")
}

/// The pipeline with some text in another's place.
fn with(from: &str, to: &str) -> String {
    assert!(TODOS.contains(from), "no `{from}`");
    TODOS.replacen(from, to, 1)
}

#[test]
fn bad_pipelines_are_refused_with_code_and_line() {
    let cases = [
        ("{ not toml".to_owned(), "TF0101", "this is not TOML"),
        (with("[agents.notes]", "[agents.notes"), "TF0101", "p.toml:13:"),
        (with("format = 1", "format = 2"), "TF0105", "format = 1"),
        (with("config = { path = \"input.txt\" }", "config = 7"), "TF0104", "config"),
        (with("\"one-for-one\"", "1"), "TF0104", "strategy"),
        (with("strategy", "strategi"), "TF0102", "did you mean `strategy`?"),
        (with("config = { path", "confg = { path"), "TF0102", "did you mean `config`?"),
        (with("std/match", "std/mach"), "TF0205", "did you mean `std/match`?"),
        (with("std/match", "./nowhere.wasm"), "TF0205", "nowhere.wasm"),
        (with("\"lines\"\nconfig", "\"linse\"\nconfig"), "TF0207", "did you mean `lines`?"),
        (with("\"lines\"\nconfig", "\"lines.uot\"\nconfig"), "TF0208", "lines"),
        (with("inputs = \"lines\"", "inputs = \"notes\""), "TF0211", "notes"),
        (with("\"print\"]", "\"print\", \"print\"]"), "TF0202", "print"),
        (with(", \"print\"]", "]"), "TF0201", "print"),
        (with("\"print\"]", "\"pint\"]"), "TF0203", "did you mean `print`?"),
        (with("'\\bTODO\\b'", "'('"), "TF0508", "rules"),
        (String::new(), "TF0103", "name"),
    ];
    for (text, code, says) in cases {
        refused(&scene(text.as_bytes()), 78).tells([code, says, "theater-flow explain TF"]);
    }
}

#[test]
fn what_is_no_pipeline_file_is_refused() {
    let missing = scene(b"");
    fs::remove_file(missing.path().join("p.toml")).expect("it is there");
    refused(&missing, 2).tells(["cannot read `p.toml`", "No such file"]);
    fs::create_dir(missing.path().join("p.toml")).expect("a folder can be made");
    refused(&missing, 2).tells(["cannot read `p.toml`", "Is a directory"]);
    refused(&scene(b"name = \"\xff\""), 78).tells(["`p.toml` is not UTF-8 text: byte 8"]);
    let long = format!("# {}", "x".repeat(1 << 20));
    refused(&scene(long.as_bytes()), 78).tells(["`p.toml` is longer than 1048576 bytes"]);
}

/// What a pipeline names is not waited for, though nobody ever writes to it.
#[test]
fn pipes_and_devices_are_not_read() {
    let actor = "[agents.a]\nactor = \"/dev/zero\"\n";
    let file =
        "[agents.a]\nactor = \"std/filter\"\nconfig = { when = { file = \"/dev/random\" } }\n";
    let module = "[use.a]\nfrom = \"/dev/null\"\n";
    for part in [actor, file, module] {
        let head = "format = 1\nname = \"x\"\n[supervisors.root]\nchildren = [\"a\"]\n";
        refused(&scene(format!("{head}{part}").as_bytes()), 78).tells(["not a regular file"]);
    }
}

#[test]
fn what_is_no_actor_is_refused() {
    let cut = &fs::read(prebuilt("match")).expect("it is there")[..3_000];
    let core = wat::parse_str("(module)").expect("good text");
    let other = wat::parse_str(
        r#"(component
          (core module $m (func (export "f")))
          (core instance $i (instantiate $m))
          (func (export "f") (canon lift (core func $i "f"))))"#,
    );
    let other = other.expect("good text");
    let cases: [(&[u8], &[&str]); 5] = [
        (cut, &["TF0206", "is not a WebAssembly component", "out of bounds"]),
        (&core, &["TF0206", "this is a core WebAssembly module"]),
        (&other, &["TF0206", "theater:flow/actor"]),
        (b"hello", &["TF0206", "does not begin with"]),
        (b"", &["TF0206", "is not a WebAssembly component"]),
    ];
    for (bytes, says) in cases {
        let scene = scene(with("std/match", "./actor.wasm").as_bytes());
        scene.file("actor.wasm", bytes);
        refused(&scene, 78).tells(says.iter().copied()).tells(["p.toml:"]);
    }
}

#[test]
fn an_actor_without_its_grant_is_refused_with_its_line() {
    let scene = scene(with("grants = { files = { read = [\"input.txt\"] } }\n", "").as_bytes());
    refused(&scene, 78).tells(["TF0401", "agent `lines` needs `files`", "[p.toml:8:9]"]);
}

#[test]
fn a_missing_input_file_fails_the_run_and_says_why() {
    let pipeline = with("[agents.lines]", "[agents.lines]\nretry = { max = 0 }");
    let scene = scene(pipeline.as_bytes());
    fs::remove_file(scene.path().join("input.txt")).expect("it is there");
    let ran = scene.run(["run", "p.toml", "--quiet"]).ends(1);
    let says = ["`lines` crashed (record ", "cannot read `input.txt`", "--kind crashed"];
    assert_eq!(ran.last().status, "failed");
    ran.tells(says).tells(["root gave up, since restart 4"]);
    assert_eq!(scene.read("findings.jsonl"), BEFORE, "not replaced");
    assert_eq!(fs::read_dir(scene.path()).expect("a folder").count(), 3, "nothing beside it");
}

#[test]
fn empty_input_gives_an_empty_result() {
    let scene = scene(TODOS.as_bytes());
    scene.file("input.txt", "");
    let ran = scene.say("run p.toml").ends(0);
    assert_eq!((ran.last().status.as_str(), ran.text().as_str()), ("completed", ""));
    assert!(scene.has("findings.jsonl"));
    assert_eq!(scene.read("findings.jsonl"), "");
}

#[test]
fn bytes_that_are_no_text_are_replaced_or_refused() {
    let bytes = b"TODO \xff\xfe caf\xc3\nTODO fine\n";
    let lossy = scene(TODOS.as_bytes());
    lossy.file("input.txt", bytes);
    let text = lossy.say("run p.toml").ends(0).text();
    assert!(text.contains("TODO \u{fffd}\u{fffd} caf\u{fffd}") && text.contains("TODO fine"));

    let strict = with("{ path = \"input.txt\" }", "{ path = \"input.txt\", encoding = \"utf8\" }");
    let strict = scene(
        strict.replacen("[agents.lines]", "[agents.lines]\nretry = { max = 0 }", 1).as_bytes(),
    );
    strict.file("input.txt", bytes);
    strict.say("run p.toml").ends(1).tells(["invalid-utf8", "`input.txt`, line 1: byte 6"]);
    assert_eq!(strict.read("findings.jsonl"), BEFORE);
}

#[test]
fn a_line_of_100_mb_is_cut_in_bounded_memory() {
    const BOUND: u64 = 400 << 20;
    let scene = scene(TODOS.as_bytes());
    let mut text = vec![b'x'; 100_000_000];
    text.extend_from_slice(b"\nTODO after it\n");
    scene.file("input.txt", text);
    let ran = scene.say("run p.toml").ends(0);
    println!("peak memory {} MiB", ran.peak >> 20);
    assert_eq!(
        ran.text(),
        "{\"path\":\"input.txt\",\"line\":2,\"rule\":\"todo\",\"text\":\"TODO after it\"}\n"
    );
    let logs = scene.say("events @latest --kind log").ends(0).text();
    assert!(logs.contains("line 1 is longer than 1048576 bytes"), "{logs}");
    assert!(ran.peak > 0 && ran.peak < BOUND, "{} MiB", ran.peak >> 20);
}
