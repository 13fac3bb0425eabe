//! `[[tests]]` held against the plan: names, types of messages, texts from files.

use std::collections::BTreeMap;

use serde_json::Value;
use theater_flow_kernel::ids::{AgentId, PortId, TypeId};
use theater_flow_kernel::plan::{Agent, Plan};
use theater_flow_kernel::types::{Type, TypeTable};
use theater_flow_kernel::{flow, json};

use crate::codes;
use crate::facts::{Direction, Mode};
use crate::fault::{Fault, did_you_mean, list};
use crate::notes::Notes;
use crate::paths;
use crate::span::{At, Span};
use crate::spec::ParamSpec;
use crate::spec_tests::{
    ExpectSpec, LetterSpec, MessagesSpec, MockSpec, RecordsSpec, ReplySpec, TestSpec, Text, place,
};
use crate::testing::{
    Ends, Expect, Given, KINDS, Letter, Messages, Mock, Port, Records, Reply, Test, Written,
};
use crate::values;

/// Puts the `params` of the test that is to run in the place of the defaults. All are looked up.
pub(crate) fn set_params(tests: &[TestSpec], params: &mut [ParamSpec], notes: &mut Notes<'_>) {
    for (nth, test) in tests.iter().enumerate() {
        for entry in &test.params {
            let Some(param) = params.iter_mut().find(|param| param.name.value == entry.key.value)
            else {
                let name = &entry.key.value;
                let fault = Fault::new(codes::UNKNOWN_PARAM, format!("there is no param `{name}`"));
                let help = did_you_mean(name, params.iter().map(|param| &*param.name.value));
                notes.fault(fault.label(entry.key.span, "unknown param").maybe_help(help));
                continue;
            };
            if notes.source.mode == Mode::Test(nth) {
                param.default = Some(entry.value.clone());
            }
        }
    }
}

/// The environment of the test that is to run, as far as it says.
pub(crate) fn env(tests: &[TestSpec], mode: Mode) -> BTreeMap<String, String> {
    let test = match mode {
        Mode::Test(nth) => tests.get(nth),
        Mode::Check | Mode::Run => None,
    };
    test.map(|test| test.env.iter().cloned().collect()).unwrap_or_default()
}

/// Checks the tests: all of them to hear of their faults, or the one that is to run, which it gives.
pub(crate) fn check(tests: &[TestSpec], plan: &Plan, notes: &mut Notes<'_>) -> Option<Test> {
    if tests.is_empty() {
        return None;
    }
    let world = World::new(plan);
    match notes.source.mode {
        Mode::Run => None,
        Mode::Check => {
            for test in tests {
                world.test(test, notes);
            }
            None
        }
        Mode::Test(nth) => tests.get(nth).map(|test| world.test(test, notes)),
    }
}

/// What tests can name.
struct World<'p> {
    plan: &'p Plan,
    agents: BTreeMap<&'p str, &'p Agent>,
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan) -> Self {
        let agents = plan.agents.iter().map(|agent| (agent.name.as_str(), agent)).collect();
        Self { plan, agents }
    }

    fn test(&self, spec: &TestSpec, notes: &mut Notes<'_>) -> Test {
        let mut given = Vec::new();
        for one in &spec.given {
            if let Some((port, ty)) = self.port(&one.port, Direction::Input, notes) {
                one.values.iter().for_each(|value| self.fits(value, ty, &port.name.value, notes));
                let values = one.values.iter().map(|value| value.value.clone()).collect();
                given.push(Given { port, values });
            }
        }
        let mocks = spec.mocks.iter().filter_map(|mock| self.mock(mock, notes)).collect();
        let run = spec.run.iter().filter_map(|name| Some(self.agent(name, notes)?.id)).collect();
        let folder = notes.folder(0).to_owned();
        let mut files = Vec::new();
        for (name, text) in &spec.files {
            let path = paths::absolute(&folder, &name.value);
            files.extend(whole(text, notes).map(|text| (path, text)));
        }
        let stdin = spec.stdin.as_ref().and_then(|text| whole(text, notes)).unwrap_or_default();
        let expect = self.expect(spec, notes);
        let (name, seed, stop_ms) = (spec.name.clone(), spec.seed, spec.stop_ms);
        Test { name, seed, given, mocks, run, files, stdin, stop_ms, expect }
    }

    fn agent(&self, name: &At<String>, notes: &mut Notes<'_>) -> Option<&'p Agent> {
        let found = self.agents.get(name.value.as_str()).copied();
        if found.is_none() && !notes.enough(codes::UNKNOWN_AGENT) {
            let message = format!("there is no agent `{}`", name.value);
            let fault = Fault::new(codes::UNKNOWN_AGENT, message);
            let help = did_you_mean(&name.value, self.agents.keys().copied());
            notes.fault(fault.label(name.span, "unknown agent").maybe_help(help));
        }
        found
    }

    /// The port that `<agent>.<port>` names. Where an agent has an input and an output of one name, it is
    /// that of the `first` kind.
    fn port(
        &self,
        name: &At<String>,
        first: Direction,
        notes: &mut Notes<'_>,
    ) -> Option<(Port, TypeId)> {
        let split = name.value.split_once('.');
        let agent = At::new(split.map_or(&*name.value, |(agent, _)| agent).to_owned(), name.span);
        let agent = self.agent(&agent, notes)?;
        let inputs =
            agent.inputs.iter().map(|port| (&port.name, Direction::Input, port.port, port.ty));
        let outputs =
            agent.outputs.iter().map(|port| (&port.name, Direction::Output, port.port, port.ty));
        let mut ports: Vec<(&String, Direction, PortId, TypeId)> = inputs.chain(outputs).collect();
        ports.sort_by_key(|(_, direction, ..)| *direction != first);
        let names = || ports.iter().map(|(port, ..)| port.as_str());
        let Some((_, port)) = split else {
            let known: Vec<String> = names().map(|port| format!("{}.{port}", agent.name)).collect();
            let message = format!("`{}` is an agent, and a test names ports", name.value);
            let fault = Fault::new(codes::BAD_REFERENCE, message).label(name.span, "which port?");
            notes.fault(fault.help(format!("there is {}", list(&known))));
            return None;
        };
        let Some((_, direction, id, ty)) = ports.iter().find(|(known, ..)| *known == port) else {
            let message = format!("agent `{}` has no port `{port}`", agent.name);
            let fault = Fault::new(codes::UNKNOWN_PORT, message).label(name.span, "unknown port");
            notes.fault(fault.maybe_help(did_you_mean(port, names())));
            return None;
        };
        let port = Port { agent: agent.id, id: *id, direction: *direction, name: name.clone() };
        Some((port, *ty))
    }

    /// Says where a value is not of a port's type.
    fn fits(&self, value: &At<Value>, ty: TypeId, port: &str, notes: &mut Notes<'_>) {
        if let Err(mismatch) = json::check(&self.plan.types, ty, &value.value.to_string()) {
            let at = match mismatch.pointer.as_str() {
                "" => String::new(),
                pointer => format!(" at {pointer}"),
            };
            let wrong = format!("`{port}` does not take this{at}: {}", mismatch.message);
            self.unfit(wrong, value.span, ty, notes);
        }
    }

    fn unfit(&self, wrong: String, span: Span, ty: TypeId, notes: &mut Notes<'_>) {
        if notes.enough(codes::TEST_VALUE) {
            return;
        }
        let fault = Fault::new(codes::TEST_VALUE, wrong).label(span, "this message");
        notes.fault(fault.help(format!("the port takes {}", flow::show(&self.plan.types, ty))));
    }

    fn mock(&self, spec: &MockSpec, notes: &mut Notes<'_>) -> Option<Mock> {
        let agent = self.agent(&spec.agent, notes)?;
        let mut reply = |reply: &ReplySpec| self.reply(agent, reply, notes);
        let replies = spec.replies.iter().map(&mut reply).collect();
        let otherwise = spec.otherwise.as_ref().map(&mut reply);
        Some(Mock { agent: At::new(agent.id, spec.agent.span), replies, otherwise })
    }

    fn reply(&self, agent: &Agent, spec: &ReplySpec, notes: &mut Notes<'_>) -> Reply {
        let sent = match spec {
            ReplySpec::Fault(fault) => return Reply::Fault(fault.clone()),
            ReplySpec::Crash(crash) => return Reply::Crash(crash.clone()),
            ReplySpec::Emit(sent) => sent,
        };
        let mut emitted = Vec::new();
        for (name, value) in sent {
            let Some(port) = agent.outputs.iter().find(|port| port.name == name.value) else {
                let message = format!("agent `{}` has no output `{}`", agent.name, name.value);
                let fault = Fault::new(codes::UNKNOWN_PORT, message);
                let known = agent.outputs.iter().map(|port| port.name.as_str());
                let help = did_you_mean(&name.value, known.chain(["fault", "crash"]));
                notes.fault(fault.label(name.span, "unknown output").maybe_help(help));
                continue;
            };
            self.fits(value, port.ty, &format!("{}.{}", agent.name, port.name), notes);
            emitted.push((port.name.clone(), value.value.clone()));
        }
        Reply::Emit(emitted)
    }

    fn expect(&self, of: &TestSpec, notes: &mut Notes<'_>) -> Expect {
        let spec: &ExpectSpec = &of.expect;
        let messages = spec.messages.iter().filter_map(|spec| self.messages(spec, notes)).collect();
        let records = spec.records.iter().filter_map(|spec| self.records(spec, notes)).collect();
        let dead_letters = spec.dead_letters.as_ref().map(|letters| {
            let each = letters.value.iter().filter_map(|spec| self.letter(spec, notes));
            At::new(each.collect(), letters.span)
        });
        let folder = notes.folder(0).to_owned();
        let mut files = Vec::new();
        for (name, text) in &spec.files {
            let path = paths::absolute(&folder, &name.value);
            let text = whole(text, notes);
            files.extend(text.map(|text| Written { name: name.clone(), path, text }));
        }
        let printed = spec.stdout.as_ref();
        let stdout = printed.and_then(|text| Some(At::new(whole(text, notes)?, place(text))));
        let kept = |letters: &At<Vec<Letter>>| !letters.value.is_empty();
        let usual = match (of.stop_ms, &dead_letters) {
            (None, Some(letters)) if kept(letters) && self.plan.dead_letter.is_none() => {
                Ends::Degraded
            }
            _ => Ends::Completed,
        };
        let status = spec.status.unwrap_or_else(|| At::new(usual, of.name.span));
        Expect { messages, records, dead_letters, files, stdout, status }
    }

    fn messages(&self, spec: &MessagesSpec, notes: &mut Notes<'_>) -> Option<Messages> {
        let (port, ty) = self.port(&spec.port, Direction::Output, notes)?;
        for value in &spec.values {
            if spec.exact {
                self.fits(value, ty, &port.name.value, notes);
            } else if let Err(wrong) = part_fits(&self.plan.types, ty, &value.value) {
                let wrong = format!("`{}` never has this: {wrong}", port.name.value);
                self.unfit(wrong, value.span, ty, notes);
            }
        }
        let MessagesSpec { values, exact, count, .. } = spec;
        let (values, count) = (values.clone(), *count);
        Some(Messages { port, values, exact: *exact, count })
    }

    fn records(&self, spec: &RecordsSpec, notes: &mut Notes<'_>) -> Option<Records> {
        let kind = &spec.kind;
        if !KINDS.contains(&kind.value.as_str()) {
            let message = format!("`{}` is no kind of record or part", kind.value);
            let fault = Fault::new(codes::WORD, message).label(kind.span, "unknown kind");
            let help = did_you_mean(&kind.value, KINDS.iter().copied());
            let usual = "`theater-flow events --help` lists them".to_owned();
            notes.fault(fault.maybe_help(help).maybe_help(Some(usual)));
        }
        let agent = match &spec.agent {
            Some(name) => Some(self.agent(name, notes)?.id),
            None => None,
        };
        Some(Records { kind: kind.clone(), agent, count: spec.count })
    }

    fn letter(&self, spec: &LetterSpec, notes: &mut Notes<'_>) -> Option<Letter> {
        let agent: AgentId = self.agent(&spec.agent, notes)?.id;
        let agent = At::new(agent, spec.agent.span);
        Some(Letter { agent, code: spec.code.clone(), body: spec.body.clone() })
    }
}

/// The text itself. What is in a file is asked for.
fn whole(text: &Text, notes: &mut Notes<'_>) -> Option<String> {
    match text {
        Text::Plain(text) => Some(text.value.clone()),
        Text::File(name) => values::file(name, notes),
    }
}

/// Whether some value of a type has these fields, and maybe more.
fn part_fits(types: &TypeTable, ty: TypeId, value: &Value) -> Result<(), String> {
    let ty = match types.get(ty) {
        Some(Type::Option(inner)) => *inner,
        _ => ty,
    };
    if let (Some(Type::Record(fields)), Value::Object(named)) = (types.get(ty), value) {
        for (name, value) in named {
            let field = fields.iter().find(|field| field.name == *name);
            let field = field.ok_or_else(|| format!("it has no field `{name}`"))?;
            part_fits(types, field.ty, value).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        return Ok(());
    }
    json::check(types, ty, &value.to_string()).map_err(|mismatch| mismatch.to_string())
}
