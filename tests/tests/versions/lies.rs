//! A replay in which `migrate` gives something else than in the run.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use theater_flow::journal::Journal;
use theater_flow::log::Log;
use theater_flow::replay::{NoWorld, replay};
use theater_flow::workers::{Crew, Troupe};
use theater_flow_host::{Host, HostConfig, Instance, component_of};
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::Crash;
use theater_flow_kernel::work::{Begin, Begun};
use theater_flow_tests::{Scene, prebuilt};

use super::totals::Version;

/// Agents of whom those that migrate may give a byte too much.
struct Lying {
    crew: Crew,
    lies: bool,
}

impl Troupe for Lying {
    type Guest = Instance;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Instance>, Option<Begun>) {
        self.crew.begin(id, how)
    }

    fn lives(guest: &Instance) -> bool {
        guest.is_alive()
    }

    fn migrate(&self, id: AgentId, how: &Begin, from: &str) -> Option<Result<Bytes, Crash>> {
        let migrated = Troupe::migrate(&self.crew, id, how, from)?;
        let more: &[u8] = if self.lies { b"!" } else { b"" };
        Some(migrated.map(|state| [&state[..], more].concat().into()))
    }
}

/// Replays a run in whose second reload `totals` migrated.
pub(super) fn are_found(scene: &Scene, versions: &[Version]) {
    let cache = Some(scene.path().join(".theater-flow/cache"));
    let host = Arc::new(Host::new(HostConfig { cache, instances: 32 }).expect("a host"));
    let std = ["stdin-lines", "map", "stdout"].map(|name| fs::read(prebuilt(name)).expect("it"));
    let own = versions.iter().map(|version| version.file());
    let mut actors = HashMap::new();
    for file in std.into_iter().chain(own) {
        let actor = host.load(&component_of(&file).expect("an actor")).expect("an actor");
        actors.insert(actor.digest(), actor);
    }
    let run = scene.runs().pop().expect("a run");
    let journal = Journal::open(Log::at_rest(&run.join("db")).expect("a log")).expect("a log");
    let found = |lies| {
        let world = Box::new(|_| Ok(Box::new(NoWorld) as _));
        let crew = Crew::new(Arc::clone(&host), actors.clone(), world);
        replay(&journal, &Lying { crew, lies }).expect("it can be read").differences
    };
    assert_eq!(found(false), []);
    let lies = found(true);
    let [lie] = &lies[..] else { panic!("{lies:?}") };
    assert_eq!(lie.message, "`migrate` gives other bytes");
}
