//! Rules, tried on every line of a text.

use theater_flow_sdk::{Cx, Fault};

use super::Rest;
use super::rules::{Line, Rules};

/// Findings of one event: half of what an event may emit.
const SENT_PER_EVENT: usize = 512;
/// Bytes of one event, so that long lines do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;

/// Where to go on in a text.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The beginning of a line, and its number.
    at: usize,
    line: u64,
    /// Findings of it that were sent.
    sent: usize,
}

/// What one event has sent so far.
#[derive(Default)]
struct Sent {
    findings: usize,
    bytes: usize,
}

impl Sent {
    const fn is_full(&self) -> bool {
        self.findings >= SENT_PER_EVENT || self.bytes >= BYTES_PER_EVENT
    }
}

impl Rules {
    /// Sends as many findings of a text as fit one event, and gives the place where it has to go on.
    pub(super) fn scan(&self, path: &str, text: &str, cx: &mut Cx) -> Result<Option<Place>, Fault> {
        let place = Place {
            at: 0,
            line: 1,
            sent: 0,
        };
        self.scan_from(place, (path, text), cx)
    }

    /// What is left from a place.
    pub(super) fn rest(&self, place: Place, path: &str, text: &str) -> Rest {
        let text = &text[place.at..];
        let last = place.sent.checked_sub(1);
        let after = last.and_then(|last| self.matching(line_at(text, 0).0).nth(last));
        Rest {
            path: path.to_owned(),
            line: place.line,
            text: text.to_owned(),
            sent: place.sent,
            after: after.map(|rule| self.name(rule).to_owned()),
        }
    }

    pub(super) fn go_on(&self, rest: &Rest, cx: &mut Cx) -> Result<Option<Place>, Fault> {
        let line = rest.line;
        let sent = match &rest.after {
            None => rest.sent,
            Some(after) => {
                let rules = self.matching(line_at(&rest.text, 0).0);
                rules.filter(|rule| self.name(*rule) <= &**after).count()
            }
        };
        let place = Place { at: 0, line, sent };
        self.scan_from(place, (&rest.path, &rest.text), cx)
    }

    fn scan_from(
        &self,
        mut place: Place,
        (path, text): (&str, &str),
        cx: &mut Cx,
    ) -> Result<Option<Place>, Fault> {
        let mut sent = Sent::default();
        while place.at < text.len() && self.skip(&mut place, text) {
            let (line, next) = line_at(text, place.at);
            let found = Line {
                path,
                number: place.line,
                text: line,
            };
            for rule in self.matching(line).skip(place.sent) {
                if sent.is_full() {
                    return Ok(Some(place));
                }
                self.send(&found, rule, cx)?;
                sent.findings += 1;
                sent.bytes += line.len();
                place.sent += 1;
            }
            place = Place {
                at: next,
                line: place.line + 1,
                sent: 0,
            };
        }
        Ok(None)
    }

    /// Goes on to the next line on which a rule could match; false if there is none.
    fn skip(&self, place: &mut Place, text: &str) -> bool {
        let Some(sieve) = &self.sieve else {
            return true;
        };
        let Some(end) = sieve.shortest_match_at(text, place.at) else {
            return false;
        };
        let over = &text.as_bytes()[place.at..end];
        if let Some(last) = memchr::memrchr(b'\n', over) {
            let lines = memchr::memchr_iter(b'\n', over).count() as u64;
            *place = Place {
                at: place.at + last + 1,
                line: place.line + lines,
                sent: 0,
            };
        }
        true
    }
}

/// The line that begins at a place, and where the next one begins. A line ends at `\n` or `\r\n`; the
/// last one may end with the text.
fn line_at(text: &str, at: usize) -> (&str, usize) {
    let rest = &text[at..];
    match memchr::memchr(b'\n', rest.as_bytes()) {
        Some(end) => {
            let line = &rest[..end];
            (line.strip_suffix('\r').unwrap_or(line), at + end + 1)
        }
        None => (rest, text.len()),
    }
}
