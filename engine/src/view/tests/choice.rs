use super::*;

#[test]
fn records_are_chosen_by_agent_and_kind() {
    let plan = plan();
    let emitting = transaction(vec![emission(b"1")], &[b"1"]);
    let restart = Restarted {
        supervisor: SupervisorId(0),
        agents: vec![AgentId(0)],
        count: 1,
        counted: true,
    };
    let restart = row(6, &[Ref::record(5)], Body::Restarted(restart), &[]);
    let cases = [
        (None, None, true, true),
        (Some("scanner"), None, true, false),
        (Some("walk"), None, false, true),
        (None, Some("transaction"), true, false),
        (None, Some("emission"), true, false),
        (None, Some("log"), false, false),
        (Some("walk"), Some("restarted"), false, true),
        (Some("walk"), Some("emission"), false, false),
    ];
    for (agent, kind, first, second) in cases {
        let filter = Filter::new(&plan, agent, kind).expect("they are known");
        let found = (filter.matches(&emitting), filter.matches(&restart));
        assert_eq!(found, (first, second), "{agent:?} {kind:?}");
    }
}

#[test]
fn what_is_refused_when_it_is_to_be_done_is_a_denial() {
    for (code, denial) in [(HttpErrorCode::Denied, true), (HttpErrorCode::Dns, false)] {
        let answer: Answer = Err(HttpError::new(code, "no"));
        let bytes = postcard::to_allocvec(&answer).expect("plain data");
        let payload = Payload { len: 9, digest: Digest([1; 32]) };
        let (how, answer) = (Known::Answered, Some(payload));
        let outcome = Body::Outcome(Outcome { agent: AgentId(1), intent: 7, how, answer });
        let row = row(8, &[], outcome, &[&bytes]);
        let filter = Filter::new(&plan(), None, Some("denial")).expect("it is known");
        assert_eq!(filter.matches(&row), denial, "{code:?}");
    }
}

#[test]
fn unknown_names_are_usage_errors_that_help() {
    let plan = plan();
    let told = |agent, kind| {
        let problem = Filter::new(&plan, agent, kind).expect_err("it is not known");
        assert_eq!(problem.exit(), Exit::Usage);
        let crate::exit::Problem::Told { message, help, .. } = problem else {
            panic!("it is told")
        };
        (message, help.unwrap_or_default())
    };
    let known = ("there is no agent `scaner`".to_owned(), "did you mean `scanner`?".to_owned());
    assert_eq!(told(Some("scaner"), None), known);
    assert_eq!(told(Some("zzzzzz"), None).1, "there is `walk`, `scanner`");
    assert_eq!(told(None, Some("emision")).1, "did you mean `emission`?");
}

#[test]
fn every_kind_of_part_can_be_chosen() {
    let known = kinds();
    assert_eq!(known.len(), 44);
    for part in [emission(b"1"), Part::LogDropped { lines: 1 }, Part::Closed { sink: SinkId(1) }] {
        assert!(known.contains(&part::kind(&part)));
    }
}

#[test]
fn the_tree_shows_how_each_is() {
    let mut state = State::new(Arc::new(plan()));
    let walk = &mut state.kept.agents[0];
    (walk.life, walk.incarnations, walk.crashes, walk.handled, walk.emitted) =
        (Life::Up, 2, 1, 3, 40);
    state.kept.agents[1].life = Life::Over(End::Stopped);
    state.kept.agents[1].dropped = 2;
    state.kept.supervisors[1].gave_up = true;
    state.kept.supervisors[0].stage = Stage::Up;
    (state.kept.supervisors[0].restarts, state.kept.supervisors[0].last) = (7, Some(9));
    state.kept.supervisors[0].recent = vec![1, 4_000, 6_000];
    let root = tree(&state, 7_000).expect("there is a root");
    let expected = [
        "root  rest-for-one, 7 restarts, 2 of 3 in 5s",
        "  last decision, record 9",
        "├─ walk  up, handled 3, emitted 40, 1 crash",
        "└─ low  rest-for-one, gave up",
        "   └─ scanner  stopped, handled 0, emitted 0, 2 messages dropped",
    ];
    assert_eq!(tree_lines(&root, Look::PLAIN), expected);
    let json = serde_json::to_string(&root).expect("JSON");
    assert!(json.starts_with(r#"{"kind":"supervisor","name":"root","strategy":"rest-for-one","state":"up","due":null,"intensity":3,"period_ms":5000,"recent":2,"restarts":7,"last_decision":{"seq":9,"kind":"","what":""},"children":[{"kind":"agent","name":"walk","state":"up","due":null,"incarnations":2,"restarts":0,"handled":3,"emitted":40,"waiting":0,"faults":0,"crashes":1,"dead_letters":0,"dropped":0,"last_failure":null}"#), "{json}");
    assert_eq!(serde_json::from_str::<Branch>(&json).expect("the same"), root);
}

#[test]
fn a_damaged_log_may_name_what_is_not_in_the_plan() {
    let plan = plan();
    let view = View::new(&plan);
    let body = Ended { agent: AgentId(99), how: End::Done, unread: 0 };
    let row = row(1, &[Ref::record(0)], Body::Ended(body), &[]);
    assert_eq!(
        view.summary_line(&row, Look::PLAIN),
        "     1  01:10:46.123  ?               ended          done"
    );
    let parts = vec![Part::Emission { port: PortId(99), payload: bytes(b"1") }];
    let row = Row { payloads: vec![], ..transaction(parts, &[]) };
    assert_eq!(view.summary(&row), "in 3.0 → ?: (erased)");
}
