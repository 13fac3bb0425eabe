//! Texts that look as if something should be put into them, as `${OUT}/report` in other tools. Nothing ever is:
//! a value is a literal or a reference, whole.

use std::collections::BTreeMap;

use crate::values::Param;

/// The first such place of a text, with the reference that was probably meant. Texts of several lines are
/// programs and templates, in which such signs are the actor's.
pub(crate) fn find<'t>(
    text: &'t str,
    params: &BTreeMap<String, Param>,
) -> Option<(&'t str, String)> {
    if text.contains('\n') {
        return None;
    }
    let marks = [("${{", "}}"), ("${", "}"), ("{{", "}}")];
    marks.iter().find_map(|(open, close)| {
        let start = text.find(open)?;
        let inner = &text[start + open.len()..];
        let inner = &inner[..inner.find(close)?];
        let reference = reference(inner.trim(), open.starts_with('$'), params)?;
        let shown = &text[start..start + open.len() + inner.len() + close.len()];
        Some((shown, reference))
    })
}

fn reference(inner: &str, dollar: bool, params: &BTreeMap<String, Param>) -> Option<String> {
    // Some tools write a default behind the name.
    let name = inner.split([':', '|', ' ']).next().unwrap_or_default();
    let (kind, name) = name.split_once('.').unwrap_or(("", name));
    let is_variable = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let is_param = params.contains_key(name);
    let known = match kind {
        "secret" | "secrets" if is_variable => "secret",
        "env" | "environment" if is_variable => "env",
        "param" | "params" | "var" | "vars" | "inputs" if is_param => "param",
        "" if dollar && is_param => "param",
        "" if dollar && is_variable => "env",
        _ => return None,
    };
    Some(format!("{{ {known} = \"{name}\" }}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let param = Param { value: None, base: String::new(), given: None };
        let params = BTreeMap::from([("root".to_owned(), param)]);
        let cases = [
            ("${OUT}/x", Some(("${OUT}", "{ env = \"OUT\" }"))),
            ("${OUT:-here}/x", Some(("${OUT:-here}", "{ env = \"OUT\" }"))),
            ("a ${root}", Some(("${root}", "{ param = \"root\" }"))),
            ("{{ params.root }}", Some(("{{ params.root }}", "{ param = \"root\" }"))),
            ("${{ secrets.KEY }}", Some(("${{ secrets.KEY }}", "{ secret = \"KEY\" }"))),
            ("{{ env.HOME }}", Some(("{{ env.HOME }}", "{ env = \"HOME\" }"))),
            ("{{ root }}", None),
            ("{{ params.other }}", None),
            ("{{ item.name }}", None),
            ("${other}", None),
            ("^a{2}$", None),
            ("${", None),
            ("{{ a\n}} ${OUT}", None),
        ];
        for (text, want) in cases {
            let found = find(text, &params);
            let found = found.as_ref().map(|(shown, right)| (*shown, right.as_str()));
            assert_eq!(found, want, "{text}");
        }
    }
}
