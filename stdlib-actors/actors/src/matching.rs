//! `std/match`: named regular expressions over lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Message, Next, Port, Typed};

mod mask;
mod rules;
mod sieve;
#[cfg(test)]
mod tests;
mod text;

use rules::{Line, Rule, Rules};

/// The actor.
pub struct Match {
    rules: Rules,
    input: Input,
    /// Lines that no rule finds are sent too.
    unmatched: bool,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A regular expression under the name of each rule.
    #[config(min_properties = 1, max_properties = 512)]
    rules: BTreeMap<String, Rule>,
    /// What a message holds: one line, or a whole text, of which every line is tried.
    #[serde(default)]
    input: Input,
    /// Rules whose matches are sent as their first four characters and `…`.
    #[serde(default)]
    mask: Vec<String>,
    /// Send the rule's named groups as well.
    #[serde(default)]
    groups: bool,
    /// With `input = "lines"`: send the lines that no rule finds to `unmatched`.
    #[serde(default)]
    unmatched: bool,
}

/// What a message holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
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
    /// The rule of the last of them: other rules may stand before it after a reload.
    #[serde(default)]
    after: Option<String>,
}

/// A string borrows from the message unless it has escapes.
#[derive(Deserialize, Serialize, Typed)]
struct GivenLine<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    line: u64,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Deserialize, Typed)]
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

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        rules::check(config)?;
        if config.unmatched && config.input == Input::Text {
            let message = "whole texts have lines that no rule finds in plenty: they are not sent";
            return Err(vec![ConfigFault::at(&["unmatched"], message)]);
        }
        let given = match config.input {
            Input::Lines => Port::input_of::<GivenLine>("in").doc("Lines of files."),
            Input::Text => Port::input_of::<GivenText>("in").doc("Whole files."),
        };
        let found = if config.groups {
            "{ path: string, line: u64, rule: string, text: string, groups: json }"
        } else {
            "{ path: string, line: u64, rule: string, text: string }"
        };
        let found = Port::output("out", found)
            .doc("One message for each rule that matches, in the order of the rules' names.");
        let unmatched = config.unmatched.then(|| {
            Port::output_of::<GivenLine>("unmatched").doc("The lines that no rule finds.")
        });
        Ok([given, found].into_iter().chain(unmatched).collect())
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let (input, unmatched) = (config.input, config.unmatched);
        let rules = Rules::new(config)
            .map_err(|error| Fault::new("bad-rules", format!("the rules: {error}")))?;
        Ok(Self {
            rules,
            input,
            unmatched,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) if self.input == Input::Lines => self.line(&message, cx)?,
            Event::Message(message) => {
                let GivenText { path, text } = message.read()?;
                if let Some(place) = self.rules.scan(&path, &text, cx)? {
                    state.rest = Some(self.rules.rest(place, &path, &text));
                }
            }
            Event::Pull => {
                if let Some(rest) = &state.rest {
                    let place = self.rules.go_on(rest, cx)?;
                    state.rest = place.map(|place| self.rules.rest(place, &rest.path, &rest.text));
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
        let given: GivenLine = message.read()?;
        let line = Line {
            path: &given.path,
            number: given.line,
            text: &given.text,
        };
        let mut found = false;
        for rule in self.rules.matching(&given.text) {
            self.rules.send(&line, rule, cx)?;
            found = true;
        }
        if self.unmatched && !found {
            cx.emit("unmatched", &given)?;
        }
        Ok(())
    }
}
