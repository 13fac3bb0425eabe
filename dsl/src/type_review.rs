//! What can be wrong with the types of a file, beyond their syntax.

use std::collections::BTreeMap;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use theater_flow_kernel::types::Type;

use crate::codes;
use crate::fault::{Fault, did_you_mean, list};
use crate::foreign;
use crate::notes::Notes;
use crate::span::At;
use crate::spec::{OutputSpec, TypeSpec};
use crate::type_text::{Expr, SCALARS};

/// What most fields are.
const USUAL: &[&str] = &["string", "u64", "f64", "bool", "json", "list<…>", "option<…>"];

/// The names of `[types]`, against which every type of the file is read.
pub(crate) struct Review<'s> {
    by_name: BTreeMap<&'s str, (usize, &'s TypeSpec)>,
    /// By position: there is a value of the type.
    has_value: Vec<bool>,
}

impl<'s> Review<'s> {
    pub(crate) fn new(specs: &'s [TypeSpec]) -> Self {
        let entry = |(at, spec): (usize, &'s TypeSpec)| (spec.name.value.as_str(), (at, spec));
        let by_name = specs.iter().enumerate().map(entry).collect();
        let mut review = Self { by_name, has_value: vec![false; specs.len()] };
        review.find_values(specs);
        review
    }

    /// Faults in what a type refers to. True if there is none.
    pub(crate) fn expr(&self, expr: &Expr, notes: &mut Notes<'_>) -> bool {
        match expr {
            Expr::Name(name) if !self.by_name.contains_key(name.value.as_str()) => {
                if !notes.enough(codes::UNKNOWN_TYPE) {
                    notes.fault(self.unknown(name));
                }
                return false;
            }
            Expr::Variable(name) => {
                let message = format!("`${}` can only stand in an actor's ports", name.value);
                let fault = Fault::new(codes::REFUSED_TYPE, message);
                notes.fault(fault.label(name.span, "a variable").help("name the type itself"));
                return false;
            }
            _ => {}
        }
        let mut sound = true;
        for part in expr.parts() {
            sound &= self.expr(part, notes);
        }
        sound
    }

    /// Faults in what the types of `outputs` refer to.
    pub(crate) fn outputs(&self, specs: &[OutputSpec], notes: &mut Notes<'_>) {
        for spec in specs {
            self.expr(&spec.ty.value, notes);
        }
    }

    /// The first name in it that the file does not give.
    pub(crate) fn unknown_name<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        match expr {
            Expr::Name(name) if !self.by_name.contains_key(name.value.as_str()) => {
                Some(&name.value)
            }
            _ => expr.parts().into_iter().find_map(|part| self.unknown_name(part)),
        }
    }

    /// Whether there is an option of an option or of json in it, names followed.
    pub(crate) fn refuses(&self, expr: &Expr) -> bool {
        let here = match expr {
            Expr::Option(inner) => {
                matches!(self.head(inner), Some(Expr::Option(_) | Expr::Scalar(Type::Json)))
            }
            _ => false,
        };
        here || expr.parts().into_iter().any(|part| self.refuses(part))
    }

    /// Faults in `[types]`. If there is none: the types in an order in which an alias comes after what
    /// it names.
    pub(crate) fn types(&self, specs: &[TypeSpec], notes: &mut Notes<'_>) -> Option<Vec<usize>> {
        let mut sound = true;
        for spec in specs {
            sound &= spec.expr.as_ref().is_some_and(|expr| self.expr(expr, notes));
        }
        let groups = self.groups(specs);
        for group in &groups {
            sound &= self.ends(group, specs, notes);
        }
        for spec in specs {
            if spec.expr.as_ref().is_some_and(|expr| self.refuses(expr)) {
                notes.fault(refused(&spec.name.value, spec));
                sound = false;
            }
        }
        sound.then(|| groups.concat())
    }

    /// Types that need each other, in reverse topological order. Iterative: chains may be long.
    fn groups(&self, specs: &[TypeSpec]) -> Vec<Vec<usize>> {
        let mut graph = DiGraph::<usize, ()>::new();
        let nodes: Vec<NodeIndex> = (0..specs.len()).map(|at| graph.add_node(at)).collect();
        for (spec, node) in specs.iter().zip(&nodes) {
            for needed in spec.expr.iter().flat_map(|expr| self.needed(expr)) {
                graph.add_edge(*node, nodes[needed], ());
            }
        }
        let groups = kosaraju_scc(&graph);
        groups
            .into_iter()
            .map(|group| group.into_iter().map(|node| graph[node]).collect())
            .collect()
    }

    /// The named types without a value of which there is no value of `expr`. A list or an option can do
    /// without; a result or a variant too, if one of its cases can.
    fn needed(&self, expr: &Expr) -> Vec<usize> {
        match expr {
            Expr::Name(name) => self.place(&name.value).into_iter().collect(),
            Expr::Result { .. } | Expr::Variant(_) if self.has_value(expr) => Vec::new(),
            Expr::List(_) | Expr::Option(_) => Vec::new(),
            _ => expr.parts().into_iter().flat_map(|part| self.needed(part)).collect(),
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).map(|(at, _)| *at)
    }

    /// Finds which named types have values: at first those that need no other, then those that need only these.
    fn find_values(&mut self, specs: &[TypeSpec]) {
        let mut users = vec![Vec::new(); specs.len()];
        for (user, spec) in specs.iter().enumerate() {
            let mut parts: Vec<&Expr> = spec.expr.iter().collect();
            while let Some(part) = parts.pop() {
                if let Expr::Name(name) = part
                    && let Some(used) = self.place(&name.value)
                {
                    users[used].push(user);
                }
                parts.extend(part.parts());
            }
        }
        let mut ask: Vec<usize> = (0..specs.len()).collect();
        while let Some(at) = ask.pop() {
            let found = specs[at].expr.as_ref().is_none_or(|expr| self.has_value(expr));
            if found && !self.has_value[at] {
                self.has_value[at] = true;
                ask.append(&mut users[at]);
            }
        }
    }

    /// Whether there is a value of the type, as far as it is known of named types.
    fn has_value(&self, expr: &Expr) -> bool {
        let without = |held: Option<&Expr>| held.is_none_or(|held| self.has_value(held));
        match expr {
            Expr::Name(name) => self.place(&name.value).is_none_or(|at| self.has_value[at]),
            Expr::Record(_) | Expr::Tuple(_) => {
                expr.parts().into_iter().all(|part| self.has_value(part))
            }
            Expr::Result { ok, err } => without(ok.as_deref()) || without(err.as_deref()),
            Expr::Variant(cases) => cases.iter().any(|(_, held)| without(held.as_ref())),
            _ => true,
        }
    }

    fn ends(&self, group: &[usize], specs: &[TypeSpec], notes: &mut Notes<'_>) -> bool {
        let Some(spec) = group.iter().min().and_then(|first| specs.get(*first)) else {
            return true;
        };
        let needs_itself = || {
            let own = self.place(&spec.name.value);
            let needed = spec.expr.as_ref().map_or_else(Vec::new, |expr| self.needed(expr));
            needed.into_iter().any(|at| Some(at) == own)
        };
        if group.len() == 1 && !needs_itself() {
            return true;
        }
        let message = format!("a value of `{}` would hold itself, without an end", spec.name.value);
        let fault = Fault::new(codes::ENDLESS_TYPE, message).label(spec.name.span, "this type");
        notes
            .fault(fault.help("put `list<…>` or `option<…>` around the type on its way to itself"));
        false
    }

    /// What a type is, if it is only a name; `None` for names in a circle.
    fn head<'e>(&'e self, expr: &'e Expr) -> Option<&'e Expr> {
        let mut at = expr;
        for _ in 0..=self.by_name.len() {
            let Expr::Name(name) = at else {
                return Some(at);
            };
            at = self.by_name.get(name.value.as_str())?.1.expr.as_ref()?;
        }
        None
    }

    fn unknown(&self, name: &At<String>) -> Fault {
        let words = SCALARS.iter().map(|(word, _)| *word);
        let known = self.by_name.keys().copied().chain(words);
        let called = foreign::type_called(&name.value).map(|ty| match ty {
            "json" => "here it is `json`, which is any value; or name its fields".to_owned(),
            "s64" => "here it is `s64`, or `u64` without negative ones".to_owned(),
            ty => format!("here it is `{ty}`"),
        });
        let help = called.or_else(|| did_you_mean(&name.value, known)).or_else(|| {
            let own = format!("write its fields in [types], or one of {}", list(USUAL));
            Some(own)
        });
        let fault = Fault::new(codes::UNKNOWN_TYPE, format!("there is no type `{}`", name.value));
        fault.label(name.span, "unknown type").maybe_help(help)
    }
}

fn refused(what: &str, spec: &TypeSpec) -> Fault {
    option_refused(&format!("type `{what}`")).label(spec.name.span, "this type")
}

/// The fault for an option of an option or of json, still without a place.
pub(crate) fn option_refused(what: &str) -> Fault {
    let message = format!("{what} holds an option of an option or of json");
    let help = "`null` could then mean two things; use one option, a variant, or plain json";
    Fault::new(codes::REFUSED_TYPE, message).help(help)
}
