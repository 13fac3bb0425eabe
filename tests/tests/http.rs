//! Requests over HTTP, made by the real program to a server on this machine that counts them: none is lost, and
//! none is made more often than the grant says, also when the process is killed in the middle of one.

use std::process::Stdio;
use std::sync::LazyLock;

use theater_flow_tests::Scene;
use theater_flow_tests::web::{Manner, Server, asking};

/// The pipeline, without anything with the agent.
fn pipeline(port: u16, method: &str, more: &str) -> String {
    asking(port, method, (more, ""))
}

fn scene(port: u16, method: &str, more: &str) -> Scene {
    let scene = Scene::new();
    scene.file("lines.txt", "a\nb\nc\n");
    scene.file("pipeline.toml", pipeline(port, method, more));
    scene
}

/// Runs it, and kills it when the server has the request that it does not answer.
fn killed(scene: &Scene, server: &Server) {
    let mut command = scene.command(["run", "pipeline.toml"]);
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    server.wait();
    child.kill().expect("it can be killed");
    child.wait().expect("it is waited for");
}

fn checked(scene: &Scene) {
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn each_message_is_one_request() {
    let server = Server::hanging_at(0);
    let scene = scene(server.port, "POST", "local = true");
    let ran = scene.say("run pipeline.toml").ends(0);
    let bodies: Vec<String> = ran.json().iter().map(|line| line["body"].to_string()).collect();
    assert_eq!(bodies.len(), 3, "{ran}");
    assert!(bodies.iter().zip(["a", "b", "c"]).all(|(body, line)| body.contains(line)), "{ran}");
    let made = server.made();
    assert_eq!(made.len(), 3);
    assert!(made.values().all(|times| *times == 1));
    assert!(made.keys().all(|key| key.contains("/ask/") && key.ends_with("/1")), "{made:?}");
    checked(&scene);
    let outcomes = scene.say("events @latest --kind outcome --json").ends(0).json();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|outcome| outcome["how"] == "answered"), "{outcomes:?}");
}

#[test]
fn a_request_that_changes_nothing_is_made_again_after_a_kill() {
    let server = Server::hanging_at(2);
    let scene = scene(server.port, "GET", "local = true");
    killed(&scene, &server);
    let resumed = scene.say("resume @latest").ends(0);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 4), "{made:?}");
    assert_eq!(scene.read("refused.jsonl"), "", "{resumed}");
    checked(&scene);
}

#[test]
fn a_request_that_changes_something_is_made_once_and_its_outcome_is_not_hidden() {
    let server = Server::hanging_at(2);
    let scene = scene(server.port, "POST", "local = true");
    killed(&scene, &server);
    scene.say("resume @latest").ends(0);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 3), "{made:?}");
    let refused = scene.read("refused.jsonl");
    assert_eq!(refused.lines().count(), 1, "{refused}");
    assert!(refused.contains("\"code\":\"unknown\""), "{refused}");
    let outcomes = scene.say("events @latest --kind outcome --json").ends(0).json();
    let how: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["how"].as_str()).collect();
    assert_eq!(how, ["answered", "unknown", "answered"]);
    checked(&scene);
}

#[test]
fn what_may_be_repeated_is_repeated_as_the_grant_says() {
    let server = Server::hanging_at(2);
    let scene = scene(server.port, "POST", "local = true, on_unknown = \"retry\"");
    killed(&scene, &server);
    scene.say("resume @latest").ends(0);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 4), "{made:?}");
    checked(&scene);
}

/// As [`pipeline`], but what is not answered well is a fault, and tried again.
fn faulting(port: u16, method: &str, more: &str) -> String {
    let text = pipeline(port, method, more).replace(", on-error = \"reject\"", "");
    let text = text.replace(", \"refused\"", "");
    let end = text.find("[agents.refused]").expect("it is the last one");
    format!("{}\n[defaults.agent]\nretry = {{ max = 2, base = \"1ms\" }}\n", &text[..end])
}

/// A server that answers the request with this number just so, and then closes the connection.
fn broken(nth: usize, response: &'static str) -> Server {
    Server::start(move |n| if n == nth { Manner::Says(response) } else { Manner::Answers })
}

#[test]
fn a_request_that_was_not_answered_whole_is_not_made_again() {
    for response in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"] {
        let server = broken(2, response);
        let scene = scene(server.port, "POST", "local = true");
        scene.file("pipeline.toml", faulting(server.port, "POST", "local = true"));
        scene.say("run pipeline.toml").ends(1);
        let made = server.made();
        assert_eq!((made.len(), made.values().sum()), (3, 3), "{response:?}: {made:?}");
        let outcomes = scene.say("events @latest --kind outcome --json").ends(0).json();
        let how: Vec<&str> = outcomes.iter().filter_map(|out| out["how"].as_str()).collect();
        assert_eq!(how, ["answered", "unknown", "answered"]);
        let told = outcomes[1]["answer"].to_string();
        assert!(told.contains("may have been made or not"), "{told}");
        checked(&scene);
    }
}

#[test]
fn a_request_that_takes_too_long_is_not_made_again() {
    let server = Server::hanging_at(2);
    let more = "local = true, timeout = \"200ms\"";
    let scene = scene(server.port, "POST", more);
    scene.file("pipeline.toml", faulting(server.port, "POST", more));
    scene.say("run pipeline.toml").ends(1);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 3), "{made:?}");
    let outcomes = scene.say("events @latest --kind outcome --json").ends(0).text();
    assert!(outcomes.contains("no whole response within 200 ms"), "{outcomes}");
    checked(&scene);
}

#[test]
fn what_was_answered_too_long_was_made() {
    static LONG: LazyLock<String> =
        LazyLock::new(|| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat((64 << 10) + 1)));
    let server = broken(2, &LONG);
    let more = "local = true, max_body = \"64KiB\"";
    let scene = scene(server.port, "POST", more);
    scene.file("pipeline.toml", faulting(server.port, "POST", more));
    scene.say("run pipeline.toml").ends(1);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 3), "{made:?}");
    let outcomes = scene.say("events @latest --kind outcome --json").ends(0).json();
    let how: Vec<&str> = outcomes.iter().filter_map(|out| out["how"].as_str()).collect();
    assert_eq!(how, ["answered", "made", "answered"]);
    let told = scene.say("events @latest --kind outcome").ends(0).text();
    assert!(told.contains("too-large; it is not made again"), "{told}");
    checked(&scene);
}

#[test]
fn what_broke_off_and_may_be_repeated_is_made_again_under_its_key() {
    for (method, more) in [("GET", ""), ("POST", ", on_unknown = \"retry\"")] {
        let server = broken(2, "");
        let more = format!("local = true{more}");
        let scene = scene(server.port, method, &more);
        scene.file("pipeline.toml", faulting(server.port, method, &more));
        scene.say("run pipeline.toml").ends(0);
        let made = server.made();
        assert_eq!((made.len(), made.values().sum()), (3, 4), "{made:?}");
        checked(&scene);
    }
}

#[test]
fn what_is_refused_on_the_way_is_a_denial() {
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: /admin\r\ncontent-length: 0\r\n\r\n";
    let server = broken(2, elsewhere);
    let more = "local = true, redirects = 1";
    let scene = scene(server.port, "GET", more);
    scene.say("run pipeline.toml").ends(0);
    assert_eq!(server.made().len(), 3, "nobody asks for /admin");
    let denials = scene.say("events @latest --kind denial --json").ends(0).json();
    assert_eq!(denials.len(), 1, "{denials:?}");
    assert_eq!(denials[0]["kind"], "outcome", "{denials:?}");
    checked(&scene);
}

#[test]
fn what_is_not_granted_never_leaves() {
    let server = Server::hanging_at(0);
    let scene = scene(server.port, "POST", "local = true");
    let other = pipeline(server.port, "POST", "local = true").replace("/v1/x", "/admin");
    scene.file("pipeline.toml", other);
    scene.say("run pipeline.toml").ends(0);
    assert_eq!(scene.read("refused.jsonl").matches("\"denied\"").count(), 3);
    assert!(server.made().is_empty());
    let text = pipeline(server.port, "POST", "");
    scene.file("pipeline.toml", text);
    scene.say("run pipeline.toml").ends(78).tells(["TF0408", "local = true"]);
    checked(&scene);
}

#[test]
fn what_was_asked_can_be_looked_at_and_done_again() {
    let server = Server::hanging_at(0);
    let scene = scene(server.port, "GET", "local = true");
    let once = scene.say("run pipeline.toml").ends(0).last().id;
    let records = scene.say("events @latest --json").ends(0).json();
    for from in (0..records.len()).map(|from| from.to_string()) {
        scene.run(["replay", "@latest", "--from", &from]).ends(0);
        scene.run(["state", "@latest", "ask", "--at", &from, "--json"]);
    }
    let outcome = records.iter().find(|record| record["kind"] == "outcome").expect("one");
    let seq = outcome["seq"].to_string();
    let why = scene.run(["why", "@latest", &seq]).ends(0).text();
    assert!(why.contains("intent") && why.contains("status 200"), "{why}");
    scene.say("run pipeline.toml").ends(0);
    scene.run(["diff", &once, "@latest"]).ends(0);
    let made = server.made();
    checked(&scene);
    assert_eq!((server.made(), made.len()), (made, 6), "nothing is asked again");
}

#[test]
fn another_file_shows_what_would_be_asked_otherwise() {
    let server = Server::hanging_at(0);
    let scene = scene(server.port, "GET", "local = true");
    scene.say("run pipeline.toml").ends(0);
    let text = pipeline(server.port, "GET", "local = true");
    scene.file("q.toml", text.replace("/v1/x\"", "/v1/y\""));
    let replay = "replay @latest --with q.toml --json";
    let found = &scene.say(replay).ends(5).json()[0]["differences"][0];
    let (then, now) = (&found["expected"], &found["actual"]);
    assert_eq!((&then["kind"], &now["kind"]), (&"intent".into(), &"intent".into()), "{found}");
    assert!(then["args"].to_string().contains("/v1/x"), "{found}");
    assert!(now["args"].to_string().contains("/v1/y"), "{found}");
    // The same question, and another use of the answer: it is given the recorded one.
    scene.file("q.toml", text.replace("on-error", "body = \"json\", on-error"));
    let found = &scene.say(replay).ends(5).json()[0]["differences"][0];
    let (then, now) = (&found["expected"], &found["actual"]);
    assert_eq!((&then["kind"], &now["kind"]), (&"transaction".into(), &"transaction".into()));
    assert!(now["parts"].to_string().contains("not-json"), "{found}");
    assert_eq!(server.made().len(), 3, "nothing is asked again");
}

#[test]
fn a_test_in_a_file_makes_no_request() {
    let server = Server::hanging_at(0);
    let scene = scene(server.port, "POST", "local = true");
    let tests = r#"
[[tests]]
name = "nobody is there"
files = { "lines.txt" = "a\n" }

[tests.expect]
records = [{ kind = "intent", count = 1 }, { kind = "outcome", agent = "ask", count = 1 }]
messages = { "ask.rejected" = { count = 1 } }

[[tests]]
name = "a mock stands in"
files = { "lines.txt" = "a\n" }
mocks = { ask = { replies = [{ rejected = { url = "u", code = "dns", reason = "r" } }] } }

[tests.expect]
messages = { "ask.rejected" = [{ url = "u", code = "dns", reason = "r" }] }
records = [{ kind = "intent", count = 0 }]
"#;
    scene.file("pipeline.toml", pipeline(server.port, "POST", "local = true") + tests);
    scene.say("test pipeline.toml").ends(0).tells(["2 ok"]);
    assert!(server.made().is_empty());
}
