//! The list of runs.

use super::json::Json;
use super::time;
use super::waiting::widening_line;
use crate::head::LastReload;
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns};
use crate::runs::Listed;

/// Columns of the longest word for how a run is.
const STATUS: usize = 11;

/// A run as a JSON object.
#[must_use]
pub fn run_json(run: &Listed) -> Json {
    let head = run.head.as_ref();
    let parent = head.and_then(|head| head.parent.as_ref());
    Json::Object(vec![
        ("run", Json::text(run.id)),
        ("name", head.map(|head| Json::text(&head.name)).into()),
        ("status", Json::text(&run.status)),
        ("started", run.started_ms.into()),
        ("records", head.map(|head| head.seq).into()),
        ("head", head.map(|head| Json::text(head.head)).into()),
        ("pid", run.owner.into()),
        ("parent", parent.map(|from| Json::text(&from.run)).into()),
        ("after", parent.map(|from| from.seq).into()),
        ("reload", head.and_then(|head| head.reloads.last.as_ref()).map(reload_json).into()),
        ("waits", head.and_then(|head| head.reloads.waits).into()),
        ("widens", widens(run).iter().map(Json::text).collect()),
    ])
}

/// The last reload of a run as a JSON object.
fn reload_json(last: &LastReload) -> Json {
    Json::Object(vec![
        ("outcome", Json::text(&last.outcome)),
        ("record", last.record.into()),
        ("at", last.at.into()),
        ("what", Json::text(&last.what)),
    ])
}

/// What the plan that waits gives to whom.
fn widens(run: &Listed) -> &[String] {
    run.head.as_ref().map_or(&[], |head| &head.reloads.widens)
}

/// Runs for people, one line each, and what plans that wait give to whom.
#[must_use]
pub fn run_lines(runs: &[Listed], look: Look) -> Vec<String> {
    let names =
        runs.iter().filter_map(|run| run.head.as_ref()).map(|head| columns(&escape(&head.name)));
    let width = names.max().unwrap_or(1);
    let line = |run: &Listed| {
        let head = run.head.as_ref();
        let name = head.map_or("-".into(), |head| escape(&head.name));
        let pad = " ".repeat(width.saturating_sub(columns(&name)));
        let status = look.paint(tone(&run.status), &format!("{:<STATUS$}", escape(&run.status)));
        let started = time::date_time(run.started_ms);
        let records = head.map_or_else(String::new, |head| format!("{} records", head.seq));
        let parent = head.and_then(|head| head.parent.as_ref());
        let from = parent.map_or_else(String::new, |from| {
            format!("  from {} after record {}", escape(&from.run), from.seq)
        });
        let waits = head.and_then(|head| head.reloads.waits).map_or_else(String::new, |seq| {
            look.paint(Tone::Warn, &format!("  the plan of record {seq} waits for approval"))
        });
        let line = format!("{}  {status}  {name}{pad}  {started}  {records}{from}{waits}", run.id);
        line.trim_end().to_owned()
    };
    let more = |run| widens(run).iter().map(|what| widening_line(what, look));
    runs.iter().flat_map(|run| std::iter::once(line(run)).chain(more(run))).collect()
}

fn tone(status: &str) -> Tone {
    match status {
        "completed" => Tone::Good,
        "running" => Tone::Strong,
        "failed" | "damaged" => Tone::Bad,
        _ => Tone::Warn,
    }
}
