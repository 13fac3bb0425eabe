//! The JSON Schema of a config, as constant data: its text is made when it is asked for.

use crate::ConfigFault;

/// A JSON Schema (draft-07).
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// Its text.
    Text(&'static str),
    /// Its members; of two with one key the later counts.
    Members(&'static [Member]),
}

/// A part of a schema.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// All members of another schema.
    Like(&'static Schema),
    /// A key and its value as JSON.
    Json(&'static str, &'static str),
    /// A key and a schema.
    Schema(&'static str, &'static Schema),
    /// `anyOf`.
    AnyOf(&'static [Schema]),
    /// `properties` and `required`.
    Properties(&'static [Property]),
    /// `default`, if there is a JSON text for it.
    Default(fn() -> Option<String>),
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub schema: Schema,
    /// It must be there.
    pub required: bool,
}

/// What bounds can be about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Nothing.
    None,
    /// A number itself.
    Value,
    /// The characters of a string.
    Characters,
    /// The items of a list.
    Items,
    /// The entries of a map.
    Properties,
}

/// Bounds of a value, or of how long it is.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    least: f64,
    most: f64,
    /// For people: `1 to 9 items`.
    range: &'static str,
}

/// Where in a config something stands, and what was found wrong so far.
#[derive(Default, Debug)]
pub struct Place {
    steps: Vec<String>,
    faults: Vec<ConfigFault>,
}

/// What is known of a config beyond how serde reads it: its JSON Schema, and its bounds.
/// `#[derive(Config)]` next to `Deserialize`, whose attributes it heeds:
///
/// ```
/// use serde::Deserialize;
/// use theater_flow_sdk::{Config, ConfigSchema};
///
/// #[derive(Deserialize, Config)]
/// #[serde(deny_unknown_fields, rename_all = "kebab-case")]
/// struct Config {
///     /// The file.
///     #[config(min_length = 1)]
///     path: String,
///     /// Bytes of a line that are kept.
///     #[serde(default = "max_line")]
///     #[config(minimum = 1, maximum = 4096)]
///     max_line: u32,
/// }
///
/// fn max_line() -> u32 { 1024 }
///
/// assert_eq!(
///     Config::SCHEMA.text(),
///     r#"{"$schema":"http://json-schema.org/draft-07/schema#","#.to_owned()
///         + r#""type":"object","additionalProperties":false,"properties":{"#
///         + r#""path":{"type":"string","description":"The file.","minLength":1},"#
///         + r#""max-line":{"type":"integer","minimum":1,"maximum":4096,"#
///         + r#""description":"Bytes of a line that are kept.","default":1024}},"#
///         + r#""required":["path"]}"#
/// );
/// ```
///
/// - Doc comments of fields, types and variants are descriptions.
/// - What serde may do without is not required: `Option`, and what has a `default`, which is shown.
/// - Enums without fields are a choice of names; others, tagged within or not at all, are `anyOf`.
/// - `#[config(…)]` at a field: `minimum`, `maximum` of a number; `min_length`, `max_length` of a
///   string, in characters; `min_items`, `max_items` of a list; `min_properties`, `max_properties`
///   of a map. The SDK checks them before [`Actor::ports`](crate::Actor::ports) is called, all at
///   once, each with its place.
/// - `format = "regex"` tells editors and people; check it in `ports`. `default = …` tells what
///   `None` stands for. `like = Type` gives a field that is read `with` a function the schema of
///   another type.
///
/// A bound that cannot be checked does not compile:
///
/// ```compile_fail
/// #[derive(serde::Deserialize, theater_flow_sdk::Config)]
/// struct Config {
///     #[config(min_length = 1)]
///     count: u32,
/// }
/// ```
///
/// A schema can be written by hand too: `const SCHEMA: Schema = Schema::Text("…")`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    note = "derive it with `#[derive(theater_flow_sdk::Config)]`, or implement `ConfigSchema` by hand"
)]
pub trait ConfigSchema {
    /// The schema.
    const SCHEMA: Schema;
    /// serde can do without it.
    const OPTIONAL: bool = false;
    /// What its bounds are about.
    const MEASURE: Measure = Measure::None;

    /// Reports where the value is out of bounds, its parts too.
    fn check(&self, bounds: &Bounds, at: &mut Place) {
        let _ = (bounds, at);
    }

    /// The value as JSON, if it is simple enough to be shown as a default.
    fn json(&self) -> Option<String> {
        None
    }
}

const DIALECT: &[Member] = &[Member::Json(
    "$schema",
    "\"http://json-schema.org/draft-07/schema#\"",
)];

/// All places where a config is out of its bounds.
pub(crate) fn check<C: ConfigSchema>(config: &C) -> Vec<ConfigFault> {
    let mut place = Place::default();
    config.check(&Bounds::NONE, &mut place);
    place.faults
}

impl Place {
    /// What happens within is a step deeper.
    pub fn inside<T>(&mut self, step: &str, within: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step.into());
        let found = within(self);
        self.steps.pop();
        found
    }

    /// What was found wrong so far, in the order in which it was found.
    #[must_use]
    pub fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }

    /// Something is wrong here.
    pub fn fault(&mut self, message: impl Into<String>) {
        let steps: Vec<&str> = self.steps.iter().map(String::as_str).collect();
        self.faults.push(ConfigFault::at(&steps, message));
    }
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self {
        least: f64::NEG_INFINITY,
        most: f64::INFINITY,
        range: "",
    };

    /// For `#[derive(Config)]`: bounds of one measure for a type that has another do not compile.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        (has, wants): (Measure, Measure),
        (least, most): (f64, f64),
        range: &'static str,
    ) -> Self {
        assert!(
            has as u8 == wants as u8,
            "bounds that do not fit the type: `minimum` is for numbers, `min_length` for strings, \
             `min_items` for lists, `min_properties` for maps"
        );
        assert!(least <= most, "nothing lies within these bounds");
        Self { least, most, range }
    }

    /// Reports a value that is out of bounds; `found` says it for people.
    pub(crate) fn check(&self, value: f64, found: impl FnOnce() -> String, at: &mut Place) {
        if !(self.least..=self.most).contains(&value) {
            at.fault(format!("expected {}, found {}", self.range, found()));
        }
    }

    /// Reports something that is too long or too short: so a type with a schema written by hand keeps
    /// the bounds of its [`ConfigSchema::MEASURE`].
    pub fn check_len(&self, len: usize, at: &mut Place) {
        #[expect(clippy::cast_precision_loss, reason = "nothing has 2^53 items")]
        self.check(len as f64, || len.to_string(), at);
    }
}

impl Schema {
    /// The schema as JSON text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Text(text) => return (*text).into(),
            Self::Members(members) => object(&mut text, &[DIALECT, members]),
        }
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Members(members) => object(out, &[*members]),
        }
    }
}

fn object(out: &mut String, parts: &[&'static [Member]]) {
    let mut found: Vec<(&str, &'static Member)> = Vec::new();
    for members in parts {
        collect(members, &mut found);
    }
    out.push('{');
    let mut separator = "";
    for (key, member) in found {
        separator = write_member(out, separator, key, member);
    }
    out.push('}');
}

/// The members by key; a later one takes the place of an earlier one.
fn collect(members: &'static [Member], found: &mut Vec<(&'static str, &'static Member)>) {
    for member in members {
        let key = match member {
            Member::Like(Schema::Members(members)) => {
                collect(members, found);
                continue;
            }
            // Text cannot be taken apart.
            Member::Like(Schema::Text(_)) => "allOf",
            Member::Json(key, _) | Member::Schema(key, _) => key,
            Member::AnyOf(_) => "anyOf",
            Member::Properties(_) => "properties",
            Member::Default(_) => "default",
        };
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some(place) => place.1 = member,
            None => found.push((key, member)),
        }
    }
}

/// Answers what stands before the next member.
fn write_member(
    out: &mut String,
    separator: &'static str,
    key: &str,
    member: &Member,
) -> &'static str {
    let default = match member {
        Member::Default(value) => match value() {
            Some(json) => json,
            None => return separator,
        },
        _ => String::new(),
    };
    out.push_str(separator);
    key_of(out, key);
    match member {
        Member::Json(_, json) => out.push_str(json),
        Member::Schema(_, schema) => schema.write(out),
        Member::Like(schema) => list(out, std::slice::from_ref(*schema)),
        Member::AnyOf(schemas) => list(out, schemas),
        Member::Properties(fields) => properties(out, fields),
        Member::Default(_) => out.push_str(&default),
    }
    ","
}

/// Names are those of fields, variants and keywords: nothing in them needs an escape but what the
/// quoting of a string literal keeps.
fn key_of(out: &mut String, key: &str) {
    out.push('"');
    for c in key.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push_str("\":");
}

fn list(out: &mut String, schemas: &[Schema]) {
    let mut separator = "[";
    for schema in schemas {
        out.push_str(separator);
        schema.write(out);
        separator = ",";
    }
    out.push(']');
}

fn properties(out: &mut String, fields: &[Property]) {
    let mut separator = "";
    out.push('{');
    for field in fields {
        out.push_str(separator);
        key_of(out, field.name);
        field.schema.write(out);
        separator = ",";
    }
    out.push('}');
    let mut separator = ",\"required\":[";
    for field in fields.iter().filter(|field| field.required) {
        out.push_str(separator);
        key_of(out, field.name);
        // The colon of a key.
        out.pop();
        separator = ",";
    }
    if separator == "," {
        out.push(']');
    }
}
