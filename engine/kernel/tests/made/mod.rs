//! Types and values made from a seed, with a bias to the edges.

mod dice;
mod value;

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

pub(crate) use dice::Dice;
pub(crate) use value::value;

pub(crate) const SCALARS: [Type; 15] = [
    Type::Bool,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::S8,
    Type::S16,
    Type::S32,
    Type::S64,
    Type::F32,
    Type::F64,
    Type::Char,
    Type::String,
    Type::Bytes,
    Type::Json,
];

const NAMES: [&str; 6] = ["ok", "err", "a", "b", "path", "text"];

fn names(dice: &mut Dice) -> Vec<String> {
    let skip = 1 + dice.below(3);
    // The last two alone happen to be base64.
    let start = if dice.once_in(8) { 4 } else { dice.below(2) };
    NAMES.iter().skip(start).step_by(skip).map(ToString::to_string).collect()
}

/// A type of any kind, at times one that holds itself.
pub(crate) fn any_type(dice: &mut Dice, table: &mut TypeTable, depth: usize) -> TypeId {
    if depth == 0 || dice.once_in(3) {
        let scalar = dice.pick(&SCALARS).clone();
        return table.intern(scalar);
    }
    if dice.once_in(8) {
        let own = table.push(Type::Bool);
        let mut parts = Parts { own: Some(own), depth: depth - 1 };
        let ty = compound(dice, table, &mut parts);
        table.set(own, ty);
        return own;
    }
    let ty = compound(dice, table, &mut Parts { own: None, depth: depth - 1 });
    table.intern(ty)
}

struct Parts {
    own: Option<TypeId>,
    depth: usize,
}

impl Parts {
    fn part(&mut self, dice: &mut Dice, table: &mut TypeTable) -> TypeId {
        match self.own {
            Some(own) if dice.once_in(3) => own,
            _ => any_type(dice, table, self.depth),
        }
    }
}

fn compound(dice: &mut Dice, table: &mut TypeTable, parts: &mut Parts) -> Type {
    match dice.below(8) {
        0 => Type::List(parts.part(dice, table)),
        1 => Type::Option(parts.part(dice, table)),
        2 => {
            let mut side = || {
                if dice.once_in(4) { None } else { Some(parts.part(dice, table)) }
            };
            Type::Result { ok: side(), err: side() }
        }
        3 => Type::Tuple((0..dice.below(4)).map(|_| parts.part(dice, table)).collect()),
        4 => Type::Enum(names(dice)),
        5 => Type::Variant(cases(dice, table, parts)),
        _ => Type::Record(fields(dice, table, parts)),
    }
}

fn cases(dice: &mut Dice, table: &mut TypeTable, parts: &mut Parts) -> Vec<Case> {
    let names = names(dice);
    let held = |name| Case { name, ty: (!dice.once_in(3)).then(|| parts.part(dice, table)) };
    names.into_iter().map(held).collect()
}

fn fields(dice: &mut Dice, table: &mut TypeTable, parts: &mut Parts) -> Vec<Field> {
    let names = names(dice);
    names.into_iter().map(|name| Field { name, ty: parts.part(dice, table) }).collect()
}
