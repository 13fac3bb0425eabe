//! `std/match`: named regular expressions over lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Message, Next, Port};

mod mask;
mod rules;
mod sieve;
#[cfg(test)]
mod tests;
mod text;

use rules::{Line, Rules};

/// The actor.
pub struct Match {
    rules: Rules,
    input: Input,
}

/// See [`Match::CONFIG_SCHEMA`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    rules: BTreeMap<String, String>,
    #[serde(default)]
    input: Input,
    #[serde(default)]
    mask: Vec<String>,
    #[serde(default)]
    groups: bool,
}

/// What a message holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Input {
    /// A line.
    #[default]
    Lines,
    /// Lines with their ends: a file.
    Text,
}

/// A text of which some findings wait to be sent.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    rest: Option<Rest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rest {
    path: String,
    /// The number of the first line of what is left.
    line: u64,
    text: String,
    /// Findings of the first line that were sent.
    sent: usize,
}

/// A string borrows from the message unless it has escapes.
#[derive(Deserialize)]
struct GivenLine<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    line: u64,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct GivenText<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl Actor for Match {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/match.md");

    const CONFIG_SCHEMA: &'static str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["rules"],
  "properties": {
    "rules": {
      "type": "object",
      "minProperties": 1,
      "maxProperties": 512,
      "additionalProperties": { "type": "string", "format": "regex" },
      "description": "A regular expression under the name of each rule."
    },
    "input": { "enum": ["lines", "text"], "default": "lines", "description": "What a message holds: one line, or a whole text, of which every line is tried." },
    "mask": { "type": "array", "items": { "type": "string" }, "default": [], "description": "Rules whose matches are sent as their first four characters and `…`." },
    "groups": { "type": "boolean", "default": false, "description": "Send the rule's named groups as well." }
  }
}"#;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        rules::check(config)?;
        let (given, what) = match config.input {
            Input::Lines => (
                "{ path: string, line: u64, text: string }",
                "Lines of files.",
            ),
            Input::Text => ("{ path: string, text: string }", "Whole files."),
        };
        let found = if config.groups {
            "{ path: string, line: u64, rule: string, text: string, groups: json }"
        } else {
            "{ path: string, line: u64, rule: string, text: string }"
        };
        Ok(vec![
            Port::input("in", given).doc(what),
            Port::output("out", found)
                .doc("One message for each rule that matches, in the order of the rules' names."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let input = config.input;
        let rules = Rules::new(config)
            .map_err(|error| Fault::new("bad-rules", format!("the rules: {error}")))?;
        Ok(Self { rules, input })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) if self.input == Input::Lines => self.line(&message, cx)?,
            Event::Message(message) => {
                let GivenText { path, text } = message.read()?;
                if let Some(place) = self.rules.scan(&path, &text, cx)? {
                    state.rest = Some(place.rest(path.into_owned(), &text));
                }
            }
            Event::Pull => {
                if let Some(rest) = &state.rest {
                    let place = self.rules.go_on(rest, cx)?;
                    state.rest = place.map(|place| place.rest(rest.path.clone(), &rest.text));
                }
            }
            _ => {}
        }
        let done = state.rest.is_none();
        Ok(if done { Next::Wait } else { Next::More })
    }
}

impl Match {
    fn line(&self, message: &Message, cx: &mut Cx) -> Result<(), Fault> {
        let GivenLine { path, line, text } = message.read()?;
        let line = Line {
            path: &path,
            number: line,
            text: &text,
        };
        for rule in self.rules.matching(&text) {
            self.rules.send(&line, rule, cx)?;
        }
        Ok(())
    }
}
