//! Durations as people write them, the same as in the rest of a pipeline file.

use theater_flow_sdk::ConfigFault;

/// The longest: 30 days, as everywhere in a pipeline file.
const LONGEST_MS: u64 = 30 * 24 * 3_600_000;

/// Milliseconds of `500ms`, `5s`, `2m`, `1h`; from `least` up to 30 days.
///
/// # Errors
/// What is wrong with the text, at the config key `key`.
pub(crate) fn read(key: &str, text: &str, least: u64) -> Result<u64, ConfigFault> {
    let Some(ms) = milliseconds(text) else {
        let expected = "expected a whole number with `ms`, `s`, `m` or `h`, such as \"30s\"";
        let message = format!("`{text}` is not a duration: {expected}");
        return Err(ConfigFault::at(&[key], message));
    };
    if (least..=LONGEST_MS).contains(&ms) {
        return Ok(ms);
    }
    let message = format!("`{text}` is out of range: expected {least}ms to 720h");
    Err(ConfigFault::at(&[key], message))
}

fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("5s", Some(5_000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("720h", Some(LONGEST_MS)),
            ("721h", None),
            ("0s", None),
            ("5", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, ms) in cases {
            let read = read("every", text, 1);
            assert_eq!(read.as_ref().ok(), ms.as_ref(), "{text}");
            if let Err(fault) = read {
                assert_eq!(fault.pointer, "/every");
            }
        }
    }
}
