//! The shell of theater-flow: what stands between the pure kernel and the world.
//!
//! The [`driver`] is the loop; a [`session`] drives it with the real log, workers, sinks and clock. A run is
//! written down by a [`journal`], which keeps the kernel's records in a [`store`]; a [`head`] beside it says
//! how far the log is known to reach. The [`memory`] store takes the real one's place where a test wants to
//! choose when the disk fails, and a [`sim`]ulated machine that of all the rest. The
//! [tests](testing) that a file holds are run on one. A [`watch`] says when files have changed.

pub mod causes;
pub mod channels;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod compile;
pub mod driver;
pub mod envoy;
pub mod exit;
pub mod fork;
pub mod head;
pub mod journal;
pub mod letters;
pub mod log;
pub mod memory;
pub mod person;
pub mod prune;
pub mod rebuild;
pub mod recover;
pub mod reload;
pub mod render;
pub mod replay;
pub mod revisions;
pub mod runs;
pub mod scaffold;
pub mod scribe;
pub mod send;
pub mod session;
pub mod signals;
pub mod sim;
pub mod sinks;
pub mod socket;
pub mod stdlib;
pub mod store;
pub mod testing;
pub mod view;
pub mod watch;
pub mod workers;
pub mod world;
