//! Values of the file as JSON, their references resolved.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::codes;
use crate::facts::{Mode, Need};
use crate::fault::{Fault, did_you_mean};
use crate::interpolation;
use crate::notes::Notes;
use crate::paths;
use crate::span::{At, Span};
use crate::tree::{Entry, Node, Tree};

/// A param with its value.
#[derive(Debug)]
pub(crate) struct Param {
    /// `None` if there is none, or none of the right type; that was said already.
    pub(crate) value: Option<Value>,
    /// The folder that a relative path in it is against: the file's for a default, the current one
    /// for `--set`.
    pub(crate) base: String,
    /// Where the user of a module gives it.
    pub(crate) given: Option<Span>,
}

/// The params of a scope, and those to which it refers.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pub(crate) all: BTreeMap<String, Param>,
    pub(crate) used: BTreeSet<String>,
}

/// The values that files can refer to, and those to which they did.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// By scope.
    pub(crate) params: Vec<Params>,
    pub(crate) env: BTreeMap<String, String>,
    /// Variables that a test sets, in the place of those that are there.
    pub(crate) test_env: BTreeMap<String, String>,
    pub(crate) secrets: BTreeSet<String>,
    /// Files outside of the pipeline's folder, by their absolute paths.
    pub(crate) files: BTreeSet<String>,
}

/// What stands in place of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Param,
    Env,
    Secret,
    File,
}

impl Values {
    /// A config as JSON; its own keys are never taken for references. `None` if some value is not
    /// known: it was asked for, or its fault was said.
    pub(crate) fn config(
        &mut self,
        scope: usize,
        config: &Node,
        notes: &mut Notes<'_>,
    ) -> Option<Value> {
        match &config.tree {
            Tree::Table(entries) => self.object(scope, entries, notes),
            _ => self.value(scope, config, notes),
        }
    }

    /// A value as JSON, its references resolved.
    pub(crate) fn value(
        &mut self,
        scope: usize,
        node: &Node,
        notes: &mut Notes<'_>,
    ) -> Option<Value> {
        if let Some((kind, name)) = reference(node) {
            return self.resolve(scope, (kind, &name), notes);
        }
        match &node.tree {
            Tree::Table(entries) => self.object(scope, entries, notes),
            Tree::Array(items) => {
                // Not a short-circuiting collect: each element's fault is to be heard.
                let values: Vec<Option<Value>> =
                    items.iter().map(|node| self.value(scope, node, notes)).collect();
                values.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
            }
            Tree::String(text) => {
                self.check_text(scope, (text, node), notes);
                scalar(node, notes)
            }
            _ => scalar(node, notes),
        }
    }

    fn check_text(&self, scope: usize, (text, node): (&str, &Node), notes: &mut Notes<'_>) {
        let Some(params) = self.params.get(scope) else { return };
        if let Some((shown, right)) = interpolation::find(text, &params.all) {
            let message = format!("`{shown}` stays as it is: nothing is put into texts");
            let fault = Fault::new(codes::NOT_REPLACED, message).warning();
            let help =
                format!("a whole value can be {right}; in a path, let a param hold all of it");
            notes.fault(fault.label(node.span, "this text").help(help));
        }
    }

    fn object(&mut self, scope: usize, entries: &[Entry], notes: &mut Notes<'_>) -> Option<Value> {
        let values: Vec<Option<(String, Value)>> = entries
            .iter()
            .map(|entry| Some((entry.key.value.clone(), self.value(scope, &entry.value, notes)?)))
            .collect();
        values.into_iter().collect::<Option<_>>().map(Value::Object)
    }

    fn resolve(
        &mut self,
        scope: usize,
        (kind, name): (Kind, &At<String>),
        notes: &mut Notes<'_>,
    ) -> Option<Value> {
        match kind {
            Kind::Param => self.param(scope, name, notes).and_then(|param| param.value.clone()),
            Kind::Env => self.env(name, notes).map(Value::String),
            Kind::Secret => {
                // An agent would take the placeholder for the value, and write it somewhere.
                let fault = Fault::new(codes::NOT_YET, "no agent can use a secret in this version");
                let help = "take it out; whatever else stands here is in the record";
                notes.fault(fault.label(name.span, "this secret").help(help));
                self.secrets.insert(name.value.clone());
                Some(Value::String(format!("{{{{secret:{}}}}}", name.value)))
            }
            Kind::File => {
                let path = paths::absolute(notes.folder(name.span.file), &name.value);
                if !paths::is_below(notes.source.folder, &path) {
                    self.files.insert(path);
                }
                file(name, notes).map(Value::String)
            }
        }
    }

    /// The param of a name.
    fn param(&mut self, scope: usize, name: &At<String>, notes: &mut Notes<'_>) -> Option<&Param> {
        let params = self.params.get_mut(scope)?;
        if !params.all.contains_key(&name.value) {
            if notes.enough(codes::UNKNOWN_PARAM) {
                return None;
            }
            let message = format!("there is no param `{}`", name.value);
            let help = did_you_mean(&name.value, params.all.keys().map(String::as_str));
            let fault = Fault::new(codes::UNKNOWN_PARAM, message);
            notes.fault(fault.label(name.span, "unknown param").maybe_help(help));
            return None;
        }
        params.used.insert(name.value.clone());
        params.all.get(&name.value)
    }

    /// Where the user of a module gives a value that the module refers to.
    pub(crate) fn given(&self, scope: usize, node: &Node) -> Option<Span> {
        let (Kind::Param, name) = reference(node)? else { return None };
        self.params.get(scope)?.all.get(&name.value)?.given
    }

    /// What a relative path in a value is against: the folder of its file; if it is a param, what that
    /// one's is against.
    pub(crate) fn base(&self, scope: usize, node: &Node, notes: &Notes<'_>) -> String {
        let of_param = || match reference(node)? {
            (Kind::Param, name) => Some(self.params.get(scope)?.all.get(&name.value)?.base.clone()),
            _ => None,
        };
        of_param().unwrap_or_else(|| notes.folder(node.span.file).to_owned())
    }

    fn env(&mut self, name: &At<String>, notes: &mut Notes<'_>) -> Option<String> {
        if let Some(value) = self.test_env.get(&name.value) {
            self.env.insert(name.value.clone(), value.clone());
            return Some(value.clone());
        }
        if let Mode::Test(_) = notes.source.mode {
            let message = format!("the test does not say what `{}` is", name.value);
            let fault = Fault::new(codes::NO_ENV, message).label(name.span, "read here");
            let help = format!("add env = {{ {} = \"…\" }} to the test", name.value);
            notes.missing(fault.help(help));
            return None;
        }
        match notes.facts.env.get(&name.value) {
            None => notes.need(Need::Env(name.value.clone())),
            Some(Some(value)) => {
                self.env.insert(name.value.clone(), value.clone());
                return Some(value.clone());
            }
            Some(None) => {
                let message = format!("the environment variable `{}` is not set", name.value);
                let fault = Fault::new(codes::NO_ENV, message).label(name.span, "read here");
                let help = format!("set it for the run: {}=… theater-flow run …", name.value);
                notes.missing(fault.help(help));
            }
        }
        None
    }

    /// A file root: its text as it was written, and the absolute path.
    pub(crate) fn root(
        &mut self,
        scope: usize,
        node: &Node,
        notes: &mut Notes<'_>,
    ) -> Option<(String, String)> {
        let folder = notes.folder(node.span.file).to_owned();
        let (name, base) = match (&node.tree, reference(node)) {
            (Tree::String(text), _) => (text.clone(), folder),
            (_, Some((Kind::Param, name))) => {
                let param = self.param(scope, &name, notes)?;
                match (&param.value, &param.base) {
                    (None, _) => return None,
                    (Some(Value::String(text)), base) => (text.clone(), base.clone()),
                    _ => return bad_root(node, "this param is not a string", notes),
                }
            }
            _ => return bad_root(node, "not a root", notes),
        };
        if let Some(problem) = no_path(&name) {
            return bad_root(node, problem, notes);
        }
        let path = paths::absolute(&base, &name);
        Some((name, path))
    }
}

/// Why a text is not taken for a path.
fn no_path(text: &str) -> Option<&'static str> {
    let variable =
        |(_, after): (&str, &str)| after.starts_with(|c: char| c == '{' || c.is_alphabetic());
    if text.is_empty() {
        return Some("not a path");
    }
    if text.contains(char::is_control) {
        return Some("it holds a control character: in double quotes `\\` begins an escape");
    }
    if text == "~" || text.starts_with("~/") {
        return Some("`~` is no folder: write its path");
    }
    if text.split_once('$').is_some_and(variable) {
        return Some("nothing is put in the place of a variable");
    }
    text.contains('*').then_some("a root is one file or folder, not a pattern")
}

fn bad_root<T>(node: &Node, label: &str, notes: &mut Notes<'_>) -> Option<T> {
    let fault = Fault::new(codes::BAD_ROOT, "a file root is a path or a param that holds one");
    let help = "write \"data\", or { param = \"input\" } for one that --set can give";
    notes.fault(fault.label(node.span, label).help(help));
    None
}

/// A table of exactly one key that is `param`, `env`, `secret` or `file`.
fn reference(node: &Node) -> Option<(Kind, At<String>)> {
    let [entry] = node.entries()? else {
        return None;
    };
    let kind = match entry.key.value.as_str() {
        "param" => Kind::Param,
        "env" => Kind::Env,
        "secret" => Kind::Secret,
        "file" => Kind::File,
        _ => return None,
    };
    match &entry.value.tree {
        Tree::String(name) => Some((kind, At::new(name.clone(), entry.value.span))),
        _ => None,
    }
}

/// Whether a value stands for another one.
pub(crate) fn is_reference(node: &Node) -> bool {
    reference(node).is_some()
}

/// The text of a file that a pipeline names.
pub(crate) fn file(name: &At<String>, notes: &mut Notes<'_>) -> Option<String> {
    let path = paths::absolute(notes.folder(name.span.file), &name.value);
    match notes.facts.files.get(&path) {
        None => notes.need(Need::File(path)),
        Some(Ok(text)) => return Some(text.clone()),
        Some(Err(reason)) => {
            let message = format!("`{}` cannot be read: {reason}", name.value);
            let fault = Fault::new(codes::NO_FILE, message).label(name.span, "read here");
            notes.fault(fault.help(format!("this is {path}")));
        }
    }
    None
}

/// A literal without references, as a param's default is.
pub(crate) fn literal(node: &Node, notes: &mut Notes<'_>) -> Option<Value> {
    if let Some((_, name)) = reference(node) {
        let fault = Fault::new(codes::MISPLACED, "a param's default is a plain value");
        let help = "put the reference where the param is used";
        notes.fault(fault.label(name.span, "a reference").help(help));
        return None;
    }
    match &node.tree {
        Tree::Table(entries) => {
            let mut object = serde_json::Map::new();
            for entry in entries {
                object.insert(entry.key.value.clone(), literal(&entry.value, notes)?);
            }
            Some(Value::Object(object))
        }
        Tree::Array(items) => {
            let values: Option<Vec<Value>> = items.iter().map(|n| literal(n, notes)).collect();
            values.map(Value::Array)
        }
        _ => scalar(node, notes),
    }
}

/// What is neither a table nor an array.
pub(crate) fn scalar(node: &Node, notes: &mut Notes<'_>) -> Option<Value> {
    let value = match &node.tree {
        Tree::Bool(value) => Some(Value::Bool(*value)),
        Tree::String(text) | Tree::Datetime(text) => Some(Value::String(text.clone())),
        Tree::Integer(number) => i64::try_from(*number)
            .map(Value::from)
            .or_else(|_| u64::try_from(*number).map(Value::from))
            .ok(),
        Tree::Float(number) => serde_json::Number::from_f64(*number).map(Value::Number),
        Tree::Array(_) | Tree::Table(_) => None,
    };
    if value.is_none() {
        let fault = Fault::new(codes::NO_JSON, "JSON has no such number");
        notes.fault(fault.label(node.span, "this value").help("write a finite number"));
    }
    value
}
