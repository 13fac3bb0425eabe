//! What a run shows to whoever sits at a terminal, and that nobody else is shown it.

use std::fmt::Write as _;
use std::process::Command;

use rustix::process::Signal;
use theater_flow_tests::held::{send, wait_for};
use theater_flow_tests::terminal::{At, Played, Screen, Session};
use theater_flow_tests::{Scene, prebuilt};

/// How often the clock of the pipeline ticks, each time with a line on standard output.
const TICKS: usize = 60;
/// How many agents wait for it.
const WAITING: usize = 12;
/// A small window.
const WINDOW: (u16, u16) = (60, 8);

/// Lines of many lengths, some wider than the window.
fn tick(nth: usize) -> String {
    format!("tick {nth:03} {}.", "x".repeat(nth * 7 % 150))
}

/// One agent that prints a line every few milliseconds, and others that wait until it ends. At the tenth
/// tick it prints half a line more, which the next tick goes on with.
fn pipeline() -> String {
    let mut rules = vec!["{ event = \"start\", do = \"set-timer\", n = 15 }".to_owned()];
    for nth in 1..=TICKS {
        let half = if nth == 10 { "half of " } else { "" };
        let text = tick(nth);
        let timer = format!("event = \"timer\", nth = {nth}");
        rules.push(format!("{{ {timer}, do = \"stdout\", text = \"{text}\\n{half}\" }}"));
        if nth < TICKS {
            rules.push(format!("{{ {timer}, do = \"set-timer\", n = 15 }}"));
        }
    }
    let names: Vec<String> = (1..=WAITING).map(|nth| format!("wait-{nth}")).collect();
    let children = names.iter().fold(String::new(), |list, name| list + &format!(", \"{name}\""));
    let mut text = format!(
        "format = 1\nname = \"ticks\"\n[supervisors.root]\nchildren = [\"clock\"{children}]\n\
        [agents.clock]\nactor = '{}'\nconfig = {{ on = [{}] }}\ngrants = {{ clock = true, \
        random = true, timer = true, stdin = true, stdout = true, files = {{ read = [\".\"], \
        write = [\".\"] }} }}\n",
        prebuilt("probe-full").display(),
        rules.join(", ")
    );
    let probe = prebuilt("probe").display().to_string();
    for name in names {
        let _ = write!(text, "[agents.{name}]\nactor = '{probe}'\ninputs = \"clock\"\n");
    }
    text
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("ticks.toml", pipeline());
    scene
}

fn command(scene: &Scene) -> Command {
    let mut command = scene.command(["run", "ticks.toml"]);
    command.env("TERM", "xterm");
    command
}

/// Lines in this order, whole, with none between that is like them.
#[track_caller]
fn has_all_ticks(lines: &[String]) {
    let ticks: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| line.contains("tick ")).collect();
    let expected: Vec<String> = (1..=TICKS)
        .map(|nth| if nth == 11 { format!("half of {}", tick(nth)) } else { tick(nth) })
        .collect();
    assert_eq!(ticks, expected);
}

fn is_last(line: &str) -> bool {
    line.starts_with("run ") && line.contains(" completed events=") && line.contains(" head=")
}

#[test]
fn a_terminal_shows_progress_in_place_and_all_output_whole() {
    let scene = scene();
    let session = Session::start(command(&scene), At::Both, WINDOW);
    let frame = wait_for("the live lines", || {
        let lines = Screen::after(WINDOW, &session.sent()).text();
        let head = lines.iter().position(|line| line.starts_with("ticks  running  "))?;
        // What was sent may end within them.
        let all = lines.len() == head + 7 && lines[head + 2].contains("  up ");
        (all && lines[head + 6].ends_with("all quiet")).then(|| lines[head..].to_vec())
    });
    let Played { status, sent, .. } = session.end();
    assert!(status.success(), "{sent}");
    assert!(frame[0].ends_with(" records"), "{frame:?}");
    assert!(frame[1].starts_with("agent") && frame[1].contains("failures"), "{frame:?}");
    assert!(frame[2].starts_with("clock"), "{frame:?}");
    assert!(frame[3].starts_with("wait-1 "), "{frame:?}");
    assert_eq!(frame[6], "… and 9 more, all quiet");
    let lines = Screen::after(WINDOW, &sent).text();
    has_all_ticks(&lines);
    // Nothing of the live lines is left; the table stands there once, and the last line is the last.
    assert!(!lines.iter().any(|line| line.contains("running") || line.contains("waiting")));
    let table: Vec<&String> = lines[TICKS + 1..].iter().collect();
    assert_eq!(table.len(), 1 + 1 + WAITING + 2, "{lines:#?}");
    assert!(table[0].starts_with("agent") && table[0].contains("restarts"), "{table:?}");
    assert!(table[1].starts_with("clock") && table[1].contains("finished"), "{table:?}");
    assert!(table[WAITING + 2].starts_with("0 dead letters, "), "{table:?}");
    assert!(is_last(table[WAITING + 3]), "{table:?}");
    assert!(sent.contains("\u{1b}[32m"), "the state has its colour");
}

#[test]
fn a_window_that_changes_harms_no_output() {
    let scene = scene();
    let session = Session::start(command(&scene), At::Both, WINDOW);
    wait_for("the live lines", || session.sent().contains("\u{1b}[7A").then_some(()));
    let before = session.sent().len();
    let small = (60, 4);
    session.resize(small);
    let Played { status, sent, .. } = session.end();
    assert!(status.success(), "{sent}");
    // What was on its way may have been for the old size: the smaller screen is the harder one.
    let mut screen = Screen::after(small, &sent[..before]);
    screen.send(&sent[before..]);
    has_all_ticks(&screen.text());
    assert!(sent[before..].contains("\u{1b}[3A"), "the lines are as many as there is room for");
    assert!(is_last(screen.text().last().expect("a last line")));
}

#[test]
fn output_that_goes_elsewhere_is_left_alone() {
    let scene = scene();
    let played = Session::start(command(&scene), At::Err, (0, 0)).end();
    assert!(played.status.success());
    let lines: Vec<String> = played.out.lines().map(str::to_owned).collect();
    has_all_ticks(&lines);
    assert!(!played.out.contains('\u{1b}'));
    let shown = Screen::after((80, 24), &played.sent).text();
    assert!(played.sent.contains("ticks  running") && !played.sent.contains("tick 001"));
    assert_eq!(shown.len(), 1 + 1 + 1 + WAITING + 2, "{shown:#?}");
}

#[test]
fn pipes_are_shown_two_lines_and_no_codes() {
    let scene = scene();
    let ran = theater_flow_tests::finish(&mut command(&scene), theater_flow_tests::LIMIT).ends(0);
    assert!(!ran.err.contains('\u{1b}') && !ran.text().contains('\u{1b}'), "{ran}");
    assert_eq!(ran.err.lines().count(), 2, "{ran}");
    let lines: Vec<String> = ran.text().lines().map(str::to_owned).collect();
    has_all_ticks(&lines);
}

/// Runs with this in its environment and these words more: what the terminal is sent.
fn sent(variable: (&str, &str), more: &[&str]) -> String {
    let scene = scene();
    let mut command = command(&scene);
    command.env(variable.0, variable.1).args(more);
    let played = Session::start(command, At::Both, WINDOW).end();
    assert!(played.status.success(), "{}", played.sent);
    let lines = Screen::after(WINDOW, &played.sent).text();
    has_all_ticks(&lines);
    assert!(is_last(lines.last().expect("a last line")), "{lines:#?}");
    played.sent
}

#[test]
fn who_does_not_want_it_is_not_shown_it() {
    let plain = sent(("NO_COLOR", "1"), &[]);
    assert!(!plain.contains("\u{1b}[32m"), "no colours");
    assert!(plain.contains("\u{1b}[J") && plain.contains("restarts"), "{plain:?}");
    for (variable, more, has_table) in [
        (("TERM", "dumb"), &[][..], true),
        (("TERM", ""), &[], true),
        (("THEATER_FLOW_PROGRESS", "never"), &[], false),
        (("THEATER_FLOW_PROGRESS", "auto"), &["--quiet"], false),
    ] {
        let sent = sent(variable, more);
        assert!(!sent.contains("\u{1b}[J") && !sent.contains("ticks  running"), "{variable:?}");
        assert_eq!(sent.contains("restarts"), has_table, "{variable:?} {sent}");
    }
}

#[test]
fn an_interrupted_run_leaves_a_clean_screen() {
    let scene = scene();
    let session = Session::start(command(&scene), At::Both, WINDOW);
    wait_for("the live lines", || session.sent().contains("ticks  running").then_some(()));
    send(session.child(), Signal::INT);
    let played = session.end();
    assert_eq!(played.status.code(), Some(130), "{}", played.sent);
    let lines = Screen::after(WINDOW, &played.sent).text();
    assert!(!lines.iter().any(|line| line.starts_with("ticks  ")), "{lines:#?}");
    let last = lines.last().expect("a last line");
    assert!(last.starts_with("run ") && last.contains(" suspended events="), "{last}");
}
