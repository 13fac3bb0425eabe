//! Panics of the store's library, caught and not printed.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}
static HOOK: Once = Once::new();

/// Runs `work`; a panic in it becomes its message.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(hook);
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_else(|| "unknown".into())
    })
}

/// Puts a hook before the one that prints panics: what is caught here, or ends one of the library's own
/// threads, is told as an error by the one who asked.
fn hook() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let theirs = thread::current().name().is_some_and(|name| name.starts_with("sled"));
        if !theirs && !QUIET.get() {
            print(panic);
        }
    }));
}
