//! `kill -9` at random instants of processes whose agents make requests: while they begin, open, resume, wait for a
//! response and end. A server counts what was made, and the log says what nobody knows.

use std::collections::BTreeMap;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::lives::tell;
use theater_flow_tests::web::Server;
use theater_flow_tests::{LIMIT, Scene, is_full};

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(1);
/// How long an open, a resume and a first request take about, in ms.
const BEGINNING_MS: u64 = 150;
/// Kills of one run; then it may end.
const KILLS_PER_RUN: usize = 20;
/// Processes that may be needed for one run.
const LIVES: usize = 200;

/// A request for each line; the answers go to one file, what failed to another.
const PIPELINE: &str = r#"
format = 1
name = "requests"

[supervisors.root]
children = ["lines", "ask", "answers", "refused"]

[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }

[agents.ask]
actor = "std/http"
inputs = "lines"
config = { url = "http://127.0.0.1:PORT/v1/x", method = "POST", on-error = "reject" }

[[agents.ask.grants.http]]
host = "127.0.0.1"
scheme = "http"
port = PORT
methods = ["POST"]
local = true
on_unknown = "WORD"

[agents.answers]
actor = "std/file-write"
inputs = "ask.out"
config = { path = "answers.jsonl" }
grants = { files = { write = ["answers.jsonl"] } }

[agents.refused]
actor = "std/file-write"
inputs = "ask.rejected"
config = { path = "refused.jsonl" }
grants = { files = { write = ["refused.jsonl"] } }
"#;

/// Runs of one pipeline, whose processes are killed.
struct Murder {
    word: &'static str,
    lines: usize,
    dice: Dice,
    server: Server,
    scene: Scene,
    kills: usize,
    /// Decisions that something is made again, and that it is not.
    decisions: (usize, usize),
}

impl Murder {
    fn new(word: &'static str, lines: usize, seed: u64) -> Self {
        let (server, scene) = (Server::hanging_at(0), Scene::new());
        scene.file(
            "lines.txt",
            (1..=lines).fold(String::new(), |text, n| text + &format!("line {n}\n")),
        );
        let text = PIPELINE.replace("PORT", &server.port.to_string()).replace("WORD", word);
        scene.file("pipeline.toml", text);
        Self { word, lines, dice: Dice::new(seed), server, scene, kills: 0, decisions: (0, 0) }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.scene.command(line.split_whitespace());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    }

    /// Kills the process soon, or when the server has so many requests more, unless it ends before.
    fn kill(&mut self, mut child: Child) -> Option<ExitStatus> {
        let (began, before) = (Instant::now(), self.server.counts().0);
        let (soon, later) = (self.dice.below(BEGINNING_MS), self.dice.below(self.lines as u64 / 4));
        let by_time = self.dice.below(3) == 0;
        let more = usize::try_from(later).expect("it is small");
        loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                return Some(status);
            }
            let over = if by_time {
                began.elapsed() >= Duration::from_millis(soon)
            } else {
                self.server.counts().0 >= before + more
            };
            if over {
                break;
            }
            assert!(began.elapsed() < LIMIT, "the process does not come so far");
            thread::sleep(LOOK);
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it is waited for");
        self.kills += 1;
        None
    }

    /// Somebody decides about all that waits.
    fn decide(&mut self) {
        for held in self.scene.say("approve @latest --json").ends(0).json() {
            let id = held["id"].to_string();
            if self.dice.below(2) == 0 {
                self.scene.run(["approve", "@latest", &id]).ends(0);
                self.decisions.0 += 1;
            } else {
                self.scene.run(["approve", "@latest", &id, "--fail"]).ends(0);
                self.decisions.1 += 1;
            }
        }
    }

    /// One run, to its end.
    fn run(&mut self, kills: usize) {
        let until = self.kills + kills;
        let mut began = false;
        for _ in 0..LIVES {
            let child = self.start(if began { "resume @latest" } else { "run pipeline.toml" });
            let ended = if self.kills < until {
                self.kill(child)
            } else {
                let mut child = child;
                Some(child.wait().expect("it ends"))
            };
            match ended.map(|status| status.code()) {
                Some(Some(0)) => return,
                Some(Some(4)) => self.decide(),
                Some(Some(2)) => match self.status().as_deref() {
                    // The one before was killed when it had just ended the run.
                    Some("completed") => return,
                    // It was killed before its first record was durable: nothing was done.
                    _ => began = false,
                },
                None => began = self.status().is_some(),
                other => panic!("{other:?}"),
            }
            began |= ended.is_some_and(|status| status.code() == Some(4));
        }
        panic!("the run does not come to its end");
    }

    fn status(&self) -> Option<String> {
        let runs = self.scene.say("runs --json").ends(0).json();
        runs.first().map(|run| run["status"].as_str().expect("a word").to_owned())
    }
}

/// How often the log says each word of an outcome.
fn outcomes(scene: &Scene) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in scene.say("events @latest --kind outcome --json").ends(0).json() {
        *counts.entry(line["how"].as_str().expect("a word").to_owned()).or_default() += 1;
    }
    counts
}

/// What the bodies of answers say, in their order.
fn bodies(text: &str) -> Vec<String> {
    let body = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let body = line["body"].as_str().expect("a text").to_owned();
        let asked = body.strip_prefix("re ").expect("an answer");
        let asked: Value = serde_json::from_str(asked).expect("JSON");
        asked["text"].as_str().expect("a text").to_owned()
    };
    text.lines().map(body).collect()
}

/// All that must be so of the newest run. How many requests nobody knew of, and how many were made again.
fn check(
    murder: &Murder,
    (made, decisions): (BTreeMap<String, usize>, (usize, usize)),
) -> (usize, usize) {
    let Murder { word, lines, scene, .. } = murder;
    let said = outcomes(scene);
    let count = |how: &str| said.get(how).copied().unwrap_or(0);
    let (answered, unknown, repeated) = (count("answered"), count("unknown"), count("repeated"));
    let answers = bodies(&scene.read("answers.jsonl"));
    let refused = scene.read("refused.jsonl");
    assert_eq!((answered, answers.len()), (lines - unknown, lines - unknown), "{said:?}");
    assert_eq!(refused.lines().count(), unknown);
    assert_eq!(refused.matches("\"code\":\"unknown\"").count(), unknown);
    let all: Vec<String> = (1..=*lines).map(|n| format!("line {n}")).collect();
    let mut left = all.iter();
    assert!(answers.iter().all(|answer| left.any(|line| line == answer)), "in order, none twice");
    let (requests, most) = (made.values().sum::<usize>(), made.values().max().copied());
    assert!(made.len() >= answers.len() && requests <= made.len() + repeated, "{made:?}");
    match *word {
        "retry" => assert_eq!((unknown, made.len()), (0, *lines)),
        "fail" => assert_eq!((repeated, most), (0, Some(1))),
        _ => assert_eq!((unknown, repeated), (decisions.1, decisions.0)),
    }
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
    (unknown + repeated, requests - made.len())
}

fn kill(word: &'static str, seed: u64) {
    let (lines, goal) = if is_full() { (400, 30) } else { (40, 4) };
    let mut murder = Murder::new(word, lines, seed);
    let (mut runs, mut unsure, mut twice) = (0, 0, 0);
    while murder.kills < goal {
        let (before, decided) = (murder.server.made(), murder.decisions);
        murder.run(KILLS_PER_RUN.min(goal - murder.kills));
        let mut made = murder.server.made();
        made.retain(|key, _| !before.contains_key(key));
        let decisions = (murder.decisions.0 - decided.0, murder.decisions.1 - decided.1);
        let (nobody_knew, again) = check(&murder, (made, decisions));
        (unsure, twice, runs) = (unsure + nobody_knew, twice + again, runs + 1);
    }
    tell(&format!(
        "{word}: kills {} in {runs} runs of {lines} requests; nobody knew of {unsure}, {twice} came twice",
        murder.kills
    ));
}

#[test]
fn what_may_be_made_again_is_lost_nowhere() {
    kill("retry", 11);
}

#[test]
fn what_may_not_be_made_again_comes_once_at_most() {
    kill("fail", 12);
}

#[test]
fn what_somebody_decides_about_comes_as_they_say() {
    kill("ask", 13);
}
