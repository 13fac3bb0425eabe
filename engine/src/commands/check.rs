//! `check` and `explain`: pure, offline.

use std::iter;
use std::path::PathBuf;
use std::sync::Arc;

use theater_flow_dsl::{Compiled, Fault, Mode, Severity};
use theater_flow_host::{Host, HostConfig};
use theater_flow_kernel::limits;

use crate::cli::Check;
use crate::compile::{Fetcher, Pipeline, ReadError};
use crate::exit::{Exit, Problem};
use crate::render::{Screen, SourceText};

/// The shortest text of an agent in a file, about: bounds how many there can be.
const AGENT_TEXT_BYTES: usize = 20;
/// Instances besides those of agents: what answers `about` and `ports`, and old lives on their way out.
const SPARE_INSTANCES: usize = 16;

pub(super) fn check(screen: &Screen, args: &Check) -> Result<Exit, Problem> {
    let (mut faulty, mut missing) = (false, false);
    for file in &args.files {
        let pipeline = match Pipeline::read(file) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                screen.problem(&error.to_string(), None);
                match Problem::from(error).exit() {
                    Exit::Faults => faulty = true,
                    _ => missing = true,
                }
                continue;
            }
        };
        let mut fetcher = Fetcher::new(host(pipeline.text.len())?);
        let compiled = fetcher.compile(&pipeline, &[], Mode::Check);
        show(screen, &pipeline, &compiled)?;
        let refused = |fault: &Fault| fault.severity == Severity::Error || args.deny_warnings;
        faulty |= compiled.faults.iter().any(refused);
        if compiled.faults.is_empty() && !screen.is_json() {
            screen.say(&format!("{}: ok", pipeline.name));
        }
    }
    Ok(match (faulty, missing) {
        (true, _) => Exit::Faults,
        (false, true) => Exit::Usage,
        (false, false) => Exit::Ok,
    })
}

/// Shows the faults of a compiled pipeline, each in its file.
pub(super) fn show(
    screen: &Screen,
    pipeline: &Pipeline,
    compiled: &Compiled,
) -> Result<(), Problem> {
    let modules = compiled.modules.iter();
    let modules = modules.map(|module| SourceText { name: &module.name, text: &module.text });
    let sources: Vec<SourceText<'_>> = iter::once(source(pipeline)).chain(modules).collect();
    Ok(screen.faults(&sources, &compiled.faults)?)
}

/// Says why there is no plan where no fault does.
pub(super) fn without_plan(screen: &Screen, compiled: &Compiled) -> Exit {
    if compiled.faults.is_empty() {
        screen.problem("there is nothing to show: the module has params without a default", None);
    }
    Exit::Faults
}

/// Shows faults of the pipeline's own file.
pub(super) fn show_own(
    screen: &Screen,
    pipeline: &Pipeline,
    faults: &[Fault],
) -> Result<(), Problem> {
    Ok(screen.faults(&[source(pipeline)], faults)?)
}

fn source(pipeline: &Pipeline) -> SourceText<'_> {
    SourceText { name: &pipeline.name, text: &pipeline.text }
}

pub(super) fn explain(screen: &Screen, code: &str) -> Result<Exit, Problem> {
    let page = theater_flow_dsl::explain(&code.to_ascii_uppercase()).ok_or_else(|| {
        Problem::usage(format!("there is no fault `{code}`"))
            .with_help(Some(String::from("codes look like `TF0102`")))
    })?;
    screen.line(page.trim_end())?;
    Ok(Exit::Ok)
}

/// An engine with room for the agents of a file of this many bytes.
pub(super) fn host(text: usize) -> Result<Arc<Host>, Problem> {
    instances_host(agents(text))
}

/// How many agents can stand in a text.
pub(super) fn agents(text: usize) -> usize {
    (text / AGENT_TEXT_BYTES).min(limits::AGENTS)
}

/// Compiles a pipeline with an engine that has room for all its agents. Modules can hold more of them than
/// the file's text would have room for; the compiler alone knows how many.
pub(super) fn compile_to_run(
    pipeline: &Pipeline,
    set: &[(String, String)],
    mode: Mode,
) -> Result<(Arc<Host>, Fetcher, Compiled), Problem> {
    compile_with_room(pipeline, set, mode, 0)
}

/// The same, with room for at least so many agents: other plans of the run may have more.
pub(super) fn compile_with_room(
    pipeline: &Pipeline,
    set: &[(String, String)],
    mode: Mode,
    room: usize,
) -> Result<(Arc<Host>, Fetcher, Compiled), Problem> {
    let compile = |host: Arc<Host>| {
        let mut fetcher = Fetcher::new(Arc::clone(&host));
        let compiled = fetcher.compile(pipeline, set, mode);
        (host, fetcher, compiled)
    };
    let room = room.max(agents(pipeline.text.len()));
    let (host, fetcher, compiled) = compile(instances_host(room)?);
    match compiled.plan.as_ref().map_or(0, |plan| plan.agents.len()) {
        many if many > room => Ok(compile(instances_host(many)?)),
        _ => Ok((host, fetcher, compiled)),
    }
}

/// An engine with room for this many agents.
pub(super) fn instances_host(agents: usize) -> Result<Arc<Host>, Problem> {
    let instances = u32::try_from(agents + SPARE_INSTANCES).unwrap_or(u32::MAX);
    let config = HostConfig { cache: cache(), instances };
    let host = Host::new(config).map_err(|error| Problem::failed(error.to_string()))?;
    Ok(Arc::new(host))
}

/// Where compiled code is kept: with the user, not with the data. Compiled code is run as it is, and a data
/// folder may come from anywhere.
fn cache() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("theater-flow").join("code"))
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Self::usage(error.to_string())
            }
            ReadError::Io { .. } | ReadError::Path { .. } => Self::usage(error.to_string()),
            ReadError::TooLong { .. } | ReadError::NotText { .. } => {
                Self::Told { exit: Exit::Faults, message: error.to_string(), help: None }
            }
        }
    }
}
