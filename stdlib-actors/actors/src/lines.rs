//! The form in which sinks write messages: one line each.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use theater_flow_sdk::{Config, ConfigFault, Fault, Message};

/// What a line holds: the message as JSON, or text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// The message as it is.
    #[default]
    JsonLines,
    /// A string without its quotes, any other value as JSON.
    Text,
}

/// Checks that `field` stands only where it means something.
pub(crate) fn check(format: Format, field: Option<&str>, faults: &mut Vec<ConfigFault>) {
    if format == Format::JsonLines && field.is_some() {
        let message = "`field` goes with `format = \"text\"`; JSON lines hold whole messages";
        faults.push(ConfigFault::at(&["field"], message));
    }
}

/// The line of a message, its end included.
///
/// # Errors
/// `no-field` if the message has no such field, `bad-message` if it is not JSON.
pub(crate) fn line(
    format: Format,
    field: Option<&str>,
    message: &Message,
) -> Result<Vec<u8>, Fault> {
    Ok(match written(format, field, message)? {
        Written::Json(value) => json_line(value),
        Written::Text(text) => {
            let mut line = text.into_owned().into_bytes();
            line.push(b'\n');
            line
        }
    })
}

/// All of a file that holds one message: text is written as it is, JSON as a line.
///
/// # Errors
/// As [`line`].
pub(crate) fn content(
    format: Format,
    field: Option<&str>,
    message: &Message,
) -> Result<Vec<u8>, Fault> {
    Ok(match written(format, field, message)? {
        Written::Json(value) => json_line(value),
        Written::Text(text) => text.into_owned().into_bytes(),
    })
}

/// A field that is text, such as a path.
///
/// # Errors
/// `no-field` if the message has no such field, `bad-message` if it is no string.
pub(crate) fn text<'a>(field: &str, message: &'a Message) -> Result<Cow<'a, str>, Fault> {
    let value = pick(field, message)?;
    serde_json::from_str(value.get()).map_err(|_| {
        let port = &message.port;
        let message = format!("a message on `{port}`: its field `{field}` is no string");
        Fault::new("bad-message", message)
    })
}

/// What of a message is written.
enum Written<'a> {
    Json(&'a str),
    Text(Cow<'a, str>),
}

fn written<'a>(
    format: Format,
    field: Option<&str>,
    message: &'a Message,
) -> Result<Written<'a>, Fault> {
    let value: &RawValue = match field {
        None if format == Format::JsonLines => return Ok(Written::Json(&message.body)),
        None => message.read()?,
        Some(field) => pick(field, message)?,
    };
    // A value that is no string fails at its first byte and is written as it stands.
    let text = serde_json::from_str::<Cow<'_, str>>(value.get());
    Ok(text.map_or(Written::Json(value.get()), Written::Text))
}

/// Line ends in JSON text stand only between its tokens, where they mean nothing.
fn json_line(text: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(text.len() + 1);
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        line.extend_from_slice(text.as_bytes());
    } else {
        line.extend(text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    }
    line.push(b'\n');
    line
}

fn pick<'a>(field: &str, message: &'a Message) -> Result<&'a RawValue, Fault> {
    let mut reader = serde_json::Deserializer::from_str(&message.body);
    let found = Pick(field).deserialize(&mut reader).map_err(|error| {
        Fault::new(
            "bad-message",
            format!("a message on `{}`: {error}", message.port),
        )
    })?;
    found.ok_or_else(|| {
        Fault::new(
            "no-field",
            format!("a message on `{}` has no field `{field}`", message.port),
        )
    })
}

/// Reads one field of an object, and nothing of another value.
struct Pick<'f>(&'f str);

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the field `{}`", self.0)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, field: Option<&str>, body: &str) -> Result<String, String> {
        let message = Message {
            port: "in".into(),
            body: body.into(),
        };
        line(format, field, &message)
            .map(|line| String::from_utf8(line).expect("UTF-8"))
            .map_err(|fault| format!("{}: {}", fault.code, fault.message))
    }

    #[test]
    fn json_lines_hold_the_message_on_one_line() {
        let cases = [
            (r#"{"a":1}"#, "{\"a\":1}\n"),
            ("[1,\r\n 2\n]\n", "[1, 2]\n"),
            (r#""a\nb""#, "\"a\\nb\"\n"),
            ("null", "null\n"),
        ];
        for (body, line) in cases {
            assert_eq!(written(Format::JsonLines, None, body).as_deref(), Ok(line));
        }
    }

    #[test]
    fn text_holds_a_string_or_json() {
        let cases = [
            (None, r#""plain""#, "plain\n"),
            (
                None,
                r#""tab\t \u00e9 \ud83d\ude00""#,
                "tab\t é \u{1F600}\n",
            ),
            (None, r#"{"a": 1}"#, "{\"a\": 1}\n"),
            (Some("a"), r#"{"b":"no","a":"yes"}"#, "yes\n"),
            (Some("a"), r#"{"a":[1,{"x":null}]}"#, "[1,{\"x\":null}]\n"),
            (Some("ä"), r#"{"\u00e4":7}"#, "7\n"),
            (Some("a"), r#"{"a":null}"#, "null\n"),
        ];
        for (field, body, line) in cases {
            assert_eq!(written(Format::Text, field, body).as_deref(), Ok(line));
        }
    }

    #[test]
    fn a_message_without_the_field_is_a_fault() {
        let fault = written(Format::Text, Some("a"), r#"{"b":1}"#);
        assert_eq!(
            fault,
            Err("no-field: a message on `in` has no field `a`".into())
        );
        for body in ["[1]", "\"a\"", "null", "7", "{"] {
            let fault = written(Format::Text, Some("a"), body).expect_err(body);
            assert!(
                fault.starts_with("bad-message: a message on `in`: "),
                "{fault}"
            );
        }
    }
}
