use serde_json::{Value, json};
use theater_flow_sdk::{Event, FileErrorCode, Level, Next, Trial};

use super::{Config, FileLines};
use crate::text_lines::LINES_PER_EVENT;
use theater_flow_sdk::parse_config;

fn trial(config: &Value, content: &[u8]) -> Trial<FileLines> {
    let mut trial = Trial::new(&config.to_string()).expect("a good config");
    trial.outside().files.insert("a.txt".into(), content.into());
    trial
}

fn texts(config: &Value, content: &[u8]) -> Vec<String> {
    let emitted = trial(config, content).drain().expect("no fault");
    let mut texts = Vec::new();
    for (nth, (port, body)) in emitted.iter().enumerate() {
        assert_eq!(port, "out");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            (&body["path"], &body["line"]),
            (&json!("a.txt"), &json!(nth + 1))
        );
        texts.push(body["text"].as_str().expect("a string").to_owned());
    }
    texts
}

fn plain() -> Value {
    json!({ "path": "a.txt" })
}

#[test]
fn lines_end_at_newlines() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"\n", &[""]),
        (b"a", &["a"]),
        (b"a\n", &["a"]),
        (b"a\nb", &["a", "b"]),
        (b"a\r\nb\r\n", &["a", "b"]),
        (b"a\rb\n", &["a\rb"]),
        (b"a\r\r\n", &["a\r"]),
        (b"a\r", &["a\r"]),
        (b"\r\n\n", &["", ""]),
        (b"x\xffy\n", &["x\u{fffd}y"]),
        ("é\u{1F600}\n".as_bytes(), &["é\u{1F600}"]),
    ];
    for (content, lines) in cases {
        assert_eq!(texts(&plain(), content), *lines, "{content:?}");
    }
}

#[test]
fn the_message_is_compact_json_with_escapes() {
    let emitted = trial(&plain(), b"a\"\\\t\x01\n").drain().expect("no fault");
    let body = r#"{"path":"a.txt","line":1,"text":"a\"\\\t\u0001"}"#;
    assert_eq!(emitted, [("out".to_owned(), body.to_owned())]);
}

#[test]
fn long_lines_are_cut_between_characters() {
    let config = json!({ "path": "a.txt", "max-line": 4 });
    let cases: &[(&[u8], &[&str])] = &[
        (b"abcd\n", &["abcd"]),
        (b"abcd\r\n", &["abcd"]),
        (b"abcd\r", &["abcd"]),
        (b"abcde\r\nf", &["abcd", "f"]),
        (b"abcdefgh\nx\n", &["abcd", "x"]),
        (b"abcdefgh", &["abcd"]),
        (b"abcdefgh\n\nx", &["abcd", "", "x"]),
        ("abcé\nx\n".as_bytes(), &["abc", "x"]),
        ("\u{1F600}\n".as_bytes(), &["\u{1F600}"]),
        ("a\u{1F600}b\n".as_bytes(), &["a"]),
        (
            b"\x80\x80\x80\x80\x80\x80\n",
            &["\u{fffd}\u{fffd}\u{fffd}\u{fffd}"],
        ),
    ];
    for (content, lines) in cases {
        assert_eq!(texts(&config, content), *lines, "{content:?}");
    }
}

#[test]
fn a_long_line_is_cut_with_bounded_memory_and_one_warning() {
    let mut content = vec![b'x'; 5 << 20];
    content.extend_from_slice(b"\nshort\n");
    content.extend_from_slice(&vec![b'y'; 3 << 20]);
    let mut trial = trial(&json!({ "path": "a.txt", "max-line": 100_000 }), &content);
    let (mut lengths, mut warnings, mut event) = (Vec::new(), Vec::new(), Event::Start);
    loop {
        let handled = trial.handle(event);
        for (_, body) in &handled.emitted {
            let body: Value = serde_json::from_str(body).expect("JSON");
            lengths.push(body["text"].as_str().expect("a string").len());
        }
        assert!(handled.calls.len() <= 16);
        assert!(trial.snapshot().len() < 200_000);
        warnings.extend(handled.logged);
        match handled.next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => break,
        }
    }
    assert_eq!(lengths, [100_000, 5, 100_000]);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].0, Level::Warn);
    assert!(
        warnings[0]
            .1
            .starts_with("`a.txt`, line 1 is longer than 100000 bytes")
    );
}

#[test]
fn a_restored_instance_makes_the_same_calls_and_emissions() {
    let mut content = Vec::new();
    for nth in 0..4_000 {
        let line = "äö".repeat(nth % 97);
        content.extend_from_slice(format!("{nth} {line}\r\n").as_bytes());
    }
    for max_line in [1, 50, 1 << 20] {
        let config = json!({ "path": "a.txt", "max-line": max_line });
        let (mut whole, mut restored) = (trial(&config, &content), trial(&config, &content));
        let mut event = Event::Start;
        loop {
            let handled = whole.handle(event.clone());
            assert!(handled.emitted.len() <= LINES_PER_EVENT as usize);
            assert_eq!(restored.handle(event), handled);
            assert_eq!(restored.snapshot(), whole.snapshot());
            restored.restore().expect("no fault");
            match handled.next.expect("no fault") {
                Next::More => event = Event::Pull,
                _ => break,
            }
        }
        assert_eq!(whole.state().lines.line, 4_000);
    }
}

#[test]
fn strict_encoding_faults_at_the_line_and_loses_none_before_it() {
    let config = json!({ "path": "a.txt", "encoding": "utf8" });
    let mut trial = trial(&config, b"one\ntwo\nth\xe9\nfour\n");
    assert_eq!(trial.handle(Event::Start).next, Ok(Next::More));
    let handled = trial.handle(Event::Pull);
    assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::More), 2));
    for _attempt in 0..2 {
        let fault = trial.handle(Event::Pull).next.expect_err("line 3 is bad");
        assert_eq!(fault.code, "invalid-utf8");
        assert_eq!(fault.message, "`a.txt`, line 3: byte 3 of it is not UTF-8");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_that_names_it() {
    for (code, name) in [
        (FileErrorCode::Denied, "denied"),
        (FileErrorCode::NotFound, "not-found"),
        (FileErrorCode::NotAFile, "not-a-file"),
        (FileErrorCode::Io, "io"),
    ] {
        let mut trial = trial(&plain(), b"a\n");
        trial.outside().failing.insert("a.txt".into(), code);
        let fault = trial.drain().expect_err("it cannot be read");
        assert_eq!(fault.code, name);
        assert_eq!(fault.message, format!("cannot read `a.txt`: {name}"));
    }
}

#[test]
fn nothing_is_read_after_the_end() {
    let mut trial = trial(&plain(), b"a\n");
    trial.drain().expect("no fault");
    let handled = trial.handle(Event::Pull);
    assert_eq!((handled.next, handled.calls.len()), (Ok(Next::Wait), 0));
    assert_eq!(trial.handle(Event::Closed("x".into())).next, Ok(Next::Wait));
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    let cases = [
        (json!({}), ""),
        (json!({ "path": 1 }), "/path"),
        (json!({ "path": "" }), "/path"),
        (json!({ "path": "a", "max-line": 0 }), "/max-line"),
        (json!({ "path": "a", "max-line": -1 }), "/max-line"),
        (
            json!({ "path": "a", "max-line": (2 << 20) + 1 }),
            "/max-line",
        ),
        (json!({ "path": "a", "encoding": "latin1" }), "/encoding"),
        (json!({ "path": "a", "maxline": 1 }), "/maxline"),
    ];
    for (config, pointer) in cases {
        let faults = Trial::<FileLines>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
    let config: Config = parse_config(r#"{"path":"a"}"#).expect("a good config");
    assert_eq!(config.max_line, 1 << 20);
}
