//! `std/template`: text of each message, by a Jinja template.

mod engine;
#[cfg(test)]
mod tests;

use minijinja::Value;
use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port, Typed};

use engine::{Engine, TEXT};

/// Bytes of a template; the schema can only count characters.
const TEMPLATE_BYTES: usize = 1 << 20;

/// The actor.
pub struct Template {
    engine: Engine,
    has_path: bool,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The Jinja template; { file = "report.md" } takes it from a file.
    #[config(max_length = 1_048_576)]
    template: String,
    /// A second template, for a path: then `out` is { path: string, text: string }, else it is a
    /// string.
    #[config(min_length = 1, max_length = 1_048_576)]
    path: Option<String>,
    /// What a variable that is not there is: a fault, or empty text.
    #[serde(default)]
    undefined: Undefined,
    /// How values are escaped where the template prints them.
    #[serde(default)]
    escape: Escape,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Undefined {
    #[default]
    Fault,
    Empty,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Escape {
    #[default]
    None,
    Html,
}

#[derive(Serialize, Typed)]
struct Rendered {
    path: String,
    text: String,
}

impl Actor for Template {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/template.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        check(config)?;
        let text = if config.path.is_some() {
            Port::output_of::<Rendered>("out")
        } else {
            Port::output_of::<String>("out")
        };
        Ok(vec![
            Port::input("in", "json").doc("Any values; the fields of an object are variables."),
            text.doc("What the template makes of each."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let has_path = config.path.is_some();
        let engine = Engine::new(&config).map_err(|faults| {
            let messages: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            Fault::new("bad-template", messages.join("; "))
        })?;
        Ok(Self { engine, has_path })
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            let value: Value = message.read()?;
            let text = self.engine.render(TEXT, &value)?;
            if self.has_path {
                let path = self.engine.render(engine::PATH, &value)?;
                cx.emit("out", &Rendered { path, text })?;
            } else {
                cx.emit("out", &text)?;
            }
        }
        Ok(Next::Wait)
    }
}

fn check(config: &Config) -> Result<(), Vec<ConfigFault>> {
    let mut faults = Vec::new();
    for (key, text) in [
        ("template", Some(&config.template)),
        ("path", config.path.as_ref()),
    ] {
        if text.is_some_and(|text| text.len() > TEMPLATE_BYTES) {
            let message = format!("a template has at most {TEMPLATE_BYTES} bytes");
            faults.push(ConfigFault::at(&[key], message));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Engine::new(config)?.names_nothing_unknown()
}
