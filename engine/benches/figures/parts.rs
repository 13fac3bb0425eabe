//! The parts of a hop, each by itself.

use std::sync::Arc;
use std::time::Instant;

use theater_flow::journal::{Commit, Journal};
use theater_flow::replay::NoWorld;
use theater_flow::stdlib;
use theater_flow::store::{SledStore, Store as _};
use theater_flow_host::{Host, HostConfig};
use theater_flow_kernel::gate::{Gate, Mode};
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, PortId, Ref, RunId};
use theater_flow_kernel::json;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{
    Body, Consumed, EngineFacts, Entry, Genesis, Next, Part, Payload, Transaction, link,
};
use theater_flow_kernel::types::{Field, Type, TypeTable};
use theater_flow_kernel::work::{Event, Guest as _, Sinks, by};

use super::{Figure, ns, per_call, pipeline, rate, us};

const RUNS: usize = 9;

pub(super) fn figures() -> Vec<Figure> {
    let mut figures = vec![link_and_hash(), validate()];
    figures.extend(store());
    figures.extend(guest());
    figures
}

/// A message of 256 bytes: `{ n, pad }`.
fn message(n: u64) -> String {
    let head = format!("{{\"n\":{n},\"pad\":\"");
    let pad = "x".repeat(256 - head.len() - 2);
    format!("{head}{pad}\"}}")
}

/// A handled message with one emission.
pub(super) fn transaction(seq: u64) -> Entry {
    let bytes: Bytes = Arc::from(message(seq).into_bytes());
    let salt = [7; 16];
    let payload = Payload::commit(&salt, &bytes);
    let consumed = Consumed::Message { id: Ref::part(seq.saturating_sub(1), 0), port: PortId(1) };
    let parts = vec![Part::Emission { port: PortId(2), payload }];
    let body =
        Transaction { by: by(AgentId(1), 1, 1), consumed, parts, next: Next::Wait, fuel: 9_000 };
    let causes = vec![Ref::record(seq.saturating_sub(1))];
    Entry { seq, at: 1, causes, body: Body::Transaction(body), salt, payloads: vec![bytes] }
}

fn link_and_hash() -> Figure {
    let entry = transaction(9);
    let salt = entry.salt;
    let time = per_call(RUNS, 20_000, || {
        let payload = Payload::commit(&salt, &entry.payloads[0]);
        std::hint::black_box((link(Digest::default(), &entry), payload));
    });
    let floor = per_call(RUNS, 20_000, || {
        std::hint::black_box(Digest::of(&entry.payloads[0]));
    });
    let beside = format!("one SHA-256 of the 256 bytes alone: {}", ns(floor));
    Figure::new("link + hash of a record with a 256 B payload", ns(time), beside)
}

fn validate() -> Figure {
    let mut types = TypeTable::default();
    let n = types.intern(Type::U64);
    let pad = types.intern(Type::String);
    let fields = [("n", n), ("pad", pad)];
    let fields = fields.map(|(name, ty)| Field { name: String::from(name), ty });
    let record = types.intern(Type::Record(fields.into()));
    let text = message(12_345);
    let time = per_call(RUNS, 50_000, || {
        assert!(json::check(&types, record, std::hint::black_box(&text)).is_ok());
    });
    let floor = per_call(RUNS, 50_000, || {
        let parsed = serde_json::from_str::<serde_json::Value>(std::hint::black_box(&text));
        std::hint::black_box(parsed.is_ok());
    });
    let beside = format!("serde_json to a value: {}", ns(floor));
    Figure::new("validate a 256 B record", ns(time), beside)
}

/// Durable appends: of the bare store, and of the journal on it.
fn store() -> Vec<Figure> {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let mut bare = SledStore::create(&folder.path().join("bare")).expect("a store");
    let mut key = 0_u64;
    let mut put = |values: u64, bytes: usize| {
        let value = vec![b'x'; bytes];
        let writes = (0..values).map(|_| {
            key += 1;
            (key.to_be_bytes().to_vec(), value.clone())
        });
        bare.commit(writes.collect(), Vec::new()).expect("there is room");
    };
    let lone = per_call(5, 200, || put(1, 300));
    let packed = per_call(5, 40, || put(16, 16 << 10));
    let mut journal = genesis(&folder.path().join("log"));
    let mut seq = 1;
    let count = 60_000_u64;
    let start = Instant::now();
    while seq < count {
        let batch: Vec<Arc<Entry>> =
            (seq..seq + 640).map(|seq| Arc::new(transaction(seq))).collect();
        seq += 640;
        journal.commit(Commit { entries: &batch, ..Commit::default() }).expect("there is room");
    }
    let time = start.elapsed();
    let packed_rate = rate(16 * 16 * 1024 / 272, packed);
    vec![
        Figure::new(
            "one durable commit of one 300 B value",
            us(lone),
            "a bare sled commit + fdatasync",
        ),
        Figure::new(
            "durable journal append, 640 records of 256 B a commit",
            rate(count, time),
            format!("16 × 16 KiB a commit in the bare store, as 272 B events: {packed_rate}"),
        ),
    ]
}

fn genesis(folder: &std::path::Path) -> Journal<SledStore> {
    let mut journal = Journal::create(SledStore::create(folder).expect("a store")).expect("a log");
    let plan = b"plan";
    let body = Body::Genesis(Genesis {
        run: RunId([0; 16]),
        plan: Digest::of(plan),
        engine: EngineFacts { engine: String::new(), wasmtime: String::new(), flags: Vec::new() },
        components: Vec::new(),
    });
    let entry = Entry { seq: 0, at: 0, causes: vec![], body, salt: [0; 16], payloads: vec![] };
    let commit = Commit { entries: &[Arc::new(entry)], plan: Some(plan), ..Commit::default() };
    journal.commit(commit).expect("there is room");
    journal
}

/// Making and calling a guest: `std/match` on a line that no rule matches.
fn guest() -> Vec<Figure> {
    let host = Arc::new(Host::new(HostConfig { cache: None, instances: 32 }).expect("an engine"));
    let bytes = stdlib::component("match").expect("it is part of the program");
    let actor = host.load(bytes).expect("it loads");
    let (plan, agent) = pipeline::match_plan(&host);
    let plan: Arc<Plan> = Arc::new(plan);
    let gate = || Gate::new(Arc::clone(&plan), agent, Sinks::default(), Box::new(NoWorld));
    let made = per_call(5, 50, || {
        std::hint::black_box(host.instance(&actor, gate()).expect("it is made"));
    });
    let mut instance = host.instance(&actor, gate()).expect("it is made");
    instance.gate().open(Mode::Quiet);
    assert!(matches!(instance.init(None).result, Ok(Ok(()))), "init answers");
    let line = "x".repeat(200);
    let body: Bytes = Arc::from(format!(r#"{{"path":"p","line":1,"text":"{line}"}}"#).into_bytes());
    let port = plan.agents[agent.index()].inputs[0].port;
    let event = Event::Message { id: Ref::part(1, 0), port, body };
    let call = per_call(RUNS, 5_000, || {
        instance.gate().open(Mode::Live);
        let called = instance.handle(&event);
        let trace = instance.gate().close(true, called.fuel);
        std::hint::black_box(trace.is_ok());
    });
    vec![
        Figure::new(
            "instantiate `std/match` and drop it",
            us(made),
            "a tiny component: 2–7 µs; it has 1 MB of code and data",
        ),
        Figure::new(
            "call `std/match`, 230 B, no match",
            ns(call),
            "an empty component call: 0.1–0.2 µs; the rest is JSON and the regex in the guest",
        ),
    ]
}
