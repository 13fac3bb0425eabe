//! Whether types of two tables are the same.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::ids::TypeId;
use crate::types::{Type, TypeTable};

/// True if two types have the same values, as far as their forms say: names that the file gave do not count. A work
/// list, since named types may contain themselves; a pair that is met again is taken to be the same, and its first
/// entry says whether it is.
pub(crate) fn same_type((one, a): (&TypeTable, TypeId), (other, b): (&TypeTable, TypeId)) -> bool {
    let (mut seen, mut left) = (BTreeSet::from([(a, b)]), Vec::from([(a, b)]));
    while let Some((a, b)) = left.pop() {
        let (Some(x), Some(y)) = (one.get(a), other.get(b)) else { return false };
        let Some(inside) = parts(x, y) else { return false };
        left.extend(inside.into_iter().filter(|pair| seen.insert(*pair)));
    }
    true
}

/// What has to be the same for two types to be; `None` if they are not.
fn parts(one: &Type, other: &Type) -> Option<Vec<(TypeId, TypeId)>> {
    let maybe = |a: Option<TypeId>, b: Option<TypeId>| match (a, b) {
        (None, None) => Some(None),
        (Some(a), Some(b)) => Some(Some((a, b))),
        _ => None,
    };
    Some(match (one, other) {
        (Type::List(a), Type::List(b)) | (Type::Option(a), Type::Option(b)) => {
            Vec::from([(*a, *b)])
        }
        (Type::Result { ok, err }, Type::Result { ok: other_ok, err: other_err }) => {
            let both = [maybe(*ok, *other_ok)?, maybe(*err, *other_err)?];
            both.into_iter().flatten().collect()
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            a.iter().copied().zip(b.iter().copied()).collect()
        }
        (Type::Variant(a), Type::Variant(b)) => {
            let pairs = named(a, b, |case| &case.name)?;
            let pairs = pairs.map(|(a, b)| maybe(a.ty, b.ty));
            pairs.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
        }
        (Type::Record(a), Type::Record(b)) => {
            named(a, b, |field| &field.name)?.map(|(a, b)| (a.ty, b.ty)).collect()
        }
        (Type::Enum(a), Type::Enum(b)) => {
            let names =
                |names: &[alloc::string::String]| names.iter().cloned().collect::<BTreeSet<_>>();
            (names(a) == names(b)).then(Vec::new)?
        }
        (one, other) => (one == other).then(Vec::new)?,
    })
}

/// Pairs of the same name, if both sides have the same names: their order says nothing.
fn named<'t, T>(
    one: &'t [T],
    other: &'t [T],
    name: impl Fn(&T) -> &alloc::string::String,
) -> Option<impl Iterator<Item = (&'t T, &'t T)>> {
    if one.len() != other.len() {
        return None;
    }
    let pair = |a: &'t T| Some((a, other.iter().find(|b| name(a) == name(b))?));
    Some(one.iter().map(pair).collect::<Option<Vec<_>>>()?.into_iter())
}
