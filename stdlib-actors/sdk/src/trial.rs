//! Runs an actor natively, event by event, in a scripted world.

use std::collections::BTreeSet;

use crate::guest::{Live, begin, ports, save};
use crate::{Actor, ConfigFault, Direction, Event, Fault, Level, Message, Next, Outside, Port};

/// One instance of an actor in a scripted world.
pub struct Trial<A: Actor> {
    config: String,
    live: Live<A>,
}

/// What came of one event. A fault leaves no emissions and no effects, as in the engine.
#[derive(Clone, PartialEq, Debug)]
pub struct Handled {
    /// The actor's answer.
    pub next: Result<Next, Fault>,
    /// Port and body of each emission.
    pub emitted: Vec<(String, String)>,
    /// The log lines, those of a fault too.
    pub logged: Vec<(Level, String)>,
    /// The calls to the world as text, see [`Outside::calls`].
    pub calls: Vec<String>,
}

impl<A: Actor> Trial<A> {
    /// Asks for the ports as the compiler does, then begins an instance.
    ///
    /// # Errors
    /// What is wrong with the config; a fault of [`Actor::new`] has no pointer.
    pub fn new(config: &str) -> Result<Self, Vec<ConfigFault>> {
        let ports = ports::<A>(config)?;
        let mut live: Live<A> =
            begin(config, None).map_err(|fault| vec![ConfigFault::at(&[], fault.message)])?;
        live.cx.outside.outputs = outputs(ports);
        Ok(Self {
            config: config.into(),
            live,
        })
    }

    /// The world, to script it or to look at it.
    pub fn outside(&mut self) -> &mut Outside {
        &mut self.live.cx.outside
    }

    /// The state.
    pub fn state(&self) -> &A::State {
        &self.live.state
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        save::<A>(&self.live.state)
    }

    /// Ends the incarnation and begins another from its snapshot, in the same world.
    ///
    /// # Errors
    /// The fault of the new incarnation.
    pub fn restore(&mut self) -> Result<(), Fault> {
        let outside = std::mem::take(&mut self.live.cx.outside);
        let saved = self.snapshot();
        self.live = begin(&self.config, Some(&saved))?;
        self.live.cx.outside = outside;
        Ok(())
    }

    /// Goes over to another config, as a reload of the run does; a fault leaves all as it was.
    ///
    /// # Errors
    /// The fault of the successor, or of its config.
    pub fn reload(&mut self, config: &str) -> Result<(), Fault> {
        let bad = |faults: Vec<ConfigFault>| {
            let texts: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            Fault::new("bad-config", texts.join("; "))
        };
        let ports = ports::<A>(config).map_err(bad)?;
        let mut live: Live<A> = begin(config, Some(&self.snapshot()))?;
        live.cx.outside = std::mem::take(&mut self.live.cx.outside);
        live.cx.outside.outputs = outputs(ports);
        self.config = config.into();
        self.live = live;
        Ok(())
    }

    /// Handles one event.
    pub fn handle(&mut self, event: Event) -> Handled {
        let Live { actor, state, cx } = &mut self.live;
        let before = cx.outside.clone();
        let next = actor.handle(state, event, cx);
        let emitted = std::mem::take(&mut cx.outside.emitted);
        let logged = std::mem::take(&mut cx.outside.logged);
        let calls = std::mem::take(&mut cx.outside.calls);
        if next.is_ok() {
            return Handled {
                next,
                emitted,
                logged,
                calls,
            };
        }
        cx.outside = before;
        Handled {
            next,
            emitted: Vec::new(),
            logged,
            calls,
        }
    }

    /// Handles a message.
    pub fn message(&mut self, port: &str, body: &str) -> Handled {
        self.handle(Event::Message(Message {
            port: port.into(),
            body: body.into(),
        }))
    }

    /// Handles `start`, and then `pull` as long as the actor answers `more`.
    ///
    /// # Errors
    /// The first fault; what was emitted before it is lost.
    pub fn drain(&mut self) -> Result<Vec<(String, String)>, Fault> {
        let mut all = Vec::new();
        let mut event = Event::Start;
        loop {
            let handled = self.handle(event);
            all.extend(handled.emitted);
            match handled.next? {
                Next::More => event = Event::Pull,
                Next::Wait | Next::Done => return Ok(all),
            }
        }
    }
}

/// The names of those that are outputs.
fn outputs(ports: Vec<Port>) -> BTreeSet<String> {
    let outputs = ports
        .into_iter()
        .filter(|port| port.direction == Direction::Output);
    outputs.map(|port| port.name).collect()
}
