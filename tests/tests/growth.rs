//! What a run takes on the disk: it grows with its log, and not with how often its state is written down.

use serde_json::Value;
use theater_flow::prune::disk_bytes;
use theater_flow_tests::Scene;
use theater_flow_tests::web::{Manner, Server};

/// Different lines, which an agent keeps in mind: it is about 100 KB.
const KEYS: usize = 2_000;
/// What a checkpoint may take beyond what the log before it bears out, in bytes.
const SHORT: u64 = 64 << 10;
/// Bytes of a record besides its payloads, about.
const RECORD: u64 = 160;

/// Counts lines by their text, and what is answered to a request after them, which is never answered.
fn counting(port: u16) -> String {
    format!(
        r#"
format = 1
name = "counting"

[supervisors.root]
children = ["lines", "shown", "posts", "ask", "counts", "out"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}

[agents.shown]
actor = "std/file-lines"
config = {{ path = "post.txt" }}
grants = {{ files = {{ read = ["post.txt"] }} }}

[agents.posts]
actor = "std/map"
inputs = "shown"
config = {{ expr = '{{ url: "http://127.0.0.1:{port}/", method: "POST", body: .text }}' }}
outputs = {{ out = "json" }}

[agents.ask]
actor = "std/http"
inputs = "posts"
grants = {{ http = [{{ host = "127.0.0.1", scheme = "http", port = {port}, methods = ["POST"], paths = ["/"], local = true, on_unknown = "ask" }}] }}

[agents.counts]
actor = "std/aggregate"
inputs = {{ in = ["lines.out", "ask.out"] }}
outputs = {{ out = "json" }}
config = {{ by = ["text"], take = {{ n = "count" }} }}

[agents.out]
actor = "std/file-write"
inputs = "counts"
config = {{ path = "out.jsonl" }}
grants = {{ files = {{ write = ["out.jsonl"] }} }}
"#
    )
}

/// A run of so many lines that waits for somebody to decide about a request.
fn waiting(lines: usize) -> (Server, Scene) {
    let (server, scene) = (Server::start(|_| Manner::Closes), Scene::new());
    let line = |n: usize| format!("line {} with some more text, so that it is long\n", n % KEYS);
    scene.file("lines.txt", (0..lines).map(line).collect::<String>());
    scene.file("post.txt", "a letter\n");
    scene.file("counting.toml", counting(server.port));
    scene.say("run counting.toml").ends(4);
    (server, scene)
}

/// Each checkpoint's bytes, and those of the log between it and the one before.
fn checkpoints(scene: &Scene) -> Vec<(u64, u64)> {
    let (mut all, mut since) = (vec![], 0);
    for line in scene.say("events @latest --json").ends(0).json() {
        let of = |part: &Value| part["len"].as_u64().unwrap_or(0);
        if line["kind"] == "checkpoint" {
            all.push((of(&line), since));
            since = 0;
        } else {
            let parts = line["parts"].as_array().map_or(&[][..], Vec::as_slice);
            since += RECORD + of(&line) + parts.iter().map(of).sum::<u64>();
        }
    }
    all
}

/// Somebody who decides again and again must not make it grow by its whole state each time.
#[test]
fn a_run_that_waits_again_and_again_does_not_write_its_state_each_time() {
    let (_server, scene) = waiting(3 * KEYS);
    for _ in 0..6 {
        let held = scene.say("approve @latest --json").ends(0).json();
        let id = held[0]["id"].to_string();
        scene.run(["approve", "@latest", &id]).ends(0);
        scene.say("resume @latest").ends(4);
    }
    let all = checkpoints(&scene);
    assert!(all.iter().any(|(len, _)| *len > SHORT), "its state is long: {all:?}");
    for (nth, (len, since)) in all.iter().enumerate() {
        assert!(nth == 0 || *len <= SHORT.max(2 * since), "checkpoint {nth} of {all:?}");
    }
    scene.say("verify @latest").ends(0);
    let id = scene.say("approve @latest --json").ends(0).json()[0]["id"].to_string();
    scene.run(["approve", "@latest", &id, "--fail"]).ends(0);
    scene.say("resume @latest").ends(1);
    scene.say("replay @latest").ends(0);
}

/// What is written over is not given back at once, but there is a bound to it.
#[test]
fn a_long_run_takes_no_more_than_some_times_its_log() {
    let (_server, scene) = waiting(15 * KEYS);
    let all = checkpoints(&scene);
    let written: u64 = all.iter().map(|(len, _)| len).sum();
    let log: u64 = all.iter().map(|(_, since)| since).sum();
    assert!(all.len() > 2, "it is long: {all:?}");
    assert!(written <= log, "its state was written down too often: {all:?}");
    let disk = disk_bytes(&scene.runs()[0].join("db"));
    assert!(disk <= 4 * log + (16 << 20), "{disk} bytes on the disk for {log} of log: {all:?}");
}
