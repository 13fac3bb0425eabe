//! A replay touches nothing: it is made where there is no network and nothing can be written, without the files
//! that were read and the server that was asked.
#![expect(clippy::print_stdout, reason = "what could not be tried is to be seen")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use theater_flow_tests::{LIMIT, Ran, Scene, finish, prebuilt, program};

/// What stands in a file, and when it was last changed.
type Trace = (Vec<u8>, i64, i64);

/// All that lies below a folder.
fn traces(folder: &Path) -> BTreeMap<PathBuf, Trace> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, meta) = (entry.path(), entry.metadata().expect("it is there"));
        if meta.is_dir() {
            found.extend(traces(&path));
        } else {
            let bytes = fs::read(&path).expect("it can be read");
            found.insert(path, (bytes, meta.mtime(), meta.mtime_nsec()));
        }
    }
    found
}

/// Answers one request after the other.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    port
}

/// Reads files, time and chance, asks a server, writes files and standard output, traps, and starts again.
fn pipeline(port: u16) -> String {
    let probe = prebuilt("probe-full").display().to_string();
    format!(
        r#"
format = 1
name = "apart"

[supervisors.root]
children = ["lines", "all", "ask", "answers", "print"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}

[agents.all]
actor = '{probe}'
inputs = "lines"
retry = {{ max = 2, base = "1ms" }}
config = {{ on = [
  {{ match = "one", do = "clock" }}, {{ match = "two", do = "random", n = 8 }},
  {{ match = "three", do = "trap" }},
] }}
grants = {{ clock = true, random = true, timer = true, stdin = true, stdout = true, files = {{ read = ["lines.txt"], write = ["w"] }} }}

[agents.ask]
actor = "std/http"
inputs = "lines"
config = {{ url = "http://127.0.0.1:{port}/v1/x", method = "GET", on-error = "reject" }}
grants = {{ http = [
  {{ host = "127.0.0.1", scheme = "http", port = {port}, methods = ["GET"], paths = ["/v1/"], local = true }},
] }}

[agents.answers]
actor = "std/file-write"
inputs = "ask.out"
config = {{ path = "answers.jsonl" }}
grants = {{ files = {{ write = ["answers.jsonl"] }} }}

[agents.print]
actor = "std/stdout"
inputs = "ask.out"
grants = {{ stdout = true }}
"#
    )
}

/// A finished run whose input and output are gone.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("lines.txt", "one\ntwo\nthree\n");
    scene.file("apart.toml", pipeline(server()));
    scene.say("run apart.toml --allow-dead-letters").ends(0);
    for made in ["lines.txt", "answers.jsonl", "apart.toml"] {
        fs::remove_file(scene.path().join(made)).expect("it is there");
    }
    scene
}

fn check(ran: Ran) {
    let ran = ran.ends(0);
    assert!(ran.text().contains("no difference"), "{ran}");
}

#[test]
fn a_replay_changes_no_file_and_needs_none_that_was_read() {
    let scene = scene();
    let before = traces(scene.path());
    assert!(before.len() > 3);
    for command in ["replay @latest", "replay @latest --from 20", "state @latest lines"] {
        scene.say(command).ends(0);
        // The copy that was read is gone, too.
        assert!(traces(scene.path()) == before, "after `{command}`");
    }
    check(scene.say("replay @latest"));
}

/// Runs a script of the shell where there is no network and where mounts are its own; `None` if this machine does
/// not let it.
fn apart(scene: &Scene, script: &str) -> Option<Ran> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-ec", script]);
        command.current_dir(scene.path()).stdin(Stdio::null());
        command
    };
    let tried = unshare("mkdir -p tried && mount -t tmpfs none tried").output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("namespaces are not permitted here: not tried");
        return None;
    }
    Some(finish(&mut unshare(script), LIMIT))
}

#[test]
fn a_replay_needs_no_network_and_nothing_that_can_be_written() {
    let scene = scene();
    let (program, folder) = (program().display().to_string(), scene.path().display().to_string());
    fs::create_dir(scene.path().join("room")).expect("a folder");
    let before = traces(scene.path());
    // Only the folder for what is temporary can be written to. The root is another mount, which not every
    // machine lets one change.
    let script = format!(
        "mount --bind '{folder}' '{folder}'\n\
         mount -t tmpfs none '{folder}/room'\n\
         mount -o remount,bind,ro '{folder}'\n\
         mount -o remount,bind,ro / || true\n\
         cd '{folder}'\n\
         if touch here 2>/dev/null; then exit 9; fi\n\
         TMPDIR='{folder}/room' exec '{program}' replay @latest"
    );
    if let Some(ran) = apart(&scene, &script) {
        check(ran);
        assert!(traces(scene.path()) == before);
    }
}

#[test]
fn a_full_disk_does_not_keep_anybody_from_looking() {
    let scene = scene();
    let program = program().display().to_string();
    let script = format!(
        "mkdir room small\n\
         mount -t tmpfs none room\n\
         mount -t tmpfs -o size=64m none small\n\
         cp -r .theater-flow small/data\n\
         dd if=/dev/zero of=small/fill bs=4k 2>/dev/null || true\n\
         if echo more > small/here 2>/dev/null; then exit 9; fi\n\
         TMPDIR=\"$PWD/room\" exec '{program}' --data small/data replay @latest"
    );
    if let Some(ran) = apart(&scene, &script) {
        check(ran);
    }
}
