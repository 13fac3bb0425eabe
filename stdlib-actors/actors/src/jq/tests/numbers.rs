use super::{one, values};

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
