//! Configs that are refused, and files that cannot be read; what `line` adds.

use super::*;

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    let mut trial = trial(&json!({}), b"");
    trial
        .outside()
        .failing
        .insert("a.csv".into(), FileErrorCode::Denied);
    assert_eq!(
        trial.drain().expect_err("denied").message,
        "cannot read `a.csv`: denied"
    );
}

#[test]
fn bad_configs_are_refused_with_their_places() {
    let cases = [
        (json!({}), vec![""]),
        (
            json!({ "path": "", "delimiter": "", "max-record": 0, "columns": {} }),
            vec!["/path", "/delimiter", "/columns", "/max-record"],
        ),
        (
            json!({ "path": "a", "delimiter": "\n", "extra": "drop" }),
            vec!["/delimiter", "/extra"],
        ),
        (json!({ "path": "a", "delimiter": "é" }), vec!["/delimiter"]),
        (
            json!({ "path": "a", "delimiter": "\"" }),
            vec!["/delimiter"],
        ),
        (json!({ "path": "a", "header": false }), vec!["/header"]),
        (json!({ "path": "a", "header": [] }), vec!["/header"]),
        (
            json!({ "path": "a", "header": ["a", "a"] }),
            vec!["/header"],
        ),
        (
            json!({ "path": "a", "header": ["a"], "columns": { "b": "u8" } }),
            vec!["/header"],
        ),
        (json!({ "path": "a", "columns": {} }), vec!["/columns"]),
        (
            json!({ "path": "a", "columns": { "a b": "text", "c": "option<option<u8>>" } }),
            vec!["/columns/a b", "/columns/a b", "/columns/c"],
        ),
        (
            json!({ "path": "a", "on-error": "skip" }),
            vec!["/on-error"],
        ),
        (json!({ "path": "a", "quote": "'" }), vec!["/quote"]),
    ];
    for (config, pointers) in cases {
        let faults = Trial::<CsvRead>::new(&config.to_string())
            .err()
            .expect("a bad config");
        let found: Vec<&str> = faults.iter().map(|fault| &fault.pointer[..]).collect();
        assert_eq!(found, pointers, "{config}: {faults:?}");
    }
}

#[test]
fn the_line_of_a_record_is_a_field_if_it_is_wanted() {
    let text = b"a,b\n1,\"x\ny\"\n2,z\n";
    let config = json!({ "line": "at", "columns": { "a": "u8", "b": "string" } });
    let rows = [
        json!({ "a": 1, "b": "x\ny", "at": 2 }),
        json!({ "a": 2, "b": "z", "at": 4 }),
    ];
    assert_eq!(out(&config, text), rows);
    let (code, message) = fault(&json!({ "line": "b" }), text);
    assert_eq!(code, "bad-header");
    assert!(message.contains("`b` is named as `line` says"), "{message}");
    let config = json!({ "path": "a.csv", "line": "a b" }).to_string();
    let faults = Trial::<CsvRead>::new(&config).err().expect("a bad name");
    assert_eq!(faults[0].pointer, "/line");
}
