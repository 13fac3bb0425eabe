//! The simulator: a second set of what the [`Driver`](crate::driver::Driver) drives, in one thread and
//! from one seed.
//!
//! A [`Machine`] is what outlives a process: the disk with its log, files, standard output, time. A
//! [`Process`] is one life on it: what its driver gives out lies in queues, and one thing at a time is
//! done, in an order that its [`Schedule`] draws. The log is a real [`Journal`](crate::journal::Journal)
//! on a store in memory, sinks are real [`Sinks`](crate::sinks::Sinks) on the machine's files, guests are
//! whatever a [`Troupe`](crate::workers::Troupe) brings. Every step that changes the machine is a numbered
//! [write point](Point), at which a [`Fate`] ends the process or makes the step fail.

mod dice;
mod files;
mod ground;
mod ledger;
mod machine;
mod process;
mod queue;
mod world;

pub use dice::Dice;
pub use machine::{Fate, How, Machine, Point, Print, What};
pub use process::{End, Process, RUN, Schedule};
pub use world::SimWorld;
