//! `timeline` has what the generator of the logs put into them, in order of time.

use std::fmt::Write as _;

use theater_flow_tests::dice::Dice;

use crate::{Job, size};

pub(crate) fn job() -> Job {
    let params = [
        ("web", "web.log"),
        ("orders", "orders.log"),
        ("timeline", "timeline.txt"),
        ("unread", "unread.jsonl"),
    ];
    Job::new("timeline", &params, &["timeline.txt", "unread.jsonl"])
}

/// What a timeline of the logs must say.
#[derive(Default)]
pub(crate) struct Meant {
    /// Time, service, line of its log, and what is written.
    trouble: Vec<(String, &'static str, usize, String)>,
    unread: usize,
}

#[test]
fn trouble_of_both_logs_is_in_order() {
    let job = job();
    let mut meant = generate(&job, size(5_000, 100_000));
    job.run();
    meant.trouble.sort();
    let wanted: String =
        meant.trouble.iter().fold(String::new(), |all, (.., line)| all + line + "\n");
    assert!(job.scene.read("timeline.txt") == wanted, "each trouble stands in its place");
    assert_eq!(job.scene.read("unread.jsonl").lines().count(), meant.unread);
}

/// Writes two logs of so many lines each. Their clocks go on by themselves.
pub(crate) fn generate(job: &Job, lines: usize) -> Meant {
    let (mut dice, mut meant) = (Dice::new(7), Meant::default());
    let (mut web, mut orders) = (String::new(), String::new());
    let (mut first, mut second) = (0, 0);
    for line in 1..=lines {
        first += dice.below(3);
        second += dice.below(3);
        web_line(&mut web, (first, line), &mut dice, &mut meant);
        orders_line(&mut orders, (second, line), &mut dice, &mut meant);
    }
    job.scene.file("web.log", web);
    job.scene.file("orders.log", orders);
    meant
}

/// The clock so many seconds into a day.
fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

/// The day so many seconds after the start of March 2026.
fn day(seconds: u64) -> u64 {
    1 + seconds / 86_400
}

fn web_line(log: &mut String, (at, line): (u64, usize), dice: &mut Dice, meant: &mut Meant) {
    if dice.below(50) == 0 {
        log.push_str("- nothing that a server writes -\n");
        meant.unread += 1;
        return;
    }
    let status =
        [200, 200, 200, 304, 404, 499, 500, 503][usize::try_from(dice.below(8)).expect("small")];
    let (day, clock) = (day(at), clock(at));
    writeln!(
        log,
        "192.0.2.1 - - [{day:02}/Mar/2026:{clock} +0000] \"GET /p/{line} HTTP/1.1\" {status} 17"
    )
    .expect("a string");
    if status >= 500 {
        let time = format!("2026-03-{day:02}T{clock}");
        let text = format!("{time}  web  error  GET /p/{line} was answered with {status}");
        meant.trouble.push((time, "web", line, text));
    }
}

fn orders_line(log: &mut String, (at, line): (u64, usize), dice: &mut Dice, meant: &mut Meant) {
    if dice.below(50) == 0 {
        log.push_str("    at stock.Client.ask (client.js:88)\n");
        meant.unread += 1;
        return;
    }
    let level = ["INFO", "INFO", "WARN", "ERROR"][usize::try_from(dice.below(4)).expect("small")];
    let time = format!("2026-03-{:02}T{}", day(at), clock(at));
    writeln!(log, "{time}Z {level:5} order {line} [{{\"tabs\"}}]").expect("a string");
    if level != "INFO" {
        let level = level.to_lowercase();
        let text = format!("{time}  orders  {level}  order {line} [{{\"tabs\"}}]");
        meant.trouble.push((time, "orders", line, text));
    }
}
