//! A live instance: one store, one gate, and the three calls of the kernel's [`Guest`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::PortId;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::GuestLimits;
use theater_flow_kernel::record::{CrashKind, Next};
use theater_flow_kernel::work::{Called, Event, Guest};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Func, InstancePre, Lift, Lower, TypedFunc,
};
use wasmtime::{Result, Store, Trap, UpdateDeadline};

use crate::actor::{Actor, Began, Handled, Migrated};
use crate::config::HANDLES;
use crate::crash;
use crate::imports::{Data, Kill, Listener};
use crate::limiter::Limiter;
use crate::ticker::{Ticker, ticks};
use crate::wire;

/// Bytes that a guest may hand over in one host call or one answer: a payload, and the names around it. A
/// payload that is a little too long so reaches the gate, which says so.
const HANDED_BYTES: usize = limits::PAYLOAD_BYTES + (1 << 20);

/// A store with an instance in it, and what bounds its calls.
pub(crate) struct Cell {
    pub(crate) store: Store<Data>,
    pub(crate) instance: wasmtime::component::Instance,
    ticker: Arc<Ticker>,
    fuel: u64,
    /// It trapped, or was stopped: its memory is in no state to go on from.
    over: bool,
}

/// What bounds the calls of a [`Cell`].
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) limits: GuestLimits,
    pub(crate) timeout_ms: u64,
}

/// What a [`Cell`] reaches; nothing, while an actor is asked about itself.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) gate: Option<Box<Gate>>,
    pub(crate) listener: Option<Listener>,
    pub(crate) killed: Kill,
}

impl Cell {
    /// Instantiates. What runs meanwhile has the fuel and the time of one call.
    pub(crate) fn new(
        ready: &InstancePre<Data>,
        ticker: Arc<Ticker>,
        outside: Outside,
        bounds: Bounds,
    ) -> Result<Self> {
        let Bounds { limits: GuestLimits { memory, fuel }, timeout_ms } = bounds;
        let Outside { gate, listener, killed } = outside;
        let (limiter, ticks) = (Limiter::new(memory), ticks(timeout_ms));
        let data = Data { gate, listener, limiter, ticks, until: 0, killed };
        let mut store = Store::new(ready.engine(), data);
        store.limiter(|data| &mut data.limiter);
        store.set_max_component_handles(HANDLES);
        let clock = Arc::clone(&ticker);
        store.epoch_deadline_callback(move |store| tick(store.data(), &clock));
        arm(&mut store, (fuel, HANDED_BYTES), &ticker)?;
        let running = ticker.enter();
        let instance = ready.instantiate(&mut store);
        drop(running);
        Ok(Self { store, instance: instance?, ticker, fuel, over: false })
    }

    /// An exported function, with its type checked.
    pub(crate) fn function<P, R>(&mut self, at: &ComponentExportIndex) -> Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.instance.get_typed_func::<P, R>(&mut self.store, at)
    }

    /// Makes one call, in which the guest may hand over `handed` bytes at a time.
    pub(crate) fn call<T>(
        &mut self,
        handed: usize,
        call: impl FnOnce(&mut Store<Data>) -> Result<T>,
    ) -> (u64, std::result::Result<T, Stop>) {
        if self.over {
            let message = "the instance has ended before";
            return (0, Err(crash::crash(CrashKind::Trap, message)));
        }
        let running = self.ticker.enter();
        let armed = arm(&mut self.store, (self.fuel, handed), &self.ticker);
        let result = armed.and_then(|()| call(&mut self.store));
        drop(running);
        let left = self.store.get_fuel().unwrap_or(0);
        self.over = result.is_err();
        (self.fuel.saturating_sub(left), result.map_err(|error| crash::stop(&error)))
    }
}

/// Gives the store all that one call may use.
fn arm(store: &mut Store<Data>, (fuel, handed): (u64, usize), ticker: &Ticker) -> Result<()> {
    let data = store.data_mut();
    data.until = ticker.now().saturating_add(data.ticks);
    store.set_fuel(fuel)?;
    store.set_hostcall_fuel(handed);
    store.set_epoch_deadline(1);
    Ok(())
}

/// At each tick of a call: whether it goes on.
fn tick(data: &Data, ticker: &Ticker) -> Result<UpdateDeadline> {
    if data.killed.load(Ordering::Relaxed) {
        return Err(crash::ending(Stop::Interrupted));
    }
    if ticker.now() >= data.until {
        return Err(Trap::Interrupt.into());
    }
    Ok(UpdateDeadline::Continue(1))
}

/// A live actor behind its gate. After a crash or an interruption it answers nothing but crashes.
pub struct Instance {
    cell: Cell,
    inputs: Box<[(PortId, Box<str>)]>,
    functions: Functions,
}

/// The functions called at run time. Their types were checked when the instance was made.
struct Functions {
    init: Func,
    handle: Func,
    snapshot: TypedFunc<(), (Vec<u8>,)>,
    migrate: Option<Func>,
}

impl Instance {
    pub(crate) fn new(mut cell: Cell, actor: &Actor) -> Result<Self> {
        let exports = actor.exports();
        let migrate = exports.migrate.as_ref();
        let migrate = migrate.map(|at| cell.function::<(&str, &[u8]), Migrated>(at)).transpose()?;
        let functions = Functions {
            init: *cell.function::<(&str, Option<&[u8]>), Began>(&exports.init)?.func(),
            handle: *cell.function::<(wire::Event<'_>,), Handled>(&exports.handle)?.func(),
            snapshot: cell.function(&exports.snapshot)?,
            migrate: migrate.map(|migrate| *migrate.func()),
        };
        let inputs = match &cell.store.data().gate {
            Some(gate) => gate.agent().inputs.as_slice(),
            None => &[],
        };
        let inputs = inputs.iter().map(|input| (input.port, input.name.as_str().into())).collect();
        Ok(Self { cell, inputs, functions })
    }
}

impl Instance {
    /// False after a crash or an interruption.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.cell.over
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("over", &self.cell.over).finish_non_exhaustive()
    }
}

impl Guest for Instance {
    /// # Panics
    /// Never: an instance is made with its gate, which is away only while the guest calls out.
    fn gate(&mut self) -> &mut Gate {
        self.cell.store.data_mut().gate.as_deref_mut().expect("no host call is under way")
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        let (config, init) = (self.gate().agent().config.clone(), self.functions.init);
        let (fuel, result) = self.cell.call(HANDED_BYTES, |store| {
            let init = typed::<(&str, Option<&[u8]>), Began>(init);
            Ok(init.call(store, (&config, saved))?.0)
        });
        Called { fuel, result: result.map(|answer| answer.map_err(Into::into)) }
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        let event = match lower(&self.inputs, event) {
            Ok(event) => event,
            Err(stop) => {
                return Called { fuel: 0, result: Err(stop) };
            }
        };
        let handle = self.functions.handle;
        let (fuel, result) = self.cell.call(HANDED_BYTES, |store| {
            Ok(typed::<(wire::Event<'_>,), Handled>(handle).call(store, (event,))?.0)
        });
        Called { fuel, result: result.map(|answer| answer.map(Into::into).map_err(Into::into)) }
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        let snapshot = self.functions.snapshot;
        let (fuel, result) =
            self.cell.call(limits::SNAPSHOT_BYTES, |store| Ok(snapshot.call(store, ())?.0));
        Called { fuel, result: result.map(Ok) }
    }

    fn migrate(&mut self, from: &str, saved: &[u8]) -> Option<Called<Vec<u8>>> {
        let migrate = self.functions.migrate?;
        let (fuel, result) = self.cell.call(limits::SNAPSHOT_BYTES, |store| {
            Ok(typed::<(&str, &[u8]), Migrated>(migrate).call(store, (from, saved))?.0)
        });
        Some(Called { fuel, result: result.map(|answer| answer.map_err(Into::into)) })
    }
}

/// A function as one that borrows its parameters: lifetimes are part of the Rust type, but not of what
/// is checked.
#[expect(
    unsafe_code,
    reason = "a checked function cannot be kept with the lifetime of one call's event"
)]
fn typed<P, R>(function: Func) -> TypedFunc<P, R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    // SAFETY: `Instance::new`, the only place that makes `Functions`, got each of them from
    // `Cell::function` with the same `P` and `R` but for lifetimes.
    unsafe { TypedFunc::new_unchecked(function) }
}

/// The event in the contract's types.
fn lower<'a>(
    inputs: &'a [(PortId, Box<str>)],
    event: &'a Event,
) -> std::result::Result<wire::Event<'a>, Stop> {
    let name = |port: PortId| {
        let found = inputs.iter().find(|(known, _)| *known == port);
        let unknown =
            || crash::crash(CrashKind::Trap, format!("{port:?} is not an input of the agent"));
        found.map(|(_, name)| &**name).ok_or_else(unknown)
    };
    Ok(match event {
        Event::Start => wire::Event::Start,
        Event::Pull => wire::Event::Pull,
        Event::Message { port, body, .. } => {
            let body = std::str::from_utf8(body)
                .map_err(|error| crash::crash(CrashKind::Trap, format!("the message: {error}")))?;
            wire::Event::Message(wire::Message { port: name(*port)?, body })
        }
        Event::Closed { port } => wire::Event::Closed(name(*port)?),
        Event::Timer { name } => wire::Event::Timer(name),
    })
}
