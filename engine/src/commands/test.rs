//! `test`: the tests that pipeline files hold.

use std::sync::Arc;

use serde_json::{Value, json};
use theater_flow_dsl::{Compiled, Mode, Severity};
use theater_flow_host::Host;

use super::check;
use crate::cli::Test;
use crate::compile::{Fetcher, Pipeline};
use crate::exit::{Exit, Problem};
use crate::render::escape::escape;
use crate::render::{Screen, Tone, fit, position};
use crate::testing::{self, Difference, House, Verdict};

/// Columns of a message that is shown to people.
const SHOWN_COLUMNS: usize = 400;
/// Lines shown of what was seen.
const SHOWN_LINES: usize = 8;

/// What came of the tests of a file, or of several.
#[derive(Clone, Copy, Default)]
struct Tally {
    ok: usize,
    failed: usize,
    faulty: bool,
}

pub(super) fn test(screen: &Screen, args: &Test) -> Result<Exit, Problem> {
    let (mut all, mut missing) = (Tally::default(), false);
    for file in &args.files {
        let pipeline = match Pipeline::read(file) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                screen.problem(&error.to_string(), None);
                let is_fault = matches!(Problem::from(error).exit(), Exit::Faults);
                all.faulty |= is_fault;
                missing |= !is_fault;
                continue;
            }
        };
        let tally = of_file(screen, &pipeline, args.filter.as_deref())?;
        all.ok += tally.ok;
        all.failed += tally.failed;
        all.faulty |= tally.faulty;
    }
    match all {
        Tally { faulty: true, .. } => Ok(Exit::Faults),
        Tally { .. } if missing => Ok(Exit::Usage),
        Tally { failed: 1.., .. } => Ok(Exit::Failed),
        Tally { ok: 0, .. } if args.filter.is_some() => {
            Err(Problem::usage("no test has this in its name"))
        }
        Tally { .. } => Ok(Exit::Ok),
    }
}

fn of_file(screen: &Screen, pipeline: &Pipeline, filter: Option<&str>) -> Result<Tally, Problem> {
    let (host, mut fetcher, mut compiled) = check::compile_to_run(pipeline, &[], Mode::Check)?;
    let mut tally = Tally { faulty: tell(screen, pipeline, &mut compiled)?, ..Tally::default() };
    if tally.faulty {
        return Ok(tally);
    }
    let wanted = |name: &str| filter.is_none_or(|part| name.contains(part));
    let tests = compiled.tests;
    for (nth, name) in tests.iter().enumerate().filter(|(_, name)| wanted(name)) {
        match one(screen, pipeline, (&mut fetcher, &host), (nth, name))? {
            Some(true) => tally.ok += 1,
            Some(false) => tally.failed += 1,
            None => tally.faulty = true,
        }
    }
    let name = escape(&pipeline.name);
    screen.say(&match (tests.len(), tally.failed) {
        (0, _) => format!("{name}: no tests"),
        (_, 0) => format!("{name}: {} ok", tally.ok),
        (_, failed) => format!("{name}: {} ok, {failed} failed", tally.ok),
    });
    Ok(tally)
}

/// Shows what keeps a file from being run; true if there is something. Warnings are `check`'s: a param without a
/// value may have one in the test.
fn tell(screen: &Screen, pipeline: &Pipeline, compiled: &mut Compiled) -> Result<bool, Problem> {
    compiled.faults.retain(|fault| fault.severity == Severity::Error);
    check::show(screen, pipeline, compiled)?;
    Ok(!compiled.faults.is_empty())
}

/// Runs one test and shows what came of it. `None` if the file is faulty with what the test puts into it.
fn one(
    screen: &Screen,
    pipeline: &Pipeline,
    (fetcher, host): (&mut Fetcher, &Arc<Host>),
    (nth, name): (usize, &str),
) -> Result<Option<bool>, Problem> {
    let mut compiled = fetcher.compile(pipeline, &[], Mode::Test(nth));
    let (Some(plan), Some(test)) = (compiled.plan.take(), compiled.test.take()) else {
        screen.say(&format!("{}: test `{}`", escape(&pipeline.name), escape(name)));
        tell(screen, pipeline, &mut compiled)?;
        return Ok(None);
    };
    let house = House { host: Arc::clone(host), actors: fetcher.actors() };
    let verdict = testing::run(&test, plan, house)?;
    let is_ok = verdict.differences.is_empty();
    if screen.is_json() {
        screen.json(&verdict_json(pipeline, name, &verdict))?;
    } else {
        show(screen, pipeline, name, &verdict)?;
    }
    Ok(Some(is_ok))
}

fn show(
    screen: &Screen,
    pipeline: &Pipeline,
    name: &str,
    verdict: &Verdict,
) -> Result<(), Problem> {
    let is_ok = verdict.differences.is_empty();
    let (tone, word) = if is_ok { (Tone::Good, "ok    ") } else { (Tone::Bad, "failed") };
    screen.line(&format!("{}  {}", screen.look().paint(tone, word), escape(name)))?;
    for difference in &verdict.differences {
        let (line, column) = position(&pipeline.text, difference.span.start);
        let file = escape(&pipeline.name);
        screen.line(&format!("  {file}:{line}:{column}: {}", escape(&difference.what)))?;
        let Difference { expected, seen, .. } = difference;
        for (label, value) in [("expected", expected), ("seen    ", seen)] {
            value.iter().try_for_each(|value| labelled(screen, label, value))?;
        }
    }
    if !verdict.troubles.is_empty() {
        screen.line("  what went wrong in its run:")?;
    }
    for trouble in &verdict.troubles {
        screen.line(&format!("    {}", fit(&escape(trouble), SHOWN_COLUMNS)))?;
    }
    Ok(())
}

/// What was expected or seen, its lines one below the other.
fn labelled(screen: &Screen, label: &str, value: &str) -> Result<(), Problem> {
    let lines: Vec<&str> = value.split('\n').collect();
    for (nth, line) in lines.iter().take(SHOWN_LINES).enumerate() {
        let label = if nth == 0 { label } else { "        " };
        screen.line(&format!("    {label}  {}", fit(&escape(line), SHOWN_COLUMNS)))?;
    }
    if lines.len() > SHOWN_LINES {
        screen.line(&format!("              … and {} more", lines.len() - SHOWN_LINES))?;
    }
    Ok(())
}

fn verdict_json(pipeline: &Pipeline, name: &str, verdict: &Verdict) -> Value {
    let difference = |difference: &Difference| {
        let (line, col) = position(&pipeline.text, difference.span.start);
        let Difference { span, what, expected, seen } = difference;
        json!({
            "what": what, "expected": expected, "seen": seen,
            "start": span.start, "end": span.end, "line": line, "col": col,
        })
    };
    let differences: Vec<Value> = verdict.differences.iter().map(difference).collect();
    json!({
        "file": pipeline.name, "test": name, "ok": differences.is_empty(),
        "differences": differences, "troubles": verdict.troubles,
        "records": verdict.records, "took_ms": verdict.took_ms,
    })
}
