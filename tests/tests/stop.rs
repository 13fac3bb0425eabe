//! Stopping a run: by signals, by command, by `kill -9`; and what others see of it while it lives.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use theater_flow_tests::account::Account;
use theater_flow_tests::held::{Held, held, send, wait, wait_for};
use theater_flow_tests::lives::{Copying, Mode, Past};
use theater_flow_tests::{LIMIT, Last, Ran, Scene, finish, prebuilt};

/// A run of [`Copying`], stopped by a signal when something has been printed.
fn stopped(signal: Signal) -> (TempDir, Copying, Past) {
    let folder = TempDir::new().expect("a temporary folder");
    let copying = Copying::new(folder.path(), 20_000, Mode::Replace);
    let mut life = copying.start("run copying.toml");
    wait_for("the first output", || (life.printed() > 0).then_some(()));
    assert!(life.child.try_wait().expect("a child").is_none(), "it is not over yet");
    send(&life.child, signal);
    let past = life.ended();
    (folder, copying, past)
}

#[test]
fn a_signal_suspends_and_resume_completes_exactly() {
    for signal in [Signal::INT, Signal::TERM] {
        let (_folder, copying, past) = stopped(signal);
        assert_eq!(past.status.code(), Some(130), "{}", past.err);
        let last = past.last();
        assert_eq!(last.status, "suspended", "{}", past.err);
        let verified = finish(&mut copying.command("verify @latest"), LIMIT).ends(0);
        let says = format!("verified events={} head={}", last.events, last.head);
        assert!(verified.text().contains(&says), "{verified}");
        let listed = finish(&mut copying.command("runs"), LIMIT).ends(0);
        assert!(listed.text().contains("suspended"), "{listed}");
        assert!(!copying.path("out.jsonl").exists(), "the file is not there in part");
        let resumed = copying.start("resume @latest").ended();
        assert_eq!(resumed.status.code(), Some(0), "{}", resumed.err);
        assert!(copying.read("out.jsonl") == copying.output);
        let account = Account::of(&copying);
        account.check_messages(20_000);
        assert_eq!(account.check_printed(&copying, &[past, resumed]), 0, "nothing is repeated");
        let again = finish(&mut copying.command("resume @latest"), LIMIT).ends(2);
        again.tells(["already completed"]);
    }
}

#[test]
fn a_live_run_is_seen_through_its_socket_and_stopped_by_command() {
    let mut run = Held::start();
    let socket = fs::read_to_string(run.pointer()).expect("it points to the socket");
    let socket = Path::new(socket.trim_end()).to_owned();
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600, "only its owner may connect");
    assert_eq!(mode(socket.parent().expect("a folder")), 0o700);
    assert_eq!(mode(&run.run()), 0o700);
    for (line, says) in [("verify", "verified"), ("tree", "hold"), ("events", "genesis")] {
        let ran = run.scene.say(&format!("{line} @latest")).ends(0);
        assert!(ran.text().contains(says), "{line}: {ran}");
    }
    run.scene.say("replay @latest").ends(0);
    run.scene.say("resume @latest").ends(1).tells(["goes on already"]);
    let follower = held(&run.scene, ["events", "@latest", "--follow", "--json"]);
    run.scene.say("stop @latest").ends(0);
    let ran = run.end(|_| {}).ends(130);
    let last = ran.last();
    assert_eq!(last.status, "suspended");
    let told = wait(follower).ends(0);
    let lines = told.json();
    assert_eq!(lines.len() as u64, last.events, "the follower sees every record");
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap_or("?")).collect();
    assert!(kinds.contains(&"stopping") && kinds.last() == Some(&"suspended"), "{kinds:?}");
    assert!(!socket.exists() && !run.pointer().exists(), "an owner that ends tidies up");
    run.scene.say("stop @latest").ends(2).tells(["no process runs", "it is suspended", "resume"]);
    assert!(ran.err.contains("`theater-flow resume"), "{ran}");
    run.scene.say("tree @latest").ends(0).tells(["no process runs", "suspended"]);
    completes(&run);
    run.scene.say("stop @latest").ends(2).tells(["it is over: completed"]);
}

/// The run that waited goes on, gets its input and completes.
fn completes(run: &Held) {
    let ran = run.complete(b"hello").ends(0);
    assert_eq!(ran.text(), "{\"stdin\":\"hello\"}\n");
    assert_eq!(ran.last().status, "completed");
    let ran = run.scene.say("replay @latest").ends(0);
    assert!(ran.text().contains("no difference"), "{ran}");
}

#[test]
fn a_killed_owner_leaves_a_pointer_that_is_seen_to_be_stale() {
    let mut run = Held::start();
    let ran = run.end(|child| child.kill().expect("it lives"));
    assert_eq!(ran.code(), -9);
    assert!(run.pointer().is_file(), "nobody tidied up");
    run.scene.say("stop @latest").ends(2).tells(["no process runs", "it is interrupted"]);
    for (line, says) in [("verify", "verified"), ("tree", "hold"), ("events", "genesis")] {
        let ran = run.scene.say(&format!("{line} @latest")).ends(0);
        assert!(ran.text().contains(says), "{line}: {ran}");
    }
    let ran = run.scene.say("runs").ends(0);
    assert!(ran.text().contains("interrupted"), "{ran}");
    completes(&run);
    assert!(!run.pointer().exists(), "the next owner tidied up");
}

#[test]
fn a_second_signal_does_not_wait() {
    let scene = Scene::new();
    let probe = prebuilt("probe").display().to_string();
    scene.file("busy.toml", BUSY.replace("PROBE", &probe));
    for line in ["run busy.toml", "resume @latest"] {
        let child = held(&scene, line.split(' '));
        wait_for("the call that takes long", || {
            let events = scene.say("events @latest --json --kind incarnation");
            (events.text().lines().count() > usize::from(line.starts_with("resume"))).then_some(())
        });
        send(&child, Signal::INT);
        wait_for("the stop", || {
            let events = scene.say("events @latest --json --kind stopping");
            (events.text().lines().count() > usize::from(line.starts_with("resume"))).then_some(())
        });
        let began = Instant::now();
        send(&child, Signal::INT);
        let ran = wait(child).ends(130);
        assert_eq!(ran.last().status, "suspended");
        assert!(began.elapsed() < Duration::from_secs(8), "it waits for the call");
        scene.say("verify @latest").ends(0);
    }
}

/// Starts a run of an agent that does not come to an end, and waits until it is at its event.
fn busy(scene: &Scene, line: &str) -> Child {
    let probe = prebuilt("probe").display().to_string();
    scene.file("busy.toml", BUSY.replace("PROBE", &probe));
    let child = held(scene, line.split(' '));
    wait_for("the call that takes long", || {
        let events = scene.say("events @latest --json --kind incarnation");
        events.text().lines().next().is_some().then_some(())
    });
    child
}

/// Checks that a run was let go, and that it can be taken up.
fn is_resumable(scene: &Scene, ran: &Ran) {
    assert_eq!(ran.last().status, "suspended");
    scene.say("verify @latest").ends(0);
    let child = held(scene, ["resume", "@latest"]);
    wait_for("the socket", || scene.runs().pop()?.join("socket").is_file().then_some(()));
    scene.say("stop @latest --now").ends(0);
    assert_eq!(wait(child).ends(130).last().status, "suspended");
}

#[test]
fn what_is_not_done_in_time_is_left() {
    let scene = Scene::new();
    let child = busy(&scene, "run busy.toml --drain 100ms");
    send(&child, Signal::TERM);
    let ran = wait(child).ends(130);
    is_resumable(&scene, &ran);
    let kinds = scene.say("events @latest --json").ends(0).json();
    let kinds: Vec<_> = kinds.iter().filter_map(|record| record["kind"].as_str()).collect();
    assert!(kinds.contains(&"stopping") && kinds.contains(&"checkpoint"), "{kinds:?}");
}

#[test]
fn a_stop_says_what_it_waits_for_and_another_ends_it() {
    for end in ["stop @latest --drain 0s", "stop @latest --now"] {
        let scene = Scene::new();
        let mut child = busy(&scene, "run busy.toml --drain 1h");
        let err = BufReader::new(child.stderr.take().expect("it is piped"));
        scene.say("stop @latest").ends(0);
        let mut lines = err.lines().map(|line| line.expect("text"));
        let told =
            lines.find(|line| line.starts_with("stopping")).expect("it says what it waits for");
        assert!(told.contains(" s for busy: a call under way"), "{told}");
        scene.say(end).ends(0);
        let last = lines.last().expect("a last line");
        assert!(last.contains(" suspended events="), "{last}");
        assert_eq!(wait(child).code(), 130);
        scene.say("verify @latest").ends(0);
    }
}

#[test]
fn a_run_that_has_failed_says_whom_it_waits_for_and_is_stopped_as_any() {
    for end in ["stop @latest --drain 100ms", "stop @latest --now"] {
        let scene = Scene::new();
        let probe = prebuilt("probe").display().to_string();
        let failing =
            BUSY.replace("children = [\"busy\"]", "children = [\"busy\", \"bad\"]\nintensity = 0");
        let busy = failing.replace("timeout =", "shutdown = \"infinity\"\ntimeout =");
        let bad = "[agents.bad]\nactor = \"PROBE\"\nconfig = { on = [{ event = \"start\", do = \"trap\" }] }\n";
        scene.file("failing.toml", (busy + bad).replace("PROBE", &probe));
        let mut child = held(&scene, ["run", "failing.toml", "--drain", "1h"]);
        let err = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = err.lines().map(|line| line.expect("text"));
        let told =
            lines.find(|line| line.starts_with("ending")).expect("it says what it waits for");
        assert_eq!(told, "ending; waiting for busy: a call under way");
        send(&child, Signal::INT);
        let told = lines.find(|line| line.starts_with("stopping")).expect("it has heard that");
        assert!(told.contains(" s for busy: a call under way"), "{told}");
        scene.say(end).ends(0);
        let last = lines.last().expect("a last line");
        assert!(last.contains(" suspended events="), "{last}");
        assert_eq!(wait(child).code(), 130);
        scene.say("verify @latest").ends(0);
        let ran = scene.say("resume @latest").ends(1);
        assert_eq!(ran.last().status, "failed");
        scene.say("replay @latest").ends(0);
    }
}

#[test]
fn who_tries_again_in_time_is_waited_for() {
    let scene = Scene::new();
    let probe = prebuilt("probe").display().to_string();
    scene.file("again.toml", AGAIN.replace("PROBE", &probe));
    let mut child = held(&scene, ["run", "again.toml", "--drain", "1m"]);
    child.stdin.as_mut().expect("it is piped").write_all(b"bad\ngood\n").expect("it reads");
    wait_for("the failure", || {
        let events = scene.say("events @latest --json --kind faulted");
        events.text().lines().next().is_some().then_some(())
    });
    send(&child, Signal::INT);
    assert_eq!(wait(child).ends(130).last().status, "suspended");
    let tree = scene.say("tree @latest --json").ends(0).json();
    let again = &tree[0]["children"][1];
    assert_eq!((&again["handled"], &again["waiting"]), (&2.into(), &0.into()), "{again}");
}

/// An agent that forgets, and is restarted while the run stops, begins anew and handles what waits for it.
#[test]
fn who_begins_anew_in_time_empties_its_mailbox() {
    let scene = Scene::new();
    let probe = prebuilt("probe").display().to_string();
    scene.file("anew.toml", ANEW.replace("PROBE", &probe));
    let mut child = held(&scene, ["run", "anew.toml", "--drain", "1m"]);
    child.stdin.as_mut().expect("it is piped").write_all(b"bad\na\nb\n").expect("it reads");
    wait_for("the restart", || {
        let events = scene.say("events @latest --json --kind restarted");
        events.text().lines().next().is_some().then_some(())
    });
    send(&child, Signal::INT);
    assert_eq!(wait(child).ends(130).last().status, "suspended");
    let tree = scene.say("tree @latest --json").ends(0).json();
    let anew = &tree[0]["children"][1];
    assert_eq!((&anew["restarts"], &anew["waiting"]), (&1.into(), &0.into()), "{anew}");
}

#[test]
fn wrong_durations_are_refused() {
    let scene = Scene::new();
    for line in ["stop x --drain 5", "stop x --drain 1s --now", "run p.toml --drain soon"] {
        scene.say(line).ends(2);
    }
}

/// An agent that is at its first event for minutes, as far as anybody waits for it.
const BUSY: &str = r#"
format = 1
name = "busy"

[supervisors.root]
strategy = "one-for-one"
children = ["busy"]

[agents.busy]
actor = "PROBE"
config = { on = [{ event = "start", do = "loop" }] }
limits = { fuel = 1_000_000_000_000 }
timeout = "10m"
"#;

/// A fresh agent that crashes at a message, which is then set aside; its supervisor takes its time.
const ANEW: &str = r#"
format = 1
name = "anew"

[supervisors.root]
children = ["keys", "anew"]
delay = { base = "500ms", cap = "500ms" }

[agents.keys]
actor = "std/stdin-lines"
grants = { stdin = true }
timeout = "10m"
shutdown = "brutal-kill"

[agents.anew]
actor = "PROBE"
inputs = "keys"
restore = "fresh"
retry = { max = 0 }
config = { on = [{ match = "bad", do = "trap" }] }
"#;

/// An agent that handles a message in the second attempt, after a while, and other messages only then.
const AGAIN: &str = r#"
format = 1
name = "again"

[supervisors.root]
children = ["lines", "again"]

[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }

[agents.again]
actor = "PROBE"
inputs = "lines"
config = { on = [{ match = "bad", nth = 1, do = "fault" }] }
retry = { base = "2s" }
"#;

/// The last line that a process of [`Copying`] wrote.
trait Says {
    fn last(&self) -> Last;
}

impl Says for Past {
    fn last(&self) -> Last {
        let (out, err) = (Vec::new(), self.err.clone());
        Ran { status: self.status, out, err, peak: 0 }.last()
    }
}
