use std::time::Duration;

use super::*;
use crate::render::Size;

fn many(names: &[&str]) -> (Plan, Figures) {
    let mut plan = plan();
    plan.agents = (0..).zip(names).map(|(id, name)| agent(id, name)).collect();
    let quiet =
        AgentFigures { state: "up", handled: 0, emitted: 0, waiting: 0, failures: 0, restarts: 0 };
    let agents = names.iter().map(|_| quiet).collect();
    (plan, Figures { phase: "running", records: 1_234, dead_letters: 0, agents })
}

fn lines(plan: &Plan, now: &Figures, before: &Figures, size: (usize, usize)) -> Vec<String> {
    let size = Size { columns: size.0, rows: size.1 };
    progress_lines(plan, (now, Some(before)), Duration::from_millis(65_400), Look::PLAIN, size)
}

#[test]
fn a_run_is_a_head_and_a_line_an_agent() {
    let (plan, before) = many(&["walk", "scanner"]);
    let mut now = before.clone();
    now.agents[1] = AgentFigures { handled: 1_234_567, failures: 2, waiting: 9, ..now.agents[1] };
    let expected = [
        "find  running  1:05  1,234 records",
        "agent    state         in      out  failures  waiting",
        "walk     up             0        0         0        0",
        "scanner  up     1,234,567        0         2        9",
    ];
    assert_eq!(lines(&plan, &now, &before, (80, 24)), expected);
}

#[test]
fn no_window_is_too_small() {
    let names: Vec<String> = (0..40).map(|nth| format!("agent-ü-{nth}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (plan, figures) = many(&names);
    let look = Look { width: None, colour: true };
    for columns_here in 0..90 {
        for rows in 0..50 {
            let size = Size { columns: columns_here, rows };
            let lines = progress_lines(&plan, (&figures, None), Duration::ZERO, Look::PLAIN, size);
            assert!(lines.len() < rows.max(1), "{size:?}: {lines:?}");
            // A cut line holds at least its `…`.
            let wide = |line: &String| columns(line) >= columns_here.max(2);
            assert!(!lines.iter().any(wide), "{size:?}: {lines:?}");
            let painted = progress_lines(&plan, (&figures, None), Duration::ZERO, look, size);
            assert_eq!(painted.len(), lines.len());
        }
    }
}

#[test]
fn who_fails_or_works_has_a_line_before_who_is_quiet() {
    let (plan, before) = many(&["a", "b", "c", "d", "e", "f", "g"]);
    let mut now = before.clone();
    now.agents[6].failures = 1;
    now.agents[4].handled = 1;
    let shown = |now: &Figures, rows| {
        let lines = lines(&plan, now, &before, (80, rows));
        let names: String = lines[2..].iter().map(|line| line.chars().next().unwrap()).collect();
        (names, lines.last().expect("a line").clone())
    };
    let more = |text: &str| text.to_owned();
    assert_eq!(shown(&now, 7), (more("aeg…"), more("… and 4 more, all quiet")));
    assert_eq!(shown(&now, 5), (more("g…"), more("… and 6 more, 1 busy")));
    now.agents[0].failures = 1;
    assert_eq!(shown(&now, 5), (more("a…"), more("… and 6 more, 1 busy, 1 failing")));
    assert_eq!(shown(&now, 10).0, "abcdefg");
}

#[test]
fn the_table_at_the_end_counts_what_this_process_did() {
    let (plan, mut figures) = many(&["walk", "scanner"]);
    figures.dead_letters = 1;
    figures.agents[0] =
        AgentFigures { state: "finished", restarts: 3, failures: 4, ..figures.agents[0] };
    let took = (Duration::from_millis(2_500), 1_000);
    let expected = [
        "agent    state          in      out  failures  restarts",
        "walk     finished        0        0         4         3",
        "scanner  up              0        0         0         0",
        "1 dead letter, 1,000 records in 2.5 s, 400 records/s",
    ];
    assert_eq!(summary_lines(&plan, &figures, took, Look::PLAIN), expected);
    let look = Look { width: Some(100), colour: true };
    let painted = summary_lines(&plan, &figures, took, look);
    assert!(painted[1].contains("\u{1b}[32mfinished\u{1b}[0m  "), "{painted:?}");
    let nothing = summary_lines(&plan, &figures, (Duration::ZERO, 0), Look::PLAIN);
    assert!(nothing[3].ends_with("0 records in 0.0 s, 0 records/s"));
}
