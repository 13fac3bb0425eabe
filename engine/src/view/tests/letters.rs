use super::*;

/// A letter of the agent `scanner`, as the engine keeps it.
fn letter(place: Place) -> DeadLetter {
    DeadLetter {
        letter: 12,
        at: AT,
        agent: "scanner".into(),
        port: "in".into(),
        message: "3.0".into(),
        attempts: 4,
        code: "bad".into(),
        text: "no \u{1b}4".into(),
        place,
        body: Some(br#"{"n":4,"s":"\u001b"}"#[..].into()),
    }
}

#[test]
fn a_letter_stands_in_few_lines() {
    let lines = letter(Place::Kept { refused: None }).lines(Look::PLAIN);
    let expected =
        ["12  scanner.in  after 4 attempts: bad: no \\u{1b}4", r#"    3.0  {"n":4,"s":"\u001b"}"#];
    assert_eq!(lines, expected);
    let refused = Some(Refusal::Closed);
    let lines = letter(Place::Kept { refused }).lines(Look::PLAIN);
    let why = "kept; it cannot be tried again in this run: its agent was told that nothing more comes by that input";
    assert_eq!(lines[2].trim(), why);
    let lines = letter(Place::Taken { by: "dlq".into() }).lines(Look::PLAIN);
    assert_eq!(lines[2], "    `dlq` took it");
}

#[test]
fn a_letter_is_one_json_object() {
    let json = letter(Place::Kept { refused: None }).json(Detail::Line).to_string();
    let expected = r#"{"letter":12,"at":1795396246123,"agent":"scanner","port":"in","message":"3.0","attempts":4,"code":"bad","text":"no \u001b4","state":"kept","retriable":true,"why_not":null,"len":20,"body":{"n":4,"s":"\u001b"}}"#;
    assert_eq!(json, expected);
    for (place, more) in [
        (Place::Retried { record: 20 }, r#""state":"retried","record":20,"#),
        (Place::Dropped { record: 21 }, r#""state":"dropped","record":21,"#),
        (Place::Taken { by: "dlq".into() }, r#""state":"taken","by":"dlq","#),
        (Place::Logged, r#""state":"logged","len""#),
    ] {
        let json = letter(place).json(Detail::Line).to_string();
        assert!(json.contains(more), "{json}");
    }
    let long = format!("\"{}\"", "x".repeat(VALUE_BYTES));
    let long = DeadLetter { body: Some(long.as_bytes().into()), ..letter(Place::Logged) };
    assert!(long.json(Detail::Line).to_string().ends_with(r#""len":65538,"body":null}"#));
    assert!(long.json(Detail::Full).to_string().len() > VALUE_BYTES);
}

#[test]
fn a_page_says_all_of_a_letter() {
    let page = letter(Place::Dropped { record: 21 }).page(Look::PLAIN);
    for line in [
        "why           bad: no \\u{1b}4",
        "state         it was dropped (record 21)",
        "  |   \"n\": 4,",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    assert!(!page.contains('\u{1b}'));
    let gone = DeadLetter { body: None, ..letter(Place::Logged) };
    assert!(gone.page(Look::PLAIN).ends_with("its content is not in this log"));
}

#[test]
fn what_an_agent_took_is_read_from_its_letter() {
    let text = br#"{"agent":"scanner","port":"in","text":"a \",\"body\":1","attempts":1,"body":{"n":[1]}}"#;
    let payload = Some(super::bytes(text));
    let why = DeadLetterReason::Ended;
    let (message, port) = (Ref::part(3, 0), PortId(2));
    let body = DeadLettered { agent: AgentId(1), message, port, attempts: 0, why, letter: payload };
    let row = row(9, &[message], Body::DeadLettered(body.clone()), &[text]);
    let letter = DeadLetter::of_row(&plan(), &row, &body);
    assert_eq!(letter.body.as_deref(), Some(&br#"{"n":[1]}"#[..]));
    assert_eq!((letter.agent.as_str(), letter.code.as_str()), ("scanner", "ended"));
}
