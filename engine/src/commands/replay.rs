//! `replay`: the guest calls of a run once more, as they were or with other components and configs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use theater_flow_dsl::{Compiled, Mode, Severity};
use theater_flow_host::{Actor, Host};
use theater_flow_kernel::ids::{AgentId, Digest, Ref};
use theater_flow_kernel::plan::{Agent, Plan};
use theater_flow_kernel::record::{Body, EngineFacts};

use super::{check, live, place, read};
use crate::cli;
use crate::compile::{Fetcher, Pipeline};
use crate::exit::{Exit, Problem};
use crate::journal::{Journal, JournalError};
use crate::log::Log;
use crate::recover::{self, RecoverError};
use crate::render::Screen;
use crate::replay::{Difference, Pace, Recital, Replay, Replayed, Span};
use crate::runs::RunDir;
use crate::session::{facts, load_components};
use crate::view::{self, ReplayView, Row, Told, View};
use crate::workers::Crew;

/// Between two changes of the line that says how far a replay is.
const BETWEEN: Duration = Duration::from_millis(200);

pub(super) fn replay(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    args: &cli::Replay,
) -> Result<Exit, Problem> {
    let journal = read::log(run)?;
    let plan = recover::plan(&journal)?;
    let span = span(args, &journal)?;
    read::warn(screen, &journal, span.from)?;
    let host = check::instances_host(plan.agents.len())?;
    let mut actors = HashMap::new();
    let plans = recover::plans(&journal)?;
    for plan in &plans {
        actors.extend(load_components(&place(folder, run), &host, plan)?);
    }
    let mut other = Other { plan: Arc::clone(&plan), changed: vec![], left: vec![] };
    if let Some(file) = &args.with {
        let mut fetcher = Fetcher::new(Arc::clone(&host));
        let Some(new) = compile(screen, (file, &[]), &plan, &mut fetcher)? else {
            return Ok(Exit::Faults);
        };
        other = Other::of(&plan, &new);
        other.compared(file, &new)?;
        actors.extend(fetcher.into_actors());
    }
    let changed = other.changed.iter().map(|change| change.agent).collect();
    let stateless = other.changed.iter().filter(|change| change.stateless);
    let stateless = stateless.map(|change| change.agent).collect();
    let span = Span { changed: args.with.is_some().then_some(changed), stateless, ..span };
    let (engine, recital) = (facts(&host), Recital::default());
    let with = args.with.is_some();
    let before = with.then(|| crew(&host, actors.clone(), &recital));
    let crew = crew(&host, actors, &recital);
    let crew = if with { crew.by(Arc::clone(&other.plan)) } else { crew };
    let replay = Replay { crew: &crew, before: before.as_ref(), recital: &recital, span };
    let did = make(screen, replay, &journal)?;
    let told: Result<Vec<Told>, Problem> =
        did.differences.iter().map(|found| told(&journal, found, (&other, &engine))).collect();
    let view = View::new(&plan).after(&plans);
    show(screen, (run, view), (&did, told?), args.with.is_some().then_some(&other))?;
    Ok(if did.differences.is_empty() { Exit::Ok } else { Exit::Differs })
}

/// Makes the calls again. Whoever sits at a terminal sees how far it is.
fn make(
    screen: &Screen,
    replay: Replay<'_, Crew>,
    journal: &Journal<Log>,
) -> Result<Replayed, Problem> {
    let last = replay.span.until.unwrap_or_else(|| journal.flushed().seq.saturating_sub(1));
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let mut next = Instant::now() + BETWEEN;
    let mut tell = |seq| {
        let now = Instant::now();
        if now >= next {
            next = now + BETWEEN;
            screen.show_live(&[format!("record {seq} of {last}")]);
        }
    };
    let did = replay.run_at(journal, Pace { threads, tell: &mut tell });
    screen.show_live(&[]);
    did.map_err(|error| behind_the_hole(journal, error))
}

/// Says from where on a replay can begin, if payloads were erased.
fn behind_the_hole(journal: &Journal<Log>, error: RecoverError) -> Problem {
    let problem = Problem::from(error);
    if problem.exit() != Exit::Usage {
        return problem;
    }
    let help = match journal.whole_from() {
        Ok(Some(from)) => format!("`--from {from}` begins at the first checkpoint behind it"),
        _ => String::from("there is no checkpoint behind it to begin from"),
    };
    problem.with_help(Some(help))
}

fn crew(host: &Arc<Host>, actors: HashMap<Digest, Actor>, world: &Recital) -> Crew {
    let world = world.clone();
    Crew::new(Arc::clone(host), actors, Box::new(move |_| Ok(Box::new(world.clone()))))
}

fn span(args: &cli::Replay, journal: &Journal<Log>) -> Result<Span, Problem> {
    let (first, records) = (journal.first(), journal.flushed().seq);
    for seq in [args.from, args.until].into_iter().flatten() {
        if seq >= records {
            return Err(read::no_record(Ref::record(seq), records));
        }
        if seq < first {
            return Err(JournalError::Before { seq, first }.into());
        }
    }
    let from = args.from.unwrap_or(first);
    if let Some(until) = args.until.filter(|until| *until < from) {
        return Err(Problem::usage(format!("record {until} is before record {from}")));
    }
    Ok(Span { from, until: args.until, ..Span::default() })
}

/// Compiles the other file, with what is `set` and the run's params where it takes them. `None` if it has faults,
/// which are shown.
pub(super) fn compile(
    screen: &Screen,
    (file, own): (&Path, &[(String, String)]),
    plan: &Plan,
    fetcher: &mut Fetcher,
) -> Result<Option<Plan>, Problem> {
    let pipeline = Pipeline::read(file)?;
    let text = |value: &str| match serde_json::from_str(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::from(value),
    };
    let rest = plan.params.iter().filter(|(name, _)| own.iter().all(|(known, _)| known != name));
    let mut rest: Vec<_> = rest.map(|(name, value)| (name.clone(), text(value))).collect();
    let mut all = |rest: &[(String, String)]| {
        let set: Vec<(String, String)> = rest.iter().chain(own).cloned().collect();
        fetcher.compile(&pipeline, &set, Mode::Run)
    };
    let mut compiled = all(&rest);
    let given = rest.len();
    rest.retain(|(name, _)| !refuses(&compiled, name));
    if rest.len() < given {
        compiled = all(&rest);
    }
    check::show(screen, &pipeline, &compiled)?;
    Ok(compiled.plan)
}

/// True if the run's value for a param is at fault, since the file has no such param or one of another type: then
/// its own default stands.
fn refuses(compiled: &Compiled, name: &str) -> bool {
    let set = [format!("--set {name}: "), format!("--set {name} is ")];
    let mut faults = compiled.faults.iter().filter(|fault| fault.severity == Severity::Error);
    faults.any(|fault| set.iter().any(|set| fault.message.contains(set)))
}

/// The plan of a run with the agents of another file.
struct Other {
    plan: Arc<Plan>,
    changed: Vec<Change>,
    /// Agents of the run that the file does not have.
    left: Vec<String>,
}

/// An agent that is another in the file.
struct Change {
    agent: AgentId,
    what: String,
    /// Neither here nor there does it keep anything in mind.
    stateless: bool,
}

impl Other {
    /// Messages, ports and the supervision tree are those of the record: it is answered from there.
    fn of(plan: &Plan, new: &Plan) -> Self {
        let mut mixed = plan.clone();
        let (mut changed, mut left) = (vec![], vec![]);
        for agent in &mut mixed.agents {
            let Some(other) = new.agents.iter().find(|other| other.name == agent.name) else {
                // Who is gone from the run is not missed in the file.
                left.extend(plan.named(&agent.name).map(|agent| agent.name.clone()));
                continue;
            };
            if let Some(what) = change(agent, other) {
                let stateless = agent.stateless && other.stateless;
                changed.push(Change { agent: agent.id, what, stateless });
                agent.actor.clone_from(&other.actor);
                agent.component = other.component;
                agent.config.clone_from(&other.config);
                agent.grants.clone_from(&other.grants);
                agent.limits = other.limits;
                agent.stateless = other.stateless;
            }
        }
        Self { plan: Arc::new(mixed), changed, left }
    }

    /// Refuses a file that has nothing to compare with: who changed an agent and its name must not take that for
    /// an agent that does what it did.
    fn compared(&self, file: &Path, new: &Plan) -> Result<(), Problem> {
        if self.left.is_empty() || !self.changed.is_empty() {
            return Ok(());
        }
        let list = |names: Vec<&str>| {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let left = list(self.left.iter().map(String::as_str).collect());
        let known = |name: &str| self.plan.agents.iter().any(|agent| agent.name == name);
        let names = new.agents.iter().map(|agent| agent.name.as_str());
        let added = list(names.filter(|name| !known(name)).collect());
        let file = file.display();
        let message = format!(
            "nothing is compared: {left} of the run are not in {file}, and no other agent is another there"
        );
        let help = match added.as_str() {
            "" => String::from("agents are compared by their names"),
            added => format!("agents are compared by their names; only the file has {added}"),
        };
        Err(Problem::usage(message).with_help(Some(help)))
    }

    fn change(&self, agent: AgentId) -> Option<&str> {
        let change = self.changed.iter().find(|change| change.agent == agent);
        change.map(|change| change.what.as_str())
    }
}

/// What makes an agent another, in words.
fn change(agent: &Agent, other: &Agent) -> Option<String> {
    let differs = [
        ("component", agent.component != other.component),
        ("config", agent.config != other.config),
        ("grants", agent.grants != other.grants),
        ("limits", agent.limits != other.limits),
    ];
    let words: Vec<&str> =
        differs.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// All that is known of a difference.
fn told(
    journal: &Journal<Log>,
    found: &Difference,
    (other, engine): (&Other, &EngineFacts),
) -> Result<Told, Problem> {
    let row = live::row(journal, found.seq)?;
    let from = live::emitter(journal, &row)?;
    let causes = live::causes(journal, &row)?;
    let genesis = recover::genesis(journal)?;
    let now = found.now.as_ref().map(|entry| Row::of_entry(entry, row.record.prev, row.hash));
    let same_deed = now.as_ref().is_some_and(|now| view::same_but_fuel(&row, now));
    let agent = other.plan.agent(found.agent).map_or_else(String::new, |agent| agent.name.clone());
    let entering = row.record.body.agent() != Some(found.agent);
    let why = match other.change(found.agent) {
        Some(what) => format!("it has {} than in the run", view::others(what)),
        None if genesis.engine != *engine => format!(
            "the run was recorded by engine {} on wasmtime {}, which may count fuel otherwise",
            genesis.engine.engine, genesis.engine.wasmtime
        ),
        None if entering || matches!(row.record.body, Body::Incarnation(_)) => {
            String::from("what its snapshot holds does not bring it back to where it was")
        }
        None if matches!(row.record.body, Body::Snapshot(_)) => String::from(
            "with the same events and answers its state is another: it depends on something \
             that is not recorded",
        ),
        None if same_deed => {
            String::from("the same call did the same with other fuel than is recorded")
        }
        None => String::from(
            "with the same component, config, event and answers it did otherwise: it depends on \
             something that is not recorded, or the record is not what happened",
        ),
    };
    let also = found.also.clone();
    Ok(Told { agent, also, row, from, now, causes, message: found.message.clone(), why })
}

fn show(
    screen: &Screen,
    (run, view): (&RunDir, View<'_>),
    (did, told): (&Replayed, Vec<Told>),
    other: Option<&Other>,
) -> Result<(), Problem> {
    let name = |id: AgentId| view.agent(id);
    let changed = other.map(|other| {
        other.changed.iter().map(|change| (name(change.agent), change.what.as_str())).collect()
    });
    let left = other.map_or(&[][..], |other| &other.left);
    let shown = ReplayView { run: run.id, view: view.clone(), did, told: &told, changed, left };
    if screen.is_json() {
        screen.json_line(&shown.json().to_string())?;
    } else {
        for line in shown.lines(screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(())
}
