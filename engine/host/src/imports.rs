//! The imports of the contract. Each is a line or two that calls the gate's method of the same name; the
//! gate is the only thing behind them.

use std::sync::Arc;

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::plan::Grants;
use theater_flow_kernel::record::CrashKind;
use wasmtime::component::{
    ComponentNamedList, Lift, Linker, LinkerInstance, Lower, WasmList, WasmStr,
};
use wasmtime::{AsContext, AsContextMut, Engine, Result, StoreContext, StoreContextMut};

use crate::crash;
use crate::limiter::Limiter;
use crate::wire::http::{HttpError, HttpRequest, HttpResponse};
use crate::wire::{EmitError, Entry, FileError, Level, Stat};

/// Is told the name of each function that a guest calls, `files.read`, before anything else is done about the
/// call. It stands beside the gate and knows nothing of the record: so the two can be compared.
pub type Listener = Arc<dyn Fn(&'static str) + Send + Sync>;

/// What an instance's store holds.
pub(crate) struct Data {
    /// None while an actor is asked about itself, when there is nothing to reach, and during a host call.
    pub(crate) gate: Option<Box<Gate>>,
    /// Hears each call.
    pub(crate) listener: Option<Listener>,
    /// Bounds memory and tables.
    pub(crate) limiter: Limiter,
    /// The timeout of a call, in ticks.
    pub(crate) ticks: u64,
    /// The tick at which that of the call under way is up.
    pub(crate) until: u64,
    /// Set when the call under way is to end at once.
    pub(crate) killed: Kill,
}

/// Whether an instance's call is to end at once, without a record. Whoever sets it also clears it, before the
/// instance is called again.
pub type Kill = std::sync::Arc<std::sync::atomic::AtomicBool>;

type Store<'a> = StoreContextMut<'a, Data>;
type View<'a> = StoreContext<'a, Data>;
type Link<'a> = LinkerInstance<'a, Data>;

/// An interface of the contract that a component may import.
pub(crate) struct Interface {
    /// Its short name, `files`.
    pub(crate) name: &'static str,
    /// Its whole name, `theater:flow/files@0.1.0`.
    pub(crate) full: &'static str,
    /// Its bit in a [`Needs`]; none: always linked.
    bit: u8,
    link: fn(&mut Link<'_>) -> Result<()>,
}

/// A set of interfaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Needs(u8);

impl Needs {
    /// Every interface.
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// What is granted.
    pub(crate) fn granted(grants: &Grants) -> Self {
        let files = !grants.read.is_empty() || !grants.write.is_empty();
        let given = [
            (CLOCK, grants.clock),
            (RANDOM, grants.random),
            (TIMER, grants.timer),
            (FILES, files),
            (STDIN, grants.stdin),
            (STDOUT, grants.stdout),
            (HTTP, grants.asks()),
        ];
        Self(given.iter().filter(|(_, given)| *given).fold(0, |set, (bit, _)| set | bit))
    }

    /// Adds an interface.
    pub(crate) fn add(&mut self, interface: &Interface) {
        self.0 |= interface.bit;
    }

    /// The first interface that is in this set and not in `other`.
    pub(crate) fn beyond(self, other: Self) -> Option<&'static Interface> {
        let extra = self.0 & !other.0;
        INTERFACES.iter().find(|interface| interface.bit & extra != 0)
    }
}

const CLOCK: u8 = 1;
const RANDOM: u8 = 1 << 1;
const TIMER: u8 = 1 << 2;
const FILES: u8 = 1 << 3;
const STDIN: u8 = 1 << 4;
const STDOUT: u8 = 1 << 5;
const HTTP: u8 = 1 << 6;

/// All of them.
pub(crate) const INTERFACES: &[Interface] = &[
    Interface { name: "outbox", full: "theater:flow/outbox@0.1.0", bit: 0, link: outbox },
    Interface { name: "log", full: "theater:flow/log@0.1.0", bit: 0, link: log },
    Interface { name: "clock", full: "theater:flow/clock@0.1.0", bit: CLOCK, link: clock },
    Interface { name: "random", full: "theater:flow/random@0.1.0", bit: RANDOM, link: random },
    Interface { name: "timer", full: "theater:flow/timer@0.1.0", bit: TIMER, link: timer },
    Interface { name: "files", full: "theater:flow/files@0.1.0", bit: FILES, link: files },
    Interface { name: "stdin", full: "theater:flow/stdin@0.1.0", bit: STDIN, link: stdin },
    Interface { name: "stdout", full: "theater:flow/stdout@0.1.0", bit: STDOUT, link: stdout },
    Interface { name: "http", full: "theater:flow/http@0.1.0", bit: HTTP, link: http },
];

/// A linker that knows the interfaces in `granted`, and those that need no grant.
pub(crate) fn linker(engine: &Engine, granted: Needs) -> Result<Linker<Data>> {
    let mut linker = Linker::new(engine);
    for interface in INTERFACES {
        if interface.bit == 0 || interface.bit & granted.0 != 0 {
            (interface.link)(&mut linker.instance(interface.full)?)?;
        }
    }
    Ok(linker)
}

/// Links a function by its whole name. This is the one place that links any, so that none is called unheard.
pub(crate) fn define<P, R>(
    link: &mut Link<'_>,
    name: &'static str,
    function: impl Fn(Store<'_>, P) -> Result<R> + Send + Sync + 'static,
) -> Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    let (_, short) = name.split_once('.').unwrap_or(("", name));
    link.func_wrap(short, move |store: Store<'_>, params: P| {
        if let Some(listener) = &store.data().listener {
            listener(name);
        }
        function(store, params)
    })
}

/// Takes a call through the gate, and charges the guest for the host's work.
///
/// The gate is out of the store meanwhile, so that it can be given strings that still lie in the guest's
/// memory: they are copied once, into the trace.
fn pass<T>(
    store: &mut Store<'_>,
    call: impl FnOnce(&mut Gate, View<'_>) -> Result<Result<T, Stop>>,
) -> Result<T> {
    let Some(mut gate) = store.data_mut().gate.take() else {
        let message = "the outside was called while the actor was asked about itself";
        return Err(crash::crashing(CrashKind::Trap, message));
    };
    let answer = call(&mut gate, store.as_context());
    let cost = gate.take_cost();
    store.data_mut().gate = Some(gate);
    let charged = charge(store, cost);
    let answer = answer?.map_err(crash::ending)?;
    charged.map(|()| answer)
}

fn charge(store: &mut Store<'_>, cost: u64) -> Result<()> {
    let fuel = store.get_fuel()?;
    store.set_fuel(fuel.saturating_sub(cost))?;
    if fuel < cost {
        return Err(crash::crashing(CrashKind::Fuel, "the fuel of one event is used up"));
    }
    Ok(())
}

fn outbox(link: &mut Link<'_>) -> Result<()> {
    define(link, "outbox.emit", |mut store: Store<'_>, (port, body): (WasmStr, WasmStr)| {
        let done = pass(&mut store, |gate, view| {
            Ok(gate.emit(&port.to_str(&view)?, &body.to_str(&view)?))
        })?;
        Ok((done.map_err(EmitError::from),))
    })
}

fn log(link: &mut Link<'_>) -> Result<()> {
    define(link, "log.write", |mut store: Store<'_>, (level, text): (Level, WasmStr)| {
        if store.data().gate.is_none() {
            return Ok(());
        }
        pass(&mut store, |gate, view| Ok(gate.log(level.into(), &text.to_str(&view)?)))
    })
}

fn clock(link: &mut Link<'_>) -> Result<()> {
    define(link, "clock.now", |mut store: Store<'_>, (): ()| {
        Ok((pass(&mut store, |gate, _| Ok(gate.now()))?,))
    })
}

fn random(link: &mut Link<'_>) -> Result<()> {
    define(link, "random.bytes", |mut store: Store<'_>, (len,): (u32,)| {
        Ok((pass(&mut store, |gate, _| Ok(gate.random(len)))?,))
    })
}

fn timer(link: &mut Link<'_>) -> Result<()> {
    define(link, "timer.set", |mut store: Store<'_>, (name, after_ms): (WasmStr, u64)| {
        pass(&mut store, |gate, view| Ok(gate.timer_set(&name.to_str(&view)?, after_ms)))
    })?;
    define(link, "timer.cancel", |mut store: Store<'_>, (name,): (WasmStr,)| {
        pass(&mut store, |gate, view| Ok(gate.timer_cancel(&name.to_str(&view)?)))
    })
}

/// Waiting for input is not working: the timeout begins anew after it.
fn stdin(link: &mut Link<'_>) -> Result<()> {
    define(link, "stdin.read", |mut store: Store<'_>, (len,): (u32,)| {
        let bytes = pass(&mut store, |gate, _| Ok(gate.stdin(len)));
        let ticks = store.data().ticks;
        store.as_context_mut().set_epoch_deadline(ticks);
        Ok((bytes?,))
    })
}

fn stdout(link: &mut Link<'_>) -> Result<()> {
    define(link, "stdout.write", |mut store: Store<'_>, (bytes,): (WasmList<u8>,)| {
        pass(&mut store, |gate, view| Ok(gate.stdout(bytes.as_le_slice(&view))))
    })
}

/// The call ends here, and is made again with the answer.
fn http(link: &mut Link<'_>) -> Result<()> {
    define(link, "http.send", |mut store: Store<'_>, (request,): (HttpRequest,)| {
        let answer = pass(&mut store, |gate, _| Ok(gate.http(&request.into())))?;
        Ok((answer.map(HttpResponse::from).map_err(HttpError::from),))
    })
}

fn files(link: &mut Link<'_>) -> Result<()> {
    define(link, "files.read", |mut store: Store<'_>, (path, at, len): (WasmStr, u64, u32)| {
        let done =
            pass(&mut store, |gate, view| Ok(gate.file_read(&path.to_str(&view)?, at, len)))?;
        Ok((done.map_err(FileError::from),))
    })?;
    define(link, "files.stat", |mut store: Store<'_>, (path,): (WasmStr,)| {
        let done = pass(&mut store, |gate, view| Ok(gate.file_stat(&path.to_str(&view)?)))?;
        Ok((done.map(Stat::from).map_err(FileError::from),))
    })?;
    define(link, "files.list", |mut store: Store<'_>, (path,): (WasmStr,)| {
        let done = pass(&mut store, |gate, view| Ok(gate.file_list(&path.to_str(&view)?)))?;
        let done = done.map(|entries| entries.into_iter().map(Entry::from).collect::<Vec<_>>());
        Ok((done.map_err(FileError::from),))
    })?;
    define(
        link,
        "files.append",
        |mut store: Store<'_>, (path, bytes): (WasmStr, WasmList<u8>)| {
            let done = pass(&mut store, |gate, view| {
                Ok(gate.file_append(&path.to_str(&view)?, bytes.as_le_slice(&view)))
            })?;
            Ok((done.map_err(FileError::from),))
        },
    )?;
    define(link, "files.replace", |mut store: Store<'_>, (path,): (WasmStr,)| {
        let done = pass(&mut store, |gate, view| Ok(gate.file_replace(&path.to_str(&view)?)))?;
        Ok((done.map_err(FileError::from),))
    })?;
    define(link, "files.close", |mut store: Store<'_>, (path,): (WasmStr,)| {
        let done = pass(&mut store, |gate, view| Ok(gate.file_close(&path.to_str(&view)?)))?;
        Ok((done.map_err(FileError::from),))
    })
}
