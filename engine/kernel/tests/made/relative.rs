//! Types near another, for pairs that may well flow.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Case, Type, TypeTable};

use crate::made::Dice;

/// A type near another: most often wider, at times not.
pub(crate) fn relative(dice: &mut Dice, table: &mut TypeTable, ty: TypeId, depth: usize) -> TypeId {
    if depth == 0 || dice.once_in(8) {
        return ty;
    }
    let inner = |dice: &mut Dice, table: &mut TypeTable, ty| relative(dice, table, ty, depth - 1);
    let near = match table.get(ty).expect("of this table").clone() {
        _ if dice.once_in(20) => Type::Json,
        plain if dice.once_in(20) && !matches!(plain, Type::Option(_)) => Type::Option(ty),
        Type::List(item) => Type::List(inner(dice, table, item)),
        Type::Option(held) if dice.once_in(10) => table.get(held).expect("of this table").clone(),
        Type::Option(held) => Type::Option(inner(dice, table, held)),
        Type::Result { ok, err } => Type::Result {
            ok: ok.map(|ty| inner(dice, table, ty)),
            err: err.map(|ty| inner(dice, table, ty)),
        },
        Type::Tuple(of) if dice.once_in(4) && !of.is_empty() => Type::List(of[0]),
        Type::Tuple(of) => Type::Tuple(of.into_iter().map(|ty| inner(dice, table, ty)).collect()),
        Type::Enum(cases) => enum_relative(dice, cases),
        Type::Variant(mut cases) => {
            for case in &mut cases {
                case.ty = case.ty.map(|ty| inner(dice, table, ty));
            }
            if dice.once_in(2) {
                cases.push(Case { name: "more".into(), ty: None });
            }
            Type::Variant(cases)
        }
        Type::Record(mut fields) => {
            fields.retain(|_| !dice.once_in(4));
            for field in &mut fields {
                field.ty = inner(dice, table, field.ty);
            }
            Type::Record(fields)
        }
        scalar => scalar_relative(dice, scalar),
    };
    table.intern(near)
}

fn enum_relative(dice: &mut Dice, mut cases: Vec<String>) -> Type {
    let bare = |name| Case { name, ty: None };
    match dice.below(4) {
        0 => Type::String,
        1 => Type::Variant(cases.into_iter().map(bare).collect()),
        2 => {
            cases.truncate(1);
            Type::Enum(cases)
        }
        _ => {
            cases.push("more".into());
            Type::Enum(cases)
        }
    }
}

fn scalar_relative(dice: &mut Dice, scalar: Type) -> Type {
    match scalar {
        Type::U8 => dice.pick(&[Type::U16, Type::S16, Type::F32, Type::S8]).clone(),
        Type::U32 => dice.pick(&[Type::U64, Type::S64, Type::F64, Type::F32]).clone(),
        Type::S16 => dice.pick(&[Type::S32, Type::F32, Type::F64, Type::U64]).clone(),
        Type::F32 => dice.pick(&[Type::F64, Type::F32, Type::S64]).clone(),
        Type::Char | Type::Bytes => dice.pick(&[Type::String, Type::Char, Type::Bytes]).clone(),
        other => other,
    }
}
