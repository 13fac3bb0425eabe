//! Writes theater-flow actors in Rust.
//!
//! An actor is a type that implements [`Actor`]; [`export!`] makes a component of it:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};
//!
//! /// Counts the messages that it gets.
//! struct Count;
//!
//! #[derive(Deserialize, Config)]
//! #[serde(deny_unknown_fields)]
//! struct Config {}
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct State {
//!     seen: u64,
//! }
//!
//! impl Actor for Count {
//!     type Config = Config;
//!     type State = State;
//!     const DOC: &'static str = "Counts the messages that it gets.";
//!
//!     fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
//!         Ok(vec![Port::input("in", "json"), Port::output("out", "u64")])
//!     }
//!
//!     fn new(_: Config) -> Result<Self, Fault> {
//!         Ok(Self)
//!     }
//!
//!     fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
//!         if let Event::Message(_) = event {
//!             cx.emit("out", &(state.seen + 1))?;
//!             state.seen += 1;
//!         }
//!         Ok(Next::Wait)
//!     }
//! }
//!
//! theater_flow_sdk::export!(Count);
//! ```
//!
//! Everything that may change lives in [`Actor::State`], which is the snapshot; the actor itself is
//! made from the config and cannot change. So an actor that is restored goes on exactly as the one
//! that was saved.
//!
//! Natively, [`Cx`] holds a scripted world instead of the host's functions, and `Trial` runs an
//! actor against it: unit tests need no WebAssembly.

// So that what the derive macros write means the same in here.
extern crate self as theater_flow_sdk;

mod actor;
/// JSON text for bytes: canonical padded base64, the pipeline language's `bytes`.
pub mod bytes;
mod config;
mod context;
mod emit;
#[cfg(not(target_family = "wasm"))]
#[path = "outside_scripted.rs"]
mod outside;
#[cfg(target_family = "wasm")]
#[path = "outside_host.rs"]
mod outside;
mod schema;
mod schema_of;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
#[cfg(not(target_family = "wasm"))]
mod trial;
mod typed;

#[doc(hidden)]
pub mod guest;

#[doc(hidden)]
#[expect(clippy::pedantic, reason = "generated; the docs stand in wit/")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "agent",
        pub_export_macro: true,
        export_macro_name: "export_agent",
        additional_derives: [PartialEq, Eq],
    });
}

pub use bindings::theater::flow::files::{
    Entry as FolderEntry, Error as FileError, ErrorCode as FileErrorCode, FileStat,
    Kind as FileKind,
};
pub use bindings::theater::flow::log::Level;
pub use bindings::theater::flow::outbox::TypeMismatch;
pub use bindings::theater::flow::types::{
    ConfigFault, Description, Direction, Down, Event, Fault, Message, Next, Port,
};

pub use actor::Actor;
pub use config::parse_config;
pub use context::Cx;
pub use emit::EmitError;
pub use outside::Outside;
pub use schema::{Bounds, ConfigSchema, Measure, Member, Place, Property, Schema};
pub use theater_flow_sdk_macros::{Config, Typed};
#[cfg(not(target_family = "wasm"))]
pub use trial::{Handled, Trial};
pub use typed::{Type, Typed};

/// Makes a component of an [`Actor`]: `theater_flow_sdk::export!(MyActor);`, once in a crate of type
/// `cdylib`.
#[macro_export]
macro_rules! export {
    ($actor:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::exports::theater::flow::actor;

            ::std::thread_local! {
                static SLOT: $crate::guest::Slot<$actor> = const { $crate::guest::Slot::new() };
            }

            struct Component;

            impl actor::Guest for Component {
                fn about() -> actor::Description {
                    $crate::guest::about::<$actor>()
                }
                fn ports(
                    config: ::std::string::String,
                ) -> ::std::result::Result<
                    ::std::vec::Vec<actor::Port>,
                    ::std::vec::Vec<actor::ConfigFault>,
                > {
                    $crate::guest::ports::<$actor>(&config)
                }
                fn init(
                    config: ::std::string::String,
                    saved: ::std::option::Option<::std::vec::Vec<u8>>,
                ) -> ::std::result::Result<(), actor::Fault> {
                    SLOT.with(|slot| slot.init(&config, saved.as_deref()))
                }
                fn handle(event: actor::Event) -> ::std::result::Result<actor::Next, actor::Fault> {
                    SLOT.with(|slot| slot.handle(event))
                }
                fn snapshot() -> ::std::vec::Vec<u8> {
                    SLOT.with(|slot| slot.snapshot())
                }
            }

    $crate::bindings::export_agent!(Component with_types_in $crate::bindings);
        };
    };
}
