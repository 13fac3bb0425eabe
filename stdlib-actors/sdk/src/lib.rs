//! Writes theater-flow actors in Rust: a short guide.
//!
//! An actor is a type that implements [`Actor`]. `theater-flow new --actor NAME` makes a project with
//! one; this is another, whole:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port, Trial, Typed};
//!
//! /// Sums what it gets, by name.
//! struct Sum(Config);
//!
//! #[derive(Deserialize, Config)]
//! #[serde(deny_unknown_fields, rename_all = "kebab-case")]
//! struct Config {
//!     /// What every amount is multiplied with.
//!     #[serde(default = "one")]
//!     #[config(minimum = 1, maximum = 1_000)]
//!     factor: u64,
//! }
//!
//! fn one() -> u64 { 1 }
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct State { sum: u64 }
//!
//! #[derive(Deserialize, Typed)]
//! struct Amount { amount: u32 }
//!
//! #[derive(Serialize, Typed)]
//! struct Total { total: u64 }
//!
//! impl Actor for Sum {
//!     type Config = Config;
//!     type State = State;
//!     const DOC: &'static str = "Sums amounts.";
//!
//!     fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
//!         Ok(vec![Port::input_of::<Amount>("in"), Port::output_of::<Total>("out")])
//!     }
//!
//!     fn new(config: Config) -> Result<Self, Fault> {
//!         Ok(Self(config))
//!     }
//!
//!     fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
//!         if let Event::Message(message) = event {
//!             let Amount { amount } = message.read()?;
//!             let more = u64::from(amount) * self.0.factor;
//!             let total = state.sum.checked_add(more).ok_or_else(|| {
//!                 Fault::new("too-large", "the sum does not fit 64 bits")
//!             })?;
//!             cx.emit("out", &Total { total })?;
//!             state.sum = total;
//!         }
//!         Ok(Next::Wait)
//!     }
//! }
//!
//! theater_flow_sdk::export!(Sum);
//!
//! let mut trial = Trial::<Sum>::new(r#"{ "factor": 10 }"#).expect("a good config");
//! trial.message("in", r#"{ "amount": 4 }"#);
//! let handled = trial.message("in", r#"{ "amount": 3 }"#);
//! assert_eq!(handled.emitted, [("out".to_owned(), r#"{"total":70}"#.to_owned())]);
//! ```
//!
//! # Config
//! `config` of the pipeline file, read by serde. [`#[derive(Config)]`](trait@ConfigSchema) makes a JSON
//! Schema of the same type: comments become descriptions, and `#[config(…)]` sets bounds, which are
//! checked before the actor sees the config. What only code can tell (a regular expression, a
//! template) is checked in [`Actor::ports`], which reports all it finds as [`ConfigFault`]s with their
//! places; the user sees them with the line of the file, and nothing is started.
//!
//! # Ports
//! [`Actor::ports`] names them for one config: [`Port::input_of`] and [`Port::output_of`] take a type
//! with [`#[derive(Typed)]`](trait@Typed), [`Port::input`] and [`Port::output`] the text of one, as the
//! pipeline file writes it. A type may be left open there: `$T`. A pipeline in which a reader could get
//! what it does not expect is refused, and every message is checked before it exists; so
//! [`Message::read`] fails only if the port's type and the Rust type disagree.
//!
//! # Handling events
//! [`Actor::handle`] gets one [`Event`] at a time, and each is a transaction: what it sends, writes and
//! changes takes effect together, or not at all.
//!
//! - [`Cx::emit`] sends a value, [`Cx::log`] writes to the record, and [`Cx::outside`] holds what the
//!   agent may be granted: files, clock, timers, randomness, standard input and output. What is not
//!   called is not imported, and needs no grant.
//! - A [`Fault`] is an error as a value. The event is tried again as the pipeline says, and then set
//!   aside; the actor lives on. Change the state last: a fault takes back all else, but not that.
//! - A panic ends the incarnation. Its text is in the record (`theater-flow events @latest`), and a new
//!   life begins with the state from before the event.
//! - Sources answer [`Next::More`] to [`Event::Start`] and then send a part at each [`Event::Pull`],
//!   at most 1,024 values at once; a pull comes only when there is room for it. [`Next::Done`] ends
//!   the agent.
//!
//! # State
//! Everything that may change lives in [`Actor::State`], which is the snapshot; the actor itself is
//! made from the config and cannot change. So an actor that is restored goes on exactly as the one
//! that was saved. No clock, no randomness and no order may come from elsewhere than [`Cx::outside`]:
//! runs are replayed, and a difference is found.
//!
//! # Another version
//! A run can go over to a new version of an actor, which goes on with the state that the old one had. If
//! that has another form now, implement [`Migrate`], which reads the old one, and write
//! `export!(MyActor, migrate)`. Without it the new version must be able to read the state as it is:
//! `#[serde(default)]` for what is new is often enough. A state that it cannot read refuses the change,
//! unless the pipeline's `[reload]` says `on_state_mismatch = "fresh"`.
//!
//! # Another config
//! A run can go over to another config for the same agent, too. What a state means only under the config
//! that it was made with (a place in a file, of which the config says the path) stands in the state, and
//! [`Actor::take_up`] refuses it where the config says something else.
//!
//! # Tests
//! Natively, [`Cx`] holds a scripted world instead of the host's functions, and [`Trial`] runs an
//! actor against it: `cargo test` needs no WebAssembly.
//!
//! # Building
//! In a crate of type `cdylib` with [`export!`]:
//! `cargo build --release --target wasm32-unknown-unknown`. The pipeline names the module that comes
//! out: `actor = "./target/wasm32-unknown-unknown/release/my_actor.wasm"`. The engine makes a component
//! of it.

// So that what the derive macros write means the same in here.
extern crate self as theater_flow_sdk;

mod actor;
/// JSON text for bytes: canonical padded base64, the pipeline language's `bytes`.
pub mod bytes;
mod config;
mod context;
mod emit;
#[cfg(feature = "migrate")]
#[doc(hidden)]
pub mod migrate;
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
pub use bindings::theater::flow::http::{
    Error as HttpError, ErrorCode as HttpErrorCode, Header as HttpHeader, Request as HttpRequest,
    Response as HttpResponse,
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
#[cfg(feature = "migrate")]
pub use migrate::Migrate;
pub use outside::Outside;
pub use schema::{Bounds, ConfigSchema, Measure, Member, Place, Property, Schema};
pub use theater_flow_sdk_macros::{Config, Typed};
#[cfg(not(target_family = "wasm"))]
pub use trial::{Handled, Trial};
pub use typed::{Type, Typed};

/// Makes a component of an [`Actor`]: `theater_flow_sdk::export!(MyActor);`, once in a crate of type
/// `cdylib`. `theater_flow_sdk::export!(MyActor, migrate);` for one that is `Migrate` too.
#[macro_export]
macro_rules! export {
    ($actor:ty, migrate) => {
        $crate::export!($actor);
        $crate::export_migrate!($actor);
    };
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

/// What [`export!`] says of `migrate` without the feature.
#[cfg(not(feature = "migrate"))]
#[doc(hidden)]
#[macro_export]
macro_rules! export_migrate {
    ($actor:ty) => {
        ::std::compile_error!(
            "`migrate` is a feature of theater-flow-sdk: write features = [\"migrate\"] at it in Cargo.toml"
        );
    };
}
