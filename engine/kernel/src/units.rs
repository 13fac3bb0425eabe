//! Durations and sizes as people read them.

use alloc::format;
use alloc::string::String;

/// Milliseconds in the largest unit that leaves nothing over: `5s`, `1h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    written(ms, &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)])
}

/// Bytes in the largest unit that leaves nothing over: `64MiB`, `1GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    written(bytes, &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)])
}

fn written(number: u64, units: &[(&str, u64)]) -> String {
    let whole =
        units.iter().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor));
    let (unit, factor) = whole.or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{unit}", number / factor)
}
