//! Values made from types, and texts near them.

use proptest::prelude::*;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Type, TypeTable};

use crate::checked;
use crate::made::{Dice, any_type, value};

/// What we refuse though other readers take it.
fn is_stricter(message: &str) -> bool {
    ["appears twice", "out of range", "nested deeper", "lone surrogate"]
        .iter()
        .any(|reason| message.contains(reason))
}

fn agrees(text: &str) -> Result<(), TestCaseError> {
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    match (checked(Type::Json, text), theirs) {
        // Near the largest double they give up where std's correct rounding does not.
        (Ok(()), Err(error)) if error.to_string().contains("number out of range") => Ok(()),
        (Ok(()), Err(error)) => Err(TestCaseError::fail(format!("{text}: they refuse: {error}"))),
        (Err(wrong), Ok(_)) if !is_stricter(&wrong.message) => {
            Err(TestCaseError::fail(format!("{text}: we refuse: {wrong}")))
        }
        _ => Ok(()),
    }
}

fn mutated(dice: &mut Dice, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        let place = dice.below(bytes.len() + 1);
        let byte = *dice.pick(b"\"\\{}[],:0123456789.eE+-ntu \n\x00\x1f\x80abdf");
        match dice.below(3) {
            0 => bytes.insert(place, byte),
            1 if place < bytes.len() => bytes[place] = byte,
            _ => bytes.truncate(bytes.len().max(place + 1) - 1),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_made_from_a_type_are_accepted(seed: u64) {
        let mut dice = Dice(seed);
        let mut table = TypeTable::default();
        let ty = any_type(&mut dice, &mut table, 4);
        for _ in 0..8 {
            if let Some(text) = value(&mut dice, &table, ty) {
                prop_assert_eq!(check(&table, ty, &text), Ok(()), "{}", text);
                let json = table.intern(Type::Json);
                prop_assert_eq!(check(&table, json, &text), Ok(()), "{}", text);
                agrees(&text)?;
            }
        }
    }

    #[test]
    fn mutated_values_never_panic_and_agree_on_syntax(seed: u64) {
        let mut dice = Dice(seed);
        let mut table = TypeTable::default();
        let ty = any_type(&mut dice, &mut table, 4);
        for _ in 0..8 {
            let Some(text) = value(&mut dice, &table, ty) else { continue };
            let text = mutated(&mut dice, &text);
            agrees(&text)?;
            if check(&table, ty, &text).is_ok() {
                prop_assert_eq!(checked(Type::Json, &text), Ok(()), "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_answered(text: String, seed: u64) {
        let mut table = TypeTable::default();
        let ty = any_type(&mut Dice(seed), &mut table, 3);
        let _ = check(&table, ty, &text);
        agrees(&text)?;
    }

    #[test]
    fn integers_agree_with_the_parser_of_rust(number: i128, shift in 0_u32..120) {
        let number = number >> shift;
        let text = number.to_string();
        prop_assert_eq!(checked(Type::U8, &text).is_ok(), text.parse::<u8>().is_ok());
        prop_assert_eq!(checked(Type::S32, &text).is_ok(), text.parse::<i32>().is_ok());
        prop_assert_eq!(checked(Type::U64, &text).is_ok(), text.parse::<u64>().is_ok());
        prop_assert_eq!(checked(Type::S64, &text).is_ok(), text.parse::<i64>().is_ok());
        let exact = number.unsigned_abs() <= 1 << 53;
        prop_assert_eq!(checked(Type::F64, &text).is_ok(), exact);
    }
}
