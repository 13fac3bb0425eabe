//! Generated pipelines that are edited while they run: who is accepted ends in what the file says, who is refused has
//! changed nothing, every message is handled once, and the whole log replays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use theater_flow::driver::{Choices, Ending, Event, Outcome, Refused, Reload};
use theater_flow::recover;
use theater_flow::sim::{Dice, End, Fate, How, Machine, Process, Schedule};
use theater_flow::workers::Crew;
use theater_flow_kernel::ids::{AgentId, PortId, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Consumed, Entry, Part};
use theater_flow_kernel::reload::{Misfits, adopt, diff};
use theater_flow_kernel::state::State;

use super::edits::{Draft, KINDS};
use super::generated::whole;
use super::live::{Piece, journal, machine, records};
use super::make::pipeline;

/// How often each kind of edit was accepted, refused by the compiler, and refused by the run.
type Tally = BTreeMap<&'static str, [u64; 3]>;

/// A run that is edited.
struct Edited {
    seed: u64,
    draft: Draft,
    piece: Piece,
    dice: Dice,
    machine: Machine,
    tally: Tally,
    /// Reloads, and messages that were to be handled.
    sum: [u64; 2],
}

impl Edited {
    fn new(seed: u64) -> Self {
        let draft = Draft::new(pipeline(seed));
        let piece = Piece::new(draft.text());
        let dice = Dice::new(seed ^ 0xED17);
        Self { seed, draft, piece, dice, machine: machine(seed), tally: Tally::new(), sum: [0; 2] }
    }

    fn process(&mut self) -> Option<Process<Crew>> {
        let seed = self.dice.below(1_000) as u64 ^ self.seed;
        let schedule = Schedule { seed, rough: seed % 2 == 1 };
        let crew = self.piece.crew_on(&self.machine);
        Process::start(&self.machine, &self.piece.plan, crew, schedule).expect("the log adds up")
    }

    /// Edits until the compiler takes it, for some times.
    fn next(&mut self) -> Option<(&'static str, Draft, Piece)> {
        for _ in 0..6 {
            let kind = KINDS[self.dice.below(KINDS.len())];
            let mut draft = self.draft.clone();
            draft.edit(kind, &mut self.dice);
            if draft.text() == self.draft.text() {
                continue;
            }
            match Piece::try_new(draft.text()) {
                Ok(piece) => return Some((kind, draft, piece)),
                Err(_) => self.tally.entry(kind).or_default()[1] += 1,
            }
        }
        None
    }

    /// Lives, edited on the way, until the run is over.
    fn run(&mut self) {
        let mut edits = 3;
        for _ in 0..40 {
            let next = (edits > 0).then(|| self.next()).flatten();
            if let Some((_, _, piece)) = &next {
                let known = piece.actors.iter();
                self.piece.actors.extend(known.map(|(digest, actor)| (*digest, actor.clone())));
            }
            let Some(mut process) = self.process() else { return };
            if self.dice.one_in(4) {
                let point = self.machine.points().len() + self.dice.below(12);
                let how = [How::Before, How::After, How::Full][self.dice.below(3)];
                self.machine.doom(Fate { point, how, power: self.dice.one_in(2) });
            }
            let steps = self.dice.below(60);
            let mut end = (0..steps).find_map(|_| process.step());
            if let (None, Some(next)) = (&end, next) {
                edits -= 1;
                end = self.edit(&mut process, next);
            }
            // What is edited next goes to the next life.
            let steps = if edits > 0 { self.dice.below(40) } else { 200_000 };
            let end = end.or_else(|| (0..steps).find_map(|_| process.step()));
            match end {
                None | Some(End::Died | End::Ended(Ending::Suspended | Ending::StoreFailed(_))) => {
                }
                Some(End::Ended(Ending::Finished(_))) => return,
                Some(End::Ended(Ending::Waiting)) => panic!("it waits for somebody"),
                Some(End::Stuck(how)) => panic!("{how:.600}"),
            }
        }
        panic!("not over in 40 lives");
    }

    /// Asks a process to go over to an edited file, and checks what came of it.
    fn edit(
        &mut self,
        process: &mut Process<Crew>,
        (kind, draft, piece): (&'static str, Draft, Piece),
    ) -> Option<End> {
        let before = Arc::clone(&process.state().plan);
        let misfits = [Misfits::Refuse, Misfits::SetAside][self.dice.below(2)];
        let choices = Choices { fresh: self.dice.one_in(2), misfits };
        let mut reply = ask(process, (&piece.plan, choices), None);
        loop {
            match reply.try_recv() {
                Ok(Ok(Outcome::Proposed { proposal, .. })) => {
                    assert_eq!(process.state().plan, before, "it waits for approval");
                    reply = ask(process, (&piece.plan, choices), Some(proposal));
                }
                Ok(Ok(_)) => {
                    let now = &process.state().plan;
                    let wanted = adopt(now, Plan::clone(&piece.plan));
                    assert!(diff(now, &wanted).is_empty(), "{:#?}", diff(now, &wanted));
                    is_routed(process.state());
                    self.draft = draft;
                    self.tally.entry(kind).or_default()[0] += 1;
                    return None;
                }
                Ok(Err(refused)) => {
                    assert_eq!(process.state().plan, before, "{refused}");
                    let quiet = matches!(
                        refused,
                        Refused::Ending
                            | Refused::Late { .. }
                            | Refused::Unsaved { .. }
                            | Refused::Unread { .. }
                            | Refused::Unwritten { .. }
                    );
                    let known = matches!(
                        refused,
                        Refused::Misfit { .. }
                            | Refused::State { .. }
                            | Refused::Supervising { .. }
                    );
                    assert!(quiet || known, "{refused}");
                    self.tally.entry(kind).or_default()[2] += 1;
                    return None;
                }
                Err(TryRecvError::Disconnected) => return process.step(),
                Err(TryRecvError::Empty) => {}
            }
            if let Some(end) = process.step() {
                self.settle(&piece, draft);
                return Some(end);
            }
        }
    }

    /// A process ended before it said what came of it: the log says which file it has.
    fn settle(&mut self, piece: &Piece, draft: Draft) {
        if self.machine.log().tree().is_empty() {
            return;
        }
        let now = recover::plan(&journal(&self.machine)).expect("a plan");
        if diff(&now, &adopt(&now, Plan::clone(&piece.plan))).is_empty() {
            self.draft = draft;
        }
    }
}

fn ask(
    process: &mut Process<Crew>,
    (plan, choices): (&Plan, Choices),
    proposal: Option<u64>,
) -> Receiver<Result<Outcome, Refused>> {
    let (reply, told) = sync_channel(1);
    let plan = plan.clone();
    process.tell(Event::Reload(Box::new(Reload { plan, choices, proposal, by: None, reply })));
    told
}

/// What is emitted comes to those who read it by the plan, and to nobody else.
fn is_routed(state: &State) {
    for agent in state.plan.present() {
        for output in &agent.outputs {
            let Some(route) = state.routes.output(output.port) else {
                assert!(output.readers.is_empty());
                continue;
            };
            let readers: BTreeSet<PortId> = output.readers.iter().copied().collect();
            let there: BTreeSet<PortId> = route
                .readers
                .iter()
                .map(|reader| state.agent(reader.agent).queues[reader.queue].port)
                .collect();
            assert_eq!(there, readers, "{}.{}", agent.name, output.name);
        }
    }
}

/// Every message comes to each of its readers, by the plan of its moment, once: it is handled, or a record says what
/// else became of it.
fn conserved(machine: &Machine, entries: &[Entry]) -> [u64; 2] {
    let journal = journal(machine);
    let plans = recover::plans(&journal).expect("plans");
    let mut left: BTreeMap<(AgentId, Ref), i64> = BTreeMap::new();
    let (mut plan, mut due) = (0, BTreeSet::new());
    let mut over: BTreeSet<AgentId> = BTreeSet::new();
    for entry in entries {
        match &entry.body {
            Body::Reloaded(_) => plan += 1,
            Body::Ended(body) => drop(over.insert(body.agent)),
            Body::Incarnation(body) => drop(over.remove(&body.agent)),
            Body::Transaction(body) => {
                if let Consumed::Message { id, .. } = body.consumed {
                    *left.entry((body.by.agent, id)).or_default() -= 1;
                }
            }
            Body::DeadLettered(body) => {
                *left.entry((body.agent, body.message)).or_default() -= 1;
            }
            Body::Dropped(body) => {
                for message in &body.messages {
                    *left.entry((body.agent, *message)).or_default() -= 1;
                }
            }
            _ => {}
        }
        for (nth, part) in (0..).zip(entry.body.parts()) {
            let Part::Emission { port, .. } = part else { continue };
            let Some((_, output)) = plans[plan].output(*port) else { continue };
            for reader in &output.readers {
                let to = plans[plan].input(*reader).expect("it is there").0.id;
                if !over.contains(&to) {
                    due.insert((to, Ref::part(entry.seq, nth)));
                    *left.entry((to, Ref::part(entry.seq, nth))).or_default() += 1;
                }
            }
        }
    }
    let lost: Vec<_> =
        left.iter().filter(|((to, _), times)| **times > 0 && !over.contains(to)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let twice: Vec<_> =
        left.iter().filter(|(key, times)| **times < 0 && due.contains(key)).collect();
    assert!(twice.is_empty(), "twice: {twice:?}");
    [plan as u64, due.len() as u64]
}

/// Runs and edits the pipeline of a seed, and checks all that must be so.
fn prove(seed: u64) -> (Tally, [u64; 2]) {
    let mut edited = Edited::new(seed);
    edited.run();
    let entries = records(&edited.machine);
    whole(&edited.machine, &entries);
    let [reloads, messages] = conserved(&edited.machine, &entries);
    edited.sum = [reloads, messages];
    let again = edited.piece.replay(&edited.machine);
    assert_eq!((again.differences, again.skipped), (vec![], 0));
    assert_eq!(again.records, entries.len() as u64);
    (edited.tally, edited.sum)
}

/// What the runs of some seeds have shown.
#[derive(Default)]
struct Proof {
    tally: Tally,
    sum: [u64; 2],
    failed: Vec<u64>,
}

impl Proof {
    fn add(&mut self, seed: u64, proven: thread::Result<(Tally, [u64; 2])>) {
        let Ok((tally, sum)) = proven else {
            println!("SEED={seed} is at fault");
            return self.failed.push(seed);
        };
        for (kind, counts) in tally {
            let known = self.tally.entry(kind).or_default();
            (0..3).for_each(|nth| known[nth] += counts[nth]);
        }
        (0..2).for_each(|nth| self.sum[nth] += sum[nth]);
    }
}

/// Proves seeds from 0, on as many threads as there are processors.
fn prove_all(seeds: u64) -> Proof {
    let (next, proof) = (AtomicU64::new(0), Mutex::new(Proof::default()));
    let work = || {
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seed < seeds
        {
            let proven = std::panic::catch_unwind(|| prove(seed));
            proof.lock().expect("nobody panics here").add(seed, proven);
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    proof.into_inner().expect("all are done")
}

#[test]
fn edits_of_running_pipelines_are_made_whole_or_not_at_all() {
    if let Some(seed) = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        println!("{:?}", prove(seed));
        return;
    }
    let runs = if theater_flow_tests::is_full() { 1_000 } else { 60 };
    let Proof { tally, sum: [reloads, messages], failed } = prove_all(runs);
    for (kind, [done, faulty, refused]) in &tally {
        println!("{kind:<30} done {done:>5}, faulty {faulty:>5}, refused {refused:>5}");
    }
    println!("pipelines {runs}, reloads {reloads}, messages {messages}: 0 lost, 0 repeated");
    assert_eq!(failed, [0; 0], "SEED=… shows one");
    assert!(reloads > runs, "{reloads}");
    let made = |kind: &&str| tally.get(kind).is_some_and(|counts| counts[0] > 0);
    assert!(KINDS[1..].iter().all(made), "each kind is made");
    assert!(tally.get(KINDS[0]).is_some_and(|counts| counts[2] > 0), "and some are refused");
}
