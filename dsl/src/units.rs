//! Durations and sizes as people write them.

/// Milliseconds of `5s`, `100ms`, `2m`, `1h`.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
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

/// Milliseconds in the largest unit that leaves nothing over.
pub(crate) fn duration(ms: u64) -> String {
    written(ms, &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)])
}

/// Bytes in the largest unit that leaves nothing over.
pub(crate) fn size(bytes: u64) -> String {
    written(bytes, &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)])
}

fn written(number: u64, units: &[(&str, u64)]) -> String {
    let whole =
        units.iter().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor));
    let (unit, factor) = whole.or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{unit}", number / factor)
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
