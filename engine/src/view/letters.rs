//! Dead letters: for people and as JSON.

use theater_flow_kernel::ids::{AgentId, Bytes, PortId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{DeadLetterReason, DeadLettered, Resolved};
use theater_flow_kernel::state::{Letter, Refusal, State};

use super::json::{Fields, Json, pretty};
use super::logs::{CYCLE_RESTED, NO_PLACE, NO_PLACE_ANY_MORE, READER_ENDED, TOO_MANY_ROUNDS};
use super::{Detail, Row, VALUE_BYTES, View, ask, count, time};
use crate::render::escape::{escape, escape_lines};
use crate::render::{Look, Tone, fit};

/// Columns of a message's beginning.
const BRIEF: usize = 160;
/// Columns of a field's name.
const NAME: usize = 12;

/// A message that was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// The record that set it aside: what `dlq` calls it.
    pub letter: u64,
    /// When, in ms since 1970.
    pub at: u64,
    /// Who could not handle it.
    pub agent: String,
    /// The input it came by.
    pub port: String,
    /// What the log calls it.
    pub message: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was set aside: the code of the fault, `crash`, `ended`, `overflow`, `rounds` or `closed`.
    pub code: String,
    /// The same in words.
    pub text: String,
    /// Where it is now.
    pub place: Place,
    /// JSON text; `None` if it is not at hand.
    pub body: Option<Bytes>,
}

/// Where a dead letter is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// The engine keeps it.
    Kept {
        /// Why it cannot be tried again in this run.
        refused: Option<Refusal>,
    },
    /// An agent took it.
    Taken {
        /// Who.
        by: String,
    },
    /// It was tried again.
    Retried {
        /// The record that says so.
        record: u64,
    },
    /// It was dropped.
    Dropped {
        /// The record that says so.
        record: u64,
    },
    /// There was no place to keep it: it is only in the log.
    Logged,
}

/// What the engine keeps, oldest first.
#[must_use]
pub fn letters(state: &State) -> Vec<DeadLetter> {
    state.kept.letters.iter().map(|(seq, letter)| kept(state, seq, letter)).collect()
}

/// How many dead letters count and are only in the log.
#[must_use]
pub fn letters_left(state: &State) -> u64 {
    state.kept.dead_letters.saturating_sub(state.kept.letters.len() as u64)
}

fn kept(state: &State, seq: u64, letter: &Letter) -> DeadLetter {
    let (agent, port) = names(&state.plan, letter.agent, letter.port);
    let (code, text) = reason(&letter.why);
    DeadLetter {
        letter: seq,
        at: letter.at,
        agent,
        port,
        message: letter.message.id.to_string(),
        attempts: letter.attempts,
        code,
        text,
        place: Place::Kept { refused: state.retriable(seq).err() },
        body: Some(letter.message.body.clone()),
    }
}

fn names(plan: &Plan, agent: AgentId, port: PortId) -> (String, String) {
    let agent = plan.agent(agent);
    let input = agent.and_then(|agent| agent.inputs.iter().find(|input| input.port == port));
    let name = agent.map_or_else(String::new, |agent| agent.name.clone());
    (name, input.map_or_else(String::new, |input| input.name.clone()))
}

/// Why a message was set aside: a code and words.
fn reason(why: &DeadLetterReason) -> (String, String) {
    let (code, text) = match why {
        DeadLetterReason::Fault(fault) => (fault.code.as_str(), fault.message.as_str()),
        DeadLetterReason::Crash(crash) => ("crash", crash.message.as_str()),
        DeadLetterReason::Ended => ("ended", READER_ENDED),
        DeadLetterReason::Overflow => ("overflow", NO_PLACE),
        DeadLetterReason::Rounds => ("rounds", TOO_MANY_ROUNDS),
        DeadLetterReason::Closed => ("closed", CYCLE_RESTED),
        DeadLetterReason::Unfit => ("unfit", NO_PLACE_ANY_MORE),
    };
    (code.to_owned(), text.to_owned())
}

impl DeadLetter {
    /// One as its record has it. What an agent took lies beside the record; anything else is to be put in by whoever
    /// knows it.
    #[must_use]
    pub fn of_row(plan: &Plan, row: &Row, body: &DeadLettered) -> Self {
        let (agent, port) = names(plan, body.agent, body.port);
        let (code, text) = reason(&body.why);
        let taker = plan.dead_letter.as_ref().and_then(|letters| plan.agent(letters.agent));
        let place = match (&body.letter, taker) {
            (Some(_), Some(taker)) => Place::Taken { by: taker.name.clone() },
            _ => Place::Logged,
        };
        Self {
            letter: row.record.seq,
            at: row.record.at,
            agent,
            port,
            message: body.message.to_string(),
            attempts: body.attempts,
            code,
            text,
            place,
            body: row.own_payload().and_then(content),
        }
    }

    /// The letter as a JSON object; with [`Detail::Line`] a long message is left out.
    #[must_use]
    pub fn json(&self, detail: Detail) -> Json {
        let (state, more) = self.state();
        let whole = |body: &&Bytes| detail == Detail::Full || body.len() <= VALUE_BYTES;
        let body = self.body.as_ref().filter(whole).and_then(|body| Json::raw(body));
        let mut fields: Fields = vec![
            ("letter", self.letter.into()),
            ("at", self.at.into()),
            ("agent", Json::text(&self.agent)),
            ("port", Json::text(&self.port)),
            ("message", Json::text(&self.message)),
            ("attempts", self.attempts.into()),
            ("code", Json::text(&self.code)),
            ("text", Json::text(&self.text)),
            ("state", Json::text(state)),
        ];
        fields.extend(more);
        fields.extend([
            ("len", self.body.as_ref().map(|body| body.len() as u64).into()),
            ("body", body.into()),
        ]);
        Json::Object(fields)
    }

    /// Where it is: a word, and what else there is to say.
    fn state(&self) -> (&'static str, Fields) {
        match &self.place {
            Place::Kept { refused } => {
                let why = refused.map(Json::text);
                ("kept", vec![("retriable", why.is_none().into()), ("why_not", why.into())])
            }
            Place::Taken { by } => ("taken", vec![("by", Json::text(by))]),
            Place::Retried { record } => ("retried", vec![("record", (*record).into())]),
            Place::Dropped { record } => ("dropped", vec![("record", (*record).into())]),
            Place::Logged => ("logged", vec![]),
        }
    }

    /// Where it is, in words.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.place {
            Place::Kept { refused: None } => String::from("kept; it can be tried again"),
            Place::Kept { refused: Some(why) } => {
                format!("kept; it cannot be tried again in this run: {why}")
            }
            Place::Taken { by } => format!("`{by}` took it"),
            Place::Retried { record } => format!("it was tried again (record {record})"),
            Place::Dropped { record } => format!("it was dropped (record {record})"),
            Place::Logged => String::from("only in the log: there was no place to keep it"),
        }
    }

    fn attempts(&self) -> String {
        count(self.attempts.into(), "attempt", "attempts")
    }

    /// In a few lines for people.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        let Self { letter, agent, port, message, code, text, .. } = self;
        let name = format!("{letter}  {}.{}", escape(agent), escape(port));
        let why = escape(&format!("{code}: {text}")).into_owned();
        let after = self.attempts();
        let why = fit(&format!("after {after}: {why}"), BRIEF);
        let mut lines = vec![format!("{}  {why}", look.paint(Tone::Strong, &name))];
        if let Some(body) = &self.body {
            let body = String::from_utf8_lossy(body);
            lines.push(fit(&format!("    {message}  {}", escape(&body)), BRIEF));
        }
        if self.place != (Place::Kept { refused: None }) {
            lines.push(format!("    {}", escape(&self.told())));
        }
        lines
    }

    /// All of it, for people.
    #[must_use]
    pub fn page(&self, look: Look) -> String {
        let rows = [
            ("letter", self.letter.to_string()),
            ("at", format!("{} ({})", time::date_time(self.at), self.at)),
            ("agent", self.agent.clone()),
            ("port", self.port.clone()),
            ("message", self.message.clone()),
            ("attempts", self.attempts.to_string()),
            ("why", format!("{}: {}", self.code, self.text)),
            ("state", self.told()),
        ];
        let row = |(name, value): &(&str, String)| {
            format!("{}  {}\n", look.paint(Tone::Strong, &format!("{name:<NAME$}")), escape(value))
        };
        let mut page: String = rows.iter().map(row).collect();
        match &self.body {
            Some(body) => {
                page.push_str(&look.paint(Tone::Strong, "body"));
                let body = pretty(&String::from_utf8_lossy(body));
                page.extend(escape_lines(&body).lines().map(|line| format!("\n  | {line}")));
            }
            None => page.push_str("its content is not in this log"),
        }
        page
    }
}

/// What stands in the letter that an agent gets: `{…,"body":…}`, as the kernel writes it. Names and texts before it
/// are quoted, so that the first such key is the right one.
fn content(letter: &Bytes) -> Option<Bytes> {
    let text = str::from_utf8(letter).ok()?;
    let (_, body) = text.split_once(r#","body":"#)?;
    Some(body.strip_suffix('}')?.as_bytes().into())
}

impl View<'_> {
    /// What somebody decided about a letter.
    pub(super) fn resolved(&self, body: &Resolved) -> Fields {
        vec![
            ("letter", body.letter.into()),
            ("message", Json::text(body.message)),
            ("port", Json::text(self.port(body.port))),
            ("by", ask::person(&body.by)),
        ]
    }

    pub(super) fn resolved_brief(&self, body: &Resolved) -> String {
        let (port, by) = (escape(self.port(body.port)), body.by.to_string());
        format!("{port} {} of letter {}, says {}", body.message, body.letter, escape(&by))
    }
}
