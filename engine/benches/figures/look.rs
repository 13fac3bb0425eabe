//! Looking back at a long run: how long `why`, `state`, `diff` and `replay` take, beside the run itself.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use theater_flow::causes::{Family, causes, effects};
use theater_flow::compare::{Account, Comparison};
use theater_flow::journal::Journal;
use theater_flow::rebuild;
use theater_flow::recover;
use theater_flow::replay::{NoWorld, Replayed, replay};
use theater_flow::store::SledStore;
use theater_flow::view::{Row, View};
use theater_flow::workers::Crew;
use theater_flow_host::Actor;
use theater_flow_kernel::ids::{Digest, Ref};
use theater_flow_kernel::plan::Plan;

use super::pipeline::{self, Ran};
use super::{Figure, rate};

/// Messages of the long run: with three hops each and what goes with them a million records.
const MESSAGES: u64 = 333_000;
/// Records that a tree on text looks at, at most.
const NEAR: usize = 5_000;
/// Requests of the run that waits, and how long each takes to be answered.
const REQUESTS: usize = 100;
const ANSWER: Duration = Duration::from_millis(20);

pub(super) fn figures() -> Vec<Figure> {
    let ran = pipeline::ran(&pipeline::hops(MESSAGES), &[]);
    let (journal, copied) = timed(|| open(&ran));
    let plan = recover::plan(&journal).expect("a plan");
    let records = journal.flushed().seq;
    let mut figures = vec![Figure::new(
        "copy and open the log of a run of 1,000,000 records with 256 B each",
        ms(copied),
        format!("{records} records"),
    )];
    figures.extend(whys(&journal, &plan));
    figures.extend(states(&journal, &plan, &ran));
    let compared = || {
        let accounts = [(); 2].map(|()| Account::of(&journal, (&plan, &[]), 0).expect("a log"));
        Comparison::of((&accounts[0], &accounts[1]), (&plan, &plan)).is_same()
    };
    let (same, took) = timed(compared);
    figures.push(Figure::new(
        "`diff` of two such logs, opened",
        ms(took),
        if same { "the same" } else { "?" },
    ));
    let (did, took) = replayed(&ran);
    figures.push(faster("replay of that run", &did, (ran.took, took)));
    let (port, lines) = (server(), "a line\n".repeat(REQUESTS));
    let waited = pipeline::ran(&asking(port), &[("in.txt", &lines)]);
    let (did, took) = replayed(&waited);
    let what = "replay of a run of 100 requests that take 20 ms each";
    figures.push(faster(what, &did, (waited.took, took)));
    figures
}

fn open(ran: &Ran) -> Journal<SledStore> {
    Journal::open(SledStore::open_copy(&ran.run.join("db")).expect("a copy")).expect("a log")
}

fn whys(journal: &Journal<SledStore>, plan: &Plan) -> Vec<Figure> {
    let last = Ref::record(journal.flushed().seq - 1);
    let json = |family: &Family| {
        let mut near = journal.nearby();
        let mut row =
            |seq| Some(Row::of_stored(&near.stored(seq).expect("a record")).expect("a row"));
        View::new(plan).why_json(family, &mut row).len() - 1
    };
    let (near, text) = timed(|| causes(journal, last, NEAR).expect("a log"));
    let (all, whole) = timed(|| causes(journal, last, usize::MAX).expect("a log"));
    let (lines, told) = timed(|| json(&all));
    let (impact, forward) = timed(|| effects(journal, Ref::record(1)).expect("a log"));
    let (further, said) = timed(|| json(&impact));
    let found = |family: &Family| format!("{} records found", family.members.len());
    vec![
        Figure::new("`why` of its last record, as a tree", ms(text), found(&near)),
        Figure::new(
            "`why --json` of its last record",
            ms(whole + told),
            format!("{}, {lines} lines", found(&all)),
        ),
        Figure::new("`why --impact` of its first life", ms(forward), found(&impact)),
        Figure::new(
            "`why --impact --json` of the same",
            ms(forward + said),
            format!("{further} lines, of which there are 32 MiB at most"),
        ),
    ]
}

fn states(journal: &Journal<SledStore>, plan: &Arc<Plan>, ran: &Ran) -> Vec<Figure> {
    let id = plan.agents[3].id;
    let crew = crew(ran);
    let last = journal.flushed().seq - 1;
    [("at its end", last), ("in its middle", last / 2)]
        .map(|(name, at)| {
            let look = || {
                let ground = rebuild::ground(journal, plan, (id, at)).expect("a state");
                let state = rebuild::state(&crew, plan, id, &ground.begin).expect("a state");
                (ground.begin.redo.len(), state.len())
            };
            let ((calls, _), took) = timed(look);
            let what =
                if name == "at its end" { "`state` at its end" } else { "`state` in its middle" };
            Figure::new(what, ms(took), format!("{calls} calls made again"))
        })
        .into()
}

fn crew(ran: &Ran) -> Crew {
    let actors: HashMap<Digest, Actor> = ran.actors.clone();
    let world = Box::new(|_| Ok(Box::new(NoWorld) as _));
    Crew::new(Arc::clone(&ran.host), actors, world)
}

/// A replay, the copy of the log included.
fn replayed(ran: &Ran) -> (Replayed, Duration) {
    let (did, took) = timed(|| {
        let journal = open(ran);
        replay(&journal, &crew(ran)).expect("a log")
    });
    assert!(did.differences.is_empty(), "{:?}", did.differences);
    (did, took)
}

fn faster(what: &'static str, did: &Replayed, (live, took): (Duration, Duration)) -> Figure {
    let times = live.as_secs_f64() / took.as_secs_f64();
    let value = format!("{}, {}", ms(took), rate(did.calls, took));
    Figure::new(what, value, format!("the run took {}: {times:.1} times as long", ms(live)))
}

/// Answers each request after a while.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head);
            thread::sleep(ANSWER);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    port
}

/// A request for each line of a file.
fn asking(port: u16) -> String {
    format!(
        "format = 1\nname = \"asking\"\n[supervisors.root]\nchildren = [\"lines\", \"ask\", \"out\"]\n\
         [agents.lines]\nactor = \"std/file-lines\"\nconfig = {{ path = \"in.txt\" }}\n\
         grants = {{ files = {{ read = [\"in.txt\"] }} }}\n\
         [agents.ask]\nactor = \"std/http\"\ninputs = \"lines\"\n\
         config = {{ url = \"http://127.0.0.1:{port}/\", method = \"GET\" }}\n\
         grants = {{ http = [{{ host = \"127.0.0.1\", scheme = \"http\", port = {port}, \
         methods = [\"GET\"], paths = [\"/\"], local = true }}] }}\n\
         [agents.out]\nactor = \"std/file-write\"\ninputs = \"ask.out\"\nconfig = {{ path = \"out.jsonl\" }}\n\
         grants = {{ files = {{ write = [\"out.jsonl\"] }} }}\n",
    )
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
