use serde_json::{Value, json};
use theater_flow_sdk::{FileErrorCode, Next, Trial};

use super::FileRead;

fn trial(config: &Value, content: &[u8]) -> Trial<FileRead> {
    let mut trial = Trial::new(&config.to_string()).expect("a good config");
    trial.outside().files.insert("a".into(), content.to_vec());
    trial
}

/// The one value that came of reading `a`, with its port.
fn sent(config: &Value, content: &[u8]) -> (String, Value) {
    let handled = trial(config, content).message("in", r#"{"path":"a","more":[1]}"#);
    assert_eq!(handled.next, Ok(Next::Wait));
    let [(port, body)] = &handled.emitted[..] else {
        panic!("{handled:?}")
    };
    (port.clone(), serde_json::from_str(body).expect("JSON"))
}

fn code(config: &Value, content: &[u8]) -> String {
    let fault = trial(config, content).message("in", r#"{"path":"a"}"#).next;
    fault.expect_err("it cannot be read").code
}

#[test]
fn text_and_bytes() {
    let cases: [(&str, &[u8], Value); 7] = [
        ("lossy", b"", json!({ "path": "a", "text": "" })),
        (
            "lossy",
            b"x\r\n\xff",
            json!({ "path": "a", "text": "x\r\n\u{fffd}" }),
        ),
        ("lossy", b"\0", json!({ "path": "a", "text": "\0" })),
        ("utf8", "ä".as_bytes(), json!({ "path": "a", "text": "ä" })),
        ("bytes", b"", json!({ "path": "a", "bytes": "" })),
        ("bytes", b"\xff\0", json!({ "path": "a", "bytes": "/wA=" })),
        ("bytes", b"foo", json!({ "path": "a", "bytes": "Zm9v" })),
    ];
    for (encoding, content, body) in cases {
        let config = json!({ "encoding": encoding });
        assert_eq!(
            sent(&config, content),
            ("out".to_owned(), body),
            "{encoding}"
        );
    }
}

#[test]
fn long_files_are_read_in_pieces() {
    for len in [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let config = json!({ "max-size": 3 << 20 });
        let (_, body) = sent(&config, &vec![b'x'; len]);
        assert_eq!(body["text"].as_str().map(str::len), Some(len));
    }
}

#[test]
fn what_cannot_be_read_is_a_fault() {
    assert_eq!(code(&json!({ "max-size": 2 }), b"abc"), "too-large");
    assert_eq!(
        code(&json!({ "encoding": "utf8" }), b"a\xff"),
        "invalid-utf8"
    );
    let mut trial = trial(&json!({}), b"");
    for (path, code) in [("b", "not-found"), ("", "bad-path"), ("a\u{0}", "bad-path")] {
        let message = json!({ "path": path }).to_string();
        assert_eq!(
            trial.message("in", &message).next.expect_err(path).code,
            code
        );
    }
    for body in ["{}", "7", r#"{"path":1}"#, "{"] {
        assert_eq!(
            trial.message("in", body).next.expect_err(body).code,
            "bad-message"
        );
    }
}

#[test]
fn what_is_too_large_is_not_read() {
    let handled = trial(&json!({ "max-size": 2 }), b"abc").message("in", r#"{"path":"a"}"#);
    assert_eq!(handled.calls, ["stat a"]);
}

#[test]
fn a_rejected_file_says_why() {
    let reject = |more: Value| {
        let mut config = more;
        config["on-error"] = json!("reject");
        config
    };
    let (port, body) = sent(&reject(json!({ "max-size": 2 })), b"abc");
    assert_eq!(port, "rejected");
    assert_eq!(
        body,
        json!({ "path": "a", "code": "too-large", "reason": "`a` has more than 2 bytes" })
    );
    let (_, body) = sent(&reject(json!({ "encoding": "utf8" })), b"ab\xff");
    assert_eq!(body["reason"], "`a`: byte 3 of it is not UTF-8");
    let mut trial = trial(&reject(json!({})), b"");
    trial.outside().files.insert("d/x".into(), Vec::new());
    for (path, code) in [("b", "not-found"), ("d", "not-a-file"), ("", "bad-path")] {
        let handled = trial.message("in", &json!({ "path": path }).to_string());
        let body: Value = serde_json::from_str(&handled.emitted[0].1).expect("JSON");
        assert_eq!(body["code"], code, "{path}");
    }
}

#[test]
fn what_may_pass_by_itself_is_a_fault_even_so() {
    for (failure, rejected) in [
        (FileErrorCode::Io, false),
        (FileErrorCode::Quota, false),
        (FileErrorCode::Denied, true),
        (FileErrorCode::NotFound, true),
    ] {
        let mut trial = trial(&json!({ "on-error": "reject" }), b"");
        trial.outside().failing.insert("a".into(), failure);
        let handled = trial.message("in", r#"{"path":"a"}"#);
        assert_eq!(handled.next.is_ok(), rejected, "{failure:?}");
    }
}

#[test]
fn control_characters_may_make_the_text_too_large() {
    let config = json!({ "max-size": 3 << 20 });
    assert_eq!(code(&config, &vec![1; 3 << 20]), "too-large");
}

#[test]
fn binary_files_are_passed_over_if_told_to() {
    let mut late = vec![b'x'; 8 << 10];
    late.push(0);
    let skip = json!({ "skip-binary": true });
    assert_eq!(sent(&skip, &late).0, "out");
    let handled = trial(&skip, &late[1..]).message("in", r#"{"path":"a"}"#);
    assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::Wait), 0));
    let reject = json!({ "skip-binary": true, "on-error": "reject" });
    let (port, body) = sent(&reject, b"\0");
    assert_eq!((&port[..], &body["code"]), ("rejected", &json!("binary")));
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    for (config, pointer) in [
        (json!({ "path": "a" }), "/path"),
        (json!({ "max-size": 0 }), "/max-size"),
        (json!({ "max-size": (8 << 20) + 1 }), "/max-size"),
        (json!({ "encoding": "latin1" }), "/encoding"),
        (json!({ "on-error": "skip" }), "/on-error"),
    ] {
        let faults = Trial::<FileRead>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
