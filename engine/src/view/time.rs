//! Times for people: UTC, to the millisecond.

const DAY_MS: u64 = 86_400_000;

/// `2026-11-23T01:10:46.123Z`, of ms since 1970.
#[must_use]
pub fn date_time(ms: u64) -> String {
    let (year, month, day) = date(ms / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day(ms))
}

/// `01:10:46.123`, of ms since 1970.
#[must_use]
pub fn time_of_day(ms: u64) -> String {
    let ms = ms % DAY_MS;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
}

/// Year, month and day of a day since 1970.
///
/// Counts in years that begin in March, so that the leap day is a year's last, and in spans of 400
/// years, which all have the same number of days.
fn date(days: u64) -> (u64, u64, u64) {
    const SPAN: u64 = 146_097;
    // Days from 1 March of year 0 to 1 January 1970.
    let days = days + 719_468;
    let (span, day) = (days / SPAN, days % SPAN);
    let year = (day - day / 1_460 + day / 36_524 - day / (SPAN - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (span * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (1_795_396_246_123, "2026-11-23T01:10:46.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (ms, expected) in cases {
            assert_eq!(date_time(ms), expected);
        }
    }

    #[test]
    fn any_number_has_a_time() {
        assert!(date_time(u64::MAX).ends_with('Z'));
    }
}
