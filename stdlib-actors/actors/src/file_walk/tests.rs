use serde_json::{Value, json};
use theater_flow_sdk::{Event, FileErrorCode, Level, Next, Trial};

use super::{FileWalk, PATHS_PER_EVENT};

const TREE: [&str; 9] = [
    "src/.git/config",
    "src/.hidden",
    "src/a.rs",
    "src/a/deep/er/x.rs",
    "src/a/y.rs",
    "src/a/y.txt",
    "src/ab.rs",
    "src/target/out.rs",
    "src/z",
];

fn trial(config: &Value) -> Trial<FileWalk> {
    let mut trial = Trial::new(&config.to_string()).expect("a good config");
    for path in TREE {
        trial.outside().files.insert(path.into(), Vec::new());
    }
    trial.outside().others.insert("src/link".into());
    trial
}

fn path(emitted: &(String, String)) -> String {
    assert_eq!(emitted.0, "out");
    let body: Value = serde_json::from_str(&emitted.1).expect("JSON");
    body["path"].as_str().expect("a string").to_owned()
}

fn paths(config: &Value) -> Vec<String> {
    let emitted = trial(config).drain().expect("no fault");
    emitted.iter().map(path).collect()
}

#[test]
fn files_come_in_the_order_of_their_paths() {
    let all = paths(&json!({ "root": "src" }));
    assert_eq!(all, TREE[2..]);
    let mut hidden = paths(&json!({ "root": "src", "hidden": true }));
    assert_eq!(hidden, TREE);
    hidden.sort_unstable();
    assert_eq!(hidden, TREE, "bytewise by the whole path");
}

#[test]
fn globs_are_of_paths_below_the_root() {
    let cases = [
        (json!({ "glob": "*.rs" }), vec!["src/a.rs", "src/ab.rs"]),
        (
            json!({ "glob": "**/*.rs", "exclude": ["target"] }),
            vec!["src/a.rs", "src/a/deep/er/x.rs", "src/a/y.rs", "src/ab.rs"],
        ),
        (
            json!({ "glob": ["z", "a/*.txt"] }),
            vec!["src/a/y.txt", "src/z"],
        ),
        (
            json!({ "glob": "**/{x,y}.*", "exclude": "a/y.rs" }),
            vec!["src/a/deep/er/x.rs", "src/a/y.txt"],
        ),
        (
            json!({ "exclude": ["**/a", "*.rs", "target/**"] }),
            vec!["src/z"],
        ),
        (
            json!({ "max-depth": 1 }),
            vec!["src/a.rs", "src/ab.rs", "src/z"],
        ),
        (
            json!({ "max-depth": 2, "glob": "a/**" }),
            vec!["src/a/y.rs", "src/a/y.txt"],
        ),
        (json!({ "glob": "src/**" }), vec![]),
    ];
    for (mut config, found) in cases {
        config["root"] = json!("src");
        assert_eq!(paths(&config), found, "{config}");
    }
}

#[test]
fn excluded_folders_are_not_listed() {
    let mut trial = trial(&json!({ "root": "src", "exclude": "a" }));
    trial.handle(Event::Start);
    assert_eq!(
        trial.handle(Event::Pull).calls,
        ["list src", "list src/target"]
    );
}

#[test]
fn a_slash_at_the_end_of_the_root_changes_nothing() {
    assert_eq!(paths(&json!({ "root": "src/" })), TREE[2..]);
    let mut trial = trial(&json!({ "root": "src/", "glob": "a/*.rs" }));
    assert_eq!(trial.drain().map(|found| found.len()), Ok(1));
}

#[test]
fn a_folder_that_cannot_be_listed_is_passed_over_or_a_fault() {
    let mut lenient = trial(&json!({ "root": "src" }));
    lenient
        .outside()
        .failing
        .insert("src/a".into(), FileErrorCode::Denied);
    lenient.handle(Event::Start);
    let handled = lenient.handle(Event::Pull);
    assert_eq!(handled.emitted.len(), 4);
    let warning = "passed over the folder `src/a`: denied".to_owned();
    assert_eq!(handled.logged, [(Level::Warn, warning)]);

    let mut strict = trial(&json!({ "root": "src", "on-error": "fault" }));
    strict
        .outside()
        .failing
        .insert("src/a".into(), FileErrorCode::Denied);
    strict.handle(Event::Start);
    let handled = strict.handle(Event::Pull);
    assert_eq!(
        (handled.next, handled.emitted.len()),
        (Ok(Next::More), 1),
        "none is lost"
    );
    for _attempt in 0..2 {
        let fault = strict.handle(Event::Pull).next.expect_err("denied");
        assert_eq!(
            (&fault.code[..], &fault.message[..]),
            ("denied", "cannot list `src/a`: denied")
        );
    }
    strict.outside().failing.clear();
    assert_eq!(strict.handle(Event::Pull).emitted.len(), 6);
}

#[test]
fn a_root_that_cannot_be_listed_is_a_fault() {
    for (root, code) in [("nowhere", "not-found"), ("src/z", "not-a-file")] {
        let mut trial = trial(&json!({ "root": root }));
        trial.handle(Event::Start);
        let fault = trial.handle(Event::Pull).next.expect_err(root);
        assert_eq!(fault.code, code);
    }
}

#[test]
fn a_restored_instance_walks_the_same_way_whatever_became_of_the_folders() {
    let files = |trial: &mut Trial<FileWalk>| {
        for nth in 0..5_000 {
            let path = format!("src/{}/{}/{nth}", nth % 7, nth % 61);
            trial.outside().files.insert(path, Vec::new());
        }
    };
    let config = json!({ "root": "src" });
    let (mut whole, mut restored) = (trial(&config), trial(&config));
    files(&mut whole);
    files(&mut restored);
    let (mut event, mut all) = (Event::Start, Vec::new());
    loop {
        let handled = whole.handle(event.clone());
        assert!(handled.emitted.len() <= PATHS_PER_EVENT);
        assert_eq!(restored.handle(event), handled);
        assert_eq!(restored.snapshot(), whole.snapshot());
        restored.restore().expect("no fault");
        all.extend(handled.emitted.iter().map(path));
        match handled.next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => break,
        }
    }
    assert_eq!(all.len(), 5_007);
    assert!(all.is_sorted(), "the order is that of the paths");
    assert_eq!(whole.state().waiting, 0);
}

#[test]
fn a_path_that_is_too_long_is_passed_over_with_a_warning() {
    let mut trial = trial(&json!({ "root": "src" }));
    let long = format!("src/{}", "b".repeat(4_100));
    trial.outside().files.insert(long, Vec::new());
    trial.handle(Event::Start);
    let handled = trial.handle(Event::Pull);
    assert_eq!((handled.emitted.len(), handled.logged.len()), (7, 1));
}

#[test]
fn bad_configs_are_refused_with_their_places() {
    let cases = [
        (json!({}), vec![""]),
        (json!({ "root": "" }), vec!["/root"]),
        (json!({ "root": "a", "glob": [] }), vec!["/glob"]),
        (json!({ "root": "a", "glob": 7 }), vec!["/glob"]),
        (json!({ "root": "a", "glob": ["a", 7] }), vec!["/glob/1"]),
        (
            json!({ "root": "", "glob": "[", "exclude": ["ok", "{", "/abs"], "max-depth": 0 }),
            vec!["/root", "/glob", "/exclude/1", "/exclude/2", "/max-depth"],
        ),
        (
            json!({ "root": "a", "on-error": "skip" }),
            vec!["/on-error"],
        ),
        (
            json!({ "root": "a", "gitignore": true }),
            vec!["/gitignore"],
        ),
    ];
    for (config, pointers) in cases {
        let faults = Trial::<FileWalk>::new(&config.to_string())
            .err()
            .expect("a bad config");
        let found: Vec<&str> = faults.iter().map(|fault| &fault.pointer[..]).collect();
        assert_eq!(found, pointers, "{config}: {faults:?}");
    }
}
