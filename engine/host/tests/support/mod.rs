//! Actors written by hand in WAT, and a world made of plain values, for the tests of this crate.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "for tests, each of which uses its own part of this module"
)]

use std::sync::Arc;

use theater_flow_host::{Actor, Host, HostConfig, Instance};
use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FolderEntry, Gate, Located, Mode, Stat, StdinError, Stop,
    World,
};
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, PortId, Ref, Salt, SupervisorId};
use theater_flow_kernel::plan::{
    Agent, AutoShutdown, Backoff, Child, Grants, GuestLimits, InputPort, OutputPort, Overflow,
    Past, Plan, ReloadRules, Restart, Restore, Retry, Root, Shutdown, Strategy, Supervisor, Wait,
};
use theater_flow_kernel::record::{Crash, CrashKind, Next};
use theater_flow_kernel::types::{Type, TypeTable};
use theater_flow_kernel::work::{Called, Event, Guest, Sinks, Trace};

/// A world that answers with what cannot be mistaken.
pub struct TestWorld {
    pub stdin: Result<Vec<u8>, StdinError>,
}

impl Default for TestWorld {
    fn default() -> Self {
        Self { stdin: Ok(b"typed".to_vec()) }
    }
}

impl World for TestWorld {
    fn now_ms(&mut self) -> u64 {
        1_234_567
    }
    fn random(&mut self, len: u32) -> Vec<u8> {
        vec![7; len as usize]
    }
    fn salt(&mut self) -> Salt {
        [9; 16]
    }
    fn read(&mut self, _: &Located<'_>, _: u64, len: u32) -> Result<Vec<u8>, FileError> {
        Ok(vec![b'x'; len as usize])
    }
    fn stat(&mut self, _: &Located<'_>) -> Result<Stat, FileError> {
        Err(FileError::new(FileErrorCode::NotFound, "no such file"))
    }
    fn list(&mut self, _: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        Ok(Vec::new())
    }
    fn claim(&mut self, at: &Located<'_>, _: bool) -> Result<Claimed, FileError> {
        Ok(Claimed { path: format!("/{}", at.rest), size: 0 })
    }
    fn stdin(&mut self, _: u32) -> Result<Vec<u8>, StdinError> {
        self.stdin.clone()
    }
}

/// Everything granted.
pub fn all() -> Grants {
    let root = || vec![Root { name: String::from("data"), path: String::from("/data") }];
    let (clock, random, timer, stdin, stdout) = (true, true, true, true, true);
    let http = Vec::new();
    Grants { clock, random, timer, stdin, stdout, read: root(), write: root(), http }
}

pub const LIMITS: GuestLimits = GuestLimits { memory: 16 << 20, fuel: 50_000_000 };

/// A plan of one agent with an input `in` and an output `out`, of type `json`.
pub fn plan(grants: Grants, limits: GuestLimits, timeout_ms: u64) -> Arc<Plan> {
    let mut types = TypeTable::default();
    let ty = types.intern(Type::Json);
    let (name, from, feedback) = (String::from("in"), Vec::new(), Vec::new());
    let input = InputPort { port: PortId(0), name, ty, from, feedback };
    let output = OutputPort {
        port: PortId(1),
        name: String::from("out"),
        ty,
        readers: Vec::new(),
        capacity: 16,
        overflow: Overflow::Block,
    };
    let agent = Agent {
        id: AgentId(0),
        name: String::from("it"),
        actor: String::from("test"),
        component: Digest::default(),
        config: String::from("{}"),
        grants,
        inputs: vec![input],
        outputs: vec![output],
        restart: Restart::Transient,
        restore: Restore::Checkpoint,
        retry: Retry { max: 0, wait: Wait { backoff: Backoff::Constant, base_ms: 0, cap_ms: 0 } },
        timeout_ms,
        limits,
        stateless: false,
        shutdown: Shutdown::After(5_000),
        significant: false,
    };
    let root = Supervisor {
        id: SupervisorId(0),
        name: String::from("root"),
        strategy: Strategy::OneForOne,
        children: vec![Child::Agent(AgentId(0))],
        intensity: 3,
        period_ms: 5_000,
        delay: Wait::NONE,
        restart: Restart::Permanent,
        shutdown: Shutdown::Infinity,
        significant: false,
        auto_shutdown: AutoShutdown::Never,
    };
    Arc::new(Plan {
        name: String::from("test"),
        description: String::new(),
        source: Digest::default(),
        types,
        agents: vec![agent],
        supervisors: vec![root],
        dead_letter: None,
        params: Vec::new(),
        env: Vec::new(),
        secrets: Vec::new(),
        files: Vec::new(),
        past: Past::default(),
        reload: ReloadRules::default(),
        set: vec![],
    })
}

pub fn gate(plan: &Arc<Plan>, world: TestWorld) -> Gate {
    Gate::new(Arc::clone(plan), AgentId(0), Sinks::default(), Box::new(world))
}

pub fn host() -> Host {
    Host::new(HostConfig { cache: None, instances: 64 }).unwrap()
}

/// The imports that most of the actors here use.
const EMIT: &str = r#"(import "theater:flow/outbox@0.1.0" "emit"
    (func $emit (param i32 i32 i32 i32 i32)))"#;

/// Parts of an actor that differ from one to the next.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Further imports.
    pub imports: &'a str,
    /// The body of `handle`; its result lies at 1120, all zeros, which is `ok(wait)`.
    /// Parameters: `$case $a $b $c $d`.
    pub handle: &'a str,
    /// Before the end of the module.
    pub more: &'a str,
    /// The body of `snapshot`: writes pointer and length to 1152.
    pub snapshot: &'a str,
    /// Pages and the maximum, if there is one.
    pub memory: &'a str,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            imports: "",
            handle: "",
            more: "",
            snapshot: "(i32.store (i32.const 1152) (i32.const 2048)) (i32.store (i32.const 1156) (i32.const 8))",
            memory: "2",
        }
    }
}

/// The core module of an actor.
pub fn core(parts: Parts<'_>) -> String {
    let Parts { imports, handle, more, snapshot, memory } = parts;
    format!(
        r#"(module
  {EMIT}
  {imports}
  (memory (export "memory") {memory})
  (global $next (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1)))))
    (local.get $at))
  (data (i32.const 16) "out")
  (data (i32.const 32) "{{}}")
  (data (i32.const 48) "data/f")
  (data (i32.const 64) "7")
  (data (i32.const 1024) "\10\00\00\00\03\00\00\00\20\00\00\00\02\00\00\00\01")
  (func (export "theater:flow/actor@0.1.0#about") (result i32) (i32.const 1024))
  (func (export "theater:flow/actor@0.1.0#ports") (param i32 i32) (result i32) (i32.const 1056))
  (func (export "theater:flow/actor@0.1.0#init") (param i32 i32 i32 i32 i32) (result i32)
    (if (local.get 2) (then (memory.copy (i32.const 2048) (local.get 3) (local.get 4))))
    (i32.const 1088))
  (func (export "theater:flow/actor@0.1.0#handle")
    (param $case i32) (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
    {handle}
    (i32.const 1120))
  (func (export "cabi_post_theater:flow/actor@0.1.0#handle") (param i32)
    (global.set $next (i32.const 65536)))
  (func (export "theater:flow/actor@0.1.0#snapshot") (result i32)
    {snapshot}
    (i32.const 1152))
  {more})"#
    )
}

/// `handle` that sends the message's body to `out`.
pub const ECHO: &str =
    "(call $emit (i32.const 16) (i32.const 3) (local.get $c) (local.get $d) (i32.const 3072))";

/// A `migrate` with this body; its result lies at 1200, all zeros, which is `ok` of no bytes.
/// Parameters: `$from $from-len $saved $saved-len`.
pub fn migrate(body: &str) -> String {
    format!(
        r#"(func (export "theater:flow/migration@0.1.0#migrate")
    (param $from i32) (param $from-len i32) (param $saved i32) (param $saved-len i32) (result i32)
    {body}
    (i32.const 1200))"#
    )
}

/// A core module with the description of its world, as wit-bindgen makes one.
pub fn module(wat: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = if wat.contains("#migrate") { "migrating-agent" } else { "agent" };
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    wit_component::embed_component_metadata(
        &mut module,
        &resolve,
        world,
        wit_component::StringEncoding::UTF8,
    )
    .unwrap();
    module
}

/// A component around a core module.
pub fn component(wat: &str) -> Vec<u8> {
    wit_component::ComponentEncoder::default().module(&module(wat)).unwrap().encode().unwrap()
}

/// The actor with these parts.
pub fn actor(host: &Host, parts: Parts<'_>) -> Actor {
    host.load(&component(&core(parts))).unwrap()
}

/// An actor that handles events so.
pub fn handling(host: &Host, handle: &str) -> Actor {
    actor(host, Parts { handle, ..Parts::default() })
}

/// An instance with everything granted, after `init`.
pub fn live(host: &Host, actor: &Actor) -> Instance {
    limited(host, actor, LIMITS)
}

pub fn limited(host: &Host, actor: &Actor, limits: GuestLimits) -> Instance {
    let gate = gate(&plan(all(), limits, 30_000), TestWorld::default());
    let mut instance = host.instance(actor, gate).unwrap();
    assert_eq!(instance.init(None).result, Ok(Ok(())));
    instance
}

pub fn message(body: &str) -> Event {
    let body: Bytes = Arc::from(body.as_bytes());
    Event::Message { id: Ref::record(1), port: PortId(0), body }
}

/// Handles one event live, and gives what the gate saw.
pub fn handle(instance: &mut Instance, event: &Event) -> (Called<Next>, Trace) {
    instance.gate().open(Mode::Live);
    let called = instance.handle(event);
    let kept = matches!(called.result, Ok(Ok(_)));
    let trace = instance.gate().close(kept, called.fuel).unwrap();
    (called, trace)
}

/// The crash that a call ended with.
pub fn crash<T: std::fmt::Debug>(called: Called<T>) -> Crash {
    match called.result {
        Err(Stop::Crash(crash)) => crash,
        other => panic!("expected a crash, not {other:?}"),
    }
}

/// Handles `7` with a body of `handle`, and gives the crash.
pub fn crash_of(handle_body: &str) -> Crash {
    let host = host();
    let actor = handling(&host, handle_body);
    let mut instance = live(&host, &actor);
    let (called, _) = handle(&mut instance, &message("7"));
    crash(called)
}

pub fn kind_of(handle_body: &str) -> CrashKind {
    crash_of(handle_body).kind
}
