use super::*;

fn crash() -> Crash {
    Crash { kind: CrashKind::Trap, message: "boom\n2  forged".into() }
}

fn engine() -> EngineFacts {
    EngineFacts { engine: "0.1.0".into(), wasmtime: "48".into(), flags: vec!["a=b".into()] }
}

const AGENT: AgentId = AgentId(1);

/// Records of a run as such, with what `events` says of each.
fn of_the_run() -> Vec<(Body, &'static str)> {
    let digest = Digest::of(b"x");
    let components = vec![("std/x".into(), digest)];
    let genesis = Genesis { run: RunId([1; 16]), plan: digest, engine: engine(), components };
    let repeated = vec![Repeated { agent: AGENT, from: 3, to: 9 }];
    let resumed = Resumed { engine: engine(), repeated };
    let checkpoint = Checkpoint { upto: 4, digest, len: 10 };
    let waiting = Waiting { intents: vec![7, 9] };
    let finished = Finished { status: Status::Degraded, dead_letters: 1 };
    let by = Person { uid: 5, name: Some("p\r".into()) };
    let received = Received { agent: AGENT, port: PortId(2), value: bytes(b"1"), by: by.clone() };
    let began = "run 01010101-0101-0101-0101-010101010101 of find with 2 agents, \
        2026-11-23T01:10:46.123Z";
    let twice = "by engine 0.1.0; bytes 3 to 9 of scanner's output may stand there twice";
    vec![
        (Body::Genesis(genesis), began),
        (
            forked(),
            "goes on from 02020202-0202-0202-0202-020202020202 after record 8; agent a\\nb: config",
        ),
        (Body::Resumed(resumed), twice),
        (Body::Checkpoint(checkpoint), "10 B, all before record 4"),
        (Body::Stopping(Stopping { by: "SIGINT".into() }), "asked by SIGINT"),
        (Body::Paused(Paused { by: Some(by) }), "says p\\r (5)"),
        (Body::Continued(Continued { by: None }), ""),
        (Body::Received(received), "sent by p\\r (5) to in: (erased)"),
        (Body::Waiting(waiting), "for somebody to decide about 7, 9"),
        (Body::Suspended(Suspended { why: "asked\r".into() }), "asked\\r"),
        (Body::Finished(finished), "degraded, 1 dead letter"),
    ]
}

/// Records of an agent's calls and life, but for transactions.
fn of_an_agent() -> Vec<(Body, &'static str)> {
    let (digest, agent, instance, parts, fuel) = (Digest::of(b"x"), AGENT, 0, vec![], 1);
    let from = Origin::Checkpoint { snapshot: Some(4), redone: 2 };
    let (component, config) = (digest, digest);
    let began = Incarnation { agent, instance, n: 2, from, component, config, parts: vec![], fuel };
    let fault = Fault { code: "bad".into(), message: "no \u{1b}[2J".into() };
    let consumed = Consumed::Closed { port: PortId(2) };
    let faulted = Faulted { by: by(1, 2), consumed, parts: vec![], fault, fuel };
    let crashed = Crashed { by: by(1, 1), consumed: None, parts: vec![], crash: crash(), fuel };
    let state = bytes(b"st");
    let snapshot = Snapshot { agent, instance, incarnation: 1, state, parts, fuel };
    let confirmed = Confirmed { agent, sink: SinkId::STDOUT, upto: 9, closed: false };
    let ended = Ended { agent, how: End::Stopped, unread: 2 };
    vec![
        (Body::Incarnation(began), "life 2 from snapshot 4, 2 calls made again"),
        (Body::Faulted(faulted), "in closed, attempt 2: bad: no \\u{1b}[2J"),
        (Body::Crashed(crashed), "trap: boom\\n2  forged"),
        (Body::Snapshot(snapshot), "2 B of state"),
        (Body::Confirmed(confirmed), "stdout up to byte 9"),
        (Body::Ended(ended), "stopped, 2 messages unread"),
    ]
}

/// Records of going over to another plan.
fn of_plans() -> Vec<(Body, &'static str)> {
    let by = Some(Person { uid: 5, name: None });
    let digest = Digest::of(b"x");
    let next = NextPlan {
        revision: 8,
        before: Some(3),
        from: digest,
        to: digest,
        source: digest,
        plan: bytes(b"plan"),
        changes: bytes(b"~ walk: rewire\n"),
        counts: Counts { added: 1, changed: 2, removed: 0 },
    };
    let moves = vec![Move { agent: AGENT, how: Carry::Fresh, state: None }];
    let widens = vec!["walk: grants\u{1b}.http".into()];
    let proposed = Proposed { next: next.clone(), widens, by: by.clone() };
    let reloaded =
        Reloaded { next, moves, set_aside: 2, again: vec![], proposal: Some(4), by: by.clone() };
    let why = String::from("`walk` is\u{1b} busy\nand more");
    let refused = Refused { source: Some(digest), proposal: None, why, by };
    vec![
        (Body::Reloaded(Box::new(reloaded)), "rev 7→8 (+1 ~2 -0), 2 messages became dead letters"),
        (Body::Proposed(Box::new(proposed)), "rev 7→8 (+1 ~2 -0) widens walk: grants\\u{1b}.http"),
        (Body::Refused(Box::new(refused)), "`walk` is\\u{1b} busy"),
    ]
}

/// Records of what supervisors and dead letters do.
fn of_trouble() -> Vec<(Body, &'static str)> {
    let (supervisor, agents) = (SupervisorId(1), vec![AGENT]);
    let restarted = Restarted { supervisor, agents, count: 1, counted: false };
    let escalated = Escalated { supervisor: SupervisorId(0), count: 4 };
    let unstarted = Escalated { supervisor, count: 0 };
    let (message, port, attempts) = (Ref::part(3, 0), PortId(2), 1);
    let why = DeadLetterReason::Crash(crash());
    let letter = DeadLettered { agent: AGENT, message, port, attempts, why, letter: None };
    let (messages, which) = (vec![message, Ref::part(3, 1)], DropChoice::Oldest);
    let dropped = Dropped { agent: AGENT, port, messages, which };
    let one = Dropped { which: DropChoice::Newest, messages: vec![message], ..dropped.clone() };
    assert_eq!(
        View::new(&plan()).summary(&row(9, &[], Body::Dropped(one), &[])),
        "in 1 message, without a place"
    );
    let what = Pruning::Before(40);
    let pruned = Pruned { what, payloads: 7, bytes: 900, checkpoints: vec![12] };
    let rested = Rested { agents: vec![AgentId(0), AGENT] };
    let person = Person { uid: 5, name: Some("p\u{1b}".into()) };
    let by = person.clone();
    let resolved = Resolved { letter: 7, agent: AGENT, message, port, by };
    let decided = Decided { agent: AGENT, intent: 7, repeat: true, by: person };
    let outcome = Outcome { agent: AGENT, intent: 7, how: Known::Unknown, answer: None };
    vec![
        (Body::Pruned(pruned), "7 payloads of records before 40 erased, 900 B, 1 checkpoint"),
        (Body::Dropped(dropped), "in 2 messages, the oldest, to make place"),
        (Body::Rested(rested), "the cycle of walk, scanner"),
        (intent(), "pull → http.send (erased)"),
        (Body::Decided(decided), "of 7: it is made again, says p\\u{1b} (5)"),
        (Body::Retried(resolved.clone()), "in 3.0 of letter 7, says p\\u{1b} (5), tried again"),
        (Body::Discarded(resolved), "in 3.0 of letter 7, says p\\u{1b} (5), dropped"),
        (Body::Outcome(outcome), "of 7: nobody knows; it is not made again"),
        (Body::Restarted(restarted), "scanner by low, 1 in its window, not counted"),
        (
            Body::Escalated(escalated),
            "root gave up, since restart 4 in its window was one too many",
        ),
        (Body::Escalated(unstarted), "low could not start all its children"),
        (Body::Stopped(Stopped { agent: AGENT, killed: false }), "at rest"),
        (Body::Stopped(Stopped { agent: AGENT, killed: true }), "killed"),
        (Body::ShutDown(ShutDown { supervisor }), "low, since significant children have ended"),
        (Body::DeadLettered(letter), "in 3.0 after 1 attempt: trap: boom\\n2  forged"),
    ]
}

fn forked() -> Body {
    let digest = Digest([1; 32]);
    let genesis =
        Genesis { run: RunId([1; 16]), plan: digest, engine: engine(), components: vec![] };
    let lineage = Lineage {
        parent: RunId([2; 16]),
        seq: 8,
        hash: digest,
        state: Checkpoint { upto: 9, digest, len: 100 },
        changed: vec![String::from("agent a\nb: config")],
        given: vec![],
    };
    Body::Forked(Box::new(Forked { genesis, lineage }))
}

fn intent() -> Body {
    let (by, consumed, parts) = (by(AGENT.0, 1), Consumed::Pull, vec![]);
    let args = Payload { len: 1, digest: Digest([1; 32]) };
    let (n, call, key, fuel) = (1, Call::HttpSend, String::from("r/a/pull-1/1"), 3);
    Body::Intent(Intent { by, consumed, parts, n, call, args, key, fuel })
}

/// One record of each kind but `transaction`, with what `events` says of it.
fn one_of_each() -> Vec<(Body, &'static str)> {
    [of_the_run(), of_an_agent(), of_trouble(), of_plans()].concat()
}

#[test]
fn every_kind_has_a_summary_a_line_and_a_page() {
    let plan = plan();
    let view = View::new(&plan);
    let mut kinds: Vec<_> = one_of_each().iter().map(|(body, _)| body.kind()).collect();
    kinds.push("transaction");
    kinds.sort_unstable();
    kinds.dedup();
    let mut all = filter::KINDS;
    all.sort_unstable();
    assert_eq!(kinds, all, "each at least once");
    for (body, expected) in one_of_each() {
        let payloads: &[&[u8]] = if matches!(body, Body::Snapshot(_)) { &[b"st"] } else { &[] };
        let row = row(9, &[Ref::record(8)], body, payloads);
        assert_eq!(view.summary(&row), expected);
        let line = view.line(&row, Detail::Line).to_string();
        let read: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        for look in [Look::PLAIN, Look { width: Some(70), colour: true }] {
            assert_eq!(live_line(&read, look), view.summary_line(&row, look));
        }
        for field in ["seq", "hash", "prev", "at", "kind", "agent", "causes", "parts"] {
            assert!(read.get(field).is_some(), "{field}: {line}");
        }
        let page = view.show(&row, None, &[], Look::PLAIN).expect("a record has a page");
        assert!(page.contains(row.record.body.kind()), "{page}");
        for text in [line, page] {
            assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        }
    }
}

#[test]
fn summaries_stand_in_columns_and_end_where_the_screen_does() {
    let value = "\"日本語 \u{202e} ".repeat(40) + "\"";
    let (row, plan) = (transaction(vec![emission(value.as_bytes())], &[value.as_bytes()]), plan());
    let view = View::new(&plan);
    let whole = view.summary_line(&row, Look::PLAIN);
    let start =
        "     5  01:10:46.123  scanner         transaction    in 3.0 → out: \"日本語 \\u{202e} ";
    assert!(whole.starts_with(start), "{whole}");
    for width in 54..120 {
        let look = Look { width: Some(width), colour: false };
        let line = view.summary_line(&row, look);
        assert!(columns(&line) <= width && line.ends_with('…'), "{width}: {line}");
        let coloured = view.summary_line(&row, Look { colour: true, ..look });
        assert_eq!(coloured.replace("\u{1b}[2m", "").replace("\u{1b}[0m", ""), line);
    }
}

#[test]
fn parts_of_one_sort_are_counted() {
    let log = b"hello";
    let parts = vec![
        emission(b"1"),
        emission(b"2"),
        Part::Staged { sink: SinkId::STDOUT, offset: 0, payload: bytes(b"x\n") },
        Part::Log { level: Level::Info, payload: bytes(log) },
    ];
    let (row, plan) = (transaction(parts, &[b"1", b"2", b"x\n", log]), plan());
    let summary = View::new(&plan).summary(&row);
    assert_eq!(summary, "in 3.0 → 2 × out, 2 B to stdout: x, info: hello");
}

#[test]
fn a_page_shows_all_with_its_causes() {
    let value = br#"{"path":"a.rs","text":"0123456789012345678901234567890123456789012345678901234567890"}"#;
    let log = b"two\nlines \x1b[2J";
    let parts = vec![emission(value), Part::Log { level: Level::Info, payload: bytes(log) }];
    let row = transaction(parts, &[value, log]);
    let cause_body = Transaction {
        by: by(0, 1),
        consumed: Consumed::Pull,
        parts: vec![Part::Emission { port: PortId(1), payload: bytes(b"7") }],
        next: Next::More,
        fuel: 1,
    };
    let cause = self::row(3, &[Ref::record(2)], Body::Transaction(cause_body), &[b"7"]);
    let plan = plan();
    let page = View::new(&plan).show(&row, None, &[cause], Look::PLAIN).expect("a page");
    let expected = format!(
        "\
seq           5
hash          {hash}
prev          {prev}
at            2026-11-23T01:10:46.123Z ({AT})
kind          transaction
agent         scanner
causes        3.0  walk  transaction  out: 7
parts
  .0            emission
    port          out
    len           {len}
    digest        {digest}
    value
      | {{
      |   \"path\": \"a.rs\",
      |   \"text\": \"0123456789012345678901234567890123456789012345678901234567890\"
      | }}
  .1            log
    level         info
    len           14
    digest        {log_digest}
    text
      | two
      | lines \\u{{1b}}[2J
instance      0
incarnation   1
attempt       1
consumed      kind message, id 3.0, port in
next          wait
fuel          12
",
        hash = Digest::of(b"hash"),
        prev = Digest::of(b"prev"),
        len = value.len(),
        digest = bytes(value).digest,
        log_digest = bytes(log).digest,
    );
    assert_eq!(page, expected);
}

#[test]
fn a_page_of_a_part_names_its_record() {
    let (row, plan) = (transaction(vec![emission(b"1")], &[b"1"]), plan());
    let view = View::new(&plan);
    let page = view.show(&row, Some(0), &[], Look::PLAIN).expect("a page");
    let digest = bytes(b"1").digest;
    let expected = format!(
        "record             5  01:10:46.123  scanner         transaction    in 3.0 → out: 1\n\
        seq           5\ni             0\nkind          emission\nport          out\n\
        len           1\ndigest        {digest}\nvalue         1\n"
    );
    assert_eq!(page, expected);
    assert_eq!(view.show(&row, Some(1), &[], Look::PLAIN), None);
}
