//! The pure core of theater-flow.
//!
//! [`Plan`](plan::Plan) and [`Input`](input::Input)s go in, [`Record`](record::Record)s and work for the
//! shell come out. The crate is `no_std`, so that a clock, a file, a thread or a randomly ordered map
//! cannot even be named in it: time, randomness and order enter only inside inputs.
//!
//! Reading order: [`ids`], [`types`] and [`json`], [`plan`], [`record`], [`gate`], [`work`].
#![no_std]

extern crate alloc;

pub mod block;
pub mod decide;
pub mod desk;
pub mod flow;
pub mod fold;
pub mod gate;
pub mod http;
pub mod ids;
pub mod input;
pub mod json;
pub mod limits;
pub mod perform;
pub mod plan;
pub mod record;
pub mod reload;
pub mod state;
pub mod supervise;
pub mod types;
pub mod units;
pub mod verify;
pub mod work;
