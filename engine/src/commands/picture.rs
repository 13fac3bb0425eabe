//! `graph` and `grants`: a pipeline to look at, without running it.

use std::path::Path;

use serde_json::json;
use theater_flow_dsl::Mode;
use theater_flow_dsl::picture::{self, Capability, capabilities, origin};
use theater_flow_kernel::plan::{Agent, Plan};

use super::check;
use crate::cli::GraphFormat;
use crate::compile::{Fetcher, Pipeline};
use crate::exit::{Exit, Problem};
use crate::render::{Screen, escape};

pub(super) fn graph(screen: &Screen, file: &Path, format: GraphFormat) -> Result<Exit, Problem> {
    let Some(plan) = plan(screen, file)? else { return Ok(Exit::Faults) };
    match format {
        GraphFormat::Json => screen.json(&picture::json(&plan))?,
        _ if screen.is_json() => screen.json(&picture::json(&plan))?,
        GraphFormat::Mermaid => screen.line(picture::mermaid(&plan).trim_end())?,
        GraphFormat::Dot => screen.line(picture::dot(&plan).trim_end())?,
        GraphFormat::Svg => screen.line(picture::svg(&plan).trim_end())?,
    }
    Ok(Exit::Ok)
}

pub(super) fn grants(screen: &Screen, file: &Path) -> Result<Exit, Problem> {
    let Some(plan) = plan(screen, file)? else { return Ok(Exit::Faults) };
    if screen.is_json() {
        for agent in &plan.agents {
            screen.json(&grants_json(agent))?;
        }
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 3]> = plan.agents.iter().flat_map(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let (agent, capability) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    for [name, reach, what] in &rows {
        let line = format!("{name:<agent$}  {reach:<capability$}  {what}");
        screen.line(line.trim_end())?;
    }
    Ok(Exit::Ok)
}

/// The plan, its faults shown; `None` if there is none.
fn plan(screen: &Screen, file: &Path) -> Result<Option<Plan>, Problem> {
    let pipeline = Pipeline::read(file)?;
    let mut fetcher = Fetcher::new(check::host(pipeline.text.len())?);
    let compiled = fetcher.compile(&pipeline, &[], Mode::Check);
    check::show(screen, &pipeline, &compiled)?;
    if compiled.plan.is_none() {
        check::without_plan(screen, &compiled);
    }
    Ok(compiled.plan)
}

/// Agent, capability, and what it reaches by it. A name stands only in its first row.
fn rows(agent: &Agent) -> Vec<[String; 3]> {
    let row = |Capability { name, root, host }: Capability<'_>| {
        let what = root.map(|root| root.path.clone()).or(host.map(origin)).unwrap_or_default();
        let what = escape::escape(&what).into_owned();
        [String::new(), name.to_owned(), what]
    };
    let mut rows: Vec<[String; 3]> = capabilities(&agent.grants).into_iter().map(row).collect();
    if rows.is_empty() {
        rows.push([String::new(), "nothing".to_owned(), String::new()]);
    }
    if let Some([name, ..]) = rows.first_mut() {
        *name = escape::escape(&agent.name).into_owned();
    }
    rows
}

fn grants_json(agent: &Agent) -> serde_json::Value {
    let reach =
        capabilities(&agent.grants).into_iter().map(|Capability { name, root, host }| {
            match (root, host) {
                (Some(root), _) => json!({ "capability": name, "path": root.path }),
                (None, Some(host)) => json!({
                    "capability": name,
                    "scheme": host.scheme.name(),
                    "host": host.host,
                    "port": host.port,
                    "methods": host.methods,
                    "paths": host.paths,
                    "local": host.local,
                }),
                (None, None) => json!({ "capability": name }),
            }
        });
    json!({ "agent": agent.name, "actor": agent.actor, "grants": reach.collect::<Vec<_>>() })
}
