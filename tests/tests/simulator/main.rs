//! The real loop on a simulated machine: crashes at every write point, schedules, time, replay.

#![expect(clippy::print_stdout, reason = "how much was tried is part of the result")]

mod asks;
mod check;
mod crashes;
mod everywhere;
mod piece;
mod schedules;
mod time;
