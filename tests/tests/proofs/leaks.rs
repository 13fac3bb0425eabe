//! Planted leaks: each is found, and named by the agent and the record. A guest that leaks is a real component
//! that is handed, with each message, something that no record holds; or one whose own code reads the clock, or
//! counts in a map whose order is another in each life.

use std::collections::HashMap;
use std::time::SystemTime;

use theater_flow::replay::{NoWorld, Replayed, replay};
use theater_flow::sim::{Fate, How, Machine};
use theater_flow::workers::{Crew, Troupe};
use theater_flow_host::Instance;
use theater_flow_kernel::gate::{Gate, World};
use theater_flow_kernel::ids::{AgentId, Ref};
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Body, Consumed, CrashKind, Entry, Next, Status};
use theater_flow_kernel::work::{Begin, Begun, Called, Event, Guest};

use super::live::{Piece, Trouble, finish, journal, machine, records};

/// What leaks into a guest.
#[derive(Clone, Debug)]
enum Leak {
    /// Nothing.
    None,
    /// What a host function says that does not go through the gate: the bytes of a file of the machine, which
    /// grows.
    Skips(Machine),
    /// The guest reads the real clock.
    Time,
    /// The guest counts in a map that hashes with a seed of its own, and emits it in its order.
    Order,
}

/// Real agents, into one of which something leaks.
struct Leaking {
    crew: Crew,
    agent: AgentId,
    leak: Leak,
}

struct LeakingGuest {
    inner: Instance,
    leak: Option<Leak>,
    /// How often each byte was in a message. New in each life, and so is the order.
    counts: HashMap<u8, u64>,
}

impl Troupe for Leaking {
    type Guest = LeakingGuest;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<LeakingGuest>, Option<Begun>) {
        // What is handled again is handled by the guest that leaks.
        let alone = Begin { redo: vec![], ..how.clone() };
        let (instance, begun) = self.crew.begin(id, &alone);
        let leak = (id == self.agent).then(|| self.leak.clone());
        let mut guest = instance.map(|inner| LeakingGuest { inner, leak, counts: HashMap::new() });
        let exact = how.saved.is_none();
        let again = |guest: &mut LeakingGuest| {
            let mut differs = |redo| {
                if exact { perform::again(guest, redo) } else { perform::alike(guest, redo) }
            };
            how.redo.iter().find_map(&mut differs)
        };
        let crash = guest.as_mut().and_then(again);
        match crash {
            None => (guest, begun),
            Some(crash) => (None, begun.map(|begun| Begun { crash: Some(crash), ..begun })),
        }
    }

    fn lives(guest: &LeakingGuest) -> bool {
        guest.inner.is_alive()
    }
}

impl Guest for LeakingGuest {
    fn gate(&mut self) -> &mut Gate {
        self.inner.gate()
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        self.inner.init(saved)
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        let (Event::Message { id, port, body }, Some(leak)) = (event, &self.leak) else {
            return self.inner.handle(event);
        };
        let handed = |said: &str| {
            let body = format!("{{\"said\":\"{said}\"}}").into_bytes();
            Event::Message { id: *id, port: *port, body: body.into() }
        };
        match leak {
            Leak::None => self.inner.handle(&handed("nothing")),
            Leak::Skips(machine) => {
                let said = format!("{} records", machine.log().tree().len());
                self.inner.handle(&handed(&said))
            }
            Leak::Time => self.says_the_time(),
            Leak::Order => self.counts(body),
        }
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        self.inner.snapshot()
    }
}

impl LeakingGuest {
    fn says_the_time(&mut self) -> Called<Next> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since.expect("it is after 1970").as_nanos();
        self.emits(&format!("{{\"now\":\"{nanos}\"}}"))
    }

    /// A message holds some twenty bytes, of which two maps have the same order once in 10^18.
    fn counts(&mut self, body: &[u8]) -> Called<Next> {
        for byte in body {
            *self.counts.entry(*byte).or_default() += 1;
        }
        let pairs: Vec<String> =
            self.counts.iter().map(|(byte, count)| format!("[{byte},{count}]")).collect();
        self.emits(&format!("[{}]", pairs.join(",")))
    }

    fn emits(&mut self, body: &str) -> Called<Next> {
        let emitted = self.inner.gate().emit("out", body);
        let result = emitted.map(|emitted| {
            emitted.unwrap_or_else(|error| panic!("{error:?}"));
            Ok(Next::Wait)
        });
        Called { fuel: 1, result }
    }
}

/// Lines through an agent that passes on what it is handed. Its id.
fn piece() -> (Piece, AgentId) {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let piece = Piece::new(&format!(
        r#"
format = 1
name = "leaks"
[supervisors.root]
children = ["lines", "leaky", "print"]
[agents.lines]
actor = "std/file-lines"
config = {{ path = "in.txt" }}
grants = {{ files = {{ read = ["in.txt"] }} }}
[agents.leaky]
actor = "{probe}"
inputs = "lines"
config = {{ echo = true }}
[agents.print]
actor = "std/stdout"
inputs = "leaky"
grants = {{ stdout = true }}
"#
    ));
    let agent = agent(&piece, "leaky");
    (piece, agent)
}

pub(crate) fn agent(piece: &Piece, name: &str) -> AgentId {
    piece.plan.agents.iter().find(|agent| agent.name == name).expect("it is there").id
}

pub(crate) fn no_world() -> Box<dyn World> {
    Box::new(NoWorld)
}

/// The first record of a message that an agent handled.
fn first_handled(entries: &[Entry], agent: AgentId) -> (u64, Ref) {
    first_handled_if_any(entries, agent).expect("it handled a message")
}

fn first_handled_if_any(entries: &[Entry], agent: AgentId) -> Option<(u64, Ref)> {
    let of = |entry: &Entry| match &entry.body {
        Body::Transaction(body) if body.by.agent == agent => match body.consumed {
            Consumed::Message { id, .. } => Some((entry.seq, id)),
            _ => None,
        },
        _ => None,
    };
    entries.iter().find_map(of)
}

/// Runs with a leak and replays with it: what both are.
fn replayed(leak: impl Fn(&Machine) -> Leak) -> (Machine, AgentId, Replayed) {
    let (piece, agent) = piece();
    let machine = machine(1);
    let crew = || Leaking { crew: piece.crew_on(&machine), agent, leak: leak(&machine) };
    finish((&piece.plan, &machine), crew, 1, |_| Trouble::None);
    let crew = Leaking { crew: piece.crew(no_world), agent, leak: leak(&machine) };
    let did = replay(&journal(&machine), &crew).expect("the log is read");
    (machine, agent, did)
}

/// Kills a run at each of its write points and goes on. Whenever the agent lived on and had handled messages,
/// its next life finds the leak: how often it lived on, and how often that was found.
fn resumed(leak: impl Fn(&Machine) -> Leak, leaks: bool) -> (usize, usize) {
    let (piece, agent) = piece();
    let run = |trouble: Option<Fate>| {
        let (machine, mut trouble) = (machine(1), trouble);
        let crew = || Leaking { crew: piece.crew_on(&machine), agent, leak: leak(&machine) };
        let mut lived_on = false;
        finish((&piece.plan, &machine), crew, 1, |machine| {
            if let Some(fate) = trouble.take() {
                return Trouble::Doom(fate);
            }
            lived_on = !machine.log().tree().is_empty() && lives_on(&records(machine), agent);
            Trouble::None
        });
        (machine, lived_on)
    };
    let (mut lived, mut found) = (0, 0);
    for point in 0..run(None).0.points().len() {
        let (machine, lived_on) = run(Some(Fate { point, how: How::Before, power: false }));
        lived += usize::from(lived_on);
        let divergence = divergence(&records(&machine));
        assert_eq!(divergence.is_some(), lived_on && leaks, "killed at write point {point}");
        if let Some((who, message)) = divergence {
            assert_eq!(who, agent);
            let (seq, _) = first_handled(&records(&machine), agent);
            assert!(message.starts_with(&format!("record {seq}.0 is an emission")), "{message}");
            assert!(message.contains("the guest now made another"), "{message}");
            found += 1;
        }
    }
    (lived, found)
}

/// True if the agent handled a message and has not ended.
pub(crate) fn lives_on(entries: &[Entry], agent: AgentId) -> bool {
    let ended = |entry: &Entry| matches!(entry.body, Body::Ended(body) if body.agent == agent);
    first_handled_if_any(entries, agent).is_some() && !entries.iter().any(ended)
}

/// The first divergence in a log: whose, and its message.
pub(crate) fn divergence(entries: &[Entry]) -> Option<(AgentId, String)> {
    entries.iter().find_map(|entry| match &entry.body {
        Body::Crashed(body) if body.crash.kind == CrashKind::Divergence => {
            Some((body.by.agent, body.crash.message.clone()))
        }
        _ => None,
    })
}

#[test]
fn without_a_leak_nothing_is_found() {
    let (machine, _, did) = replayed(|_| Leak::None);
    assert_eq!((did.differences, did.skipped), (vec![], 0));
    let over = |entry: &Entry| matches!(&entry.body, Body::Finished(over) if over.status == Status::Completed);
    assert!(records(&machine).iter().any(over));
    let (lived, found) = resumed(|_| Leak::None, false);
    assert!(lived > 3 && found == 0, "{lived} {found}");
}

/// Checks that a leak is found by a replay, and by the next life after a kill.
fn is_found(leak: impl Fn(&Machine) -> Leak) {
    let (machine, agent, did) = replayed(&leak);
    let entries = records(&machine);
    let (seq, message) = first_handled(&entries, agent);
    let [difference] = &did.differences[..] else { panic!("{:?}", did.differences) };
    assert_eq!((difference.agent, difference.seq), (agent, seq));
    let named = format!("record {seq}.0 is an emission");
    assert!(difference.message.starts_with(&named), "{}", difference.message);
    assert!(difference.message.contains("the guest now made another"));
    // The nearest cause is the message that it handled; what it would say now is beside what it said.
    let record = entries.iter().find(|entry| entry.seq == seq).expect("it is there");
    assert_eq!(record.causes, [message]);
    let now = difference.now.as_ref().expect("it can be made again");
    assert_ne!(now.payloads, record.payloads);
    println!("agent {agent:?}, {}", difference.message);
    let (lived, found) = resumed(leak, true);
    println!("found by {found} of {lived} lives that handled messages again");
    assert!(found > 3 && found == lived, "{found} {lived}");
}

#[test]
fn a_host_function_that_skips_the_gate_is_found() {
    is_found(|machine| Leak::Skips(machine.clone()));
}

#[test]
fn the_real_time_is_found() {
    is_found(|_| Leak::Time);
}

#[test]
fn the_order_of_a_hash_map_is_found() {
    is_found(|_| Leak::Order);
}
