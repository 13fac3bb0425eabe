//! Who plays: the real agents, and those that follow a script.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_host::Instance;
use theater_flow_kernel::gate::Gate;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Next, Origin};
use theater_flow_kernel::work::{Begin, Begun, Called, Event, Guest};

use super::script::{Script, Scripted};
use super::stage::Stage;
use crate::sim::{Machine, SimWorld};
use crate::workers::{Crew, Troupe};

/// The agents of a test.
pub(super) struct Players {
    crew: Crew,
    plan: Arc<Plan>,
    scripts: BTreeMap<AgentId, Script>,
    machine: Machine,
}

impl Players {
    pub(super) fn new(crew: Crew, stage: &Stage, machine: Machine) -> Self {
        let scripts = stage.lines.iter().map(|(id, lines)| (*id, Script::new(lines.clone())));
        Self { crew, plan: Arc::clone(&stage.plan), scripts: scripts.collect(), machine }
    }

    /// Which scripts there are. They tell what has become of them.
    pub(super) fn scripts(&self) -> BTreeMap<AgentId, Script> {
        self.scripts.clone()
    }
}

/// A life.
pub(super) enum Player {
    Real(Instance),
    Scripted(Scripted),
}

impl Troupe for Players {
    type Guest = Player;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Player>, Option<Begun>) {
        let Some(script) = self.scripts.get(&id) else {
            let (instance, begun) = self.crew.begin(id, how);
            return (instance.map(Player::Real), begun);
        };
        let world = Box::new(SimWorld(self.machine.clone()));
        let gate = Gate::new(Arc::clone(&self.plan), id, how.sinks.clone(), world);
        let mut guest = Scripted::new(gate, script.clone(), how.origin == Origin::Fresh);
        let begun = perform::begin(&mut guest, how);
        let lives = begun.as_ref().is_some_and(|begun| begun.crash.is_none());
        (lives.then_some(Player::Scripted(guest)), begun)
    }

    fn lives(guest: &Player) -> bool {
        match guest {
            Player::Real(instance) => instance.is_alive(),
            Player::Scripted(scripted) => scripted.lives(),
        }
    }
}

impl Guest for Player {
    fn gate(&mut self) -> &mut Gate {
        match self {
            Self::Real(guest) => guest.gate(),
            Self::Scripted(guest) => guest.gate(),
        }
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        match self {
            Self::Real(guest) => guest.init(saved),
            Self::Scripted(guest) => guest.init(saved),
        }
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        match self {
            Self::Real(guest) => guest.handle(event),
            Self::Scripted(guest) => guest.handle(event),
        }
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        match self {
            Self::Real(guest) => guest.snapshot(),
            Self::Scripted(guest) => guest.snapshot(),
        }
    }

    fn migrate(&mut self, from: &str, saved: &[u8]) -> Option<Called<Vec<u8>>> {
        match self {
            Self::Real(guest) => guest.migrate(from, saved),
            Self::Scripted(guest) => guest.migrate(from, saved),
        }
    }
}
