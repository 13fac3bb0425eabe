use theater_flow_sdk::{Event, FileErrorCode, Next, Trial};

use super::FileWrite;

fn trial(config: &str) -> Trial<FileWrite> {
    let mut trial = Trial::new(config).expect("a good config");
    trial.outside().files.insert("f".into(), b"old\n".to_vec());
    trial
}

fn closed() -> Event {
    Event::Closed("in".into())
}

/// The file after a whole life with these messages, restored before each event.
fn content(config: &str, bodies: &[&str]) -> String {
    let mut trial = trial(config);
    assert_eq!(trial.handle(Event::Start).next, Ok(Next::Wait));
    for body in bodies {
        trial.restore().expect("no fault");
        assert_eq!(trial.message("in", body).next, Ok(Next::Wait));
    }
    trial.restore().expect("no fault");
    assert_eq!(trial.handle(closed()).next, Ok(Next::Wait));
    let outside = trial.outside();
    assert!(
        outside.replacing.is_empty() && outside.appending.is_empty(),
        "the file is closed"
    );
    String::from_utf8(outside.files["f"].clone()).expect("UTF-8")
}

#[test]
fn the_file_holds_a_line_a_message() {
    let cases: &[(&str, &[&str], &str)] = &[
        (r#"{"path":"f"}"#, &[r#"{"a":1}"#, "2"], "{\"a\":1}\n2\n"),
        (r#"{"path":"f"}"#, &[], ""),
        (
            r#"{"path":"f","mode":"append"}"#,
            &["1", "2"],
            "old\n1\n2\n",
        ),
        (r#"{"path":"f","mode":"append"}"#, &[], "old\n"),
        (
            r#"{"path":"f","format":"text"}"#,
            &[r#""x\u00e9""#, "[1]"],
            "xé\n[1]\n",
        ),
        (
            r#"{"path":"f","format":"text","field":"t"}"#,
            &[r#"{"t":"x"}"#],
            "x\n",
        ),
    ];
    for (config, bodies, written) in cases {
        assert_eq!(content(config, bodies), *written, "{config}");
    }
}

#[test]
fn the_old_content_stays_until_the_input_closes() {
    let mut trial = trial(r#"{"path":"f"}"#);
    assert_eq!(trial.handle(Event::Start).calls, ["replace f"]);
    assert_eq!(trial.message("in", "1").calls, ["append f 2"]);
    assert_eq!(trial.outside().files["f"], b"old\n");
    assert_eq!(trial.handle(closed()).calls, ["close f"]);
    assert_eq!(trial.outside().files["f"], b"1\n");
}

#[test]
fn a_fault_leaves_the_file_to_be_begun_again() {
    let mut trial = trial(r#"{"path":"f"}"#);
    trial
        .outside()
        .failing
        .insert("f".into(), FileErrorCode::Denied);
    let fault = trial.handle(Event::Start).next.expect_err("denied");
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("denied", "cannot replace `f`: denied")
    );
    assert_eq!(
        trial.handle(closed()).next,
        Ok(Next::Wait),
        "nothing is open"
    );
    trial.outside().failing.clear();
    assert_eq!(trial.message("in", "1").calls, ["replace f", "append f 2"]);
}

#[test]
fn a_bad_message_changes_nothing() {
    let mut trial = trial(r#"{"path":"f","format":"text","field":"t"}"#);
    trial.handle(Event::Start);
    let handled = trial.message("in", "[]");
    assert_eq!(handled.next.expect_err("no object").code, "bad-message");
    assert!(handled.calls.is_empty());
    assert_eq!(trial.message("in", r#"{"t":"x"}"#).next, Ok(Next::Wait));
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    for (config, pointer) in [
        ("{}", ""),
        (r#"{"path":""}"#, "/path"),
        (r#"{"path":"f","field":"a"}"#, "/field"),
        (r#"{"path":"f","mode":"truncate"}"#, "/mode"),
        (r#"{"path":"f","format":7}"#, "/format"),
        (r#"{"path":"f","file":"g"}"#, "/file"),
    ] {
        let faults = Trial::<FileWrite>::new(config).err().expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
