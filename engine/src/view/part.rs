//! One part of a record, as JSON and in a few words.

use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::record::{Level, Part, Payload};

use super::json::{Fields, Json};
use super::{Detail, Row, View, call, count};
use crate::fork::OpenFile;
use crate::render::escape::escape;
use crate::render::fit;

/// The kinds of part, as [`kind`] names them.
pub(super) const KINDS: [&str; 10] = [
    "emission",
    "answer",
    "denial",
    "opened",
    "staged",
    "closed",
    "log",
    "log-dropped",
    "timer-set",
    "timer-cancelled",
];

/// Columns of one part in a record's summary.
const BRIEF: usize = 160;

/// The kind's name.
pub(super) const fn kind(part: &Part) -> &'static str {
    match part {
        Part::Emission { .. } => "emission",
        Part::Answer { .. } => "answer",
        Part::Denial { .. } => "denial",
        Part::Opened { .. } => "opened",
        Part::Staged { .. } => "staged",
        Part::Closed { .. } => "closed",
        Part::Log { .. } => "log",
        Part::LogDropped { .. } => "log-dropped",
        Part::TimerSet { .. } => "timer-set",
        Part::TimerCancelled { .. } => "timer-cancelled",
    }
}

pub(super) const fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// What a payload's bytes are.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Json,
    Text,
}

/// Adds a payload's length and its content; of a long one, in a line, only the beginning.
pub(super) fn payload(
    fields: &mut Fields,
    named: &Payload,
    bytes: Option<&Bytes>,
    form: Form,
    detail: Detail,
) {
    fields.push(("len", named.len.into()));
    if detail == Detail::Full {
        fields.push(("digest", Json::text(named.digest)));
    }
    let Some(bytes) = bytes else {
        fields.push(("erased", true.into()));
        return;
    };
    if detail == Detail::Line && bytes.len() > super::VALUE_BYTES {
        fields.push(("beginning", Json::Text(beginning(bytes).into_owned())));
        return;
    }
    let value = match form {
        Form::Json => Json::raw(bytes),
        Form::Text => None,
    };
    fields.push(value.map_or_else(|| Json::bytes(bytes), |value| ("value", value)));
}

/// The first characters of a payload.
fn beginning(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let cut = &bytes[..bytes.len().min(BRIEF * 4)];
    match str::from_utf8(cut) {
        Ok(text) => text.into(),
        // The cut may have split a character.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&cut[..error.valid_up_to()]).into_owned().into()
        }
        Err(_) => String::from_utf8_lossy(cut),
    }
}

/// The beginning of a payload on one harmless line.
pub(super) fn brief(bytes: Option<&Bytes>) -> String {
    bytes
        .map_or_else(|| "(erased)".into(), |bytes| fit(&escape(beginning(bytes).trim_end()), BRIEF))
}

/// Says where a file is that no record of the run says it of.
pub(super) fn add_path(fields: &mut Fields, file: Option<&OpenFile>) {
    fields.extend(file.map(|file| ("path", Json::text(&file.path))));
}

impl View<'_> {
    /// A part with its payloads, as JSON.
    pub(super) fn part_json(
        &self,
        row: &Row,
        (i, part, payloads): (u32, &Part, &[Option<Bytes>]),
        detail: Detail,
    ) -> Json {
        let mut fields = vec![("i", i.into()), ("kind", Json::text(kind(part)))];
        let bytes = |nth: usize| payloads.get(nth).and_then(Option::as_ref);
        match part {
            Part::Emission { port, payload: named } => {
                fields.push(("port", Json::text(self.port(*port))));
                payload(&mut fields, named, bytes(0), Form::Json, detail);
            }
            Part::Answer { call, .. } | Part::Denial { call, .. } => {
                let denied = matches!(part, Part::Denial { .. });
                let args = bytes(0).map(|bytes| call::args(*call, denied, bytes));
                let answer = bytes(1).map(|bytes| answer(*call, denied, bytes, detail));
                fields.push(("call", Json::text(call::name(*call))));
                fields.push(("args", args.into()));
                fields.push(("answer", answer.into()));
            }
            Part::Opened { sink, name, path, base, replace } => fields.extend([
                ("sink", sink.0.into()),
                ("name", Json::text(name)),
                ("path", Json::text(path)),
                ("base", (*base).into()),
                ("replace", (*replace).into()),
            ]),
            Part::Staged { sink, offset, payload: named } => {
                fields.extend([("sink", sink.0.into()), ("offset", (*offset).into())]);
                add_path(&mut fields, self.open_file(row, *sink));
                payload(&mut fields, named, bytes(0), Form::Text, detail);
            }
            Part::Closed { sink } => {
                fields.push(("sink", sink.0.into()));
                add_path(&mut fields, self.open_file(row, *sink));
            }
            Part::Log { level: loud, payload: named } => {
                fields.push(("level", Json::text(level(*loud))));
                payload(&mut fields, named, bytes(0), Form::Text, detail);
            }
            Part::LogDropped { lines } => fields.push(("lines", (*lines).into())),
            Part::TimerSet { name, after_ms } => {
                fields.extend([("name", Json::text(name)), ("after_ms", (*after_ms).into())]);
            }
            Part::TimerCancelled { name } => fields.push(("name", Json::text(name))),
        }
        Json::Object(fields)
    }

    /// A part in a few words, harmless.
    pub(super) fn part_brief(
        &self,
        row: &Row,
        (part, payloads): (&Part, &[Option<Bytes>]),
    ) -> String {
        let first = payloads.first().and_then(Option::as_ref);
        match part {
            Part::Emission { port, .. } => {
                format!("{}: {}", escape(self.port(*port)), brief(first))
            }
            Part::Answer { call, .. } | Part::Denial { call, .. } => {
                let denied = matches!(part, Part::Denial { .. });
                let args = first.map(|bytes| call::args(*call, denied, bytes).to_string());
                let what = if denied { "denied " } else { "" };
                let args = fit(&args.unwrap_or_else(|| "(erased)".into()), BRIEF);
                format!("{what}{} {args}", call::name(*call))
            }
            Part::Opened { sink, name, .. } => {
                format!("opened {} as sink {}", escape(name), sink.0)
            }
            Part::Staged { sink, payload, .. } => {
                format!("{} B to {}: {}", payload.len, self.sink(row, *sink), brief(first))
            }
            Part::Closed { sink } => format!("closed {}", self.sink(row, *sink)),
            Part::Log { level: loud, .. } => format!("{}: {}", level(*loud), brief(first)),
            Part::LogDropped { lines } => {
                format!("{} dropped", count((*lines).into(), "log line", "log lines"))
            }
            Part::TimerSet { name, after_ms } => format!("timer {} in {after_ms} ms", escape(name)),
            Part::TimerCancelled { name } => format!("timer {} cancelled", escape(name)),
        }
    }
}

/// An answer; of a long one, in a line, only how long it is.
pub(super) fn answer(
    call: theater_flow_kernel::record::Call,
    denied: bool,
    bytes: &Bytes,
    detail: Detail,
) -> Json {
    if detail == Detail::Line && bytes.len() > super::VALUE_BYTES {
        return Json::Object(vec![("bytes", Json::Number(bytes.len() as u64))]);
    }
    call::answer(call, denied, bytes)
}
