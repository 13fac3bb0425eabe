//! Types near another, for pairs that may well flow.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

use crate::made::Dice;

/// A type near another: most often wider, at times not.
pub(crate) fn relative(dice: &mut Dice, table: &mut TypeTable, ty: TypeId, depth: usize) -> TypeId {
    Near { dice, table, copies: Vec::new() }.of(ty, depth)
}

struct Near<'a> {
    dice: &'a mut Dice,
    table: &'a mut TypeTable,
    /// Types on the way here with the ids of their relatives: what holds itself may have a relative that does.
    copies: Vec<(TypeId, TypeId)>,
}

impl Near<'_> {
    fn of(&mut self, ty: TypeId, depth: usize) -> TypeId {
        if let Some((_, copy)) = self.copies.iter().find(|(known, _)| *known == ty) {
            return *copy;
        }
        if depth == 0 || self.dice.once_in(8) {
            return ty;
        }
        if self.dice.once_in(2) {
            let near = self.near(ty, depth - 1);
            return self.table.intern(near);
        }
        let copy = self.table.push(Type::Bool);
        self.copies.push((ty, copy));
        let near = self.near(ty, depth - 1);
        self.copies.pop();
        self.table.set(copy, near);
        copy
    }

    fn near(&mut self, ty: TypeId, depth: usize) -> Type {
        match self.table.get(ty).expect("of this table").clone() {
            _ if self.dice.once_in(20) => Type::Json,
            plain if self.dice.once_in(20) && !matches!(plain, Type::Option(_)) => Type::Option(ty),
            Type::List(item) => Type::List(self.of(item, depth)),
            Type::Option(held) if self.dice.once_in(10) => {
                self.table.get(held).expect("of this table").clone()
            }
            Type::Option(held) => Type::Option(self.of(held, depth)),
            Type::Result { ok, err } => {
                let (ok, err) = (ok.map(|ty| self.of(ty, depth)), err.map(|ty| self.of(ty, depth)));
                self.result(ok, err)
            }
            Type::Tuple(of) if self.dice.once_in(4) && !of.is_empty() => {
                Type::List(self.of(of[0], depth))
            }
            Type::Tuple(of) => Type::Tuple(of.into_iter().map(|ty| self.of(ty, depth)).collect()),
            Type::Enum(cases) => enum_relative(self.dice, cases),
            Type::Variant(mut cases) => {
                for case in &mut cases {
                    case.ty = case.ty.map(|ty| self.of(ty, depth));
                }
                self.variant(cases)
            }
            Type::Record(mut fields) => {
                for field in &mut fields {
                    field.ty = self.of(field.ty, depth);
                }
                self.record(fields)
            }
            scalar => scalar_relative(self.dice, scalar),
        }
    }

    fn result(&mut self, ok: Option<TypeId>, err: Option<TypeId>) -> Type {
        if !self.dice.once_in(6) {
            return Type::Result { ok, err };
        }
        let case = |(name, ty): (&str, _)| Case { name: name.into(), ty };
        Type::Variant([("err", err), ("ok", ok)].map(case).into())
    }

    fn variant(&mut self, mut cases: Vec<Case>) -> Type {
        match self.dice.below(12) {
            // Written as the values of the cases are, if they hold any.
            0 => {
                let held = cases.into_iter().filter_map(|case| Some((case.name, case.ty?)));
                let fields: Vec<(String, TypeId)> = held.collect();
                let field = |(name, ty)| Field { name, ty: self.option(ty) };
                return Type::Record(fields.into_iter().map(field).collect());
            }
            1..=5 => cases.push(Case { name: "more".into(), ty: None }),
            _ => {}
        }
        Type::Variant(cases)
    }

    fn record(&mut self, mut fields: Vec<Field>) -> Type {
        fields.retain(|_| !self.dice.once_in(4));
        if self.dice.once_in(12) {
            let ty = self.table.intern(Type::U8);
            fields.push(Field { name: "more".into(), ty: self.option(ty) });
        }
        if self.dice.once_in(4) {
            fields.reverse();
        }
        Type::Record(fields)
    }

    fn option(&mut self, ty: TypeId) -> TypeId {
        match self.table.get(ty) {
            Some(Type::Option(_)) => ty,
            _ => self.table.intern(Type::Option(ty)),
        }
    }
}

fn enum_relative(dice: &mut Dice, mut cases: Vec<String>) -> Type {
    let bare = |name| Case { name, ty: None };
    match dice.below(9) {
        0 | 1 => Type::String,
        2 | 3 => Type::Variant(cases.into_iter().map(bare).collect()),
        4 => {
            cases.truncate(1);
            Type::Enum(cases)
        }
        5 => Type::Bytes,
        6 => Type::Char,
        _ => {
            cases.push("more".into());
            Type::Enum(cases)
        }
    }
}

fn scalar_relative(dice: &mut Dice, scalar: Type) -> Type {
    match scalar {
        Type::U8 => dice.pick(&[Type::U16, Type::S16, Type::F32, Type::S8]).clone(),
        Type::U16 => dice.pick(&[Type::U32, Type::S32, Type::F32, Type::S16]).clone(),
        Type::U32 => dice.pick(&[Type::U64, Type::S64, Type::F64, Type::F32]).clone(),
        Type::U64 => dice.pick(&[Type::U64, Type::Json, Type::S64, Type::F64]).clone(),
        Type::S8 => dice.pick(&[Type::S16, Type::F32, Type::F64, Type::U8]).clone(),
        Type::S16 => dice.pick(&[Type::S32, Type::F32, Type::F64, Type::U64]).clone(),
        Type::S32 => dice.pick(&[Type::S64, Type::F64, Type::F32]).clone(),
        Type::S64 => dice.pick(&[Type::S64, Type::Json, Type::F64]).clone(),
        Type::F32 => dice.pick(&[Type::F64, Type::F32, Type::S64]).clone(),
        Type::F64 => dice.pick(&[Type::F64, Type::Json, Type::F32]).clone(),
        Type::Char | Type::Bytes => dice.pick(&[Type::String, Type::Char, Type::Bytes]).clone(),
        other => other,
    }
}
