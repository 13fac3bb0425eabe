//! Guests that misbehave on demand: what becomes of them, of their siblings, and of the run.

use serde_json::Value;
use theater_flow_tests::{Ran, Scene, prebuilt};

/// A pipeline of a source of lines, a probe, and a sink for what the probe sends on. `probe` is the rest
/// of the probe's table.
fn pipeline(actor: &str, probe: &str) -> String {
    let actor = prebuilt(actor).display().to_string();
    format!(
        r#"format = 1
name = "behaviour"

[supervisors.root]
strategy = "one-for-one"
children = ["lines", "probe", "print", "beside"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "input.txt" }}
grants = {{ files = {{ read = ["input.txt"] }} }}

[agents.probe]
actor = '{actor}'
inputs = "lines"
retry = {{ max = 1, base = "1ms" }}
{probe}

[agents.print]
actor = "std/stdout"
inputs = "probe"
config = {{ format = "text" }}
grants = {{ stdout = true }}

[agents.beside]
actor = "std/file-write"
inputs = "lines"
config = {{ path = "beside.txt", format = "text", field = "text" }}
grants = {{ files = {{ write = ["beside.txt"] }} }}
"#
    )
}

const INPUT: &str = "one\nbad\ntwo\nthree\n";

/// Runs a probe over `INPUT`.
fn run(actor: &str, probe: &str) -> (Scene, Ran) {
    let scene = Scene::new();
    scene.file("p.toml", pipeline(actor, probe));
    scene.file("input.txt", INPUT);
    let ran = scene.say("run p.toml");
    (scene, ran)
}

fn events(scene: &Scene, kind: &str) -> Vec<Value> {
    scene.run(["events", "@latest", "--json", "--kind", kind]).ends(0).json()
}

/// Checks that all but the bad line came through, here and at the sibling; that the bad one is the only
/// dead letter, for this reason; and that the whole log stands.
#[track_caller]
fn only_the_bad_one_is_lost(scene: &Scene, ran: Ran, says: &str) {
    let ran =
        ran.ends(1).tells(["1 event could not be handled by `probe`", says, "theater-flow dlq"]);
    assert_eq!(ran.last().status, "degraded");
    let lines: Vec<u64> = ran.json().iter().filter_map(|line| line["line"].as_u64()).collect();
    assert_eq!(lines, [1, 3, 4], "{ran}");
    assert_eq!(scene.read("beside.txt"), INPUT);
    let letters = events(scene, "dead-lettered");
    assert_eq!(letters.len(), 1, "{letters:?}");
    let message = letters[0]["message"].as_str().expect("a message");
    let message = &scene.run(["show", "@latest", message, "--json"]).ends(0).json()[0];
    assert_eq!(message["value"]["text"], "bad");
    assert_eq!(letters[0]["agent"], "probe");
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

/// A deed at the bad line that crashes: the kind of the crash, and what its message says.
#[track_caller]
fn crashes(deed: &str, limits: &str, kind: &str) {
    let probe = format!(
        "{limits}\nconfig = {{ echo = true, on = [{{ match = \"bad\", do = \"{deed}\" }}] }}"
    );
    let (scene, ran) = run("probe", &probe);
    only_the_bad_one_is_lost(&scene, ran, &format!("{kind}: "));
    let crashed = events(&scene, "crashed");
    assert_eq!(crashed.len(), 1, "no read and no ask: it would crash again: {crashed:?}");
    assert_eq!(crashed[0]["crash"]["kind"], kind);
    let restarted = events(&scene, "restarted");
    assert_eq!(restarted.len(), 1);
    assert_eq!(restarted[0]["causes"], serde_json::json!([crashed[0]["seq"].to_string()]));
    let crashed_agents = [&crashed[0]["agent"], &restarted[0]["agents"][0]];
    assert_eq!(crashed_agents, ["probe", "probe"]);
}

#[test]
fn a_trap_costs_its_item_alone() {
    crashes("trap", "", "trap");
    crashes("panic", "", "trap");
    crashes("deep-recursion", "", "trap");
}

#[test]
fn a_loop_ends_with_its_fuel() {
    crashes("loop", "limits = { fuel = 50_000_000 }", "fuel");
}

#[test]
fn a_hoard_ends_with_its_memory() {
    crashes("hoard", "limits = { memory = \"8MiB\" }", "memory");
}

#[test]
fn a_loop_ends_with_its_time() {
    let probe = "limits = { fuel = 9_000_000_000_000 }\ntimeout = \"300ms\"\n\
                 config = { echo = true, on = [{ match = \"bad\", do = \"loop\" }] }";
    let (scene, ran) = run("probe", probe);
    only_the_bad_one_is_lost(&scene, ran, "after 2 attempts: timeout: ");
    // A slow machine is no reason to give up at once: it is tried again as the policy says.
    let crashed = events(&scene, "crashed");
    let attempts: Vec<&Value> = crashed.iter().map(|crash| &crash["attempt"]).collect();
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn a_value_that_is_too_large_costs_its_item_alone() {
    crashes("huge", "", "limit");
}

#[test]
fn dead_letters_can_be_allowed() {
    let scene = Scene::new();
    let probe = "config = { on = [{ match = \"bad\", do = \"trap\" }] }";
    scene.file("p.toml", pipeline("probe", probe));
    scene.file("input.txt", INPUT);
    let ran = scene.say("run p.toml --allow-dead-letters").ends(0);
    assert_eq!(ran.last().status, "degraded");
    assert!(!ran.err.contains("error"), "{ran}");
}

#[test]
fn a_fault_is_tried_again_and_then_given_up() {
    let probe = r#"config = { echo = true, on = [
        { match = "bad", do = "fault", code = "no-good", text = "I cannot" }] }"#;
    let (scene, ran) = run("probe", &probe.replace('\n', ""));
    only_the_bad_one_is_lost(&scene, ran, "after 2 attempts: no-good: I cannot");
    let faulted = events(&scene, "faulted");
    let attempts: Vec<&Value> = faulted.iter().map(|fault| &fault["attempt"]).collect();
    assert_eq!(attempts, [1, 2]);
    assert!(events(&scene, "crashed").is_empty(), "a fault is no crash");
    assert_eq!(events(&scene, "incarnation").len(), 4, "one life each");
}

#[test]
fn a_fault_that_passes_costs_nothing() {
    let probe = r#"config = { echo = true, on = [{ match = "bad", nth = 1, do = "fault" }] }"#;
    let (scene, ran) = run("probe", probe);
    let ran = ran.ends(0);
    assert_eq!((ran.last().status.as_str(), ran.json().len()), ("completed", 4));
    assert_eq!(events(&scene, "faulted").len(), 1);
    scene.say("replay @latest").ends(0);
}

#[test]
fn a_flood_and_a_lie_are_answered_with_errors() {
    let said = |deed: &str| {
        let probe = format!("config = {{ on = [{{ match = \"bad\", do = \"{deed}\" }}] }}");
        let (scene, ran) = run("probe", &probe);
        assert_eq!(ran.ends(0).last().status, "completed");
        let logs = events(&scene, "log");
        scene.say("replay @latest").ends(0);
        logs[0]["parts"].to_string()
    };
    let codes = [
        ("flood", "flood: full after 1024"),
        ("lie", "lie: wrong-type: the value does not fit its port"),
        ("unknown-port", "unknown-port: unknown-port"),
    ];
    for (deed, code) in codes {
        let parts = said(deed);
        assert!(parts.contains(code), "{deed}: {parts}");
        assert!(parts.contains("\"denial\""), "{deed} is on record: {parts}");
    }
}

#[test]
fn a_value_of_another_type_never_arrives() {
    let ports = r#"{ name = "in", direction = "input", type = "json" },
        { name = "out", direction = "output", type = "{ n: u64 }" }"#;
    let on = r#"{ match = "bad", do = "lie", text = '{"n":"seven"}' },
        { match = "two", do = "emit", text = '{"n":7}' }"#;
    let probe = &format!("config = {{ ports = [{ports}], on = [{on}] }}");
    let (scene, ran) = run("probe", probe);
    assert_eq!(ran.ends(0).text(), "{\"n\":7}\n");
    let log = events(&scene, "log")[0]["parts"].to_string();
    assert!(log.contains("wrong-type") && log.contains("/n"), "{log}");
    assert_eq!(events(&scene, "denial").len(), 1);
}

#[test]
fn what_is_not_granted_is_denied_and_recorded() {
    let files = r#"{ read = ["input.txt"], write = ["beside2.txt"] }"#;
    let grants = "clock = true, random = true, stdin = true, stdout = true, timer = true";
    let grants = format!("grants = {{ {grants}, files = {files} }}");
    for (deed, path) in [
        ("read", "/etc/passwd"),
        ("read", "../p.toml"),
        ("stat", "p.toml"),
        ("append", "input.txt"),
        ("replace", "/etc/nothing"),
    ] {
        let probe = format!(
            "{grants}\nconfig = {{ on = [{{ match = \"bad\", do = \"{deed}\", path = \"{path}\" }}] }}"
        );
        let (scene, ran) = run("probe-full", &probe);
        assert_eq!(ran.ends(0).last().status, "completed");
        let denied = events(&scene, "denial");
        assert_eq!(denied.len(), 1, "{deed} {path}");
        let parts = denied[0]["parts"].as_array().expect("parts");
        let denial = parts.iter().find(|part| part["kind"] == "denial").expect("a denial");
        assert_eq!(denial["call"], format!("files.{deed}"));
        assert_eq!(denial["args"]["path"], path);
        assert_eq!(scene.read("input.txt"), INPUT);
        scene.say("replay @latest").ends(0);
    }
}

#[test]
fn imports_without_grants_are_refused_before_the_start() {
    let scene = Scene::new();
    scene.file("p.toml", pipeline("probe-full", "config = {}\ngrants = { clock = true }"));
    scene.file("input.txt", INPUT);
    for command in ["check", "run"] {
        let ran = scene.run([command, "p.toml"]).ends(78);
        ran.tells(["TF0401", "agent `probe` needs `files`", "[p.toml:13:9]"]);
    }
    assert!(scene.runs().is_empty());
}

#[test]
fn state_survives_a_crash() {
    let probe =
        r#"config = { on = [{ match = "bad", do = "trap" }, { match = "three", do = "count" }] }"#;
    let (scene, ran) = run("probe", probe);
    // The bad line is not counted: its handling was undone.
    assert_eq!(ran.ends(1).text(), "{\"count\":3}\n");
    let lives = events(&scene, "incarnation");
    let second = lives.iter().find(|life| life["incarnation"] == 2).expect("a second life");
    assert_eq!((&second["agent"], &second["from"]), (&"probe".into(), &"checkpoint".into()));
}

#[test]
fn state_is_dropped_by_a_fresh_restart() {
    let probe = r#"restore = "fresh"
config = { on = [{ match = "bad", do = "trap" }, { match = "three", do = "count" }] }"#;
    let (_, ran) = run("probe", probe);
    assert_eq!(ran.ends(1).text(), "{\"count\":2}\n");
}

#[test]
fn too_many_crashes_fail_the_run() {
    let scene = Scene::new();
    scene.file("p.toml", pipeline("probe", "config = { on = [{ do = \"trap\" }] }"));
    scene.file("input.txt", "a\nb\nc\nd\ne\nf\n");
    let ran = scene.say("run p.toml --allow-dead-letters").ends(1);
    assert_eq!(ran.last().status, "failed");
    ran.tells([
        "root gave up, since restart 4 in its window was one too many",
        "`probe` crashed (record ",
        "trap: ",
    ]);
    assert_eq!(events(&scene, "escalated").len(), 1);
    assert_eq!(events(&scene, "restarted").len(), 3);
    let beside = scene.read("beside.txt");
    assert!(beside.is_empty() || beside == "a\nb\nc\nd\ne\nf\n", "all or nothing: {beside}");
    scene.say("resume @latest").ends(2).tells(["already failed"]);
}

#[test]
fn what_a_panic_says_is_on_record() {
    let probe = r#"config = { on = [{ match = "bad", do = "panic", text = "no tea left" }] }"#;
    let (scene, ran) = run("probe", probe);
    ran.ends(1);
    let logged = events(&scene, "log");
    assert_eq!((logged.len(), &logged[0]["kind"]), (1, &"crashed".into()));
    let parts = logged[0]["parts"].as_array().expect("parts");
    let log = parts.iter().find(|part| part["kind"] == "log").expect("a line");
    assert_eq!(log["level"], "error");
    let text = log["text"].as_str().expect("text");
    assert!(text.starts_with("panicked at ") && text.ends_with("no tea left"), "{text}");
    scene.say("replay @latest").ends(0);
}
