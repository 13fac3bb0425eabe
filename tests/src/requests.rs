//! A run with a request for each line of a file, and what must be so of its end however often it was cut off.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Scene;
use crate::web::Server;

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

/// Such runs, one after the other, in one folder.
pub struct Requests {
    /// What `on_unknown` says.
    pub word: &'static str,
    /// How many lines there are.
    pub lines: usize,
    /// Who answers.
    pub server: Server,
    /// The folder.
    pub scene: Scene,
    /// Decisions so far that something is made again, and that it is not.
    pub decisions: (usize, usize),
}

/// What the outside knows before a run.
pub struct Before {
    made: BTreeMap<String, usize>,
    decisions: (usize, usize),
}

impl Requests {
    /// A folder with the pipeline and its lines; nothing has run.
    #[must_use]
    pub fn new(scene: Scene, word: &'static str, lines: usize) -> Self {
        let server = Server::hanging_at(0);
        let text = (1..=lines).fold(String::new(), |text, n| text + &format!("line {n}\n"));
        scene.file("lines.txt", text);
        let text = PIPELINE.replace("PORT", &server.port.to_string()).replace("WORD", word);
        scene.file("pipeline.toml", text);
        Self { word, lines, server, scene, decisions: (0, 0) }
    }

    /// What is known before a run.
    #[must_use]
    pub fn before(&self) -> Before {
        Before { made: self.server.made(), decisions: self.decisions }
    }

    /// The status of the newest run, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<String> {
        let runs = self.scene.say("runs --json").ends(0).json();
        runs.first().map(|run| run["status"].as_str().expect("a word").to_owned())
    }

    /// Checks all that must be so of the newest run, once it is over. How many requests nobody knew of, and how
    /// many were made again.
    #[must_use]
    pub fn check(&self, before: &Before) -> (usize, usize) {
        let Self { word, lines, scene, .. } = self;
        let mut made = self.server.made();
        made.retain(|key, _| !before.made.contains_key(key));
        let (again, not) = self.decisions;
        let decisions = (again - before.decisions.0, not - before.decisions.1);
        let said = outcomes(scene);
        let count = |how: &str| said.get(how).copied().unwrap_or(0);
        let (answered, unknown, repeated) =
            (count("answered"), count("unknown"), count("repeated"));
        let answers = bodies(&scene.read("answers.jsonl"));
        let refused = scene.read("refused.jsonl");
        assert_eq!((answered, answers.len()), (lines - unknown, lines - unknown), "{said:?}");
        assert_eq!(refused.lines().count(), unknown);
        assert_eq!(refused.matches("\"code\":\"unknown\"").count(), unknown);
        let all: Vec<String> = (1..=*lines).map(|n| format!("line {n}")).collect();
        let mut left = all.iter();
        assert!(
            answers.iter().all(|answer| left.any(|line| line == answer)),
            "in order, none twice"
        );
        let (requests, most) = (made.values().sum::<usize>(), made.values().max().copied());
        assert!(
            made.len() >= answers.len() && requests <= made.len() + repeated,
            "{made:?} {said:?}"
        );
        match *word {
            "retry" => assert_eq!((unknown, made.len()), (0, *lines)),
            "fail" => assert_eq!((repeated, most), (0, Some(1))),
            _ => assert_eq!((unknown, repeated), (decisions.1, decisions.0)),
        }
        scene.say("verify @latest").ends(0);
        scene.say("replay @latest").ends(0);
        (unknown + repeated, requests - made.len())
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
