//! What a probe is told to do.

use serde::Deserialize;
use theater_flow_sdk::{Config, ConfigFault, Event, Port};

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The ports; without it `in: json`, optional, and `out`: json, or { n: u64, pad: string } with
    /// `produce`.
    ports: Option<Vec<Declared>>,
    /// What to do at which event; all rules that fit are followed in their order.
    #[serde(default)]
    pub(super) on: Vec<Rule>,
    /// Send every message on, on `out`.
    #[serde(default)]
    pub(super) echo: bool,
    /// Send so many messages { n, pad } on `out`, n from 0, 256 an event.
    #[serde(default)]
    pub(super) produce: u64,
    /// Bytes of each `pad`.
    #[serde(default)]
    pub(super) pad: usize,
    /// The message of a config fault that `ports` gives.
    refuse: Option<String>,
    /// The message of a fault that `init` gives.
    init_fault: Option<String>,
}

/// A port as the config declares it.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
struct Declared {
    name: String,
    direction: Direction,
    #[serde(rename = "type")]
    of: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    Input,
    Output,
}

/// What to do at which event.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Rule {
    /// The kind of event.
    #[config(default = "message")]
    event: Option<Kind>,
    /// Only messages whose JSON text holds this.
    #[serde(rename = "match")]
    holds: Option<String>,
    /// Only the nth such event of the instance, from 1; attempts count.
    #[config(minimum = 1)]
    pub(super) nth: Option<u64>,
    #[serde(rename = "do")]
    pub(super) deed: Deed,
    /// Where to send.
    #[config(default = "out")]
    pub(super) port: Option<String>,
    /// What to send or write, a fault's message, a timer's name.
    pub(super) text: Option<String>,
    /// A fault's code.
    pub(super) code: Option<String>,
    /// A file.
    pub(super) path: Option<String>,
    /// How many, how many bytes, how many ms.
    pub(super) n: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Start,
    Pull,
    Message,
    Closed,
    Timer,
    Down,
    Any,
}

/// What a probe can do. Those from `Append` on need `probe-full`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Deed {
    Count,
    DeepRecursion,
    Done,
    Drift,
    Emit,
    Fault,
    Flood,
    Hoard,
    Huge,
    Lie,
    Log,
    LogFlood,
    Loop,
    More,
    Panic,
    Trap,
    UnknownPort,
    Wait,
    Append,
    CancelTimer,
    Clock,
    Close,
    List,
    Random,
    Read,
    ReadDenied,
    Replace,
    SetTimer,
    Stat,
    Stdin,
    Stdout,
    TrapBefore,
}

impl Deed {
    const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::CancelTimer => "cancel-timer",
            Self::Clock => "clock",
            Self::Close => "close",
            Self::List => "list",
            Self::Random => "random",
            Self::Read => "read",
            Self::ReadDenied => "read-denied",
            Self::Replace => "replace",
            Self::SetTimer => "set-timer",
            Self::Stat => "stat",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
            Self::TrapBefore => "trap-before",
            _ => "this",
        }
    }
}

impl Rule {
    /// True if the event is of the kind that the rule is about.
    pub(super) fn fits(&self, event: &Event) -> bool {
        let kind = match event {
            Event::Start => Kind::Start,
            Event::Pull => Kind::Pull,
            Event::Message(_) => Kind::Message,
            Event::Closed(_) => Kind::Closed,
            Event::Timer(_) => Kind::Timer,
            Event::Down(_) => Kind::Down,
        };
        let wanted = self.event.unwrap_or(Kind::Message);
        let holds = match (event, &self.holds) {
            (_, None) => true,
            (Event::Message(message), Some(part)) => message.body.contains(part.as_str()),
            (_, Some(_)) => false,
        };
        holds && (wanted == Kind::Any || wanted == kind)
    }
}

impl Config {
    pub(super) fn init_fault(&self) -> Option<&str> {
        self.init_fault.as_deref()
    }

    /// The declared ports, or an optional input and an output for any JSON.
    pub(super) fn ports(&self, full: bool) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults: Vec<ConfigFault> = self
            .refuse
            .iter()
            .map(|message| ConfigFault::at(&["refuse"], message))
            .collect();
        for (nth, rule) in self.on.iter().enumerate() {
            if rule.deed >= Deed::Append && !full {
                let message = format!("`{}` needs probe-full", rule.deed.name());
                faults.push(ConfigFault::at(&["on", &nth.to_string(), "do"], message));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let Some(declared) = &self.ports else {
            let of = if self.produce > 0 {
                "{ n: u64, pad: string }"
            } else {
                "json"
            };
            let out = Port::output("out", of).doc("What it is told to send.");
            return Ok(vec![
                Port::input("in", "json")
                    .optional()
                    .doc("What rules match."),
                if self.produce > 0 {
                    out
                } else {
                    out.optional()
                },
            ]);
        };
        Ok(declared.iter().map(Declared::port).collect())
    }
}

impl Declared {
    fn port(&self) -> Port {
        let port = match self.direction {
            Direction::Input => Port::input(&self.name, &self.of),
            Direction::Output => Port::output(&self.name, &self.of),
        };
        if self.optional { port.optional() } else { port }
    }
}
