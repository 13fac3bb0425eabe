//! The types of messages. A [`TypeTable`] holds each distinct type once; types refer to each other by
//! [`TypeId`], so that named types may be recursive (through `list`, `option`, …).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::TypeId;

/// One type of the pipeline language (format 1). JSON forms are given per variant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A number without point or exponent in the range of the type.
    U8,
    /// As `U8`.
    U16,
    /// As `U8`.
    U32,
    /// As `U8`.
    U64,
    /// As `U8`.
    S8,
    /// As `U8`.
    S16,
    /// As `U8`.
    S32,
    /// As `U8`.
    S64,
    /// Any number that is finite as an `f32`; an integer only within ±2^24.
    F32,
    /// Any number that is finite as an `f64`; an integer only within ±2^53.
    F64,
    /// A string of one Unicode scalar value.
    Char,
    /// A string.
    String,
    /// A string of canonical padded base64.
    Bytes,
    /// Any JSON value; integers in [−2^63, 2^64), else finite doubles.
    Json,
    /// An array.
    List(TypeId),
    /// The value, or `null`. A record's field of such a type may be absent; none is written absent.
    Option(TypeId),
    /// `{"ok": v}` or `{"err": v}`; a side without a type holds `null`.
    Result {
        /// Type of the value behind `ok`.
        ok: Option<TypeId>,
        /// Type of the value behind `err`.
        err: Option<TypeId>,
    },
    /// An array of exactly these.
    Tuple(Vec<TypeId>),
    /// One of these strings.
    Enum(Vec<String>),
    /// `"x"` for a case without a value, `{"x": v}` for one with.
    Variant(Vec<Case>),
    /// An object. Fields beyond those named are allowed and ignored.
    Record(Vec<Field>),
}

/// A case of a [`Type::Variant`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Case {
    /// The key in JSON.
    pub name: String,
    /// The value's type, if it has one.
    pub ty: Option<TypeId>,
}

/// A field of a [`Type::Record`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Field {
    /// The key in JSON.
    pub name: String,
    /// The value's type.
    pub ty: TypeId,
}

/// All types of a plan.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct TypeTable {
    types: Vec<Type>,
    /// Names given in `[types]`, for messages only.
    names: Vec<(TypeId, String)>,
}

impl TypeTable {
    /// The type with this id, `None` if the id is from another table.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&Type> {
        self.types.get(id.index())
    }

    /// The id of `ty`, which is added if it is not there.
    ///
    /// # Panics
    /// Never in practice: a table of 2^32 types does not fit a pipeline file.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(found) = self.types.iter().position(|known| *known == ty) {
            return TypeId(u32::try_from(found).expect("bounded by the file's size"));
        }
        self.push(ty)
    }

    /// Adds `ty` under a new id even if it is there already: a place for a recursive named type, to be
    /// filled by [`set`](Self::set).
    ///
    /// # Panics
    /// As [`intern`](Self::intern).
    pub fn push(&mut self, ty: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).expect("bounded by the file's size"));
        self.types.push(ty);
        id
    }

    /// Puts `ty` in the place of `id`. Does nothing if the id is from another table.
    pub fn set(&mut self, id: TypeId, ty: Type) {
        if let Some(place) = self.types.get_mut(id.index()) {
            *place = ty;
        }
    }

    /// Gives a type the name it has in the file.
    pub fn name(&mut self, id: TypeId, name: String) {
        self.names.push((id, name));
    }

    /// The name a type has in the file, if it has one.
    #[must_use]
    pub fn name_of(&self, id: TypeId) -> Option<&str> {
        self.names.iter().find(|(named, _)| *named == id).map(|(_, name)| name.as_str())
    }
}
