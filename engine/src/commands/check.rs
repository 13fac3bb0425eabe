//! `check` and `explain`: pure, offline.

use std::path::Path;
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

pub(super) fn check(screen: &Screen, data: &Path, args: &Check) -> Result<Exit, Problem> {
    let mut faulty = false;
    for file in &args.files {
        let pipeline = match Pipeline::read(file) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                screen.problem(&error.to_string(), None);
                faulty = true;
                continue;
            }
        };
        let mut fetcher = Fetcher::new(host(data, pipeline.text.len())?);
        let Compiled { faults, .. } = fetcher.compile(&pipeline, &[], Mode::Check);
        show(screen, &pipeline, &faults)?;
        let refused = |fault: &Fault| fault.severity == Severity::Error || args.deny_warnings;
        faulty |= faults.iter().any(refused);
        if faults.is_empty() && !screen.is_json() {
            screen.say(&format!("{}: ok", pipeline.name));
        }
    }
    Ok(if faulty { Exit::Faults } else { Exit::Ok })
}

pub(super) fn show(screen: &Screen, pipeline: &Pipeline, faults: &[Fault]) -> Result<(), Problem> {
    let source = SourceText { name: &pipeline.name, text: &pipeline.text };
    Ok(screen.faults(source, faults)?)
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
pub(super) fn host(data: &Path, text: usize) -> Result<Arc<Host>, Problem> {
    let agents = (text / AGENT_TEXT_BYTES).min(limits::AGENTS);
    instances_host(data, agents)
}

/// An engine with room for this many agents.
pub(super) fn instances_host(data: &Path, agents: usize) -> Result<Arc<Host>, Problem> {
    let instances = u32::try_from(agents + SPARE_INSTANCES).unwrap_or(u32::MAX);
    let config = HostConfig { cache: Some(data.join("cache")), instances };
    let host = Host::new(config).map_err(|error| Problem::failed(error.to_string()))?;
    Ok(Arc::new(host))
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
