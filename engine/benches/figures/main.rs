//! The figures of `benches/RESULTS.md`: `cargo bench -p theater-flow --bench figures [-- GROUP… [LONGEST]]`, with a
//! group of `parts`, `pipeline`, `look`, `fork`, `resume`, `growth`, `supervise`, `reload` and `watch`, and how long the longest run is to
//! be in `resume` and `growth`, to see them end soon.
//!
//! Each figure is a median over several runs on the machine at hand, and stands beside a floor measured in
//! the same run where there is one. Nothing here asserts anything.

mod fork;
mod growth;
mod look;
mod parts;
mod pipeline;
mod reload;
mod resume;
mod supervise;
mod watch;

use std::time::{Duration, Instant};

use theater_flow::render::Screen;

/// One line of the table.
struct Figure {
    what: String,
    value: String,
    beside: String,
}

/// A name to choose them by, and what measures them.
type Group = (&'static str, fn() -> Vec<Figure>);

impl Figure {
    fn new(what: impl Into<String>, value: String, beside: impl Into<String>) -> Self {
        Self { what: what.into(), value, beside: beside.into() }
    }
}

/// The median time of one call of `work`, over `runs` runs of `calls` calls.
fn per_call(runs: usize, calls: u32, mut work: impl FnMut()) -> Duration {
    let once = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        start.elapsed() / calls
    };
    once(&mut work);
    let mut times: Vec<Duration> = (0..runs).map(|_| once(&mut work)).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn ns(time: Duration) -> String {
    format!("{} ns", time.as_nanos())
}

fn us(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

fn rate(count: u64, time: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / time.as_secs_f64();
    format!("{:.0} k/s", rate / 1e3)
}

/// What stands after `--`.
fn chosen() -> impl Iterator<Item = String> {
    std::env::args().skip(1).filter(|arg| arg != "--bench")
}

/// Of these lengths, those that are not longer than is wished.
fn lengths<const N: usize>(lengths: [u64; N]) -> impl Iterator<Item = u64> {
    let longest = chosen().find_map(|arg| arg.parse().ok()).unwrap_or(u64::MAX);
    lengths.into_iter().filter(move |length| *length <= longest)
}

fn main() -> std::io::Result<()> {
    let screen = Screen::standard(false, false);
    let chosen: Vec<String> = chosen().filter(|arg| arg.parse::<u64>().is_err()).collect();
    let groups: [Group; 9] = [
        ("parts", parts::figures),
        ("pipeline", pipeline::figures),
        ("look", look::figures),
        ("fork", fork::figures),
        ("resume", resume::figures),
        ("growth", growth::figures),
        ("supervise", supervise::figures),
        ("reload", reload::figures),
        ("watch", watch::figures),
    ];
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let figures = groups.iter().filter(|(name, _)| wanted(name)).flat_map(|(_, group)| group());
    screen.line("| figure | measured | beside |")?;
    screen.line("|---|---|---|")?;
    for Figure { what, value, beside } in figures {
        screen.line(&format!("| {what} | {value} | {beside} |"))?;
    }
    screen.flush()
}
