//! A process that follows files, and what it is seen to do.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::held::{send, wait_for, wait_for_told};
use crate::{Ran, Scene};

/// A process that follows files, in a scene.
#[derive(Debug)]
pub struct Watched<'a> {
    scene: &'a Scene,
    child: Child,
    /// What its outputs are called.
    name: &'static str,
}

impl<'a> Watched<'a> {
    /// Starts it.
    #[must_use]
    pub fn start(scene: &'a Scene, name: &'static str, line: &str) -> Self {
        Self::of(scene, name, &mut scene.command(line.split_whitespace()))
    }

    /// Starts another command in its folder.
    #[must_use]
    pub fn of(scene: &'a Scene, name: &'static str, command: &mut Command) -> Self {
        let file = |end: &str| File::create(scene.path().join(format!("{name}.{end}")));
        command.current_dir(scene.path());
        command.stdout(file("out").expect("a file")).stderr(file("err").expect("a file"));
        command.stdin(Stdio::null());
        Self { scene, child: command.spawn().expect("the program starts"), name }
    }

    /// What it has told so far.
    #[must_use]
    pub fn err(&self) -> String {
        self.scene.read(&format!("{}.err", self.name))
    }

    /// What has been printed so far.
    #[must_use]
    pub fn out(&self) -> String {
        self.scene.read(&format!("{}.out", self.name))
    }

    /// Waits until it has told so many lines with this text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str, times: usize) {
        let told = |err: &str| err.lines().filter(|line| line.contains(text)).count();
        let path = self.scene.path().join(format!("{}.err", self.name));
        let what = || format!("`{text}` in\n{}", fs::read_to_string(&path).unwrap_or_default());
        wait_for_told(what, || {
            let err = self.err();
            if let Ok(Some(status)) = self.child.try_wait() {
                assert!(told(&self.err()) >= times, "no `{text}`, and {status}:\n{err}");
            }
            (told(&err) >= times).then_some(())
        });
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Waits for its end.
    #[must_use]
    pub fn ended(mut self) -> Ran {
        let status = wait_for("its end", || self.child.try_wait().expect("a child"));
        Ran { status, out: self.out().into(), err: self.err(), peak: 0 }
    }

    /// Stops it, and waits for its end.
    #[must_use]
    pub fn stopped(self) -> Ran {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Kills it.
    pub fn killed(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The records of a kind, of a run of the scene.
#[must_use]
pub fn records(scene: &Scene, run: &str, kind: &str) -> Vec<Value> {
    scene.run(["events", run, "--json", "--kind", kind]).ends(0).json()
}

/// A text field of records.
#[must_use]
pub fn field(records: &[Value], name: &str) -> Vec<String> {
    records.iter().map(|record| String::from(record[name].as_str().unwrap_or("-"))).collect()
}

/// The ids of the scene's runs, in their order.
#[must_use]
pub fn ids(scene: &Scene) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let runs = scene.runs().into_iter().filter(|path| fs::metadata(path).is_ok());
    runs.filter_map(name).collect()
}
