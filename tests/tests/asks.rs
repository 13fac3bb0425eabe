//! Requests that nobody answers, or too late, and what ends meanwhile: the event, the agent, the process.

use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use theater_flow_tests::Scene;
use theater_flow_tests::held::{send, wait_for};
use theater_flow_tests::web::{Manner, Server, asking};

fn scene(server: &Server, method: &str, (more, habits): (&str, &str)) -> Scene {
    let scene = Scene::new();
    scene.file("lines.txt", "a\nb\nc\n");
    let more = format!("local = true, {more}");
    scene.file("pipeline.toml", asking(server.port, method, (&more, habits)));
    scene
}

fn start(scene: &Scene, line: &str) -> Child {
    let mut command = scene.command(line.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// One word of each outcome.
fn outcomes(scene: &Scene) -> Vec<String> {
    let lines = scene.say("events @latest --kind outcome --json").ends(0).json();
    lines.iter().map(|line| line["how"].as_str().expect("a word").to_owned()).collect()
}

/// The codes of what was refused.
fn refused(scene: &Scene) -> Vec<String> {
    let text = scene.read("refused.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| line["code"].as_str().expect("a code").to_owned()).collect()
}

fn checked(scene: &Scene) {
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn a_request_that_hangs_ends_with_the_event_or_the_grant() {
    for limits in [("timeout = \"200ms\"", ""), ("", "timeout = \"200ms\"")] {
        // What changes something may have been done; what does not is an error like others.
        for (method, code, how) in [("POST", "unknown", "unknown"), ("GET", "timeout", "answered")]
        {
            let server = Server::hanging_at(2);
            let scene = scene(&server, method, limits);
            scene.say("run pipeline.toml").ends(0);
            assert_eq!(refused(&scene), [code], "{limits:?}");
            assert_eq!(outcomes(&scene), ["answered", how, "answered"]);
            assert_eq!(server.counts(), (3, 3));
            checked(&scene);
        }
    }
}

#[test]
fn a_request_that_hangs_can_wait_for_somebody_without_any_kill() {
    let server = Server::hanging_at(2);
    let scene = scene(&server, "POST", ("timeout = \"200ms\", on_unknown = \"ask\"", ""));
    scene.say("run pipeline.toml").ends(4).tells(["1 request waits"]);
    let held = scene.say("approve @latest --json").ends(0).json();
    scene.run(["approve", "@latest", &held[0]["id"].to_string()]).ends(0);
    scene.say("resume @latest").ends(0);
    assert_eq!((server.counts(), refused(&scene).len()), ((4, 3), 0));
    checked(&scene);
}

#[test]
fn an_answer_that_comes_too_late_is_not_read() {
    let server = Server::start(|nth| if nth == 1 { Manner::Hangs } else { Manner::Answers });
    let scene = scene(&server, "POST", ("timeout = \"200ms\"", ""));
    let mut child = start(&scene, "run pipeline.toml");
    server.wait();
    wait_for("the refusal", || outcome_is(&scene, "nobody knows").then_some(()));
    server.release();
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!((refused(&scene), server.counts()), (vec![String::from("unknown")], (3, 3)));
    checked(&scene);
}

/// True once the first outcome says this.
fn outcome_is(scene: &Scene, what: &str) -> bool {
    let lines = scene.say("events @latest --kind outcome --json").json();
    lines.first().is_some_and(|line| line["summary"].to_string().contains(what))
}

#[test]
fn a_connection_that_closes_is_no_answer_and_a_new_attempt_keeps_the_key() {
    let closing = |nth| if nth == 2 { Manner::Closes } else { Manner::Answers };
    let server = Server::start(closing);
    let scene = scene(&server, "POST", ("", ""));
    scene.say("run pipeline.toml").ends(0);
    assert_eq!((refused(&scene), server.counts()), (vec![String::from("unknown")], (3, 3)));
    checked(&scene);
    // As a fault it is tried again if that is granted: the server can tell by the key.
    for (more, code, counts) in [("", 1, (3, 3)), (", on_unknown = \"retry\"", 0, (4, 3))] {
        let server = Server::start(closing);
        let grant = format!("local = true{more}");
        let text = asking(server.port, "POST", (&grant, "retry = { max = 2, base = \"1ms\" }"));
        let text = text.replace(", on-error = \"reject\"", "").replace(", \"refused\"]", "]");
        let text = text.split("[agents.refused]").next().expect("a text").replace("ask.out", "ask");
        scene.file("pipeline.toml", text);
        scene.say("run pipeline.toml").ends(code);
        assert_eq!(server.counts(), counts);
        checked(&scene);
    }
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let server = Server::hanging_at(2);
    let scene = scene(&server, "POST", ("", ""));
    let mut child = start(&scene, "run pipeline.toml");
    server.wait();
    send(&child, Signal::INT);
    wait_for("the stop", || {
        let stopping = scene.say("events @latest --kind stopping --json").json();
        (stopping.len() == 1).then_some(())
    });
    server.release();
    // All lines were read before: the mailboxes empty, and the run comes to its end.
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(outcomes(&scene), ["answered"; 3]);
    assert_eq!((server.counts(), refused(&scene).len()), ((3, 3), 0));
    checked(&scene);
}

#[test]
fn a_second_signal_does_not_wait_and_what_is_open_then_is_unknown() {
    for (method, counts, how) in [("POST", (3, 3), "unknown"), ("GET", (4, 3), "repeated")] {
        let server = Server::hanging_at(2);
        let scene = scene(&server, method, ("", ""));
        let mut child = start(&scene, "run pipeline.toml");
        server.wait();
        send(&child, Signal::INT);
        wait_for("the stop", || {
            let stopping = scene.say("events @latest --kind stopping --json").json();
            (stopping.len() == 1).then_some(())
        });
        send(&child, Signal::INT);
        assert_eq!(child.wait().expect("it ends").code(), Some(130));
        assert_eq!(outcomes(&scene), ["answered"]);
        // What is said now, nobody hears.
        server.release();
        scene.say("resume @latest").ends(0);
        assert_eq!((server.counts(), outcomes(&scene)[1].as_str()), (counts, how));
        checked(&scene);
    }
}

/// Its neighbour crashes and takes it down while it waits: the next life gets the same answer.
#[test]
fn a_restart_keeps_what_was_asked() {
    let server = Server::hanging_at(2);
    let scene = scene(&server, "POST", ("", ""));
    let probe = theater_flow_tests::prebuilt("probe");
    let text = scene.read("pipeline.toml");
    let text = text
        .replace("\"refused\"]", "\"refused\", \"typed\", \"bad\"]\nstrategy = \"one-for-all\"");
    let more = format!(
        r#"
[agents.typed]
actor = "std/stdin-lines"
grants = {{ stdin = true }}

[agents.bad]
actor = "{}"
inputs = "typed"
config = {{ on = [{{ match = "bad", do = "trap" }}] }}
"#,
        probe.display()
    );
    scene.file("pipeline.toml", text + &more);
    let mut child = start(&scene, "run pipeline.toml");
    server.wait();
    {
        use std::io::Write as _;
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"bad\n").expect("it is read");
    }
    wait_for("the restart", || {
        let restarted = scene.say("events @latest --kind restarted --json").json();
        (!restarted.is_empty()).then_some(())
    });
    server.release();
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "one dead letter");
    assert_eq!((server.counts(), refused(&scene).len()), ((3, 3), 0));
    assert_eq!(outcomes(&scene), ["answered"; 3]);
    checked(&scene);
}
