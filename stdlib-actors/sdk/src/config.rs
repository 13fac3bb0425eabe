//! Reads a config, and says where it is wrong.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::ConfigFault;

/// Reads JSON text as a config.
///
/// # Errors
/// The first fault, with a JSON pointer to the value that it is about.
pub fn parse_config<C: DeserializeOwned>(text: &str) -> Result<C, ConfigFault> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let config = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let steps = steps(error.path());
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        ConfigFault::at(&steps, without_place(&error.inner().to_string()))
    })?;
    reader
        .end()
        .map_err(|error| ConfigFault::at(&[], without_place(&error.to_string())))?;
    Ok(config)
}

fn steps(path: &Path) -> Vec<String> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        // A variant's name is no step of the document, and what is unknown has no place.
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

/// The line and column are those of text that the engine wrote; nobody has seen it.
fn without_place(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[expect(dead_code, reason = "only its type matters")]
        path: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its type matters")]
        rules: BTreeMap<String, Vec<u8>>,
    }

    #[test]
    fn a_fault_points_at_its_value() {
        let cases = [
            (
                r#"{"path":1}"#,
                "/path",
                "invalid type: integer `1`, expected a string",
            ),
            (r"{}", "", "missing field `path`"),
            (
                r#"{"path":"x","more":1}"#,
                "/more",
                "unknown field `more`, expected `path` or `rules`",
            ),
            (
                r#"{"path":"x","rules":{"a/b~c":[1,true]}}"#,
                "/rules/a~1b~0c/1",
                "invalid type: boolean `true`, expected u8",
            ),
            (r#"{"path":"x"} 1"#, "", "trailing characters"),
            ("", "", "EOF while parsing a value"),
        ];
        for (text, pointer, message) in cases {
            let fault = parse_config::<Config>(text).expect_err(text);
            assert_eq!(
                (fault.pointer.as_str(), fault.message.as_str()),
                (pointer, message)
            );
        }
    }
}
