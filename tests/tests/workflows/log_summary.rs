//! `log-summary` counts what the generator of the log has counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};
use theater_flow_tests::dice::Dice;

use crate::{Job, size};

/// What the log says, counted while it was made.
#[derive(Default)]
struct Counted {
    requests: u64,
    bytes: u64,
    unread: u64,
    /// Requests and bytes.
    statuses: BTreeMap<u64, (u64, u64)>,
    paths: BTreeMap<String, (u64, u64)>,
    /// Thousandths of a second, and the line.
    times: Vec<(u64, u64)>,
}

/// How a line of the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Combined,
    JsonLines,
}

pub(crate) fn job() -> Job {
    let params = [("log", "log"), ("report", "report.md"), ("table", "table.json")];
    Job::new("log-summary", &params, &["report.md", "table.json"])
}

#[test]
fn the_numbers_of_a_web_servers_log_are_right() {
    right(Kind::Combined, size(20_000, 1_000_000));
}

#[test]
fn the_numbers_of_json_lines_are_right() {
    right(Kind::JsonLines, size(20_000, 1_000_000));
}

fn right(kind: Kind, lines: usize) {
    let job = job();
    let counted = generate(&job, kind, lines);
    let began = std::time::Instant::now();
    let ran = job.run();
    let table: Value = serde_json::from_str(&job.scene.read("table.json")).expect("one JSON value");
    check(&table, &counted);
    println!(
        "log-summary: {lines} lines as {kind:?}, {:?} with verify and replay; log {} bytes, peak {} bytes",
        began.elapsed(),
        job.disk(),
        ran.peak
    );
}

fn check(table: &Value, counted: &Counted) {
    let rows = |name: &str| table[name]["groups"].as_array().expect("rows").clone();
    let all = &rows("all")[0];
    assert_eq!((&all["count"], &all["bytes"]), (&json!(counted.requests), &json!(counted.bytes)));
    let statuses: Vec<Value> = rows("status")
        .iter()
        .map(|row| json!([row["status"], row["count"], row["bytes"]]))
        .collect();
    let expected: Vec<Value> =
        counted.statuses.iter().map(|(status, (n, bytes))| json!([status, n, bytes])).collect();
    assert_eq!(statuses, expected);
    let paths: Vec<Value> =
        rows("paths").iter().map(|row| json!([row["path"], row["count"], row["bytes"]])).collect();
    assert_eq!(paths, most_requested(counted));
    let slowest = rows("slowest")[0]["requests"].as_array().expect("requests").clone();
    let mut times = counted.times.clone();
    times.sort_by_key(|(took, line)| (std::cmp::Reverse(*took), *line));
    assert_eq!(slowest.len(), 10);
    for (row, (took, line)) in slowest.iter().zip(times) {
        assert_eq!((row["line"].as_u64(), rounded(&row["ms"])), (Some(line), took));
    }
    assert_eq!(table["others"]["count"], counted.unread);
    assert_eq!(table["unread"]["count"], 0);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
fn rounded(ms: &Value) -> u64 {
    ms.as_f64().expect("a number").round() as u64
}

fn most_requested(counted: &Counted) -> Vec<Value> {
    let mut paths: Vec<_> = counted.paths.iter().collect();
    paths.sort_by_key(|(path, (n, _))| (std::cmp::Reverse(*n), (*path).clone()));
    paths.iter().take(20).map(|(path, (n, bytes))| json!([path, n, bytes])).collect()
}

/// Writes a log of so many lines.
fn generate(job: &Job, kind: Kind, lines: usize) -> Counted {
    let mut dice = Dice::new(11);
    let mut counted = Counted::default();
    let mut log = String::new();
    for line in 1..=lines as u64 {
        if dice.below(500) == 0 {
            log += "\u{1b}[31mnot a request\n";
            counted.unread += 1;
            continue;
        }
        request(kind, line, &mut dice, (&mut log, &mut counted));
    }
    fs::write(job.scene.path().join("log"), log).expect("it can be written");
    counted
}

/// One request, written and counted.
fn request(kind: Kind, line: u64, dice: &mut Dice, (log, counted): (&mut String, &mut Counted)) {
    let statuses = [200, 200, 200, 200, 304, 404, 500];
    let status = statuses[usize::try_from(dice.below(7)).expect("it is small")];
    let bytes = if status == 304 { 0 } else { dice.below(1 << 33) };
    let path = format!("/{}/{}", ["a", "ü", "c d"][(line % 3) as usize], dice.below(12));
    let path = path.replace(' ', "%20");
    let query = if dice.below(3) == 0 { "?q=1&r=2" } else { "" };
    let took = dice.below(90_000);
    let said = match kind {
        Kind::JsonLines => json!({
            "time": format!("t{line}"), "method": "GET", "url": format!("{path}{query}"),
            "status": status, "bytes": bytes, "duration_ms": took,
        })
        .to_string(),
        Kind::Combined => {
            let size = if bytes == 0 { "-".to_owned() } else { bytes.to_string() };
            let (seconds, thousandths) = (took / 1_000, took % 1_000);
            format!(
                "::1 - me [14/Mar/2026:08:{:02}:00 +0000] \"GET {path}{query} HTTP/1.1\" {status} {size} \
                 \"-\" \"agent \" {seconds}.{thousandths:03}",
                line % 60
            )
        }
    };
    writeln!(log, "{said}").expect("a string takes all");
    counted.requests += 1;
    counted.bytes += bytes;
    let status = counted.statuses.entry(status).or_default();
    let path = counted.paths.entry(path).or_default();
    for count in [status, path] {
        *count = (count.0 + 1, count.1 + bytes);
    }
    counted.times.push((took, line));
}

/// Many more paths than rows of the table: no request is lost for it.
#[test]
fn a_log_of_ever_new_paths_is_counted_whole() {
    let job = job();
    let line = |n| {
        format!(
            "1.1.1.1 - - [14/Mar/2026:08:00:00 +0000] \"GET /u/{n} HTTP/1.1\" 200 5 \"-\" \"x\" 0.010\n"
        )
    };
    let lines = size(12_000, 300_000);
    job.scene.file("log", (0..lines).map(line).collect::<String>());
    job.run();
    let table: Value = serde_json::from_str(&job.scene.read("table.json")).expect("one JSON value");
    let count = |name: &str| table[name]["groups"][0]["count"].clone();
    assert_eq!((count("all"), count("status")), (json!(lines), json!(lines)));
    assert_eq!(table["paths"]["count"], lines);
}

/// What servers write when a request is none, and what stands between quotes.
#[test]
fn odd_lines_of_servers_are_requests() {
    let job = job();
    let lines = [
        r#"1.1.1.1 - - [t] "-" 408 0 "-" "-""#,
        r#"1.1.1.1 - - [t] "\x16\x03\x01" 400 226 "-" "-""#,
        r#"1.1.1.1 - a b [t] "GET / HTTP/1.1" 200 1 "-" "say \"hi\"" "10.0.0.1" 0.5"#,
        r#"{"path":"/a","status":"200","ms":"12"}"#,
    ];
    job.scene.file("log", lines.join("\n"));
    let ran = job.run();
    assert!(ran.text().contains("4 requests"), "{ran}");
}

/// A log for those who look at other things.
pub(crate) fn generate_small(job: &Job) {
    generate(job, Kind::Combined, 3_000);
}

#[test]
fn a_log_without_a_request_is_summarised_too() {
    for (text, says) in [
        ("", "No requests."),
        ("what is this?\n", "1 lines are no requests"),
        ("{\"a\":1}\n", "1 lines could not be read"),
    ] {
        let job = job();
        job.scene.file("log", text);
        let ran = job.run();
        assert!(ran.text().contains(says), "{ran}");
    }
}
