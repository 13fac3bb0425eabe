//! Reloads of a run under load: how long who changes is kept from working, beside a stop and a resume.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use theater_flow::compile::Pipeline;
use theater_flow::driver::{Event, Outcome};
use theater_flow::person::myself;
use theater_flow::reload::Reloader;
use theater_flow::session::{Left, Session};
use theater_flow_kernel::state::State;

use super::pipeline::{self, Stage};
use super::{Figure, rate};

/// Reloads of one run.
const RELOADS: usize = 60;
/// Stops and resumes of one run.
const RESTARTS: usize = 15;
/// More than can be handled meanwhile.
const MESSAGES: u64 = 50_000_000;
/// Room for instances, of successors too.
const INSTANCES: u32 = 64;

pub(super) fn figures() -> Vec<Figure> {
    let reloads = reloads();
    let restarts = restarts();
    let (paused, took) = (sorted(&reloads.paused), sorted(&reloads.took));
    let restart = sorted(&restarts);
    vec![
        Figure::new(
            format!(
                "{RELOADS} reloads of every kind of 4 agents under load: somebody was kept from working"
            ),
            format!("p50 {}, p99 {}", ms(at(&paused, 50)), ms(at(&paused, 99))),
            format!(
                "a stop and a resume: p50 {}, p99 {}",
                ms(at(&restart, 50)),
                ms(at(&restart, 99))
            ),
        ),
        Figure::new(
            "the same, from the file to the durable record",
            format!("p50 {}, p99 {}", ms(at(&took, 50)), ms(at(&took, 99))),
            format!("hops meanwhile: {}", rate(reloads.hops, reloads.in_all)),
        ),
    ]
}

/// What the reloads of one run took.
struct Reloads {
    paused: Vec<Duration>,
    took: Vec<Duration>,
    /// Records made meanwhile, each a hop but for a few.
    hops: u64,
    in_all: Duration,
}

fn reloads() -> Reloads {
    let text = pipeline::hops(MESSAGES);
    let mut stage = Stage::new(&text, &[], INSTANCES);
    let mut session = stage.begin();
    let (reloader, sender) = (session.reloader(), session.sender());
    let folder = stage.folder().to_path_buf();
    let work = thread::spawn(move || {
        let (began, first) = (Instant::now(), records(&sender));
        let mut all = Reloads { paused: vec![], took: vec![], hops: 0, in_all: Duration::ZERO };
        for nth in 0..RELOADS {
            let file = folder.join("pipeline.toml");
            std::fs::write(&file, edited(&text, nth)).expect("a file");
            let start = Instant::now();
            let paused_ms = reload(&reloader, &Pipeline::read(&file).expect("a file"));
            all.took.push(start.elapsed());
            all.paused.push(Duration::from_millis(paused_ms));
        }
        (all.hops, all.in_all) = (records(&sender) - first, began.elapsed());
        let _ = sender.send(Event::StopNow);
        all
    });
    let _ = session.serve(&mut |_, _| {});
    work.join().expect("it ends")
}

/// Goes over to the file, with approval if that is asked for. How long somebody was kept from working.
fn reload(reloader: &Reloader, file: &Pipeline) -> u64 {
    let mut done = reloader.reload(file, &[], None).map(|done| done.outcome);
    if let Ok(Outcome::Proposed { proposal, .. }) = done {
        done = reloader.approve(proposal, myself()).map(|done| done.outcome);
    }
    match done {
        Ok(Outcome::Reloaded { paused_ms, .. }) => paused_ms,
        Ok(other) => panic!("no reload: {other:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// The file with a change of one of six kinds.
fn edited(text: &str, nth: usize) -> String {
    let head = |line: &str| text.replace("[agents.c]\n", &format!("[agents.c]\n{line}\n"));
    let strategy = ["rest-for-one", "one-for-all"][nth / 6 % 2];
    match nth % 6 {
        0 => text.replacen("echo = true", &format!("echo = true, pad = {nth}"), 1),
        1 => {
            let at = text.find("[agents.c]").expect("it is there");
            let end = text[at..].find("[agents.d]").map_or(text.len(), |end| at + end);
            let more = text[at..end].replace("[agents.c]", "[agents.e]");
            text.replace("\"c\", \"d\"]", "\"c\", \"d\", \"e\"]") + &more
        }
        2 => head(&format!("retry = {{ max = {} }}", 1 + nth)),
        3 => head(&format!("limits = {{ memory = \"{}MiB\" }}", 20 + nth)),
        4 => head(&format!("timeout = \"{}s\"", 1 + nth)),
        _ => text.replace(
            "[supervisors.root]\n",
            &format!("[supervisors.root]\nstrategy = \"{strategy}\"\n"),
        ),
    }
}

/// How long nobody works when a run under load is stopped and taken up again, for whatever is to change.
fn restarts() -> Vec<Duration> {
    let mut stage = Stage::new(&pipeline::hops(MESSAGES), &[], INSTANCES);
    let mut session = stage.begin();
    let mut times = vec![];
    for _ in 0..RESTARTS {
        let began = serve(&mut session, 5_000);
        drop(session);
        let left = Left::open(stage.place()).expect("a log");
        let stdout = Box::new(std::io::sink());
        session = Session::resume(stage.place(), left, stage.host(), stdout).expect("a session");
        // Lives of four agents begin, and each handles something.
        times.push(serve(&mut session, 20).duration_since(began));
    }
    times
}

/// Serves until so many records are made, and stops. When they were.
fn serve(session: &mut Session, many: u64) -> Instant {
    let sender = session.sender();
    let work = thread::spawn(move || {
        let first = records(&sender);
        while records(&sender) < first + many {
            thread::yield_now();
        }
        let done = Instant::now();
        let _ = sender.send(Event::StopNow);
        done
    });
    let _ = session.serve(&mut |_, _| {});
    work.join().expect("it ends")
}

/// How many records the run has.
fn records(sender: &Sender<Event>) -> u64 {
    let (send, receive) = channel();
    let look = move |state: &State| {
        let _ = send.send(state.kept.next_seq);
    };
    let _ = sender.send(Event::Look(Box::new(look)));
    receive.recv().unwrap_or(u64::MAX)
}

fn sorted(times: &[Duration]) -> Vec<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times
}

/// The time below which so many of a hundred lie.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
