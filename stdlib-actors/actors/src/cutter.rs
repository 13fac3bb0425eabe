//! Cuts chunks of bytes into lines, with no more in memory than one line may have and one chunk.

use serde::{Deserialize, Serialize};

/// Bytes that were read and not yet sent.
#[derive(Default, Debug, Serialize, Deserialize)]
pub(crate) struct Cutter {
    #[serde(with = "theater_flow_sdk::bytes")]
    pending: Vec<u8>,
    /// The rest of a line that was cut is on its way: it is dropped.
    dropping: bool,
    /// The file has ended.
    ended: bool,
    /// Where the first line begins in `pending`.
    #[serde(skip)]
    from: usize,
    /// Where to go on looking for the end of the first line; never beyond a `\n` of that line.
    #[serde(skip)]
    searched: usize,
    /// Where the second line begins, once [`Cutter::piece`] gave the first.
    #[serde(skip)]
    after: usize,
    /// The line that `piece` gave was given before its end was seen.
    #[serde(skip)]
    early: bool,
}

/// What stands at the front.
#[derive(PartialEq, Debug)]
pub(crate) enum Piece<'a> {
    /// A line without its end. It stays until [`Cutter::advance`].
    Line {
        text: &'a [u8],
        /// There was more of it.
        cut: bool,
    },
    /// The end of the line has not been read: push more.
    Unfinished,
    /// The file has ended, and all lines are gone.
    End,
}

impl Cutter {
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next chunk of the file; an empty one is its end.
    pub(crate) fn push(&mut self, mut chunk: &[u8]) {
        if chunk.is_empty() {
            self.ended = true;
            return;
        }
        if self.dropping {
            let Some(end) = memchr::memchr(b'\n', chunk) else {
                return;
            };
            self.dropping = false;
            chunk = &chunk[end + 1..];
        }
        self.compact();
        self.pending.extend_from_slice(chunk);
    }

    /// The line at the front, cut after `max` bytes.
    pub(crate) fn piece(&mut self, max: usize) -> Piece<'_> {
        let rest = &self.pending[self.from..];
        let skip = self.searched.saturating_sub(self.from);
        let end = memchr::memchr(b'\n', &rest[skip..]).map(|at| skip + at);
        let (text, early) = match end {
            Some(end) => {
                self.after = self.from + end + 1;
                let line = &rest[..end];
                (line.strip_suffix(b"\r").unwrap_or(line), false)
            }
            // One byte more than `max` may be the `\r` of an end that is still to come.
            None if rest.len() > max + 1 => (rest, true),
            None if !self.ended => {
                self.searched = self.pending.len();
                return Piece::Unfinished;
            }
            None if rest.is_empty() => return Piece::End,
            None => (rest, false),
        };
        if end.is_none() {
            self.after = self.pending.len();
        }
        self.early = early;
        let cut = text.len() > max;
        let text = if cut {
            &text[..boundary(text, max)]
        } else {
            text
        };
        Piece::Line { text, cut }
    }

    /// Goes on to the next line.
    pub(crate) fn advance(&mut self) {
        self.from = self.after;
        self.searched = self.after;
        self.dropping = std::mem::take(&mut self.early);
    }

    /// Lets go of the lines that are gone. Due at the end of an event: a snapshot does not know
    /// where they ended.
    pub(crate) fn compact(&mut self) {
        self.pending.drain(..self.from);
        self.searched = self.searched.saturating_sub(self.from);
        self.from = 0;
    }
}

/// The longest prefix of at most `max` bytes that does not end inside a character.
fn boundary(text: &[u8], max: usize) -> usize {
    let inside = |at: usize| text[at] & 0b1100_0000 == 0b1000_0000;
    // A character has at most three bytes after its first; more of them are no characters.
    (max.saturating_sub(3)..=max)
        .rev()
        .find(|at| !inside(*at))
        .unwrap_or(max)
}
