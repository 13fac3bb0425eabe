//! Mistakes that were made once: files opened again, abandoned bytes, stops, fresh lives, bounds.

use std::sync::{Arc, Mutex};

use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::limits;
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::Restore;
use theater_flow_kernel::record::{
    Body, Consumed, Crash, CrashKind, Crashed, End, Entry, Level, Next, Part, Status,
};
use theater_flow_kernel::state::{Life, Phase};
use theater_flow_kernel::work::{Batch, Done, Event, Outcome, Redo, Sinks, by};

use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind, Native, Script};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};
use crate::common::world::Outside;

const AGENT: AgentId = AgentId(1);
const FILE: &str = "/abs/out/x";

/// A source of `n` messages, and an agent that does this.
fn scripted(n: u32, script: Script) -> Build {
    Build::chain(n, &[Kind::Does(script)])
}

/// Appends to the file, and closes it.
fn put(gate: &mut Gate, text: &str) -> Result<(), Stop> {
    gate.file_append("out/x", text.as_bytes())?.expect("granted");
    gate.file_close("out/x")?.expect("it is open");
    Ok(())
}

fn twice_at_once(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { .. } = event {
        put(gate, "aaa\n")?;
        put(gate, "bb\n")?;
    }
    Ok(Next::Wait)
}

fn once_at_each(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { body, .. } = event {
        put(gate, if **body == *b"0" { "aaa\n" } else { "bb\n" })?;
    }
    Ok(Next::Wait)
}

/// Where each sink that was opened begins.
fn bases(entries: &[Arc<Entry>]) -> Vec<u64> {
    let parts = entries.iter().flat_map(|entry| entry.body.parts());
    let bases = parts.filter_map(|part| match part {
        Part::Opened { base, .. } => Some(*base),
        _ => None,
    });
    bases.collect()
}

#[test]
fn a_file_opened_again_goes_on_where_it_was_closed() {
    for (n, script) in [(1, twice_at_once as Script), (2, once_at_each)] {
        for seed in 0..20 {
            let calm = Options::calm(seed);
            for options in [calm, Options { crash: 10, checkpoint: 10, cut: true, ..calm }] {
                let (status, sim) = Sim::new(scripted(n, script), options).run();
                audit(&sim.plan, &sim.entries);
                assert_eq!(status, Status::Completed);
                assert_eq!(bases(&sim.entries), [0, 4], "{options:?}");
                assert_eq!(sim.outside.lock().unwrap().files[FILE], b"aaa\nbb\n", "{options:?}");
            }
        }
    }
}

/// Files that are opened and closed in turn: more than may wait to be written and are remembered.
const MANY: usize = 600;

fn each_in_turn(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { body, .. } = event {
        let nth: usize = String::from_utf8_lossy(body).parse().expect("a number");
        let file = format!("out/{}", nth % MANY);
        gate.file_append(&file, b"x\n")?.expect("granted");
        gate.file_close(&file)?.expect("it is open");
    }
    Ok(Next::Wait)
}

#[test]
fn many_files_opened_again_go_on_where_they_were_closed() {
    let n = 2 * MANY;
    let build = scripted(u32::try_from(n).expect("few"), each_in_turn);
    let (status, sim) = Sim::new(build, Options::calm(1)).run();
    assert_eq!(status, Status::Completed);
    let outside = sim.outside.lock().unwrap();
    for file in 0..MANY {
        assert_eq!(outside.files[&format!("/abs/out/{file}")], b"x\nx\n", "{file}");
    }
}

/// Bytes of one content; eleven of them are more than an agent may have waiting.
const LARGE: usize = 800 << 10;
/// Contents of one event. All but the last are abandoned at once, many of them before they are written.
const CONTENTS: u32 = 4;

fn begins_anew(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { .. } = event {
        for _ in 0..CONTENTS {
            gate.file_replace("out/x")?.expect("granted");
            gate.file_append("out/x", &vec![b'x'; LARGE])?.expect("granted");
        }
    }
    Ok(Next::Wait)
}

#[test]
fn abandoned_bytes_do_not_hold_an_agent_up() {
    let n = 9;
    assert!(u64::from(n * CONTENTS / 3) * LARGE as u64 > limits::UNWRITTEN_BYTES);
    let (status, sim) = Sim::new(scripted(n, begins_anew), Options::calm(1)).run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed);
    let agent = sim.state.agent(AGENT);
    assert_eq!((agent.handled, agent.unwritten), (u64::from(n), 0));
    assert_eq!(sim.outside.lock().unwrap().files[FILE].len(), LARGE);
}

/// Pieces of work that there are for the agent now, if it is free.
fn work(sim: &Sim) -> usize {
    let mut desk = Desk::new(&sim.plan);
    desk.touch(&[AGENT]);
    desk.dispatch(&sim.state, sim.state.kept.now).len()
}

#[test]
fn an_agent_with_standard_input_gets_no_work_in_a_run_that_stops() {
    let (mut given, mut left) = (0, 0);
    for seed in 0..20 {
        let mut build = Build::chain(30, &[Kind::Pass, Kind::Stdout]);
        build.agent(1).grants.stdin = true;
        let mut sim = Sim::new(build, Options { cut: true, ..Options::calm(seed) });
        sim.run_until(|state| state.agent(AGENT).started && state.agent(AGENT).depth() > 0);
        given += work(&sim);
        sim.input(Input::Stop { by: String::from("test") });
        assert_eq!(sim.state.kept.phase, Phase::Stopping);
        assert_eq!(work(&sim), 0, "seed {seed}");
        sim.stop();
        left += sim.state.agent(AGENT).depth();
        sim.resume();
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("stdout of a2").len(), 30, "seed {seed}");
    }
    assert!(given > 0, "before the stop, there was work");
    assert!(left > 0, "no message ever waited");
}

fn gives_up_in_its_second_life(_: &mut Gate, lives: u32, event: &Event) -> Result<Next, Stop> {
    match event {
        Event::Start if lives > 0 => Ok(Next::Done),
        Event::Message { .. } => {
            let message = String::from("not this one");
            Err(Stop::Crash(Crash { kind: CrashKind::Trap, message }))
        }
        _ => Ok(Next::Wait),
    }
}

#[test]
fn a_fresh_life_that_is_done_at_once_leaves_the_message_it_failed_at() {
    for seed in 0..20 {
        let mut build = scripted(3, gives_up_in_its_second_life);
        build.agent(1).restore = Restore::Fresh;
        let (status, sim) = Sim::new(build, Options::calm(seed)).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed, "seed {seed}");
        let agent = sim.state.agent(AGENT);
        assert_eq!((agent.incarnations, agent.handled), (2, 0));
        assert_eq!(agent.life, Life::Over(End::Done));
    }
}

fn too_many_parts(gate: &mut Gate, _: u32, _: &Event) -> Result<Next, Stop> {
    loop {
        gate.timer_cancel("t")?;
    }
}

fn too_many_answers(gate: &mut Gate, _: u32, _: &Event) -> Result<Next, Stop> {
    loop {
        gate.now()?;
    }
}

fn too_many_bytes(gate: &mut Gate, _: u32, _: &Event) -> Result<Next, Stop> {
    let bytes = vec![b'x'; limits::PAYLOAD_BYTES];
    loop {
        gate.stdout(&bytes)?;
    }
}

/// As `script`, after more lines than are kept.
fn chatty(script: Script, gate: &mut Gate, event: &Event) -> Result<Next, Stop> {
    for _ in 0..=limits::LOG_LINES_PER_EVENT {
        gate.log(Level::Info, "…")?;
    }
    script(gate, 0, event)
}

fn lines_and_parts(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    chatty(too_many_parts, gate, event)
}

fn lines_and_bytes(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    chatty(too_many_bytes, gate, event)
}

/// One that ends at another place than the record.
fn one_part(gate: &mut Gate, _: u32, _: &Event) -> Result<Next, Stop> {
    gate.timer_cancel("t")?;
    Ok(Next::Wait)
}

fn guest(script: Script) -> Native {
    let (plan, _) = scripted(1, script).done();
    let outside = Arc::new(Mutex::new(Outside::new(1)));
    Native::new((&plan, AGENT), (Kind::Does(script), 0), Sinks::default(), &outside)
}

/// The crash of the guest's call at `start`, as it is recorded.
fn crashed(script: Script) -> Redo {
    let event = Event::Start;
    let batch = Batch {
        events: [event.clone()].into(),
        mode: Next::Wait,
        attempt: 1,
        room: vec![9],
        so_far: None,
    };
    let Done::Handled(calls) = perform::handle(&mut guest(script), batch, &|| false) else {
        panic!("events were handled");
    };
    let call = calls.into_iter().next().expect("one call");
    let Outcome::Crash(crash) = call.outcome else { panic!("no crash: {:?}", call.outcome) };
    assert_eq!(crash.kind, CrashKind::Limit);
    let (parts, fuel) = (call.trace.parts, call.trace.fuel);
    let consumed = Some(Consumed::Start);
    let body = Body::Crashed(Crashed { by: by(AGENT, 1, 1), consumed, parts, crash, fuel });
    let (salt, payloads) = (call.trace.salt, call.trace.payloads);
    let entry = Entry { seq: 1, at: 1, causes: Vec::new(), body, salt, payloads };
    Redo { event, entry: Arc::new(entry) }
}

#[test]
fn a_call_that_met_a_bound_meets_it_again() {
    let scripts: [(&str, Script); 5] = [
        ("parts", too_many_parts),
        ("answers", too_many_answers),
        ("bytes", too_many_bytes),
        ("lines and parts", lines_and_parts),
        ("lines and bytes", lines_and_bytes),
    ];
    for (what, script) in scripts {
        let redo = crashed(script);
        assert!(!redo.entry.body.parts().is_empty(), "{what}: what came before the bound is kept");
        assert_eq!(perform::again(&mut guest(script), &redo), None, "{what}");
        let other = perform::again(&mut guest(one_part), &redo).expect("a difference");
        assert_eq!(other.kind, CrashKind::Divergence, "{what}");
    }
}

fn more(gate: &mut Gate, _: u32, _: &Event) -> Result<Next, Stop> {
    gate.timer_cancel("t")?;
    Ok(Next::More)
}

#[test]
fn what_a_reader_of_standard_input_did_is_reported_before_it_may_wait_again() {
    for (stdin, most) in [(false, limits::BATCH_EVENTS), (true, 1)] {
        let mut build = scripted(1, more);
        build.agent(1).grants.stdin = stdin;
        let (plan, _) = build.done();
        let outside = Arc::new(Mutex::new(Outside::new(1)));
        let kind = (Kind::Does(more), 0);
        let mut guest = Native::new((&plan, AGENT), kind, Sinks::default(), &outside);
        let batch = Batch {
            events: [].into(),
            mode: Next::More,
            attempt: 1,
            room: vec![u32::MAX],
            so_far: None,
        };
        let Done::Handled(calls) = perform::handle(&mut guest, batch, &|| false) else {
            panic!("events were handled");
        };
        assert_eq!(calls.len(), most);
    }
}

#[test]
fn a_run_that_was_suspended_after_the_root_gave_up_has_failed() {
    let mut suspended = 0;
    for seed in 0..40 {
        let bad = Kind::Bad { at: &["9"], how: Bad::Trap };
        let mut build = Build::chain(12, &[bad, Kind::Stdout]);
        build.root().intensity = 0;
        let mut sim = Sim::new(build, Options::calm(seed));
        sim.run_until(|state| matches!(state.kept.phase, Phase::Failing | Phase::Finished(_)));
        if sim.state.kept.phase == Phase::Failing {
            suspended += 1;
            sim.stop();
            assert_eq!(sim.state.kept.phase, Phase::Suspended);
            sim.resume();
            assert_eq!(sim.state.kept.phase, Phase::Failing);
        }
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Failed, "seed {seed}");
    }
    assert!(suspended > 0, "nothing was ever left to be written");
}
