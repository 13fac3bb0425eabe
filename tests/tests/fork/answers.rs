//! Other answers than the recorded ones.

use theater_flow_tests::Scene;

use crate::scene::{fork, is_sound, of_kind, records, seq};
use crate::waits::{Server, asking};

#[test]
fn a_response_is_replaced_and_later_requests_are_made_in_the_forks_name() {
    let server = Server::start();
    let (scene, run) = asking(&server);
    let made = server.made();
    assert_eq!(made.len(), 3);
    let all = records(&scene, &run);
    let outcome = seq(of_kind(&all, "outcome")[1]);
    scene.file(
        "other.json",
        r#"{ "status": 203, "headers": { "X-Tea": "yes" }, "body": { "said": "tea" } }"#,
    );
    let answer = format!("{outcome}=other.json");
    let forked = scene.run(["fork", &run, "--answer", &answer]).ends(0);
    let id = forked.last().id;
    let out = forked.text();
    assert!(out.contains("203") && out.contains("said"), "{forked}");
    assert!(out.contains(r#"text\":\"c"#) && !out.contains(r#"text\":\"b"#), "{forked}");
    let new: Vec<String> = server.made().split_off(3);
    assert_eq!(new.len(), 1, "only what came after it is asked: {new:?}");
    assert!(new[0].starts_with(&id), "{new:?}");
    is_sound(&scene, &id);
    assert_eq!(server.made().len(), 4, "and nothing is asked again");
    let first = &records(&scene, &id)[0];
    assert_eq!(first["given"][0]["instead_of"], outcome.to_string());
    scene.run(["diff", &run, &id]).ends(5);
    // The part of the call that was answered says the same.
    let handled = all.iter().find(|record| {
        let of = record["causes"]
            .as_array()
            .is_some_and(|causes| causes.contains(&outcome.to_string().into()));
        record["kind"] == "transaction" && of
    });
    let part = format!("{}.0=other.json", seq(handled.expect("it was answered")));
    let same = scene.run(["fork", &run, "--answer", &part]).ends(0);
    assert_eq!(same.text(), out);
}

#[test]
fn what_was_read_is_replaced() {
    let scene = Scene::new();
    scene.file(
        "p.toml",
        r#"format = 1
name = "copy"
[supervisors.root]
children = ["lines", "print"]
[agents.lines]
actor = "std/file-lines"
config = { path = "input.txt" }
grants = { files = { read = ["input.txt"] } }
[agents.print]
actor = "std/stdout"
inputs = "lines"
grants = { stdout = true }
"#,
    );
    scene.file("input.txt", "one\ntwo\n");
    let run = scene.say("run p.toml").ends(0).last().id;
    let read = scene.run(["events", &run, "--json", "--kind", "answer"]).ends(0).json();
    let parts = read[0]["parts"].as_array().expect("parts");
    let nth = parts.iter().position(|part| part["kind"] == "answer").expect("an answer");
    scene.file("other.txt", "three\nfour\n");
    let answer = format!("{}.{nth}=other.txt", seq(&read[0]));
    let forked = scene.run(["fork", &run, "--answer", &answer]).ends(0);
    let out = forked.text();
    assert!(out.contains("three") && out.contains("four") && !out.contains("one"), "{forked}");
    is_sound(&scene, &forked.last().id);
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    let server = Server::start();
    let (scene, run) = asking(&server);
    let all = records(&scene, &run);
    let outcome = seq(of_kind(&all, "outcome")[0]);
    let refused = |answer: String, says: &str| {
        scene.run(["fork", &run, "--answer", &answer]).ends(2).tells([says]);
    };
    scene.file("text", "not JSON");
    refused(format!("{outcome}=text"), "\"status\"");
    scene.file("text", r#"{ "status": 20 }"#);
    refused(format!("{outcome}=text"), "no status");
    scene.file("text", r#"{ "error": "weather" }"#);
    refused(format!("{outcome}=text"), "`timeout`");
    refused(format!("{outcome}=nothing"), "cannot read `nothing`");
    refused(String::from("0=text"), "not an answer");
    refused(format!("{outcome}.7=text"), "not an answer");
    refused(String::from("99999=text"), "there is no record");
    refused(String::from("text"), "12=answer.json");
    scene.file("text", r#"{ "error": "timeout" }"#);
    let (at, answer) = (outcome.to_string(), format!("{outcome}=text"));
    let late = ["fork", &run, "--at", &at, "--answer", &answer];
    scene.run(late).ends(2).tells(["nobody waits", "leave `--at` out"]);
    assert_eq!(scene.runs().len(), 1);
    assert_eq!(server.made().len(), 3, "nothing is asked");
    // An answer may be an error, and the point before the request.
    let intent = seq(of_kind(&all, "intent")[0]);
    scene.run(["fork", &run, "--at", &intent.to_string(), "--answer", &answer, "--hold"]).ends(0);
    let _ = fork(&scene, &run, intent - 1, &["--hold"]).ends(0);
}
