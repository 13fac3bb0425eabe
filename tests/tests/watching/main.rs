//! Files that are saved in every way, and who watches them.
#![expect(clippy::print_stdout, reason = "what became of each way is to be seen")]

mod again;
mod files;
mod folder;
mod reads;
mod run;
