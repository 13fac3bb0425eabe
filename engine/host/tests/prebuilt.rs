//! The stdlib's own components behind a real gate, and the figures of the host.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use support::{ECHO, LIMITS, TestWorld, all, component, gate, handle, host, message, plan};
use theater_flow_host::{Actor, Host, HostConfig, Instance};
use theater_flow_kernel::gate::Mode;
use theater_flow_kernel::plan::{GuestLimits, Plan};
use theater_flow_kernel::work::{Event, Guest};

fn prebuilt(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../stdlib-actors/prebuilt");
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const NAMES: &[&str] =
    &["file-lines", "file-write", "match", "probe", "probe-full", "probe-table", "stdout"];

#[test]
fn every_prebuilt_component_is_an_actor_that_says_what_it_is() {
    let host = host();
    for name in NAMES {
        let actor = host.load(&prebuilt(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let about = host.about(&actor).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!about.doc.is_empty(), "{name}");
        let foreign = actor.imports().iter().find(|(interface, _)| interface.contains(':'));
        assert_eq!(foreign, None, "{name}");
    }
}

const RULES: &str = r#"{"rules":{"todo":"\\bTODO\\b","secret":"api[_-]?key"}}"#;

fn matching(config: &str) -> Arc<Plan> {
    let limits = GuestLimits { memory: 64 << 20, fuel: 2_000_000_000 };
    let mut plan = Arc::unwrap_or_clone(plan(all(), limits, 30_000));
    plan.agents[0].config = String::from(config);
    Arc::new(plan)
}

fn begun(host: &Host, actor: &Actor, plan: &Arc<Plan>) -> Instance {
    let mut instance = host.instance(actor, gate(plan, TestWorld::default())).unwrap();
    assert_eq!(instance.init(None).result, Ok(Ok(())));
    instance
}

fn nanoseconds(times: u32, mut call: impl FnMut()) -> f64 {
    for _ in 0..times / 10 {
        call();
    }
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begin = Instant::now();
        (0..times).for_each(|_| call());
        best = best.min(begin.elapsed().as_secs_f64() * 1e9 / f64::from(times));
    }
    best
}

fn measure_handle(instance: &mut Instance, event: &Event, times: u32) -> (f64, usize) {
    let (called, trace) = handle(instance, event);
    assert!(matches!(called.result, Ok(Ok(_))), "{called:?}");
    let time = nanoseconds(times, || {
        instance.gate().open(Mode::Live);
        let called = instance.handle(event);
        assert!(instance.gate().close(true, called.fuel).is_ok());
    });
    (time, trace.parts.len())
}

#[test]
#[ignore = "figures, for a release build: cargo test --release -p theater-flow-host --test prebuilt -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "figures are what this is for")]
fn figures() {
    let config = HostConfig { cache: None, instances: 64 };
    let host = Host::new(config).unwrap();
    let echo = host
        .load(&component(&support::core(support::Parts {
            handle: ECHO,
            ..support::Parts::default()
        })))
        .unwrap();
    let echo_plan = plan(all(), LIMITS, 30_000);
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(244));
    let (ns, parts) =
        measure_handle(&mut begun(&host, &echo, &echo_plan), &message(&body), 100_000);
    println!("echo (wat) of 256 bytes: {ns:.0} ns a handle, {parts} part");
    let quiet = host.load(&component(&support::core(support::Parts::default()))).unwrap();
    let (ns, parts) =
        measure_handle(&mut begun(&host, &quiet, &echo_plan), &message(&body), 100_000);
    println!("silent (wat) of 256 bytes: {ns:.0} ns a handle, {parts} parts");
    println!("echo: {:.0} ns to instantiate and drop", lives(&host, &echo, &echo_plan));
    match_figures(&host);
}

/// Instantiates and drops.
fn lives(host: &Host, actor: &Actor, plan: &Arc<Plan>) -> f64 {
    nanoseconds(2_000, || {
        drop(host.instance(actor, gate(plan, TestWorld::default())).unwrap());
    })
}

#[expect(clippy::print_stdout, reason = "figures are what this is for")]
fn match_figures(host: &Host) {
    let begin = Instant::now();
    let actor = host.load(&prebuilt("match")).unwrap();
    println!("match: compiled in {:?}", begin.elapsed());
    let begin = Instant::now();
    let answer = host.ports(&actor, RULES).unwrap();
    println!("match: ports in {:?}: {answer:?}", begin.elapsed());
    let plan = matching(RULES);
    println!("match: {:.0} ns to instantiate and drop", lives(host, &actor, &plan));
    let begin = Instant::now();
    let mut matcher = begun(host, &actor, &plan);
    println!("match: instance and init in {:?}", begin.elapsed());
    let text =
        |start: &str| format!("{start}{}", "lorem ipsum ".repeat(30)).split_at(216).0.to_string();
    for (what, start) in [("no match", "the "), ("one match", "a TODO ")] {
        let value = format!(r#"{{"path":"src/lib.rs","line":1,"text":"{}"}}"#, text(start));
        let (ns, parts) = measure_handle(&mut matcher, &message(&value), 20_000);
        let fuel = handle(&mut matcher, &message(&value)).0.fuel;
        println!(
            "match, {what}, {} bytes: {ns:.0} ns a handle, {parts} parts, {fuel} fuel",
            value.len()
        );
    }
}
