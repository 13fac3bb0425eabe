//! From the tree to the [`Spec`](crate::spec::Spec): what a file says of its own changes.

use theater_flow_kernel::plan::{OnDelete, OnStateMismatch, OnTypeMismatch, ReloadRules};

use crate::notes::Notes;
use crate::span::At;
use crate::table::{Table, word};
use crate::tree::Entry;

const ON_STATE_MISMATCH: &[(&str, OnStateMismatch)] =
    &[("reject", OnStateMismatch::Reject), ("fresh", OnStateMismatch::Fresh)];
const ON_TYPE_MISMATCH: &[(&str, OnTypeMismatch)] =
    &[("reject", OnTypeMismatch::Reject), ("dead-letter", OnTypeMismatch::DeadLetter)];
const ON_DELETE: &[(&str, OnDelete)] =
    &[("drain", OnDelete::Drain), ("stop", OnDelete::Stop), ("keep", OnDelete::Keep)];

/// Reads `[reload]`. What it does not say is as if there were no such table.
pub(crate) fn reload_rules(entry: &Entry, notes: &mut Notes<'_>) -> ReloadRules {
    let Some(mut table) = Table::of("`[reload]`", entry, notes).map(Table::forgiving) else {
        return ReloadRules::default();
    };
    let on_state_mismatch = table.read("on_state_mismatch", notes, word(ON_STATE_MISMATCH));
    let on_type_mismatch = table.read("on_type_mismatch", notes, word(ON_TYPE_MISMATCH));
    let on_delete = table.read("on_delete", notes, word(ON_DELETE));
    table.finish(notes);
    ReloadRules {
        on_state_mismatch: said(on_state_mismatch),
        on_type_mismatch: said(on_type_mismatch),
        on_delete: said(on_delete),
    }
}

fn said<T: Default>(read: Option<At<T>>) -> T {
    read.map_or_else(T::default, |read| read.value)
}
