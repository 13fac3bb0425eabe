//! `kill -9` at random instants, of whatever process runs a run: also while it begins, opens, resumes,
//! checkpoints and ends. The next one goes on, and in the end all is as if nobody had been killed.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use theater_flow_tests::account::Account;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::is_full;
use theater_flow_tests::lives::{Copying, Life, Mode, Past, tell};

/// Processes of one run that may be killed; then it may end.
const KILLS_PER_RUN: usize = 25;
/// How long an open, a resume and a first write take about, in ms.
const BEGINNING_MS: u64 = 120;
/// Processes that may be needed for one run.
const LIVES: usize = 200;

/// Runs the pipeline, killing processes, until one of them ends by itself.
struct Murderer {
    dice: Dice,
    /// How long a run takes that nobody kills.
    whole: Duration,
}

impl Murderer {
    /// Kills the process at some instant: soon, at any time, or when it has got so far.
    fn kill(&mut self, copying: &Copying, life: Life) -> Past {
        let whole = u64::try_from(self.whole.as_millis()).expect("a short time");
        let total = copying.printed.len() as u64;
        let began = Instant::now();
        let after = |ms| move |_: &Life| began.elapsed() >= Duration::from_millis(ms);
        match self.dice.below(4) {
            0 => life.killed_when(after(self.dice.below(BEGINNING_MS))),
            1 => life.killed_when(after(self.dice.below(whole))),
            2 => {
                let at = self.dice.below(total);
                life.killed_when(|_| copying.size("stdout.txt") >= at)
            }
            _ => self.kill_at_the_end(copying, life),
        }
    }

    /// Kills it when all is printed, and a moment later.
    fn kill_at_the_end(&mut self, copying: &Copying, life: Life) -> Past {
        let total = copying.printed.len() as u64;
        let moment = Duration::from_millis(self.dice.below(60));
        let mut seen = None;
        life.killed_when(|_| {
            if seen.is_none() && copying.size("stdout.txt") >= total {
                seen = Some(Instant::now());
            }
            seen.is_some_and(|seen| seen.elapsed() >= moment)
        })
    }

    /// One run, to its end. Gives the lives of those who ran it.
    fn run(&mut self, copying: &Copying, kills: usize) -> Vec<Past> {
        let mut past: Vec<Past> = Vec::new();
        while past.len() < LIVES {
            let life = copying.start(next_line(copying, &mut past));
            let killed = past.iter().filter(|past| past.was_killed()).count();
            let next = if killed < kills { self.kill(copying, life) } else { life.ended() };
            assert!(!next.err.contains("panicked"), "{}", next.err);
            // The one before was killed when it had just ended the run.
            let is_over = next.status.success() || next.err.contains("already completed");
            past.push(next);
            if is_over {
                return past;
            }
        }
        panic!("the run does not come to its end");
    }
}

/// What to start next: a run that was killed before its first record was durable has done nothing.
fn next_line(copying: &Copying, past: &mut Vec<Past>) -> &'static str {
    let Some(last) = past.last() else { return "run copying.toml" };
    if last.was_killed() && copying.run().is_some() {
        return "resume @latest";
    }
    if !last.was_killed() {
        let never_began = last.err.contains("the run never began");
        assert!(never_began, "the run cannot be resumed: {}", last.err);
    }
    assert!(copying.size("stdout.txt") == 0, "what was never begun prints nothing");
    // Those who tried to resume it in vain were not killed, and do not count.
    past.retain(Past::was_killed);
    "run copying.toml"
}

/// Everything that is promised of a run that has come to its end.
fn check(copying: &Copying, past: &[Past], lines: u64) -> usize {
    assert!(copying.read("out.jsonl") == copying.output, "every line is there once, in order");
    let account = Account::of(copying);
    let twice = account.check_printed(copying, past);
    account.check_messages(lines);
    for (command, says) in [("verify @latest", "verified"), ("replay @latest", "no difference")] {
        let ran = copying.command(command).output().expect("the program starts");
        let out = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success() && out.contains(says), "{command}: {out}");
        assert!(out.contains(&format!("events={}", account.records)), "{command}: {out}");
    }
    let listed = copying.command("runs").output().expect("the program starts").stdout;
    assert!(String::from_utf8_lossy(&listed).contains(" completed "), "it is listed as what it is");
    let left = fs::read_dir(copying.path(".")).expect("a folder").flatten().count();
    assert_eq!(left, 6, "nothing is left beside the pipeline, its files and its data");
    twice
}

fn kill(mode: Mode, seed: u64) {
    let (lines, goal) = match (is_full(), mode) {
        (true, Mode::Replace) => (100_000, 80),
        (true, Mode::Append) => (100_000, 40),
        (false, _) => (2_000, 8),
    };
    let folder = TempDir::new().expect("a temporary folder");
    let copying = Copying::new(folder.path(), lines, mode);
    let began = Instant::now();
    let first = copying.start("run copying.toml").ended();
    let mut murderer = Murderer { dice: Dice::new(seed), whole: began.elapsed() };
    assert!(first.status.success() && copying.read("out.jsonl") == copying.output, "{}", first.err);
    let (mut kills, mut runs, mut twice) = (0, 0, 0);
    while kills < goal {
        copying.clear();
        let past = murderer.run(&copying, KILLS_PER_RUN.min(goal - kills));
        kills += past.iter().filter(|past| past.was_killed()).count();
        twice += check(&copying, &past, lines as u64);
        runs += 1;
    }
    tell(&format!(
        "{mode:?}: kills {kills} in {runs} runs of {lines} lines, {twice} bytes printed twice"
    ));
}

#[test]
fn kills_lose_nothing_and_repeat_nothing() {
    kill(Mode::Replace, 1);
}

#[test]
fn kills_spare_what_was_in_the_file() {
    kill(Mode::Append, 2);
}

/// True if it is on record that the first bytes of the file are in their place.
fn is_confirmed(copying: &Copying) -> bool {
    let ran = copying.command("events @latest --agent findings --kind confirmed --json").output();
    !ran.expect("the program starts").stdout.is_empty()
}

/// Kills a run in the middle, does something to its output file, and resumes.
fn tampered(tamper: impl FnOnce(&Copying)) -> (TempDir, Copying, Past) {
    let folder = TempDir::new().expect("a temporary folder");
    let copying = Copying::new(folder.path(), 6_000, Mode::Append);
    let half = copying.output.len() as u64 / 4;
    for _ in 0..LIVES {
        copying.clear();
        let killed =
            copying.start("run copying.toml").killed_when(|_| copying.size("out.jsonl") > half);
        // What was not confirmed before is written again, whatever stands there.
        if killed.was_killed() && is_confirmed(&copying) {
            break;
        }
    }
    assert!(is_confirmed(&copying), "it was never killed in the middle");
    tamper(&copying);
    let past = copying.start("resume @latest").ended();
    (folder, copying, past)
}

#[test]
fn what_somebody_else_added_is_never_cut() {
    for added in ["x\n".repeat(2), "somebody else\n".repeat(100_000)] {
        let (_folder, copying, past) = tampered(|copying| {
            let file = fs::OpenOptions::new().append(true).open(copying.path("out.jsonl"));
            file.expect("it is there").write_all(added.as_bytes()).expect("it is written");
        });
        let text = String::from_utf8_lossy(&copying.read("out.jsonl")).into_owned();
        assert!(text.contains(&added), "{} bytes were added", added.len());
        fails(&copying, &past);
    }
}

#[test]
fn what_somebody_else_cut_is_missed() {
    let (_folder, copying, past) = tampered(|copying| {
        let file = fs::OpenOptions::new().write(true).open(copying.path("out.jsonl"));
        // Into what was there before: nobody writes that again, however little was confirmed.
        file.expect("it is there").set_len(10).expect("it is cut");
    });
    assert_eq!(copying.size("out.jsonl"), 10, "it is left as it was found");
    fails(&copying, &past);
}

/// The run fails, and says which agent's file was changed.
fn fails(copying: &Copying, past: &Past) {
    assert_eq!(past.status.code(), Some(1), "{}", past.err);
    let account = Account::of(copying);
    let (agent, kind, message) = account.crashes.first().expect("a crash is recorded");
    assert_eq!((&agent[..], &kind[..]), ("findings", "write"));
    assert!(message.contains("out.jsonl") && message.contains("changed it"), "{message}");
}
