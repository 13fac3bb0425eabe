//! Supervision: agents begun and stopped by their number, restarts a second, and what a tree costs a hop.

use std::fmt::Write as _;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use theater_flow::driver::{Ending, Event};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{SinkId, Status};
use theater_flow_kernel::state::State;

use super::pipeline::{self, Stage};
use super::{Figure, rate};

/// Messages at each of which an agent exits.
const EXITS: u32 = 10_000;
/// Messages of the hops that are compared.
const MESSAGES: u64 = 50_000;
/// Supervisors above each agent of the deep tree.
const DEPTH: usize = 16;
/// The agent that crashes.
const CLOCK: AgentId = AgentId(0);

pub(super) fn figures() -> Vec<Figure> {
    let mut figures: Vec<Figure> = [10, 100, 1_000, 9_999].into_iter().map(tended).collect();
    figures.push(restarts());
    figures.push(hops());
    figures
}

/// So many agents that wait for a clock are begun. Once all are up their supervisor gives up, since one crashes, and
/// stops all others.
fn tended(agents: u32) -> Figure {
    let mut runs: Vec<(Duration, Duration)> = (0..3).map(|_| begun_and_stopped(agents)).collect();
    runs.sort_unstable();
    let (begun, stopped) = runs[runs.len() / 2];
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(agents);
    Figure::new(
        format!("begin {agents} agents of one supervisor, and stop them"),
        format!("{:.1} ms, {:.1} ms", begun.as_secs_f64() * 1e3, stopped.as_secs_f64() * 1e3),
        format!("an agent: {:.0} µs, {:.0} µs", each(begun), each(stopped)),
    )
}

fn begun_and_stopped(agents: u32) -> (Duration, Duration) {
    let mut stage = Stage::new(&waiting(agents), &[], agents + 32);
    let start = Instant::now();
    let mut session = stage.begin();
    let sender = session.sender();
    let (said, up) = channel();
    thread::spawn(move || {
        while !are_up(&sender) {
            thread::yield_now();
        }
        let _ = said.send(Instant::now());
        let message = String::from("crashes when all are up");
        let _ = sender.send(Event::WriteFailed { agent: CLOCK, sink: SinkId::STDOUT, message });
    });
    let (ending, _) = session.serve(&mut |_, _| {});
    assert!(matches!(ending, Ending::Finished(Status::Failed)), "{ending:?}");
    let up = up.recv().expect("all came up before they were stopped");
    (up - start, up.elapsed())
}

/// A clock that does not strike, and agents that wait for it.
fn waiting(agents: u32) -> String {
    let names: Vec<String> = (0..agents).map(|n| format!("\"a{n}\"")).collect();
    let mut text = format!(
        "format = 1\nname = \"waiting\"\n[supervisors.root]\nintensity = 0\nchildren = [\"clock\", {}]\n\
         [agents.clock]\nactor = \"std/timer\"\nconfig = {{ every = \"1h\" }}\n\
         grants = {{ timer = true, clock = true }}\n",
        names.join(", "),
    );
    for n in 0..agents {
        let _ = write!(text, "[agents.a{n}]\nactor = \"probe.wasm\"\ninputs = \"clock\"\n");
    }
    text
}

/// True once every agent has begun. Waits until the run says so.
fn are_up(sender: &Sender<Event>) -> bool {
    let (say, hear) = channel();
    let look = move |state: &State| {
        let _ = say.send(state.kept.agents.iter().all(|agent| agent.incarnations > 0));
    };
    sender.send(Event::Look(Box::new(look))).is_ok() && hear.recv().unwrap_or(false)
}

/// An agent that is done after each message, and is restarted each time.
fn restarts() -> Figure {
    let text = format!(
        "format = 1\nname = \"exits\"\n[supervisors.root]\nchildren = [\"a\", \"b\"]\n\
         intensity = {EXITS}\n\
         [agents.a]\nactor = \"probe.wasm\"\nconfig = {{ produce = {EXITS} }}\n\
         [agents.b]\nactor = \"probe.wasm\"\ninputs = \"a\"\nrestart = \"permanent\"\n\
         config = {{ on = [{{ do = \"done\" }}] }}\n",
    );
    let mut times: Vec<Duration> = (0..3).map(|_| pipeline::ran(&text, &[]).took).collect();
    times.sort_unstable();
    let each = times[1].as_secs_f64() * 1e6 / f64::from(EXITS);
    Figure::new(
        "restarts of an agent that is done after each message",
        rate(EXITS.into(), times[1]),
        format!("{each:.0} µs each: the exit, the restart and the new instance, on record"),
    )
}

/// The same hops below one supervisor, and each agent below many.
fn hops() -> Figure {
    let flat = pipeline::hops(MESSAGES);
    let deep = deepened(&flat);
    let time = |text: &str| pipeline::ran(text, &[]).took;
    let mut ratios: Vec<f64> =
        (0..7).map(|_| time(&deep).as_secs_f64() / time(&flat).as_secs_f64()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    Figure::new(
        format!("durable hops with {DEPTH} supervisors above each agent"),
        format!("{:.2} times", ratios[3]),
        format!("the time with one; 7 pairs: {:.2} to {:.2}", ratios[0], ratios[6]),
    )
}

/// Puts a chain of supervisors above each of the four agents.
fn deepened(flat: &str) -> String {
    let agents = ["a", "b", "c", "d"];
    let mut text = flat.replace(
        "children = [\"a\", \"b\", \"c\", \"d\"]",
        "children = [\"a-0\", \"b-0\", \"c-0\", \"d-0\"]",
    );
    for agent in agents {
        for level in 0..DEPTH {
            let below = format!("{agent}-{}", level + 1);
            let child = if level + 1 == DEPTH { agent } else { &below };
            let _ = write!(text, "[supervisors.{agent}-{level}]\nchildren = [\"{child}\"]\n");
        }
    }
    text
}
