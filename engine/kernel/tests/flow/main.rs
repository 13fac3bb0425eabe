//! What flows into what: a table by hand, and soundness with respect to the validator.

#[path = "../made/mod.rs"]
mod made;
mod random;
#[path = "../made/relative.rs"]
mod relative;
mod witness;

use made::{Dice, SCALARS, value};
use theater_flow_kernel::flow::{flows, show};
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

#[derive(Default)]
struct Made(TypeTable);

impl Made {
    fn ty(&mut self, ty: Type) -> TypeId {
        self.0.intern(ty)
    }

    fn option(&mut self, ty: Type) -> TypeId {
        let ty = self.ty(ty);
        self.ty(Type::Option(ty))
    }

    fn list(&mut self, ty: TypeId) -> TypeId {
        self.ty(Type::List(ty))
    }

    fn enumeration(&mut self, cases: &[&str]) -> TypeId {
        self.ty(Type::Enum(cases.iter().map(ToString::to_string).collect()))
    }

    fn variant(&mut self, cases: &[(&str, Option<TypeId>)]) -> TypeId {
        let case = |(name, ty): &(&str, Option<TypeId>)| Case { name: (*name).into(), ty: *ty };
        self.ty(Type::Variant(cases.iter().map(case).collect()))
    }

    fn record(&mut self, fields: &[(&str, TypeId)]) -> TypeId {
        self.ty(record(fields))
    }

    fn fits(&self, from: TypeId, to: TypeId) {
        assert_eq!(flows(&self.0, from, to), Ok(()));
    }

    fn clash(&self, from: TypeId, to: TypeId) -> (String, String) {
        let clash = flows(&self.0, from, to).expect_err("a value could be wrong");
        (clash.path, clash.message)
    }
}

fn record(fields: &[(&str, TypeId)]) -> Type {
    Type::Record(fields.iter().map(|(name, ty)| Field { name: (*name).into(), ty: *ty }).collect())
}

fn place(path: &str, message: &str) -> (String, String) {
    (path.into(), message.into())
}

/// A text of `from` that is not of `to`.
fn found(table: &TypeTable, from: TypeId, to: TypeId, tries: usize) -> Option<String> {
    let mut dice = Dice(1);
    (0..tries).filter_map(|_| value(&mut dice, table, from)).find(|text| {
        assert_eq!(check(table, from, text), Ok(()));
        check(table, to, text).is_err()
    })
}

#[test]
fn scalars_flow_exactly_when_no_value_speaks_against_it() {
    let mut made = Made::default();
    let mut types: Vec<TypeId> = Vec::new();
    for scalar in SCALARS {
        types.push(made.ty(scalar.clone()));
        types.push(made.option(scalar));
    }
    types.push(made.enumeration(&["a", "ok"]));
    types.push(made.enumeration(&["a", "ok", "b"]));
    for from in &types {
        for to in &types {
            let (named, wanted) = (show(&made.0, *from), show(&made.0, *to));
            let text = found(&made.0, *from, *to, 400);
            match flows(&made.0, *from, *to) {
                Ok(()) => assert_eq!(text, None, "{named} into {wanted}"),
                Err(clash) => assert!(text.is_some(), "{named} into {wanted}: {clash}"),
            }
        }
    }
}

#[test]
fn numbers_say_what_could_go_wrong() {
    let mut made = Made::default();
    let [u32, u64, f32, f64, string] =
        [Type::U32, Type::U64, Type::F32, Type::F64, Type::String].map(|ty| made.ty(ty));
    for (from, to, message) in [
        (u64, u32, "producer has u64, consumer wants u32: a value could be out of range"),
        (u64, f64, "producer has u64, consumer wants f64: a value could be out of range"),
        (u32, f32, "producer has u32, consumer wants f32: a value could be out of range"),
        (f64, f32, "producer has f64, consumer wants f32: a value could be out of range"),
        (f32, u64, "producer has f32, consumer wants u64: a value could have a point"),
        (string, u32, "producer has string, consumer wants u32"),
        (u32, string, "producer has u32, consumer wants string"),
    ] {
        assert_eq!(made.clash(from, to), place("", message));
    }
    made.fits(u32, f64);
    made.fits(f32, f64);
}

#[test]
fn records_flow_by_the_fields_the_consumer_names() {
    let mut made = Made::default();
    let [u32, u64, json] = [Type::U32, Type::U64, Type::Json].map(|ty| made.ty(ty));
    let maybe = made.option(Type::U32);
    let both = made.record(&[("line", u32), ("path", u64)]);
    let line = made.record(&[("line", u32)]);
    let wide = made.record(&[("line", u64)]);
    let may = made.record(&[("line", maybe)]);
    let any = made.record(&[("line", json)]);
    let none = made.record(&[]);
    for (from, to) in
        [(both, line), (line, wide), (line, may), (line, any), (line, none), (may, may)]
    {
        made.fits(from, to);
    }
    let unnamed = "producer does not name the field `line`, consumer wants it";
    assert_eq!(made.clash(none, line), place("", unnamed));
    assert_eq!(made.clash(none, may), place("", unnamed));
    let absent = "it could be absent";
    let wants =
        |ty| format!("field `line`: producer has option<u32>, consumer wants {ty}: {absent}");
    assert_eq!(made.clash(may, line), place("", &wants("u32")));
    assert_eq!(made.clash(may, any), place("", &wants("json")));
    let (from, to) = (made.list(wide), made.list(line));
    let (from, to) = (made.record(&[("items", from)]), made.record(&[("items", to)]));
    let range = "producer has u64, consumer wants u32: a value could be out of range";
    assert_eq!(made.clash(from, to), place(".items[].line", range));
}

#[test]
fn options_flow_into_what_takes_null() {
    let mut made = Made::default();
    let [u32, json] = [Type::U32, Type::Json].map(|ty| made.ty(ty));
    let (maybe, wide) = (made.option(Type::U32), made.option(Type::U64));
    for (from, to) in [(u32, maybe), (u32, wide), (maybe, wide), (maybe, json)] {
        made.fits(from, to);
    }
    let null = "producer has option<u32>, consumer wants u32: a value could be null";
    assert_eq!(made.clash(maybe, u32), place("", null));
    let anything = "producer has json, consumer wants option<u32>: a value could be anything";
    assert_eq!(made.clash(json, maybe), place("", anything));
}

#[test]
fn cases_flow_into_more_cases() {
    let mut made = Made::default();
    let [u8, u16, string, char, json] =
        [Type::U8, Type::U16, Type::String, Type::Char, Type::Json].map(|ty| made.ty(ty));
    let few = made.enumeration(&["a", "b"]);
    let more = made.enumeration(&["c", "b", "a"]);
    let long = made.enumeration(&["a", "bc"]);
    let bare = made.variant(&[("a", None), ("b", None)]);
    let held = made.variant(&[("a", None), ("b", None), ("x", Some(u8))]);
    let wide = made.variant(&[("x", Some(u16)), ("b", None), ("a", None)]);
    let result = made.ty(Type::Result { ok: Some(u8), err: None });
    let wider = made.ty(Type::Result { ok: Some(u16), err: Some(json) });
    let sides = made.variant(&[("ok", Some(u8)), ("err", Some(json))]);
    for (from, to) in [
        (few, more),
        (few, string),
        (few, char),
        (few, bare),
        (few, held),
        (bare, few),
        (bare, string),
        (held, wide),
        (held, json),
        (result, wider),
        (result, sides),
        (sides, wider),
    ] {
        made.fits(from, to);
        assert_eq!(found(&made.0, from, to, 200), None);
    }
    for (from, to) in [
        (more, few),
        (string, few),
        (long, char),
        (held, string),
        (wide, held),
        (held, bare),
        (held, few),
        (wider, result),
        (sides, result),
        (wider, sides),
        (result, string),
    ] {
        made.clash(from, to);
        assert!(
            found(&made.0, from, to, 200).is_some(),
            "{} {}",
            show(&made.0, from),
            show(&made.0, to)
        );
    }
    let lacks = "producer has the case `c`, consumer's enum{a, b} not";
    assert_eq!(made.clash(more, few), place("", lacks));
    let range = "producer has u16, consumer wants u8: a value could be out of range";
    assert_eq!(made.clash(wide, held), place(".x", range));
}

#[test]
fn lists_and_tuples() {
    let mut made = Made::default();
    let [u8, u16] = [Type::U8, Type::U16].map(|ty| made.ty(ty));
    let pair = made.ty(Type::Tuple(vec![u8, u16]));
    let wide = made.ty(Type::Tuple(vec![u16, u16]));
    let three = made.ty(Type::Tuple(vec![u8, u8, u8]));
    let (small, large) = (made.list(u8), made.list(u16));
    for (from, to) in [(small, large), (pair, wide), (pair, large), (three, small)] {
        made.fits(from, to);
    }
    for (from, to, path) in [
        (large, small, "[]"),
        (wide, pair, "[0]"),
        (pair, small, "[1]"),
        (pair, three, ""),
        (large, pair, ""),
        (small, u8, ""),
    ] {
        assert_eq!(made.clash(from, to).0, path);
    }
}

/// `tree = { value: T, kids: list<tree> }`
fn tree(made: &mut Made, value: Type) -> TypeId {
    let value = made.ty(value);
    let tree = made.0.push(Type::Bool);
    let kids = made.list(tree);
    made.0.set(tree, record(&[("value", value), ("kids", kids)]));
    tree
}

#[test]
fn recursive_types_flow_by_assumption() {
    let mut made = Made::default();
    let (narrow, wide) = (tree(&mut made, Type::U8), tree(&mut made, Type::U16));
    made.fits(narrow, wide);
    assert_eq!(made.clash(wide, narrow).0, ".value");
    let byte = made.ty(Type::U8);
    let null = made.0.push(Type::Bool);
    made.0.set(null, Type::Option(null));
    made.clash(byte, null);
    made.fits(null, null);
    let maybe = made.option(Type::U8);
    made.fits(null, maybe);
    made.clash(maybe, null);
    made.clash(TypeId(99), byte);
    made.clash(byte, TypeId(99));
}

#[test]
fn deep_types_need_no_stack() {
    let mut made = Made::default();
    let (mut narrow, mut wide) = (made.ty(Type::U8), made.ty(Type::U16));
    for depth in 1..=64 {
        (narrow, wide) = (made.list(narrow), made.list(wide));
        assert_eq!(made.clash(wide, narrow).0, "[]".repeat(depth));
    }
    for _ in 0..100_000 {
        (narrow, wide) = (made.0.push(Type::List(narrow)), made.0.push(Type::List(wide)));
    }
    made.fits(wide, narrow);
    assert!(show(&made.0, wide).ends_with("list<…>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>"));
}

#[test]
fn types_are_shown_as_they_are_written() {
    let mut made = Made::default();
    let (u8, string) = (made.ty(Type::U8), made.ty(Type::String));
    let rule = made.enumeration(&["secret", "todo"]);
    let shape = made.variant(&[("none", None), ("size", Some(u8))]);
    let (list, pair) = (made.list(string), made.ty(Type::Tuple(vec![u8, rule])));
    let maybe = made.0.push(Type::Option(list));
    let plain = made.record(&[("path", string), ("rule", rule)]);
    let sides = [(None, None), (Some(u8), None), (None, Some(u8)), (Some(u8), Some(string))]
        .map(|(ok, err)| made.ty(Type::Result { ok, err }));
    for (ty, text) in [
        (rule, "enum{secret, todo}"),
        (shape, "variant{none, size(u8)}"),
        (maybe, "option<list<string>>"),
        (pair, "tuple<u8, enum{secret, todo}>"),
        (plain, "{path: string, rule: enum{secret, todo}}"),
        (sides[0], "result"),
        (sides[1], "result<u8>"),
        (sides[2], "result<_, u8>"),
        (sides[3], "result<u8, string>"),
    ] {
        assert_eq!(show(&made.0, ty), text);
    }
    made.0.name(rule, "Rule".into());
    assert_eq!(show(&made.0, plain), "{path: string, rule: Rule}");
    assert_eq!(show(&made.0, rule), "Rule");
    let tree = tree(&mut made, Type::U8);
    assert!(show(&made.0, tree).len() < 2_000);
    made.0.name(tree, "Tree".into());
    let trees = made.list(tree);
    assert_eq!(show(&made.0, trees), "list<Tree>");
}

#[test]
fn shared_parts_do_not_make_a_text_grow_without_bound() {
    let mut made = Made::default();
    let mut ty = made.ty(Type::U8);
    for _ in 0..30 {
        ty = made.ty(Type::Tuple(vec![ty, ty, ty]));
    }
    assert!(show(&made.0, ty).len() < 20_000);
}
