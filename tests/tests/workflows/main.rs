//! The workflows of this repository, on generated input, against results that are computed without them.
#![expect(clippy::print_stdout, reason = "what was counted is to be seen")]

mod csv_clean;
mod flaky_tree;
mod killed;
mod log_summary;
mod pages;
mod repo_audit;
mod timeline;
mod writer_critic;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use theater_flow_tests::{Ran, Scene, finish, is_full, root};

/// How long a workflow may take on the largest input.
const LIMIT: Duration = Duration::from_mins(15);

/// The workflows that there are.
const WORKFLOWS: [&str; 7] = [
    "csv-clean",
    "find-todos",
    "flaky-tree",
    "log-summary",
    "repo-audit",
    "timeline",
    "writer-critic",
];

/// A workflow with its params, and the files that it writes.
struct Job {
    scene: Scene,
    args: Vec<String>,
    outputs: Vec<&'static str>,
    /// What of an output's text is the same in every run.
    meaning: fn(&str) -> String,
}

impl Job {
    fn new(name: &str, params: &[(&str, &str)], outputs: &[&'static str]) -> Self {
        let workflow = root().join(format!("workflows/{name}.toml"));
        let mut args = vec!["run".to_owned(), workflow.display().to_string()];
        for (key, value) in params {
            args.extend(["--set".to_owned(), format!("{key}={value}")]);
        }
        Self { scene: Scene::new(), args, outputs: outputs.to_vec(), meaning: str::to_owned }
    }

    /// Runs it to its end, and looks whether its log is whole and says the same again.
    fn run(&self) -> Ran {
        let ran = finish(&mut self.scene.command(&self.args), LIMIT).ends(0);
        self.check_log();
        ran
    }

    fn check_log(&self) {
        let run = |line: &str| finish(&mut self.scene.command(line.split(' ')), LIMIT).ends(0);
        run("verify @latest");
        run("replay @latest");
    }

    /// What stands in each output.
    fn written(&self) -> BTreeMap<&'static str, String> {
        self.outputs.iter().map(|name| (*name, (self.meaning)(&self.scene.read(name)))).collect()
    }

    /// Bytes of all that the runs keep.
    fn disk(&self) -> u64 {
        fn size(path: &std::path::Path) -> u64 {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let each = |entry: fs::DirEntry| match entry.metadata() {
                Ok(meta) if meta.is_dir() => size(&entry.path()),
                Ok(meta) => meta.len(),
                Err(_) => 0,
            };
            entries.map(each).sum()
        }
        size(&self.scene.path().join(".theater-flow/runs"))
    }
}

/// The size of generated input in the suite, and in its full setting.
fn size(suite: usize, full: usize) -> usize {
    if is_full() { full } else { suite }
}

/// Every workflow is here, and each runs as it stands in the folder.
#[test]
fn every_workflow_is_tested() {
    let entries = fs::read_dir(root().join("workflows")).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned)).collect();
    names.sort();
    assert_eq!(names, WORKFLOWS);
}

/// The smallest of them, whose page and cases show the rest.
#[test]
fn find_todos_is_replayed() {
    let job = Job::new(
        "find-todos",
        &[("input", "source.txt"), ("output", "found.jsonl")],
        &["found.jsonl"],
    );
    job.scene.file("source.txt", "one\n// TODO two\nthree FIXME\n");
    job.run();
    assert_eq!(job.written()["found.jsonl"].lines().count(), 2);
}
