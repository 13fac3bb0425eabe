//! The JSON Schema of pipeline files. A test holds it against the keys that the compiler reads.

/// Draft-07, for editors and other tools. It tells structure: names, types and wiring are the compiler's.
pub const SCHEMA: &str = include_str!("../pipeline.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::SCHEMA;
    use crate::table::seen;
    use crate::{Facts, Mode, Source, compile};

    /// Every table of the language once.
    const ALL: &str = r#"
        format = 1
        name = "all"
        [supervisors.root]
        children = ["a"]
        [params]
        p = { type = "string" }
        [defaults.channel]
        [defaults.agent]
        [defaults.supervisor]
        [agents.a]
        actor = "std/a"
        inputs = [{ from = "a.out" }]
        grants = { files = {}, http = [{ host = "a.test" }] }
        retry = {}
        limits = {}
        [channels."a.out"]
        [use.u]
        from = "u.toml"
        [[tests]]
        files = { "in.txt" = { file = "in.txt" } }
        mocks = { a = { replies = [{ fault = "x" }, { crash = "trap" }] } }
        [tests.expect]
        messages = { "a.out" = {} }
        records = [{}]
        dead_letters = [{}]
    "#;

    /// What only a pipeline has, and what only a module has.
    const EITHER: [&str; 2] =
        ["[errors]\n[reload]", "[module.outputs]\no = { type = \"string\", from = \"a\" }"];

    /// Where the schema has each of them.
    const PLACES: &[(&str, &str)] = &[
        ("the pipeline", ""),
        ("the module", ""),
        ("`[module]`", "/definitions/module"),
        ("output `o`", "/definitions/module-output"),
        ("module `u`", "/definitions/use"),
        ("supervisor `root`", "/definitions/supervisor"),
        ("param `p`", "/definitions/param"),
        ("`[errors]`", "/properties/errors"),
        ("`[reload]`", "/properties/reload"),
        ("`[defaults]`", "/properties/defaults"),
        ("`[defaults.channel]`", "/definitions/channel"),
        ("`[defaults.agent]`", "/properties/defaults/properties/agent"),
        ("`[defaults.supervisor]`", "/properties/defaults/properties/supervisor"),
        ("agent `a`", "/definitions/agent"),
        ("an edge", "/definitions/edge"),
        ("`grants`", "/definitions/grants"),
        ("`files`", "/definitions/files"),
        ("an entry of `http`", "/definitions/host"),
        ("`retry`", "/definitions/retry"),
        ("`limits`", "/definitions/limits"),
        ("channel `a.out`", "/definitions/channel"),
        ("a test", "/definitions/test"),
        ("a text", "/definitions/text-file"),
        ("the mock of `a`", "/definitions/mock"),
        ("a reply that fails", "/definitions/failure"),
        ("`expect`", "/definitions/expect"),
        ("what is expected on `a.out`", "/definitions/among"),
        ("a record", "/definitions/record"),
        ("a dead letter", "/definitions/dead-letter"),
    ];

    #[test]
    fn the_schema_has_the_keys_that_the_compiler_reads() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        seen::take();
        for end in EITHER {
            let text = format!("{ALL}{end}\n");
            let (folder, mode) = ("/", Mode::Check);
            let source = Source { name: "", text: &text, folder, cwd: "/", set: &[], mode };
            let _ = compile(&source, &Facts::default());
        }
        let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (what, place) in PLACES {
            let keys = schema.pointer(place).and_then(|table| table.get("properties"));
            let keys = keys.and_then(Value::as_object).expect("the place is in the schema");
            wanted.insert(what, keys.keys().cloned().collect());
        }
        let read = seen::take();
        let read: BTreeMap<&str, BTreeSet<String>> = read
            .iter()
            .map(|(what, keys)| (what.as_str(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect();
        assert_eq!(read, wanted, "a table is read otherwise than `pipeline.schema.json` says");
    }

    #[test]
    fn every_key_is_described() {
        fn walk(schema: &Value, path: &str) {
            for (key, of_key) in
                schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                let reference = of_key.get("$ref").is_some();
                let described = of_key.get("description").is_some();
                assert!(reference || described, "{path}/{key} says nothing");
                walk(of_key, &format!("{path}/{key}"));
            }
        }
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        walk(&schema, "");
        for (name, of_name) in schema["definitions"].as_object().into_iter().flatten() {
            if name != "root" {
                walk(of_name, name);
            }
        }
    }
}
