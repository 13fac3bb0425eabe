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

fn named(how: &str, more: &str) -> Trial<FileWrite> {
    let config = format!(r#"{{"path-field":"path","folder":"out","mode":"{how}"{more}}}"#);
    Trial::new(&config).expect("a good config")
}

fn content_of(trial: &mut Trial<FileWrite>, path: &str) -> String {
    String::from_utf8(trial.outside().files[path].clone()).expect("UTF-8")
}

#[test]
fn each_message_replaces_the_file_that_it_names() {
    let mut trial = named("replace", r#","format":"text","field":"text""#);
    assert!(trial.handle(Event::Start).calls.is_empty());
    let handled = trial.message("in", r#"{"path":"a/b.txt","text":"x\ny"}"#);
    assert_eq!(
        handled.calls,
        [
            "replace out/a/b.txt",
            "append out/a/b.txt 3",
            "close out/a/b.txt"
        ]
    );
    assert_eq!(
        content_of(&mut trial, "out/a/b.txt"),
        "x\ny",
        "text is written as it is"
    );
    trial.message("in", r#"{"path":"./a//b.txt","text":""}"#);
    assert_eq!(content_of(&mut trial, "out/a/b.txt"), "");
    trial.message("in", r#"{"path":"c","text":[1, 2]}"#);
    assert_eq!(
        content_of(&mut trial, "out/c"),
        "[1, 2]\n",
        "JSON is a line"
    );
    assert!(trial.handle(closed()).calls.is_empty());
    let mut trial = named("replace", "");
    trial.message("in", r#"{"path":"d","n":1}"#);
    assert_eq!(
        content_of(&mut trial, "out/d"),
        "{\"path\":\"d\",\"n\":1}\n"
    );
}

#[test]
fn lines_are_added_to_many_files_of_which_the_last_used_are_open() {
    let mut trial = named("append", r#","format":"text","field":"n""#);
    let mut expected = std::collections::BTreeMap::<String, String>::new();
    for nth in 0..2_000_usize {
        // Some come often, most of them rarely.
        let file = if nth % 3 == 0 { nth % 5 } else { nth * 7 % 701 };
        let body = format!(r#"{{"path":"{file}","n":{nth}}}"#);
        assert_eq!(trial.message("in", &body).next, Ok(Next::Wait));
        assert!(trial.outside().appending.len() <= 256);
        let lines = expected.entry(format!("out/{file}")).or_default();
        lines.push_str(&nth.to_string());
        lines.push('\n');
        if nth % 100 == 0 {
            trial.restore().expect("no fault");
        }
    }
    assert_eq!(trial.handle(closed()).calls.len(), 256);
    assert!(trial.outside().appending.is_empty());
    for (file, content) in expected {
        assert_eq!(content_of(&mut trial, &file), content, "{file}");
    }
}

#[test]
fn the_least_recently_used_file_is_closed() {
    let mut trial = named("append", "");
    for nth in (0..256).chain([0]) {
        trial.message("in", &format!(r#"{{"path":"{nth}"}}"#));
    }
    let handled = trial.message("in", r#"{"path":"new"}"#);
    assert_eq!(handled.calls, ["close out/1", "append out/new 15"]);
}

#[test]
fn a_message_that_names_no_file_changes_nothing() {
    let mut trial = named("append", r#","format":"text","field":"t""#);
    for (body, code) in [
        (r#"{"t":1}"#, "no-field"),
        (r#"{"path":"a"}"#, "no-field"),
        (r#"{"path":1,"t":1}"#, "bad-message"),
        ("[]", "bad-message"),
        (r#"{"path":"../a","t":1}"#, "bad-path"),
        (r#"{"path":"/etc/x","t":1}"#, "bad-path"),
        (r#"{"path":"","t":1}"#, "bad-path"),
    ] {
        let handled = trial.message("in", body);
        assert_eq!(handled.next.expect_err(body).code, code);
        assert!(handled.calls.is_empty());
    }
    trial
        .outside()
        .failing
        .insert("out/a".into(), FileErrorCode::Denied);
    let fault = trial
        .message("in", r#"{"path":"a","t":1}"#)
        .next
        .expect_err("denied");
    assert_eq!(fault.message, "cannot write to `out/a`: denied");
    assert!(trial.state().open.is_empty());
}

#[test]
fn bad_targets_are_refused_with_all_their_places() {
    for (config, pointers) in [
        (r#"{"path":"f","path-field":"p"}"#, &["/path-field"][..]),
        (r#"{"path-field":"p"}"#, &[""]),
        (r#"{"path":"f","folder":"d"}"#, &["/folder"]),
        (r#"{"folder":"d","field":"x"}"#, &["", "/field"]),
        (r#"{"folder":"","path":""}"#, &["/path", "/folder"]),
    ] {
        let faults = Trial::<FileWrite>::new(config).err().expect("a bad config");
        let found: Vec<&str> = faults.iter().map(|fault| &fault.pointer[..]).collect();
        assert_eq!(found, pointers, "{config}: {faults:?}");
    }
}

#[test]
fn a_header_stands_first_in_a_file_that_is_replaced() {
    let config = r#"{"path":"f","format":"text","header":"a,b"}"#;
    assert_eq!(content(config, &[r#""1,2""#]), "a,b\n1,2\n");
    assert_eq!(content(config, &[]), "a,b\n");
    for config in [
        r#"{"path":"f","header":"a","mode":"append"}"#,
        r#"{"path-field":"p","folder":"d","header":"a"}"#,
    ] {
        let faults = Trial::<FileWrite>::new(config).err().expect("a bad config");
        assert_eq!(faults[0].pointer, "/header");
    }
}
