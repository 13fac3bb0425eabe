//! Dice and values, as in the kernel's tests.

#[path = "../../../../engine/kernel/tests/made/dice.rs"]
mod dice;
#[path = "../../../../engine/kernel/tests/made/value.rs"]
mod value;

pub(crate) use dice::Dice;
pub(crate) use value::value;
