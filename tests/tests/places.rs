//! Where a run lives and what it is joined to: data folders that cannot be used, runs that somebody else
//! holds, standard streams that are closed.
#![expect(clippy::print_stdout, reason = "what was counted or skipped is to be seen")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use theater_flow::runs::Ownership;
use theater_flow_tests::{LIMIT, Ran, Scene, finish, prebuilt};

const TODOS: &str = include_str!("../cases/run-todos/pipeline.toml");

/// A scene with the pipeline and input of so many lines.
fn scene(lines: usize) -> Scene {
    let scene = Scene::new();
    scene.file("p.toml", TODOS);
    let text: Vec<String> = (0..lines).map(|nth| format!("TODO {nth}\n")).collect();
    scene.file("input.txt", text.concat());
    scene
}

/// What the run of a `scene` of so many lines gives.
fn expected(lines: usize) -> String {
    let line = |nth: usize| {
        format!(r#"{{"path":"input.txt","line":{},"rule":"todo","text":"TODO {nth}"}}"#, nth + 1)
            + "\n"
    };
    (0..lines).map(line).collect()
}

/// A mounted file system in memory. It is unmounted when this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, with a word why, where this process may not mount.
    fn new(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir(&at).expect("a folder can be made");
        match mount(&["-t", "tmpfs", "-o", options, "none"], &at) {
            Ok(()) => Some(Self(at)),
            Err(why) => {
                println!("skipped: cannot mount: {why}");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0).expect("it is mounted");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn mount(args: &[&str], at: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(args).arg(at).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn a_data_folder_that_is_a_file_is_refused() {
    let scene = scene(1);
    scene.file("data", "no folder");
    for line in ["run p.toml", "runs", "verify @latest", "resume @latest"] {
        let ran = scene.say(&format!("{line} --data data")).ends(2);
        ran.tells(["data is not a folder", "`--data` names the folder"]);
    }
    assert_eq!(scene.read("data"), "no folder");
    assert!(!scene.has("findings.jsonl"));
}

#[test]
fn a_read_only_data_folder_is_refused() {
    let scene = scene(1);
    let Some(_mounted) = Mounted::new(scene.path().join("data"), "ro") else { return };
    for data in ["data", "data/deeper"] {
        let ran = scene.run(["run", "p.toml", "--data", data]).ends(1);
        ran.tells([data, "is on a read-only file system", "name another folder with `--data`"]);
    }
    assert!(!scene.has("findings.jsonl"));
    assert_eq!(scene.say("runs --data data").ends(0).text(), "");
}

#[test]
fn a_full_data_folder_begins_nothing() {
    let scene = scene(1);
    let Some(_mounted) = Mounted::new(scene.path().join("data"), "size=64k") else { return };
    let ran = scene.say("run p.toml --data data").ends(1);
    assert!(ran.out.is_empty(), "{ran}");
    ran.tells(["no space left for data/", "make room there"]);
    assert_eq!(scene.say("runs --data data").ends(0).text(), "", "no run is left behind");
    assert!(!scene.has("findings.jsonl"));
}

#[test]
fn a_run_that_fills_its_disk_goes_on_when_there_is_room() {
    const LINES: usize = 60_000;
    let scene = scene(LINES);
    let Some(mounted) = Mounted::new(scene.path().join("data"), "size=30m") else { return };
    scene.warm("data");
    let ran = scene.say("run p.toml --data data").ends(1);
    let last = ran.last();
    assert_eq!(last.status, "suspended");
    assert!(last.events > 1, "{ran}");
    let ran = ran.tells(["no space left for data/runs/", "resume"]);
    assert!(!scene.has("findings.jsonl"), "it is not whole");
    // Once more without room: it says the same, and harms nothing.
    let again = scene.say("resume @latest --data data --quiet").ends(1);
    let again = again.tells(["no space left for data/"]);
    mounted.remount("size=512m");
    let resumed = scene.say("resume @latest --data data").ends(0);
    assert_eq!(resumed.last().status, "completed");
    assert_eq!(resumed.last().id, last.id);
    assert_eq!(scene.read("findings.jsonl"), expected(LINES));
    let out = pieced_together(&scene, ran.text(), &[again.text(), resumed.text()]);
    assert!(out == expected(LINES), "each line once, but for what the log says");
    let verified = scene.say("verify @latest --data data").ends(0).text();
    assert!(verified.contains(&resumed.last().head), "{verified}");
}

/// What stands on standard output, if what the log says may stand there twice stands there once.
fn pieced_together(scene: &Scene, first: String, later: &[String]) -> String {
    let resumed = scene.say("events @latest --data data --json --kind resumed").ends(0).json();
    // A resume that could not be written down has done nothing.
    let later: Vec<&String> = later.iter().filter(|out| !out.is_empty()).collect();
    assert!(later.len() <= resumed.len(), "an output without a record");
    let resumed = &resumed[resumed.len() - later.len()..];
    later.into_iter().zip(resumed).fold(first, |mut out, (more, resumed)| {
        if let Some(repeated) = resumed["repeated"].get(0) {
            let at = |end: &str| usize::try_from(repeated[end].as_u64().unwrap_or(0)).unwrap_or(0);
            println!("the log says bytes {} to {} may repeat", at("from"), at("to"));
            assert!(out.len() <= at("to"), "more stands there twice than the log says");
            out.truncate(at("from"));
        }
        out + more
    })
}

/// A pipeline whose only agent waits for standard input, which stays open.
fn waiting(scene: &Scene) -> (Child, String) {
    let probe = prebuilt("probe-full").display().to_string();
    scene.file("wait.toml", format!(
        "format = 1\nname = \"waiting\"\n[supervisors.root]\nchildren = [\"one\"]\n[agents.one]\n\
         actor = '{probe}'\nconfig = {{ on = [{{ event = \"start\", do = \"stdin\" }}] }}\n\
         grants = {{ stdin = true, clock = true, random = true, timer = true, stdout = true, \
         files = {{ read = [\"input.txt\"], write = [\"w\"] }} }}\n"
    ));
    let mut command = scene.command(["run", "wait.toml"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    BufReader::new(stderr).read_line(&mut line).expect("it says its id");
    let id = line.split(' ').nth(1).unwrap_or_default().to_owned();
    (child, id)
}

#[test]
fn a_run_that_another_process_holds_is_refused() {
    let scene = scene(1);
    let (mut child, id) = waiting(&scene);
    assert_eq!(scene.say("runs --json").ends(0).json()[0]["status"], "running");
    let pid = format!("process {} runs it", child.id());
    let ran = scene.run(["resume", &id]).ends(1);
    ran.tells(["goes on already", &pid, "is not paused", &format!("theater-flow stop {id}")]);
    scene.say("replay @latest").ends(0);
    let verified = scene.say("verify @latest --json").ends(0).json();
    assert_eq!(verified[0]["ok"], true);
    assert!(scene.say("tree @latest").ends(0).text().contains("one"));
    // It was harmed by none of this: it still answers, and stops when it is asked to.
    scene.say("stop @latest").ends(0).tells(["was asked to stop"]);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(scene.say("runs --json").ends(0).json()[0]["status"], "suspended");
}

#[test]
fn a_run_that_a_command_holds_is_not_to_be_stopped() {
    let scene = scene(1);
    let id = scene.say("run p.toml").ends(0).last().id;
    let folder = scene.path().join(".theater-flow/runs").join(&id);
    let held = Ownership::take(&folder).expect("nobody has it");
    let ran = scene.run(["prune", &id]).ends(1);
    assert!(!ran.err.contains("stop"), "{ran}");
    ran.tells(["the run is in use by another process", "at the moment: try again"]);
    drop(held);
    scene.run(["prune", &id]).ends(0);
}

#[test]
fn a_closed_standard_input_is_an_empty_one() {
    let scene = scene(3);
    let ran = shell(&scene, "\"$TF\" run p.toml <&-").ends(0);
    assert_eq!(ran.text(), expected(3));
}

/// What a shell makes of a line; `$TF` is the program.
fn shell(scene: &Scene, line: &str) -> Ran {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(scene.path()).env("TF", theater_flow_tests::program());
    finish(&mut shell, LIMIT)
}

/// The reader of standard output goes away: its agent crashes, and the run says so.
#[test]
fn a_broken_pipe_fails_the_run_and_says_why() {
    let scene = scene(20_000);
    let ran = shell(&scene, "(\"$TF\" run p.toml; echo \"exit $?\" >&2) | head -n 1").ends(0);
    assert_eq!(ran.text(), expected(1));
    let ran =
        ran.tells(["`print` crashed (record ", "cannot write standard output", "Broken pipe"]);
    assert!(ran.err.contains(" failed events="), "{ran}");
    assert!(ran.err.ends_with("exit 1\n"), "{ran}");
    assert!(!scene.has("findings.jsonl"), "a replacement that was not finished replaces nothing");
    scene.say("verify @latest").ends(0);
}

#[test]
fn a_full_standard_output_fails_the_run_and_says_why() {
    let scene = scene(3);
    let ran = shell(&scene, "\"$TF\" run p.toml > /dev/full").ends(1);
    ran.tells(["`print` crashed (record ", "cannot write standard output", "No space left"]);
}

/// The system gives a closed descriptor 1 to nobody else: it is as `/dev/null`.
#[test]
fn a_closed_standard_output_is_nowhere() {
    let scene = scene(3);
    shell(&scene, "\"$TF\" run p.toml >&-").ends(0);
    assert_eq!(scene.read("findings.jsonl"), expected(3));
}

#[test]
fn commands_that_read_end_well_when_nobody_listens() {
    let scene = scene(20_000);
    scene.say("run p.toml --quiet").ends(0);
    for command in ["events @latest", "events @latest --json"] {
        let line = format!("(\"$TF\" {command}; echo \"exit $?\" >&2) | head -n 1");
        let ran = shell(&scene, &line).ends(0);
        assert_eq!((ran.err.as_str(), ran.text().lines().count()), ("exit 0\n", 1), "{command}");
    }
    let ran = shell(&scene, "\"$TF\" events @latest > /dev/full").ends(1);
    ran.tells(["cannot write to standard output", "No space left"]);
}

#[test]
fn standard_input_is_read_once_and_replayed() {
    let scene = scene(1);
    let (mut child, _) = waiting(&scene);
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"hello\n").expect("it is read");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let answers = scene.say("events @latest --json --kind answer").ends(0).text();
    assert!(answers.contains("hello"), "{answers}");
    scene.say("replay @latest").ends(0);
}

#[test]
fn an_output_that_cannot_be_written_fails_the_run_and_says_why() {
    let scene = scene(3);
    scene.file(
        "p.toml",
        TODOS.replace("[agents.findings]", "[agents.findings]\nretry = { max = 0 }"),
    );
    fs::create_dir(scene.path().join("findings.jsonl")).expect("a folder can be made");
    let ran = scene.say("run p.toml").ends(1);
    ran.tells(["`findings` crashed (record ", "findings.jsonl"]);
    let link = scene.path().join("elsewhere.txt");
    File::create(&link).expect("a file can be made");
    fs::remove_dir(scene.path().join("findings.jsonl")).expect("it is empty");
    std::os::unix::fs::symlink(&link, scene.path().join("findings.jsonl")).expect("a link");
    let ran = scene.say("run p.toml");
    println!("a link as output: exit {}", ran.code());
    assert!(fs::read(&link).is_ok_and(|bytes| bytes.is_empty() || bytes == expected(3).as_bytes()));
}

/// Fills a file system but for about this many KiB.
fn fill(mounted: &Mounted, kib: u64) -> PathBuf {
    let stat = rustix::fs::statvfs(&mounted.0).expect("it is mounted");
    let free = stat.f_bavail * stat.f_frsize / 1_024;
    let filler = mounted.0.join("filler");
    let bytes = usize::try_from(free.saturating_sub(kib) * 1_024).expect("it fits in memory");
    fs::write(&filler, vec![7; bytes]).expect("it fits");
    filler
}

/// However little room there is, a resume says that there is none, or goes on; nothing is lost by it.
#[test]
fn a_resume_without_room_changes_nothing() {
    const LINES: usize = 6_000;
    let scene = scene(LINES);
    let Some(mounted) = Mounted::new(scene.path().join("data"), "size=120m") else { return };
    scene.warm("data");
    let filler = fill(&mounted, 6_000);
    let ran = scene.say("run p.toml --data data").ends(1);
    assert_eq!(ran.last().status, "suspended", "{ran}");
    fs::remove_file(&filler).expect("it is there");
    let mut refused = 0;
    for kib in [0, 16, 100, 400, 1_000, 1_900, 2_200, 3_000] {
        let filler = fill(&mounted, kib);
        let ran = scene.run(["resume", "@latest", "--data", "data"]);
        assert!(!ran.err.contains("panicked"), "{kib} KiB: {ran}");
        let full = ran.code() == 1 && ran.err.contains("no space left for data/");
        refused += usize::from(full);
        assert!(full || ran.code() == 0, "{kib} KiB: {ran}");
        fs::remove_file(&filler).expect("it is there");
        scene.say("verify @latest --data data").ends(0);
        if !full {
            break;
        }
    }
    assert!(refused > 0, "there was no room");
    let ran = scene.run(["resume", "@latest", "--data", "data"]);
    assert!(ran.code() == 0 || ran.err.contains("already completed"), "{ran}");
    assert!(scene.read("findings.jsonl") == expected(LINES), "each line once");
    scene.say("verify @latest --data data").ends(0);
}

#[test]
fn a_pruning_without_room_changes_nothing() {
    let scene = scene(2_000);
    let Some(mounted) = Mounted::new(scene.path().join("data"), "size=120m") else { return };
    scene.warm("data");
    scene.say("run p.toml --data data").ends(0);
    let before = scene.say("events @latest --json --data data").ends(0).text();
    for kib in [0, 64, 400, 1_000] {
        let filler = fill(&mounted, kib);
        let ran = scene.say("prune @latest --data data").ends(1);
        ran.tells(["no space left for data/", "make room there"]);
        fs::remove_file(&filler).expect("it is there");
        scene.say("verify @latest --data data").ends(0);
        assert!(scene.say("events @latest --json --data data").ends(0).text() == before);
    }
    scene.say("prune @latest --data data").ends(0);
    scene.say("verify @latest --data data").ends(0);
}

/// That there is no room for a copy to read says nothing about the log.
#[test]
fn a_look_without_room_finds_nothing_wrong() {
    let scene = scene(2_000);
    let Some(mounted) = Mounted::new(scene.path().join("data"), "size=120m") else { return };
    scene.warm("data");
    scene.say("run p.toml --data data").ends(0);
    let filler = fill(&mounted, 0);
    for line in ["verify @latest --data data", "events @latest --data data"] {
        let mut command = scene.command(line.split(' '));
        let full = command.env("TMPDIR", mounted.0.join("runs"));
        let ran =
            finish(full, LIMIT).ends(1).tells(["read from a copy, which cannot be made", "TMPDIR"]);
        assert!(ran.out.is_empty(), "{line}: {ran}");
        scene.say(line).ends(0);
    }
    fs::remove_file(&filler).expect("it is there");
    scene.say("verify @latest --data data").ends(0);
}
