//! How a run goes: a few lines that change while it does, and a table of what came of it.

use std::time::Duration;

use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::state::{Phase, State};

use super::tree::{life, life_tone};
use super::{count, status};
use crate::render::escape::escape;
use crate::render::{Look, Size, columns, fit};

/// Columns of an agent's name; a longer one is cut.
const NAME: usize = 20;
/// Columns of a number, at least: it may grow without moving what follows.
const NUMBER: usize = 7;
/// Agents in the table at the end.
const TABLE: usize = 64;

/// A run at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figures {
    /// `running`, `stopping`, `completed`, ….
    pub phase: &'static str,
    /// Records so far.
    pub records: u64,
    /// Dead letters that the engine keeps.
    pub dead_letters: u64,
    /// By id.
    pub agents: Vec<AgentFigures>,
}

/// An agent at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentFigures {
    /// As `tree` has it.
    pub state: &'static str,
    /// Messages handled.
    pub handled: u64,
    /// Values emitted.
    pub emitted: u64,
    /// Messages that wait.
    pub waiting: u64,
    /// Faults, crashes and dead letters.
    pub failures: u64,
    /// Restarts by its supervisor.
    pub restarts: u64,
}

impl Figures {
    /// Those of a state.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let agents = state.kept.agents.iter().map(|agent| AgentFigures {
            state: life(agent),
            handled: agent.handled,
            emitted: agent.emitted,
            waiting: agent.depth() as u64,
            failures: agent.faults + agent.crashes + agent.letters,
            restarts: agent.restarts,
        });
        let phase = match state.kept.phase {
            Phase::New => "beginning",
            Phase::Running => "running",
            Phase::Stopping => "stopping",
            Phase::Suspended => "suspended",
            Phase::Waiting => "waiting",
            Phase::Failing => "failing",
            Phase::Finished(how) => status(how),
        };
        let (records, dead_letters) = (state.kept.next_seq, state.kept.dead_letters);
        Self { phase, records, dead_letters, agents: agents.collect() }
    }
}

/// How much an agent is worth a line, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Interest {
    Failing,
    Busy,
    Quiet,
}

fn interest(now: &AgentFigures, before: Option<&AgentFigures>) -> Interest {
    let moved = before.is_some_and(|before| before != now);
    if now.failures > 0 {
        Interest::Failing
    } else if moved || now.waiting > 0 {
        Interest::Busy
    } else {
        Interest::Quiet
    }
}

/// The agents that are worth a line, in their order, and what to say of the others.
fn chosen(interests: &[Interest], room: usize) -> (Vec<usize>, Option<String>) {
    let mut order: Vec<usize> = (0..interests.len()).collect();
    if order.len() <= room {
        return (order, None);
    }
    order.sort_by_key(|nth| interests[*nth]);
    let others = order.split_off(room.saturating_sub(1));
    order.sort_unstable();
    let number = |wanted| others.iter().filter(|nth| interests[**nth] == wanted).count();
    let words = [(number(Interest::Busy), "busy"), (number(Interest::Failing), "failing")];
    let words = words.iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = words.map(|(number, word)| format!("{number} {word}")).collect();
    let words = if words.is_empty() { "all quiet".to_owned() } else { words.join(", ") };
    (order, Some(format!("… and {} more, {words}", others.len())))
}

/// The lines of a run that goes on: how it is, and its agents, as far as there is room for them. Each is
/// less than `size` wide, and they are fewer than its rows.
#[must_use]
pub fn progress_lines(
    plan: &Plan,
    (now, before): (&Figures, Option<&Figures>),
    elapsed: Duration,
    look: Look,
    size: Size,
) -> Vec<String> {
    let (room, width) = (size.rows.saturating_sub(1), size.columns.saturating_sub(1));
    let records = count_of(now.records, "record", "records");
    let head = format!("{}  {}  {}  {records}", escape(&plan.name), now.phase, time(elapsed));
    let mut lines = vec![fit(&head, width)];
    // A heading without an agent below it says nothing.
    if let Some(room) = room.checked_sub(2).filter(|room| *room > 0) {
        let before = |nth: usize| before.and_then(|before| before.agents.get(nth));
        let each = now.agents.iter().enumerate();
        let interests: Vec<Interest> =
            each.map(|(nth, agent)| interest(agent, before(nth))).collect();
        let (shown, others) = chosen(&interests, room);
        let last = |agent: &AgentFigures| agent.waiting;
        lines.extend(table(plan, (now, &shown), ("waiting", &last), look, width));
        lines.extend(others.map(|others| fit(&others, width)));
    }
    lines.truncate(room);
    lines
}

/// The table of a run that this process has come to the end of, in which it wrote `records`.
#[must_use]
pub fn summary_lines(
    plan: &Plan,
    figures: &Figures,
    (elapsed, records): (Duration, u64),
    look: Look,
) -> Vec<String> {
    let interests: Vec<Interest> =
        figures.agents.iter().map(|agent| interest(agent, None)).collect();
    let (shown, others) = chosen(&interests, TABLE);
    let width = look.width.unwrap_or(usize::MAX);
    let last = |agent: &AgentFigures| agent.restarts;
    let mut lines = table(plan, (figures, &shown), ("restarts", &last), look, width);
    lines.extend(others);
    let letters = count_of(figures.dead_letters, "dead letter", "dead letters");
    let rate = u128::from(records) * 1_000 / elapsed.as_millis().max(1);
    let rate = grouped(u64::try_from(rate).unwrap_or(u64::MAX));
    let records = count_of(records, "record", "records");
    let last = format!("{letters}, {records} in {}, {rate} records/s", time(elapsed));
    lines.push(fit(&last, width));
    lines
}

/// A row for each of the agents that are shown, and the names of the columns.
fn table(
    plan: &Plan,
    (figures, shown): (&Figures, &[usize]),
    (last, value): (&str, &dyn Fn(&AgentFigures) -> u64),
    look: Look,
    width: usize,
) -> Vec<String> {
    let agents = shown.iter().filter_map(|nth| Some((*nth, figures.agents.get(*nth)?)));
    let mut rows = vec![["agent", "state", "in", "out", "failures", last].map(str::to_owned)];
    rows.extend(agents.map(|(nth, agent)| {
        let name = plan.agents.get(nth).map_or("?", |agent| agent.name.as_str());
        let numbers = [agent.handled, agent.emitted, agent.failures, value(agent)].map(grouped);
        let [handled, emitted, failures, last] = numbers;
        [fit(&escape(name), NAME), agent.state.to_owned(), handled, emitted, failures, last]
    }));
    let mut widths = [0, 0, NUMBER, NUMBER, NUMBER, NUMBER];
    for row in &rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = columns(cell).max(*width);
        }
    }
    let line = |(nth, row): (usize, &[String; 6])| {
        let line = fit(&in_columns(row, widths), width);
        if nth == 0 { line } else { painted(&line, widths[0], &row[1], look) }
    };
    rows.iter().enumerate().map(line).collect()
}

/// Words to the left of their columns, numbers to the right.
fn in_columns(row: &[String; 6], widths: [usize; 6]) -> String {
    let mut line = String::new();
    for (nth, (cell, width)) in row.iter().zip(widths).enumerate() {
        let pad = " ".repeat(width.saturating_sub(columns(cell)));
        let gap = if nth == 0 { "" } else { "  " };
        let (before, after) = if nth < 2 { ("", pad.as_str()) } else { (pad.as_str(), "") };
        line.extend([gap, before, cell, after]);
    }
    line
}

/// The line with its state coloured, which begins after `before` columns and the gap.
fn painted(line: &str, before: usize, state: &str, look: Look) -> String {
    let start = line.char_indices().find(|(at, _)| columns(&line[..*at]) == before + 2);
    let found = start.filter(|(at, _)| line[*at..].starts_with(state));
    let Some((at, _)) = found else { return line.to_owned() };
    let (name, rest) = line.split_at(at);
    let (state, rest) = rest.split_at(state.len());
    format!("{name}{}{rest}", look.paint(life_tone(state), state))
}

/// `1,234 records`.
fn count_of(number: u64, one: &str, more: &str) -> String {
    let words = count(number, one, more);
    let word = words.split_once(' ').map_or("", |(_, word)| word);
    format!("{} {word}", grouped(number))
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `0.4 s`, `2:05`, `1:02:05`.
fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("{seconds}.{} s", elapsed.subsec_millis() / 100),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}
