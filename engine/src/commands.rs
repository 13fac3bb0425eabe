//! The commands: what the command line means.

mod actors;
mod approve;
mod check;
mod diff;
mod dlq;
mod drain;
mod ended;
mod follow;
mod fork;
mod live;
mod logs;
mod new;
mod outside;
mod picture;
mod plans;
mod progress;
mod prune;
mod read;
mod reload;
mod replay;
mod run;
mod runs;
mod state;
mod test;
mod text;
mod tree;
mod verify;
mod watch;
mod why;

use std::path::Path;

use theater_flow_kernel::block::{Damage, Flaw};
use theater_flow_kernel::ids::RunId;

use crate::cli::{self, Cli, Command, Resume};
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::runs::{Data, RunDir, RunsError};
use crate::view;
use crate::{journal, recover, session, store};
use run::Manner;
use runs::find;

/// Does what the command line says.
pub fn perform(screen: &std::sync::Arc<Screen>, cli: Cli) -> Result<Exit, Problem> {
    let data = Data::new(&cli.global.data);
    let folder = &cli.global.data;
    match cli.command {
        Command::Run(args) => run::run(screen, (&data, folder), args),
        Command::Resume(args) => {
            let Resume { run, allow_dead_letters, drain, until } = args;
            let manner = Manner { until, ..Manner::alone(allow_dead_letters, drain) };
            run::resume(screen, (&data, folder), &run, manner)
        }
        Command::Watch(args) => watch::watch(screen, (&data, folder), &args),
        Command::Fork(args) => fork::fork(screen, (&data, folder), &args),
        Command::Check(args) => check::check(screen, &args),
        Command::Explain { code } => check::explain(screen, &code),
        Command::Graph { file, format } => picture::graph(screen, &file, format),
        Command::Grants { file } => picture::grants(screen, &file),
        Command::Expand { file } => text::expand(screen, &file),
        Command::Fmt(args) => text::fmt(screen, &args),
        Command::Schema { actor } => text::schema(screen, actor.as_deref()),
        Command::Test(args) => test::test(screen, &args),
        Command::Runs => runs::runs(screen, &data),
        Command::Events(args) => read::events(screen, &find(&data, &args.run)?, &args),
        Command::Logs(args) => logs::logs(screen, &find(&data, &args.run)?, &args),
        Command::Show { run, what } => read::show(screen, &find(&data, &run)?, what),
        Command::Why(args) => why::why(screen, &find(&data, &args.run)?, &args),
        Command::State(args) => state::state(screen, &find(&data, &args.run)?, folder, &args),
        Command::Diff(args) => {
            diff::diff(screen, (&find(&data, &args.left)?, &find(&data, &args.right)?))
        }
        Command::Verify { run, head } => verify::verify(screen, &find(&data, &run)?, folder, head),
        Command::Tree(args) => tree::tree(screen, &find(&data, &args.run)?, &args),
        Command::Approve(args) => approve::approve(screen, &find(&data, &args.run)?, folder, &args),
        Command::Reload(args) => reload::reload(screen, (&find(&data, &args.run)?, folder), args),
        Command::Plans(args) => plans::plans(screen, &find(&data, &args.run)?, &args),
        Command::Rollback(args) => {
            reload::rollback(screen, (&find(&data, &args.run)?, folder), &args)
        }
        Command::Dlq(args) => dlq::dlq(screen, &find(&data, &args.run)?, folder, &args),
        Command::Stop(args) => live::stop(screen, &find(&data, &args.run)?, &args),
        Command::Pause { run } => outside::pause(screen, &find(&data, &run)?),
        Command::Send(args) => outside::send(screen, &find(&data, &args.run)?, &args),
        Command::Tap(args) => outside::tap(screen, &find(&data, &args.run)?, &args),
        Command::Prune(args) => prune::prune(screen, &find(&data, &args.run)?, folder, &args),
        Command::Replay(args) => replay::replay(screen, &find(&data, &args.run)?, folder, &args),
        Command::Actors { name } => actors::actors(screen, name.as_deref()),
        Command::Man { command } => man(screen, command.as_deref()),
        Command::New { name, actor } => new::new(screen, &name, actor),
        Command::Completions { shell } => {
            screen.line(cli::completions(shell).trim_end())?;
            Ok(Exit::Ok)
        }
    }
}

fn man(screen: &Screen, command: Option<&str>) -> Result<Exit, Problem> {
    let page = match command {
        None => cli::manual(),
        Some(name) => cli::page(name).map_err(|known| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            view::unknown("command", name, &known)
        })?,
    };
    screen.line(page.trim_end())?;
    Ok(Exit::Ok)
}

/// Where a run is kept.
fn place(folder: &Path, run: &RunDir) -> session::Place {
    session::place(folder, run.path.clone())
}

/// The first characters of a run's id, as `runs` lists it.
fn named(run: RunId) -> String {
    run.to_string()
}

impl From<RunsError> for Problem {
    fn from(error: RunsError) -> Self {
        let help = match &error {
            RunsError::NotAFolder { .. } => {
                Some(String::from("`--data` names the folder that keeps the runs"))
            }
            RunsError::NoData { .. } => {
                Some(String::from("name the folder with `--data`, or run a pipeline first"))
            }
            RunsError::Unknown { .. } => Some(String::from("`theater-flow runs` lists them")),
            RunsError::Ambiguous { ids, .. } => {
                let ids: Vec<String> = ids.iter().map(|id| named(*id)).collect();
                Some(format!("one of {}", ids.join(", ")))
            }
            RunsError::Store(_) => None,
        };
        match error {
            RunsError::Store(error) => error.into(),
            other => Self::usage(other.to_string()).with_help(help),
        }
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        let help = match &error {
            store::StoreError::Full { .. } => Some("make room there, and try again"),
            store::StoreError::ReadOnly { .. } => Some("name another folder with `--data`"),
            store::StoreError::NoCopy { .. } => {
                Some("make room beside it, or name a folder that has room with TMPDIR")
            }
            store::StoreError::Damaged { .. } => {
                Some("`theater-flow verify RUN` says more; put the run's folder back from a backup")
            }
            _ => None,
        };
        let problem = match &error {
            store::StoreError::Damaged { .. } => Self::differs(error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        problem.with_help(help.map(String::from))
    }
}

/// What helps whoever asks a fork for what stands in its parent.
const ELSEWHERE: &str = "`theater-flow runs` says which run that is: name that one";

impl From<journal::JournalError> for Problem {
    fn from(error: journal::JournalError) -> Self {
        match error {
            journal::JournalError::Store(error) => error.into(),
            journal::JournalError::Before { .. } => {
                Self::usage(error.to_string()).with_help(Some(String::from(ELSEWHERE)))
            }
            journal::JournalError::Damage(Damage { seq, what: Flaw::Erased { .. } }) => {
                recover::RecoverError::Erased { seq }.into()
            }
            other => Self::differs(other.to_string()),
        }
    }
}

impl From<recover::RecoverError> for Problem {
    fn from(error: recover::RecoverError) -> Self {
        match error {
            recover::RecoverError::Journal(error) => error.into(),
            other @ recover::RecoverError::OtherVersion { seq } => {
                let help = format!("`theater-flow show RUN {seq}` says which: take that one");
                Self::failed(other.to_string()).with_help(Some(help))
            }
            // It was asked for, and a record says so: no damage.
            erased @ recover::RecoverError::Erased { .. } => Self::usage(erased.to_string()),
            other => Self::differs(other.to_string()),
        }
    }
}

impl From<session::SessionError> for Problem {
    fn from(error: session::SessionError) -> Self {
        use session::SessionError as E;
        match error {
            E::Store(error) => error.into(),
            E::Journal(error) => error.into(),
            E::Recover(error) => error.into(),
            E::Behind { .. } | E::Head(_) => Self::differs(error.to_string()).with_help(Some(
                String::from("`theater-flow verify RUN` says more; it is not resumed"),
            )),
            E::Another { .. } => Self::differs(error.to_string()),
            E::DamagedComponent { .. } => {
                let help =
                    "put the component in its place again: its name is the SHA-256 of its bytes";
                Self::differs(error.to_string()).with_help(Some(String::from(help)))
            }
            E::Over(_) | E::NeverBegan => Self::usage(error.to_string()),
            E::NoComponent { .. } | E::Component { .. } => Self::failed(error.to_string()),
        }
    }
}
