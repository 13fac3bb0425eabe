//! `std/route`: messages to the outputs whose jq expressions hold.

use std::collections::BTreeSet;

use serde::Deserialize;
use theater_flow_sdk::{
    Actor, Config, ConfigFault, ConfigSchema, Cx, Event, Fault, Member, Message, Next, Port, Schema,
};

use crate::jq::{self, Failure, OnError, Program, REJECTED};

#[cfg(test)]
mod tests;

/// Bytes of an output's name.
const NAME_BYTES: usize = 64;

/// The actor.
pub struct Route {
    /// Output and condition, in the file's order.
    routes: Vec<(String, Program)>,
    otherwise: Otherwise,
    matching: Matching,
    on_error: OnError,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Conditions, tried in this order.
    #[config(min_items = 1, max_items = 64)]
    routes: Vec<To>,
    /// The output for messages without a route, or false to drop them; without this key they are
    /// faults.
    #[serde(rename = "else")]
    otherwise: Option<Else>,
    /// Whether a message goes to the first output whose condition holds, or to all of them.
    #[serde(default, rename = "match")]
    matching: Matching,
    /// What becomes of a message for which a condition fails: a fault, nothing, or a message on
    /// `rejected`.
    #[serde(default)]
    on_error: OnError,
}

#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
struct To {
    /// The output.
    to: Name,
    /// The jq expression: the message goes there if its first value is neither false nor null.
    #[config(min_length = 1, max_length = 65_536)]
    when: String,
}

/// The name of an output; `ports` checks it, together with all others.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Name(String);

impl ConfigSchema for Name {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json("type", "\"string\""),
        Member::Json("pattern", "\"^[a-z][a-z0-9-]*$\""),
        Member::Json("maxLength", "64"),
    ]);
}

#[derive(Debug, Deserialize, Config)]
#[serde(
    untagged,
    expecting = "expected an output's name, or false to drop messages"
)]
enum Else {
    Output(Name),
    Dropped(False),
}

/// `false`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "bool")]
struct False;

impl TryFrom<bool> for False {
    type Error = &'static str;

    fn try_from(is: bool) -> Result<Self, Self::Error> {
        if is { Err("expected false") } else { Ok(Self) }
    }
}

impl ConfigSchema for False {
    const SCHEMA: Schema = Schema::Members(&[Member::Json("const", "false")]);
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Matching {
    #[default]
    First,
    All,
}

/// Where a message without a route goes.
#[derive(Debug)]
enum Otherwise {
    Output(String),
    Dropped,
    Fault,
}

impl Actor for Route {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/route.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let faults = check(config);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut ports = vec![Port::input("in", "$T").doc("Any values.")];
        for route in &config.routes {
            ports.push(Port::output(&route.to.0, "$T").doc("Those for which its condition holds."));
        }
        if let Some(Else::Output(Name(name))) = &config.otherwise {
            ports.push(Port::output(name, "$T").doc("Those without a route."));
        }
        if config.on_error == OnError::Reject {
            let port = Port::output(REJECTED, "{ reason: string, value: $T }");
            ports.push(port.doc("Those for which a condition fails, and why."));
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let compile = |route: To| match Program::compile(&route.when) {
            Ok(program) => Ok((route.to.0, program)),
            Err(messages) => Err(Fault::new("bad-expression", messages.join("; "))),
        };
        let otherwise = match config.otherwise {
            Some(Else::Output(Name(name))) => Otherwise::Output(name),
            Some(Else::Dropped(False)) => Otherwise::Dropped,
            None => Otherwise::Fault,
        };
        Ok(Self {
            routes: config
                .routes
                .into_iter()
                .map(compile)
                .collect::<Result<_, _>>()?,
            otherwise,
            matching: config.matching,
            on_error: config.on_error,
        })
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            match self.ports_for(&message)? {
                Ok(ports) => self.send(&ports, &message, cx)?,
                Err(failure) => self.on_error.take(&failure, &message.body, cx)?,
            }
        }
        Ok(Next::Wait)
    }
}

impl Route {
    /// The outputs whose conditions hold; all conditions come before the first emission.
    fn ports_for(&self, message: &Message) -> Result<Result<Vec<&str>, Failure>, Fault> {
        let input = jq::read(message)?;
        let mut ports = Vec::new();
        for (to, program) in &self.routes {
            match program.holds(input.clone()) {
                Ok(false) => continue,
                Ok(true) => ports.push(to.as_str()),
                Err(failure) => {
                    let reason = format!("the condition of `{to}`: {}", failure.reason);
                    return Ok(Err(Failure { reason, ..failure }));
                }
            }
            if self.matching == Matching::First {
                break;
            }
        }
        Ok(Ok(ports))
    }

    fn send(&self, ports: &[&str], message: &Message, cx: &mut Cx) -> Result<(), Fault> {
        for port in ports {
            cx.emit_json(port, &message.body)?;
        }
        if !ports.is_empty() {
            return Ok(());
        }
        match &self.otherwise {
            Otherwise::Output(port) => Ok(cx.emit_json(port, &message.body)?),
            Otherwise::Dropped => Ok(()),
            Otherwise::Fault => Err(Failure {
                code: "no-route",
                reason: "no condition holds, and there is no `else`".into(),
            }
            .fault(&message.body)),
        }
    }
}

fn check(config: &Config) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    let mut taken = BTreeSet::new();
    if config.on_error == OnError::Reject {
        taken.insert(REJECTED);
    }
    for (nth, route) in config.routes.iter().enumerate() {
        let nth = nth.to_string();
        faults.extend(name(&["routes", &nth, "to"], &route.to.0, &mut taken));
        let compiled = Program::at(&["routes", &nth, "when"], &route.when);
        faults.extend(compiled.err().into_iter().flatten());
    }
    if let Some(Else::Output(Name(output))) = &config.otherwise {
        faults.extend(name(&["else"], output, &mut taken));
    }
    faults
}

fn name<'c>(steps: &[&str], name: &'c str, taken: &mut BTreeSet<&'c str>) -> Option<ConfigFault> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = name.len() <= NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(known);
    if !good {
        let message = format!(
            "`{name}` is no output's name: expected a-z, then a-z, 0-9 and -, {NAME_BYTES} at most"
        );
        return Some(ConfigFault::at(steps, message));
    }
    let twice = format!("there is an output `{name}` already");
    (!taken.insert(name)).then(|| ConfigFault::at(steps, twice))
}
