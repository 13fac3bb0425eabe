//! The pipeline language of theater-flow: text in, [`Plan`](theater_flow_kernel::plan::Plan) or
//! [`Fault`]s out.
//!
//! The crate is pure. It reads no file, no environment variable and no clock: [`compile`] says what it
//! needs to know ([`Need`]), the caller finds out ([`Facts`]) and calls again until it is
//! [`Done`](Outcome::Done).
//!
//! Stages, each a type: text → `Tree` ([`toml`] with places) → `Spec` (what a file says) → `Scopes` (the
//! pipeline, and each use of a module) → values (references resolved) → `Graph` (what it means) → port types
//! → `Plan`. Every stage goes on with what
//! it could make out, so that one compilation tells of all faults; and what follows from an earlier
//! fault is not told again.

mod codes;
mod facts;
mod fault;
mod foreign;
mod notes;
mod span;

mod spec;
mod spec_agent;
mod spec_file;
mod spec_http;
mod spec_module;
mod spec_reload;
mod spec_restart;
mod spec_tests;
mod syntax;
mod table;
mod tree;
mod units;

mod type_match;
mod type_parser;
mod type_review;
mod type_table;
mod type_text;

mod modules;
mod scopes;

mod params;
mod paths;
mod pointer;
mod values;

mod agents;
mod assemble;
mod channels;
mod check_tests;
mod compile;
mod config;
mod dead_letter;
mod expand;
mod grants;
mod graph;
mod interpolation;
mod json_schema;
mod kind;
mod layout;
mod open_ends;
pub mod picture;
mod reach;
mod relays;
mod schema;
mod slip;
mod solve;
mod supervision;
pub mod testing;
mod wiring;

pub use codes::{ALL as CODES, Code, explain};
pub use compile::{Compiled, Module, Outcome, Seam, compile};
pub use expand::expand;
pub use facts::{
    ActorFacts, ActorProblem, ConfigFault, Direction, Facts, Import, Mode, Need, PortFacts,
    PortsProblem, Source,
};
pub use fault::{Fault, Label, Severity};
pub use kind::{Kind, kind};
pub use layout::format;
pub use params::keep_set;
pub use schema::SCHEMA;
pub use span::{At, Span};
pub use units::{duration, milliseconds};
