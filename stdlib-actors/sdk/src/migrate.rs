//! Going on from what an earlier version of an actor kept in mind.

use crate::guest::save;
use crate::{Actor, Fault};

/// An actor that can go on from the state of an earlier version of itself, for
/// [`export!(…, migrate)`](crate::export).
pub trait Migrate: Actor {
    /// What the state of another version is as one of this version. `saved` is its snapshot: the JSON text of its
    /// [`State`](Actor::State). `from_version` is the SHA-256 of its component, in hex; a state that says itself of
    /// which version it is needs no look at it.
    ///
    /// # Errors
    /// A fault if there is no way from there to here. The run then stays as it is, or the agent begins anew, as
    /// `[reload] on_state_mismatch` says.
    fn migrate(from_version: &str, saved: &[u8]) -> Result<Self::State, Fault>;
}

#[doc(hidden)]
#[expect(clippy::pedantic, reason = "generated; the docs stand in wit/")]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package theater:sdk; world migration { export theater:flow/migration@0.1.0; }",
        path: "../../wit",
        world: "theater:sdk/migration",
        with: { "theater:flow/types@0.1.0": crate::bindings::theater::flow::types },
        pub_export_macro: true,
        export_macro_name: "export_migration",
    });
}

/// See `migrate` in `wit/migration.wit`.
#[doc(hidden)]
pub fn migrate<A: Migrate>(from_version: &str, saved: &[u8]) -> Result<Vec<u8>, Fault> {
    A::migrate(from_version, saved).map(|state| save::<A>(&state))
}

/// What [`export!`](crate::export) does for `migrate`.
#[doc(hidden)]
#[macro_export]
macro_rules! export_migrate {
    ($actor:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::migrate::bindings::exports::theater::flow::migration;

            struct Component;

            impl migration::Guest for Component {
                fn migrate(
                    from_version: ::std::string::String,
                    saved: ::std::vec::Vec<u8>,
                ) -> ::std::result::Result<::std::vec::Vec<u8>, migration::Fault> {
                    $crate::migrate::migrate::<$actor>(&from_version, &saved)
                }
            }

    $crate::migrate::bindings::export_migration!(Component with_types_in $crate::migrate::bindings);
        };
    };
}
