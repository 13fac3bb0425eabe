//! What a probe does when a rule fits.

use std::hint::black_box;

use serde_json::json;
use theater_flow_sdk::{Cx, EmitError, Fault, Level, Next};

use super::config::{Deed, Rule};
use super::{Probing, Reach, State};

/// Bytes of a value that no payload holds.
const HUGE_BYTES: usize = 17 << 20;
/// Bytes of one bite of memory.
const BITE_BYTES: usize = 1 << 20;

/// Follows a rule. An answer, if there is one, takes the place of the event's.
pub(super) fn perform<R: Reach>(
    probe: &Probing<R>,
    rule: &Rule,
    state: &State,
    cx: &mut Cx,
) -> Result<Option<Next>, Fault> {
    let port = rule.port.as_deref().unwrap_or("out");
    let text = rule.text.as_deref();
    match rule.deed {
        Deed::Count => cx.emit(port, &json!({ "count": state.count }))?,
        Deed::Drift => cx.emit(port, &json!({ "drift": probe.forgotten.get() }))?,
        Deed::Emit => cx.emit_json(port, text.unwrap_or("null"))?,
        Deed::Fault => {
            let code = rule.code.as_deref().unwrap_or("probe");
            return Err(Fault::new(code, text.unwrap_or("a fault on demand")));
        }
        Deed::Flood => flood(port, rule.n.unwrap_or(2_000), cx),
        Deed::Huge => {
            let body = huge(size(rule.n, HUGE_BYTES));
            report("huge", cx.emit_json(port, &body), cx);
        }
        Deed::Lie => report("lie", cx.emit_json(port, text.unwrap_or("{\"lie\":")), cx),
        Deed::UnknownPort => {
            let nowhere = rule.port.as_deref().unwrap_or("nowhere");
            report("unknown-port", cx.emit_json(nowhere, "null"), cx);
        }
        Deed::Log => cx.log(Level::Info, text.unwrap_or("a line on demand")),
        Deed::LogFlood => log_flood(rule.n.unwrap_or(1_000), cx),
        Deed::Done => return Ok(Some(Next::Done)),
        Deed::More => return Ok(Some(Next::More)),
        Deed::Wait => return Ok(Some(Next::Wait)),
        Deed::DeepRecursion => cx.log(Level::Info, &deeper(1).to_string()),
        Deed::Hoard => hoard(rule.n),
        Deed::Loop => spin(),
        Deed::Panic => panic(text.unwrap_or("a panic on demand")),
        Deed::Trap => trap(),
        _ => R::perform(rule, cx)?,
    }
    Ok(None)
}

/// Ends the incarnation without a word.
pub(super) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::panic::resume_unwind(Box::new("trap"));
}

/// A number of the config as a size on this machine.
pub(super) fn size(n: Option<u64>, default: usize) -> usize {
    n.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX))
}

#[expect(clippy::panic, reason = "on demand")]
fn panic(text: &str) -> ! {
    panic!("{text}");
}

fn report(deed: &str, sent: Result<(), EmitError>, cx: &mut Cx) {
    let text = match sent {
        Ok(()) => format!("{deed}: sent"),
        Err(error) => format!("{deed}: {}: {error}", error.code()),
    };
    cx.log(Level::Info, &text);
}

/// A JSON string of so many bytes, in memory only once: an instance has little more.
fn huge(bytes: usize) -> String {
    let mut body = String::with_capacity(bytes);
    body.push('"');
    body.extend(std::iter::repeat_n('x', bytes.saturating_sub(2)));
    body.push('"');
    body
}

/// Sends numbers until it is told to stop, and says after how many.
fn flood(port: &str, n: u64, cx: &mut Cx) {
    let stopped = (0..n).find_map(|sent| cx.emit(port, &sent).err().map(|error| (sent, error)));
    let text = match stopped {
        Some((sent, error)) => format!("flood: {} after {sent}: {error}", error.code()),
        None => format!("flood: sent {n}"),
    };
    cx.log(Level::Info, &text);
}

/// One line that is too long, then many.
fn log_flood(n: u64, cx: &mut Cx) {
    cx.log(Level::Info, &"x".repeat(64 << 10));
    for nth in 1..n {
        cx.log(Level::Info, &format!("line {nth}"));
    }
}

/// Takes memory and never gives it back: `n` bytes, or all there is, which traps.
fn hoard(n: Option<u64>) {
    let mut left = size(n, usize::MAX);
    while left > 0 {
        let bite = left.min(BITE_BYTES);
        black_box(Box::leak(vec![1_u8; bite].into_boxed_slice()));
        left -= bite;
    }
}

fn spin() {
    let mut turn = 0_u64;
    while black_box(turn) < u64::MAX {
        turn += 1;
    }
}

/// Every call keeps some stack and needs the result of the next.
fn deeper(depth: u64) -> u64 {
    let kept = black_box([depth; 16]);
    if black_box(depth) == 0 {
        return 0;
    }
    deeper(depth.wrapping_add(1)).wrapping_add(kept[0])
}
