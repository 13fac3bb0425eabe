use serde_json::Value;
use theater_flow_sdk::{Event, Next, Trial};

use super::StdinLines;

fn trial(config: &str, input: &[u8]) -> Trial<StdinLines> {
    let mut trial = Trial::new(config).expect("a good config");
    trial.outside().stdin = input.to_vec();
    trial
}

#[test]
fn lines_have_the_shape_of_file_lines() {
    let emitted = trial("{}", b"one\r\n\ntwo").drain().expect("no fault");
    let bodies: Vec<&str> = emitted.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(
        bodies,
        [
            r#"{"path":"-","line":1,"text":"one"}"#,
            r#"{"path":"-","line":2,"text":""}"#,
            r#"{"path":"-","line":3,"text":"two"}"#
        ]
    );
}

#[test]
fn lines_leave_before_the_next_read_waits() {
    let mut trial = trial("{}", b"a\nb\nhalf");
    trial.handle(Event::Start);
    let handled = trial.handle(Event::Pull);
    assert_eq!(handled.calls, ["stdin 65536"]);
    assert_eq!(
        (handled.next, handled.emitted.len()),
        (Ok(Next::More), 2),
        "the end of `half` may take long"
    );
    trial.outside().stdin = b" a line\n".to_vec();
    let handled = trial.handle(Event::Pull);
    assert!(handled.emitted[0].1.contains("half a line"));
}

#[test]
fn a_restored_instance_sends_the_same() {
    let input: Vec<u8> = (0..3_000)
        .flat_map(|nth| format!("{nth} {}\n", "ä".repeat(nth % 91)).into_bytes())
        .collect();
    let (mut whole, mut restored) = (trial("{}", &input), trial("{}", &input));
    let mut event = Event::Start;
    let mut lines = 0;
    loop {
        let handled = whole.handle(event.clone());
        assert_eq!(restored.handle(event), handled);
        restored.restore().expect("no fault");
        lines += handled.emitted.len();
        match handled.next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => break,
        }
    }
    assert_eq!(lines, 3_000);
}

#[test]
fn a_fault_keeps_what_was_read() {
    let mut trial = trial(r#"{"encoding":"utf8"}"#, b"ok\nb\xe9\n");
    trial.handle(Event::Start);
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 1);
    let fault = trial.handle(Event::Pull).next.expect_err("not UTF-8");
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("invalid-utf8", "`-`, line 2: byte 2 of it is not UTF-8")
    );
}

#[test]
fn long_lines_are_cut() {
    let emitted = trial(r#"{"max-line":3}"#, b"abcdef\ngh\n")
        .drain()
        .expect("no fault");
    let text = |body: &str| serde_json::from_str::<Value>(body).expect("JSON")["text"].clone();
    let texts: Vec<Value> = emitted.iter().map(|(_, body)| text(body)).collect();
    assert_eq!(texts, ["abc", "gh"]);
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    for (config, pointer) in [
        (r#"{"path":"-"}"#, "/path"),
        (r#"{"max-line":0}"#, "/max-line"),
        (r#"{"encoding":"latin1"}"#, "/encoding"),
    ] {
        let faults = Trial::<StdinLines>::new(config)
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
