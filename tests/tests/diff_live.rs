//! Comparing runs that go on, by the real program: what has happened differs or does not, whatever comes.

use std::io::Write as _;
use std::process::Child;

use rustix::process::Signal;
use serde_json::Value;
use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, send, wait, wait_for};

/// `keys` and `shout` meet everything in one order. `both` meets what comes from two, and `after` what comes of that;
/// `late` meets messages and its timers.
const TYPED: &str = r#"format = 1
name = "typed"
[supervisors.root]
children = ["keys", "lines", "shout", "words", "both", "after", "late"]
[agents.keys]
actor = "std/stdin-lines"
grants = { stdin = true }
timeout = "10m"
shutdown = "brutal-kill"
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.shout]
actor = "std/map"
inputs = "keys"
outputs = { out = "string" }
config = { expr = ".text | ascii_upcase" }
[agents.both]
actor = "std/map"
inputs = ["shout", "words"]
outputs = { out = "string" }
config = { expr = "." }
[agents.after]
actor = "std/map"
inputs = "both"
outputs = { out = "string" }
config = { expr = "." }
[agents.late]
actor = "std/delay"
inputs = "keys"
config = { for = "1ms" }
grants = { clock = true, timer = true }
[agents.words]
actor = "std/map"
inputs = "lines"
outputs = { out = "string" }
config = { expr = ".text" }
"#;

/// Two runs that wait for what is typed.
struct Two {
    scene: Scene,
    ids: Vec<String>,
    children: Vec<Child>,
}

impl Two {
    fn start() -> Self {
        let scene = Scene::new();
        scene.file("p.toml", TYPED);
        scene.file("lines.txt", "one\ntwo\n");
        let (mut ids, mut children): (Vec<String>, _) = (vec![], vec![]);
        for nth in 1..=2 {
            children.push(held(&scene, ["run", "p.toml"]));
            wait_for("a run", || (scene.runs().len() == nth).then_some(()));
            let known = |path: std::path::PathBuf| {
                let name = path.file_name()?.to_str()?.to_owned();
                (!ids.contains(&name)).then_some(name)
            };
            let id = scene.runs().into_iter().find_map(known).expect("it is new");
            ids.push(id);
        }
        let two = Self { scene, ids, children };
        for side in 0..2 {
            two.waits_for(side, "after", 2);
        }
        two
    }

    /// Types a line, and waits until all of it is done.
    fn types(&mut self, side: usize, line: &str) {
        let stdin = self.children[side].stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").expect("it reads");
        self.waits_for(side, "after", 3);
        self.waits_for(side, "late", 1);
    }

    /// Waits until an agent has emitted this often.
    fn waits_for(&self, side: usize, agent: &str, done: usize) {
        let id = self.ids[side].as_str();
        wait_for("what an agent emits", || {
            let args = ["events", id, "--json", "--agent", agent, "--kind", "emission"];
            let ran = self.scene.run(args);
            (ran.code() == 0 && ran.json().len() == done).then_some(())
        });
    }

    fn diff(&self, ends: i32) -> (String, Value) {
        let [left, right] = &self.ids[..] else { panic!("two runs") };
        let text = self.scene.run(["diff", left, right]).ends(ends).text();
        let json = self.scene.run(["diff", left, right, "--json"]).ends(ends).json();
        (text, json[0].clone())
    }
}

#[test]
fn what_two_live_runs_did_otherwise_is_a_difference_before_they_end() {
    let mut two = Two::start();
    let (text, json) = two.diff(0);
    assert!(text.contains("the runs did the same so far"), "{text}");
    assert_eq!((&json["same"], &json["undecided"]), (&true.into(), &Value::Array(vec![])));
    two.types(0, "tea");
    let (text, json) = two.diff(0);
    assert!(text.contains("the runs did the same so far"), "the second may yet do it: {text}");
    assert_eq!(json["same"], true);
    two.types(1, "coffee");
    let (text, json) = two.diff(5);
    let first = &json["first_difference"];
    assert_eq!(first["agent"], "keys", "{text}");
    for (side, typed) in [("first", "tea"), ("second", "coffee")] {
        assert!(first[side].to_string().contains(typed), "{first}");
    }
    // The words came before or after one another, and what is said loudly differs: neither is only an order.
    assert!(!text.contains("in another order"), "{text}");
    let undecided = ["after", "both", "late"].map(Value::from);
    assert_eq!(json["undecided"], Value::Array(undecided.to_vec()), "{text}");
    assert!(text.contains("`both`: too early to tell"), "{text}");
    for child in std::mem::take(&mut two.children) {
        send(&child, Signal::INT);
        let _ = wait(child).ends(130);
    }
    let (text, stopped) = two.diff(5);
    assert_eq!(stopped["first_difference"]["agent"], "keys", "{text}");
}

impl Drop for Two {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
