//! The real loop on a simulated machine: crashes at every write point, schedules, time, replay.

#![expect(clippy::print_stdout, reason = "how much was tried is part of the result")]

mod asks;
mod change;
mod check;
mod crashes;
mod everywhere;
mod live;
mod lookback;
mod piece;
mod places;
mod reloads;
mod schedules;
mod time;
mod tries;
