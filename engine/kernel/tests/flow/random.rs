//! Types and values made from a seed: what flows is accepted, what does not has a reason.

use std::collections::BTreeMap;

use proptest::prelude::*;
use theater_flow_kernel::flow::{flows, show};
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Type, TypeTable};

use crate::made::{Dice, any_type, value};
use crate::relative::relative;
use crate::witness::{Excuse, Search};

/// True in the full setting, with `THEATER_FLOW_FULL=1`.
fn full() -> bool {
    std::env::var_os("THEATER_FLOW_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Two types that may well flow.
fn related(dice: &mut Dice, table: &mut TypeTable) -> (TypeId, TypeId) {
    let from = any_type(dice, table, 4);
    let to =
        if dice.once_in(4) { any_type(dice, table, 4) } else { relative(dice, table, from, 4) };
    (from, to)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if full() { 100_000 } else { 4_000 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_flows_is_accepted(seed: u64) {
        let mut dice = Dice(seed);
        let mut table = TypeTable::default();
        let (from, to) = related(&mut dice, &mut table);
        if flows(&table, from, to).is_ok() {
            for _ in 0..16 {
                let Some(text) = value(&mut dice, &table, from) else { continue };
                prop_assert_eq!(check(&table, to, &text), Ok(()),
                    "{} is of {} but not of {}", text, show(&table, from), show(&table, to));
            }
        }
    }

    #[test]
    fn every_type_flows_into_itself_and_into_json(seed: u64) {
        let mut table = TypeTable::default();
        let ty = any_type(&mut Dice(seed), &mut table, 4);
        let json = table.intern(Type::Json);
        prop_assert_eq!(flows(&table, ty, ty), Ok(()));
        prop_assert_eq!(flows(&table, ty, json), Ok(()));
    }
}

/// Refusing too much would be sound and useless: each refusal has a value that shows why, or one of the few
/// excuses there are; and each excuse is met, so that none stands in the list in vain.
#[test]
fn what_does_not_flow_has_a_witness() {
    let pairs = if full() { 400_000 } else { 20_000 };
    let (mut accepted, mut shown) = (0_u32, 0_u32);
    let mut excused = BTreeMap::new();
    for seed in 0..pairs {
        let mut table = TypeTable::default();
        let (from, to) = related(&mut Dice(seed), &mut table);
        let refused = flows(&table, from, to);
        let found = Search::new(&table).witness(from, to);
        let pair = || format!("seed {seed}: {} into {}", show(&table, from), show(&table, to));
        match (refused, found) {
            (Ok(()), None) => accepted += 1,
            (Ok(()), Some(text)) => panic!("{} accepts {text}", pair()),
            (Err(_), Some(text)) => {
                assert_eq!(check(&table, from, &text), Ok(()), "{}: {text}", pair());
                assert!(check(&table, to, &text).is_err(), "{}: {text}", pair());
                shown += 1;
            }
            (Err(clash), None) => {
                let excuse = Search::new(&table).excuse(from, to);
                let excuse = excuse.unwrap_or_else(|| panic!("{}: {clash}", pair()));
                *excused.entry(excuse).or_insert(0_u32) += 1;
            }
        }
    }
    let of_all = |count: u32| u64::from(count) * 100 / pairs;
    assert!(of_all(accepted) >= 25 && of_all(shown) >= 25, "{accepted} accepted, {shown} shown");
    for excuse in [Excuse::NoValue, Excuse::ChanceBase64, Excuse::ChanceRecord] {
        assert!(excused.contains_key(&excuse), "{excuse:?} is no excuse: {excused:?}");
    }
    assert!(of_all(excused.values().sum()) < 5, "{excused:?}");
}
