//! `[params]` and `--set`.

use serde_json::Value;
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::types::Type;
use theater_flow_kernel::{flow, json};

use crate::codes;
use crate::fault::{Fault, did_you_mean};
use crate::notes::Notes;
use crate::scopes::{Scopes, Used};
use crate::slip::{self, INTEGER};
use crate::span::Span;
use crate::spec::ParamSpec;
use crate::type_review::{Review, option_refused};
use crate::type_table::{Solved, Types};
use crate::values::{Param, Params, Values, literal};

/// Gives every param of every scope its value, which is checked against its type.
pub(crate) fn params(
    scopes: &Scopes<'_>,
    reviews: &[Review<'_>],
    types: &mut Types,
    notes: &mut Notes<'_>,
) -> Values {
    let mut values = Values::default();
    for (at, scope) in scopes.all.iter().enumerate() {
        let unit = scopes.unit(at);
        let mut params = Params::default();
        let Some(review) = reviews.get(scope.unit) else { continue };
        for spec in &unit.spec.params {
            let is_module = unit.spec.module.is_some();
            let reader = Reader { spec, unit: scope.unit, is_module, used: scope.used };
            let param = reader.param((&mut values, review), types, notes);
            params.all.insert(spec.name.value.clone(), param);
        }
        if let Some(used) = scope.used {
            check_given(used, &unit.spec.params, notes);
        }
        values.params.push(params);
    }
    check_set(&scopes.unit(0).spec.params, notes);
    values
}

/// Reads one param in one scope.
struct Reader<'s> {
    spec: &'s ParamSpec,
    unit: usize,
    is_module: bool,
    used: Option<Used<'s>>,
}

/// A value with the folder that paths in it are against, and where it was given; no place for `--set`.
struct Given {
    value: Value,
    base: String,
    span: Option<Span>,
}

impl Reader<'_> {
    fn param(
        &self,
        (values, review): (&mut Values, &Review<'_>),
        types: &mut Types,
        notes: &mut Notes<'_>,
    ) -> Param {
        let spec = self.spec;
        let name = &spec.name.value;
        let unknown = || Param { value: None, base: String::new(), given: None };
        let ty = spec.ty.as_ref().filter(|ty| review.expr(ty, notes));
        if ty.is_some_and(|ty| review.refuses(ty)) {
            let fault = option_refused(&format!("the type of param `{name}`"));
            notes.fault(fault.label(spec.name.span, "this param"));
            return unknown();
        }
        let Some(ty) = ty.and_then(|ty| types.lower(self.unit, ty, &Solved::new())) else {
            return unknown();
        };
        let Some(given) = self.given(values, (ty, types), notes) else {
            return unknown();
        };
        if let Err(mismatch) = json::check(types.table(), ty, &given.value.to_string()) {
            if !notes.enough(codes::PARAM_TYPE) {
                let ty = flow::show(types.table(), ty);
                notes.fault(self.wrong_type(&given, &mismatch, &ty));
            }
            return unknown();
        }
        let place = given.span.filter(|span| span.file != spec.name.span.file);
        Param { value: Some(given.value), base: given.base, given: place }
    }

    /// The value: the user's of a module, or that of `--set`, else the default.
    fn given(
        &self,
        values: &mut Values,
        (ty, types): (TypeId, &Types),
        notes: &mut Notes<'_>,
    ) -> Option<Given> {
        let name = &self.spec.name.value;
        if let Some(used) = self.used {
            let mut entries = used.spec.params.iter();
            if let Some(entry) = entries.find(|entry| entry.key.value == *name) {
                let base = values.base(used.by, &entry.value, notes);
                let value = values.value(used.by, &entry.value, notes)?;
                return Some(Given { value, base, span: Some(entry.value.span) });
            }
        } else if let Some((_, text)) = notes.source.set.iter().rev().find(|(set, _)| set == name) {
            let (value, base) = (set_value(text, ty, types), notes.source.cwd.to_owned());
            return Some(Given { value, base, span: None });
        }
        let Some(node) = &self.spec.default else {
            self.no_value(notes);
            return None;
        };
        let base = notes.folder(node.span.file).to_owned();
        Some(Given { value: literal(node, notes)?, base, span: Some(node.span) })
    }

    fn no_value(&self, notes: &mut Notes<'_>) {
        let name = &self.spec.name;
        let fault = match self.used {
            // Whoever uses the module will give it.
            None if self.is_module => return notes.leave_open(),
            None => {
                let message = format!("param `{}` has no value", name.value);
                let fault = Fault::new(codes::NO_VALUE, message).label(name.span, "no `default`");
                let help = format!("give it one with --set {}=…, or add a default", name.value);
                return notes.missing(fault.help(help));
            }
            Some(used) => {
                let id = &used.spec.name;
                let message =
                    format!("param `{}` of module `{}` has no value", name.value, id.value);
                let fault = Fault::new(codes::NO_VALUE, message).label(id.span, "not given here");
                fault.label(name.span, "no `default`")
            }
        };
        notes.fault(fault.help(format!("write params = {{ {} = … }}", name.value)));
    }

    fn wrong_type(&self, given: &Given, mismatch: &json::Mismatch, ty: &str) -> Fault {
        let name = &self.spec.name;
        let place = match mismatch.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" at {pointer}"),
        };
        let own = given.span.is_some_and(|span| span.file == name.span.file);
        let (what, span) = match (given.span, self.used) {
            (Some(span), Some(used)) if !own => {
                let id = &used.spec.name.value;
                (format!("param `{}` of module `{id}`", name.value), span)
            }
            (Some(span), _) => (format!("the default of param `{}`", name.value), span),
            (None, _) => (format!("the value of --set {}", name.value), name.span),
        };
        let message = format!("{what} is not {ty}{place}: {}", mismatch.message);
        let node = self.spec.default.as_ref().filter(|node| node.span == span);
        let fault = Fault::new(codes::PARAM_TYPE, message).label(span, format!("must be {ty}"));
        let fault = fault.maybe_help(node.and_then(|node| slip::of(INTEGER, node)));
        if span.file == name.span.file { fault } else { fault.label(name.span, "this param") }
    }
}

/// Every value that a user gives must be for a param of the module.
fn check_given(used: Used<'_>, specs: &[ParamSpec], notes: &mut Notes<'_>) {
    for entry in &used.spec.params {
        let key = &entry.key;
        if specs.iter().any(|spec| spec.name.value == key.value) {
            continue;
        }
        let message = format!("module `{}` has no param `{}`", used.spec.name.value, key.value);
        let help = did_you_mean(&key.value, specs.iter().map(|spec| spec.name.value.as_str()));
        let fault = Fault::new(codes::UNKNOWN_PARAM, message);
        notes.fault(fault.label(key.span, "unknown param").maybe_help(help));
    }
}

/// A text from the command line: itself for a type that is written as a string, else JSON. What is
/// not JSON stays a string, which then fits no other type.
fn set_value(text: &str, ty: TypeId, types: &Types) -> Value {
    let plain = match types.table().get(ty) {
        Some(Type::String | Type::Char | Type::Bytes | Type::Enum(_)) => true,
        Some(_) | None => false,
    };
    let string = || Value::String(text.to_owned());
    if plain { string() } else { serde_json::from_str(text).unwrap_or_else(|_| string()) }
}

/// The `--set` values with which a file is compiled for a run that goes over to it: these, and of the params that
/// were `set` for the plan in force those that the file still has, with the values that they have.
#[must_use]
pub fn keep_set(plan: &Plan, text: &str, given: &[(String, String)]) -> Vec<(String, String)> {
    // What is no TOML has faults anyway.
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let params = file.get("params").and_then(toml::Value::as_table);
    let is_there = |name: &str| params.is_some_and(|params| params.contains_key(name));
    let is_given = |name: &str| given.iter().any(|(other, _)| other == name);
    let kept = plan
        .params
        .iter()
        .filter(|(name, _)| plan.set.contains(name) && is_there(name) && !is_given(name));
    let kept = kept.map(|(name, json)| {
        let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.clone());
        (name.clone(), text)
    });
    kept.chain(given.iter().cloned()).collect()
}

/// The params whose values come from the command line.
pub(crate) fn set(specs: &[ParamSpec], notes: &Notes<'_>) -> Vec<String> {
    let names = specs.iter().map(|spec| &spec.name.value);
    names.filter(|name| notes.source.set.iter().any(|(set, _)| set == *name)).cloned().collect()
}

fn check_set(specs: &[ParamSpec], notes: &mut Notes<'_>) {
    for (name, _) in notes.source.set {
        if specs.iter().all(|spec| spec.name.value != *name) {
            let help = did_you_mean(name, specs.iter().map(|spec| spec.name.value.as_str()));
            let message = format!("--set {name}: the pipeline has no param `{name}`");
            notes.fault(Fault::new(codes::UNKNOWN_SET, message).maybe_help(help));
        }
    }
}

/// Warns of params that nothing refers to.
pub(crate) fn check_used(scopes: &Scopes<'_>, values: &Values, notes: &mut Notes<'_>) {
    if notes.has(codes::UNKNOWN_PARAM) > 0 {
        return; // It may be the one that was meant.
    }
    if !scopes.are_known() {
        return; // Somebody may use it whom we do not know.
    }
    for (at, params) in values.params.iter().enumerate() {
        let specs = scopes.unit(at).spec.params.iter();
        for spec in specs.filter(|spec| !params.used.contains(&spec.name.value)) {
            let message = format!("nothing uses param `{}`", spec.name.value);
            let fault = Fault::new(codes::UNUSED_PARAM, message).warning();
            let help = format!("use it as {{ param = \"{}\" }}, or take it out", spec.name.value);
            notes.fault(fault.label(spec.name.span, "unused").help(help));
        }
    }
}
