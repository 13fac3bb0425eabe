//! Validation of JSON text against a [`Type`], over the bytes.
//!
//! It runs for every message, so it makes one pass, builds no value, and allocates nothing for a value
//! that fits, unless an object has escaped keys or more than sixteen of them.
//!
//! What JSON leaves open is closed here, for every type, inside `json` and inside fields that a record
//! does not name too: no key twice in one object (compared after unescaping), no lone surrogates, no
//! nesting beyond [`JSON_DEPTH`](crate::limits::JSON_DEPTH), no number that some reader would round
//! or overflow.
//!
//! `-0` is no value of an integer type: readers take it for the double −0.0, so that it would not mean
//! the same everywhere. It is a value of `f64`, `f32` and `json`.

mod keys;
pub(crate) mod number;
mod read;
mod scan;
mod string;

use alloc::format;
use alloc::string::String;

use crate::flow;
use crate::ids::TypeId;
use crate::limits::TYPE_DEPTH;
use crate::types::{Case, Field, Type, TypeTable};
use keys::{Keys, Lookup};
use read::{Checked, Reader, Wrong};
use string::quoted;

/// Where and how a value does not fit a type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}{}{pointer}", if pointer.is_empty() { "" } else { " at " })]
pub struct Mismatch {
    /// JSON pointer (RFC 6901) into the value, empty for the whole. A key of more than 128 characters
    /// is cut and ends in `…`.
    pub pointer: String,
    /// What was expected and what stands there.
    pub message: String,
}

/// Checks that `text` is one JSON value of type `ty`, white space around it allowed.
///
/// The names within one record, enum or variant are taken to be distinct.
///
/// # Errors
/// The first place at which the value does not fit, in the order of the text.
pub fn check(table: &TypeTable, ty: TypeId, text: &str) -> Result<(), Mismatch> {
    let mut reader = Reader::new(text);
    match (Checker { table }).value(&mut reader, ty, 0).and_then(|()| reader.end()) {
        Ok(()) => Ok(()),
        Err(wrong) => Err(wrong.mismatch()),
    }
}

/// What is left of a type once its options are taken off.
pub(crate) struct Peeled {
    /// There was an option: `null` is a value.
    pub(crate) nullable: bool,
    /// Never an option. `None` for an option of itself, which holds nothing but `null`.
    pub(crate) core: Option<TypeId>,
}

/// Takes the options off a type.
pub(crate) fn peel(table: &TypeTable, ty: TypeId) -> Peeled {
    let mut core = ty;
    for steps in 0..TYPE_DEPTH {
        match table.get(core) {
            Some(Type::Option(inner)) => core = *inner,
            _ => {
                return Peeled { nullable: steps > 0, core: Some(core) };
            }
        }
    }
    Peeled { nullable: true, core: None }
}

/// True for types whose field may be absent.
pub(crate) fn may_be_absent(table: &TypeTable, ty: TypeId) -> bool {
    matches!(table.get(ty), Some(Type::Option(_)))
}

#[derive(Clone, Copy)]
struct Checker<'t> {
    table: &'t TypeTable,
}

impl<'t> Checker<'t> {
    /// Checks the value that comes next, which stands inside `depth` arrays and objects.
    fn value(self, reader: &mut Reader<'_>, ty: TypeId, depth: usize) -> Checked {
        let Some(known) = self.table.get(ty) else {
            return Err(Wrong::new(String::from("the type is unknown")));
        };
        match known {
            Type::Bool => self.boolean(reader, ty),
            Type::F32 | Type::F64 => self.float(reader, ty, *known == Type::F32),
            Type::Char | Type::String | Type::Bytes => self.text(reader, ty, known),
            Type::Json => reader.any(depth),
            Type::List(item) => self.list(reader, (ty, *item), depth),
            Type::Option(_) => self.option(reader, ty, depth),
            Type::Result { ok, err } => self.result(reader, ty, (*ok, *err), depth),
            Type::Tuple(places) => self.tuple(reader, ty, places, depth),
            Type::Enum(cases) => self.enumeration(reader, ty, cases),
            Type::Variant(cases) => self.variant(reader, ty, cases, depth),
            Type::Record(fields) => self.record(reader, ty, fields, depth),
            integer => self.integer(reader, ty, integer),
        }
    }

    /// The complaint that something else than a value of `ty` comes next.
    #[cold]
    fn expected(self, reader: &mut Reader<'_>, ty: TypeId) -> Wrong {
        match reader.found() {
            Ok(found) => {
                let wanted = flow::brief(self.table, ty);
                Wrong::new(format!("expected {wanted}, found {found}"))
            }
            Err(wrong) => wrong,
        }
    }

    fn boolean(self, reader: &mut Reader<'_>, ty: TypeId) -> Checked {
        let is = reader.literal("true") || reader.literal("false");
        if is { Ok(()) } else { Err(self.expected(reader, ty)) }
    }

    fn integer(self, reader: &mut Reader<'_>, ty: TypeId, known: &Type) -> Checked {
        let Some(number) = reader.number_if_next()? else {
            return Err(self.expected(reader, ty));
        };
        let fits = number::range(known).is_some_and(|range| number.within(range));
        if fits {
            return Ok(());
        }
        let name = flow::brief(self.table, ty);
        Err(Wrong::new(if !number.is_integer() {
            format!("expected {name}, found a number with a point or an exponent")
        } else if number.is_minus_zero() {
            format!("expected {name}, found -0, which readers take for a double")
        } else {
            format!("{} is out of range for {name}", number.shown())
        }))
    }

    fn float(self, reader: &mut Reader<'_>, ty: TypeId, single: bool) -> Checked {
        let Some(number) = reader.number_if_next()? else {
            return Err(self.expected(reader, ty));
        };
        let fits = if single { number.is_f32() } else { number.is_f64() };
        if fits {
            return Ok(());
        }
        let (name, bits) = if single { ("f32", 24) } else { ("f64", 53) };
        let why = if number.is_integer() {
            format!(": without a point only integers within ±2^{bits} are exact")
        } else {
            String::new()
        };
        Err(Wrong::new(format!("{} is out of range for {name}{why}", number.shown())))
    }

    fn text(self, reader: &mut Reader<'_>, ty: TypeId, known: &Type) -> Checked {
        let Some(text) = reader.string_if_next()? else {
            return Err(self.expected(reader, ty));
        };
        match known {
            Type::Char if !string::is_one_char(&text.unescaped()) => {
                let shown = quoted(&text.unescaped());
                Err(Wrong::new(format!("expected one character, found {shown}")))
            }
            Type::Bytes if !string::is_base64(text.unescaped().as_bytes()) => {
                let shown = quoted(&text.unescaped());
                Err(Wrong::new(format!("expected canonical padded base64, found {shown}")))
            }
            _ => Ok(()),
        }
    }

    fn option(self, reader: &mut Reader<'_>, ty: TypeId, depth: usize) -> Checked {
        if reader.literal("null") {
            return Ok(());
        }
        match peel(self.table, ty).core {
            Some(core) => self.value(reader, core, depth),
            None => Err(self.expected(reader, ty)),
        }
    }

    fn list(self, reader: &mut Reader<'_>, of: (TypeId, TypeId), depth: usize) -> Checked {
        if !reader.next_is(b'[') {
            return Err(self.expected(reader, of.0));
        }
        reader.array(depth, |reader, _| self.value(reader, of.1, depth + 1)).map(|_| ())
    }

    fn tuple(self, reader: &mut Reader<'_>, ty: TypeId, of: &[TypeId], depth: usize) -> Checked {
        if !reader.next_is(b'[') {
            return Err(self.expected(reader, ty));
        }
        let found = reader.array(depth, |reader, place| match of.get(place) {
            Some(item) => self.value(reader, *item, depth + 1),
            None => Err(Wrong::new(format!("a tuple of {} ends before this", of.len()))),
        })?;
        if found == of.len() {
            return Ok(());
        }
        Err(Wrong::new(format!("expected {} items, found {found}", of.len())))
    }

    fn enumeration(self, reader: &mut Reader<'_>, ty: TypeId, cases: &[String]) -> Checked {
        let Some(text) = reader.string_if_next()? else {
            return Err(self.expected(reader, ty));
        };
        let text = text.unescaped();
        if cases.iter().any(|case| *case == text) {
            return Ok(());
        }
        Err(self.no_case(ty, &text))
    }

    #[cold]
    fn no_case(self, ty: TypeId, found: &str) -> Wrong {
        let wanted = flow::brief(self.table, ty);
        Wrong::new(format!("expected {wanted}, found {}", quoted(found)))
    }

    fn variant(self, reader: &mut Reader<'_>, ty: TypeId, cases: &[Case], depth: usize) -> Checked {
        let named = |name: &str| cases.iter().find(|case| case.name == name);
        if let Some(text) = reader.string_if_next()? {
            let name = text.unescaped();
            return match named(&name) {
                Some(Case { ty: None, .. }) => Ok(()),
                Some(_) => {
                    Err(Wrong::new(format!("case `{name}` needs a value: {{\"{name}\": …}}")))
                }
                None => Err(self.no_case(ty, &name)),
            };
        }
        self.one_key(reader, ty, depth, |reader, key| match named(key) {
            Some(Case { ty: Some(held), .. }) => self.value(reader, *held, depth + 1),
            Some(_) => Err(Wrong::new(format!("case `{key}` has no value: write \"{key}\""))),
            None => Err(self.no_case(ty, key)),
        })
    }

    fn result(
        self,
        reader: &mut Reader<'_>,
        ty: TypeId,
        (ok, err): (Option<TypeId>, Option<TypeId>),
        depth: usize,
    ) -> Checked {
        self.one_key(reader, ty, depth, |reader, key| {
            let side = match key {
                "ok" => ok,
                "err" => err,
                _ => return Err(self.no_case(ty, key)),
            };
            match side {
                Some(held) => self.value(reader, held, depth + 1),
                None if reader.literal("null") => Ok(()),
                None => {
                    let found = reader.found()?;
                    Err(Wrong::new(format!("expected null, found {found}")))
                }
            }
        })
    }

    /// Checks an object of exactly one key.
    fn one_key<'a>(
        self,
        reader: &mut Reader<'a>,
        ty: TypeId,
        depth: usize,
        mut value: impl FnMut(&mut Reader<'a>, &str) -> Checked,
    ) -> Checked {
        if !reader.next_is(b'{') {
            return Err(self.expected(reader, ty));
        }
        let mut keys = Keys::default();
        let mut found = 0_usize;
        reader.object(depth, &mut keys, |reader, key| {
            found += 1;
            if found == 1 { value(reader, key) } else { reader.any(depth + 1) }
        })?;
        if found == 1 {
            return Ok(());
        }
        let wanted = flow::brief(self.table, ty);
        Err(Wrong::new(format!("expected {wanted} as one key, found {found} keys")))
    }

    fn record(
        self,
        reader: &mut Reader<'_>,
        ty: TypeId,
        fields: &'t [Field],
        depth: usize,
    ) -> Checked {
        if !reader.next_is(b'{') {
            return Err(self.expected(reader, ty));
        }
        let mut keys = Keys::default();
        let mut lookup = Lookup::new(fields);
        reader.object(depth, &mut keys, |reader, key| match lookup.find(key) {
            Some(field) => self.value(reader, field, depth + 1),
            None => reader.any(depth + 1),
        })?;
        if lookup.found() == fields.len() {
            return Ok(());
        }
        let absent =
            |field: &&Field| !may_be_absent(self.table, field.ty) && !keys.contains(&field.name);
        match fields.iter().find(absent) {
            None => Ok(()),
            Some(field) => Err(Wrong::new(format!("missing field `{}`", field.name))),
        }
    }
}
