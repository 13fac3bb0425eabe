//! Runs actor components for theater-flow: the only crate that names wasmtime.
//!
//! A [`Host`] turns bytes into an [`Actor`], asks it about itself ([`Host::about`],
//! [`Host::ports`]), and makes [`Instance`]s of it, which the kernel's work loop drives
//! like any other [`Guest`](theater_flow_kernel::work::Guest). Everything an instance reaches goes
//! through its [`Gate`]; everything it uses is bounded: fuel, memory, tables, stack, handles, time, and
//! what it hands over in one call.
//!
//! Guest behaviour never makes this crate panic. It comes out as a
//! [`Crash`], or as a fault that the guest itself answered.
//!
//! Reading order: [`HostConfig`], `actor`, `imports`, `instance`; `crash` has the meaning of
//! each kind of end.

// The tests' support names the crate as its users do.
#[cfg(test)]
extern crate self as theater_flow_host;

mod about;
mod actor;
mod cache;
mod config;
mod crash;
mod encode;
mod error;
mod imports;
mod instance;
mod limiter;
#[cfg(test)]
mod tests;
mod ticker;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::record::{Crash, CrashKind, EngineFacts};
use wasmtime::Engine;

pub use about::{About, ConfigFault, Port};
pub use actor::{Actor, Import};
pub use config::HostConfig;
pub use encode::{CONTRACT, component_of};
pub use error::{HostError, LoadError};
pub use imports::{Kill, Listener};
pub use instance::Instance;

use cache::Cache;
use imports::Needs;
use instance::{Bounds, Cell, Outside};
use ticker::Ticker;

/// The version of wasmtime that this crate is built with; a test compares it with the lock file.
const WASMTIME: &str = "48.0.8";

/// The engine, its pool of instances and its cache of compiled code. One per process is enough; sharing
/// it between threads is meant.
pub struct Host {
    engine: Engine,
    ticker: Arc<Ticker>,
    cache: Result<Cache, Option<String>>,
    actors: Mutex<BTreeMap<Digest, Actor>>,
    listener: Option<Listener>,
    /// Instances that can be alive at a time, but for those of questions to actors.
    places: usize,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// Sets the engine up: its pool (address space, not memory), its cache, and one thread for timeouts.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let HostConfig { cache, instances } = config;
        let engine = config::engine(instances)?;
        let ticker = Arc::new(Ticker::start(engine.clone())?);
        let cache = match cache {
            Some(folder) => Cache::open(&folder, &engine).map_err(Some),
            None => Err(None),
        };
        let places = config::places(instances) as usize;
        Ok(Self { engine, ticker, cache, actors: Mutex::default(), listener: None, places })
    }

    /// How many instances there is room for, beside those that are alive.
    #[must_use]
    pub fn room(&self) -> usize {
        let metrics = self.engine.pooling_allocator_metrics();
        let alive = metrics.map_or(0, |metrics| metrics.component_instances());
        self.places.saturating_sub(usize::try_from(alive).unwrap_or(usize::MAX))
    }

    /// Forgets the actors that nobody but this has.
    pub fn forget_unused(&self) {
        let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        actors.retain(|_, actor| actor.is_shared());
    }

    /// Lets `listener` hear every call of a function that an instance makes from now on.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// What every result depends on, besides the components: for the record, and for a replay to
    /// compare. `engine` is the version of the program.
    #[must_use]
    pub fn facts(&self, engine: &str) -> EngineFacts {
        EngineFacts {
            engine: String::from(engine),
            wasmtime: String::from(WASMTIME),
            flags: config::FLAGS.iter().map(ToString::to_string).collect(),
        }
    }

    /// Why the cache that was asked for is not used, if it is not.
    #[must_use]
    pub fn cache_refused(&self) -> Option<&str> {
        self.cache.as_ref().err()?.as_deref()
    }

    /// Makes an actor of a component's bytes (see [`component_of`]): from memory if it was loaded before, else from the cache,
    /// else by compiling, which takes about 2 ms per KiB of dense code.
    pub fn load(&self, bytes: &[u8]) -> Result<Actor, LoadError> {
        if actor::look(bytes)? == actor::Kind::Module {
            return Err(LoadError::CoreModule);
        }
        let digest = Digest::of(bytes);
        let known =
            self.actors.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(actor) = known {
            return Ok(actor);
        }
        let cached = self.cache.as_ref().ok().and_then(|cache| cache.load(&self.engine, &digest));
        let component = match cached {
            Some(component) => component,
            None => self.compile(bytes, &digest)?,
        };
        let actor = Actor::new(digest, component)?;
        let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(actors.entry(digest).or_insert(actor).clone())
    }

    fn compile(
        &self,
        bytes: &[u8],
        digest: &Digest,
    ) -> Result<wasmtime::component::Component, LoadError> {
        let component = actor::compile(&self.engine, bytes)?;
        if let Ok(cache) = &self.cache {
            cache.store(digest, &component);
        }
        Ok(component)
    }

    /// Asks what the actor is. Runs the guest, with nothing to reach.
    pub fn about(&self, actor: &Actor) -> Result<About, HostError> {
        about::about(actor, Arc::clone(&self.ticker))
    }

    /// Asks for the ports with this config (JSON text), or what is wrong with it. Runs the guest, with
    /// nothing to reach.
    pub fn ports(
        &self,
        actor: &Actor,
        config: &str,
    ) -> Result<Result<Vec<Port>, Vec<ConfigFault>>, HostError> {
        about::ports(actor, Arc::clone(&self.ticker), config)
    }

    /// Makes an instance behind `gate`, for the gate's agent: its limits, its timeout, its config, and
    /// only the interfaces that it is granted. `init` is still to be called.
    ///
    /// # Errors
    /// [`CrashKind::Init`] if the actor imports what is not granted, or the pool is empty; else what
    /// stopped the component's own initialisation.
    pub fn instance(&self, actor: &Actor, gate: Gate) -> Result<Instance, Crash> {
        self.mortal(actor, gate, Kill::default())
    }

    /// As [`instance`](Self::instance). While `killed` is set, a call of it ends within a tick, as one that is
    /// interrupted.
    ///
    /// # Errors
    /// As there.
    pub fn mortal(&self, actor: &Actor, gate: Gate, killed: Kill) -> Result<Instance, Crash> {
        let agent = gate.agent();
        let granted = Needs::granted(&agent.grants);
        if let Some(interface) = actor.needs().beyond(granted) {
            let name = interface.full;
            let message = format!("the component imports `{name}`, which the agent is not granted");
            return Err(Crash { kind: CrashKind::Init, message });
        }
        let bounds = Bounds { limits: agent.limits, timeout_ms: agent.timeout_ms };
        let made = actor.ready(granted).and_then(|ready| {
            let (gate, listener) = (Some(Box::new(gate)), self.listener.clone());
            let outside = Outside { gate, listener, killed };
            let cell = Cell::new(&ready, Arc::clone(&self.ticker), outside, bounds)?;
            Instance::new(cell, actor)
        });
        made.map_err(|error| crash_of(&error))
    }
}

/// How making an instance failed.
fn crash_of(error: &wasmtime::Error) -> Crash {
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        return Crash {
            kind: CrashKind::Init,
            message: format!("no room for an instance: {error}"),
        };
    }
    match crash::stop(error) {
        Stop::Crash(crash) => crash,
        Stop::Interrupted | Stop::Asked(_) => {
            let message = String::from("interrupted while it was made");
            Crash { kind: CrashKind::Init, message }
        }
    }
}
