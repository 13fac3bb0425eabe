//! `[errors] dead_letter`.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Field, Type};

use crate::codes;
use crate::fault::{Fault, did_you_mean, near};
use crate::graph::Agent;
use crate::notes::Notes;
use crate::scopes::inside;
use crate::solve::Arrival;
use crate::span::At;
use crate::spec::Spec;
use crate::type_table::Types;

/// The agent that takes dead letters, by position.
pub(crate) fn find(spec: &Spec, agents: &[Agent<'_>], notes: &mut Notes<'_>) -> Option<usize> {
    let name = spec.dead_letter.as_ref()?;
    // The agents of the pipeline's own file come first.
    let own = || agents.iter().take(spec.agents.len()).map(|agent| &agent.spec.name.value);
    let Some(at) = own().position(|own| *own == name.value) else {
        let plain = name.value.split('.').next().unwrap_or_default();
        let meant = near(plain, own().map(String::as_str), 2);
        notes.fault(inside(spec, &name.value, name.span).unwrap_or_else(|| {
            let message = format!("there is no agent `{}`", name.value);
            let help = did_you_mean(plain, own().map(String::as_str));
            let fault = Fault::new(codes::UNKNOWN_AGENT, message);
            fault.label(name.span, "unknown agent").maybe_help(help)
        }));
        return meant.and_then(|meant| own().position(|own| own == meant));
    };
    let inputs = agents.get(at)?.ports.as_ref().map(|ports| ports.inputs.len());
    if inputs.is_some_and(|inputs| inputs != 1) {
        let message = format!("agent `{}` cannot take dead letters", name.value);
        let fault = Fault::new(codes::DEAD_LETTER, message);
        let text = format!("its actor has {} inputs", inputs.unwrap_or_default());
        let fault = fault.label(name.span, text);
        notes.fault(fault.help("name an agent with exactly one input"));
    }
    Some(at)
}

/// The dead letters as something that arrives at the agent's only input.
pub(crate) fn arrival(name: &At<String>, types: &mut Types) -> Arrival {
    Arrival {
        input: 0,
        ty: letter(types),
        span: name.span,
        from: "the dead letter".to_owned(),
        source: None,
    }
}

/// `{ agent: string, port: string, message: string, code: string, text: string, attempts: u32,
/// body: json }`.
fn letter(types: &mut Types) -> TypeId {
    let string = types.intern(Type::String);
    let mut fields: Vec<Field> = ["agent", "port", "message", "code", "text"]
        .into_iter()
        .map(|name| Field { name: name.to_owned(), ty: string })
        .collect();
    fields.push(Field { name: "attempts".to_owned(), ty: types.intern(Type::U32) });
    fields.push(Field { name: "body".to_owned(), ty: types.intern(Type::Json) });
    types.intern(Type::Record(fields))
}
