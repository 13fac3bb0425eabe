use super::*;
use crate::compare::{Comparison, First};

/// What is said of two runs: the verdict, and whether they are the same.
fn said(found: &Comparison) -> (Vec<String>, String) {
    let plan = plan();
    let side = || Side { run: RunId([1; 16]), view: View::new(&plan), first: None };
    let lines = diff_lines(found, (&side(), &side()), Look::PLAIN);
    (lines, diff_json(found, (&side(), &side())).to_string())
}

fn comparison(go_on: (bool, bool)) -> Comparison {
    Comparison {
        plans: vec![],
        first: None,
        reordered: vec![],
        undecided: vec![],
        agents: vec![],
        outputs: vec![],
        erased: 0,
        go_on,
    }
}

#[test]
fn of_runs_that_go_on_no_more_is_said_than_is_known() {
    let undecided = vec![String::from("merge")];
    let reordered = vec![String::from("other")];
    let cases = [
        (comparison((false, false)), "the runs did the same", "\"same\":true"),
        (comparison((true, false)), "the runs did the same so far", "\"same\":true"),
        (
            Comparison { undecided: undecided.clone(), reordered, ..comparison((true, true)) },
            "no difference was found so far",
            "\"same\":null",
        ),
        (
            Comparison { erased: 1, ..comparison((false, true)) },
            "no difference was found so far, but 1 thing cannot be compared: erased by prune",
            "\"same\":null",
        ),
        (
            Comparison {
                undecided,
                first: Some(First { agent: String::from("a"), records: (Some(1), Some(1)) }),
                ..comparison((true, true))
            },
            "the runs differ",
            "\"same\":false",
        ),
    ];
    for (found, verdict, same) in cases {
        let (lines, json) = said(&found);
        assert_eq!(lines[0], verdict);
        assert!(json.contains(same), "{json}");
        let about = |agent: &str| lines.iter().find(|line| line.contains(agent));
        let early = about("`merge`: too early to tell");
        assert_eq!(early.is_some(), !found.undecided.is_empty(), "{lines:?}");
        let order = about("`other` did the same in another order so far");
        assert_eq!(order.is_some(), !found.reordered.is_empty(), "{lines:?}");
    }
}
