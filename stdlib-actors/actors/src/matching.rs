//! `std/match`: named regular expressions over lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

#[cfg(test)]
mod tests;

/// Bytes of all rules compiled.
const SIZE_LIMIT: usize = 8 << 20;
/// Bytes of the lazily built automaton; when it is full it begins anew.
const CACHE_LIMIT: usize = 2 << 20;
/// Groups in groups of a rule.
const NEST_LIMIT: u32 = 64;
/// Rules of one agent.
const RULES: usize = 512;

/// The actor.
pub struct Match {
    /// In the order of the set.
    names: Vec<String>,
    rules: RegexSet,
}

/// See [`Match::CONFIG_SCHEMA`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    rules: BTreeMap<String, String>,
}

/// A string borrows from the message unless it has escapes.
#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    line: u64,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Found<'a> {
    path: &'a str,
    line: u64,
    rule: &'a str,
    text: &'a str,
}

impl Actor for Match {
    type Config = Config;
    type State = ();

    const DOC: &'static str = "\
Sends on each line that a named regular expression finds, once for each rule that matches.

Rules are tried in the order of their names, and a rule matches anywhere in the line. The syntax is
that of Rust's regex crate, without look-around, back references and \\p{…}; \\w, \\d, \\s, \\b and
(?i) know Unicode. `text` is the whole line.
Uses: log, outbox.";

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
    }
  }
}"#;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        check(&config.rules)?;
        let lines = Port::input("in", "{ path: string, line: u64, text: string }");
        let found = Port::output(
            "out",
            "{ path: string, line: u64, rule: string, text: string }",
        );
        Ok(vec![
            lines.doc("Lines of files."),
            found.doc("One message for each rule that matches, in the order of the rules' names."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let rules = compile(&config.rules)
            .map_err(|error| Fault::new("bad-rules", format!("the rules: {error}")))?;
        Ok(Self {
            names: config.rules.into_keys().collect(),
            rules,
        })
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            let Given { path, line, text } = message.read()?;
            let mut send = |rule: usize| {
                let rule = self.names[rule].as_str();
                cx.emit(
                    "out",
                    &Found {
                        path: &path,
                        line,
                        rule,
                        text: &text,
                    },
                )
            };
            if self.names.len() > 1 {
                self.rules.matches(&text).into_iter().try_for_each(send)?;
            } else if self.rules.is_match(&text) {
                // One rule alone is often a mere search for a string.
                send(0)?;
            }
        }
        Ok(Next::Wait)
    }
}

fn check(rules: &BTreeMap<String, String>) -> Result<(), Vec<ConfigFault>> {
    if rules.is_empty() || rules.len() > RULES {
        let message = format!("there must be 1 to {RULES} rules");
        return Err(vec![ConfigFault::at(&["rules"], message)]);
    }
    let fault = |(name, rule): (&String, &String)| {
        let compiled = RegexBuilder::new(rule)
            .size_limit(SIZE_LIMIT)
            .nest_limit(NEST_LIMIT)
            .build();
        compiled
            .err()
            .map(|error| ConfigFault::at(&["rules", name], error.to_string()))
    };
    let faults: Vec<ConfigFault> = rules.iter().filter_map(fault).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    // Each is small enough; together they may not be.
    let together = |error: regex::Error| vec![ConfigFault::at(&["rules"], error.to_string())];
    compile(rules).map(|_| ()).map_err(together)
}

fn compile(rules: &BTreeMap<String, String>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(rules.values())
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(CACHE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
}
