//! Whether every value of one type is a value of another: what a channel asks of its two ends.
//!
//! Soundness is with respect to [`json::check`](crate::json::check): where [`flows`] says yes, each text
//! accepted for the producer's type is accepted for the consumer's. Where it says no there is a text
//! that is not, but for two kinds of types: those that agree only by chance (an enum whose cases happen
//! to be base64, a variant that happens to look like a record) and those without any value.

mod cases;
mod show;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::ids::TypeId;
use crate::json::{may_be_absent, number, peel};
use crate::limits::JSON_DEPTH;
use crate::types::{Field, Type, TypeTable};

pub(crate) use show::brief;
pub use show::show;

/// Why a type does not flow into another.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}{}{path}", if path.is_empty() { "" } else { " at " })]
pub struct Clash {
    /// The place within both types, `.items[].line`: `.name` a field or a case, `[]` the items of a list,
    /// `[2]` a place of a tuple. Empty for the whole.
    pub path: String,
    /// Both ends, and what could go wrong.
    pub message: String,
}

/// Checks that every value of `from`, the producer's type, is a value of `to`, the consumer's.
///
/// The names within one record, enum or variant are taken to be distinct.
///
/// # Errors
/// The clash with the shortest path.
pub fn flows(table: &TypeTable, from: TypeId, to: TypeId) -> Result<(), Clash> {
    let mut goals = Goals::new(table, from, to);
    let mut at = 0;
    while let Some(goal) = goals.list.get(at).copied() {
        if let Err(message) = goals.pursue(at, goal) {
            return Err(Clash { path: goals.path(at), message });
        }
        at += 1;
    }
    Ok(())
}

/// What has to hold, in the order of depth: a work list, since a file can nest named types deeper than
/// a stack. A pair of types that is in the list already is taken to flow: if it does not, that
/// entry says so.
struct Goals<'t> {
    table: &'t TypeTable,
    list: Vec<Goal<'t>>,
    seen: BTreeSet<(TypeId, TypeId)>,
}

/// `from` must flow into `to`.
#[derive(Clone, Copy)]
struct Goal<'t> {
    from: TypeId,
    to: TypeId,
    /// Arrays and objects around the value.
    depth: usize,
    /// The place of the goal that asked for this one, and the step from there.
    parent: usize,
    step: Step<'t>,
}

#[derive(Clone, Copy)]
enum Step<'t> {
    Start,
    Items,
    Place(usize),
    Name(&'t str),
}

/// A refusal's message.
type Outcome = Result<(), String>;

impl<'t> Goals<'t> {
    fn new(table: &'t TypeTable, from: TypeId, to: TypeId) -> Self {
        let start = Goal { from, to, depth: 0, parent: 0, step: Step::Start };
        Self { table, list: vec![start], seen: BTreeSet::from([(from, to)]) }
    }

    /// Adds what is left to be shown one level down from the goal at `parent`.
    fn add(&mut self, parent: usize, step: Step<'t>, from: TypeId, to: TypeId) {
        let depth = self.list.get(parent).map_or(0, |goal| goal.depth) + 1;
        // No value lies deeper, so nothing there can be wrong.
        if depth <= JSON_DEPTH && self.seen.insert((from, to)) {
            self.list.push(Goal { from, to, depth, parent, step });
        }
    }

    fn path(&self, at: usize) -> String {
        let mut steps = Vec::new();
        let mut at = at;
        while let Some(goal) = self.list.get(at) {
            steps.push(match goal.step {
                Step::Start => break,
                Step::Items => String::from("[]"),
                Step::Place(place) => format!("[{place}]"),
                Step::Name(name) => format!(".{name}"),
            });
            at = goal.parent;
        }
        steps.reverse();
        steps.concat()
    }

    fn pursue(&mut self, at: usize, goal: Goal<'t>) -> Outcome {
        let (from, to) = (peel(self.table, goal.from), peel(self.table, goal.to));
        let (Some(to_id), Some(wanted)) = (to.core, to.core.and_then(|id| self.table.get(id)))
        else {
            // Nothing but `null` is wanted, or the type is not of this table.
            let null = to.core.is_none() && from.core.is_none();
            return if null { Ok(()) } else { Err(self.differ(goal, "")) };
        };
        if *wanted == Type::Json {
            return self.known(from.core);
        }
        if from.nullable && !to.nullable {
            return Err(self.differ(goal, "a value could be null"));
        }
        let Some(from_id) = from.core else {
            return Ok(());
        };
        let Some(given) = self.table.get(from_id) else {
            return self.known(from.core);
        };
        if from_id == to_id {
            return Ok(());
        }
        self.pair(at, goal, (given, wanted))
    }

    fn known(&self, id: Option<TypeId>) -> Outcome {
        match id {
            Some(id) if self.table.get(id).is_none() => Err(String::from("the type is unknown")),
            _ => Ok(()),
        }
    }

    /// Two types without options around them.
    fn pair(&mut self, at: usize, goal: Goal<'t>, (from, to): (&'t Type, &'t Type)) -> Outcome {
        match (from, to) {
            (Type::Bool, Type::Bool)
            | (Type::Char, Type::Char)
            | (Type::Bytes, Type::Bytes)
            | (Type::Char | Type::Bytes | Type::String, Type::String) => Ok(()),
            (Type::List(a), Type::List(b)) => {
                self.add(at, Step::Items, *a, *b);
                Ok(())
            }
            (Type::Tuple(places), Type::List(item)) => {
                for (place, ty) in places.iter().enumerate() {
                    self.add(at, Step::Place(place), *ty, *item);
                }
                Ok(())
            }
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                for (place, (a, b)) in a.iter().zip(b).enumerate() {
                    self.add(at, Step::Place(place), *a, *b);
                }
                Ok(())
            }
            (Type::Record(a), Type::Record(b)) => self.records(at, a, b),
            (Type::Enum(_) | Type::Variant(_) | Type::Result { .. }, _) => {
                self.cases(at, goal, from, to)
            }
            (Type::Json, _) => Err(self.differ(goal, "a value could be anything")),
            _ => self.numbers(goal, from, to),
        }
    }

    fn numbers(&self, goal: Goal<'t>, from: &Type, to: &Type) -> Outcome {
        let wanted = number::range(to).or(number::exact_range(to));
        match (number::range(from), wanted) {
            (Some(given), Some(wanted)) if given.is_within(wanted) => Ok(()),
            (Some(_), Some(_)) => Err(self.differ(goal, "a value could be out of range")),
            // A double that is finite as an f32 is finite as an f64, and 2^24 is less than 2^53.
            _ if matches!(
                (from, to),
                (Type::F32, Type::F32 | Type::F64) | (Type::F64, Type::F64)
            ) =>
            {
                Ok(())
            }
            _ if (from, to) == (&Type::F64, &Type::F32) => {
                Err(self.differ(goal, "a value could be out of range"))
            }
            _ if number::exact_range(from).is_some() && wanted.is_some() => {
                Err(self.differ(goal, "a value could have a point"))
            }
            _ => Err(self.differ(goal, "")),
        }
    }

    fn records(&mut self, at: usize, from: &'t [Field], to: &'t [Field]) -> Outcome {
        let mut given = BTreeMap::new();
        for field in from {
            given.entry(field.name.as_str()).or_insert(field.ty);
        }
        for Field { name, ty: wanted } in to {
            let Some(ty) = given.get(name.as_str()).copied() else {
                return Err(format!(
                    "producer does not name the field `{name}`, consumer wants it"
                ));
            };
            if may_be_absent(self.table, ty) && !may_be_absent(self.table, *wanted) {
                return Err(format!(
                    "field `{name}`: producer has {}, consumer wants {}: it could be absent",
                    brief(self.table, ty),
                    brief(self.table, *wanted)
                ));
            }
            self.add(at, Step::Name(name), ty, *wanted);
        }
        Ok(())
    }

    /// "producer has u64, consumer wants u32: why".
    fn differ(&self, goal: Goal<'t>, why: &str) -> String {
        let (from, to) = (brief(self.table, goal.from), brief(self.table, goal.to));
        let colon = if why.is_empty() { "" } else { ": " };
        format!("producer has {from}, consumer wants {to}{colon}{why}")
    }
}
