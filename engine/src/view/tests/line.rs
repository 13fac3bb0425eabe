use super::*;

#[test]
fn a_transaction_is_one_json_line() {
    let value = b"{\"n\":\n 18446744073709551615}";
    let row = transaction(vec![emission(value)], &[value]);
    let plan = plan();
    let line = View::new(&plan).line(&row, Detail::Line).to_string();
    let expected = format!(
        "{{\"seq\":5,\"hash\":\"{}\",\"prev\":\"{}\",\"at\":{AT},\"kind\":\"transaction\",\
        \"agent\":\"scanner\",\"causes\":[\"3.0\"],\"parts\":[{{\"i\":0,\"kind\":\"emission\",\
        \"port\":\"out\",\"len\":28,\"value\":{{\"n\":  18446744073709551615}}}}],\"instance\":0,\
        \"incarnation\":1,\"attempt\":1,\"consumed\":{{\"kind\":\"message\",\"id\":\"3.0\",\
        \"port\":\"in\"}},\"next\":\"wait\",\"fuel\":12,\
        \"summary\":\"in 3.0 → out: {{\\\"n\\\":\\\\n 18446744073709551615}}\"}}",
        Digest::of(b"hash"),
        Digest::of(b"prev"),
    );
    assert_eq!(line, expected);
}

#[test]
fn parts_are_told_by_what_they_did() {
    let log = b"a\x1b[2Jb";
    let parts = vec![
        Part::Opened {
            sink: SinkId(1),
            name: "o".into(),
            path: "/o".into(),
            base: 9,
            replace: false,
        },
        Part::Staged { sink: SinkId(1), offset: 9, payload: bytes(b"\xff") },
        Part::Closed { sink: SinkId(1) },
        Part::Log { level: Level::Warn, payload: bytes(log) },
        Part::LogDropped { lines: 2 },
        Part::TimerSet { name: "t".into(), after_ms: 5 },
        Part::TimerCancelled { name: "t".into() },
    ];
    let expected = r#"[{"i":0,"kind":"opened","sink":1,"name":"o","path":"/o","base":9,"replace":false},{"i":1,"kind":"staged","sink":1,"offset":9,"len":1,"base64":"/w=="},{"i":2,"kind":"closed","sink":1},{"i":3,"kind":"log","level":"warn","len":6,"text":"a\u001b[2Jb"},{"i":4,"kind":"log-dropped","lines":2},{"i":5,"kind":"timer-set","name":"t","after_ms":5},{"i":6,"kind":"timer-cancelled","name":"t"}]"#;
    assert_eq!(parts_of(parts, &[b"\xff", log]), expected);
}

#[test]
fn answers_about_files_are_decoded() {
    let refused = FileError::new(FileErrorCode::NotFound, "no");
    let stat = Stat { kind: FileKind::Folder, size: 3 };
    let entries = vec![FolderEntry { name: "f".into(), kind: FileKind::File }];
    let cases = [
        (
            Call::FilesRead,
            encoded(&("p", 1_u64, 2_u32)),
            encoded(&Ok::<_, FileError>(b"hi".to_vec())),
            r#"{"path":"p","offset":1,"len":2}"#,
            r#"{"ok":{"len":2,"text":"hi"}}"#,
        ),
        (
            Call::FilesStat,
            encoded(&"p"),
            encoded(&Err::<Stat, _>(refused)),
            r#"{"path":"p"}"#,
            r#"{"err":{"code":"not-found","message":"no"}}"#,
        ),
        (
            Call::FilesStat,
            encoded(&"p"),
            encoded(&Ok::<_, FileError>(stat)),
            r#"{"path":"p"}"#,
            r#"{"ok":{"kind":"folder","size":3}}"#,
        ),
        (
            Call::FilesList,
            encoded(&"p"),
            encoded(&Ok::<_, FileError>(entries)),
            r#"{"path":"p"}"#,
            r#"{"ok":[{"name":"f","kind":"file"}]}"#,
        ),
    ];
    check_answers(cases);
}

#[test]
fn answers_of_other_kinds_are_decoded_and_unknown_ones_shown() {
    let cases = [
        (Call::ClockNow, encoded(&()), encoded(&7_u64), "{}", r#"{"ok":7}"#),
        (
            Call::RandomBytes,
            encoded(&1_u32),
            encoded(&vec![0xff_u8]),
            r#"{"len":1}"#,
            r#"{"ok":{"len":1,"base64":"/w=="}}"#,
        ),
        (
            Call::StdinRead,
            encoded(&4_u32),
            encoded(&Err::<Vec<u8>, _>("gone")),
            r#"{"len":4}"#,
            r#"{"err":"gone"}"#,
        ),
        (Call::ClockNow, vec![], vec![0xff], "{}", r#"{"undecoded":true,"base64":"/w=="}"#),
        (
            Call::FilesRead,
            vec![9],
            vec![],
            r#"{"undecoded":true,"text":"\t"}"#,
            r#"{"undecoded":true,"text":""}"#,
        ),
    ];
    check_answers(cases);
}

/// A call with its arguments and its answer as bytes, and as they are shown.
type Answered = (Call, Vec<u8>, Vec<u8>, &'static str, &'static str);

fn check_answers<const N: usize>(cases: [Answered; N]) {
    for (name, args, answer, asked, answered) in cases {
        let parts = parts_of(vec![call(name, &args, &answer)], &[&args, &answer]);
        let call = super::call::name(name);
        let expected = format!(
            "[{{\"i\":0,\"kind\":\"answer\",\"call\":\"{call}\",\"args\":{asked},\"answer\":{answered}}}]"
        );
        assert_eq!(parts, expected);
    }
}

#[test]
fn denials_are_decoded() {
    let error = EmitError::WrongType { pointer: "/a".into(), message: "m".into() };
    let cases = [
        (
            Call::Emit,
            encoded(&("out", "{")),
            encoded(&error),
            r#""args":{"port":"out","beginning":"{"},"answer":{"err":{"code":"wrong-type","pointer":"/a","message":"m"}}"#,
        ),
        (
            Call::FilesRead,
            encoded(&"/etc"),
            encoded(&FileError::new(FileErrorCode::Denied, "outside")),
            r#""args":{"path":"/etc"},"answer":{"err":{"code":"denied","message":"outside"}}"#,
        ),
    ];
    for (name, args, answer, expected) in cases {
        let parts = parts_of(vec![denial(name, &args, &answer)], &[&args, &answer]);
        assert!(parts.contains(expected) && parts.contains("\"kind\":\"denial\""), "{parts}");
    }
}

#[test]
fn long_and_erased_payloads_are_told_by_their_length() {
    let long = format!("\"{}\"", "ä".repeat(VALUE_BYTES));
    let told = parts_of(vec![emission(long.as_bytes())], &[long.as_bytes()]);
    assert!(told.len() < 2_000 && told.contains("\"beginning\":\"\\\"ää"), "{told}");
    let mut row = transaction(vec![emission(b"1")], &[b"1"]);
    row.payloads = vec![None];
    let plan = plan();
    let line = View::new(&plan).line(&row, Detail::Line).to_string();
    assert!(line.contains("\"len\":1,\"erased\":true"), "{line}");
}

#[test]
fn full_detail_holds_all_and_the_digests() {
    let long = format!("\"{}\"", "x".repeat(VALUE_BYTES));
    let (row, plan) = (transaction(vec![emission(long.as_bytes())], &[long.as_bytes()]), plan());
    let part = View::new(&plan).part_line(&row, 0).expect("there is one");
    assert_eq!(part.get("seq"), Some(&Json::Number(5)));
    assert_eq!(part.get("value"), Some(&Json::Raw(long.clone())));
    assert_eq!(part.get("digest"), Some(&Json::text(bytes(long.as_bytes()).digest)));
    assert_eq!(View::new(&plan).part_line(&row, 1), None);
}

#[test]
fn stored_records_are_shown_as_they_were_decided() {
    let value = b"1";
    let expected = transaction(vec![emission(value)], &[value]);
    let record = expected.record.clone();
    let entry = Entry {
        seq: 5,
        at: AT,
        causes: record.causes.clone(),
        body: record.body.clone(),
        salt: SALT,
        payloads: vec![],
    };
    let linked = link(record.prev, &entry);
    let payloads = vec![StoredPayload::Inline(Arc::from(&value[..]))];
    let stored =
        Stored { seq: 5, preimage: linked.preimage, hash: linked.hash, salt: Some(SALT), payloads };
    assert_eq!(Row::of_stored(&stored), Ok(Row { hash: linked.hash, ..expected }));
    let broken = Stored { preimage: vec![1], ..stored };
    assert!(Row::of_stored(&broken).is_err());
}
