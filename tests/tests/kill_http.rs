//! `kill -9` at random instants of processes whose agents make requests: while they begin, open, resume, wait for a
//! response and end. A server counts what was made, and the log says what nobody knows.

use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use theater_flow_tests::dice::Dice;
use theater_flow_tests::lives::tell;
use theater_flow_tests::requests::Requests;
use theater_flow_tests::{LIMIT, Scene, is_full};

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(1);
/// How long an open, a resume and a first request take about, in ms.
const BEGINNING_MS: u64 = 150;
/// Kills of one run; then it may end.
const KILLS_PER_RUN: usize = 20;
/// Processes that may be needed for one run.
const LIVES: usize = 200;

/// Runs of one pipeline, whose processes are killed.
struct Murder {
    requests: Requests,
    dice: Dice,
    kills: usize,
}

impl Murder {
    fn new(word: &'static str, lines: usize, seed: u64) -> Self {
        let requests = Requests::new(Scene::new(), word, lines);
        Self { requests, dice: Dice::new(seed), kills: 0 }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.requests.scene.command(line.split_whitespace());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    }

    /// Kills the process soon, or when the server has so many requests more, unless it ends before.
    fn kill(&mut self, mut child: Child) -> Option<ExitStatus> {
        let (began, before) = (Instant::now(), self.requests.server.counts().0);
        let (soon, later) =
            (self.dice.below(BEGINNING_MS), self.dice.below(self.requests.lines as u64 / 4));
        let by_time = self.dice.below(3) == 0;
        let more = usize::try_from(later).expect("it is small");
        loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                return Some(status);
            }
            let over = if by_time {
                began.elapsed() >= Duration::from_millis(soon)
            } else {
                self.requests.server.counts().0 >= before + more
            };
            if over {
                break;
            }
            assert!(began.elapsed() < LIMIT, "the process does not come so far");
            thread::sleep(LOOK);
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it is waited for");
        self.kills += 1;
        None
    }

    /// Somebody decides about all that waits.
    fn decide(&mut self) {
        for held in self.requests.scene.say("approve @latest --json").ends(0).json() {
            let id = held["id"].to_string();
            if self.dice.below(2) == 0 {
                self.requests.scene.run(["approve", "@latest", &id]).ends(0);
                self.requests.decisions.0 += 1;
            } else {
                self.requests.scene.run(["approve", "@latest", &id, "--fail"]).ends(0);
                self.requests.decisions.1 += 1;
            }
        }
    }

    /// One run, to its end.
    fn run(&mut self, kills: usize) {
        let until = self.kills + kills;
        let mut began = false;
        for _ in 0..LIVES {
            let child = self.start(if began { "resume @latest" } else { "run pipeline.toml" });
            let ended = if self.kills < until {
                self.kill(child)
            } else {
                let mut child = child;
                Some(child.wait().expect("it ends"))
            };
            match ended.map(|status| status.code()) {
                Some(Some(0)) => return,
                Some(Some(4)) => self.decide(),
                Some(Some(2)) => match self.requests.status().as_deref() {
                    // The one before was killed when it had just ended the run.
                    Some("completed") => return,
                    // It was killed before its first record was durable: nothing was done.
                    _ => began = false,
                },
                None => began = self.requests.status().is_some(),
                other => panic!("{other:?}"),
            }
            began |= ended.is_some_and(|status| status.code() == Some(4));
        }
        panic!("the run does not come to its end");
    }
}

fn kill(word: &'static str, seed: u64) {
    let (lines, goal) = if is_full() { (400, 30) } else { (40, 4) };
    let mut murder = Murder::new(word, lines, seed);
    let (mut runs, mut unsure, mut twice) = (0, 0, 0);
    while murder.kills < goal {
        let before = murder.requests.before();
        murder.run(KILLS_PER_RUN.min(goal - murder.kills));
        let (nobody_knew, again) = murder.requests.check(&before);
        (unsure, twice, runs) = (unsure + nobody_knew, twice + again, runs + 1);
    }
    tell(&format!(
        "{word}: kills {} in {runs} runs of {lines} requests; nobody knew of {unsure}, {twice} came twice",
        murder.kills
    ));
}

#[test]
fn what_may_be_made_again_is_lost_nowhere() {
    kill("retry", 11);
}

#[test]
fn what_may_not_be_made_again_comes_once_at_most() {
    kill("fail", 12);
}

#[test]
fn what_somebody_decides_about_comes_as_they_say() {
    kill("ask", 13);
}
