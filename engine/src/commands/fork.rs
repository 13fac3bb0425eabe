//! `fork`: a new run that goes on from a point of another.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use theater_flow_host::Host;
use theater_flow_kernel::gate::World;
use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::work::Begin;

use super::run::Manner;
use super::{check, place, read, replay, run};
use crate::cli;
use crate::compile::Fetcher;
use crate::exit::{Exit, Problem};
use crate::fork::{Answered, FILES, FilesError, Fork, ForkError, GivenError, Point, move_files};
use crate::head::{Head, Standing};
use crate::journal::Journal;
use crate::log::Log;
use crate::rebuild;
use crate::render::Screen;
use crate::replay::NoWorld;
use crate::runs::{Data, RunDir};
use crate::session::{self, SessionError};
use crate::workers::Crew;

pub(super) fn fork(
    screen: &Arc<Screen>,
    (data, folder): (&Data, &Path),
    args: &cli::Fork,
) -> Result<Exit, Problem> {
    let parent = super::find(data, &args.run)?;
    let journal = log(&parent)?;
    let answered = answered(&journal, args)?;
    let at = args.at.or_else(|| answered.iter().map(|answered| answered.before).min());
    let at = at.ok_or_else(|| Problem::usage("after which record?"))?;
    let point = point(screen, &journal, at)?;
    let mut fork = match &args.with {
        None => point.unchanged(),
        Some(file) => match with(screen, (&point, &place(folder, &parent)), (file, &args.set))? {
            Some(fork) => fork,
            None => return Ok(Exit::Faults),
        },
    };
    give(&mut fork, at, (args, &answered))?;
    let new = data.begin(run::new_run_id()?)?;
    let made = make(screen, (new.run(), folder), (&journal, &point, &mut fork));
    made.inspect_err(|_| new.run().discard())?;
    drop(journal);
    let id = new.whole()?.id.to_string();
    if args.hold {
        if screen.is_json() {
            screen.json(
                &serde_json::json!({ "run": id, "parent": point.run.to_string(), "after": at }),
            )?;
        } else {
            screen.line(&id)?;
        }
        return Ok(Exit::Ok);
    }
    let (allow_dead_letters, drain) = (args.allow_dead_letters, args.drain);
    run::resume(screen, (data, folder), &id, Manner::alone(allow_dead_letters, drain))
}

/// A fork with the plan of another file. `None` if that has faults, which are shown.
fn with(
    screen: &Screen,
    (point, place): (&Point, &session::Place),
    (file, set): (&Path, &[(String, String)]),
) -> Result<Option<Fork>, Problem> {
    let host = check::instances_host(point.plan.agents.len())?;
    let mut fetcher = Fetcher::new(Arc::clone(&host));
    let Some(plan) = replay::compile(screen, (file, set), &point.plan, &mut fetcher)? else {
        return Ok(None);
    };
    let mut crew = None;
    let mut snapshot = |id, begin: &Begin| {
        let crew = match &mut crew {
            Some(crew) => crew,
            None => crew.insert(old_crew(&host, place, point)?),
        };
        Ok(rebuild::state(crew, &point.plan, id, begin)?)
    };
    Ok(Some(point.with(plan, &mut snapshot)?))
}

/// Makes the parent's agents as they were, in no world.
fn old_crew(host: &Arc<Host>, place: &session::Place, point: &Point) -> Result<Crew, ForkError> {
    let actors = session::load_components(place, host, &point.plan)?;
    let nowhere = Box::new(|_| Ok(Box::new(NoWorld) as Box<dyn World>));
    Ok(Crew::new(Arc::clone(host), actors, nowhere))
}

/// The recorded answers that others are to stand for.
fn answered(journal: &Journal<Log>, args: &cli::Fork) -> Result<Vec<Answered>, Problem> {
    let records = journal.flushed().seq;
    let find = |(of, _): &(Ref, PathBuf)| {
        if of.seq >= records {
            return Err(read::no_record(*of, records));
        }
        Ok(Answered::find(journal, *of).map_err(ForkError::from)?)
    };
    args.answer.iter().map(find).collect()
}

fn give(
    fork: &mut Fork,
    at: u64,
    (args, answered): (&cli::Fork, &[Answered]),
) -> Result<(), Problem> {
    for ((_, path), answered) in args.answer.iter().zip(answered) {
        let name = path.display().to_string();
        let file = fs::read(path)
            .map_err(|error| Problem::usage(format!("cannot read `{name}`: {error}")))?;
        answered.give(fork, at, (&name, &file)).map_err(ForkError::from)?;
        fork.changed.push(format!("{} is answered by {name}", answered.of));
    }
    Ok(())
}

/// The parent's log. One that has lost its end, or holds something else there, is not gone on with.
fn log(parent: &RunDir) -> Result<Journal<Log>, Problem> {
    let head = Head::read(&parent.path).map_err(SessionError::from)?;
    let journal = read::log(parent)?;
    if let Some(head) = head
        && head.check(&journal)? != Standing::Held
    {
        let (records, named) = (journal.flushed().seq, head.seq);
        return Err(SessionError::Behind { records, named }.into());
    }
    Ok(journal)
}

fn point(screen: &Screen, journal: &Journal<Log>, at: u64) -> Result<Point, Problem> {
    let records = journal.flushed().seq;
    if at >= records {
        return Err(read::no_record(Ref::record(at), records));
    }
    let point = Point::find(journal, at)?;
    read::warn(screen, journal, at + 1)?;
    Ok(point)
}

fn make(
    screen: &Screen,
    (new, folder): (&RunDir, &Path),
    (journal, point, fork): (&Journal<Log>, &Point, &mut Fork),
) -> Result<(), Problem> {
    let path = fs::canonicalize(&new.path)
        .map_err(|error| crate::store::StoreError::io(&new.path, error))?;
    let moved = move_files(fork, (journal, point), (new.id, &path.join(FILES)));
    let moved = moved.map_err(ForkError::from)?;
    for (old, new) in &moved {
        screen.say(&format!("what it writes to {old} goes to {new}"));
    }
    let host = check::instances_host(0)?;
    Ok(session::begin_fork(&place(folder, new), (point, fork), new.id, &host)?)
}

impl From<ForkError> for Problem {
    fn from(error: ForkError) -> Self {
        let message = error.to_string();
        let help = match error {
            ForkError::Recover(error) => return error.into(),
            ForkError::Given(GivenError::Journal(error))
            | ForkError::Files(FilesError::Journal(error)) => return error.into(),
            ForkError::Over { .. } => {
                "name an earlier record: `theater-flow events RUN` lists them"
            }
            ForkError::Ending { .. } => {
                "name a record before what led to that: `theater-flow why RUN SEQ` shows it"
            }
            ForkError::Given(GivenError::NotWaiting { .. }) => {
                "leave `--at` out: the fork then goes on just before the answer"
            }
            ForkError::Given(GivenError::NoAnswer(_)) => {
                "`theater-flow events RUN` lists records; with `--kind answer` those with answers, with \
                `--kind outcome` those to requests"
            }
            ForkError::State(error) => return error.into(),
            ForkError::Components(error) => return error.into(),
            ForkError::Unfit(_) => "fork at a record before that, or name another file",
            ForkError::Given(_) => "`theater-flow fork --help` says what the file must hold",
            ForkError::Files(_) => "fork at a record before the file was begun, or put it back",
        };
        Self::usage(message).with_help(Some(String::from(help)))
    }
}
