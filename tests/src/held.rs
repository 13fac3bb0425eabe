//! A run that goes on for as long as a test needs it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{LIMIT, Ran, Scene, prebuilt};

/// Sends a signal to a process that lives.
///
/// # Panics
/// If it does not.
pub fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("not 0");
    kill_process(pid, signal).expect("it lives");
}

/// Looks until it is so.
///
/// # Panics
/// If it is not so for long.
#[track_caller]
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_for_told(|| String::from(what), look)
}

/// The same; `what` says at the end what was not seen.
///
/// # Panics
/// If it is not so for long.
#[track_caller]
pub fn wait_for_told<T>(what: impl FnOnce() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + LIMIT;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < limit, "{}: not seen", what());
        thread::sleep(Duration::from_millis(2));
    }
}

/// A run that waits for its standard input, of which it prints the first piece.
#[derive(Debug)]
pub struct Held {
    /// Where.
    pub scene: Scene,
    child: Option<Child>,
}

impl Held {
    /// Starts it, and waits until all its agents have begun.
    #[must_use]
    pub fn start() -> Self {
        let scene = Scene::new();
        let probe = prebuilt("probe-full").display().to_string();
        scene.file("held.toml", HELD.replace("PROBE", &probe));
        let child = held(&scene, ["run", "held.toml"]);
        let this = Self { scene, child: Some(child) };
        wait_for("the control socket", || this.pointer().is_file().then_some(()));
        // `print` is the last to start; `hold` began to wait before it or does now.
        wait_for("the start of all agents", || {
            let events = this.scene.say("events @latest --json");
            events.text().contains("\"agent\":\"print\"").then_some(())
        });
        this
    }

    /// Ends it with what `end` does, and says what it did.
    pub fn end(&mut self, end: impl FnOnce(&mut Child)) -> Ran {
        let mut child = self.child.take().expect("it was not ended before");
        end(&mut child);
        wait(child)
    }

    /// The run's folder.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.scene.runs().pop().expect("there is a run")
    }

    /// The file that says where its control socket is.
    #[must_use]
    pub fn pointer(&self) -> PathBuf {
        self.scene.runs().pop().unwrap_or_default().join("socket")
    }
}

impl Held {
    /// Takes the run up after its end, and gives it its input.
    #[must_use]
    pub fn complete(&self, input: &[u8]) -> Ran {
        let mut child = held(&self.scene, ["resume", "@latest"]);
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input).expect("it reads");
        drop(stdin);
        wait(child)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts the program with pipes on all sides.
#[must_use]
pub fn held<'a>(scene: &Scene, args: impl IntoIterator<Item = &'a str>) -> Child {
    let mut command = scene.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// Waits for its end. It writes little, so that its pipes hold it.
#[must_use]
pub fn wait(mut child: Child) -> Ran {
    let input = child.stdin.take();
    wait_for("its end", || child.try_wait().expect("a child"));
    drop(input);
    let output = child.wait_with_output().expect("it is over");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { status: output.status, out: output.stdout, err, peak: 0 }
}

const HELD: &str = r#"
format = 1
name = "held"

[supervisors.root]
strategy = "one-for-one"
children = ["hold", "print"]

[agents.hold]
actor = "PROBE"
config = { on = [{ event = "start", do = "stdin", n = 65536 }] }
grants = { clock = true, random = true, timer = true, stdin = true, stdout = true, files = { read = ["."], write = ["."] } }
timeout = "10m"

[agents.print]
actor = "std/stdout"
inputs = "hold"
grants = { stdout = true }
"#;
