//! `reload`, `plans`, `rollback` and what `approve` says of plans, by the real program: of a run that is live, of one that
//! is at rest, and of one that is over.

#[path = "reload/again.rs"]
mod again;
#[path = "reload/asked.rs"]
mod asked;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Child;

use serde_json::Value;
use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, wait, wait_for};

/// Says of each line of standard input how long it is, in a word that a test chooses.
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
config = { expr = '"first \(.text)" as $t | { text: $t }' }
[agents.print]
actor = "std/stdout"
inputs = "say"
grants = { stdout = true }
[types]
Said = { text = "string" }
"#;

fn with(word: &str) -> String {
    SAY.replace("first", word)
}

/// As [`SAY`], but one agent may do more than it needs.
fn wider() -> String {
    with("wider").replace("outputs = { out", "limits = { memory = \"128MiB\" }\noutputs = { out")
}

struct Talk {
    scene: Scene,
    child: Child,
    said: usize,
}

impl Talk {
    fn new() -> Self {
        let scene = Scene::new();
        scene.file("say.toml", SAY);
        for word in ["second", "third"] {
            scene.file(&format!("{word}.toml"), with(word));
        }
        scene.file("wider.toml", wider());
        scene.file("faulty.toml", SAY.replace("expr =", "exp ="));
        let child = held(&scene, ["run", "say.toml"]);
        Self { scene, child, said: 0 }
    }

    /// Writes a line, and waits until it is printed.
    fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{line}").expect("it reads");
        self.said += 1;
        let wanted = self.said;
        wait_for("the line", || {
            let done = self.scene.say("events @latest --json --agent print --kind confirmed");
            (done.text().lines().count() >= wanted).then_some(())
        });
    }

    /// Ends it; what it printed.
    fn end(self) -> (Scene, Vec<String>) {
        let Self { scene, mut child, .. } = self;
        drop(child.stdin.take());
        let ran = wait(child).ends(0);
        (scene, texts(&ran.json()))
    }
}

fn texts(lines: &[Value]) -> Vec<String> {
    lines.iter().map(|line| line["text"].as_str().unwrap_or("?").to_owned()).collect()
}

fn one(scene: &Scene, line: &str) -> Value {
    let all = scene.say(line).ends(0).json();
    let [one] = &all[..] else { panic!("one of `{line}`: {all:?}") };
    one.clone()
}

fn checked(scene: &Scene) {
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn a_live_run_goes_over_to_another_plan_and_back() {
    let mut talk = Talk::new();
    talk.say("a");
    let done = talk.scene.say("reload @latest second.toml").ends(0);
    done.tells(["reload ok rev 1→2 (+0 ~1 -0) in "]);
    talk.say("b");
    let same = talk.scene.say("reload @latest second.toml --json").ends(0).json();
    assert_eq!((&same[0]["outcome"], &same[0]["revision"]), (&"same".into(), &2.into()));
    talk.scene.say("rollback @latest 1").ends(0).tells(["rev 2→3 (+0 ~1 -0)"]);
    talk.say("c");
    let last = one(&talk.scene, "runs --json");
    assert_eq!((&last["reload"]["outcome"], &last["waits"]), (&"ok".into(), &Value::Null));
    assert_eq!(last["reload"]["what"], "rev 2→3 (+0 ~1 -0)");
    let plans = talk.scene.say("plans @latest --json").ends(0).json();
    let digests: Vec<&Value> = plans.iter().map(|plan| &plan["plan"]).collect();
    assert_eq!(digests[0], digests[2], "the same plan again");
    assert_ne!(digests[0], digests[1]);
    let (scene, printed) = talk.end();
    assert_eq!(printed, ["first a", "second b", "first c"]);
    checked(&scene);
    scene.say("plans @latest").ends(0);
    let between = scene.say("plans @latest 1 2").ends(0);
    assert_eq!(between.text(), "~ say  replace (config)\n");
    assert_eq!(scene.say("plans @latest 1 3").ends(0).text(), "");
}

#[test]
fn the_record_of_a_reload_says_who_what_and_from_where() {
    let mut talk = Talk::new();
    talk.say("a");
    talk.scene.say("reload @latest second.toml").ends(0);
    let (scene, _) = talk.end();
    let record = one(&scene, "events @latest --json --kind reloaded");
    let plans = scene.say("plans @latest --json").ends(0).json();
    assert_eq!((&record["from"], &record["to"]), (&plans[0]["plan"], &plans[1]["plan"]));
    assert_eq!(record["changes"], serde_json::json!(["~ say: replace (config)"]));
    let uid = std::fs::metadata(scene.path()).expect("it is there").uid();
    assert!(record["by"].as_str().is_some_and(|by| by.contains(&uid.to_string())), "{record}");
    let text = std::fs::read(scene.path().join("second.toml")).expect("it is there");
    let source = theater_flow_kernel::ids::Digest::of(&text).to_string();
    assert_eq!(record["source"], source.as_str());
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut talk = Talk::new();
    talk.say("a");
    let told = one(&talk.scene, "reload @latest wider.toml --dry-run --json");
    assert_eq!((&told["outcome"], &told["revision"]), (&"dry-run".into(), &2.into()));
    assert_eq!(told["widens"][0]["what"], "limits.memory");
    assert_eq!(told["widens"][0]["detail"], "64MiB → 128MiB");
    let table = talk.scene.say("reload @latest wider.toml --dry-run").ends(0);
    assert_eq!(
        table.text(),
        "~ say  replace (config)\n~ say  retune (limits)\n! say gets more: limits.memory 64MiB → 128MiB\n"
    );
    assert_eq!(talk.scene.say("plans @latest --json").ends(0).json().len(), 1);
    let (_, printed) = talk.end();
    assert_eq!(printed, ["first a"]);
}

#[test]
fn a_file_with_faults_changes_nothing_and_that_is_recorded() {
    let mut talk = Talk::new();
    talk.say("a");
    let refused = talk.scene.say("reload @latest faulty.toml").ends(78);
    refused.tells(["TF0508", "did you mean `expr`?"]);
    let faults = talk.scene.say("reload @latest faulty.toml --json").ends(78).json();
    assert_eq!(faults[0]["code"], "TF0508");
    let last = one(&talk.scene, "runs --json");
    assert_eq!(last["reload"]["outcome"], "refused");
    assert!(last["reload"]["what"].as_str().is_some_and(|why| why.contains("TF0508")), "{last}");
    talk.scene.say("reload @latest nothing.toml").ends(2).tells(["cannot read `nothing.toml`"]);
    talk.scene.say("reload @latest say.toml --set a=b").ends(78).tells(["no param `a`"]);
    talk.scene.say("rollback @latest 7").ends(2).tells(["no revision 7: the run has 1 to 1"]);
    talk.say("b");
    let (scene, printed) = talk.end();
    assert_eq!(printed, ["first a", "first b"]);
    checked(&scene);
    scene.say("reload @latest second.toml").ends(2).tells(["already completed"]);
    scene.say("rollback @latest 1").ends(2).tells(["already completed"]);
}

#[test]
fn a_plan_that_gives_more_waits_until_somebody_approves_it() {
    let mut talk = Talk::new();
    talk.say("a");
    let waits = talk.scene.say("reload @latest wider.toml --json").ends(4).json();
    assert_eq!(waits[0]["widens"], serde_json::json!(["say: limits.memory 64MiB → 128MiB"]));
    let again = talk.scene.say("reload @latest wider.toml --json").ends(4).json();
    assert_eq!(waits[0]["proposal"], again[0]["proposal"], "it is asked for once");
    talk.say("b");
    let id = waits[0]["proposal"].to_string();
    assert_eq!(one(&talk.scene, "runs --json")["waits"].to_string(), id);
    let runs = talk.scene.say("runs").ends(0).text();
    assert!(runs.contains("waits for approval"), "{runs}");
    let more = "gives more: say: limits.memory 64MiB → 128MiB";
    for text in [runs, talk.scene.say("approve @latest").ends(0).text()] {
        assert!(text.contains(more), "{text}");
    }
    assert_eq!(one(&talk.scene, "runs --json")["widens"], waits[0]["widens"]);
    assert_eq!(one(&talk.scene, "approve @latest --json")["id"].to_string(), id);
    talk.scene.run(["approve", "@latest", &id, "--fail"]).ends(0).tells(["is not applied"]);
    talk.scene.run(["approve", "@latest", &id]).ends(2).tells(["waits no more"]);
    assert_eq!(one(&talk.scene, "runs --json")["waits"], Value::Null);
    let waits = talk.scene.say("reload @latest wider.toml --json").ends(4).json();
    let id = waits[0]["proposal"].to_string();
    talk.scene.run(["approve", "@latest", &id]).ends(0).tells(["reload ok rev 1→2"]);
    talk.say("c");
    let record = one(&talk.scene, "events @latest --json --kind reloaded");
    assert_eq!(record["proposal"].to_string(), id);
    // What takes away needs nobody.
    talk.scene.say("reload @latest third.toml").ends(0).tells(["reload ok rev 2→3"]);
    talk.say("d");
    let (scene, printed) = talk.end();
    assert_eq!(printed, ["first a", "first b", "wider c", "third d"]);
    checked(&scene);
}

#[test]
fn a_plan_waits_through_a_kill_and_is_applied_to_a_run_at_rest() {
    let mut talk = Talk::new();
    talk.say("a");
    let waits = talk.scene.say("reload @latest wider.toml --json").ends(4).json();
    let id = waits[0]["proposal"].to_string();
    talk.child.kill().expect("it lives");
    let Talk { scene, child, .. } = talk;
    let _ = wait(child);
    assert_eq!(one(&scene, "approve @latest --json")["id"].to_string(), id);
    assert_eq!(one(&scene, "runs --json")["waits"].to_string(), id);
    scene.run(["approve", "@latest", &id]).ends(0).tells(["reload ok rev 1→2"]);
    assert_eq!(one(&scene, "runs --json")["status"], "suspended");
    let mut child = held(&scene, ["resume", "@latest"]);
    let input = child.stdin.as_mut().expect("it is piped");
    writeln!(input, "b").expect("it reads");
    drop(child.stdin.take());
    assert_eq!(texts(&wait(child).ends(0).json()), ["wider b"]);
    checked(&scene);
}

#[test]
fn that_a_plan_waits_is_known_without_a_head() {
    let mut talk = Talk::new();
    talk.say("a");
    let waits = talk.scene.say("reload @latest wider.toml --json").ends(4).json();
    talk.child.kill().expect("it lives");
    let Talk { scene, child, .. } = talk;
    let _ = wait(child);
    std::fs::remove_file(scene.runs()[0].join("head.json")).expect("it is there");
    let mut child = held(&scene, ["resume", "@latest"]);
    let waits = [&waits[0]["proposal"], &waits[0]["widens"]];
    wait_for("what waits", || {
        let run = scene.say("runs --json").json();
        run.first().and_then(|run| ([&run["waits"], &run["widens"]] == waits).then_some(()))
    });
    drop(child.stdin.take());
    wait(child).ends(0);
}

#[test]
fn a_run_at_rest_goes_over_and_stays_at_rest() {
    let mut talk = Talk::new();
    talk.say("a");
    talk.scene.say("stop @latest").ends(0);
    let Talk { scene, child, .. } = talk;
    wait(child).ends(130);
    scene.say("reload @latest faulty.toml").ends(78);
    scene.say("reload @latest say.toml").ends(0).tells(["nothing differs in meaning"]);
    let records = one(&scene, "runs --json")["records"].clone();
    scene.say("reload @latest second.toml").ends(0).tells(["reload ok rev 1→2"]);
    assert_ne!(one(&scene, "runs --json")["records"], records);
    let run = one(&scene, "runs --json");
    assert_eq!((&run["status"], &run["reload"]["outcome"]), (&"suspended".into(), &"ok".into()));
    scene.say("reload @latest wider.toml").ends(4);
    let id = one(&scene, "approve @latest --json")["id"].to_string();
    scene.run(["approve", "@latest", &id, "--fail"]).ends(0).tells(["is not applied"]);
    scene.say("approve @latest").ends(0).tells(["waits for a decision"]);
    checked(&scene);
}

#[test]
fn agents_come_and_go_and_their_messages_are_handled() {
    let mut talk = Talk::new();
    let between = SAY
        .replace("children = [\"lines\", \"say\"", "children = [\"lines\", \"say\", \"loud\"")
        .replace("inputs = \"say\"", "inputs = \"loud\"")
        .replace(
            "[agents.print]",
            "[agents.loud]\nactor = \"std/map\"\ninputs = \"say\"\noutputs = { out = \"Said\" }\n\
             config = { expr = '{ text: (.text | ascii_upcase) }' }\n[agents.print]",
        );
    talk.scene.file("between.toml", between);
    talk.say("a");
    talk.scene.say("reload @latest between.toml").ends(0).tells(["(+1 ~2 -0)"]);
    talk.say("b");
    assert!(talk.scene.say("tree @latest").ends(0).text().contains("loud"));
    talk.scene.say("reload @latest say.toml").ends(0).tells(["(+0 ~2 -1)"]);
    talk.say("c");
    let (scene, printed) = talk.end();
    assert_eq!(printed, ["first a", "FIRST B", "first c"]);
    let table = scene.say("plans @latest 1 2").ends(0).text();
    assert!(table.contains("+ loud   start"), "{table}");
    assert!(scene.say("events @latest").ends(0).text().contains("loud"), "its name stays");
    checked(&scene);
}

#[test]
fn values_that_were_given_stay_until_they_are_given_anew() {
    let file = |retry: &str| {
        let param = "[params]\nshape = { type = \"string\", default = '{ text: \"plain\" }' }\n";
        let config = &format!("config = {{ expr = {{ param = \"shape\" }} }}\nretry = {retry}");
        SAY.replace("[supervisors.root]", &format!("{param}[supervisors.root]"))
            .replace("config = { expr = '\"first \\(.text)\" as $t | { text: $t }' }", config)
    };
    let scene = Scene::new();
    scene.file("say.toml", file("{ max = 1 }"));
    scene.file("other.toml", file("{ max = 2 }"));
    let shape = |word: &str| format!("shape={{ text: \"{word} \\(.text)\" }}");
    let child = held(&scene, ["run", "say.toml", "--set", &shape("set")]);
    let mut talk = Talk { scene, child, said: 0 };
    talk.say("a");
    let only = talk.scene.say("reload @latest other.toml --dry-run").ends(0);
    assert_eq!(only.text(), "~ say  retune (retry)\n");
    talk.scene.say("reload @latest other.toml").ends(0).tells(["reload ok rev 1→2"]);
    talk.say("b");
    talk.scene.run(["reload", "@latest", "other.toml", "--set", &shape("anew")]).ends(0);
    talk.say("c");
    talk.scene.file("without.toml", SAY);
    talk.scene.say("reload @latest without.toml").ends(0).tells(["reload ok rev 3→4"]);
    talk.say("d");
    let (scene, printed) = talk.end();
    assert_eq!(printed, ["set a", "set b", "anew c", "first d"]);
    checked(&scene);
}

#[test]
fn pruning_keeps_the_plans() {
    let mut talk = Talk::new();
    talk.say("a");
    talk.scene.say("reload @latest second.toml").ends(0);
    talk.say("b");
    let (scene, _) = talk.end();
    let reload = one(&scene, "events @latest --json --kind reloaded")["seq"].to_string();
    scene.run(["prune", "@latest", "--payload", &reload]).ends(2).tells(["holds a plan"]);
    let plans = scene.say("plans @latest --json").ends(0).text();
    scene.say("prune @latest").ends(0);
    scene.say("verify @latest").ends(0);
    assert_eq!(scene.say("plans @latest --json").ends(0).text(), plans);
    assert_eq!(scene.say("plans @latest 1 2").ends(0).text(), "~ say  replace (config)\n");
    scene.say("events @latest").ends(0);
    scene.say("replay @latest").ends(2).tells(["erased"]);
}

#[test]
fn forks_from_before_and_behind_a_reload_go_on_with_the_plan_of_that_time() {
    let mut talk = Talk::new();
    talk.say("a");
    talk.scene.say("reload @latest second.toml").ends(0);
    talk.say("b");
    talk.scene.say("reload @latest wider.toml").ends(4);
    talk.say("c");
    let reload = one(&talk.scene, "events @latest --json --kind reloaded")["seq"].as_u64();
    let proposed = one(&talk.scene, "events @latest --json --kind proposed")["seq"].as_u64();
    let (reload, proposed) = (reload.expect("a number"), proposed.expect("a number"));
    let (scene, _) = talk.end();
    let parent = one(&scene, "runs --json")["run"].as_str().expect("an id").to_owned();
    for (at, word) in [(reload - 1, "first"), (reload, "second"), (proposed, "second")] {
        scene.run(["fork", &parent, "--at", &at.to_string(), "--hold"]).ends(0);
        let plans = scene.say("plans @latest --json").ends(0).json();
        assert!(plans.iter().all(|plan| plan["waits"] == false), "{plans:?}");
        let mut child = held(&scene, ["resume", "@latest"]);
        let mut input = child.stdin.take().expect("it is piped");
        writeln!(input, "x").expect("it reads");
        drop(input);
        let printed = texts(&wait(child).ends(0).json());
        assert_eq!(printed.last().map(String::as_str), Some(format!("{word} x").as_str()));
        scene.say("reload @latest say.toml").ends(2);
        checked(&scene);
    }
}
