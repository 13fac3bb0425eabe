//! What is wrong with an expression, or with a value that it saw, in words.

use jaq_core::compile::{self, Undefined};
use jaq_core::load::{self, Error};
use jaq_json::Val;

/// Characters shown of a message or a value, at its beginning.
const SHOWN_START: usize = 160;
/// … and at its end, where errors say what was wanted.
const SHOWN_END: usize = 120;

/// What does not parse.
pub(crate) fn loading(text: &str, errors: load::Errors<&str, ()>) -> Vec<String> {
    let faults = errors.into_iter().flat_map(|(_, error)| match error {
        Error::Io(imports) => imports
            .into_iter()
            .map(|(path, _)| at(text, path, "modules cannot be imported here"))
            .collect(),
        Error::Lex(errors) => errors
            .into_iter()
            .map(|(wanted, found)| expected(text, wanted.as_str(), found))
            .collect::<Vec<_>>(),
        Error::Parse(errors) => errors
            .into_iter()
            .map(|(wanted, found)| expected(text, wanted.as_str(), found))
            .collect(),
    });
    faults.collect()
}

/// What names nothing.
pub(crate) fn compiling(text: &str, errors: compile::Errors<&str, ()>) -> Vec<String> {
    let faults = errors.into_iter().flat_map(|(_, errors)| errors);
    let fault = |(name, kind)| at(text, name, &undefined(name, &kind));
    faults.map(fault).collect()
}

fn expected(text: &str, wanted: &str, found: &str) -> String {
    // What comes after the fault is all that is left of the text.
    let token: String = found.chars().take(20).collect();
    let there = match token.split_whitespace().next() {
        None => "the end".into(),
        Some(word) => format!("`{word}`"),
    };
    at(text, found, &format!("expected {wanted}, found {there}"))
}

fn undefined(name: &str, kind: &Undefined) -> String {
    let what = match kind {
        Undefined::Filter(0) => format!("there is no function `{name}`"),
        Undefined::Filter(1) => format!("there is no function `{name}` of one argument"),
        Undefined::Filter(n) => format!("there is no function `{name}` of {n} arguments"),
        other => format!("there is no {} `{name}`", other.as_str()),
    };
    match why(name) {
        Some(why) => format!("{what}: {why}"),
        None => what,
    }
}

/// Functions of jq that would make an expression more than a function of its message.
fn why(name: &str) -> Option<&'static str> {
    match name {
        "now" | "localtime" | "strflocaltime" => Some("an expression has no clock"),
        "mktime" | "gmtime" | "strftime" | "strptime" | "todate" | "fromdate" | "date"
        | "todateiso8601" | "fromdateiso8601" | "dateadd" | "datesub" => {
            Some("dates are not supported")
        }
        "env" | "$ENV" => Some("an expression has no environment"),
        "input" | "inputs" | "input_line_number" | "input_filename" => {
            Some("an expression sees one message at a time")
        }
        "debug" | "stderr" => Some("an expression has no output but its values"),
        "halt" | "halt_error" => Some("an expression cannot end the run; use `error`"),
        _ => None,
    }
}

fn at(text: &str, part: &str, message: &str) -> String {
    // A part that is not of this text would be one of the built-in definitions.
    let offset = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    match offset.filter(|offset| *offset <= text.len()) {
        Some(offset) => format!("{}: {message}", place(text, offset)),
        None => message.into(),
    }
}

/// "line 1, column 4", both from 1, columns in characters.
pub(crate) fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}")
}

/// An error's value: text as it is, anything else as JSON; a long one without its middle.
pub(crate) fn shown(value: &Val) -> String {
    let text = match value {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        other => other.to_string(),
    };
    let length = text.chars().count();
    if length <= SHOWN_START + SHOWN_END {
        return text;
    }
    let begin: String = text.chars().take(SHOWN_START).collect();
    let end: String = text.chars().skip(length - SHOWN_END).collect();
    format!("{begin} … {end}")
}

/// The beginning of a message.
pub(crate) fn start(body: &str) -> String {
    match body.char_indices().nth(SHOWN_START) {
        None => body.into(),
        Some((at, _)) => format!("{} …", &body[..at]),
    }
}
