//! `[params]` and `--set`.

use serde_json::Value;
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::Type;
use theater_flow_kernel::{flow, json};

use crate::codes;
use crate::fault::{Fault, did_you_mean};
use crate::notes::Notes;
use crate::spec::ParamSpec;
use crate::type_review::{Review, option_refused};
use crate::type_table::{Solved, Types};
use crate::values::{Param, Values, literal};

/// Gives every param its value, which is checked against its type.
pub(crate) fn params(
    specs: &[ParamSpec],
    review: &Review<'_>,
    types: &mut Types,
    notes: &mut Notes<'_>,
) -> Values {
    let mut values = Values::default();
    for spec in specs {
        let param = param(spec, review, types, notes);
        values.params.insert(spec.name.value.clone(), param);
    }
    check_set(specs, notes);
    values
}

fn param(spec: &ParamSpec, review: &Review<'_>, types: &mut Types, notes: &mut Notes<'_>) -> Param {
    let name = &spec.name.value;
    let set = notes.source.set.iter().rev().find(|(set, _)| set == name);
    let own = notes.folder(spec.name.span.file);
    let base = if set.is_some() { notes.source.cwd.to_owned() } else { own.to_owned() };
    let unknown = Param { value: None, base: base.clone() };
    let ty = spec.ty.as_ref().filter(|ty| review.expr(ty, notes));
    if ty.is_some_and(|ty| review.refuses(ty)) {
        let fault = option_refused(&format!("the type of param `{name}`"));
        notes.fault(fault.label(spec.name.span, "this param"));
        return unknown;
    }
    let Some(ty) = ty.and_then(|ty| types.lower(ty, &Solved::new())) else {
        return unknown;
    };
    let value = match (set, &spec.default) {
        (Some((_, text)), _) => Some(set_value(text, ty, types)),
        (None, Some(node)) => literal(node, notes),
        (None, None) => return no_value(spec, unknown, notes),
    };
    let Some(value) = value else { return unknown };
    if let Err(mismatch) = json::check(types.table(), ty, &value.to_string()) {
        if notes.enough(codes::PARAM_TYPE) {
            return unknown;
        }
        notes.fault(wrong_type(spec, set.is_some(), &mismatch, &flow::show(types.table(), ty)));
        return unknown;
    }
    Param { value: Some(value), base }
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

fn no_value(spec: &ParamSpec, unknown: Param, notes: &mut Notes<'_>) -> Param {
    let name = &spec.name.value;
    let message = format!("param `{name}` has no value");
    let fault = Fault::new(codes::NO_VALUE, message).label(spec.name.span, "no `default`");
    notes.missing(fault.help(format!("give it one with --set {name}=…, or add a default")));
    unknown
}

fn wrong_type(spec: &ParamSpec, set: bool, mismatch: &json::Mismatch, ty: &str) -> Fault {
    let name = &spec.name.value;
    let place = match mismatch.pointer.as_str() {
        "" => String::new(),
        pointer => format!(" at {pointer}"),
    };
    let (what, span) = match (&spec.default, set) {
        (Some(node), false) => (format!("the default of param `{name}`"), node.span),
        _ => (format!("the value of --set {name}"), spec.name.span),
    };
    let message = format!("{what} is not {ty}{place}: {}", mismatch.message);
    Fault::new(codes::PARAM_TYPE, message).label(span, format!("must be {ty}"))
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
pub(crate) fn check_used(specs: &[ParamSpec], values: &Values, notes: &mut Notes<'_>) {
    if notes.has(codes::UNKNOWN_PARAM) > 0 {
        return; // It may be the one that was meant.
    }
    for spec in specs.iter().filter(|spec| !values.used.contains(&spec.name.value)) {
        let message = format!("nothing uses param `{}`", spec.name.value);
        let fault = Fault::new(codes::UNUSED_PARAM, message).warning();
        notes.fault(fault.label(spec.name.span, "unused"));
    }
}
