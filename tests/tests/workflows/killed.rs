//! Each workflow, killed at random instants and resumed, writes what it writes undisturbed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use theater_flow_tests::Scene;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::held::wait_for;

use crate::{Job, csv_clean, flaky_tree, log_summary, repo_audit, size, timeline, writer_critic};

/// Kills of one run; then it may end.
const KILLS_PER_RUN: u64 = 10;

#[test]
fn repo_audit_survives() {
    let job = repo_audit::job("tree");
    repo_audit::generate(&job.scene.path().join("tree"), 400, 1);
    survives("repo-audit", &job);
}

#[test]
fn log_summary_survives() {
    let job = log_summary::job();
    log_summary::generate_small(&job);
    survives("log-summary", &job);
}

#[test]
fn csv_clean_survives() {
    let job = csv_clean::job();
    csv_clean::generate_small(&job);
    survives("csv-clean", &job);
}

#[test]
fn timeline_survives() {
    let job = timeline::job();
    timeline::generate(&job, 1_000);
    survives("timeline", &job);
}

#[test]
fn writer_critic_survives() {
    let job = writer_critic::job();
    writer_critic::generate(&job, 300);
    survives("writer-critic", &job);
}

#[test]
fn flaky_tree_survives() {
    let job = flaky_tree::job();
    flaky_tree::generate(&job, 200);
    survives("flaky-tree", &job);
}

fn survives(name: &str, job: &Job) {
    let began = Instant::now();
    job.run();
    let (undisturbed, took) = (job.written(), began.elapsed());
    assert!(undisturbed.values().all(|text| !text.is_empty()), "it writes something");
    let mut dice = Dice::new(9);
    let (mut kills, mut runs, goal) = (0, 0, size(6, 60) as u64);
    while kills < goal {
        for output in &job.outputs {
            std::fs::remove_file(job.scene.path().join(output)).expect("it was written");
        }
        kills += killed(job, &mut dice, took, KILLS_PER_RUN.min(goal - kills));
        runs += 1;
        assert!(job.written() == undisturbed, "{name}: the outputs differ");
        job.check_log();
    }
    println!("{name}: {kills} kills in {runs} runs, the same outputs");
}

/// Runs the job to its end, killing its processes. Gives how many were killed.
fn killed(job: &Job, dice: &mut Dice, took: Duration, kills: u64) -> u64 {
    let before = job.scene.runs().len();
    let mut killed = 0;
    loop {
        let begun = job.scene.runs().len() > before;
        let args = if begun { vec!["resume".into(), "@latest".into()] } else { job.args.clone() };
        // The undisturbed run's time holds a verification too: some are killed late, and some not at all.
        let most = u64::try_from(took.as_millis()).expect("it is short");
        let after = (killed < kills).then(|| Duration::from_millis(dice.below(most)));
        match live(&job.scene, &args, after) {
            None => killed += 1,
            Some(0) => return killed,
            Some(code) => {
                let said = job.scene.read("stderr.txt");
                // The one before was killed when it had just ended the run, or before it began.
                if said.contains("already completed") {
                    return killed;
                }
                assert!(said.contains("the run never began"), "exit {code}: {said}");
                std::fs::remove_dir_all(job.scene.runs().pop().expect("it was begun"))
                    .expect("it can be removed");
            }
        }
    }
}

/// Runs a process to its end, or kills it after a time. Gives its exit code; `None` if it was killed.
fn live(scene: &Scene, args: &[String], after: Option<Duration>) -> Option<i32> {
    let err = std::fs::File::create(scene.path().join("stderr.txt")).expect("it can be made");
    let mut command = scene.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(err).spawn().expect("it starts");
    let began = Instant::now();
    let ended = wait_for("the end of a process", || {
        if after.is_some_and(|after| began.elapsed() >= after) {
            let _ = child.kill();
        }
        child.try_wait().expect("it is a child")
    });
    ended.code()
}
