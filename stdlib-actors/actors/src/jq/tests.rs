use super::*;

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

/// On 32 bits jaq's small integers end at 2^31, so both sides of it, and of 2^53 and 2^64.
const NUMBERS: &[&str] = &[
    "0",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "0.1",
    "1.0",
    "-0.0",
    "1e-7",
    "1e300",
    "1E+2",
    "-0",
    "999999999",
    "-999999999",
    "123456789.123456789",
];

#[test]
fn numbers_pass_as_they_are_written() {
    for number in NUMBERS {
        assert_eq!(one(".", number), *number);
        assert_eq!(
            one(".a.b[0]", &format!(r#"{{"a":{{"b":[{number}]}}}}"#)),
            *number
        );
        assert_eq!(one("{a: .} | [.a] | first", number), *number);
        assert_eq!(one("if . == . then . else error end", number), *number);
        assert_eq!(one("tojson | fromjson", number), *number);
        assert_eq!(one("select(. >= -9223372036854775808)", number), *number);
    }
}

#[test]
fn integers_keep_all_digits_in_sums_products_and_literals() {
    let cases = [
        (". + 1", "2147483647", "2147483648"),
        (". + 1", "9007199254740992", "9007199254740993"),
        (". + 1", "9223372036854775807", "9223372036854775808"),
        (". - 1", "-2147483648", "-2147483649"),
        (". - 1", "2147483648", "2147483647"),
        (". * .", "4294967295", "18446744065119617025"),
        (". % 10", "18446744073709551615", "5"),
        ("-.", "9223372036854775808", "-9223372036854775808"),
        ("9007199254740993", "null", "9007199254740993"),
        ("18446744073709551615 == .", "18446744073709551615", "true"),
        (". == 18446744073709551614", "18446744073709551615", "false"),
        (
            "tostring | tonumber",
            "9007199254740993",
            "9007199254740993",
        ),
        ("abs", "-2147483649", "2147483649"),
        ("length", "-2147483648", "2147483648"),
        ("length", "-9223372036854775808", "9223372036854775808"),
        ("length", "-1.50", "1.50"),
        ("floor", "9007199254740993", "9007199254740993"),
        ("floor", "3000000000.7", "3000000000"),
        ("round", "1e18", "1000000000000000000"),
    ];
    for (expression, body, value) in cases {
        assert_eq!(one(expression, body), value, "{body} | {expression}");
    }
}

#[test]
fn integers_are_sorted_grouped_and_found_exactly() {
    let list =
        "[9007199254740993,-1,9007199254740992,4294967296,2147483648,2,18446744073709551615]";
    assert_eq!(
        one("sort", list),
        "[-1,2,2147483648,4294967296,9007199254740992,9007199254740993,18446744073709551615]"
    );
    assert_eq!(one("max, min", list), "18446744073709551615 -1");
    let twins = "[9007199254740993,9007199254740992,9007199254740993]";
    assert_eq!(
        one("group_by(.)", twins),
        "[[9007199254740992],[9007199254740993,9007199254740993]]"
    );
    assert_eq!(one("unique | length", twins), "2");
    assert_eq!(one("index(9007199254740992)", twins), "1");
    assert_eq!(
        one("map(tostring) | add", "[4294967296,1]"),
        "\"42949672961\""
    );
    assert_eq!(one(r#"{"\(.)": 1}"#, "4294967296"), r#"{"4294967296":1}"#);
}

#[test]
fn what_is_computed_from_doubles_is_a_double_without_a_needless_point() {
    let cases = [
        (". + 1", "0.1", "1.1"),
        (". / 2", "10", "5"),
        (". / 4", "10", "2.5"),
        (". * 1", "1.0", "1"),
        (". * 1", "-0.0", "-0.0"),
        (". * 10", "1e300", "1e+301"),
        (". + 0", "1e-7", "1e-7"),
        ("sqrt", "16", "4"),
        ("pow(.; 53)", "2", "9007199254740992"),
        ("007.5 * 1", "0", "7.5"),
        ("007.5", "0", "7.5"),
    ];
    for (expression, body, value) in cases {
        assert_eq!(one(expression, body), value, "{body} | {expression}");
    }
}

#[test]
fn what_json_cannot_say_is_a_failure() {
    let deep = format!("reduce range({}) as $i (0; [.])", 65);
    let cases = [
        ("nan", "not-json: NaN is no JSON number"),
        ("[infinite]", "not-json: Infinity is no JSON number"),
        ("{a: -infinite}", "not-json: -Infinity is no JSON number"),
        (
            "tobytes",
            "not-json: bytes are no JSON value: make them text first",
        ),
        ("{(1 | tostring): 2}", r#"{"1":2}"#),
        (
            "{(1,2): 2}",
            "not-json: an object's key must be a string, not 1",
        ),
        (
            &deep,
            "not-json: the value has more than 64 arrays and objects around each other",
        ),
    ];
    for (expression, value) in cases {
        let value_of = values(expression, "\"x\"").into_iter().next();
        assert_eq!(value_of.as_deref(), Some(value), "{expression}");
    }
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
        "jq-error: cannot parse { as JSON: byte 1: expected a key, found the end"
    );
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
