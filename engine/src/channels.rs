//! Names of channels, `agent.port`, and patterns of them.

use theater_flow_kernel::plan::Plan;

/// Which channels are meant. `*` stands for any letters within one part of a name, `**` for any letters, also over the
/// `.` before the port and the `/` of a module. A pattern without a `.` is about agents, and means all their outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: String,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    This(char),
    /// Any letters but `.` and `/`.
    Part,
    /// Any letters.
    All,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it: it holds something that is in no name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let of_names = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
        if text.is_empty() || !text.chars().all(of_names) {
            return Err(format!(
                "`{text}` is no pattern of channels, which are named `agent.port`"
            ));
        }
        let all = if text.contains('.') { String::from(text) } else { format!("{text}.*") };
        let mut marks = vec![];
        for c in all.chars() {
            match (c, marks.last()) {
                ('*', Some(Mark::Part)) => {
                    marks.pop();
                    marks.push(Mark::All);
                }
                ('*', Some(Mark::All)) => {}
                ('*', _) => marks.push(Mark::Part),
                (c, _) => marks.push(Mark::This(c)),
            }
        }
        Ok(Self { text: String::from(text), marks })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if this channel is meant.
    #[must_use]
    pub fn matches(&self, channel: &str) -> bool {
        // By how many of the marks stand for what was read so far: one step a letter, however many stars there are.
        let mut reached = vec![false; self.marks.len() + 1];
        reached[0] = true;
        self.pass_stars(&mut reached);
        for c in channel.chars() {
            let mut next = vec![false; self.marks.len() + 1];
            for (at, mark) in self.marks.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match mark {
                    Mark::This(this) => next[at + 1] |= *this == c,
                    Mark::Part => next[at] |= !matches!(c, '.' | '/'),
                    Mark::All => next[at] = true,
                }
            }
            self.pass_stars(&mut next);
            reached = next;
        }
        reached[self.marks.len()]
    }

    /// A star may stand for nothing.
    fn pass_stars(&self, reached: &mut [bool]) {
        for (at, mark) in self.marks.iter().enumerate() {
            if reached[at] && !matches!(mark, Mark::This(_)) {
                reached[at + 1] = true;
            }
        }
    }
}

/// The channels of a plan, in the order of its agents.
#[must_use]
pub fn of(plan: &Plan) -> Vec<String> {
    let names = plan.present().flat_map(|agent| {
        agent.outputs.iter().map(|output| format!("{}.{}", agent.name, output.name))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, channel: &str) -> bool {
        Pattern::parse(pattern).expect("a pattern").matches(channel)
    }

    #[test]
    fn a_star_stays_within_its_part_and_two_do_not() {
        for (pattern, channel) in [
            ("walk.out", "walk.out"),
            ("walk", "walk.out"),
            ("wa*", "walk.out"),
            ("*", "walk.out"),
            ("*.out", "walk.out"),
            ("w*k.o*t", "walk.out"),
            ("*alk*.out*", "walk.out"),
            ("**", "a/b/walk.out"),
            ("**.out", "a/walk.out"),
            ("a/*.out", "a/walk.out"),
            ("a**", "a/walk.out"),
            ("***", "a/walk.out"),
            ("**k.**t", "a/walk.out"),
        ] {
            assert!(matches(pattern, channel), "{pattern} {channel}");
        }
        for (pattern, channel) in [
            ("walk.in", "walk.out"),
            ("walk.ou", "walk.out"),
            ("alk.out", "walk.out"),
            ("*", "a/walk.out"),
            ("*.out", "a/walk.out"),
            ("wa*ut.out", "walk.out"),
            ("walk.", "walk.out"),
            ("walk.out.*", "walk.out"),
        ] {
            assert!(!matches(pattern, channel), "{pattern} {channel}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = format!("{}b", "*a".repeat(500));
        assert!(!matches(&pattern, &format!("{}.out", "a".repeat(2_000))));
    }

    #[test]
    fn what_is_in_no_name_is_no_pattern() {
        for wrong in ["", "a b", "a?", "ä", "a.out\n", "[a]"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
