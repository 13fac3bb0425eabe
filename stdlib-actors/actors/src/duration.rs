//! Durations as people write them, the same as in the rest of a pipeline file.

use serde::Deserialize;
use theater_flow_sdk::{Bounds, ConfigSchema, Member, Place, Schema};

/// A day in ms.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// 30 days in ms: the longest duration anywhere in a pipeline file.
pub(crate) const MONTH_MS: u64 = 30 * DAY_MS;
const HOUR_MS: u64 = 3_600_000;

/// `500ms`, `5s`, `2m` or `1h`, as a config has it; from `LEAST` to `MOST` milliseconds.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Period<const LEAST: u64, const MOST: u64>(String);

impl<const LEAST: u64, const MOST: u64> Period<LEAST, MOST> {
    /// The duration in ms.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn ms(&self) -> Result<u64, String> {
        let text = &self.0;
        let Some(ms) = milliseconds(text) else {
            let expected = "expected a whole number with `ms`, `s`, `m` or `h`, such as \"30s\"";
            return Err(format!("`{text}` is not a duration: {expected}"));
        };
        if (LEAST..=MOST).contains(&ms) {
            return Ok(ms);
        }
        let hours = MOST / HOUR_MS;
        Err(format!(
            "`{text}` is out of range: expected {LEAST}ms to {hours}h"
        ))
    }
}

impl<const LEAST: u64, const MOST: u64> ConfigSchema for Period<LEAST, MOST> {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json("type", "\"string\""),
        Member::Json("pattern", "\"^[0-9]+(ms|s|m|h)$\""),
    ]);

    fn check(&self, _: &Bounds, at: &mut Place) {
        if let Err(message) = self.ms() {
            at.fault(message);
        }
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => HOUR_MS,
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
            ("720h", Some(MONTH_MS)),
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
            let period: Period<1, MONTH_MS> = Period(text.into());
            assert_eq!(period.ms().ok(), ms, "{text}");
        }
    }
}
