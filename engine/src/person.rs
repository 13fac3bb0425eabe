//! Who somebody is.

use theater_flow_kernel::record::Person;

/// The user with this number, with the name that the system knows.
#[must_use]
pub fn person(uid: u32) -> Person {
    let name = uzers::get_user_by_uid(uid).map(|user| user.name().to_string_lossy().into_owned());
    Person { uid, name }
}

/// The user whose process this is.
#[must_use]
pub fn myself() -> Person {
    person(rustix::process::getuid().as_raw())
}
