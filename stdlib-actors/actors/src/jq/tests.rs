use super::*;

mod faults;
mod numbers;

fn value(body: &str) -> Val {
    read::read(Bytes::copy_from_slice(body.as_bytes())).expect(body)
}

/// The values as JSON, up to the first failure, which stands last with its code.
fn values(expression: &str, body: &str) -> Vec<String> {
    let program = Program::compile(expression).expect(expression);
    let text = |value: Result<Val, Failure>| {
        let mut text = Vec::new();
        match value.and_then(|value| write(&mut text, &value)) {
            Ok(()) => String::from_utf8(text).expect("UTF-8"),
            Err(failure) => format!("{}: {failure}", failure.code),
        }
    };
    program.run(value(body)).map(text).collect()
}

fn one(expression: &str, body: &str) -> String {
    values(expression, body).join(" ")
}

fn faults(expression: &str) -> String {
    let faults = Program::compile(expression).err().unwrap_or_default();
    faults.join("; ")
}

#[test]
fn keys_keep_their_order() {
    let body = r#"{"z":1,"a":{"y":1,"b":2},"m":3}"#;
    assert_eq!(one(".", body), body);
    assert_eq!(
        one(r#". + {"k": 4, "z": 5}"#, body),
        r#"{"z":5,"a":{"y":1,"b":2},"m":3,"k":4}"#
    );
    assert_eq!(one("{m, z}", body), r#"{"m":3,"z":1}"#);
    assert_eq!(
        one("keys, keys_unsorted", body),
        r#"["a","m","z"] ["z","a","m"]"#
    );
    assert_eq!(one("to_entries | from_entries", body), body);
}

#[test]
fn strings_pass_unchanged() {
    let cases = [
        (r#""a\"b\\c\n\u0001""#, r#""a\"b\\c\n\u0001""#),
        (r#""\u00e9\ud83d\ude00""#, "\"é😀\""),
        (r#""\/\u007f""#, "\"/\u{7f}\""),
    ];
    for (body, value) in cases {
        assert_eq!(one(".", body), value);
    }
    // What base64 gives need not be UTF-8.
    assert_eq!(one("@base64d", r#""/w==""#), "\"\u{fffd}\"");
}

#[test]
fn regular_expressions() {
    let cases = [
        (r#"test("B")"#, "\"abc\"", "false"),
        (r#"test("B"; "i")"#, "\"abc\"", "true"),
        (r#"test("B"; null)"#, "\"abc\"", "false"),
        (r#"test("x*"; "n")"#, "\"abc\"", "false"),
        (r#"[scan("[a-z]\\d")]"#, "\"a1b2\"", r#"["a1","b2"]"#),
        (
            r#"capture("(?<k>\\w+)=(?<v>\\d+)?")"#,
            "\"ä=\"",
            r#"{"k":"ä","v":null}"#,
        ),
        (r#"sub("(?<x>\\d)"; "<\(.x)>")"#, "\"a1b2\"", "\"a<1>b2\""),
        (r#"gsub("\\s+"; " ")"#, "\"a  b \\n c\"", "\"a b c\""),
        (r#"gsub("^"; ">"; "m")"#, "\"a\\nb\"", "\">a\\n>b\""),
        (r#"[splits(", *")]"#, "\"a, b,c\"", r#"["a","b","c"]"#),
        (r#"[match("é"; "g").offset]"#, "\"aéaé\"", "[1,3]"),
        (
            r#"match("(a)|(b)")"#,
            "\"éb\"",
            r#"{"offset":1,"length":1,"string":"b","captures":[{"offset":-1,"length":0,"string":null,"name":null},{"offset":1,"length":1,"string":"b","name":null}]}"#,
        ),
    ];
    for (expression, body, value) in cases {
        assert_eq!(one(expression, body), value, "{expression}");
    }
    let failures = [
        (r#"test("(")"#, "unclosed group"),
        (r#"test("a"; "q")"#, "`q` is no flag"),
        ("test(1)", "cannot use 1 as string"),
        (
            r#"[range(100) | tostring] | map(. as $p | "x" | test($p + "\\w{5000}"))"#,
            "size limit",
        ),
    ];
    for (expression, why) in failures {
        let got = one(expression, "\"a\"");
        assert!(
            got.starts_with("jq-error: ") && got.contains(why),
            "{expression}: {got}"
        );
    }
    // More of them than are kept.
    assert_eq!(
        one(
            "[range(100) | tostring as $p | $p | test($p)] | all",
            "null"
        ),
        "true"
    );
}

#[test]
fn lengths() {
    let cases = [
        ("null", "0"),
        ("\"aé😀\"", "3"),
        ("[1,[2]]", "2"),
        (r#"{"a":1}"#, "1"),
        ("-3", "3"),
        ("-0.0", "-0.0"),
        ("true", "jq-error: true has no length"),
    ];
    for (body, length) in cases {
        assert_eq!(one("length", body), length, "{body}");
    }
}

#[test]
fn formats_and_mathematics() {
    let cases = [
        ("@csv", r#"[1,"a\"b",null,true]"#, r#""1,\"a\"\"b\",,true""#),
        ("@tsv", r#"[1,"a\tb\\",null]"#, r#""1\ta\\tb\\\\\t""#),
        (
            "@html",
            r#""<a href='x'>&\"""#,
            r#""&lt;a href=&#39;x&#39;&gt;&amp;&quot;""#,
        ),
        ("@htmld", r#""&lt;&amp;lt;&x""#, r#""<&lt;&x""#),
        ("@uri", "\"a é/~\"", "\"a%20%C3%A9%2F~\""),
        ("@urid", "\"a%20%C3%A9%2f\"", "\"a é/\""),
        ("@base64", "\"fo\"", "\"Zm8=\""),
        ("@base64d", "\"Zm8\"", "\"fo\""),
        ("@sh", "\"it's\"", r#""'it'\\''s'""#),
        ("@json", "[1,\"x\"]", r#""[1,\"x\"]""#),
        (r#"@base64 "<\(.)>""#, "\"f\"", "\"<Zg==>\""),
        ("log2, exp10", "2", "1 100"),
        ("atan2(0; .), fmod(7; .)", "4", "0 3"),
        ("toarray", "1", "[1]"),
        ("ascii", "65", "\"A\""),
    ];
    for (expression, body, value) in cases {
        assert_eq!(one(expression, body), value, "{expression}");
    }
    for (expression, body) in [
        ("@csv", "1"),
        ("@tsv", "[[1]]"),
        ("@urid", "\"%zz\""),
        ("@base64d", "\"*\""),
    ] {
        assert!(
            one(expression, body).starts_with("jq-error: "),
            "{expression}"
        );
    }
}

#[test]
fn what_json_means_is_read_as_serde_json_reads_it() {
    for text in [
        " [ ] ",
        "{ }",
        "[[],{}, [1 , 2]\n]",
        r#"{"a":{"b":[true,false,null]},"a":2}"#,
        r#"["", "\\", "\"", "a\tb", "\u00e9", "\ud83d\ude00"]"#,
        "[0,-1,10,12345678901,1.5e3,1E-2]",
    ] {
        let mut written = Vec::new();
        write(&mut written, &value(text)).expect(text);
        let ours: serde_json::Value = serde_json::from_slice(&written).expect(text);
        let theirs: serde_json::Value = serde_json::from_str(text).expect(text);
        assert_eq!(ours, theirs, "{text}");
    }
}

#[test]
fn an_expression_holds_as_in_jq() {
    let cases = [
        ("true", true),
        ("false", false),
        ("null", false),
        ("0", true),
        ("\"\"", true),
        ("empty", false),
        ("false, true", false),
        ("true, error", true),
        (".a?", false),
    ];
    for (expression, holds) in cases {
        let program = Program::compile(expression).expect(expression);
        assert_eq!(program.holds(Val::from(1_isize)), Ok(holds), "{expression}");
    }
}
