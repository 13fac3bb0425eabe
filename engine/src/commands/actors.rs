//! `actors`: what the stdlib offers, and all of one actor.

use std::path::Path;

use theater_flow_dsl::{ActorProblem, Mode, PortsProblem};
use theater_flow_kernel::ids::Digest;

use super::check;
use crate::compile::{Fetcher, Pipeline, component};
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::stdlib;
use crate::view::{self, ActorPorts, ActorView};

/// Agents of the examples in documents, about.
const AGENTS: usize = 32;

pub(super) fn actors(screen: &Screen, name: Option<&str>) -> Result<Exit, Problem> {
    let mut fetcher = Fetcher::new(check::instances_host(AGENTS)?);
    let Some(name) = name else {
        return list(screen, &mut fetcher);
    };
    let actor = described(&mut fetcher, &full_name(name)?, true)?;
    if screen.is_json() {
        screen.json_line(&actor.json().to_string())?;
    } else {
        actor.page(screen.look()).iter().try_for_each(|line| screen.line(line))?;
    }
    Ok(Exit::Ok)
}

fn list(screen: &Screen, fetcher: &mut Fetcher) -> Result<Exit, Problem> {
    let mut actors = vec![];
    for name in stdlib::names() {
        actors.push(described(fetcher, &format!("std/{name}"), screen.is_json())?);
    }
    if screen.is_json() {
        for actor in &actors {
            screen.json_line(&actor.json().to_string())?;
        }
    } else {
        let lines = ActorView::list(&actors, screen.look());
        lines.iter().try_for_each(|line| screen.line(line))?;
        screen.say("`theater-flow actors NAME` shows all of one");
    }
    Ok(Exit::Ok)
}

/// The JSON Schema of an actor's config, as the actor says it.
pub(super) fn config_schema(name: &str) -> Result<String, Problem> {
    let mut fetcher = Fetcher::new(check::instances_host(AGENTS)?);
    Ok(described(&mut fetcher, &full_name(name)?, false)?.facts.config_schema)
}

/// As a pipeline names it: `std/<name>`, or an absolute path.
fn full_name(name: &str) -> Result<String, Problem> {
    let short = name.strip_prefix("std/").unwrap_or(name);
    if stdlib::component(short).is_some() {
        return Ok(format!("std/{short}"));
    }
    let is_path = Path::new(name).extension().is_some_and(|extension| extension == "wasm");
    if !name.starts_with("std/") && (is_path || name.contains('/')) {
        let whole = std::fs::canonicalize(name)
            .map_err(|error| Problem::usage(format!("cannot read `{name}`: {error}")))?;
        let whole = whole.to_str().map(str::to_owned);
        return whole.ok_or_else(|| Problem::usage("the path is not UTF-8 text"));
    }
    let known: Vec<&str> = stdlib::names().collect();
    let list = || Some("`theater-flow actors` lists them".to_owned());
    Err(match view::unknown("stdlib actor", short, &known) {
        Problem::Told { exit, message, help } => {
            Problem::Told { exit, message, help: help.or_else(list) }
        }
        other => other,
    })
}

fn described(fetcher: &mut Fetcher, name: &str, ports: bool) -> Result<ActorView, Problem> {
    let bytes = component(name).map_err(|problem| wrong(name, &problem))?;
    let facts = fetcher.about(name).map_err(|problem| wrong(name, &problem))?;
    let size = bytes.len() as u64;
    let (migrates, ports_of) = (fetcher.migrates(facts.digest), ActorPorts::Unasked);
    let mut actor = ActorView { name: name.to_owned(), facts, size, migrates, ports: ports_of };
    if ports {
        actor.ports = asked(fetcher, &actor)?;
    }
    Ok(actor)
}

fn wrong(name: &str, problem: &ActorProblem) -> Problem {
    let why = match problem {
        ActorProblem::NotFound => "it is not there".to_owned(),
        ActorProblem::Unreadable(why)
        | ActorProblem::NotAComponent(why)
        | ActorProblem::WrongWorld(why) => why.clone(),
    };
    Problem::failed(format!("`{name}` cannot be used as an actor: {why}"))
}

/// The ports with the config of the document's example, else with none if that may do.
fn asked(fetcher: &mut Fetcher, actor: &ActorView) -> Result<ActorPorts, Problem> {
    let digest = actor.facts.digest;
    let example = view::example(&actor.facts.doc);
    let of_example = match example {
        Some(text) => config_in(fetcher, text, digest)?,
        None => None,
    };
    let (config, of_example) = match of_example {
        Some(config) => (config, true),
        None if actor.needs_config() => return Ok(ActorPorts::NoConfig),
        None => ("{}".to_owned(), false),
    };
    let answer = fetcher.ports(digest, &config).map_err(|problem| match problem {
        PortsProblem::Crashed(why) => why,
        PortsProblem::Config(faults) => {
            let faults = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message));
            faults.collect::<Vec<_>>().join("; ")
        }
    });
    Ok(ActorPorts::Asked { config, of_example, answer })
}

/// The config that a pipeline gives to the first agent of this component.
fn config_in(
    fetcher: &mut Fetcher,
    text: String,
    component: Digest,
) -> Result<Option<String>, Problem> {
    let cwd = std::env::current_dir().ok().and_then(|cwd| cwd.to_str().map(str::to_owned));
    let cwd = cwd.ok_or_else(|| Problem::failed("the current folder is not there"))?;
    let pipeline = Pipeline { name: "pipeline.toml".into(), text, folder: cwd.clone(), cwd };
    let plan = fetcher.compile(&pipeline, &[], Mode::Run).plan;
    let agents = plan.map(|plan| plan.agents).unwrap_or_default();
    let agent = agents.into_iter().find(|agent| agent.component == component);
    Ok(agent.map(|agent| agent.config))
}
