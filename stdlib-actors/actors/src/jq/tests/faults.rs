use super::*;

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let deep = format!("{}{}", "[".repeat(257), "]".repeat(257));
    let cases = [
        ("", "byte 0: expected a value, found the end"),
        ("[1,]", "byte 3: expected a value, found `]`"),
        ("[1 2]", "byte 3: expected `,` or `]`, found `2`"),
        ("{\"a\" 1}", "byte 5: expected `:`, found `1`"),
        ("{a:1}", "byte 1: expected a key, found `a`"),
        ("{\"a\":1,}", "byte 7: expected a key, found `}`"),
        ("1 x", "byte 2: expected the end, found `x`"),
        ("nul", "byte 0: expected a value, found `n`"),
        ("é", "byte 0: expected a value, found `é`"),
        (
            "\"a",
            "byte 2: expected the rest of a string, found the end",
        ),
        (
            "\"a\\",
            "byte 3: expected the rest of a string, found the end",
        ),
        (
            "\"a\nb\"",
            "byte 2: expected the rest of a string, found `\n`",
        ),
        ("-", "byte 0: expected a number, found `-`"),
        ("01", "byte 0: expected a number, found `0`"),
        ("1.", "byte 0: expected a number, found `1`"),
        ("1e", "byte 0: expected a number, found `1`"),
        ("1-2", "byte 0: expected a number, found `1`"),
        ("1.5.2", "byte 0: expected a number, found `1`"),
        ("NaN", "byte 0: expected a value, found `N`"),
        (
            &deep,
            "byte 256: expected at most 256 arrays and objects around each other, found `[`",
        ),
    ];
    for (text, fault) in cases {
        let read = read::read(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(read.expect_err(text), fault, "{text}");
    }
    for text in [r#""\x""#, r#""\ud800""#, r#""\u12""#] {
        let read = read::read(Bytes::copy_from_slice(text.as_bytes()));
        assert!(
            read.expect_err(text).contains("a string before byte"),
            "{text}"
        );
    }
    let error = one("fromjson", "\"{\"");
    assert_eq!(
        error,
        "jq-error: cannot parse `{` as JSON: byte 1: expected a key, found the end"
    );
}

#[test]
fn errors_say_what_and_keep_what_came_before() {
    assert_eq!(values("1, error(\"no\"), 2", "null"), ["1", "jq-error: no"]);
    assert_eq!(one("error({a: 1})", "null"), r#"jq-error: {"a":1}"#);
    assert_eq!(one(".a", "[1]"), "jq-error: cannot index [1] with \"a\"");
    assert_eq!(one("try error(\"x\") catch .", "null"), "\"x\"");
    let long = format!("[{}]", vec!["1"; 10_000].join(","));
    let message = one(".a", &long);
    assert!(
        message.len() < 400 && message.ends_with("with \"a\""),
        "{message}"
    );
    let program = Program::compile("error").expect("it compiles");
    let failure = program
        .run(Val::from("é".repeat(500)))
        .next()
        .expect("one")
        .expect_err("error");
    assert!(failure.fault(&long).message.len() < 1_200);
}

#[test]
fn faults_say_where() {
    let cases = [
        ("", "line 1, column 1: expected term, found the end"),
        (".a |", "line 1, column 5: expected term, found the end"),
        (".a\n| é", "line 2, column 3: expected token, found `é`"),
        (
            "[1, 2",
            "line 1, column 6: expected closing bracket, found the end",
        ),
        (".a | foo", "line 1, column 6: there is no function `foo`"),
        (
            "map(.;1)",
            "line 1, column 1: there is no function `map` of 2 arguments",
        ),
        ("$x", "line 1, column 1: there is no variable `$x`"),
        (
            "now",
            "line 1, column 1: there is no function `now`: an expression has no clock",
        ),
        (
            "foo | bar",
            "line 1, column 1: there is no function `foo`; line 1, column 7: there is no function `bar`",
        ),
    ];
    for (expression, fault) in cases {
        assert_eq!(faults(expression), fault, "{expression}");
    }
}

#[test]
fn regular_expressions_are_checked_where_they_stand() {
    let pointed = |text: &str| {
        let faults = Program::at(&["a", "b"], text).err().unwrap_or_default();
        let pointed = faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.pointer, fault.message));
        pointed.collect::<Vec<_>>()
    };
    let faults = pointed(
        "test(\"(\") and\n  (.a | [sub(\"\\(scan(\"a\\\\q\"))\"; \"\"), gsub(\"[\"; \"x\"; \"i\")])",
    );
    let places = ["line 1, column 6", "line 2, column 22", "line 2, column 43"];
    assert_eq!(faults.len(), places.len(), "{faults:?}");
    for (fault, place) in faults.iter().zip(places) {
        assert!(
            fault.starts_with(&format!("/a/b: {place}: a regular expression: ")),
            "{fault}"
        );
    }
    for fine in [
        r#"test("a{2}"; "x")"#,
        r#"test("(" + ")")"#,
        r#"test("( # open\n)"; "x")"#,
        r#"def test(f): f; test("(?<n>x)")"#,
        r#"{test: "("}"#,
        r#"split("(")"#,
        r#"test(.a; "q")"#,
    ] {
        assert_eq!(pointed(fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn nothing_of_the_world_can_be_named() {
    for expression in [
        "now",
        "env",
        "$ENV",
        "input",
        "inputs",
        "debug",
        "debug(1)",
        "stderr",
        "halt",
        "halt(1)",
        "halt_error",
        "input_filename",
        "localtime",
        "todate",
        "debug_empty",
        "$__loc__",
        "import \"a\" as a; 1",
        "import \"a\" as $a; $a",
        "include \"a\"; 1",
        "import \"a\" as $a; 1",
    ] {
        assert!(!faults(expression).is_empty(), "{expression}");
    }
}

#[test]
fn size_and_depth_of_an_expression_are_bounded() {
    assert!(faults(&"1|".repeat(40_000)).contains("65536 bytes"));
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(
        faults(&deep),
        "line 1, column 129: more than 128 brackets around each other"
    );
    let fine = format!("{}1{}", "(".repeat(128), ")".repeat(128));
    assert_eq!(one(&fine, "null"), "1");
}
