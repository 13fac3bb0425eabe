mod choice;
mod compared;
mod human;
mod letters;
mod line;
mod logs;
mod progress;

use std::sync::Arc;

use theater_flow_kernel::block::{Stored, StoredPayload};
use theater_flow_kernel::gate::{EmitError, FileError, FileErrorCode, FileKind, FolderEntry, Stat};
use theater_flow_kernel::http::{Answer, HttpError, HttpErrorCode};
use theater_flow_kernel::ids::{Fault, Ref, RunId, TypeId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    Agent, AutoShutdown, Backoff, Child, Grants, GuestLimits, InputPort, OutputPort, Overflow,
    Past, ReloadRules, Restart, Restore, Retry, Shutdown, Strategy, Supervisor, Wait,
};
use theater_flow_kernel::record::*;
use theater_flow_kernel::state::{Life, Refusal, Stage, State};
use theater_flow_kernel::types::TypeTable;

use super::json::Json;
use super::*;
use crate::exit::Exit;
use crate::render::escape::is_unsafe;
use crate::render::{Look, columns};

const AT: u64 = 1_795_396_246_123;
const SALT: [u8; 16] = [7; 16];

fn agent(id: u32, name: &str) -> Agent {
    let (ty, port) = (TypeId(0), PortId(2 * id));
    let input = InputPort { port, name: "in".into(), ty, from: vec![], feedback: vec![] };
    let port = PortId(2 * id + 1);
    let (readers, capacity, overflow) = (vec![], limits::CAPACITY, Overflow::Block);
    let output = OutputPort { port, name: "out".into(), ty, readers, capacity, overflow };
    Agent {
        id: AgentId(id),
        name: name.into(),
        actor: "std/x".into(),
        component: Digest::of(b"x"),
        config: "{}".into(),
        grants: Grants::default(),
        inputs: vec![input],
        outputs: vec![output],
        restart: Restart::Transient,
        restore: Restore::Checkpoint,
        retry: Retry { max: 3, wait: Wait { backoff: Backoff::Constant, base_ms: 1, cap_ms: 1 } },
        timeout_ms: 1,
        limits: GuestLimits { memory: 1, fuel: 1 },
        stateless: false,
        shutdown: Shutdown::After(limits::SHUTDOWN_MS),
        significant: false,
    }
}

fn supervisor(id: u32, name: &str, children: Vec<Child>) -> Supervisor {
    let strategy = Strategy::RestForOne;
    Supervisor {
        id: SupervisorId(id),
        name: name.into(),
        strategy,
        children,
        intensity: 3,
        period_ms: 5_000,
        delay: Wait::NONE,
        restart: Restart::Permanent,
        shutdown: Shutdown::Infinity,
        significant: false,
        auto_shutdown: AutoShutdown::Never,
    }
}

fn plan() -> Plan {
    let (walk, low) = (Child::Agent(AgentId(0)), Child::Supervisor(SupervisorId(1)));
    let scan = Child::Agent(AgentId(1));
    Plan {
        name: "find".into(),
        description: String::new(),
        source: Digest::of(b""),
        types: TypeTable::default(),
        agents: vec![agent(0, "walk"), agent(1, "scanner")],
        supervisors: vec![supervisor(0, "root", vec![walk, low]), supervisor(1, "low", vec![scan])],
        dead_letter: None,
        params: vec![("n".into(), "18446744073709551616".into())],
        env: vec![],
        secrets: vec![],
        files: vec![],
        past: Past::default(),
        reload: ReloadRules::default(),
        set: vec![],
    }
}

fn by(agent: u32, attempt: u32) -> Attempt {
    Attempt { agent: AgentId(agent), instance: 0, incarnation: 1, attempt }
}

fn row(seq: u64, causes: &[Ref], body: Body, payloads: &[&[u8]]) -> Row {
    let payloads = payloads.iter().map(|bytes| Arc::from(*bytes)).collect();
    let entry = Entry { seq, at: AT, causes: causes.to_vec(), body, salt: SALT, payloads };
    Row::of_entry(&entry, Digest::of(b"prev"), Digest::of(b"hash"))
}

fn bytes(text: &[u8]) -> Payload {
    Payload::commit(&SALT, text)
}

fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data")
}

/// A transaction of the scanner at message 3.0, with these parts.
fn transaction(parts: Vec<Part>, payloads: &[&[u8]]) -> Row {
    let consumed = Consumed::Message { id: Ref::part(3, 0), port: PortId(2) };
    let body = Transaction { by: by(1, 1), consumed, parts, next: Next::Wait, fuel: 12 };
    row(5, &[Ref::part(3, 0)], Body::Transaction(body), payloads)
}

fn emission(value: &[u8]) -> Part {
    Part::Emission { port: PortId(3), payload: bytes(value) }
}

fn call(call: Call, args: &[u8], answer: &[u8]) -> Part {
    Part::Answer { call, args: bytes(args), answer: bytes(answer) }
}

fn denial(call: Call, args: &[u8], answer: &[u8]) -> Part {
    Part::Denial { call, args: bytes(args), answer: bytes(answer) }
}

/// The parts of a transaction's line.
fn parts_of(parts: Vec<Part>, payloads: &[&[u8]]) -> String {
    let plan = plan();
    let line = View::new(&plan).line(&transaction(parts, payloads), Detail::Line);
    line.get("parts").expect("every line has parts").to_string()
}
