//! Forks of runs, made by the real program: they go on from any record, know nothing of what came after it, and
//! leave the run that they come from as it is.

mod answers;
mod changed;
mod endings;
mod points;
mod scene;
mod waits;
mod written;
