//! What is wrong with a pipeline file, with the lines that show it.

use std::io;

use miette::{GraphicalReportHandler, GraphicalTheme, NamedSource, Report};
use serde::Serialize;
use theater_flow_dsl::{Fault, Severity};

use super::escape::{escape, escape_lines, mask};
use super::{Look, Screen, Tone, WIDTH};

/// A pipeline file as it was read.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    /// Its name, as the user gave it.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
}

/// A fault as one JSON line.
#[derive(Serialize)]
struct Diagnostic<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    file: &'a str,
    spans: Vec<Place<'a>>,
    help: Option<&'a str>,
}

/// Where a fault shows. Bytes count from 0, lines and columns (in characters) from 1.
#[derive(Serialize)]
struct Place<'a> {
    start: usize,
    end: usize,
    line: usize,
    col: usize,
    label: &'a str,
}

impl Screen {
    /// Shows the faults of a file: for people on standard error, with a count at the end; as JSON lines
    /// on standard output.
    pub fn faults(&self, source: SourceText<'_>, faults: &[Fault]) -> io::Result<()> {
        if self.is_json() {
            return faults.iter().try_for_each(|fault| self.json(&diagnostic(source, fault)));
        }
        for fault in faults {
            self.tell(&report(source, fault, self.err_look()));
        }
        if let Some(count) = count(faults) {
            let tone = if has_error(faults) { Tone::Bad } else { Tone::Warn };
            let count = self.err_look().paint(tone, &count);
            self.tell(&format!("{}: {count}", escape(source.name)));
        }
        Ok(())
    }
}

fn has_error(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.severity == Severity::Error)
}

/// `2 faults, 1 warning`, and where to read more; nothing if there are none.
fn count(faults: &[Fault]) -> Option<String> {
    let first = faults.iter().max_by_key(|fault| fault.severity)?;
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    let plural = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    };
    let counts = [plural(errors, "fault"), plural(faults.len() - errors, "warning")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    Some(format!("{} (`theater-flow explain {}` says more)", counts.join(", "), first.code))
}

/// The fault for people, with its lines.
fn report(source: SourceText<'_>, fault: &Fault, look: Look) -> String {
    let mut harmless = fault.clone();
    harmless.message = escape(&fault.message).into_owned();
    harmless.help = fault.help.as_deref().map(|help| escape_lines(help).into_owned());
    for label in &mut harmless.labels {
        label.text = escape(&label.text).into_owned();
        // A place outside of the text would make the whole report fail.
        label.span.end = label.span.end.min(source.text.len());
        label.span.start = label.span.start.min(label.span.end);
    }
    let theme =
        if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(look.width.unwrap_or(WIDTH));
    let named = NamedSource::new(escape(source.name), mask(source.text).into_owned());
    let report = Report::new(harmless).with_source_code(named);
    let mut out = String::new();
    match handler.render_report(&mut out, report.as_ref()) {
        Ok(()) => out,
        Err(_) => format!("{} {}", fault.code, escape(&fault.message)),
    }
}

fn diagnostic<'a>(source: SourceText<'a>, fault: &'a Fault) -> Diagnostic<'a> {
    let spans = fault.labels.iter().map(|label| {
        let (line, col) = position(source.text, label.span.start);
        Place { start: label.span.start, end: label.span.end, line, col, label: &label.text }
    });
    Diagnostic {
        code: fault.code,
        severity: match fault.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: &fault.message,
        file: source.name,
        spans: spans.collect(),
        help: fault.help.as_deref(),
    }
}

/// The line and the column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}
