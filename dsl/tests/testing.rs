//! What a test puts into its file, and what a run makes of it.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

mod world;

use std::fs;
use std::path::Path;

use serde_json::json;
use theater_flow_dsl::Direction;
use theater_flow_dsl::testing::{Ends, Reply};
use world::{Beside, settle};

fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    fs::read_to_string(path.join("pipeline.toml")).expect("a case has a pipeline")
}

fn beside(test: Option<usize>) -> Beside {
    Beside { test, ..Beside::default() }
}

#[test]
fn params_of_a_test_are_in_its_plan_alone() {
    let file = case("good-tests");
    for (test, input) in [(None, "in.txt"), (Some(0), "a.txt"), (Some(1), "in.txt")] {
        let compiled = settle(&file, &beside(test));
        let plan = compiled.plan.expect("the case is good");
        assert_eq!(plan.agents[0].config, json!({ "path": input }).to_string(), "{test:?}");
        assert_eq!(compiled.test.is_some(), test.is_some());
        assert_eq!(compiled.tests.len(), 2);
    }
}

#[test]
fn a_test_is_as_the_file_says() {
    let file = case("good-tests");
    let compiled = settle(&file, &beside(Some(0)));
    let test = compiled.test.expect("there is a plan");
    assert_eq!(test.name.value, compiled.tests[0]);
    assert_eq!((test.seed, test.stop_ms), (7, Some(5_000)));
    let files = [("/project/flows/a.txt", "TODO"), ("/project/flows/b.md", "Be brief.\n")];
    assert_eq!(test.files, files.map(|(path, text)| (path.to_owned(), text.to_owned())));
    assert_eq!(test.expect.status.value, Ends::Completed);
    let messages = &test.expect.messages;
    assert!(messages[0].exact && messages[0].port.direction == Direction::Output);
    assert!(!messages[1].exact && messages[1].port.direction == Direction::Input);

    let test = settle(&file, &beside(Some(1))).test.expect("there is a plan");
    assert_eq!(test.given[0].values, [json!({ "path": "a", "line": 1, "text": "x" })]);
    let replies = &test.mocks[0].replies;
    assert!(matches!(&replies[..], [
        Reply::Fault(_),
        Reply::Crash(_),
        Reply::Emit(none),
        Reply::Emit(one),
    ] if none.is_empty() && one.len() == 1));
    assert_eq!(test.expect.status.value, Ends::Degraded);
}

#[test]
fn a_test_that_is_not_there_is_none() {
    let compiled = settle(&case("good-tests"), &beside(Some(2)));
    assert!(compiled.plan.is_some() && compiled.test.is_none());
}

#[test]
fn a_variable_is_the_tests_own() {
    let text = case("TF0506-no-env") + "\n[[tests]]\nname = \"x\"\n";
    let codes = |text: &str, test| -> Vec<&str> {
        settle(text, &beside(test)).faults.iter().map(|fault| fault.code).collect()
    };
    assert!(codes(&text, Some(0)).contains(&"TF0506"));
    let name = text.split("env = \"").nth(1).and_then(|rest| rest.split('"').next());
    let name = name.expect("the case names a variable");
    let set = format!("{text}env = {{ {name} = \"value\" }}\n");
    assert!(!codes(&set, Some(0)).contains(&"TF0506"), "{set}");
    assert!(codes(&set, None).contains(&"TF0506"));
}
