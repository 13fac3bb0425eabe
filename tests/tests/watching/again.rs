//! What is tried again by itself, files that get another name, and what is no file at all.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, Mode, mkfifoat};
use theater_flow_tests::Scene;
use theater_flow_tests::held::wait_for;
use theater_flow_tests::watched::{Watched, ids, records};
use theater_flow_tests::web::{Server, asking};

use crate::folder::{at, flow, save, scene, started, statuses};

/// An agent waits for an answer for longer than it may take to come to rest: the reload is refused, told once, and goes
/// through by itself once the answer has come.
#[test]
fn a_reload_that_was_too_early_goes_through_by_itself() {
    let (server, scene) = (Server::hanging_at(2), Scene::new());
    scene.file("lines.txt", "a\nb\nc\n");
    let text = asking(server.port, "POST", ("local = true", "shutdown = \"100ms\""));
    scene.file("flow.toml", &text);
    let mut run = Watched::start(&scene, "run", "run flow.toml --watch --until forever");
    server.wait();
    scene.file("new", text.replace("/v1/x\"", "/v1/y\""));
    fs::rename(scene.path().join("new"), scene.path().join("flow.toml")).expect("it is there");
    run.wait_for("reload refused: `ask` waits for an answer", 1);
    wait_for("another try", || (records(&scene, "@latest", "refused").len() > 1).then_some(()));
    server.release();
    run.wait_for("reload ok rev 1→2 (+0 ~1 -0)", 1);
    let ran = run.stopped().ends(130);
    assert_eq!(ran.err.matches("reload refused").count(), 1, "{ran}");
    let _ = ran.tells(["; it is tried again"]);
}

/// The runs whose processes have begun, by what was told.
fn begun(err: &str) -> usize {
    err.lines().filter(|line| line.contains(": run ") && line.ends_with("of `words`")).count()
}

#[test]
fn a_file_that_gets_another_name_keeps_its_run() {
    let scene = scene(&[("a.toml", flow("a-one"))]);
    let mut watch = started(&scene, "watch");
    watch.wait_for("flows/a.toml: run ", 1);
    fs::rename(at(&scene, "a.toml"), at(&scene, "b.toml")).expect("it is there");
    watch.wait_for("flows/b.toml: it was flows/a.toml; run ", 1);
    save(&scene, "b.toml", &flow("b-two"));
    watch.wait_for("flows/b.toml: reload ok rev 1→2 (+0 ~1 -0)", 1);
    // Nobody is left who would follow the old name.
    save(&scene, "a.toml", &flow("a-new"));
    watch.wait_for("flows/a.toml: run ", 2);
    let ran = watch.stopped().ends(130);
    assert_eq!(begun(&ran.err), 2, "{ran}");
    assert_eq!(scene.runs().len(), 2);
    // The next one finds it by its new name.
    let mut next = started(&scene, "next");
    next.wait_for(&format!("flows/b.toml: run {} of `words` goes on", ids(&scene)[0]), 1);
    next.wait_for("flows/b.toml: reload ok rev 2: nothing differs", 1);
    next.wait_for("flows/a.toml: reload ok rev 1: nothing differs", 1);
    let _ = next.stopped().ends(130);
}

#[test]
fn the_name_of_a_file_whose_run_is_over_says_nothing_new() {
    let short = flow("a").replace("every = \"20ms\"", "every = \"20ms\", count = 2");
    let scene = scene(&[("a.toml", short)]);
    let mut watch = started(&scene, "watch");
    watch.wait_for(" completed events=", 1);
    fs::rename(at(&scene, "a.toml"), at(&scene, "b.toml")).expect("it is there");
    watch.wait_for("flows/b.toml: it was flows/a.toml", 1);
    let _ = watch.stopped().ends(130);
    let mut next = started(&scene, "next");
    next.wait_for("flows/b.toml: its run has ended", 1);
    let _ = next.stopped().ends(130);
    assert_eq!(statuses(&scene), ["completed"]);
}

/// What is no file, or cannot be read, holds nobody up: the others are run, followed and stopped.
#[test]
fn what_is_no_file_is_no_pipeline_and_holds_nobody_up() {
    let scene = scene(&[("a.toml", flow("a-one"))]);
    mkfifoat(CWD, at(&scene, "pipe.toml"), Mode::RUSR | Mode::WUSR).expect("a pipe");
    let _socket = UnixListener::bind(at(&scene, "socket.toml")).expect("a socket");
    let huge = File::create(at(&scene, "huge.toml")).expect("a file");
    huge.set_len(64 << 30).expect("a long one");
    save(&scene, "closed.toml", &flow("c"));
    fs::set_permissions(at(&scene, "closed.toml"), Permissions::from_mode(0o000)).expect("a file");
    let long = flow("l") + &"# what is this\n".repeat(100_000);
    save(&scene, "long.toml", &long);
    std::os::unix::fs::symlink("/dev/zero", at(&scene, "zero.toml")).expect("a link");
    std::os::unix::fs::symlink("loop.toml", at(&scene, "loop.toml")).expect("a link");
    let mut watch = started(&scene, "watch");
    watch.wait_for("flows/a.toml: run ", 1);
    save(&scene, "a.toml", &flow("a-two"));
    watch.wait_for("flows/a.toml: reload ok rev 1→2", 1);
    // A pipe takes the place of one that is run.
    fs::rename(at(&scene, "pipe.toml"), at(&scene, "a.toml")).expect("it is there");
    watch.wait_for("flows/a.toml: reload refused", 1);
    save(&scene, "a.toml", &flow("a-three"));
    watch.wait_for("flows/a.toml: reload ok rev 2→3", 1);
    let status = fs::read_to_string(format!("/proc/{}/status", watch.pid())).expect("it lives");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak < 400 << 10, "{peak} KiB");
    let ran = watch.stopped().ends(130);
    for name in ["pipe", "socket", "huge", "long", "zero", "loop"] {
        let told = ran.err.matches(&format!("flows/{name}.toml: ")).count();
        assert!(told <= 1, "{name}: {ran}");
    }
    let _ = ran.tells(["flows/long.toml` is longer than 1048576 bytes"]);
}
