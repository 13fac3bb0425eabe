//! Reading a table key by key, and the leaves below it.

use crate::codes;
use crate::fault::{Fault, did_you_mean, list, nearest};
use crate::foreign;
use crate::notes::Notes;
use crate::slip;
use crate::span::{At, Span};
use crate::tree::{Entry, Node, Tree};
use crate::units;

/// A table with fixed keys. A key that nobody asked for by the end is a fault.
pub(crate) struct Table<'t> {
    /// What it describes, for messages: "agent `walk`".
    what: String,
    /// Where it begins: its key.
    at: Span,
    entries: &'t [Entry],
    /// Its keys are those that are known by other names.
    forgiving: bool,
    /// Those that may stand for a key under another name.
    doubtful: Vec<&'t Entry>,
    known: Vec<&'static str>,
    /// Keys that were answered with a fault of their own.
    later: Vec<&'static str>,
}

impl<'t> Table<'t> {
    pub(crate) fn new(what: impl Into<String>, at: Span, entries: &'t [Entry]) -> Self {
        let (doubtful, known, later) = (Vec::new(), Vec::new(), Vec::new());
        Self { what: what.into(), at, entries, forgiving: false, doubtful, known, later }
    }

    /// Lets keys under other names stand for those that are asked for. Not where a table itself has keys that
    /// others use for something else.
    pub(crate) fn forgiving(mut self) -> Self {
        let doubtful = self.entries.iter().filter(|entry| foreign::is_doubtful(&entry.key.value));
        self.doubtful = doubtful.collect();
        self.forgiving = true;
        self
    }

    /// The table behind a key.
    pub(crate) fn of(
        what: impl Into<String>,
        entry: &'t Entry,
        notes: &mut Notes<'_>,
    ) -> Option<Self> {
        let entries = table(&entry.value, notes)?;
        Some(Self::new(what, entry.key.span, entries))
    }

    /// The entry of a key, which is known from now on; or one that stands for it under another name, which
    /// is a fault at the [`finish`](Self::finish), but what follows from its absence would be noise.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'t Entry> {
        self.known.push(key);
        let exact = self.entries.iter().find(|entry| entry.key.value == key);
        exact.or_else(|| self.misnamed(key).next())
    }

    /// As [`get`](Self::get), but all tables that stand for it.
    pub(crate) fn all(&mut self, key: &'static str) -> Vec<&'t Entry> {
        self.known.push(key);
        let exact = self.entries.iter().filter(move |entry| entry.key.value == key);
        exact.chain(self.misnamed(key).filter(|entry| entry.value.entries().is_some())).collect()
    }

    fn misnamed(&self, key: &'static str) -> impl Iterator<Item = &'t Entry> {
        let stands_for = move |word: &str| word != key && foreign::stands_for(word, key);
        self.doubtful.iter().copied().filter(move |entry| stands_for(&entry.key.value))
    }

    /// The value of a key, read by `leaf`.
    pub(crate) fn read<T>(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
        leaf: impl FnOnce(&'t Node, &mut Notes<'_>) -> Option<T>,
    ) -> Option<At<T>> {
        let entry = self.get(key)?;
        leaf(&entry.value, notes).map(|value| At::new(value, entry.value.span))
    }

    /// As [`read`](Self::read), but the key must be there.
    pub(crate) fn need<T>(
        &mut self,
        key: &'static str,
        notes: &mut Notes<'_>,
        leaf: impl FnOnce(&'t Node, &mut Notes<'_>) -> Option<T>,
    ) -> Option<At<T>> {
        let there = self.entries.iter().any(|entry| entry.key.value == key);
        if !there && !self.doubtful.iter().any(|entry| foreign::concerns(&entry.key.value, key)) {
            let message = format!("{} has no `{key}`", self.what);
            let example = foreign::example(key).filter(|_| self.forgiving);
            let help = example.map(|example| format!("write {example}"));
            let fault = Fault::new(codes::MISSING_KEY, message).label(self.at, "here");
            notes.fault(fault.maybe_help(help));
        }
        self.read(key, notes, leaf)
    }

    /// Whether one of some keys is there, which are not asked for.
    pub(crate) fn has(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|entry| keys.contains(&entry.key.value.as_str()))
    }

    /// A key of format 1 that this version does not run.
    pub(crate) fn later(&mut self, key: &'static str, notes: &mut Notes<'_>) {
        self.later.push(key);
        if let Some(entry) = self.entries.iter().find(|entry| entry.key.value == key) {
            not_yet(&format!("`{key}`"), entry.key.span, notes);
        }
    }

    /// Keys of which it is known where they belong.
    pub(crate) fn elsewhere(&mut self, keys: &[&'static str], help: &str, notes: &mut Notes<'_>) {
        for key in keys {
            let Some(entry) = self.entries.iter().find(|entry| entry.key.value == *key) else {
                continue;
            };
            self.later.push(key);
            let fault = Fault::new(codes::UNKNOWN_KEY, format!("{} has no key `{key}`", self.what));
            notes.fault(fault.label(entry.key.span, "unknown key").help(help));
        }
    }

    /// Other names are those of agents, wires and the like: in a table that does not ask for them, the same words
    /// mean something else.
    fn advice(&self, key: &str) -> Option<String> {
        if self.forgiving {
            return foreign::advice(key, &self.known).or_else(|| self.usual(key));
        }
        let usual = self.usual(key);
        match foreign::home(key).filter(|_| nearest(key, self.known.iter().copied()).is_none()) {
            Some(home) => Some(usual.map_or(home.clone(), |usual| format!("{home}; {usual}"))),
            None => usual,
        }
    }

    fn usual(&self, key: &str) -> Option<String> {
        let known = did_you_mean(key, self.known.iter().copied());
        if self.known.contains(&"actor") {
            let own = format!("a key of its actor stands in its config: config = {{ {key} = … }}");
            return Some(known.map_or(own.clone(), |known| format!("{own}; {known}")));
        }
        known
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self, notes: &mut Notes<'_>) {
        #[cfg(test)]
        seen::note(&self.what, &self.known);
        let read = |key: &str| self.known.contains(&key) || self.later.contains(&key);
        for entry in self.entries.iter().filter(|entry| !read(&entry.key.value)) {
            let key = &entry.key.value;
            let message = format!("{} has no key `{key}`", self.what);
            let fault = Fault::new(codes::UNKNOWN_KEY, message);
            let help = || {
                let section = self.known.contains(&"agents") && foreign::stands_for(key, "agents");
                misplaced(entry).filter(|_| !section).or_else(|| self.advice(key))
            };
            let help = if notes.enough(codes::UNKNOWN_KEY) { None } else { help() };
            notes.fault(fault.label(entry.key.span, "unknown key").maybe_help(help));
        }
    }
}

/// What looks like an agent where none can stand.
fn misplaced(entry: &Entry) -> Option<String> {
    let inner = entry.value.entries()?;
    let agent = [entry].into_iter().chain(inner).find(|entry| is_agent(&entry.value))?;
    Some(format!("an agent stands in [agents.{}], below nothing else", agent.key.value))
}

/// Whether a value is what an agent is.
pub(crate) fn is_agent(node: &Node) -> bool {
    node.entries().is_some_and(|entries| entries.iter().any(|entry| entry.key.value == "actor"))
}

/// A fault for what the language has but this version does not run.
pub(crate) fn not_yet(what: &str, span: Span, notes: &mut Notes<'_>) {
    let message = format!("{what} is part of format 1 but not in this version");
    notes.fault(Fault::new(codes::NOT_YET, message).label(span, "not in this version"));
}

/// A fault for a value of another kind.
pub(crate) fn wrong_kind(wanted: &str, node: &Node, notes: &mut Notes<'_>) {
    let message = format!("expected {wanted}, found {}", node.kind());
    let fault = Fault::new(codes::WRONG_KIND, message);
    let fault = fault.label(node.span, format!("this is {}", node.kind()));
    notes.fault(fault.maybe_help(slip::of(wanted, node)));
}

/// A table's entries, in file order.
pub(crate) fn table<'t>(node: &'t Node, notes: &mut Notes<'_>) -> Option<&'t [Entry]> {
    inner_table(node, "a table", notes)
}

/// As [`table`], with what the table is for.
pub(crate) fn inner_table<'t>(
    node: &'t Node,
    wanted: &str,
    notes: &mut Notes<'_>,
) -> Option<&'t [Entry]> {
    let entries = node.entries();
    if entries.is_none() {
        wrong_kind(wanted, node, notes);
    }
    entries
}

pub(crate) fn string(node: &Node, notes: &mut Notes<'_>) -> Option<String> {
    text(node, "a string", notes).map(str::to_owned)
}

/// A string that is something more.
pub(crate) fn text<'t>(node: &'t Node, wanted: &str, notes: &mut Notes<'_>) -> Option<&'t str> {
    if let Tree::String(text) = &node.tree {
        return Some(text);
    }
    wrong_kind(wanted, node, notes);
    None
}

pub(crate) fn boolean(node: &Node, notes: &mut Notes<'_>) -> Option<bool> {
    if let Tree::Bool(value) = node.tree {
        return Some(value);
    }
    wrong_kind(slip::BOOLEAN, node, notes);
    None
}

/// An array of strings.
pub(crate) fn strings(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<At<String>>> {
    let Tree::Array(items) = &node.tree else {
        wrong_kind(slip::STRINGS, node, notes);
        return None;
    };
    let read = |node: &Node| string(node, notes).map(|text| At::new(text, node.span));
    Some(items.iter().filter_map(read).collect())
}

/// A whole number within `least..=most`.
pub(crate) fn whole(
    least: u64,
    most: u64,
) -> impl FnOnce(&Node, &mut Notes<'_>) -> Option<u64> + Copy {
    move |node, notes| {
        let Tree::Integer(number) = node.tree else {
            wrong_kind(&integer(least, most), node, notes);
            return None;
        };
        let fits = u64::try_from(number).ok().filter(|number| (least..=most).contains(number));
        if fits.is_none() {
            out_of_range(&number.to_string(), (&least.to_string(), &most.to_string()), node, notes);
        }
        fits
    }
}

/// A whole number, with its bounds if they say something.
fn integer(least: u64, most: u64) -> String {
    const SAYS_SOMETHING: u64 = 1_000_000_000;
    match most {
        ..=SAYS_SOMETHING => format!("{} from {least} to {most}", slip::INTEGER),
        _ => slip::INTEGER.to_owned(),
    }
}

/// As [`whole`], for numbers that the plan keeps in 32 bits.
pub(crate) fn whole32(
    least: u32,
    most: u32,
) -> impl FnOnce(&Node, &mut Notes<'_>) -> Option<u32> + Copy {
    move |node, notes| {
        let number = whole(least.into(), most.into())(node, notes)?;
        u32::try_from(number).ok()
    }
}

fn out_of_range(found: &str, (least, most): (&str, &str), node: &Node, notes: &mut Notes<'_>) {
    let message = format!("{found} is out of range");
    let fault = Fault::new(codes::RANGE, message);
    notes.fault(fault.label(node.span, format!("must be within {least} and {most}")));
}

/// A duration of at least one millisecond and at most 30 days, in milliseconds.
pub(crate) fn duration(node: &Node, notes: &mut Notes<'_>) -> Option<u64> {
    milliseconds(text(node, slip::DURATION, notes)?, node, notes)
}

/// As [`duration`], of a text that is one or means to be.
pub(crate) fn milliseconds(text: &str, node: &Node, notes: &mut Notes<'_>) -> Option<u64> {
    const LONGEST: u64 = 30 * 24 * 3_600_000;
    let Some(ms) = units::milliseconds(text) else {
        let message = format!("`{text}` is not a duration");
        let fault = Fault::new(codes::UNIT, message).label(node.span, "expected a duration");
        let usual = "a duration is a whole number with `ms`, `s`, `m` or `h`: \"30s\"";
        notes.fault(fault.help(slip::question(units::meant_duration(text), usual)));
        return None;
    };
    if (1..=LONGEST).contains(&ms) {
        return Some(ms);
    }
    out_of_range(text, ("1ms", "720h"), node, notes);
    None
}

/// A size of at most `most` bytes, in bytes.
pub(crate) fn size(most: u64) -> impl FnOnce(&Node, &mut Notes<'_>) -> Option<u64> {
    const LEAST: u64 = 64 << 10;
    move |node, notes| {
        let text = text(node, slip::SIZE, notes)?;
        let Some(bytes) = units::bytes(text) else {
            let message = format!("`{text}` is not a size");
            let fault = Fault::new(codes::UNIT, message).label(node.span, "expected a size");
            let usual = "a size is a whole number with `KiB`, `MiB` or `GiB`: \"64MiB\"";
            notes.fault(fault.help(slip::question(units::meant_size(text), usual)));
            return None;
        };
        if (LEAST..=most).contains(&bytes) {
            return Some(bytes);
        }
        out_of_range(text, ("64KiB", &units::size(most)), node, notes);
        None
    }
}

/// One of a few words.
pub(crate) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl FnOnce(&Node, &mut Notes<'_>) -> Option<T> {
    move |node, notes| {
        let names: Vec<&'static str> = words.iter().map(|(name, _)| *name).collect();
        let text = text(node, &format!("one of {}", list(&names)), notes)?;
        let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let message = format!("`{text}` is not one of {}", list(&names));
            let called = foreign::word_called(text, &names);
            let called = called.map(|called| format!("here it is `{called}`"));
            let help = called.or_else(|| nearest(text, names.iter().copied()));
            let fault = Fault::new(codes::WORD, message).label(node.span, "unknown word");
            notes.fault(fault.maybe_help(help));
        }
        found
    }
}

/// Checks that `name` is `[a-z][a-z0-9-]*`.
pub(crate) fn check_name(name: &At<String>, what: &str, notes: &mut Notes<'_>) {
    if !is_name(&name.value) {
        let message = format!("`{}` cannot name {what}", name.value);
        let fault = Fault::new(codes::BAD_NAME, message).label(name.span, "not a name");
        let usual = "a name is a small letter, then small letters, digits and `-`";
        notes.fault(fault.help(slip::question(slip::name(&name.value), usual)));
    }
}

/// As [`check_name`], for what stands in modules too: `expand` writes it as names with `/` between them.
pub(crate) fn check_path(name: &At<String>, what: &str, notes: &mut Notes<'_>) {
    if !name.value.split('/').all(is_name) {
        check_name(name, what, notes);
    }
}

/// Whether it is `[a-z][a-z0-9-]*`.
pub(crate) fn is_name(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase()) && bytes.all(rest)
}

/// Which keys each table knows, so that a test can hold the schema against them.
#[cfg(test)]
pub(crate) mod seen {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    pub(crate) type Seen = BTreeMap<String, BTreeSet<&'static str>>;

    thread_local! {
        static SEEN: RefCell<Seen> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn note(what: &str, known: &[&'static str]) {
        SEEN.with_borrow_mut(|seen| {
            seen.entry(what.to_owned()).or_default().extend(known);
        });
    }

    /// What this thread has seen since the last time.
    pub(crate) fn take() -> Seen {
        SEEN.take()
    }
}
