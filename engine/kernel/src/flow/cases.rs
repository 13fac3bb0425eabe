//! Enums, variants and results: types of named cases.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use crate::ids::TypeId;
use crate::json::peel;
use crate::types::{Type, TypeTable};

use super::{Goal, Goals, Outcome, Step, brief};

/// What a case holds, which says how it is written.
#[derive(Clone, Copy)]
enum Holds {
    /// `"x"`
    Nothing,
    /// `{"x": null}`
    Null,
    /// `{"x": v}`
    Value(TypeId),
}

/// The cases of an enum, a variant or a result; `None` for another type.
fn cases_of(ty: &Type) -> Option<Vec<(&str, Holds)>> {
    let side = |side: &Option<TypeId>| side.map_or(Holds::Null, Holds::Value);
    match ty {
        Type::Enum(cases) => {
            Some(cases.iter().map(|case| (case.as_str(), Holds::Nothing)).collect())
        }
        Type::Variant(cases) => {
            let holds = |ty: Option<TypeId>| ty.map_or(Holds::Nothing, Holds::Value);
            Some(cases.iter().map(|case| (case.name.as_str(), holds(case.ty))).collect())
        }
        Type::Result { ok, err } => Some([("ok", side(ok)), ("err", side(err))].into()),
        _ => None,
    }
}

/// True if `null` is a value of the type.
fn takes_null(table: &TypeTable, ty: TypeId) -> bool {
    let peeled = peel(table, ty);
    peeled.nullable || peeled.core.and_then(|core| table.get(core)) == Some(&Type::Json)
}

impl<'t> Goals<'t> {
    /// `from` is an enum, a variant or a result.
    pub(super) fn cases(
        &mut self,
        at: usize,
        goal: Goal<'t>,
        from: &'t Type,
        to: &'t Type,
    ) -> Outcome {
        let given = cases_of(from).unwrap_or_default();
        let bare = given.iter().all(|(_, holds)| matches!(holds, Holds::Nothing));
        match to {
            Type::String if bare => return Ok(()),
            Type::Char if bare && given.iter().all(|(name, _)| name.chars().count() == 1) => {
                return Ok(());
            }
            _ => {}
        }
        let Some(wanted) = cases_of(to) else {
            return Err(self.differ(goal, ""));
        };
        // The first of a name counts, as in the validator.
        let wanted: BTreeMap<_, _> = wanted.into_iter().rev().collect();
        for (name, holds) in given {
            let Some(taken) = wanted.get(name) else {
                let consumer = brief(self.table, goal.to);
                return Err(format!("producer has the case `{name}`, consumer's {consumer} not"));
            };
            self.case(at, goal, (name, holds, *taken))?;
        }
        Ok(())
    }

    fn case(
        &mut self,
        at: usize,
        goal: Goal<'t>,
        (name, given, wanted): (&'t str, Holds, Holds),
    ) -> Outcome {
        match (given, wanted) {
            (Holds::Nothing, Holds::Nothing) | (Holds::Null, Holds::Null) => Ok(()),
            (Holds::Null, Holds::Value(ty)) if takes_null(self.table, ty) => Ok(()),
            (Holds::Value(from), Holds::Value(to)) => {
                self.add(at, Step::Name(name), from, to);
                Ok(())
            }
            _ => Err(self.differ(goal, &format!("case `{name}` holds something else"))),
        }
    }
}
