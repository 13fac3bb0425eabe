//! What an actor says of itself at compile time: in an instance of its own, without a gate, with a fixed
//! allowance.

use std::sync::Arc;

use theater_flow_kernel::gate::Stop;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::GuestLimits;

use crate::actor::{Actor, Ports};
use crate::error::HostError;
use crate::imports::Needs;
use crate::instance::{Bounds, Cell, Outside};
use crate::ticker::Ticker;
use crate::wire::{self, Description, Direction};

/// What one question may use. The fuel is the bound; the time is for what fuel does not see.
const ALLOWANCE: Bounds = Bounds {
    limits: GuestLimits { memory: limits::MEMORY_BYTES, fuel: limits::FUEL },
    timeout_ms: limits::TIMEOUT_MS,
};
/// Bytes of one answer.
const ANSWER_BYTES: usize = 4 << 20;

/// What an actor says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// Plain text; the first line says what it does.
    pub doc: String,
    /// JSON Schema of its config, as text. Not checked.
    pub config_schema: String,
    /// Nothing survives from one event to the next.
    pub stateless: bool,
}

/// A port for one config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Its name. Not checked.
    pub name: String,
    /// An input, else an output.
    pub input: bool,
    /// A type in the pipeline language. Not checked.
    pub ty: String,
    /// It may stay unwired.
    pub optional: bool,
    /// What it is for.
    pub doc: String,
}

/// What is wrong with a config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// JSON pointer into the config; empty for the whole. Not checked.
    pub pointer: String,
    /// For people.
    pub message: String,
}

/// Asks `about`.
pub(crate) fn about(actor: &Actor, ticker: Arc<Ticker>) -> Result<About, HostError> {
    let why = |why| HostError::NoAnswer { question: "about", why };
    let mut cell = cell(actor, ticker).map_err(why)?;
    let about = cell
        .function::<(), (Description,)>(&actor.exports().about)
        .map_err(|error| why(format!("{error:#}")))?;
    let (_, answer) = cell.call(ANSWER_BYTES, |store| about.call(store, ()));
    let (Description { doc, config_schema, stateless },) =
        answer.map_err(|stop| why(said(&stop)))?;
    Ok(About { doc, config_schema, stateless })
}

/// Asks `ports`.
pub(crate) fn ports(
    actor: &Actor,
    ticker: Arc<Ticker>,
    config: &str,
) -> Result<Result<Vec<Port>, Vec<ConfigFault>>, HostError> {
    let why = |why| HostError::NoAnswer { question: "ports", why };
    let mut cell = cell(actor, ticker).map_err(why)?;
    let ports = cell
        .function::<(&str,), Ports>(&actor.exports().ports)
        .map_err(|error| why(format!("{error:#}")))?;
    let (_, answer) = cell.call(ANSWER_BYTES, |store| ports.call(store, (config,)));
    let (answer,) = answer.map_err(|stop| why(said(&stop)))?;
    Ok(match answer {
        Ok(ports) => Ok(ports.into_iter().map(port).collect()),
        Err(faults) => Err(faults.into_iter().map(fault).collect()),
    })
}

fn cell(actor: &Actor, ticker: Arc<Ticker>) -> Result<Cell, String> {
    let ready = actor.ready(Needs::ALL).map_err(|error| format!("{error:#}"))?;
    Cell::new(&ready, ticker, Outside::default(), ALLOWANCE)
        .map_err(|error| said(&crate::crash::stop(&error)))
}

fn said(stop: &Stop) -> String {
    match stop {
        Stop::Crash(crash) => crash.message.clone(),
        Stop::Interrupted | Stop::Asked(_) => String::from("it was interrupted"),
    }
}

fn port(wire::Port { name, direction, ty, optional, doc }: wire::Port) -> Port {
    Port { name, input: direction == Direction::Input, ty, optional, doc }
}

fn fault(wire::ConfigFault { pointer, message }: wire::ConfigFault) -> ConfigFault {
    ConfigFault { pointer, message }
}
