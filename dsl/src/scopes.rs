//! Where names mean something: the pipeline, and each use of a module.

use std::collections::BTreeMap;

use theater_flow_kernel::limits;

use crate::codes;
use crate::fault::Fault;
use crate::modules::{Unit, too_many};
use crate::notes::Notes;
use crate::span::Span;
use crate::spec::{Spec, UseSpec};

/// The pipeline, or a module in one of the places where it is used.
#[derive(Debug)]
pub(crate) struct Scope<'s> {
    /// The unit that it is made of.
    pub(crate) unit: usize,
    /// What stands before a name of it in the plan: nothing, or `audit/`.
    pub(crate) prefix: String,
    /// Where it is used; `None` for the pipeline.
    pub(crate) used: Option<Used<'s>>,
    /// The scope of each `[use]`, by position, as far as it is known.
    pub(crate) uses: Vec<Option<usize>>,
}

/// A place where a module is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used<'s> {
    /// The scope that uses it.
    pub(crate) by: usize,
    pub(crate) spec: &'s UseSpec,
}

/// All scopes, the pipeline first, each before those below it. What is one module in many places has many
/// scopes but one unit.
pub(crate) struct Scopes<'s> {
    pub(crate) units: &'s [Unit],
    pub(crate) all: Vec<Scope<'s>>,
}

impl<'s> Scopes<'s> {
    /// Follows every use; `None` if there are more than there may be.
    pub(crate) fn new(units: &'s [Unit], notes: &mut Notes<'_>) -> Option<Self> {
        let top = Scope { unit: 0, prefix: String::new(), used: None, uses: Vec::new() };
        let mut scopes = Self { units, all: vec![top] };
        let mut at = 0;
        // In the order of files, level by level: no file's depth can exhaust the stack.
        while at < scopes.all.len() {
            scopes.follow(at, notes)?;
            at += 1;
        }
        scopes.check_size(notes).then_some(scopes)
    }

    /// Whether every module in use is known.
    pub(crate) fn are_known(&self) -> bool {
        self.all.iter().all(|scope| scope.uses.iter().all(Option::is_some))
    }

    /// The unit of a scope.
    pub(crate) fn unit(&self, scope: usize) -> &'s Unit {
        &self.units[self.all[scope].unit]
    }

    /// The name of something in a scope as the plan has it.
    pub(crate) fn full(&self, scope: usize, name: &str) -> String {
        format!("{}{name}", self.all[scope].prefix)
    }

    /// The name of a scope as the plan has it; nothing for the pipeline.
    pub(crate) fn path(&self, scope: usize) -> &str {
        self.all[scope].prefix.trim_end_matches('/')
    }

    /// The scope of a module that a scope uses, by the name that it has there.
    pub(crate) fn using(&self, scope: usize, name: &str) -> Option<usize> {
        let uses = &self.unit(scope).spec.uses;
        let at = uses.iter().position(|spec| spec.name.value == name)?;
        self.all[scope].uses.get(at).copied().flatten()
    }

    fn follow(&mut self, at: usize, notes: &mut Notes<'_>) -> Option<()> {
        let unit = self.unit(at);
        let prefix = self.all[at].prefix.clone();
        for (spec, target) in unit.spec.uses.iter().zip(&unit.uses) {
            let next = self.all.len();
            self.all[at].uses.push(target.map(|_| next));
            let Some(target) = *target else { continue };
            let prefix = format!("{prefix}{}/", spec.name.value);
            if prefix.matches('/').count() > limits::MODULE_DEPTH {
                let message = format!("modules nest at most {} deep", limits::MODULE_DEPTH);
                let fault = Fault::new(codes::TOO_LARGE, message);
                notes.fault(fault.label(spec.name.span, "one too deep"));
                return None;
            }
            if next > limits::MODULES {
                notes.fault(too_many().label(spec.name.span, "one too many"));
                return None;
            }
            let used = Some(Used { by: at, spec });
            self.all.push(Scope { unit: target, prefix, used, uses: Vec::new() });
        }
        Some(())
    }

    /// Modules multiply what stands in them.
    fn check_size(&self, notes: &mut Notes<'_>) -> bool {
        let agents = (0..self.all.len()).scan(0, |sum, scope| {
            *sum += self.unit(scope).spec.agents.len();
            Some(*sum)
        });
        let types: usize = self.units.iter().map(|unit| unit.spec.types.len()).sum();
        let beyond = agents.enumerate().find(|(_, sum)| *sum > limits::AGENTS);
        let (what, bound, scope) = match beyond {
            Some((scope, _)) => ("agents", limits::AGENTS, Some(scope)),
            None if types > limits::TYPES => ("types", limits::TYPES, None),
            None => return true,
        };
        let message =
            format!("a pipeline has at most {bound} {what}, those of its modules included");
        let fault = Fault::new(codes::TOO_LARGE, message);
        let scope = scope.unwrap_or(self.all.len() - 1);
        notes.fault(match self.all[scope].used {
            Some(used) => fault.label(used.spec.name.span, "too many with this module"),
            None => fault,
        });
        false
    }

    /// Reports names that mean two things in one file.
    pub(crate) fn check_names(&self, notes: &mut Notes<'_>) {
        for unit in self.units {
            let spec = &unit.spec;
            let mut seen = BTreeMap::new();
            let supervisors = spec.supervisors.iter().map(|spec| ("a supervisor", &spec.name));
            let agents = spec.agents.iter().map(|spec| ("an agent", &spec.name));
            let uses = spec.uses.iter().map(|spec| ("a module", &spec.name));
            for (what, name) in supervisors.chain(agents).chain(uses) {
                if let Some(fault) = inside(spec, &name.value, name.span) {
                    notes.fault(fault);
                }
                let Some((other, first)) = seen.insert(name.value.as_str(), (what, name.span))
                else {
                    continue;
                };
                let message = format!("`{}` is {what} and {other}", name.value);
                let fault = Fault::new(codes::SAME_NAME, message);
                let word = |what: &str| what.replacen("an ", "the ", 1).replacen("a ", "the ", 1);
                let fault = fault.label(name.span, word(what)).label(first, word(other));
                notes.fault(fault.help("give one of them another name, there and in `children`"));
            }
        }
    }
}

/// The fault for a name that reaches into a module, if it is one: `audit/scan`.
pub(crate) fn inside(spec: &Spec, name: &str, span: Span) -> Option<Fault> {
    let (module, _) = name.split_once('/')?;
    spec.uses.iter().find(|spec| spec.name.value == module)?;
    Some(into_module(name, module, span))
}

/// The fault for a reference that reaches into a module.
pub(crate) fn into_module(name: &str, module: &str, span: Span) -> Fault {
    let message = format!("`{name}` is inside of module `{module}`");
    let fault = Fault::new(codes::INSIDE, message).label(span, "not to be seen from outside");
    fault.help(format!("read an output of the module, \"{module}.<output>\"; it can be given more"))
}
