//! From one plan of a run to the next, as data: which agents are the same ([`adopt`]), what differs ([`diff`]), and
//! what of that gives somebody more than they had ([`widenings`]).
//!
//! Nothing here changes a run; [`fold`](crate::fold) does, when a record says so.

mod adopt;
mod course;
mod diff;
mod same;
mod wake;
mod widen;
mod words;

pub use crate::decide::{Obstacle, gone, has_handled, obstacle};
pub use adopt::adopt;
pub use course::Course;
pub use diff::{Change, Changes, Kind, Why, diff};
pub(crate) use same::same_type;
pub(crate) use wake::Again;
pub(crate) use widen::covers;
pub use widen::{Widening, widenings};

/// What happens with messages that are no values of their inputs' new types, or whose inputs are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfits {
    /// The run does not go over to the plan.
    Refuse,
    /// They become dead letters.
    SetAside,
}
