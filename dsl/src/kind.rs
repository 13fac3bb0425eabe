//! What a file is, before anybody looks at what is wrong with it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a file is by the keys that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A pipeline: it has `format`, `name` and `[supervisors.root]`.
    Pipeline,
    /// A module: it has `[module]`.
    Module,
    /// TOML of another kind.
    Other,
    /// Not TOML, nor enough of a pipeline to be one with a slip.
    Broken,
}

/// What a file is, whatever faults it has.
#[must_use]
pub fn kind(text: &str) -> Kind {
    let (table, errors) = DeTable::parse_recoverable(text);
    let table = table.get_ref();
    let root = match table.get("supervisors").map(Spanned::get_ref) {
        Some(DeValue::Table(supervisors)) => supervisors.contains_key("root"),
        _ => false,
    };
    match table {
        _ if table.contains_key("module") => Kind::Module,
        _ if table.contains_key("format") && table.contains_key("name") && root => Kind::Pipeline,
        _ if errors.is_empty() => Kind::Other,
        _ => Kind::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_keys() {
        let root = "[supervisors.root]\nchildren = []\n";
        let cases = [
            (format!("format = 1\nname = \"x\"\n{root}"), Kind::Pipeline),
            (format!("format = 1\nname = \"x\"\n{root}[agents.a]\nactor = \"b"), Kind::Pipeline),
            (format!("format = 1\nname = \"x\"\n[module]\n{root}"), Kind::Module),
            (format!("format = 1\n{root}"), Kind::Other),
            (String::from("format = 1\nname = \"x\"\n[supervisors]\n"), Kind::Other),
            (String::from("format = 1\nname = \"x\"\nsupervisors = 1\n"), Kind::Other),
            (String::from("[package]\nname = \"x\"\n"), Kind::Other),
            (String::new(), Kind::Other),
            (String::from("what is this"), Kind::Broken),
        ];
        for (text, expected) in cases {
            assert_eq!(kind(&text), expected, "{text}");
        }
    }
}
