use theater_flow_kernel::ids::Digest;

use super::*;

/// Deeds with these meanings, in records 0, 10, 20, ….
fn deeds(prints: &[u8]) -> Vec<Deed> {
    let deed = |(nth, print): (u64, &u8)| Deed { seq: nth * 10, meaning: whole(*print, (nth, 0)) };
    (0..).zip(prints).map(deed).collect()
}

/// One that holds this, sealed under a salt of its own. It has the form of all with the same tens.
fn whole(content: u8, (nth, run): (u64, u8)) -> Meaning {
    let mut sealed = [run; 16];
    sealed[..8].copy_from_slice(&nth.to_be_bytes());
    sealed[8] = content;
    let content = Some([content; 16]);
    Meaning { content, sealed, outline: content.map_or([0; 16], |[first, ..]| [first / 10; 16]) }
}

/// One that may meet its events in any order.
fn side(deeds: &[Deed], goes_on: bool) -> Side<'_> {
    Side { deeds, goes_on, in_one_order: false }
}

#[test]
fn sequences_part_where_one_has_what_the_other_lacks() {
    let cases: [(&[u8], &[u8], Parting); 9] = [
        (&[], &[], Parting::Never),
        (&[1, 2, 3], &[1, 2, 3], Parting::Never),
        (&[1, 2, 3], &[1, 3, 2], Parting::Order),
        (&[1, 1, 2], &[2, 1, 1], Parting::Order),
        (&[1, 2, 3], &[1, 2], Parting::At((Some(20), None))),
        (&[1], &[1, 2, 2], Parting::At((None, Some(10)))),
        (&[1, 2, 3], &[1, 4, 3], Parting::At((Some(10), Some(10)))),
        (&[1, 2, 3, 4], &[2, 1, 3, 5], Parting::At((Some(30), Some(30)))),
        (&[1, 1], &[1, 1, 1], Parting::At((None, Some(20)))),
    ];
    for (left, right, expected) in cases {
        let (found, _) = parting(side(&deeds(left), false), side(&deeds(right), false));
        assert_eq!(found, expected, "{left:?} {right:?}");
    }
}

#[test]
fn what_a_run_that_goes_on_has_not_done_is_no_difference() {
    let cases: [(&[u8], &[u8], Parting); 6] = [
        (&[1, 2, 3], &[1, 2], Parting::Never),
        (&[1, 2], &[1, 2, 3], Parting::At((None, Some(20)))),
        (&[1, 2, 3], &[1, 3], Parting::Open),
        (&[1, 2, 3], &[2, 1], Parting::Order),
        (&[1, 2, 3], &[1, 4], Parting::At((None, Some(10)))),
        (&[1, 2], &[], Parting::Never),
    ];
    for (left, right, expected) in cases {
        let (found, _) = parting(side(&deeds(left), false), side(&deeds(right), true));
        assert_eq!(found, expected, "{left:?} {right:?}");
    }
}

#[test]
fn of_runs_that_both_go_on_only_what_has_one_place_can_differ() {
    type Case = (&'static [u8], &'static [u8], Parting, Parting);
    // In any order, and in one order only.
    let cases: [Case; 7] = [
        (&[1, 2], &[1, 2, 3], Parting::Never, Parting::Never),
        (&[1, 2], &[1, 3], Parting::Open, Parting::At((Some(10), Some(10)))),
        (&[1, 2, 3], &[1, 3], Parting::Open, Parting::At((Some(10), Some(10)))),
        (&[1, 2, 3], &[1, 3, 2], Parting::Order, Parting::Order),
        (&[1, 2, 3], &[2, 1], Parting::Order, Parting::Order),
        (&[1, 2, 3], &[2, 1, 4], Parting::Open, Parting::At((Some(20), Some(20)))),
        (&[1, 2], &[], Parting::Never, Parting::Never),
    ];
    for (left, right, any, one) in cases {
        let (left, right) = (deeds(left), deeds(right));
        assert_eq!(parting(side(&left, true), side(&right, true)).0, any, "{left:?} {right:?}");
        let [left, right] =
            [&left, &right].map(|deeds| Side { in_one_order: true, ..side(deeds, true) });
        assert_eq!(parting(left, right).0, one, "{left:?} {right:?}");
    }
}

fn account(agents: &[(&str, &[u8])]) -> Account {
    let deeds = agents.iter().map(|(name, prints)| ((*name).to_owned(), deeds(prints)));
    Account { deeds: deeds.collect(), ..Account::default() }
}

fn plan() -> Plan {
    Plan {
        name: String::new(),
        description: String::new(),
        source: Digest::default(),
        types: theater_flow_kernel::types::TypeTable::default(),
        agents: vec![],
        supervisors: vec![],
        dead_letter: None,
        params: vec![],
        env: vec![],
        secrets: vec![],
        files: vec![],
        past: theater_flow_kernel::plan::Past::default(),
        reload: theater_flow_kernel::plan::ReloadRules::default(),
        set: vec![],
    }
}

#[test]
fn the_first_difference_is_the_earliest_of_any_agent() {
    let left = account(&[("a", &[1, 2, 3]), ("b", &[7, 8]), ("c", &[4, 5])]);
    let right = account(&[("a", &[1, 2, 9]), ("b", &[7, 1]), ("c", &[5, 4])]);
    let plan = plan();
    let found = Comparison::of((&left, &right), (&plan, &plan));
    let first = First { agent: "b".into(), records: (Some(10), Some(10)) };
    assert_eq!(found.first, Some(first));
    assert_eq!(found.reordered, ["c"]);
    assert!(!found.is_same());
    let found = Comparison::of((&left, &left), (&plan, &plan));
    assert!(found.is_same() && found.reordered.is_empty());
    let gone = account(&[("a", &[1, 2, 3]), ("b", &[7, 8])]);
    let found = Comparison::of((&left, &gone), (&plan, &plan));
    let first = First { agent: "c".into(), records: (Some(0), None) };
    assert_eq!(found.first, Some(first));
}

#[test]
fn what_was_written_elsewhere_is_a_difference() {
    let output = |byte: u8| {
        let digest = Digest([byte; 32]);
        Output { bytes: 1, digest: Some(digest), meant: digest, sealed: digest }
    };
    let place = ("a".to_owned(), String::new());
    let with = |byte| Account {
        outputs: BTreeMap::from([(place.clone(), output(byte))]),
        ..account(&[("a", &[1])])
    };
    let plan = plan();
    assert!(Comparison::of((&with(1), &with(1)), (&plan, &plan)).is_same());
    let found = Comparison::of((&with(1), &with(2)), (&plan, &plan));
    assert!(!found.is_same() && found.first.is_none());
    assert!(!Comparison::of((&with(1), &account(&[("a", &[1])])), (&plan, &plan)).is_same());
}

/// Deeds of two runs, of which those with a minus were erased.
fn some_erased(run: u8, contents: &[i8]) -> Vec<Deed> {
    let deed = |(nth, content): (u64, &i8)| {
        let mut meaning = whole(content.unsigned_abs(), (nth, run));
        meaning.content = meaning.content.filter(|_| *content > 0);
        Deed { seq: nth * 10, meaning }
    };
    (0..).zip(contents).map(deed).collect()
}

#[test]
fn what_was_erased_is_neither_the_same_nor_another() {
    type Case = (&'static [i8], &'static [i8], (Parting, u64));
    let cases: [Case; 8] = [
        (&[11, -12], &[11, 12], (Parting::Never, 1)),
        (&[11, -12], &[11, 13], (Parting::Never, 1)),
        (&[-11, -12], &[-13, -14], (Parting::Never, 2)),
        (&[11, -12], &[11, 22], (Parting::At((Some(10), Some(10))), 0)),
        (&[11, -12], &[11], (Parting::At((Some(10), None)), 0)),
        (&[-12, 11], &[11, 13], (Parting::Order, 1)),
        (&[-12, 15, 11], &[11, -13, 14], (Parting::Order, 2)),
        (&[-12, 11], &[13, 14], (Parting::At((Some(10), Some(10))), 1)),
    ];
    for (left, right, expected) in cases {
        let sides = (some_erased(1, left), some_erased(2, right));
        let found = parting(side(&sides.0, false), side(&sides.1, false));
        assert_eq!(found, expected, "{left:?} {right:?}");
    }
    let one = some_erased(1, &[-11, -12]);
    assert_eq!(parting(side(&one, false), side(&one, false)), (Parting::Never, 0), "of one salt");
}

#[test]
fn erased_output_is_not_compared() {
    let output = |bytes, seal: u8| Output {
        bytes,
        digest: None,
        meant: Digest::default(),
        sealed: Digest([seal; 32]),
    };
    let place = ("a".to_owned(), String::new());
    let with = |output| Account {
        outputs: BTreeMap::from([(place.clone(), output)]),
        ..account(&[("a", &[1])])
    };
    let plan = plan();
    let found = |left, right| {
        let found = Comparison::of((&with(left), &with(right)), (&plan, &plan));
        (found.is_same(), found.not_compared())
    };
    assert_eq!(found(output(5, 1), output(5, 1)), (true, 0));
    assert_eq!(found(output(5, 1), output(5, 2)), (true, 1));
    assert_eq!(found(output(5, 1), output(6, 2)), (false, 0));
}
