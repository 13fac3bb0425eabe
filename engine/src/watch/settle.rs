//! When what stands in a file is what somebody meant to save. Files are seen half written, empty for a moment, gone for
//! a moment, and saved a hundred times a second. Pure: whoever looks says what is there and what time it is.

use super::Seen;

/// For how long a content must stand before it is taken, in ms.
const QUIET_MS: u64 = 250;
/// After how long it is taken although there is no quiet, once two looks in a row agree, in ms.
pub(super) const RESTLESS_MS: u64 = 2_000;
/// For how long a part of what runs, or what is less and ends otherwise, must stand: it is most likely half written. In ms.
const HALF_MS: u64 = 2_000;
/// For how long a file must be gone: many editors remove it before they write it anew. In ms.
const GONE_MS: u64 = 2_000;
/// Between two looks while something changes, in ms.
const BETWEEN_MS: u64 = 50;

/// Follows one file.
#[derive(Clone, Debug)]
pub(super) struct Settling {
    /// What was taken last; half of it is not taken at once.
    taken: Seen,
    /// What is seen instead.
    other: Option<Other>,
}

/// Something that is not what was taken.
#[derive(Clone, Debug)]
struct Other {
    seen: Seen,
    /// Since when that has been there.
    since: u64,
    /// Since when it has been changing without a quiet moment.
    restless: u64,
    /// It was there at the look before, too.
    twice: bool,
}

impl Other {
    const fn new(seen: Seen, now: u64) -> Self {
        Self { seen, since: now, restless: now, twice: false }
    }
}

impl Settling {
    /// Follows a file of which this was taken.
    #[must_use]
    pub(super) const fn new(taken: Seen) -> Self {
        Self { taken, other: None }
    }

    /// What was taken last.
    #[must_use]
    pub(super) const fn taken(&self) -> &Seen {
        &self.taken
    }

    /// Somebody looks at `now`, in ms. Gives what is seen if it is to be taken now, once.
    pub(super) fn look(&mut self, now: u64, seen: Seen) -> Option<&Seen> {
        if seen == self.taken {
            self.other = None;
            return None;
        }
        let other = match self.other.take() {
            Some(other) if other.seen == seen => Other { twice: true, ..other },
            // What had been quiet begins to change anew.
            Some(other) if now >= other.since + QUIET_MS => Other::new(seen, now),
            Some(other) => Other { seen, since: now, twice: false, ..other },
            None => Other::new(seen, now),
        };
        if now >= self.due(&other) && other.twice {
            self.taken = other.seen;
            return Some(&self.taken);
        }
        self.other = Some(other);
        None
    }

    /// What is seen instead, and may be on its way.
    #[must_use]
    pub(super) fn other(&self) -> Option<&Seen> {
        self.other.as_ref().map(|other| &other.seen)
    }

    /// True while something else is seen than what was taken, and may be on its way.
    #[must_use]
    pub(super) const fn is_restless(&self) -> bool {
        self.other.is_some()
    }

    /// When somebody has to look again if nothing happens before, in ms.
    #[must_use]
    pub(super) fn next_look(&self, now: u64) -> Option<u64> {
        let other = self.other.as_ref()?;
        Some(self.due(other).max(now + 1).min(now + BETWEEN_MS))
    }

    /// When it may be taken.
    fn due(&self, other: &Other) -> u64 {
        match &other.seen {
            Seen::Gone => other.since + GONE_MS,
            part if part.is_part_of(&self.taken) => other.since + HALF_MS,
            _ => (other.since + QUIET_MS).min(other.restless + RESTLESS_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Seen {
        Seen::of(text.as_bytes())
    }

    /// What is taken when, of what is seen from each time on. Somebody looks at each change and whenever it is due.
    fn taken(first: &str, changes: &[(u64, Seen)], until: u64) -> Vec<(u64, Seen)> {
        taken_of(text(first), changes, until)
    }

    fn taken_of(first: Seen, changes: &[(u64, Seen)], until: u64) -> Vec<(u64, Seen)> {
        let mut settling = Settling::new(first.clone());
        let (mut now, mut there, mut took) = (0, first, vec![]);
        let mut changes = changes.iter().peekable();
        while now <= until {
            while let Some((_, seen)) = changes.next_if(|(at, _)| *at <= now) {
                there = seen.clone();
            }
            if let Some(seen) = settling.look(now, there.clone()) {
                took.push((now, seen.clone()));
            }
            let next = settling.next_look(now);
            let change = changes.peek().map(|(at, _)| *at);
            now = next.into_iter().chain(change).min().unwrap_or(until + 1);
        }
        took
    }

    #[test]
    fn what_stands_is_taken_after_a_quarter_of_a_second() {
        assert_eq!(taken("a", &[(100, text("b"))], 9_000), [(350, text("b"))]);
    }

    #[test]
    fn what_was_there_before_is_nothing_new() {
        assert_eq!(taken("a", &[(100, text("b")), (200, text("a"))], 9_000), []);
        assert_eq!(taken("a", &[(100, text("a"))], 9_000), []);
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_was_not_removed() {
        let renamed = [(100, Seen::Gone), (900, text("b"))];
        assert_eq!(taken("a", &renamed, 9_000), [(1_150, text("b"))]);
        assert_eq!(taken("a", &[(100, Seen::Gone)], 9_000), [(2_100, Seen::Gone)]);
    }

    #[test]
    fn half_of_what_runs_is_taken_only_if_it_stays() {
        let halves = [(100, text("")), (600, text("ab")), (1_100, text("abcd"))];
        assert_eq!(taken("abc", &halves, 9_000), [(1_350, text("abcd"))]);
        assert_eq!(taken("abc", &[(100, text("ab"))], 9_000), [(2_100, text("ab"))]);
    }

    #[test]
    fn every_part_of_what_is_saved_waits_for_its_rest() {
        let runs = include_str!("../../../workflows/find-todos.toml");
        // What is another by its first line, by its last, or not at all.
        let saved = [runs.replacen("format = 1", "format=1\n", 1), format!("{runs}#"), runs.into()];
        for (nth, saved) in saved.iter().enumerate() {
            // But for a line break all is there.
            let all = runs.trim_end().len() - 2;
            for end in (0..all).filter(|end| saved.is_char_boundary(*end)) {
                let other = runs.replace("root", "tree");
                let changes = [(10, text(&saved[..end])), (1_900, text(&other))];
                let took = taken(runs, &changes, 2_500);
                assert!(took == [(2_150, text(&other))], "{nth}: the first {end} bytes");
            }
        }
    }

    #[test]
    fn an_empty_file_waits_for_its_content() {
        let made = [(100, text("")), (600, text("a"))];
        assert_eq!(taken_of(Seen::Gone, &made, 9_000), [(850, text("a"))]);
        assert_eq!(taken_of(Seen::Gone, &made[..1], 9_000), [(2_100, text(""))]);
    }

    #[test]
    fn a_large_file_that_is_shorter_may_be_half_written() {
        let large = |bytes: usize, of: u8| Seen::of(&vec![of; bytes]);
        let halves = [(100, large(500_000, 1)), (1_000, large(600_000, 1))];
        let whole = (1_250, large(600_000, 1));
        assert_eq!(taken_of(large(600_000, 0), &halves, 9_000), [whole]);
    }

    #[test]
    fn a_storm_of_saves_ends_with_the_last_and_is_not_waited_out_for_ever() {
        let storm = |ms: u64, every: u64| -> Vec<(u64, Seen)> {
            (0..ms / every).map(|n| (n * every, text(&format!("x{n}")))).collect()
        };
        let took = taken("a", &storm(1_000, 10), 9_000);
        assert_eq!(took, [(1_240, text("x99"))], "a hundred saves in a second are one change");
        let took = taken("a", &storm(10_000, 100), 20_000);
        assert!(took.len() >= 4, "{took:?}");
        assert_eq!(took.last().map(|(_, seen)| seen), Some(&text("x99")));
    }

    #[test]
    fn nothing_is_taken_that_was_seen_once_only() {
        // Each look sees something else.
        let mut settling = Settling::new(text("a"));
        for now in 0..10_000 {
            assert_eq!(settling.look(now * 7, text(&now.to_string())), None);
        }
    }
}
