//! Components that can go on from what another version of them kept in mind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{LIMITS, Parts, TestWorld, actor, all, gate, host, migrate, plan};
use theater_flow_host::{Actor, Host, Instance};
use theater_flow_kernel::limits;
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::GuestLimits;
use theater_flow_kernel::record::{Crash, CrashKind};
use theater_flow_kernel::work::Guest;

/// The digest that it is told of.
const FROM: &str = "ab12";
const ROOMY: GuestLimits = GuestLimits { memory: 256 << 20, ..LIMITS };

/// An actor whose `migrate` does this.
fn migrating(host: &Host, body: &str) -> Actor {
    actor(host, Parts { more: &migrate(body), ..Parts::default() })
}

/// An instance of which nothing was asked yet.
fn unborn(host: &Host, actor: &Actor, limits: GuestLimits) -> Instance {
    let gate = gate(&plan(all(), limits, 30_000), TestWorld::default());
    host.instance(actor, gate).unwrap()
}

fn migrated(body: &str, limits: GuestLimits) -> Result<Vec<u8>, Crash> {
    let host = host();
    let mut instance = unborn(&host, &migrating(&host, body), limits);
    perform::migrate(&mut instance, FROM, &7_u64.to_le_bytes()).unwrap()
}

/// An answer of what lies there.
fn answer(at: &str, len: &str) -> String {
    format!("(i32.store (i32.const 1204) {at}) (i32.store (i32.const 1208) {len})")
}

#[test]
fn what_another_version_kept_becomes_its_own() {
    // What was saved, ten times over, behind the digest of who saved it.
    let ten =
        "(i64.store (local.get $saved) (i64.mul (i64.load (local.get $saved)) (i64.const 10)))";
    let all = format!("{ten} {}", answer("(local.get $saved)", "(local.get $saved-len)"));
    assert_eq!(migrated(&all, LIMITS), Ok(70_u64.to_le_bytes().to_vec()));
    let from = answer("(local.get $from)", "(local.get $from-len)");
    assert_eq!(migrated(&from, LIMITS), Ok(FROM.as_bytes().to_vec()));
    assert_eq!(migrated("", LIMITS), Ok(vec![]));
}

#[test]
fn a_life_of_its_own_then_begins_with_that() {
    let host = host();
    let body = answer("(local.get $saved)", "(local.get $saved-len)");
    let actor = migrating(&host, &format!("(i64.store (local.get $saved) (i64.const 41)) {body}"));
    let mut instance = unborn(&host, &actor, LIMITS);
    let state = perform::migrate(&mut instance, FROM, &[0; 8]).unwrap().unwrap();
    let mut next = unborn(&host, &actor, LIMITS);
    next.gate().open(theater_flow_kernel::gate::Mode::Quiet);
    assert_eq!(next.init(Some(&state)).result, Ok(Ok(())));
    assert_eq!(next.snapshot().result.unwrap().unwrap(), 41_u64.to_le_bytes());
}

#[test]
fn however_it_fails_it_is_a_crash_with_its_name() {
    let fault = "(i32.store8 (i32.const 1200) (i32.const 1))
        (i32.store (i32.const 1204) (i32.const 16)) (i32.store (i32.const 1208) (i32.const 3))
        (i32.store (i32.const 1212) (i32.const 48)) (i32.store (i32.const 1216) (i32.const 6))";
    let grow = "(drop (memory.grow (i32.const 1700)))";
    let emit =
        "(call $emit (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3072))";
    let huge = format!("{grow} {}", answer("(i32.const 0)", "(i32.const 104857600)"));
    let cases = [
        (fault, LIMITS, CrashKind::Init, "migrate: out: data/f"),
        ("unreachable", LIMITS, CrashKind::Trap, "migrate: "),
        ("(loop $l (br $l))", LIMITS, CrashKind::Fuel, "fuel"),
        (grow, LIMITS, CrashKind::Memory, "the limit is 16777216"),
        (&huge, ROOMY, CrashKind::Limit, "migrate: "),
        (emit, LIMITS, CrashKind::Trap, "outside of `handle`"),
        ("(i32.store8 (i32.const 1200) (i32.const 9))", LIMITS, CrashKind::Trap, "migrate: "),
    ];
    for (body, limits, kind, says) in cases {
        let crash = migrated(body, limits).unwrap_err();
        assert_eq!(crash.kind, kind, "{body}: {crash:?}");
        assert!(crash.message.contains(says), "{body}: {crash:?}");
    }
    const { assert!(limits::SNAPSHOT_BYTES < 100 << 20) };
}

#[test]
fn time_runs_out_for_it_too() {
    let host = host();
    let actor = migrating(&host, "(loop $l (br $l))");
    let endless = GuestLimits { fuel: u64::MAX, ..LIMITS };
    let gate = gate(&plan(all(), endless, 50), TestWorld::default());
    let mut instance = host.instance(&actor, gate).unwrap();
    let crash = perform::migrate(&mut instance, FROM, &[]).unwrap().unwrap_err();
    assert_eq!(crash.kind, CrashKind::Timeout, "{crash:?}");
}

#[test]
fn one_that_cannot_is_not_asked() {
    let host = host();
    let actor = actor(&host, Parts::default());
    assert!(!actor.migrates());
    let mut instance = unborn(&host, &actor, LIMITS);
    assert_eq!(perform::migrate(&mut instance, FROM, &[]), None);
}
