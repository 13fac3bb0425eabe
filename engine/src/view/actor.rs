//! Actors for readers: what they do, take, give and need.

use std::collections::BTreeSet;

use serde_json::Value;
use theater_flow_dsl::{ActorFacts, Direction, PortFacts};

use super::json::Json;
use super::{schema, table};
use crate::render::escape::{escape, escape_lines};
use crate::render::{Look, Tone};

/// Functions of `files` that only read.
const READS: [&str; 3] = ["read", "stat", "list"];
/// Interfaces that need no grant.
const ALWAYS: [&str; 3] = ["log", "outbox", "types"];

/// An actor.
#[derive(Clone, Debug)]
pub struct ActorView {
    /// As a pipeline names it.
    pub name: String,
    /// What its component says of itself.
    pub facts: ActorFacts,
    /// Bytes of the component.
    pub size: u64,
    /// It exports `migrate`: it goes on from the state of another version of it.
    pub migrates: bool,
    /// Its ports.
    pub ports: ActorPorts,
}

/// The ports of an actor for one config.
#[derive(Clone, Debug)]
pub enum ActorPorts {
    /// Nobody asked.
    Unasked,
    /// They depend on the config, and its document has no example.
    NoConfig,
    /// What it answered.
    Asked {
        /// The config, as JSON text.
        config: String,
        /// It is that of the example in its document.
        of_example: bool,
        /// The ports; else what is wrong.
        answer: Result<Vec<PortFacts>, String>,
    },
}

/// The text of the whole pipeline in an actor's document, if it has one.
pub(crate) fn example(doc: &str) -> Option<String> {
    let mut lines = doc.lines();
    lines.by_ref().find(|line| line.trim_end() == "```toml pipeline.toml")?;
    let body: Vec<&str> = lines.take_while(|line| line.trim_end() != "```").collect();
    Some(body.join("\n") + "\n")
}

impl ActorView {
    /// The config schema, null if it is not JSON.
    fn schema(&self) -> Value {
        serde_json::from_str(&self.facts.config_schema).unwrap_or_default()
    }

    /// True if no config is right without a key.
    #[must_use]
    pub fn needs_config(&self) -> bool {
        schema::has_required(&self.schema())
    }

    /// The grants without which it does not run, sorted: `files.read`, `stdout`, ….
    #[must_use]
    pub fn needs(&self) -> Vec<String> {
        let imports = self.facts.imports.iter();
        let imports = imports.filter(|import| !ALWAYS.contains(&import.interface.as_str()));
        let needs: BTreeSet<String> = imports
            .map(|import| match import.interface.as_str() {
                "files" if READS.contains(&import.function.as_str()) => "files.read".to_owned(),
                "files" => "files.write".to_owned(),
                other => other.to_owned(),
            })
            .collect();
        needs.into_iter().collect()
    }

    fn needed(&self) -> String {
        let needs = self.needs();
        if needs.is_empty() { "nothing".to_owned() } else { escape(&needs.join(", ")).into_owned() }
    }

    /// The first line of its document.
    fn first_line(&self) -> &str {
        self.facts.doc.lines().next().unwrap_or_default()
    }

    /// The grants that a pipeline must give it, as TOML; `None` if it needs none.
    fn grants(&self) -> Option<String> {
        let needs = self.needs();
        let files: Vec<String> = needs
            .iter()
            .filter_map(|need| need.strip_prefix("files."))
            .map(|side| format!("{side} = [\"…\"]"))
            .collect();
        let files = (!files.is_empty()).then(|| format!("files = {{ {} }}", files.join(", ")));
        // What is foreign is linked to a stub that denies: no grant helps.
        let switches =
            needs.iter().filter(|need| !need.starts_with("files.") && !need.contains([':', '/']));
        let grant = |need: &String| match need.as_str() {
            "http" => "http = [{ host = \"…\" }]".to_owned(),
            need => format!("{need} = true"),
        };
        let switches = switches.map(grant);
        let all: Vec<String> = files.into_iter().chain(switches).collect();
        (!all.is_empty()).then(|| format!("grants = {{ {} }}", escape(&all.join(", "))))
    }

    /// As one JSON object.
    #[must_use]
    pub fn json(&self) -> Json {
        let import = |import: &theater_flow_dsl::Import| {
            let dot = if import.interface.is_empty() { "" } else { "." };
            Json::Text(format!("{}{dot}{}", import.interface, import.function))
        };
        let (config, ports, fault) = match &self.ports {
            ActorPorts::Asked { config, answer: Ok(ports), .. } => {
                (Json::raw(config.as_bytes()), Some(ports.iter().map(port_json).collect()), None)
            }
            ActorPorts::Asked { config, answer: Err(why), .. } => {
                (Json::raw(config.as_bytes()), None, Some(Json::text(why)))
            }
            ActorPorts::Unasked | ActorPorts::NoConfig => (None, None, None),
        };
        let ports: Option<Json> = ports;
        Json::Object(vec![
            ("name", Json::text(&self.name)),
            ("doc", Json::text(&self.facts.doc)),
            ("schema", Json::raw(self.facts.config_schema.as_bytes()).into()),
            ("imports", self.facts.imports.iter().map(import).collect()),
            ("needs", self.needs().iter().map(Json::text).collect()),
            ("config", config.into()),
            ("ports", ports.into()),
            ("ports_fault", fault.into()),
            ("digest", Json::text(self.facts.digest)),
            ("size", self.size.into()),
            ("stateless", self.facts.stateless.into()),
            ("migrates", self.migrates.into()),
        ])
    }

    /// All of it, for people.
    #[must_use]
    pub fn page(&self, look: Look) -> Vec<String> {
        let heading = |text: &str| look.paint(Tone::Strong, text);
        let mut page = vec![heading(&escape(&self.name)), String::new()];
        page.extend(self.facts.doc.trim_end().lines().map(|line| escape_lines(line).into_owned()));
        page.extend([String::new(), heading("Config")]);
        page.extend(self.config_lines(look));
        page.push(String::new());
        page.extend(self.port_lines(look));
        page.extend([String::new(), heading("Grants")]);
        page.push(format!("  {}", self.grants().unwrap_or_else(|| "none are needed".to_owned())));
        page.extend([String::new(), heading("Component")]);
        page.push(format!("  sha256 {}", self.facts.digest));
        let stateless = if self.facts.stateless { ", stateless" } else { "" };
        let migrates = if self.migrates { ", exports migrate" } else { "" };
        page.push(format!("  {} bytes{stateless}{migrates}", self.size));
        page
    }

    fn config_lines(&self, look: Look) -> Vec<String> {
        let keys = schema::keys(&self.schema());
        if keys.is_empty() {
            return vec!["  it takes none".to_owned()];
        }
        let names = ["key", "type", "default", "bounds", "what it is"].map(str::to_owned);
        let rows: Vec<Vec<String>> =
            std::iter::once(names.to_vec()).chain(keys.iter().map(schema::Key::cells)).collect();
        indented(&rows, look)
    }

    fn port_lines(&self, look: Look) -> Vec<String> {
        let heading = |text: &str| look.paint(Tone::Strong, text);
        let (config, of_example, answer) = match &self.ports {
            ActorPorts::Unasked => return vec![heading("Ports")],
            ActorPorts::NoConfig => {
                return vec![
                    heading("Ports"),
                    "  they depend on the config, and the document has no example".to_owned(),
                ];
            }
            ActorPorts::Asked { config, of_example, answer } => (config, *of_example, answer),
        };
        let for_which = if of_example {
            format!("Ports with the config of the example, {}", escape(config))
        } else {
            "Ports with an empty config".to_owned()
        };
        let mut lines = vec![heading(&for_which)];
        match answer {
            Err(why) => lines.push(format!("  not known: {}", escape(why))),
            Ok(ports) if ports.is_empty() => lines.push("  it has none".to_owned()),
            Ok(ports) => {
                let rows: Vec<Vec<String>> = ports.iter().map(port_cells).collect();
                lines.extend(indented(&rows, look));
            }
        }
        lines
    }

    /// One line a row: name, needs, what it does.
    #[must_use]
    pub fn list(actors: &[Self], look: Look) -> Vec<String> {
        let row = |actor: &Self| {
            vec![
                escape(&actor.name).into_owned(),
                actor.needed(),
                escape(actor.first_line()).into_owned(),
            ]
        };
        let names = ["actor", "needs", "what it does"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(names).chain(actors.iter().map(row)).collect();
        let mut lines = table::lines(&rows, look.width);
        if let Some(first) = lines.first_mut() {
            *first = look.paint(Tone::Strong, first);
        }
        lines
    }
}

fn indented(rows: &[Vec<String>], look: Look) -> Vec<String> {
    let width = look.width.map(|width| width.saturating_sub(2));
    table::lines(rows, width).into_iter().map(|line| format!("  {line}")).collect()
}

fn direction(port: &PortFacts) -> &'static str {
    match port.direction {
        Direction::Input => "input",
        Direction::Output => "output",
    }
}

fn port_cells(port: &PortFacts) -> Vec<String> {
    let optional = if port.optional { ", optional" } else { "" };
    let doc = port.doc.replace('\n', " ");
    let cells =
        [port.name.as_str(), &format!("{}{optional}", direction(port)), port.ty.as_str(), &doc];
    cells.map(|cell| escape(cell).into_owned()).into()
}

fn port_json(port: &PortFacts) -> Json {
    Json::Object(vec![
        ("name", Json::text(&port.name)),
        ("direction", Json::text(direction(port))),
        ("type", Json::text(&port.ty)),
        ("optional", port.optional.into()),
        ("doc", Json::text(&port.doc)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_pipeline_in_its_fence() {
        let doc = "Does.\n\n```text in.txt\na\n```\n```toml pipeline.toml\nb = 1\n[c]\n```\nmore\n```json stdout\n```\n";
        assert_eq!(example(doc).as_deref(), Some("b = 1\n[c]\n"));
        assert_eq!(example("none ```toml pipeline.toml"), None);
    }
}
