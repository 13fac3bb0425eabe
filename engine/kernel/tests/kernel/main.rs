//! The kernel as a whole: runs with simulated guests, schedules and crashes.

#[path = "../common/mod.rs"]
mod common;

mod again;
mod asks;
mod broken;
mod dags;
mod decisions;
mod ends;
mod feedback;
mod forks;
mod gates;
mod golden;
mod http;
mod letters;
mod logs;
mod overflow;
mod redo;
mod regressions;
mod reloads;
mod rest;
mod retries;
mod revisions;
mod sends;
mod significant;
mod still;
mod stops;
mod supervision;
mod upgrades;
mod widenings;
mod wrong;
