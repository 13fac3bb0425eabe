//! Durations and sizes as people write them.

pub use theater_flow_kernel::units::duration;
pub(crate) use theater_flow_kernel::units::size;

/// Milliseconds of `5s`, `100ms`, `2m`, `1h`; `None` for all else.
#[must_use]
pub fn milliseconds(text: &str) -> Option<u64> {
    scaled(text, &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)])
}

/// Bytes of `64MiB`, `1GiB`, `512KiB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    scaled(text, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Units as others write them.
const TIMES: &[(&[&str], f64)] = &[
    (&["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"], 1.0),
    (&["", "s", "sec", "secs", "second", "seconds"], 1_000.0),
    (&["m", "min", "mins", "minute", "minutes"], 60_000.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000.0),
    (&["d", "day", "days"], 86_400_000.0),
];
const SIZES: &[(&[&str], f64)] = &[
    (&["", "b", "byte", "bytes"], 1.0),
    (&["k", "kb", "ki", "kib"], 1_024.0),
    (&["m", "mb", "mi", "mib"], 1_048_576.0),
    (&["g", "gb", "gi", "gib"], 1_073_741_824.0),
];

/// What was probably meant by a text that is no duration: `1h30m`, `1.5s`, `30 seconds`, `PT30S`.
pub(crate) fn meant_duration(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let parts = text.strip_prefix("pt").unwrap_or(&text);
    whole(total(parts, TIMES)?).map(duration)
}

/// What was probably meant by a text that is no size: `64MB`, `1.5GiB`, `512 k`.
pub(crate) fn meant_size(text: &str) -> Option<String> {
    meant_bytes(text).map(size)
}

/// As [`meant_size`], in bytes.
pub(crate) fn meant_bytes(text: &str) -> Option<u64> {
    whole(total(&text.to_lowercase(), SIZES)?)
}

/// The sum of numbers with their units.
fn total(text: &str, units: &[(&[&str], f64)]) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (mut rest, mut sum) = (text.trim(), 0.0);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, factor) = units.iter().find(|(names, _)| names.contains(&unit.trim()))?;
        sum += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    Some(sum)
}

/// A positive number without a fraction.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, positive and exact"
    )]
    let whole = || number as u64;
    ((1.0..EXACT).contains(&number) && number.fract() == 0.0).then(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("5s", Some(5_000)),
            ("100ms", Some(100)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("5", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 s", None),
            ("5S", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, want) in cases {
            assert_eq!(milliseconds(text), want, "{text}");
        }
    }

    #[test]
    fn written_is_read_again() {
        for text in ["1ms", "1500ms", "5s", "90s", "2m", "1h", "720h"] {
            let ms = milliseconds(text).expect("a duration");
            assert_eq!(duration(ms), text);
        }
        for text in ["64KiB", "64MiB", "1GiB", "1025KiB"] {
            assert_eq!(size(bytes(text).expect("a size")), text);
        }
    }

    #[test]
    fn what_was_meant() {
        let durations = [
            ("30 seconds", Some("30s")),
            ("1.5s", Some("1500ms")),
            ("1h30m", Some("90m")),
            ("PT30S", Some("30s")),
            ("1d", Some("24h")),
            ("30", Some("30s")),
            ("0s", None),
            ("-5s", None),
            ("soon", None),
            ("1.2.3s", None),
            ("99999999999999999999s", None),
        ];
        for (text, want) in durations {
            assert_eq!(meant_duration(text).as_deref(), want, "{text}");
        }
        let sizes = [("64MB", Some("64MiB")), ("0.5GiB", Some("512MiB")), ("1 k", Some("1KiB"))];
        for (text, want) in sizes {
            assert_eq!(meant_size(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("64MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("512KiB", Some(512 << 10)),
            ("64MB", None),
            ("64", None),
            ("MiB", None),
        ];
        for (text, want) in cases {
            assert_eq!(bytes(text), want, "{text}");
        }
    }
}
