//! What [`export!`](crate::export) rests on: the five exports for any [`Actor`].

use std::cell::RefCell;

use crate::{
    Actor, ConfigFault, ConfigSchema, Cx, Description, Event, Fault, Next, Port,
    config::parse_config, schema,
};

/// The place of a component's one instance.
pub struct Slot<A: Actor>(RefCell<Option<Live<A>>>);

/// An actor between two events.
pub(crate) struct Live<A: Actor> {
    pub(crate) actor: A,
    pub(crate) state: A::State,
    pub(crate) cx: Cx,
}

/// See `about` in `wit/actor.wit`.
#[must_use]
pub fn about<A: Actor>() -> Description {
    Description {
        doc: A::DOC.into(),
        config_schema: A::Config::SCHEMA.text(),
        stateless: A::STATELESS,
    }
}

/// See `ports` in `wit/actor.wit`.
pub fn ports<A: Actor>(config: &str) -> Result<Vec<Port>, Vec<ConfigFault>> {
    let config = parse_config(config).map_err(|fault| vec![fault])?;
    let faults = schema::check::<A::Config>(&config);
    if faults.is_empty() {
        A::ports(&config)
    } else {
        Err(faults)
    }
}

/// Begins a life; `saved` is what [`save`] gave.
pub(crate) fn begin<A: Actor>(config: &str, saved: Option<&[u8]>) -> Result<Live<A>, Fault> {
    let config = parse_config(config).map_err(|fault| {
        Fault::new(
            "bad-config",
            format!("config{}: {}", fault.pointer, fault.message),
        )
    })?;
    let mut state = match saved {
        Some(saved) if !A::STATELESS => serde_json::from_slice(saved)
            .map_err(|error| Fault::new("bad-snapshot", format!("the snapshot: {error}")))?,
        _ => A::State::default(),
    };
    let actor = A::new(config)?;
    actor.take_up(&mut state)?;
    Ok(Live {
        actor,
        state,
        cx: Cx::default(),
    })
}

/// The snapshot of a state: JSON text, so that people can read it; nothing for a stateless actor.
pub(crate) fn save<A: Actor>(state: &A::State) -> Vec<u8> {
    if A::STATELESS {
        return Vec::new();
    }
    serde_json::to_vec(state).expect("a state has no maps whose keys are not strings")
}

impl<A: Actor> Slot<A> {
    /// Without an instance.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default cannot be const")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// See `init` in `wit/actor.wit`.
    pub fn init(&self, config: &str, saved: Option<&[u8]>) -> Result<(), Fault> {
        log_panics();
        self.0.replace(Some(begin(config, saved)?));
        Ok(())
    }

    /// See `handle` in `wit/actor.wit`.
    pub fn handle(&self, event: Event) -> Result<Next, Fault> {
        match self.0.borrow_mut().as_mut() {
            Some(Live { actor, state, cx }) => actor.handle(state, event, cx),
            None => Err(Fault::new(
                "no-instance",
                "`init` was not called, or it failed",
            )),
        }
    }

    /// See `snapshot` in `wit/actor.wit`.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.0
            .borrow()
            .as_ref()
            .map_or_else(Vec::new, |live| save::<A>(&live.state))
    }
}

/// A panic ends in a trap, which says nothing: its text goes to the log first.
fn log_panics() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        crate::Outside::default().log(crate::Level::Error, &panic.to_string());
    }));
}
