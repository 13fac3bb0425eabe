//! What waits at the point waits again: requests, retries, timers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use theater_flow_tests::{Scene, prebuilt};

use crate::scene::{fork, is_sound, of_kind, records, seq};

/// A server that answers each request with `re ` and its body, and keeps their keys.
pub(crate) struct Server {
    port: u16,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let keys = Arc::new(Mutex::new(Vec::new()));
        let made = Arc::clone(&keys);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let key = answer(&stream);
                made.lock().expect("it is only pushed to").push(key);
            }
        });
        Self { port, keys }
    }

    /// The keys of all requests so far, in order.
    pub(crate) fn made(&self) -> Vec<String> {
        self.keys.lock().expect("it is only pushed to").clone()
    }
}

fn answer(mut stream: &TcpStream) -> String {
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
    let body = [b"re ", &body[..]].concat();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    key
}

/// A run that made three requests.
pub(crate) fn asking(server: &Server) -> (Scene, String) {
    let scene = Scene::new();
    let port = server.port;
    scene.file("lines.txt", "a\nb\nc\n");
    scene.file(
        "p.toml",
        format!(
            r#"format = 1
name = "ask"
[supervisors.root]
children = ["lines", "ask", "print"]
[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}
[agents.ask]
actor = "std/http"
inputs = "lines"
config = {{ url = "http://127.0.0.1:{port}/v1/x", method = "POST" }}
grants = {{ http = [
  {{ host = "127.0.0.1", scheme = "http", port = {port}, methods = ["POST"], paths = ["/v1/"], local = true }},
] }}
[agents.print]
actor = "std/stdout"
inputs = "ask"
grants = {{ stdout = true }}
"#
        ),
    );
    let run = scene.say("run p.toml").ends(0).last().id;
    (scene, run)
}

#[test]
fn a_request_without_an_answer_at_the_point_is_made_again_in_the_forks_name() {
    let server = Server::start();
    let (scene, run) = asking(&server);
    let all = records(&scene, &run);
    let last = seq(all.last().expect("records"));
    for at in 0..last {
        let before = server.made().len();
        let forked = fork(&scene, &run, at, &[]).ends(0);
        let new = server.made().split_off(before);
        let answered = of_kind(&all, "outcome").iter().filter(|outcome| seq(outcome) <= at).count();
        assert_eq!(new.len(), 3 - answered, "after {at}: {new:?}");
        let id = forked.last().id;
        assert!(new.iter().all(|key| key.starts_with(&id)), "after {at}: {new:?}");
        is_sound(&scene, &id);
    }
}

#[test]
fn a_retry_comes_again_and_a_message_that_is_set_aside_is_again() {
    let scene = Scene::new();
    let probe = prebuilt("probe").display().to_string();
    scene.file("lines.txt", "good\nbad\nbetter\n");
    scene.file(
        "p.toml",
        format!(
            r#"format = 1
name = "retry"
[supervisors.root]
children = ["lines", "middle", "print"]
[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}
[agents.middle]
actor = "{probe}"
inputs = "lines"
retry = {{ max = 2, backoff = "constant", base = "20ms" }}
config = {{ echo = true, on = [{{ match = "bad", do = "fault" }}], ports = [
  {{ name = "in", direction = "input", type = "{{ path: string, line: u64, text: string }}" }},
  {{ name = "out", direction = "output", type = "{{ path: string, line: u64, text: string }}" }},
] }}
[agents.print]
actor = "std/stdout"
inputs = "middle"
grants = {{ stdout = true }}
"#
        ),
    );
    let run = scene.say("run p.toml").ends(1).last().id;
    let all = records(&scene, &run);
    let faults: Vec<u64> = of_kind(&all, "faulted").into_iter().map(seq).collect();
    assert_eq!(faults.len(), 3);
    for (before, at) in faults.iter().enumerate() {
        let id = fork(&scene, &run, *at, &[]).ends(1).last().id;
        let own = records(&scene, &id);
        assert_eq!(of_kind(&own, "faulted").len(), 2 - before, "after {at}");
        assert_eq!(of_kind(&own, "dead-lettered").len(), 1, "after {at}");
        is_sound(&scene, &id);
    }
}

#[test]
fn a_timer_that_was_set_comes_again() {
    let scene = Scene::new();
    scene.file("lines.txt", "a\nb\n");
    scene.file(
        "p.toml",
        r#"format = 1
name = "later"
[supervisors.root]
children = ["lines", "late", "print"]
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.late]
actor = "std/delay"
inputs = "lines"
config = { for = "200ms" }
grants = { clock = true, timer = true }
[agents.print]
actor = "std/stdout"
inputs = "late"
grants = { stdout = true }
"#,
    );
    let run = scene.say("run p.toml").ends(0).last().id;
    let all = records(&scene, &run);
    let set = all.iter().filter(|record| record["parts"].to_string().contains("timer-set"));
    let set: Vec<u64> = set.map(seq).collect();
    assert!(!set.is_empty());
    for at in set {
        let forked = fork(&scene, &run, at, &[]).ends(0);
        assert_eq!(forked.json().len(), 2, "{forked}");
        is_sound(&scene, &forked.last().id);
    }
}
