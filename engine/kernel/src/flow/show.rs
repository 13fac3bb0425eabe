//! Types in the syntax of the pipeline language.

use alloc::string::String;

use crate::ids::TypeId;
use crate::limits::TYPE_DEPTH;
use crate::types::{Type, TypeTable};

/// Types that one text names, at most: shared parts could make it grow without bound.
const TYPES: usize = 1_024;

/// The type in the syntax of the pipeline language, its names where the file gave them.
///
/// A name is not resolved, so a recursive type ends there; one without a name, and any type nested
/// deeper than [`TYPE_DEPTH`], is cut with `…`, as is a text of more than 1,024 types.
#[must_use]
pub fn show(table: &TypeTable, id: TypeId) -> String {
    let mut writer = Writer { table, out: String::new(), left: TYPES };
    writer.ty(id, TYPE_DEPTH);
    writer.out
}

/// As [`show`], cut early, for a message of one line.
pub(crate) fn brief(table: &TypeTable, id: TypeId) -> String {
    let mut writer = Writer { table, out: String::new(), left: 12 };
    writer.ty(id, 4);
    writer.out
}

struct Writer<'t> {
    table: &'t TypeTable,
    out: String,
    /// Types, cases and fields that may still be written.
    left: usize,
}

impl<'t> Writer<'t> {
    fn ty(&mut self, id: TypeId, depth: usize) {
        if let Some(name) = self.table.name_of(id) {
            self.out.push_str(name);
            return;
        }
        match self.table.get(id) {
            Some(ty) if depth > 0 && self.spend() => self.unnamed(ty, depth - 1),
            Some(_) => self.out.push('…'),
            None => self.out.push('?'),
        }
    }

    fn spend(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }

    fn unnamed(&mut self, ty: &'t Type, depth: usize) {
        match ty {
            Type::List(item) => self.around("list", [*item], depth),
            Type::Option(inner) => self.around("option", [*inner], depth),
            Type::Tuple(places) => self.around("tuple", places.iter().copied(), depth),
            Type::Result { ok, err } => self.result(*ok, *err, depth),
            Type::Enum(cases) => self.braces("enum{", cases, |writer, case| {
                writer.out.push_str(case);
            }),
            Type::Variant(cases) => self.braces("variant{", cases, |writer, case| {
                writer.out.push_str(&case.name);
                if let Some(ty) = case.ty {
                    writer.out.push('(');
                    writer.ty(ty, depth);
                    writer.out.push(')');
                }
            }),
            Type::Record(fields) => self.braces("{", fields, |writer, field| {
                writer.out.push_str(&field.name);
                writer.out.push_str(": ");
                writer.ty(field.ty, depth);
            }),
            scalar => self.out.push_str(word(scalar)),
        }
    }

    fn around(&mut self, word: &str, of: impl IntoIterator<Item = TypeId>, depth: usize) {
        self.out.push_str(word);
        self.out.push('<');
        self.listed(of, |writer, ty| writer.ty(ty, depth));
        self.out.push('>');
    }

    fn result(&mut self, ok: Option<TypeId>, err: Option<TypeId>, depth: usize) {
        self.out.push_str("result");
        match (ok, err) {
            (None, None) => return,
            (Some(ok), None) => {
                self.out.push('<');
                self.ty(ok, depth);
            }
            (None, Some(err)) => {
                self.out.push_str("<_, ");
                self.ty(err, depth);
            }
            (Some(ok), Some(err)) => {
                self.out.push('<');
                self.listed([ok, err], |writer, ty| writer.ty(ty, depth));
            }
        }
        self.out.push('>');
    }

    fn braces<T>(&mut self, open: &str, of: &'t [T], write: impl FnMut(&mut Self, &'t T)) {
        self.out.push_str(open);
        self.listed(of, write);
        self.out.push('}');
    }

    fn listed<T>(&mut self, of: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        for (place, item) in of.into_iter().enumerate() {
            if place > 0 {
                self.out.push_str(", ");
            }
            if !self.spend() {
                self.out.push('…');
                return;
            }
            write(self, item);
        }
    }
}

/// The word for a type without parts.
fn word(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Json => "json",
        _ => "…",
    }
}
