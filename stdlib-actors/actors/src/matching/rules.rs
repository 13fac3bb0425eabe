//! Rules, tried on one line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::ParserBuilder;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use theater_flow_sdk::{ConfigFault, ConfigSchema, Cx, EmitError, Member, Schema};

use super::mask::Hidden;
use super::{Config, Input, sieve};

/// Bytes of all rules compiled.
const SIZE_LIMIT: usize = 8 << 20;
/// Bytes of the lazily built automaton; when it is full it begins anew.
const CACHE_LIMIT: usize = 2 << 20;
/// Groups in groups of a rule.
pub(super) const NEST_LIMIT: u32 = 64;

/// A regular expression as the config has it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Rule(String);

impl ConfigSchema for Rule {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Like(&String::SCHEMA),
        Member::Json("format", "\"regex\""),
    ]);
}

/// The compiled rules.
pub(super) struct Rules {
    /// In the order of the set.
    names: Vec<String>,
    set: RegexSet,
    /// Each rule alone, if more is wanted of it than whether it matches.
    alone: Vec<Option<Regex>>,
    /// The rules whose matches are not to be seen.
    masked: Vec<usize>,
    groups: bool,
    /// Finds the lines of a text that are worth a closer look.
    pub(super) sieve: Option<Regex>,
}

/// A line and where it stands.
pub(super) struct Line<'a> {
    pub(super) path: &'a str,
    pub(super) number: u64,
    pub(super) text: &'a str,
}

#[derive(Serialize)]
struct Found<'a> {
    path: &'a str,
    line: u64,
    rule: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Groups<'a>>,
}

/// The named groups of a rule's first match in a line.
struct Groups<'a> {
    rule: &'a Regex,
    found: Option<Captures<'a>>,
    hidden: &'a Hidden,
    text: &'a str,
}

impl Serialize for Groups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.rule.capture_names().flatten() {
            let group = self.found.as_ref().and_then(|found| found.name(name));
            let shown = group.map(|group| self.hidden.shown(self.text, group.range()));
            map.serialize_entry(name, &shown)?;
        }
        map.end()
    }
}

/// Says everything that is wrong with a config.
pub(super) fn check(config: &Config) -> Result<(), Vec<ConfigFault>> {
    let rules = &config.rules;
    let fault = |(name, rule): (&String, &Rule)| {
        let message = wrong(&rule.0).or_else(|| Some(alone(rule, CACHE_LIMIT).err()?.to_string()));
        message.map(|message| ConfigFault::at(&["rules", name], message))
    };
    let mut faults: Vec<ConfigFault> = rules.iter().filter_map(fault).collect();
    for (at, name) in config.mask.iter().enumerate() {
        if !rules.contains_key(name) {
            let message = format!("there is no rule `{name}`");
            faults.push(ConfigFault::at(&["mask", &at.to_string()], message));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // Each is small enough; together they may not be.
    let together = |error: regex::Error| vec![ConfigFault::at(&["rules"], error.to_string())];
    set(rules).map(|_| ()).map_err(together)
}

/// What is wrong with the text of a rule, and where: on one line, unlike what regex says.
fn wrong(rule: &str) -> Option<String> {
    let mut parser = ParserBuilder::new().nest_limit(NEST_LIMIT).build();
    let (message, span) = match parser.parse(rule).err()? {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        error => return Some(error.to_string()),
    };
    let before = rule.get(..span.start.offset).unwrap_or_default();
    let at = before.chars().count() + 1;
    let part = rule.get(span.start.offset..span.end.offset);
    let part: String = part.unwrap_or_default().chars().take(40).collect();
    if part.is_empty() {
        return Some(format!("{message}, at character {at}"));
    }
    Some(format!("{message}, at character {at}: `{part}`"))
}

fn alone(rule: &Rule, cache: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&rule.0)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(cache)
        .nest_limit(NEST_LIMIT)
        .build()
}

fn set(rules: &BTreeMap<String, Rule>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(rules.values().map(|rule| &rule.0))
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(CACHE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
}

impl Rules {
    pub(super) fn new(config: Config) -> Result<Self, regex::Error> {
        let text = config.input == Input::Text;
        let sieve = text.then(|| sieve::sieve(config.rules.values().map(|rule| &rule.0)));
        let wanted = |name: &String| config.groups || config.mask.contains(name);
        // Each has an automaton of its own: together they are to take no more than a few.
        let count = config.rules.keys().filter(|name| wanted(name)).count();
        let cache = 4 * CACHE_LIMIT / count.max(4);
        let one = |(name, rule): (&String, &Rule)| {
            let compiled = wanted(name).then(|| alone(rule, cache));
            compiled.transpose()
        };
        let names = config.rules.keys();
        let masked = names
            .enumerate()
            .filter(|(_, name)| config.mask.contains(name));
        Ok(Self {
            set: set(&config.rules)?,
            alone: config.rules.iter().map(one).collect::<Result<_, _>>()?,
            masked: masked.map(|(at, _)| at).collect(),
            groups: config.groups,
            sieve: sieve.flatten(),
            names: config.rules.into_keys().collect(),
        })
    }

    pub(super) fn name(&self, rule: usize) -> &str {
        &self.names[rule]
    }

    /// The rules that match a line, in their order.
    pub(super) fn matching(&self, text: &str) -> impl Iterator<Item = usize> + use<> {
        // One rule alone is often a mere search for a string.
        let lone = self.names.len() == 1;
        let one = (lone && self.set.is_match(text)).then_some(0);
        let some = (!lone).then(|| self.set.matches(text));
        one.into_iter().chain(some.into_iter().flatten())
    }

    /// Sends a finding.
    pub(super) fn send(&self, line: &Line<'_>, rule: usize, cx: &mut Cx) -> Result<(), EmitError> {
        let Line { path, number, text } = *line;
        let hidden = self.hidden(text);
        let alone = self.alone[rule].as_ref().filter(|_| self.groups);
        let groups = alone.map(|rule| Groups {
            rule,
            found: rule.captures(text),
            hidden: &hidden,
            text,
        });
        let shown: Cow<'_, str> = hidden.shown(text, 0..text.len());
        cx.emit(
            "out",
            &Found {
                path,
                line: number,
                rule: &self.names[rule],
                text: &shown,
                groups,
            },
        )
    }

    /// The parts of a line that are not to be seen, whatever rule it is sent for.
    fn hidden(&self, text: &str) -> Hidden {
        let rules = self
            .masked
            .iter()
            .filter_map(|rule| self.alone[*rule].as_ref());
        Hidden::of(
            text,
            rules.flat_map(|rule| rule.find_iter(text).map(|found| found.range())),
        )
    }
}
