//! What is wrong with a pipeline file, with the lines that show it.

use std::collections::BTreeSet;
use std::io;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use serde::Serialize;
use serde_json::Value;
use theater_flow_dsl::{Fault, Label, Severity, Span};

use super::escape::{escape, escape_lines, mask};
use super::{Look, Screen, Tone, WIDTH};

/// A file as it was read.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    /// Its name, as the user gave it.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
}

/// A fault as one JSON line. `file` is that of its main place.
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
    /// Only if it is another file than the fault's.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    start: usize,
    end: usize,
    line: usize,
    col: usize,
    label: &'a str,
}

impl Screen {
    /// Shows the faults of a pipeline: for people on standard error, with a count at the end; as JSON
    /// lines on standard output. The first of `sources` is the pipeline's own file, then come modules.
    pub fn faults(&self, sources: &[SourceText<'_>], faults: &[Fault]) -> io::Result<()> {
        if self.is_json() {
            return faults.iter().try_for_each(|fault| self.json(&diagnostic(sources, fault)));
        }
        for lines in fault_lines(sources, faults, self.err_look()) {
            self.tell(&lines);
        }
        Ok(())
    }
}

/// The faults of a pipeline for people, each with its lines, and a count at the end. The first of `sources` is the
/// pipeline's own file, then come modules.
#[must_use]
pub fn fault_lines(sources: &[SourceText<'_>], faults: &[Fault], look: Look) -> Vec<String> {
    let mut lines: Vec<String> = faults.iter().map(|fault| report(sources, fault, look)).collect();
    if let (Some(source), Some(count)) = (sources.first(), count(faults)) {
        let tone = if has_error(faults) { Tone::Bad } else { Tone::Warn };
        lines.push(format!("{}: {}", escape(source.name), look.paint(tone, &count)));
    }
    lines
}

/// The same as JSON objects.
#[must_use]
pub fn fault_values(sources: &[SourceText<'_>], faults: &[Fault]) -> Vec<Value> {
    let value = |fault| serde_json::to_value(diagnostic(sources, fault)).unwrap_or_default();
    faults.iter().map(value).collect()
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

/// The fault for people, with its lines: those of its main place's file, then those of each other file.
fn report(sources: &[SourceText<'_>], fault: &Fault, look: Look) -> String {
    let main = file_of(fault);
    let mut harmless = fault.clone();
    harmless.message = escape(&fault.message).into_owned();
    harmless.help = fault.help.as_deref().map(|help| escape_lines(help).into_owned());
    harmless.labels = within(sources, fault, main);
    let plain = || format!("{} {}", fault.code, escape(&fault.message));
    let mut out = snippet(source(sources, main), harmless, look).unwrap_or_else(plain);
    let others: BTreeSet<u32> = fault.labels.iter().map(|label| label.span.file).collect();
    for file in others.into_iter().filter(|file| *file != main) {
        let labels = within(sources, fault, file).into_iter();
        let labels = labels.map(|label| LabeledSpan::new_with_span(Some(label.text), label.span));
        let elsewhere = MietteDiagnostic::new("see also")
            .with_severity(miette::Severity::Advice)
            .with_labels(labels);
        out.extend(snippet(source(sources, file), elsewhere, look));
    }
    out
}

/// The file of a fault's main place.
fn file_of(fault: &Fault) -> u32 {
    fault.labels.first().map_or(0, |label| label.span.file)
}

fn source<'a>(sources: &[SourceText<'a>], file: u32) -> SourceText<'a> {
    let found = usize::try_from(file).ok().and_then(|file| sources.get(file));
    found.copied().unwrap_or(SourceText { name: "", text: "" })
}

/// The places of a fault in one file, with nothing in their words that could move the cursor.
fn within(sources: &[SourceText<'_>], fault: &Fault, file: u32) -> Vec<Label> {
    let length = source(sources, file).text.len();
    let labels = fault.labels.iter().filter(|label| label.span.file == file);
    let harmless = labels.map(|label| {
        // A place outside of the text would make the whole report fail.
        let end = label.span.end.min(length);
        let span = Span { start: label.span.start.min(end), end, file };
        Label { span, text: escape(&label.text).into_owned() }
    });
    harmless.collect()
}

/// A diagnostic with the lines of one file.
fn snippet(
    source: SourceText<'_>,
    diagnostic: impl miette::Diagnostic + Send + Sync + 'static,
    look: Look,
) -> Option<String> {
    let theme =
        if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(look.width.unwrap_or(WIDTH));
    let named = NamedSource::new(escape(source.name), mask(source.text).into_owned());
    let report = Report::new(diagnostic).with_source_code(named);
    let mut out = String::new();
    handler.render_report(&mut out, report.as_ref()).ok().map(|()| out)
}

fn diagnostic<'a>(sources: &[SourceText<'a>], fault: &'a Fault) -> Diagnostic<'a> {
    let main = file_of(fault);
    let spans = fault.labels.iter().map(|label| {
        let Span { file, start, end } = label.span;
        let SourceText { name, text } = source(sources, file);
        let (line, col) = position(text, start);
        let file = (file != main).then_some(name);
        Place { file, start, end, line, col, label: &label.text }
    });
    Diagnostic {
        code: fault.code,
        severity: match fault.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: &fault.message,
        file: source(sources, main).name,
        spans: spans.collect(),
        help: fault.help.as_deref(),
    }
}

/// The line and the column (in characters) of a byte, both from 1.
#[must_use]
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}
