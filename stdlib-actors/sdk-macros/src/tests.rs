//! What is refused, and what is said then.

use syn::DeriveInput;

use crate::{config, typed};

fn said(expand: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>, source: &str) -> String {
    let input: DeriveInput = syn::parse_str(source).expect(source);
    match expand(&input) {
        Ok(made) => format!("made {made}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_has_no_type_says_why() {
    for (source, why) in [
        ("struct A;", "`null`"),
        ("enum A {}", "no values"),
        ("#[serde(untagged)] enum A { B(u8) }", "untagged"),
        ("#[serde(tag = \"t\")] enum A { B { c: u8 } }", "tagged"),
        (
            "#[serde(tag = \"t\", content = \"c\")] enum A { B(u8) }",
            "tagged",
        ),
        ("enum A { #[serde(untagged)] B(u8) }", "untagged"),
        ("struct A { #[serde(flatten)] b: B }", "`flatten`"),
        ("struct A { #[serde(with = \"hex\")] b: Vec<u8> }", "`with`"),
        (
            "struct A { #[serde(skip_serializing)] b: u8 }",
            "use `skip`",
        ),
        (
            "struct A { #[serde(rename(serialize = \"x\"))] b: u8 }",
            "one name when",
        ),
        (
            "struct A { #[serde(rename = \"größe\")] b: u8 }",
            "`größe` is no name",
        ),
        (
            "struct A { #[serde(rename = \"1\")] b: u8 }",
            "`1` is no name",
        ),
        (
            "enum A { #[serde(rename = \"a b\")] B }",
            "`a b` is no name",
        ),
        (
            "#[serde(from = \"u8\")] struct A { b: u8 }",
            "derive `Typed` there",
        ),
        (
            "struct A { #[serde(rename_it = \"x\")] b: u8 }",
            "unknown serde field attribute",
        ),
        ("union A { b: u8 }", "unions"),
    ] {
        let said = said(typed::expand, source);
        assert!(
            said.contains(why) && !said.starts_with("made "),
            "{source}: {said}"
        );
    }
}

#[test]
fn what_has_no_schema_says_why() {
    for (source, why) in [
        ("struct A;", "named fields"),
        ("struct A(u8, u8);", "named fields"),
        ("struct A { #[serde(flatten)] b: B }", "`flatten`"),
        (
            "struct A { #[serde(deserialize_with = \"f\")] b: u8 }",
            "`#[config(like = …)]`",
        ),
        (
            "struct A { #[config(min = 1)] b: u8 }",
            "expected one of minimum",
        ),
        ("struct A { #[config(minimum = x)] b: u8 }", "literal"),
        (
            "struct A { #[config(minimum = \"1\")] b: u8 }",
            "a bound is a number",
        ),
        (
            "struct A { #[config(minimum = 10000000000000000)] b: u64 }",
            "2^53",
        ),
        (
            "struct A { #[config(minimum = 1, min_length = 2)] b: u8 }",
            "different things",
        ),
        ("#[serde(tag = \"t\")] enum A { B(u8) }", "with `tag`"),
        ("enum A { B(u8, u8) }", "one value, or named fields"),
        ("#[serde(try_from = \"u8\")] struct A { b: u8 }", "by hand"),
    ] {
        let said = said(config::expand, source);
        assert!(
            said.contains(why) && !said.starts_with("made "),
            "{source}: {said}"
        );
    }
}

#[test]
fn a_doc_comment_is_one_line() {
    let source = "/** One\n * \"line\" */ struct A { /// Two\n /// words.\n b: u8 }";
    let said = said(config::expand, source);
    assert!(said.contains(r#""\"Two words.\"""#), "{said}");
}
