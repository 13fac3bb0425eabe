use std::io::{self, Write};

use theater_flow_dsl::{Fault, Label, Severity, Span};

use super::faults::SourceText;
use super::*;

fn fault(start: usize, end: usize) -> Fault {
    Fault {
        code: "TF0102",
        severity: Severity::Error,
        message: "unknown key `ä\u{1b}[2J`".into(),
        labels: vec![Label { span: Span { file: 0, start, end }, text: "not known".into() }],
        help: Some("did you mean `actor`?".into()),
    }
}

const SOURCE: SourceText<'_> = SourceText {
    name: "p.toml",
    text: "format = 1\nname = \"ä\"\n[agents.a]\nactr = \"\u{1b}[31m\"\n",
};

#[test]
fn a_fault_shows_its_line_and_nothing_that_moves_the_cursor() {
    let (screen, seen) = Screen::captured(false);
    let at = SOURCE.text.find("actr").expect("it is there");
    screen.faults(&[SOURCE], &[fault(at, at + 4)]).expect("memory takes it");
    let err = seen.err();
    assert!(err.contains("TF0102") && err.contains("p.toml:4:1"), "{err}");
    assert!(err.contains("actr = \"?[31m\"") && err.contains("not known"), "{err}");
    assert!(err.contains("`ä\\u{1b}[2J`") && err.contains("did you mean `actor`?"), "{err}");
    assert!(err.ends_with("p.toml: 1 fault (`theater-flow explain TF0102` says more)\n"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    assert_eq!(seen.out(), "");
}

#[test]
fn a_fault_is_one_json_line() {
    let (screen, seen) = Screen::captured(true);
    let at = SOURCE.text.find("actr").expect("it is there");
    screen.faults(&[SOURCE], &[fault(at, at + 4)]).expect("memory takes it");
    screen.flush().expect("memory takes it");
    let expected = "{\"code\":\"TF0102\",\"severity\":\"error\",\"message\":\"unknown key `ä\\u001b[2J`\",\
        \"file\":\"p.toml\",\"spans\":[{\"start\":34,\"end\":38,\"line\":4,\"col\":1,\"label\":\"not known\"}],\
        \"help\":\"did you mean `actor`?\"}\n";
    assert_eq!(seen.out(), expected);
    assert_eq!(seen.err(), "");
}

#[test]
fn a_fault_in_two_files_shows_the_lines_of_both() {
    let module = SourceText { name: "parts/m.toml", text: "# one\n[module]\n" };
    let mut two = fault(7, 13);
    two.labels[0].span.file = 1;
    two.labels.push(Label { span: Span { file: 0, start: 24, end: 25 }, text: "used here".into() });
    let (screen, seen) = Screen::captured(false);
    screen.faults(&[SOURCE, module], std::slice::from_ref(&two)).expect("memory takes it");
    let err = seen.err();
    assert!(err.contains("parts/m.toml:2:2") && err.contains("p.toml:3:2"), "{err}");
    assert!(err.contains("not known") && err.contains("used here"), "{err}");
    let (screen, seen) = Screen::captured(true);
    screen.faults(&[SOURCE, module], &[two]).expect("memory takes it");
    screen.flush().expect("memory takes it");
    let out = seen.out();
    assert!(out.contains(r#""file":"parts/m.toml","spans":[{"start":7,"#), "{out}");
    assert!(out.contains(r#"{"file":"p.toml","start":24,"end":25,"line":3,"#), "{out}");
}

#[test]
fn places_outside_of_the_file_do_no_harm() {
    for (start, end) in [(0, 0), (7, 5), (1_000, 2_000), (SOURCE.text.len(), SOURCE.text.len())] {
        let (screen, seen) = Screen::captured(false);
        screen.faults(&[SOURCE], &[fault(start, end)]).expect("memory takes it");
        assert!(seen.err().contains("TF0102"), "{start}..{end}: {}", seen.err());
    }
}

#[test]
fn no_faults_say_nothing() {
    let (screen, seen) = Screen::captured(false);
    screen.faults(&[SOURCE], &[]).expect("memory takes it");
    assert_eq!((seen.out(), seen.err()), (String::new(), String::new()));
}

#[test]
fn results_and_progress_go_their_ways() {
    let (screen, seen) = Screen::captured(false);
    screen.line("result \u{7}").expect("memory takes it");
    screen.json_line("{\"a\":\n\"\u{9b}\"}").expect("memory takes it");
    screen.guest_bytes(b"raw \x1b\xff\n").expect("memory takes it");
    screen.say("progress");
    let quiet = Screen { quiet: true, ..screen };
    quiet.say("more progress");
    quiet.tell("the last line");
    assert!(
        seen.out().starts_with("result \\u{7}\n{\"a\": \"\\u009b\"}\nraw \u{1b}"),
        "{}",
        seen.out()
    );
    assert_eq!(seen.err(), "progress\nthe last line\n");
}

/// A reader that has gone away.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_noticed() {
    let (screen, _) = Screen::captured(false);
    let screen = Screen { out: Stream::new(Box::new(Gone), false), ..screen };
    let mut lines = (0..1_000_000).map(|_| screen.line("a line of some length"));
    let error = lines.find_map(Result::err).expect("the buffer is smaller than this");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let short = Screen { out: Stream::new(Box::new(Gone), false), ..screen };
    short.line("short").expect("it is only kept");
    assert_eq!(crate::exit::conclude(&short, Ok(crate::exit::Exit::Ok)), crate::exit::Exit::Ok);
}

#[test]
fn a_terminal_is_shown_control_characters_and_not_given_them() {
    let (screen, seen) = Screen::captured(false);
    let out = Stream { terminal: true, ..screen.out };
    let screen = Screen { out, ..screen };
    screen.guest_bytes(b"\x1b[2Ja\tb\\t\xff\n").expect("memory takes it");
    assert_eq!(seen.out(), "\\u{1b}[2Ja\tb\\t\\xff\n");
}

#[test]
fn lines_are_cut_by_columns() {
    let cases = [
        ("", 3, ""),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
    ];
    for (line, width, expected) in cases {
        assert_eq!(fit(line, width), expected);
        assert!(columns(&fit(line, width)) <= width);
    }
}
