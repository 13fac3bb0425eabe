//! `csv-clean` sorts rows as their generator meant them.

use std::fmt::Write as _;

use serde_json::Value;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::finish;

use crate::{Job, LIMIT, size};

/// What the workflow has to make of a file.
#[derive(Default)]
struct Meant {
    good: String,
    /// Lines, with what the reason must hold.
    bad: Vec<(u64, &'static str)>,
}

pub(crate) fn job() -> Job {
    let params = [("input", "in.csv"), ("good", "good.csv"), ("bad", "bad.jsonl")];
    Job::new("csv-clean", &params, &["good.csv", "bad.jsonl"])
}

#[test]
fn good_and_bad_rows_are_told_apart() {
    let job = job();
    let meant = generate(&job, size(5_000, 200_000));
    job.run();
    assert!(job.scene.read("good.csv") == meant.good, "the good rows are there, in their order");
    let text = job.scene.read("bad.jsonl");
    let bad: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(bad.len(), meant.bad.len());
    for (row, (line, reason)) in bad.iter().zip(&meant.bad) {
        assert_eq!(row["line"], *line, "{row}");
        assert!(row["reason"].as_str().is_some_and(|said| said.contains(reason)), "{row} {reason}");
    }
    println!("csv-clean: {} rows bad of {}", bad.len(), meant.good.lines().count() + bad.len());
}

/// More rows than `std/dedupe` remembers by itself: ids of the first ones are still known.
#[test]
fn an_id_is_known_after_many_others() {
    let job = job();
    let rows = 66_000;
    let mut text = String::from("id,name,email,age\n");
    for id in (1..=rows).chain([1, 2]) {
        writeln!(text, "{id},n,x@example.org,5").expect("a string");
    }
    job.scene.file("in.csv", text);
    let ran = finish(&mut job.scene.command(&job.args), LIMIT).ends(0);
    assert!(ran.text().contains("66000 rows are good, 2 are bad"), "{ran}");
}

/// A file for those who look at other things.
pub(crate) fn generate_small(job: &Job) {
    generate(job, 1_500);
}

fn generate(job: &Job, rows: usize) -> Meant {
    let (mut dice, mut meant) = (Dice::new(5), Meant::default());
    let mut text = String::from("id,name,email,age\r\n");
    meant.good += "id,name,email,age\n";
    let mut line = 2;
    for id in 1..=rows as u64 {
        let name = format!("\"Name, {id}\"");
        let before = line;
        let bad = |meant: &mut Meant, reason| meant.bad.push((before, reason));
        let row = match dice.below(12) {
            0 => {
                bad(&mut meant, "no name");
                format!("{id},  ,x@example.org,7")
            }
            1 => {
                bad(&mut meant, "email");
                format!("{id},{name},nobody,7")
            }
            2 => {
                bad(&mut meant, "131 years");
                format!("{id},{name},x@example.org,131")
            }
            3 => {
                bad(&mut meant, "age");
                format!("{id},{name},x@example.org,-1")
            }
            4 => {
                bad(&mut meant, "3");
                format!("{id},{name},x@example.org")
            }
            5 if id > 1 && !meant.good.is_empty() => repeated(&mut meant, before),
            6 => {
                line += 1;
                writeln!(meant.good, "{id},\"two\nlines\",\"x@example.org\",").expect("a string");
                format!("{id},\"two\nlines\",x@example.org,")
            }
            _ => {
                writeln!(meant.good, "{id},{name},\"x@example.org\",42").expect("a string");
                format!("{id},{name}, x@example.org ,42")
            }
        };
        text += &row;
        text += "\r\n";
        line += 1;
    }
    job.scene.file("in.csv", text);
    meant
}

/// A row with the id of the first good one, if there is any yet.
fn repeated(meant: &mut Meant, line: u64) -> String {
    let id = meant.good.lines().nth(1).and_then(|row| row.split(',').next()).unwrap_or("x");
    let reason = if id == "x" { "id" } else { "was there before" };
    meant.bad.push((line, reason));
    format!("{id},again,x@example.org,1")
}
