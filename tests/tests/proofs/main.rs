//! Proofs about whole runs: pipelines that a seed makes are run with real components on a simulated machine,
//! killed and taken up, verified and replayed; leaks that are planted are found and named; and what guests
//! call is counted beside the log.

#![expect(clippy::print_stdout, reason = "how much was tried is part of the result")]

mod count;
mod coverage;
mod edits;
mod features;
mod forgets;
mod generated;
mod heard;
mod leaks;
mod live;
mod make;
mod reloaded;
mod same;
mod stages;
