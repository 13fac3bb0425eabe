//! Messages as they are watched: which channel, and what they hold.

use serde_json::Value;
use theater_flow_kernel::ids::{PortId, Ref};
use theater_flow_kernel::record::Part;

use super::json::Json;
use super::part::{Form, payload};
use super::{Detail, Row, View, time};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};

/// Columns of a place, as in `12345.12`.
const PLACE: usize = 9;
/// Columns of a channel's name.
const CHANNEL: usize = 20;

impl View<'_> {
    /// The name of the channel that a record's agent emits on by this output: `agent.port`.
    #[must_use]
    pub fn channel(&self, row: &Row, port: PortId) -> String {
        let agent = row.record.body.agent().map_or("?", |id| self.agent(id));
        format!("{agent}.{}", self.port(port))
    }

    /// An emission as a JSON object, in full: `message` (`seq.i`), `seq`, `i`, `at` (ms since 1970), `channel`, and
    /// `value` or that it was erased.
    #[must_use]
    pub fn message(&self, row: &Row, i: u32, channel: &str) -> Json {
        let seq = row.record.seq;
        let mut fields = vec![
            ("message", Json::text(Ref::part(seq, i))),
            ("seq", seq.into()),
            ("i", i.into()),
            ("at", row.record.at.into()),
            ("channel", Json::text(channel)),
        ];
        let emission = row.parts().find(|(nth, ..)| *nth == i);
        if let Some((_, Part::Emission { payload: named, .. }, payloads)) = emission {
            let bytes = payloads.first().and_then(Option::as_ref);
            payload(&mut fields, named, bytes, Form::Json, Detail::Full);
        }
        Json::Object(fields)
    }
}

/// What the owner of a live run sent as [`View::message`], on one line for people.
#[must_use]
pub fn message_line(message: &Value, look: Look) -> String {
    let text = |field: &str| escape(message[field].as_str().unwrap_or("?")).into_owned();
    let (place, channel) = (format!("{:>PLACE$}", text("message")), text("channel"));
    let at = time::time_of_day(message["at"].as_u64().unwrap_or(0));
    let pad = " ".repeat(CHANNEL.saturating_sub(columns(&channel)));
    let value = message.get("value").map_or_else(|| String::from("(erased)"), Value::to_string);
    let used = columns(&place) + columns(&at) + columns(&channel) + pad.len() + 6;
    let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(used).max(1));
    let value = fit(&escape(&value), room);
    let (at, channel) = (look.paint(Tone::Faint, &at), look.paint(Tone::Strong, &channel));
    format!("{place}  {at}  {channel}{pad}  {value}")
}
