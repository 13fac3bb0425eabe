use super::*;

fn fault() -> Fault {
    Fault { code: "bad".into(), message: "no\u{1b}[2J number".into() }
}

fn crash() -> Crash {
    Crash { kind: CrashKind::Trap, message: "unreachable\nat main".into() }
}

/// A row of each sort that says something, and some that do not.
fn rows() -> Vec<Row> {
    let consumed = Consumed::Message { id: Ref::part(3, 0), port: PortId(2) };
    let log = |level, text: &[u8]| Part::Log { level, payload: bytes(text) };
    let loud: &[u8] = b"l\xc3\xa4uft\n";
    let parts = vec![emission(b"1"), log(Level::Debug, loud), Part::LogDropped { lines: 2 }];
    let faulted = Faulted {
        by: by(1, 1),
        consumed: consumed.clone(),
        parts: vec![log(Level::Warn, b"before")],
        fault: fault(),
        fuel: 1,
    };
    let crashed =
        Crashed { by: by(0, 1), consumed: Some(consumed), parts: vec![], crash: crash(), fuel: 1 };
    let letter = |why| DeadLettered {
        agent: AgentId(1),
        message: Ref::part(3, 0),
        port: PortId(2),
        attempts: 1,
        why,
        letter: None,
    };
    let letters = [
        DeadLetterReason::Fault(fault()),
        DeadLetterReason::Crash(crash()),
        DeadLetterReason::Ended,
        DeadLetterReason::Overflow,
        DeadLetterReason::Rounds,
        DeadLetterReason::Closed,
    ];
    let escalated = Escalated { supervisor: SupervisorId(1), count: 1 };
    let mut rows = vec![
        transaction(parts, &[b"1", loud]),
        transaction(vec![emission(b"1")], &[b"1"]),
        row(6, &[], Body::Faulted(faulted), &[b"before"]),
        row(7, &[], Body::Crashed(crashed), &[]),
        row(8, &[], Body::Escalated(escalated), &[]),
        Row { payloads: vec![None], ..transaction(vec![log(Level::Info, b"gone")], &[b"gone"]) },
    ];
    rows.extend(letters.map(|why| row(9, &[], Body::DeadLettered(letter(why)), &[])));
    rows
}

#[test]
fn a_live_run_tells_what_a_stopped_one_tells() {
    let plan = plan();
    let view = View::new(&plan);
    for row in rows() {
        let line = view.line(&row, Detail::Line).to_string();
        let record = serde_json::from_str(&line).expect("JSON");
        assert_eq!(LogLine::of_json(&record), view.logs(&row), "{line}");
    }
}

#[test]
fn lines_say_when_who_and_what_and_are_harmless() {
    let plan = plan();
    let view = View::new(&plan);
    let all: Vec<LogLine> = rows().iter().flat_map(|row| view.logs(row)).collect();
    let lines: Vec<String> = all.iter().map(|line| line.line(Look::PLAIN)).collect();
    let expected = [
        "01:10:46.123  debug        5.1  scanner         läuft",
        "01:10:46.123  warn         5.2  scanner         2 more lines of this event not kept",
        "01:10:46.123  warn         6.0  scanner         before",
        "01:10:46.123  error          6  scanner         [faulted] bad: no\\u{1b}[2J number",
        "01:10:46.123  error          7  walk            [crashed] trap: unreachable\\nat main",
        "01:10:46.123  error          8  -               [escalated] supervisor `low` gave up, since restart 1 in its window was one too many",
        "01:10:46.123  info         5.0  scanner         (erased)",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: bad: no\\u{1b}[2J number",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: trap: unreachable\\nat main",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: its reader has ended",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: its reader had no place for it",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: it has gone round as often as it may",
        "01:10:46.123  error          9  scanner         [dead-lettered] message 3.0 was set aside: its cycle had come to rest",
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        all[3].json().to_string(),
        format!(
            r#"{{"seq":6,"i":null,"at":{AT},"agent":"scanner","level":"error","kind":"faulted","text":"bad: no\u001b[2J number"}}"#
        )
    );
}

#[test]
fn levels_are_in_order() {
    let plan = plan();
    let lines: Vec<LogLine> = View::new(&plan).logs(&rows()[0]);
    let wanted = |level| lines.iter().filter(|line| line.is_at_least(level)).count();
    assert_eq!(LEVELS.map(wanted), [2, 1, 1, 0]);
}

#[test]
fn what_is_no_record_says_nothing_and_does_no_harm() {
    for odd in ["null", "[]", "{}", r#"{"kind":1}"#, r#"{"parts":[{"kind":"log"}]}"#] {
        let value = serde_json::from_str(odd).expect("JSON");
        for line in LogLine::of_json(&value) {
            let _ = line.line(Look::PLAIN);
        }
    }
}
