//! An agent's state: for people and as JSON.

use std::fmt::Write as _;

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::record::Origin;
use theater_flow_kernel::work::Begin;

use super::count;
use super::json::{Json, pretty};
use crate::render::{Look, Tone};

/// Bytes of a state that is not JSON, of which the hex digits are shown.
const HEAD: usize = 256;
/// Bytes on a line of hex digits.
const LINE: usize = 16;

/// What is known of an agent's state.
#[derive(Clone, Copy, Debug)]
pub struct StateView<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// The record after which it was so.
    pub at: u64,
    /// The record of the agent's end, if it had ended before.
    pub ended: Option<u64>,
    /// Its actor keeps nothing in mind from one event to the next.
    pub stateless: bool,
    /// From what it was made again.
    pub begin: &'a Begin,
    /// The snapshot.
    pub bytes: &'a [u8],
}

impl StateView<'_> {
    fn snapshot(&self) -> Option<u64> {
        match self.begin.origin {
            Origin::Checkpoint { snapshot, .. } => snapshot,
            Origin::Fresh => None,
        }
    }

    /// Where it comes from, in words.
    fn source(&self) -> String {
        let calls = count(self.begin.redo.len() as u64, "call", "calls");
        match (self.snapshot(), &self.begin.saved) {
            (Some(seq), _) if self.begin.redo.is_empty() => format!("snapshot {seq}"),
            (Some(seq), _) => format!("snapshot {seq} and {calls} made again"),
            (None, Some(_)) => format!("a snapshot and {calls} made again"),
            (None, None) if self.begin.redo.is_empty() => "its beginning".to_owned(),
            (None, None) => format!("{calls} made again"),
        }
    }

    /// For people: JSON on several lines, all else by its beginning.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        let ended = self.ended.map(|seq| format!(", as it ended at record {seq}"));
        let agent = crate::render::escape::escape(self.agent);
        let head = format!(
            "`{agent}` after record {}{}: {} B, from {}",
            self.at,
            ended.unwrap_or_default(),
            self.bytes.len(),
            self.source()
        );
        let mut lines = vec![look.paint(Tone::Faint, &head)];
        if self.bytes.is_empty() {
            let none = if self.stateless { "its actor keeps no state" } else { "nothing" };
            lines.push(none.to_owned());
        } else if let Some(Json::Raw(json)) = Json::raw(self.bytes) {
            lines.extend(pretty(&json).lines().map(String::from));
        } else {
            lines.extend(hex(&self.bytes[..self.bytes.len().min(HEAD)]));
            if let Some(left) = self.bytes.len().checked_sub(HEAD).filter(|left| *left > 0) {
                lines.push(format!("… {left} B more; `--raw` prints all"));
            }
        }
        lines
    }

    /// As one object, with the whole state in `value`, `text` or `base64`.
    #[must_use]
    pub fn json(&self) -> Json {
        let value = Json::raw(self.bytes).map(|value| ("value", value));
        let mut fields = vec![
            ("agent", Json::text(self.agent)),
            ("at", self.at.into()),
            ("ended", self.ended.into()),
            ("stateless", self.stateless.into()),
            ("snapshot", self.snapshot().into()),
            ("redone", Json::Number(self.begin.redo.len() as u64)),
            ("len", Json::Number(self.bytes.len() as u64)),
            ("sha256", Json::text(Digest::of(self.bytes))),
        ];
        fields.push(value.unwrap_or_else(|| Json::bytes(self.bytes)));
        Json::Object(fields)
    }
}

/// Lines of hex digits with their offsets, and what is printable of them.
fn hex(bytes: &[u8]) -> Vec<String> {
    let line = |(nth, chunk): (usize, &[u8])| {
        let mut line = format!("{:06x} ", nth * LINE);
        for byte in chunk {
            let _ = write!(line, " {byte:02x}");
        }
        let shown = chunk.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        });
        let pad = " ".repeat((LINE - chunk.len()) * 3);
        format!("{line}{pad}  {}", shown.collect::<String>())
    };
    bytes.chunks(LINE).enumerate().map(line).collect()
}
