//! Looking back, by the real program, at a run in which an agent went and another came.

use std::io::Write as _;

use std::process::{Child, ChildStdin};

use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::watched::ids;

const SAY: &str = r#"format = 1
name = "say"
[supervisors.root]
children = ["lines", "say", "print"]
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.say]
actor = "std/map"
inputs = "lines"
outputs = { out = "Said" }
config = { expr = '{ text: .text }' }
[agents.print]
actor = "std/stdout"
inputs = "say"
grants = { stdout = true }
[types]
Said = { text = "string" }
"#;

/// A run that has had two plans: `say` is there first, and then `tell`. The record of the reload.
fn two_plans() -> (Scene, u64) {
    let scene = Scene::new();
    scene.file("say.toml", SAY);
    scene
        .file("tell.toml", SAY.replace("\"say\"", "\"tell\"").replace("agents.say", "agents.tell"));
    let mut child = held(&scene, ["run", "say.toml"]);
    let mut input = child.stdin.take().expect("it is piped");
    for (nth, line) in ["a", "b"].into_iter().enumerate() {
        // In one piece, so that it is read as one.
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
        wait_for("the line", || {
            let done = scene.say("events @latest --json --agent print --kind confirmed");
            (done.text().lines().count() > nth).then_some(())
        });
        if nth == 0 {
            scene.say("reload @latest tell.toml").ends(0).tells(["(+1 ~2 -1)"]);
        }
    }
    drop(input);
    wait(child).ends(0);
    let record = scene.say("events @latest --json --kind reloaded").ends(0).json();
    let seq = record[0]["seq"].as_u64().expect("a number");
    (scene, seq)
}

#[test]
fn who_is_gone_is_named_and_who_came_too() {
    let (scene, reload) = two_plans();
    let of = |agent: &str| {
        let line = format!("events @latest --json --agent {agent} --kind transaction");
        scene.say(&line).ends(0).json()
    };
    let seqs = |agent: &str| -> Vec<u64> {
        of(agent).iter().map(|record| record["seq"].as_u64().expect("a number")).collect()
    };
    assert!(seqs("say").iter().all(|seq| *seq < reload));
    assert!(seqs("tell").iter().all(|seq| *seq > reload));
    for (agent, seqs) in [("say", seqs("say")), ("tell", seqs("tell"))] {
        let with = |seq: &&u64| {
            let shown = scene.say(&format!("show @latest {seq}")).ends(0).text().clone();
            assert!(shown.contains(agent) && !shown.contains('?'), "{shown}");
            shown.contains("out")
        };
        assert!(seqs.iter().filter(with).count() > 0, "{agent} sends by a port that is named");
        let last = seqs.last().expect("it did something");
        scene.say(&format!("why @latest {last}")).ends(0);
        scene.say(&format!("state @latest {agent} --at {last}")).ends(0);
    }
    scene.say(&format!("state @latest tell --at {}", reload - 1)).ends(2);
    let genesis = scene.say("events @latest").ends(0).text().clone();
    assert!(genesis.lines().next().is_some_and(|line| line.contains("3 agents")), "{genesis}");
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
    // Neither file lacks anybody who is there.
    scene.say("replay @latest --with tell.toml").ends(0);
    scene.say("replay @latest --with say.toml").ends(2).tells(["`tell` of the run"]);
}

#[test]
fn a_fork_before_at_and_after_a_reload_goes_on_and_ends() {
    let (scene, reload) = two_plans();
    let run = scene.say("runs --json").ends(0).json()[0]["run"].as_str().expect("an id").to_owned();
    for at in [reload - 1, reload, reload + 1] {
        for with in ["", " --with tell.toml", " --with say.toml"] {
            let ran = scene.say(&format!("fork {run} --at {at}{with}"));
            assert!([0, 2].contains(&ran.code()), "{at}{with}");
            if ran.code() == 0 {
                scene.say("verify @latest").ends(0);
                scene.say("replay @latest").ends(0);
            }
            if with.is_empty() {
                ran.ends(0);
            }
        }
    }
    scene.say(&format!("diff {run} {run}")).ends(0);
}

/// Sends lines to one of two outputs, which a later plan names otherwise.
const PICK: &str = r#"format = 1
name = "pick"
[supervisors.root]
children = ["lines", "pick", "print"]
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.pick]
actor = "std/route"
inputs = "lines"
config = { routes = [{ to = "long", when = ".text | length > 3" }], else = "short" }
[agents.print]
actor = "std/stdout"
inputs = ["pick.long", "pick.short"]
grants = { stdout = true }
"#;

/// A run of it that goes on, and has printed `one` and `two`; between them it went over to the other names if `reloads`.
fn picked(scene: &Scene, reloads: bool) -> (Child, ChildStdin) {
    let before = ids(scene).len();
    let mut child = held(scene, ["run", "pick.toml"]);
    wait_for("the run", || (ids(scene).len() > before).then_some(()));
    let mut input = child.stdin.take().expect("it is piped");
    for (nth, line) in ["long one", "long two"].into_iter().enumerate() {
        // In one piece, so that it is read as one.
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
        wait_for("the line", || {
            let done = scene.say("events @latest --json --agent print --kind confirmed");
            (done.text().lines().count() > nth).then_some(())
        });
        if nth == 0 && reloads {
            let _ = scene.say("reload @latest renamed.toml").ends(0);
        }
    }
    (child, input)
}

#[test]
fn ports_that_are_gone_are_named_while_the_run_goes_on() {
    let scene = Scene::new();
    scene.file("pick.toml", PICK);
    scene.file(
        "renamed.toml",
        PICK.replace("short", "small")
            .replace("long\"", "tall\"")
            .replace("pick.long", "pick.tall"),
    );
    let (child, input) = picked(&scene, true);
    let events = scene.say("events @latest --json --agent pick --kind transaction").ends(0);
    assert!(!events.text().contains("\"?\""), "{events}");
    let sent = |port: &str| {
        let emits = |record: &&serde_json::Value| record["parts"].to_string().contains(port);
        let found = events.json().iter().find(emits).map(|record| record["seq"].to_string());
        found.unwrap_or_else(|| panic!("nothing by {port}: {events}"))
    };
    for port in ["long", "tall"] {
        let of = |line: &str| scene.say(&format!("{line} @latest {}", sent(port))).ends(0).text();
        assert!(of("show").contains(port), "{}", of("show"));
        assert!(!of("why").contains('?'), "{}", of("why"));
    }
    drop(input);
    let _ = wait(child).ends(0);
}

/// Two runs that went over to another plan, and one that did not: what each did under the plan of that time is compared.
#[test]
fn runs_are_compared_over_their_plans() {
    let scene = Scene::new();
    scene.file("pick.toml", PICK);
    scene.file(
        "renamed.toml",
        PICK.replace("short", "small")
            .replace("long\"", "tall\"")
            .replace("pick.long", "pick.tall"),
    );
    for reloads in [true, true, false] {
        let (child, input) = picked(&scene, reloads);
        drop(input);
        let _ = wait(child).ends(0);
    }
    let runs = ids(&scene);
    let [one, other, plain] = &runs[..] else { panic!("three runs: {runs:?}") };
    let same = scene.run(["diff", one, other]).ends(0);
    assert!(!same.text().contains('?'), "{same}");
    let seq = |run: &str| {
        let all = scene.run(["events", run, "--json", "--kind", "reloaded"]).ends(0).json();
        all[0]["seq"].as_u64().expect("a number")
    };
    for (left, right, side) in [(one, plain, "first"), (plain, one, "second")] {
        let differs = scene.run(["diff", left, right]).ends(5);
        assert!(!differs.text().contains('?'), "{differs}");
        let json = scene.run(["diff", left, right, "--json"]).ends(5).json();
        let first = json[0]["first_difference"][side]["seq"].as_u64();
        assert!(first.is_some_and(|first| first > seq(one)), "{json:?}");
    }
}
