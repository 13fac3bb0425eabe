//! `[types]` as a kernel [`TypeTable`].

use std::collections::BTreeMap;

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

use crate::notes::Notes;
use crate::spec::TypeSpec;
use crate::type_review::Review;
use crate::type_text::Expr;

/// What the variables of a type stand for.
pub(crate) type Solved = BTreeMap<String, TypeId>;

/// All types of a pipeline, with the names of `[types]`.
#[derive(Default)]
pub(crate) struct Types {
    table: TypeTable,
    /// Unnamed types. [`TypeTable::intern`] looks through the whole table; this does not.
    known: BTreeMap<Type, TypeId>,
    /// By unit: each file has names of its own.
    names: Vec<BTreeMap<String, TypeId>>,
}

impl Types {
    /// Adds the `[types]` of the next unit, which are shown by other names; false after a fault,
    /// since types of which some are unknown only give more faults that follow from the first.
    pub(crate) fn add(
        &mut self,
        review: &Review<'_>,
        (specs, shown): (&[TypeSpec], &BTreeMap<String, String>),
        notes: &mut Notes<'_>,
    ) -> bool {
        let unit = self.names.len();
        self.names.push(BTreeMap::new());
        let Some(order) = review.types(specs, notes) else {
            return false;
        };
        let in_order = order.iter().filter_map(|at| specs.get(*at));
        let exprs = in_order.filter_map(|spec| Some((&spec.name.value, spec.expr.as_ref()?)));
        let exprs: Vec<(&String, &Expr)> = exprs.collect();
        for (name, expr) in &exprs {
            let shown = shown.get(*name).unwrap_or(name);
            self.reserve((unit, name), shown, expr);
        }
        for (name, expr) in &exprs {
            self.fill((unit, name), expr);
        }
        true
    }

    fn named(&self, unit: usize, name: &str) -> Option<TypeId> {
        self.names.get(unit)?.get(name).copied()
    }

    pub(crate) const fn table(&self) -> &TypeTable {
        &self.table
    }

    pub(crate) fn into_table(self) -> TypeTable {
        self.table
    }

    /// The id of an unnamed type.
    pub(crate) fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(id) = self.known.get(&ty) {
            return *id;
        }
        let id = self.table.push(ty.clone());
        self.known.insert(ty, id);
        id
    }

    /// A type of a unit, given what its variables stand for. `None` if it holds an unknown name, an unsolved
    /// variable, or an option of an option or of json.
    pub(crate) fn lower(&mut self, unit: usize, expr: &Expr, solved: &Solved) -> Option<TypeId> {
        match expr {
            Expr::Name(name) => self.named(unit, &name.value),
            Expr::Variable(name) => solved.get(&name.value).copied(),
            _ => self.shape(unit, expr, solved).map(|ty| self.intern(ty)),
        }
    }

    /// As [`lower`](Self::lower), for what is neither a name nor a variable: its parts have ids, the
    /// whole has none yet.
    fn shape(&mut self, unit: usize, expr: &Expr, solved: &Solved) -> Option<Type> {
        Some(match expr {
            Expr::Name(_) | Expr::Variable(_) => return None,
            Expr::Scalar(scalar) => scalar.clone(),
            Expr::List(inner) => Type::List(self.lower(unit, inner, solved)?),
            Expr::Option(inner) => {
                let inner = self.lower(unit, inner, solved)?;
                if matches!(self.table.get(inner), Some(Type::Option(_) | Type::Json)) {
                    return None;
                }
                Type::Option(inner)
            }
            Expr::Result { ok, err } => Type::Result {
                ok: self.side(unit, ok.as_deref(), solved)?,
                err: self.side(unit, err.as_deref(), solved)?,
            },
            Expr::Tuple(parts) => {
                let parts: Option<Vec<TypeId>> =
                    parts.iter().map(|part| self.lower(unit, part, solved)).collect();
                Type::Tuple(parts?)
            }
            Expr::Enum(names) => Type::Enum(names.clone()),
            Expr::Variant(cases) => self.variant(unit, cases, solved)?,
            Expr::Record(fields) => self.record(unit, fields, solved)?,
        })
    }

    #[expect(clippy::option_option, reason = "the outer one is failure, the inner one the type")]
    fn side(
        &mut self,
        unit: usize,
        side: Option<&Expr>,
        solved: &Solved,
    ) -> Option<Option<TypeId>> {
        match side {
            None => Some(None),
            Some(expr) => self.lower(unit, expr, solved).map(Some),
        }
    }

    fn variant(
        &mut self,
        unit: usize,
        cases: &[(String, Option<Expr>)],
        solved: &Solved,
    ) -> Option<Type> {
        let mut lowered = Vec::with_capacity(cases.len());
        for (name, expr) in cases {
            let ty = match expr {
                None => None,
                Some(expr) => Some(self.lower(unit, expr, solved)?),
            };
            lowered.push(Case { name: name.clone(), ty });
        }
        Some(Type::Variant(lowered))
    }

    fn record(&mut self, unit: usize, fields: &[(String, Expr)], solved: &Solved) -> Option<Type> {
        let mut lowered = Vec::with_capacity(fields.len());
        for (name, expr) in fields {
            lowered.push(Field { name: name.clone(), ty: self.lower(unit, expr, solved)? });
        }
        Some(Type::Record(lowered))
    }

    /// Gives every named type that is not just another name or a scalar a place of its own, so that
    /// types can refer to each other, and messages can use the names.
    fn reserve(&mut self, (unit, name): (usize, &str), shown: &str, expr: &Expr) {
        let id = match expr {
            // An alias comes after what it names.
            Expr::Name(target) => self.named(unit, &target.value),
            Expr::Scalar(scalar) => Some(self.intern(scalar.clone())),
            _ => {
                let id = self.table.push(Type::Bool);
                self.table.name(id, shown.to_owned());
                Some(id)
            }
        };
        if let (Some(id), Some(names)) = (id, self.names.get_mut(unit)) {
            names.insert(name.to_owned(), id);
        }
    }

    fn fill(&mut self, (unit, name): (usize, &str), expr: &Expr) {
        if matches!(expr, Expr::Name(_) | Expr::Scalar(_)) {
            return;
        }
        let Some(id) = self.named(unit, name) else {
            return;
        };
        if let Some(ty) = self.shape(unit, expr, &Solved::new()) {
            self.table.set(id, ty);
        }
    }
}
