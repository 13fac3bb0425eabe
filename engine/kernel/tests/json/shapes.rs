//! Values with parts, and what is said of those that do not fit.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

use crate::{bad, good};

/// A table with the types most tests need.
struct Known {
    table: TypeTable,
    finding: TypeId,
    rule: TypeId,
    shape: TypeId,
    tree: TypeId,
}

fn field(name: &str, ty: TypeId) -> Field {
    Field { name: name.into(), ty }
}

fn known() -> Known {
    let mut table = TypeTable::default();
    let string = table.intern(Type::String);
    let u32 = table.intern(Type::U32);
    let note = table.intern(Type::Option(string));
    let rule = table.intern(Type::Enum(vec!["secret".into(), "todo".into()]));
    table.name(rule, "Rule".into());
    let finding = table.intern(Type::Record(vec![
        field("path", string),
        field("line", u32),
        field("rule", rule),
        field("note", note),
    ]));
    table.name(finding, "Finding".into());
    let case = |name: &str, ty| Case { name: name.into(), ty };
    let shape = table.intern(Type::Variant(vec![case("none", None), case("size", Some(u32))]));
    let tree = table.push(Type::Bool);
    let trees = table.intern(Type::List(tree));
    table.set(tree, Type::Record(vec![field("kids", trees)]));
    Known { table, finding, rule, shape, tree }
}

fn complaint(known: &Known, ty: TypeId, text: &str) -> (String, String) {
    let wrong = check(&known.table, ty, text).expect_err(text);
    (wrong.pointer, wrong.message)
}

#[test]
fn no_key_comes_twice_anywhere() {
    bad(&Type::Json, &[r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"{"\u0061":1,"a":1}"#]);
    bad(&Type::Json, &[r#"[{"b":{"a":1,"c":2,"a":1}}]"#, r#"{"":1,"":1}"#]);
    good(&Type::Json, &[r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#]);
    for keys in [1, 15, 16, 17, 18, 40] {
        let object: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":{key}")).collect();
        good(&Type::Json, &[&format!("{{{}}}", object.join(","))]);
        for twice in [0, keys - 1] {
            bad(&Type::Json, &[&format!("{{{},\"k{twice}\":0}}", object.join(","))]);
            bad(&Type::Json, &[&format!("{{{},\"\\u006b{twice}\":0}}", object.join(","))]);
        }
    }
    let known = known();
    let extra = r#"{"path":"","line":1,"rule":"todo","more":{"x":1,"x":2}}"#;
    assert_eq!(
        complaint(&known, known.finding, extra),
        ("/more".into(), "field `x` appears twice".into())
    );
}

#[test]
fn nesting_ends_at_64() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    good(&Type::Json, &[&nested(64), &format!("{}1{}", "{\"a\":".repeat(64), "}".repeat(64))]);
    bad(&Type::Json, &[&nested(65), &"[".repeat(1_000_000), &"{\"a\":".repeat(100_000)]);
    let known = known();
    let tree = |depth: usize| format!("{}{}", "{\"kids\":[".repeat(depth), "]}".repeat(depth));
    assert_eq!(check(&known.table, known.tree, &tree(32)), Ok(()));
    assert_eq!(complaint(&known, known.tree, &tree(33)).1, "nested deeper than 64");
}

#[test]
fn records_options_and_extra_fields() {
    let known = known();
    for text in [
        r#"{"path":"a","line":1,"rule":"todo"}"#,
        r#"{"path":"a","line":1,"rule":"todo","note":null}"#,
        r#" { "note" : "x" , "rule" : "secret" , "line" : 0 , "path" : "" } "#,
        r#"{"extra":[{"a":null}],"path":"a","line":1,"r\u0075le":"t\u006fdo"}"#,
    ] {
        assert_eq!(check(&known.table, known.finding, text), Ok(()), "{text}");
    }
    let wide: Vec<Field> = (0..40).map(|place| field(&format!("f{place}"), known.rule)).collect();
    let mut table = known.table.clone();
    let wide = table.intern(Type::Record(wide));
    let mut parts: Vec<String> = (0..40).map(|place| format!("\"f{place}\":\"todo\"")).collect();
    parts.reverse();
    assert_eq!(check(&table, wide, &format!("{{{}}}", parts.join(","))), Ok(()));
    parts.remove(5);
    let missing =
        check(&table, wide, &format!("{{{}}}", parts.join(","))).expect_err("f34 is not there");
    assert_eq!(missing.message, "missing field `f34`");
}

#[test]
fn complaints_name_the_place_and_both_sides() {
    let known = known();
    let at = |pointer: &str, message: &str| (pointer.to_owned(), message.to_owned());
    for (text, wanted) in [
        ("\"x\"", at("", "expected Finding, found a string")),
        (r#"{"path":"a"}"#, at("", "missing field `line`")),
        (r#"{"path":"a","path":"a"}"#, at("", "field `path` appears twice")),
        (r#"{"line":"a"}"#, at("/line", "expected u32, found a string")),
        (r#"{"line":4294967296}"#, at("/line", "4294967296 is out of range for u32")),
        (
            r#"{"line":1.5}"#,
            at("/line", "expected u32, found a number with a point or an exponent"),
        ),
        (r#"{"line":-0}"#, at("/line", "expected u32, found -0, which readers take for a double")),
        (r#"{"rule":"x"}"#, at("/rule", "expected Rule, found \"x\"")),
        (r#"{"rule":null}"#, at("/rule", "expected Rule, found null")),
        (r#"{"note":1}"#, at("/note", "expected string, found a number")),
        (
            r#"{"a/b~c":[0,{"":1e999}]}"#,
            at(
                "/a~1b~0c/1/",
                "1e999 is out of range: integers are within [−2^63, 2^64), doubles finite",
            ),
        ),
        (r#"{"line":}"#, at("/line", "not JSON: expected a value at byte 8, found '}'")),
        (r#"{"line":1"#, at("", "not JSON: expected `,` or `}` at byte 9, the text ends")),
        (r#"{"path":"\ud800"}"#, at("/path", "a lone surrogate is escaped at byte 9")),
    ] {
        assert_eq!(complaint(&known, known.finding, text), wanted, "{text}");
    }
    let key = "k".repeat(10_000);
    let (pointer, _) = complaint(&known, known.finding, &format!("{{\"{key}\":x}}"));
    assert_eq!(pointer, format!("/{}…", "k".repeat(128)));
}

/// `known`, and what else has parts.
struct Parts {
    known: Known,
    list: TypeId,
    pair: TypeId,
    unit: TypeId,
    result: TypeId,
}

fn parts() -> Parts {
    let mut known = known();
    let u8 = known.table.intern(Type::U8);
    let string = known.table.intern(Type::String);
    let list = known.table.intern(Type::List(u8));
    let pair = known.table.intern(Type::Tuple(vec![u8, string]));
    let unit = known.table.intern(Type::Tuple(vec![]));
    let result = known.table.intern(Type::Result { ok: Some(u8), err: None });
    Parts { known, list, pair, unit, result }
}

#[test]
fn variants_results_tuples_and_lists() {
    let Parts { known, list, pair, unit, result } = parts();
    for (ty, text) in [
        (known.shape, "\"none\""),
        (known.shape, "{\"size\": 3}"),
        (known.rule, "\"todo\""),
        (result, "{\"ok\":1}"),
        (result, "{ \"err\" : null }"),
        (list, "[]"),
        (list, "[1, 2 ,3]"),
        (pair, "[1,\"a\"]"),
        (unit, "[ ]"),
    ] {
        assert_eq!(check(&known.table, ty, text), Ok(()), "{text}");
    }
}

#[test]
fn complaints_about_variants() {
    let known = known();
    for (ty, text, pointer, message) in [
        (known.shape, "\"size\"", "", "case `size` needs a value: {\"size\": …}"),
        (known.shape, "{\"none\":null}", "/none", "case `none` has no value: write \"none\""),
        (known.shape, "\"x\"", "", "expected variant{none, size(u32)}, found \"x\""),
        (known.shape, "{}", "", "expected variant{none, size(u32)} as one key, found 0 keys"),
        (
            known.shape,
            "{\"size\":1,\"x\":1}",
            "",
            "expected variant{none, size(u32)} as one key, found 2 keys",
        ),
        (known.shape, "3", "", "expected variant{none, size(u32)}, found a number"),
    ] {
        assert_eq!(complaint(&known, ty, text), (pointer.into(), message.into()), "{text}");
    }
}

#[test]
fn complaints_about_results_lists_and_tuples() {
    let Parts { known, list, pair, unit, result } = parts();
    for (ty, text, pointer, message) in [
        (result, "\"err\"", "", "expected result<u8>, found a string"),
        (result, "{\"err\":1}", "/err", "expected null, found a number"),
        (result, "{\"ok\":1,\"err\":null}", "", "expected result<u8> as one key, found 2 keys"),
        (result, "{\"no\":1}", "/no", "expected result<u8>, found \"no\""),
        (list, "[1,256]", "/1", "256 is out of range for u8"),
        (list, "{}", "", "expected list<u8>, found an object"),
        (pair, "[1]", "", "expected 2 items, found 1"),
        (pair, "[1,\"\",2]", "/2", "a tuple of 2 ends before this"),
        (unit, "[0]", "/0", "a tuple of 0 ends before this"),
    ] {
        assert_eq!(complaint(&known, ty, text), (pointer.into(), message.into()), "{text}");
    }
}

#[test]
fn types_that_make_no_sense_do_no_harm() {
    let mut table = TypeTable::default();
    let loops = table.push(Type::Bool);
    table.set(loops, Type::Option(loops));
    assert_eq!(check(&table, loops, "null"), Ok(()));
    assert!(check(&table, loops, "1").is_err());
    assert_eq!(check(&table, TypeId(99), "1").expect_err("unknown").message, "the type is unknown");
    let endless = table.push(Type::Bool);
    table.set(endless, Type::Record(vec![field("a", endless)]));
    let text = "{\"a\":".repeat(100);
    assert_eq!(check(&table, endless, &text).expect_err("deep").message, "nested deeper than 64");
}
