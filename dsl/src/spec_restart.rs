//! From the tree to what agents and supervisors say alike: when they are started again, after which waits, and how
//! long they may take to stop.

use theater_flow_kernel::plan::{AutoShutdown, Backoff, Restart, Shutdown, Strategy};

use crate::codes;
use crate::fault::{Fault, list, nearest};
use crate::foreign;
use crate::notes::Notes;
use crate::slip;
use crate::span::Span;
use crate::spec::{SupervisorHabits, SupervisorSpec, WaitSpec};
use crate::table::{
    Table, boolean, check_path, duration, inner_table, milliseconds, strings, text, whole32, word,
};
use crate::tree::{Entry, Node};
use crate::units;

pub(crate) const RESTARTS: &[(&str, Restart)] = &[
    ("permanent", Restart::Permanent),
    ("transient", Restart::Transient),
    ("temporary", Restart::Temporary),
];
pub(crate) const BACKOFFS: &[(&str, Backoff)] = &[
    ("constant", Backoff::Constant),
    ("linear", Backoff::Linear),
    ("exponential", Backoff::Exponential),
];
pub(crate) const STRATEGIES: &[(&str, Strategy)] = &[
    ("one-for-one", Strategy::OneForOne),
    ("one-for-all", Strategy::OneForAll),
    ("rest-for-one", Strategy::RestForOne),
];
pub(crate) const AUTO_SHUTDOWNS: &[(&str, AutoShutdown)] = &[
    ("never", AutoShutdown::Never),
    ("any-significant", AutoShutdown::AnySignificant),
    ("all-significant", AutoShutdown::AllSignificant),
];
/// What may stand in the place of a time.
pub(crate) const SHUTDOWNS: &[(&str, Shutdown)] =
    &[("infinity", Shutdown::Infinity), ("brutal-kill", Shutdown::BrutalKill)];

/// Reads `[supervisors.<name>]`.
pub(crate) fn supervisor(entry: &Entry, notes: &mut Notes<'_>) -> Option<SupervisorSpec> {
    let name = entry.key.clone();
    check_path(&name, "a supervisor", notes);
    let mut table = Table::of(format!("supervisor `{}`", name.value), entry, notes)?.forgiving();
    let before = notes.told();
    let children = table.need("children", notes, strings);
    let spec = SupervisorSpec {
        children: children.map_or_else(Vec::new, |read| read.value),
        unclear: notes.told() > before,
        habits: supervisor_habits(&mut table, notes),
        significant: significant(&mut table, notes),
        name,
    };
    table.finish(notes);
    Some(spec)
}

/// Reads what a supervisor and `[defaults.supervisor]` have in common.
pub(crate) fn supervisor_habits(table: &mut Table<'_>, notes: &mut Notes<'_>) -> SupervisorHabits {
    let before = notes.told();
    let habits = SupervisorHabits {
        strategy: table.read("strategy", notes, word(STRATEGIES)),
        intensity: table.read("intensity", notes, whole32(0, 1_000_000)).map(|read| read.value),
        period_ms: table.read("period", notes, duration).map(|read| read.value),
        delay: table.read("delay", notes, delay).map(|read| read.value),
        restart: table.read("restart", notes, word(RESTARTS)),
        shutdown: table.read("shutdown", notes, shutdown),
        auto_shutdown: table.read("auto_shutdown", notes, word(AUTO_SHUTDOWNS)),
        unclear: false,
    };
    SupervisorHabits { unclear: notes.told() > before, ..habits }
}

/// Whether it is said, and where.
pub(crate) fn significant(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Significant {
    let before = notes.told();
    let said = table.read("significant", notes, boolean).filter(|said| said.value);
    match said {
        Some(said) => Significant::Said(said.span),
        None if notes.told() > before => Significant::Unclear,
        None => Significant::No,
    }
}

/// `significant` of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Significant {
    No,
    /// `true`, at this place.
    Said(Span),
    /// After a fault: it may have been meant.
    Unclear,
}

impl Significant {
    /// Where it is said.
    pub(crate) const fn span(self) -> Option<Span> {
        match self {
            Self::Said(span) => Some(span),
            Self::No | Self::Unclear => None,
        }
    }
}

/// `{ backoff = "exponential", base = "100ms", cap = "10s" }`, each of it if it is there.
pub(crate) fn wait(table: &mut Table<'_>, notes: &mut Notes<'_>) -> WaitSpec {
    WaitSpec {
        backoff: table.read("backoff", notes, word(BACKOFFS)).map(|read| read.value),
        base_ms: table.read("base", notes, duration).map(|read| read.value),
        cap_ms: table.read("cap", notes, duration).map(|read| read.value),
    }
}

fn delay(node: &Node, notes: &mut Notes<'_>) -> Option<WaitSpec> {
    let mut table =
        Table::new("`delay`", node.span, inner_table(node, slip::DELAY, notes)?).forgiving();
    let delay = wait(&mut table, notes);
    table.finish(notes);
    Some(delay)
}

/// A time to come to rest in, or a word for none or any.
pub(crate) fn shutdown(node: &Node, notes: &mut Notes<'_>) -> Option<Shutdown> {
    let said = text(node, slip::SHUTDOWN, notes)?;
    if let Some((_, shutdown)) = SHUTDOWNS.iter().find(|(word, _)| *word == said) {
        return Some(*shutdown);
    }
    if units::milliseconds(said) == Some(0) {
        let fault = Fault::new(codes::RANGE, format!("{said} is out of range"));
        let fault = fault.label(node.span, "no time at all");
        notes.fault(fault.help("\"brutal-kill\" ends it at once"));
        return None;
    }
    if said.starts_with(|c: char| c.is_ascii_digit()) {
        return milliseconds(said, node, notes).map(Shutdown::After);
    }
    let words = SHUTDOWNS.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    let message = format!("`{said}` is neither a duration nor one of {}", list(&words));
    let called = foreign::word_called(said, &words);
    let called = called.map(|called| format!("here it is `{called}`"));
    let usual = || "a duration is a whole number with `ms`, `s`, `m` or `h`: \"5s\"".to_owned();
    let help = nearest(said, words.iter().copied()).or(called).unwrap_or_else(usual);
    let fault = Fault::new(codes::WORD, message).label(node.span, "unknown word");
    notes.fault(fault.help(help));
    None
}
