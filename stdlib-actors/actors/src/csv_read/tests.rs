use serde_json::{Value, json};
use theater_flow_sdk::{Direction, Event, FileErrorCode, Next, Trial, guest::ports};

use super::{CsvRead, RECORDS_PER_EVENT};

mod config;

fn trial(config: &Value, content: &[u8]) -> Trial<CsvRead> {
    let mut config = config.clone();
    config["path"] = json!("a.csv");
    let mut trial = Trial::new(&config.to_string()).expect("a good config");
    trial.outside().files.insert("a.csv".into(), content.into());
    trial
}

/// All that came out, by ports.
fn sent(config: &Value, content: &[u8]) -> Vec<(String, Value)> {
    let emitted = trial(config, content).drain().expect("no fault");
    let value = |body: &str| serde_json::from_str(body).expect("JSON");
    emitted
        .into_iter()
        .map(|(port, body)| (port, value(&body)))
        .collect()
}

fn out(config: &Value, content: &[u8]) -> Vec<Value> {
    let value = |(port, body)| {
        assert_eq!(port, "out");
        body
    };
    sent(config, content).into_iter().map(value).collect()
}

/// The code and the message of the first fault.
fn fault(config: &Value, content: &[u8]) -> (String, String) {
    let fault = trial(config, content).drain().expect_err("it is wrong");
    (fault.code, fault.message)
}

#[test]
fn records_are_objects_of_strings_in_the_order_of_the_header() {
    let emitted = trial(&json!({}), b"b,a\n1,x\n").drain().expect("no fault");
    assert_eq!(
        emitted,
        [("out".to_owned(), r#"{"b":"1","a":"x"}"#.to_owned())]
    );
}

#[test]
fn rfc_4180() {
    let ab = |a: &str, b: &str| json!({ "a": a, "b": b });
    let cases: [(&[u8], Vec<Value>); 13] = [
        (b"a,b", vec![]),
        (b"a,b\n", vec![]),
        (b"a,b\r\n1,2\r\n", vec![ab("1", "2")]),
        (b"a,b\n1,2", vec![ab("1", "2")]),
        (b"a,b\n\n\r\n1,2\n\n", vec![ab("1", "2")]),
        (b"a,b\n,\n", vec![ab("", "")]),
        (b"a,b\n\"x,y\",\"\"\n", vec![ab("x,y", "")]),
        (b"a,b\n\"x\r\ny\",2\n", vec![ab("x\r\ny", "2")]),
        (
            b"a,b\n\"say \"\"hi\"\"\",\" \"",
            vec![ab("say \"hi\"", " ")],
        ),
        (b"a,b\n1,x\"y\n3,4\n", vec![ab("1", "x\"y"), ab("3", "4")]),
        (b"\"a\",\"b\"\n 1 ,2\n", vec![ab(" 1 ", "2")]),
        (b"\xef\xbb\xbfa,b\n1,2\n", vec![ab("1", "2")]),
        (b"a,b\r1,2\r3,4", vec![ab("1", "2"), ab("3", "4")]),
    ];
    for (content, rows) in cases {
        assert_eq!(out(&json!({}), content), rows, "{}", content.escape_ascii());
    }
}

#[test]
fn delimiter_trim_and_names() {
    let row = vec![json!({ "a": "1", "b": "2" })];
    for (config, content) in [
        (json!({ "delimiter": ";" }), &b"a;b\n1;2"[..]),
        (json!({ "delimiter": "\t" }), b"a\tb\n1\t2"),
        (json!({ "trim": true }), b" a,b \n1 ,\t2\n"),
        (json!({ "header": ["a", "b"] }), b"1,2\n"),
        (json!({ "header": true }), b"a,b\n1,2\n"),
    ] {
        assert_eq!(out(&config, content), row, "{config}");
    }
}

#[test]
fn values_have_the_types_of_their_columns() {
    let cases = [
        ("string", "007", Some(json!("007"))),
        ("bool", "true", Some(json!(true))),
        ("bool", "True", None),
        ("u8", "255", Some(json!(255))),
        ("u8", "256", None),
        ("u8", "-1", None),
        ("u64", "18446744073709551615", Some(json!(u64::MAX))),
        ("u64", "18446744073709551616", None),
        ("s8", "-128", Some(json!(-128))),
        ("s8", "-129", None),
        ("s8", "128", None),
        ("s64", "-9223372036854775808", Some(json!(i64::MIN))),
        ("s64", "9223372036854775808", None),
        ("s64", "1.0", None),
        ("s64", "", None),
        ("f64", "1e3", Some(json!(1000.0))),
        ("f64", "-0.5", Some(json!(-0.5))),
        ("f64", "1e999", None),
        ("f64", "inf", None),
        ("f64", "NaN", None),
        ("f64", "0x10", None),
        ("option<u16>", "7", Some(json!(7))),
        ("option<u16>", "x", None),
    ];
    for (word, field, value) in cases {
        let config = json!({ "columns": { "n": "string", "v": word }, "on-error": "reject" });
        let content = format!("v,n\n\"{field}\",last\n");
        let (port, body) = &sent(&config, content.as_bytes())[0];
        if let Some(value) = value {
            assert_eq!(*body, json!({ "n": "last", "v": value }), "{word} {field}");
            continue;
        }
        assert_eq!(port, "rejected", "{word} {field}");
        let reason = body["reason"].as_str().expect("a string");
        assert!(reason.starts_with("column `v`: expected "), "{reason}");
        assert!(reason.ends_with(&format!("found `{field}`")), "{reason}");
        assert_eq!(body["fields"], json!([field, "last"]));
    }
    let optional = json!({ "columns": { "n": "option<string>", "v": " option< s8 > " } });
    assert_eq!(
        out(&optional, b"v,n\n,\n1,x\n"),
        [json!({}), json!({ "n": "x", "v": 1 })]
    );
}

#[test]
fn the_port_is_a_record_of_the_columns() {
    let config = r#"{"path":"a","columns":{"b":"u8","a":"option<string>"},"on-error":"reject"}"#;
    let ports = ports::<CsvRead>(config).expect("a good config");
    let shown: Vec<_> = ports
        .iter()
        .map(|port| (&port.name[..], &port.type_[..], port.optional))
        .collect();
    let rejected = "{ line: u64, reason: string, fields: list<string> }";
    assert_eq!(
        shown,
        [
            ("out", "{ a: option<string>, b: u8 }", false),
            ("rejected", rejected, true)
        ]
    );
    assert!(ports.iter().all(|port| port.direction == Direction::Output));
}

#[test]
fn what_is_wrong_with_the_header_is_said_at_once() {
    let typed = |more: Value| {
        let mut config = json!({ "columns": { "a": "string", "b": "u8" }, "on-error": "reject" });
        if more == json!("drop") {
            config["extra"] = more;
        }
        config
    };
    for (config, content, message) in [
        (json!({}), &b""[..], "`a.csv` is empty: it has no header"),
        (json!({}), b"\n\n", "`a.csv` is empty: it has no header"),
        (
            json!({}),
            b"a,a,b,b\n",
            "the header of `a.csv`: the column `a` stands there twice; the column `b` stands there twice",
        ),
        (
            json!({}),
            b"a\xff\n",
            "the header of `a.csv`: a column's name is not UTF-8",
        ),
        (
            typed(json!(null)),
            b"a,c\n",
            "the header of `a.csv`: the column `b` is missing; the column `c` is not in `columns`",
        ),
        (
            typed(json!("drop")),
            b"c,a\n",
            "the header of `a.csv`: the column `b` is missing",
        ),
    ] {
        let expected = ("bad-header".to_owned(), message.to_owned());
        assert_eq!(fault(&config, content), expected);
    }
    let dropped = out(&typed(json!("drop")), b"c,b,a\nx,1,y\n");
    assert_eq!(dropped, [json!({ "a": "y", "b": 1 })]);
}

#[test]
fn a_wrong_record_is_a_fault_that_loses_none_before_it() {
    for (content, code, message) in [
        (
            &b"a,b\n1,2\n1\n"[..],
            "field-count",
            "`a.csv`, line 3: the record has 1 field, the header has 2",
        ),
        (
            b"a,b\n1,2\n\"\n\",\xff\n",
            "invalid-utf8",
            "`a.csv`, line 3: column `b`: byte 1 of the value is not UTF-8",
        ),
        (
            b"a,b\n1,2\n\n\n1,\"\n\n",
            "unclosed-quote",
            "`a.csv`, line 5: a quote is not closed before the end of the file",
        ),
        (
            b"a,b\n1,2\n1,23456789\n1,2\n",
            "too-long",
            "`a.csv`, line 3: the record has more than 9 bytes",
        ),
    ] {
        let mut trial = trial(&json!({ "max-record": 9 }), content);
        trial.handle(Event::Start);
        let handled = trial.handle(Event::Pull);
        assert_eq!(
            (handled.next, handled.emitted.len()),
            (Ok(Next::More), 1),
            "{code}"
        );
        for _attempt in 0..2 {
            let fault = trial.handle(Event::Pull).next.expect_err(code);
            assert_eq!((&fault.code[..], &fault.message[..]), (code, message));
            trial.restore().expect("no fault");
        }
    }
}

#[test]
fn rejected_records_have_their_lines_and_the_others_go_on() {
    let content = b"a,b\n1\n\"x\ny\",2\n\n3,4,5\n6,\xff\n7,8\n\"9\n";
    let emitted = sent(&json!({ "on-error": "reject" }), content);
    let summary: Vec<Value> = emitted
        .iter()
        .map(|(port, body)| {
            if port == "out" {
                body["a"].clone()
            } else {
                body["line"].clone()
            }
        })
        .collect();
    assert_eq!(
        summary,
        [
            json!(2),
            json!("x\ny"),
            json!(6),
            json!(7),
            json!("7"),
            json!(9)
        ]
    );
    assert_eq!(emitted[0].1["fields"], json!(["1"]));
    assert_eq!(emitted[3].1["fields"], json!(["6", "\u{fffd}"]));
    assert_eq!(emitted[5].1["fields"], json!([]));
}

#[test]
fn a_record_that_is_too_long_is_passed_over_to_its_true_end() {
    let filler = "0123456789,\n".repeat(30_000);
    let content = format!("a,b\n1,2\n\"{filler}\"\"{filler}\",x\n3,4\n");
    let config = json!({ "on-error": "reject", "max-record": 100 });
    let mut trial = trial(&config, content.as_bytes());
    let (mut all, mut event) = (Vec::new(), Event::Start);
    loop {
        let handled = trial.handle(event);
        assert!(trial.snapshot().len() < 300_000, "memory is bounded");
        trial.restore().expect("no fault");
        all.extend(handled.emitted.into_iter().map(|(_, body)| body));
        match handled.next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => break,
        }
    }
    let rejected = r#"{"line":3,"reason":"the record has more than 100 bytes","fields":[]}"#;
    assert_eq!(
        all,
        [r#"{"a":"1","b":"2"}"#, rejected, r#"{"a":"3","b":"4"}"#]
    );
    let last = format!("a,b\n1,2\n\"{filler}\"\n3\n");
    let emitted = sent(&config, last.as_bytes());
    assert_eq!(
        emitted[2].1["line"], 30_004,
        "lines are counted in what was passed over"
    );
}

#[test]
fn a_restored_instance_makes_the_same_calls_and_emissions() {
    let mut content = b"id,text\r\n".to_vec();
    for nth in 0..6_000 {
        let text = match nth % 5 {
            0 => "\"a \"\"quoted\"\"\r\n, text\"".to_owned(),
            1 => "ä".repeat(nth % 400),
            2 => String::new(),
            3 => "\"\n\n\"".to_owned(),
            _ => "1,2".to_owned(),
        };
        content.extend_from_slice(format!("{nth},{text}\r\n").as_bytes());
    }
    for max in [50, 1 << 20] {
        let config = json!({ "on-error": "reject", "max-record": max });
        let (mut whole, mut restored) = (trial(&config, &content), trial(&config, &content));
        let (mut event, mut count) = (Event::Start, 0);
        loop {
            let handled = whole.handle(event.clone());
            assert!(handled.emitted.len() <= RECORDS_PER_EVENT as usize + 16);
            assert_eq!(restored.handle(event), handled);
            assert_eq!(restored.snapshot(), whole.snapshot());
            restored.restore().expect("no fault");
            count += handled.emitted.len();
            match handled.next.expect("no fault") {
                Next::More => event = Event::Pull,
                _ => break,
            }
        }
        assert_eq!(count, 6_000);
    }
}

#[test]
fn chunks_may_end_anywhere() {
    // The first read ends within each of these in turn.
    for shift in 0..40 {
        let filler = "x".repeat((64 << 10) - 40 + shift);
        let content = format!("a,b\r\n{filler},\"1\"\"\r\n2\",\r\n\r\n\"é\",3\r\n4,5");
        let config = json!({ "on-error": "reject" });
        let emitted = sent(&config, content.as_bytes());
        let lines: Vec<&Value> = emitted.iter().map(|(_, body)| &body["line"]).collect();
        assert_eq!((lines[0], emitted.len()), (&json!(2), 3), "{shift}");
        assert_eq!(emitted[0].1["fields"][1], json!("1\"\r\n2"));
        assert_eq!(emitted[1].1, json!({ "a": "é", "b": "3" }));
        assert_eq!(emitted[2].1, json!({ "a": "4", "b": "5" }));
    }
}
