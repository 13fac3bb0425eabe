//! `docs/language.md` is whole and true: it says every key and word of the schema, and its examples have
//! no fault.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use theater_flow_tests::{LIMIT, Scene, finish, root};

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("it is there")
}

/// The pages of the language: what one leaves to another is said there.
fn pages() -> String {
    let folder = fs::read_dir(root().join("docs")).expect("a folder").flatten();
    let mut names: Vec<_> = folder.map(|entry| entry.file_name()).collect();
    names.sort();
    names.iter().map(|name| page(&name.to_string_lossy())).collect()
}

#[test]
fn every_key_and_word_is_explained() {
    let text = fs::read_to_string(root().join("dsl/pipeline.schema.json")).expect("it is there");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let mut words = BTreeSet::new();
    gather(&schema, &mut words);
    assert!(words.len() > 60, "{words:?}");
    let pages = pages();
    let said: BTreeSet<&str> =
        pages.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).collect();
    let unsaid: Vec<&String> = words.iter().filter(|word| !said.contains(word.as_str())).collect();
    assert!(unsaid.is_empty(), "docs say nothing of {unsaid:?}");
}

/// Keys of `properties`, and the words of each `enum`.
fn gather(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        words.extend(properties.keys().cloned());
                    }
                    ("enum", Value::Array(allowed)) => {
                        words.extend(allowed.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                gather(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        _ => {}
    }
}

#[test]
fn the_whole_example_runs() {
    let page = page("language.md");
    let block = page.split_once("```toml orders.toml\n").expect("the example").1;
    let text = block.split_once("\n```").expect("its end").0;
    let scene = Scene::new();
    scene.file("orders.toml", text);
    scene.file(
        "orders.jsonl",
        r#"{"id":1,"items":[{"name":"tea","count":2,"cents":300}]}
{"id":2,"items":[{"name":"pot","count":2,"cents":5000},{"name":"cup","count":1,"cents":1}],"note":"soon"}
{"id":"3"}
"#,
    );
    let checked = finish(&mut scene.command(["check", "orders.toml", "--deny-warnings"]), LIMIT);
    checked.ends(0);
    let ran = finish(&mut scene.command(["run", "orders.toml"]), LIMIT).ends(0);
    assert_eq!(ran.text(), "{\"id\":2,\"total\":10001}\n");
    let letter: Value =
        serde_json::from_str(&scene.read("out/not-priced.jsonl")).expect("one letter");
    assert_eq!(letter["agent"], "orders");
    assert!(letter["body"]["text"].as_str().is_some_and(|text| text.contains("\"3\"")));
}
