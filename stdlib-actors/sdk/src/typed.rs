//! Types of messages, in the language of pipeline files.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

/// A type in the pipeline language. Its text is what [`Display`](fmt::Display) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// One of those that have a name of their own: `bool`, `u8` … `f64`, `char`, `string`, `bytes`,
    /// `json`; or one that the pipeline file names.
    Named(&'static str),
    /// `list<…>`
    List(&'static Self),
    /// `option<…>`
    Option(&'static Self),
    /// `tuple<…, …>`
    Tuple(&'static [Self]),
    /// `{ name: …, … }`
    Record(&'static [(&'static str, Self)]),
    /// `enum{…, …}`
    Enum(&'static [&'static str]),
    /// `variant{name, name(…), …}`
    Variant(&'static [(&'static str, Option<Self>)]),
}

/// A message's type: what Rust values become in the pipeline language. `#[derive(Typed)]` next to
/// serde's derives, whose attributes it heeds:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use theater_flow_sdk::{Port, Typed};
///
/// #[derive(Serialize, Deserialize, Typed)]
/// #[serde(rename_all = "kebab-case")]
/// struct Found<'a> {
///     path: &'a str,
///     line_number: u64,
///     severity: Option<Severity>,
///     #[serde(with = "theater_flow_sdk::bytes")]
///     excerpt: Vec<u8>,
/// }
///
/// #[derive(Serialize, Deserialize, Typed)]
/// #[serde(rename_all = "lowercase")]
/// enum Severity { Low, High }
///
/// let text = "{ path: string, line-number: u64, severity: option<enum{low, high}>, excerpt: bytes }";
/// assert_eq!(Found::TYPE.to_string(), text);
/// assert_eq!(Port::output_of::<Found>("out"), Port::output("out", text));
/// ```
///
/// | Rust | pipeline language |
/// |---|---|
/// | `bool`, `u8` … `u64`, `f32`, `f64`, `char` | the same |
/// | `i8` … `i64` | `s8` … `s64` |
/// | `String`, `&str`, `Cow<str>` | `string` |
/// | `Vec<u8>` with `#[serde(with = "theater_flow_sdk::bytes")]` | `bytes` |
/// | `serde_json::Value`, `RawValue` | `json` |
/// | `Vec<T>`, `VecDeque<T>`, `BTreeSet<T>`, `[T]` | `list<T>` |
/// | `Option<T>` | `option<T>` |
/// | tuples, structs with unnamed fields | `tuple<…>`; of one field its type |
/// | structs | records |
/// | enums | `enum{…}`, or `variant{…}` if a case holds something |
///
/// What has no type there does not compile: maps, `usize`, `Result`, enums with `tag` or
/// `untagged`, `flatten`, an option of an option:
///
/// ```compile_fail
/// #[derive(theater_flow_sdk::Typed)]
/// struct Counts { by_word: std::collections::HashMap<String, u64> }
/// ```
/// ```compile_fail
/// #[derive(theater_flow_sdk::Typed)]
/// struct Twice { value: Option<Option<u64>> }
/// const _: theater_flow_sdk::Type = <Twice as theater_flow_sdk::Typed>::TYPE;
/// ```
/// ```compile_fail
/// #[derive(theater_flow_sdk::Typed)]
/// #[serde(untagged)]
/// enum Either { Number(u64), Text(String) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no type in the pipeline language",
    label = "not a type of a message",
    note = "derive `Typed` for your own types; for numbers use u8 … u64, i8 … i64, f32, f64; for \
            maps, and whatever has any shape, `serde_json::Value`; for bytes `Vec<u8>` with \
            `#[serde(with = \"theater_flow_sdk::bytes\")]`"
)]
pub trait Typed {
    /// The type.
    const TYPE: Type;
}

impl Type {
    /// The type, if a value of it may be left out. For `#[derive(Typed)]`.
    #[doc(hidden)]
    #[must_use]
    pub const fn may_be_absent(self) -> Self {
        assert!(
            matches!(self, Self::Option(_)),
            "`skip_serializing_if` is for `Option`: readers count on every other field"
        );
        self
    }

    /// The type, if it can stand in an option.
    const fn in_option(self) -> Self {
        assert!(
            !matches!(self, Self::Option(_)),
            "the pipeline language has no option of an option"
        );
        assert!(
            !matches!(self, Self::Named(name) if matches!(name.as_bytes(), b"json")),
            "the pipeline language has no option of json, which may be null itself"
        );
        self
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(of) => write!(f, "list<{of}>"),
            Self::Option(of) => write!(f, "option<{of}>"),
            Self::Tuple(parts) => listed(f, ("tuple<", ">"), parts, |f, part| part.fmt(f)),
            Self::Record([]) => f.write_str("{}"),
            Self::Record(fields) => listed(f, ("{ ", " }"), fields, |f, (name, of)| {
                write!(f, "{name}: {of}")
            }),
            Self::Enum(names) => listed(f, ("enum{", "}"), names, |f, name| f.write_str(name)),
            Self::Variant(cases) => listed(f, ("variant{", "}"), cases, |f, (name, of)| match of {
                Some(of) => write!(f, "{name}({of})"),
                None => f.write_str(name),
            }),
        }
    }
}

fn listed<T>(
    f: &mut fmt::Formatter<'_>,
    (open, close): (&str, &str),
    parts: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(open)?;
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            f.write_str(", ")?;
        }
        write(f, part)?;
    }
    f.write_str(close)
}

macro_rules! named {
    ($($rust:ty = $name:literal),* $(,)?) => {
        $(impl Typed for $rust {
            const TYPE: Type = Type::Named($name);
        })*
    };
}

named! {
    bool = "bool", char = "char", f32 = "f32", f64 = "f64",
    u8 = "u8", u16 = "u16", u32 = "u32", u64 = "u64",
    i8 = "s8", i16 = "s16", i32 = "s32", i64 = "s64",
    str = "string", String = "string", Value = "json", RawValue = "json",
}

macro_rules! same {
    ($([$($params:tt)*] $rust:ty),* $(,)?) => {
        $(impl<$($params)*> Typed for $rust {
            const TYPE: Type = T::TYPE;
        })*
    };
}

same! {
    [T: Typed + ?Sized] &T,
    [T: Typed + ?Sized] Box<T>,
    [T: Typed + ToOwned + ?Sized] Cow<'_, T>,
}

macro_rules! lists {
    ($([$($bound:tt)*] $rust:ty),* $(,)?) => {
        $(impl<T: Typed + $($bound)*> Typed for $rust {
            const TYPE: Type = Type::List(&T::TYPE);
        })*
    };
}

lists! { [] [T], [] Vec<T>, [] VecDeque<T>, [] BTreeSet<T> }

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = Type::Option(&T::TYPE.in_option());
}

macro_rules! tuples {
    ($(($($part:ident),+))*) => {
        $(impl<$($part: Typed),+> Typed for ($($part,)+) {
            const TYPE: Type = Type::Tuple(&[$($part::TYPE),+]);
        })*
    };
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }
