//! Commands that read: what the stdlib offers, and a run while it lives.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use theater_flow_tests::held::{Held, send, wait_for};
use theater_flow_tests::{LIMIT, Scene, finish, prebuilt};

#[test]
fn every_actor_of_the_stdlib_is_listed_and_described() {
    let scene = Scene::new();
    let list = scene.say("actors").ends(0).text();
    let actors = scene.say("actors --json").ends(0).json();
    assert_eq!(list.lines().count(), actors.len() + 1, "{list}");
    for actor in actors {
        let word =
            |field: &str| actor[field].as_str().unwrap_or_else(|| panic!("{field}: {actor}"));
        let name = word("name").strip_prefix("std/").expect("it is of the stdlib");
        let line = list.lines().find(|line| line.starts_with(&format!("std/{name} ")));
        let line = line.unwrap_or_else(|| panic!("no {name}: {list}"));
        let first = word("doc").lines().next().expect("a first line");
        assert!(line.ends_with(first), "{line}");
        let needs: Vec<&str> =
            actor["needs"].as_array().expect("a list").iter().filter_map(|n| n.as_str()).collect();
        let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
        assert!(line.contains(&format!("  {needs}  ")), "{line}");
        assert!(actor["schema"]["properties"].is_object(), "{actor}");
        assert_eq!(actor["ports_fault"], serde_json::Value::Null, "{actor}");
        let component = std::fs::metadata(prebuilt(name)).expect("it is there");
        assert_eq!(actor["size"], component.len());

        let page = scene.run(["actors", name]).ends(0).text();
        assert_eq!(scene.run(["actors", word("name")]).ends(0).text(), page);
        for part in [word("doc").trim_end(), "\nConfig\n", "\nPorts", "\nGrants\n", word("digest")]
        {
            assert!(page.contains(part), "no `{part}` in {page}");
        }
        let keys = actor["schema"]["properties"].as_object().expect("keys");
        for key in keys.keys() {
            assert!(page.lines().any(|line| line.starts_with(&format!("  {key} "))), "{page}");
        }
        let path = prebuilt(name).display().to_string();
        let by_path = scene.run(["actors", &path]).ends(0).text();
        assert_eq!(
            by_path.split_once('\n').map(|(_, rest)| rest),
            page.split_once('\n').map(|(_, rest)| rest)
        );
    }
}

#[test]
fn the_manual_is_a_page() {
    let scene = Scene::new();
    let manual = scene.say("man").ends(0).text();
    let mut lines = manual.lines().skip_while(|line| !line.starts_with(".TH"));
    assert!(lines.next().is_some_and(|line| line.starts_with(".TH theater-flow 1 ")), "{manual}");
    assert_eq!(lines.next(), Some(".SH NAME"));
    let page = scene.say("man run").ends(0).text();
    assert!(page.contains(".TH theater-flow-run 1 ") && page.contains("allow\\-dead\\-letters"));
}

#[test]
fn a_live_run_is_shown_as_a_stopped_one_is() {
    let mut held = Held::start();
    let looks = [
        "show @latest 0",
        "--json show @latest 0",
        "show @latest 1",
        "logs @latest",
        "why @latest 1",
        "--json why @latest 1",
        "state @latest hold --at 2",
        "replay @latest --until 2",
    ];
    let live: Vec<String> = looks.iter().map(|look| held.scene.say(look).ends(0).text()).collect();
    assert!(live[0].starts_with("seq           0\n"), "{}", live[0]);
    held.scene.say("show @latest 99999").ends(2).tells(["there is no record 99999: the run has"]);
    held.scene.say("show @latest 0.7").ends(2).tells(["record 0 has no part 0.7"]);
    held.scene.say("why @latest 99999").ends(2).tells(["there is no record 99999: the run has"]);
    held.scene.say("why @latest 0.7").ends(2).tells(["record 0 has no part 0.7"]);
    held.scene.say("why @latest 0 --impact").ends(0);
    let diff = held.scene.say("diff @latest @latest").ends(0).text();
    assert!(diff.contains("did the same") && diff.contains("so far: it goes on"), "{diff}");
    assert!(held.scene.say("replay @latest").ends(0).text().contains("no difference"));
    held.scene.say("tree @latest").ends(0);
    let ran = held.end(|child| send(child, Signal::INT));
    assert_eq!(ran.code(), 130, "{ran}");
    for (look, live) in looks.iter().zip(live) {
        assert_eq!(held.scene.say(look).ends(0).text(), live, "{look}");
    }
}

/// Lines must not wait in a buffer while the run is quiet.
#[test]
fn who_follows_a_quiet_run_sees_what_was_written() {
    let mut held = Held::start();
    let mut follow = held.scene.command(["events", "@latest", "--follow"]);
    let mut child = follow.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("genesis"), "{first}");
    held.end(|child| send(child, Signal::INT));
    let rest: Vec<String> = lines.map(|line| line.expect("text")).collect();
    assert!(rest.last().is_some_and(|line| line.contains("suspended")), "{rest:?}");
    assert!(wait_for("its end", || child.try_wait().expect("a child")).success());
}

#[test]
fn a_reader_of_logs_may_leave() {
    let scene = Scene::new();
    let probe = prebuilt("probe").display().to_string();
    scene.file(
        "p.toml",
        format!(
            "format = 1\nname = \"p\"\n[supervisors.root]\nchildren = [\"a\"]\n[agents.a]\n\
            actor = '{probe}'\nconfig = {{ on = [{{ event = \"start\", do = \"log-flood\", \
            n = 5000 }}] }}\n"
        ),
    );
    scene.say("run p.toml").ends(0);
    let all = scene.say("logs @latest --json").ends(0).json();
    assert!(all.len() > 200, "{}", all.len());
    let last = all.last().expect("a line");
    assert_eq!((&last["kind"], &last["level"]), (&"log-dropped".into(), &"warn".into()));
    let mut command = scene.command(["logs", "@latest"]);
    let (theirs, ours) = std::io::pipe().expect("a pipe");
    drop(theirs);
    let mut child = command.stdout(ours).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(command);
    let status = wait_for("its end", || child.try_wait().expect("a child"));
    assert!(status.success(), "{status}");
    let said = finish(&mut scene.command(["logs", "@latest", "--level", "error"]), LIMIT).ends(0);
    assert_eq!(said.text(), "");
}
