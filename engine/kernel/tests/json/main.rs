//! The validator: what is a value of which type, what is said of the rest, and that it agrees with
//! another reader.

#[path = "../made/mod.rs"]
mod made;
mod random;
mod scalars;
mod shapes;

use theater_flow_kernel::json::{Mismatch, check};
use theater_flow_kernel::types::{Type, TypeTable};

fn checked(ty: Type, text: &str) -> Result<(), Mismatch> {
    let mut table = TypeTable::default();
    let id = table.intern(ty);
    check(&table, id, text)
}

fn good(ty: &Type, texts: &[&str]) {
    for text in texts {
        assert_eq!(checked(ty.clone(), text), Ok(()), "{text} is a value of {ty:?}");
    }
}

fn bad(ty: &Type, texts: &[&str]) {
    for text in texts {
        assert!(checked(ty.clone(), text).is_err(), "{text} is no value of {ty:?}");
    }
}
