//! How long files of many agents take to compile, and how much memory; how long the validator takes beside
//! another reader: `cargo bench -p theater-flow-dsl --bench compile`. Times are
//! of the processor, medians. Nothing here asserts anything.

#[path = "../tests/world/mod.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Result, Write as _, stdout};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use theater_flow_dsl::compile;
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Field, Type, TypeTable};
use world::{Beside, settle, settle_by};

/// The system's allocator, counting.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
// SAFETY: all calls go to the system's allocator as they come.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RUNS: usize = 7;

/// Time that this process had the processor: what else runs on the machine does not count, but for its caches.
fn cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn median(mut once: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| once()).collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// Agents in layers, each but the first ones reading two before it, in groups of a hundred below one supervisor.
fn layered(agents: usize) -> String {
    let mut text = "format=1\nname=\"x\"\n".to_owned();
    let groups = agents.div_ceil(100);
    let children: Vec<String> = (0..groups).map(|at| format!("\"s{at}\"")).collect();
    let _ = writeln!(text, "[supervisors.root]\nchildren=[{}]", children.join(","));
    for group in 0..groups {
        let children = (group * 100)..((group + 1) * 100).min(agents);
        let children: Vec<String> = children.map(|at| format!("\"a{at}\"")).collect();
        let _ = writeln!(text, "[supervisors.s{group}]\nchildren=[{}]", children.join(","));
    }
    for at in 0..agents {
        let (first, second) = (at.saturating_sub(2), at.saturating_sub(7));
        let _ = match at {
            0..10 => {
                writeln!(text, "[agents.a{at}]\nactor=\"std/probe\"\nconfig={{ports=[\"out u8\"]}}")
            }
            _ => writeln!(
                text,
                "[agents.a{at}]\nactor=\"std/probe\"\ninputs=[\"a{first}\",\"a{second}\"]\n\
                 config={{ports=[\"in $T\",\"out $T\"]}}"
            ),
        };
    }
    text
}

fn compiling(agents: usize) -> Result<()> {
    let text = layered(agents);
    let beside = Beside::default();
    let mut peak = 0;
    let time = median(|| {
        let mut spent = Duration::ZERO;
        let compiled = settle_by(&text, &beside, |source, facts| {
            let (before, start) = (NOW.load(Relaxed), cpu());
            PEAK.store(before, Relaxed);
            let outcome = compile(source, facts);
            spent += cpu().saturating_sub(start);
            peak = peak.max(PEAK.load(Relaxed) - before);
            outcome
        });
        assert!(compiled.plan.is_some(), "it is sound");
        spent
    });
    let plan = settle(&text, &beside).plan.into_iter().flat_map(|plan| plan.agents);
    let wires: usize = plan.flat_map(|agent| agent.inputs).map(|input| input.from.len()).sum();
    let (ms, kib) = (time.as_millis(), peak >> 10);
    writeln!(
        stdout(),
        "| compile {agents} agents, {wires} wires, {} KiB of text | {ms} ms, all rounds | peak {kib} KiB |",
        text.len() >> 10,
    )
}

struct Shape {
    name: &'static str,
    table: TypeTable,
    ty: TypeId,
    text: String,
}

fn shapes() -> Vec<Shape> {
    let made = |name, make: fn(&mut TypeTable) -> TypeId, text: String| {
        let mut table = TypeTable::default();
        let ty = make(&mut table);
        Shape { name, table, ty, text }
    };
    let many = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let row = |at: usize| {
        format!(
            r#"{{"path":"src/lib{at}.rs","line":{at},"rule":"todo","text":"// TODO: mend this {at}"}}"#
        )
    };
    vec![
        made("a record of 4 fields", record, row(7)),
        made("1,000 records of 4 fields", records, format!("[{}]", many(1_000, &row))),
        made(
            "10,000 small integers",
            integers,
            format!("[{}]", many(10_000, &|at| at.to_string())),
        ),
        made(
            "10,000 doubles",
            doubles,
            format!("[{}]", many(10_000, &|at| format!("{at}.{}", at * 7919 % 100_000))),
        ),
        made(
            "10,000 doubles of 17 digits",
            doubles,
            format!("[{}]", many(10_000, &|at| format!("0.{:017}e-7", at * 7_919_104_729 + 1))),
        ),
        made(
            "a string of 100 kB",
            |table| table.intern(Type::String),
            format!("\"{}\"", "lorem ipsum ".repeat(8_500)),
        ),
        made(
            "a string of 100 kB, many escapes",
            |table| table.intern(Type::String),
            format!("\"{}\"", r"a line\n\u00e9 and \t".repeat(5_000)),
        ),
        made(
            "1,000 records as json",
            |table| table.intern(Type::Json),
            format!("[{}]", many(1_000, &row)),
        ),
        made(
            "100 kB of base64",
            |table| table.intern(Type::Bytes),
            format!("\"{}\"", "QUJDRGFi".repeat(12_500)),
        ),
    ]
}

fn record(table: &mut TypeTable) -> TypeId {
    let [string, line] = [Type::String, Type::U32].map(|ty| table.intern(ty));
    let rule = table.intern(Type::Enum(["secret", "todo"].map(String::from).into()));
    let fields = [("path", string), ("line", line), ("rule", rule), ("text", string)];
    let field = |(name, ty): (&str, TypeId)| Field { name: name.to_owned(), ty };
    table.intern(Type::Record(fields.map(field).into()))
}

fn records(table: &mut TypeTable) -> TypeId {
    let record = record(table);
    table.intern(Type::List(record))
}

fn integers(table: &mut TypeTable) -> TypeId {
    let item = table.intern(Type::U32);
    table.intern(Type::List(item))
}

fn doubles(table: &mut TypeTable) -> TypeId {
    let item = table.intern(Type::F64);
    table.intern(Type::List(item))
}

/// Both in turn, so that what else the machine does falls on both.
fn validating(shape: &Shape) -> Result<()> {
    let Shape { name, table, ty, text } = shape;
    check(table, *ty, text).map_err(std::io::Error::other)?;
    let calls = u32::try_from(2_000_000 / text.len()).unwrap_or(1).max(1);
    let timed = |work: &dyn Fn()| {
        let start = cpu();
        (0..calls).for_each(|_| work());
        cpu().saturating_sub(start) / calls
    };
    let ours = || drop(black_box(check(table, *ty, black_box(text))));
    let theirs = || drop(black_box(serde_json::from_slice::<Value>(black_box(text.as_bytes()))));
    let mut pairs: Vec<(Duration, Duration)> =
        (0..4 * RUNS).map(|_| (timed(&ours), timed(&theirs))).collect();
    let ratio = |(ours, theirs): &(Duration, Duration)| theirs.as_secs_f64() / ours.as_secs_f64();
    pairs.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let (ours, theirs) = pairs[pairs.len() / 2];
    let ratio = ratio(&(ours, theirs));
    writeln!(
        stdout(),
        "| validate {name}, {} B | {ours:.1?} | `serde_json::Value` {theirs:.1?}: {ratio:.1} times as long |",
        text.len()
    )
}

fn main() -> Result<()> {
    [1_000, 2_500, 5_000, 10_000].into_iter().try_for_each(compiling)?;
    shapes().iter().try_for_each(validating)
}
