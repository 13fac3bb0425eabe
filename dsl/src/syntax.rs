//! Faults of a text that is not TOML. The parser says what it expected; this says what stands there instead, as
//! far as that is one of the usual slips.

use toml::de::Error;

use crate::codes;
use crate::fault::Fault;
use crate::slip;
use crate::span::Span;

/// Lines of which something is said: what comes after the first slips is often their echo.
const SHOWN: usize = 3;

/// Stops that are looked at: each takes time in the length of its line.
const LOOKED_AT: usize = 100;

/// A place where the parser stopped.
struct Stop<'t> {
    text: &'t str,
    span: Span,
    message: String,
    /// The line, from its first sign that is no space, and where it begins.
    line: &'t str,
    start: usize,
}

impl<'t> Stop<'t> {
    fn new(file: u32, text: &'t str, error: &Error) -> Self {
        let span = Span::new(file, error.span().unwrap_or_default());
        let at = span.start.min(text.len());
        let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let whole = text[begin..].lines().next().unwrap_or_default();
        let line = whole.trim_start();
        let start = begin + whole.len() - line.len();
        let message = error.message().trim().replace('\n', ", ");
        Self { text, span, message, line: line.trim_end(), start }
    }

    /// What the parser points at.
    fn found(&self) -> &'t str {
        self.text.get(self.span.start..self.span.end).unwrap_or_default()
    }

    fn says(&self, part: &str) -> bool {
        self.message.contains(part)
    }
}

/// The faults of a text: one for each line, those of the first lines.
pub(crate) fn faults(file: u32, text: &str, errors: &[Error]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut last = None;
    let mut doubled = false;
    let mut stops: Vec<Stop<'_>> =
        errors.iter().take(LOOKED_AT).map(|error| Stop::new(file, text, error)).collect();
    stops.sort_by_key(|stop| stop.span);
    for stop in stops {
        // The keys of a table that stands there twice are there twice as well.
        let echo = doubled && stop.says("duplicate key") && !stop.line.starts_with('[');
        if echo || last == Some(stop.start) {
            continue;
        }
        doubled = stop.says("duplicate key") && (doubled || stop.line.starts_with('['));
        let open = brackets(&text[..stop.start]);
        // What stands in brackets that were opened beside a slip is no longer where it belongs.
        if open.last().zip(last).is_some_and(|((at, _), line)| *at >= line) {
            continue;
        }
        last = Some(stop.start);
        if let Some(open) = opened(&stop, &open) {
            faults.push(unclosed(&stop, open));
            break;
        }
        let whole = whole_file(&stop);
        let (what, help) = whole.clone().or_else(|| usual(&stop)).unwrap_or_default();
        let what = if what.is_empty() { stop.message.clone() } else { what.to_owned() };
        let fault = Fault::new(codes::SYNTAX, format!("this is not TOML: {what}"));
        let help = (!help.is_empty()).then_some(help);
        let again = |last: &Fault| last.message == fault.message && last.help == help;
        if !faults.last().is_some_and(again) {
            faults.push(fault.label(stop.span, "here").maybe_help(help));
        }
        if whole.is_some() || faults.len() == SHOWN {
            break;
        }
    }
    faults
}

/// What stands there, and how to mend it.
type Slip = (&'static str, String);

#[expect(clippy::unnecessary_wraps, reason = "it is the answer of all that ask")]
fn slip(what: &'static str, help: impl Into<String>) -> Option<Slip> {
    Some((what, help.into()))
}

/// Slips that go over all of the file.
fn whole_file(stop: &Stop<'_>) -> Option<Slip> {
    let line = stop.line;
    if stop.text.trim_start().starts_with('{') {
        return slip(
            "it begins with `{`, as JSON does",
            "a section is [agents.walk], and below it stand lines such as actor = \"std/file-walk\"",
        );
    }
    if line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>") || line.starts_with("=======") {
        return slip(
            "a merge was not finished",
            "keep one side, and take out the lines that begin with <<<<<<<, ======= and >>>>>>>",
        );
    }
    let (key, rest) = line.split_once(':')?;
    let yaml = is_key(key) && (rest.is_empty() || rest.starts_with(' ')) && stop.start == 0;
    yaml.then(|| {
        let help = "a section is [agents.walk], and below it stand lines such as actor = \"std/file-walk\"";
        ("it begins with `key:`, as YAML does", help.to_owned())
    })
}

fn usual(stop: &Stop<'_>) -> Option<Slip> {
    let line = stop.line;
    if line.starts_with("```") {
        return slip("a fence of Markdown", "take the lines with ``` out");
    }
    if line.starts_with("//") || line.starts_with("/*") || line.starts_with("--") {
        return slip("a comment begins with `#`", "write # instead");
    }
    if line.contains(['“', '”', '„', '‘', '’', '«', '»']) {
        return slip("these quotes are typographic", "write plain ones: \" or '");
    }
    if let Some(odd) = line.chars().find(|c| !c.is_ascii() && (c.is_whitespace() || is_hidden(*c)))
    {
        let help = format!("U+{:04X} looks like a space: type a plain one", odd as u32);
        return slip("a sign that cannot be seen", help);
    }
    if line == "-" || line.starts_with("- ") {
        return list();
    }
    if let Some(key) = colon(line, stop) {
        return slip("a `:` after a key", format!("write {key} = …"));
    }
    value(stop).or_else(|| strings(stop)).or_else(|| rest(stop))
}

fn list() -> Option<Slip> {
    slip("a list as in YAML", "a list stands in brackets: children = [\"walk\", \"read\"]")
}

/// What stands on the lines below.
fn after<'t>(stop: &Stop<'t>) -> &'t str {
    stop.text[stop.start + stop.line.len()..].trim_start()
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn is_key(word: &str) -> bool {
    let bare = word.trim().trim_matches('"');
    !bare.is_empty()
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The key before a `:` where an `=` belongs.
fn colon<'t>(line: &'t str, stop: &Stop<'t>) -> Option<&'t str> {
    let at = stop.span.start.checked_sub(stop.start)?;
    let before = line.get(..line.len().min(at + 1))?;
    let (head, _) = before.rsplit_once(':').or_else(|| line.split_once(':'))?;
    let key = head.rsplit(['{', ',', '[']).next()?.trim();
    (is_key(key) && !line.starts_with('[')).then_some(key.trim_matches('"'))
}

/// Something that is no value where one belongs.
fn value(stop: &Stop<'_>) -> Option<Slip> {
    if !["must be quoted", "invalid boolean", "invalid float", "invalid integer", "invalid date"]
        .iter()
        .any(|part| stop.says(part))
    {
        return None;
    }
    let found = stop.found().trim();
    if found.is_empty() && after(stop).starts_with('-') {
        return list();
    }
    if found.is_empty() {
        return slip("there is no value after `=`", "write one, or take the key out");
    }
    if let Some(word) = slip::boolean(found) {
        return slip("this is not how TOML writes it", format!("write {word}"));
    }
    if ["null", "nil", "none", "undefined"].contains(&found.to_lowercase().as_str()) {
        return slip("nothing is no value", "leave the key out, or comment its line out");
    }
    let kinds = [("param", "param"), ("params", "param"), ("env", "env"), ("secrets", "secret")];
    if let Some((kind, name)) = found.split_once('.')
        && let Some((_, kind)) = kinds.iter().find(|(other, _)| *other == kind)
    {
        return slip("this is no value", format!("a reference is {{ {kind} = \"{name}\" }}"));
    }
    let bare = found.trim_matches(['`', '/']);
    slip("a text stands in quotes", format!("write \"{bare}\""))
}

fn strings(stop: &Stop<'_>) -> Option<Slip> {
    if stop.says("invalid basic string") || stop.says("invalid literal string") {
        let help =
            "put the same quote at its end; a text of several lines stands between ''' and '''";
        return slip("this text is not closed on its line", help);
    }
    if stop.says("escaped value") || stop.says("escape") || stop.says("unicode") {
        let help = "in double quotes `\\` begins an escape: write single quotes around the text, or `\\\\`";
        return slip("this is no escape", help);
    }
    None
}

fn rest(stop: &Stop<'_>) -> Option<Slip> {
    if stop.says("duplicate key") {
        let name = stop.found();
        return if stop.line.starts_with('[') {
            slip("this table is there already", format!("put all of `{name}` in one place"))
        } else {
            slip("this key is there already", format!("keep one `{name}`; a table may say it once"))
        };
    }
    if stop.says("cannot extend value") {
        return slip("this table is there already", "put all of it in one place");
    }
    if stop.says("unclosed table") {
        let help = "a header is [agents.walk]; a name with spaces or dots stands in quotes";
        return slip("this header does not end with `]`", help);
    }
    if stop.says("expected newline") {
        let found = stop.text.get(stop.span.start..).and_then(|rest| rest.chars().next())?;
        let help = format!("take the `{found}` out, or begin a new line before it");
        return slip("the value ends before this", help);
    }
    if stop.says("leading zero") {
        return slip("a number does not begin with 0", "take the zeros before it out");
    }
    if stop.says("extra `=`") {
        return slip("an `=` too many", "one stands between a key and its value");
    }
    if stop.says("opening quote") {
        return slip("this is no value", "a list stands in [ ], a table in { }, a text in quotes");
    }
    if stop.says("unquoted key") && stop.line.starts_with('[') {
        return slip("this is no header", "names are parted by dots: [agents.walk]");
    }
    if stop.says("extra comma") {
        return slip("a `,` too many", "take it out; digits are parted by `_`: 1_000");
    }
    if stop.says("missing comma") {
        return slip("a `,` is missing before this", "put a `,` after the value before it");
    }
    if stop.says("key with no value") || stop.says("missing assignment") {
        let key = stop.line.split_whitespace().next().filter(|key| is_key(key)).unwrap_or("key");
        return slip("a key without `=` and a value", format!("write {key} = …"));
    }
    None
}

/// The bracket that is still open where the parser stopped, if that is at a new line which looks like the next
/// statement and not like what belongs inside.
fn opened(stop: &Stop<'_>, open: &[(usize, char)]) -> Option<(usize, char)> {
    let (at, bracket) = *open.last()?;
    let (head, _) = stop.line.split_once('=').unwrap_or((stop.line, ""));
    let header = stop.line.starts_with('[') && stop.line.ends_with(']') && bracket == '{';
    let statement = is_key(head) && stop.line.contains('=');
    (header || statement).then_some((at, bracket))
}

/// The brackets of values that are open at the end of a text.
fn brackets(text: &str) -> Vec<(usize, char)> {
    let (mut open, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => quoted(rest),
            _ => c.len_utf8(),
        };
        match c {
            '[' | '{' => open.push((at - 1, c)),
            ']' | '}' => drop(open.pop()),
            _ => {}
        }
    }
    open
}

/// The length of the string that a text begins with.
fn quoted(text: &str) -> usize {
    let quote = &text[..1];
    let long = quote.repeat(3);
    let ends = !text.starts_with(&long);
    let mark = if ends { quote } else { &long };
    let mut at = mark.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(mark) {
            return at + mark.len();
        }
        if ends && c == '\n' {
            return at;
        }
        let escaped = c == '\\' && quote == "\"";
        let next =
            if escaped { text[at + 1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
        at += c.len_utf8() + next;
    }
    text.len()
}

fn unclosed(stop: &Stop<'_>, (at, bracket): (usize, char)) -> Fault {
    let close = if bracket == '[' { ']' } else { '}' };
    let message = format!("this is not TOML: a `{bracket}` is not closed");
    let help =
        format!("close it with `{close}`; if it goes on, a `,` is missing between its parts");
    Fault::new(codes::SYNTAX, message)
        .label(Span::new(stop.span.file, at..at + 1), "opened here")
        .label(stop.span, "still open here")
        .help(help)
}
