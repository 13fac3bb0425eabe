//! Requests over HTTP, made by the real program to a server on this machine that counts them: none is lost, and
//! none is made more often than the grant says, also when the process is killed in the middle of one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use theater_flow_tests::{LIMIT, Scene};

/// A server that answers each request with `re ` and its body, but for one, which it only takes.
struct Server {
    port: u16,
    /// The idempotency key of each request, in order.
    made: Arc<Mutex<Vec<String>>>,
    /// Says when the request has come that is not answered.
    held: Receiver<()>,
}

impl Server {
    /// The request with this number, from 1, is not answered.
    fn start(silent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (made, (tell, held)) = (Arc::new(Mutex::new(Vec::new())), channel());
        let keys = Arc::clone(&made);
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                let nth = answer(&stream, &keys, silent, &tell);
                if nth == silent {
                    kept.push(stream);
                }
            }
        });
        Self { port, made, held }
    }

    /// How often each key came.
    fn made(&self) -> BTreeMap<String, usize> {
        let mut made = BTreeMap::new();
        for key in self.made.lock().expect("it is only pushed to").iter() {
            *made.entry(key.clone()).or_default() += 1;
        }
        made
    }
}

fn answer(
    mut stream: &TcpStream,
    keys: &Mutex<Vec<String>>,
    silent: usize,
    tell: &Sender<()>,
) -> usize {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let line = line.trim_end().to_lowercase();
        if let Some(value) = line.strip_prefix("idempotency-key: ") {
            value.clone_into(&mut key);
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let nth = {
        let mut keys = keys.lock().expect("it is only pushed to");
        keys.push(key);
        keys.len()
    };
    if nth == silent {
        tell.send(()).expect("the test waits");
    } else {
        let body = [b"re ", &body[..]].concat();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }
    nth
}

/// Three lines, a request for each, and the answers on standard output.
fn pipeline(port: u16, method: &str, more: &str) -> String {
    format!(
        r#"
format = 1
name = "ask"

[supervisors.root]
children = ["lines", "ask", "print", "refused"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}

[agents.ask]
actor = "std/http"
inputs = "lines"
config = {{ url = "http://127.0.0.1:{port}/v1/x", method = "{method}", on-error = "reject" }}
grants = {{ http = [
  {{ host = "127.0.0.1", scheme = "http", port = {port}, methods = ["{method}"], paths = ["/v1/"], {more} }},
] }}

[agents.print]
actor = "std/stdout"
inputs = "ask.out"
grants = {{ stdout = true }}

[agents.refused]
actor = "std/file-write"
inputs = "ask.rejected"
config = {{ path = "refused.jsonl" }}
grants = {{ files = {{ write = ["refused.jsonl"] }} }}
"#
    )
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
    let came = server.held.recv_timeout(LIMIT);
    child.kill().expect("it can be killed");
    child.wait().expect("it is waited for");
    came.expect("the request came");
}

fn checked(scene: &Scene) {
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn each_message_is_one_request() {
    let server = Server::start(0);
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
    let server = Server::start(2);
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
    let server = Server::start(2);
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
    let server = Server::start(2);
    let scene = scene(server.port, "POST", "local = true, on_unknown = \"retry\"");
    killed(&scene, &server);
    scene.say("resume @latest").ends(0);
    let made = server.made();
    assert_eq!((made.len(), made.values().sum()), (3, 4), "{made:?}");
    checked(&scene);
}

#[test]
fn what_is_not_granted_never_leaves() {
    let server = Server::start(0);
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
    let server = Server::start(0);
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
    let server = Server::start(0);
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
    let server = Server::start(0);
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
