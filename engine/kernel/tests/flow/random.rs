//! Types and values made from a seed: what flows is accepted, what does not has a reason.

use proptest::prelude::*;
use theater_flow_kernel::flow::{flows, show};
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Type, TypeTable};

use crate::made::{Dice, any_type, value};
use crate::relative::relative;
use crate::witness;

/// Two types that may well flow.
fn related(dice: &mut Dice, table: &mut TypeTable) -> (TypeId, TypeId) {
    let from = any_type(dice, table, 4);
    let to =
        if dice.once_in(4) { any_type(dice, table, 4) } else { relative(dice, table, from, 4) };
    (from, to)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

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

/// Refusing too much would be sound and useless: nearly every refusal has a value that shows why.
#[test]
fn what_does_not_flow_has_a_witness() {
    let (mut refused, mut shown, mut accepted) = (0_u32, 0_u32, 0_u32);
    for seed in 0..1_500 {
        let mut dice = Dice(seed);
        let mut table = TypeTable::default();
        let (from, to) = related(&mut dice, &mut table);
        if flows(&table, from, to).is_ok() {
            accepted += 1;
        } else {
            refused += 1;
            shown += u32::from(witness(&table, from, to, 200).is_some());
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} accepted, {refused} refused");
    assert!(shown * 100 >= refused * 95, "{shown} of {refused} refusals have a witness");
}
