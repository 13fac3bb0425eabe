//! All that a record says, for people.

use std::fmt::Write as _;

use theater_flow_kernel::ids::Ref;

use super::json::{Json, pretty};
use super::{Detail, Row, View, time};
use crate::render::escape::{escape, escape_lines};
use crate::render::{Look, Tone};

/// Columns of a field's name.
const NAME: usize = 12;
/// JSON no longer than this stands on one line.
const SHORT: usize = 72;

impl View<'_> {
    /// All that the record says, or one of its parts, on several lines. `causes` are the records that
    /// its causes name, as far as they are at hand. `None` if the record has no such part.
    #[must_use]
    pub fn show(&self, row: &Row, part: Option<u32>, causes: &[Row], look: Look) -> Option<String> {
        let mut page = Page { look, out: String::new() };
        let value = match part {
            None => self.line(row, Detail::Full),
            Some(i) => {
                page.row(0, "record", &self.summary_line(row, Look { colour: false, ..look }));
                self.part_line(row, i)?
            }
        };
        let Json::Object(fields) = value else {
            return None;
        };
        for (name, value) in &fields {
            match (*name, value) {
                ("at", Json::Number(ms)) => {
                    page.row(0, name, &format!("{} ({ms})", time::date_time(*ms)));
                }
                // All of it is said below or above.
                ("summary", _) => {}
                ("causes", _) => self.causes(&mut page, row, causes),
                ("parts", Json::List(parts)) => page.parts(parts),
                _ => page.field(0, name, value),
            }
        }
        Some(page.out)
    }

    /// What a record follows from, each with a line of its own.
    fn causes(&self, page: &mut Page, row: &Row, causes: &[Row]) {
        let mut name = "causes";
        for cause in &row.record.causes {
            page.row(0, name, &self.cause(*cause, causes));
            name = "";
        }
    }

    fn cause(&self, cause: Ref, rows: &[Row]) -> String {
        let Some(row) = rows.iter().find(|row| row.record.seq == cause.seq) else {
            return cause.to_string();
        };
        let part = cause.part.and_then(|i| self.part_summary(row, i));
        let agent = row.record.body.agent().map_or("-", |id| self.agent(id));
        let said = part.unwrap_or_else(|| self.summary(row));
        format!("{cause}  {}  {}  {said}", escape(agent), row.record.body.kind())
    }
}

/// Lines of names and values. Text of others is escaped on its way in.
struct Page {
    look: Look,
    out: String,
}

impl Page {
    /// A name and a value that is harmless already.
    fn row(&mut self, indent: usize, name: &str, value: &str) {
        let name = self.look.paint(Tone::Strong, &format!("{name:<NAME$}"));
        let line = format!("{}{name}  {value}", " ".repeat(indent));
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// Lines below a name; a mark before each keeps them from looking like lines of ours.
    fn block(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.out, "{}| {line}", " ".repeat(indent + 2));
        }
    }

    fn parts(&mut self, parts: &[Json]) {
        if parts.is_empty() {
            return self.row(0, "parts", "none");
        }
        self.row(0, "parts", "");
        for part in parts {
            let Json::Object(fields) = part else { continue };
            let (mut i, mut kind) = (String::new(), String::new());
            for (name, value) in fields {
                match (*name, value) {
                    ("i", value) => i = format!(".{value}"),
                    ("kind", Json::Text(text)) => {
                        kind.clone_from(text);
                        self.row(2, &i, &kind);
                    }
                    (name, value) => self.field(4, name, value),
                }
            }
        }
    }

    fn field(&mut self, indent: usize, name: &str, value: &Json) {
        match value {
            Json::Null => self.row(indent, name, "-"),
            Json::Text(text) if text.trim_end_matches('\n').contains('\n') => {
                self.row(indent, name, "");
                self.block(indent, &escape_lines(text));
            }
            Json::Text(text) => self.row(indent, name, &escape(text)),
            Json::Object(fields)
                if fields.iter().any(|(_, value)| !is_short(value)) || fields.len() > 3 =>
            {
                self.row(indent, name, "");
                for (name, value) in fields {
                    self.field(indent + 2, name, value);
                }
            }
            Json::List(values) if values.is_empty() => self.row(indent, name, "none"),
            Json::List(values) => {
                for (nth, value) in values.iter().enumerate() {
                    self.field(indent, if nth == 0 { name } else { "" }, value);
                }
            }
            Json::Raw(json) if json.len() > SHORT => {
                self.row(indent, name, "");
                self.block(indent, &pretty(json));
            }
            Json::Object(fields) => self.row(indent, name, &inline(fields)),
            Json::Bool(_) | Json::Number(_) | Json::Raw(_) => {
                self.row(indent, name, &value.to_string());
            }
        }
    }
}

fn is_short(value: &Json) -> bool {
    match value {
        Json::Text(text) => text.len() <= SHORT && !text.contains('\n'),
        Json::Raw(_) | Json::List(_) | Json::Object(_) => false,
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
    }
}

/// A few short fields on one line.
fn inline(fields: &[(&'static str, Json)]) -> String {
    let words = fields.iter().map(|(name, value)| match value {
        Json::Text(text) => format!("{name} {}", escape(text)),
        other => format!("{name} {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
