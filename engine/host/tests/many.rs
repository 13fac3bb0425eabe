//! Many instances at a time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{ECHO, LIMITS, TestWorld, all, gate, handle, handling, message, plan};
use theater_flow_kernel::record::CrashKind;

#[test]
fn a_thousand_instances_live_at_a_time_and_drop_gives_their_places_back() {
    let config = theater_flow_host::HostConfig { cache: None, instances: 1_000 };
    let host = theater_flow_host::Host::new(config).unwrap();
    let actor = handling(&host, ECHO);
    let plan = plan(all(), LIMITS, 30_000);
    for _ in 0..2 {
        let mut all: Vec<_> = (0..1_000)
            .map(|_| host.instance(&actor, gate(&plan, TestWorld::default())).unwrap())
            .collect();
        for instance in &mut all {
            assert!(handle(instance, &message("1")).0.result.is_ok());
        }
        // The pool has a few places to spare; beyond them there is a plain refusal.
        let more = (0..100).map(|_| host.instance(&actor, gate(&plan, TestWorld::default())));
        let more: Result<Vec<_>, _> = more.collect();
        let crash = more.unwrap_err();
        assert_eq!(crash.kind, CrashKind::Init, "{crash:?}");
        assert!(crash.message.contains("no room"), "{crash:?}");
    }
}
