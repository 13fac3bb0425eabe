//! Cuts a CSV text that comes in chunks into records, so that the way can be left and taken up again
//! at any record.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde::{Deserialize, Serialize};

/// Bytes of the first read for a record. Each further one doubles what there is, since an unfinished
/// record is read again from its beginning.
const READ_BYTES: usize = 64 << 10;

/// Where in the text the actor stands.
#[derive(Default, Debug, Serialize, Deserialize)]
pub(super) struct Records {
    /// Where the next read begins.
    pub(super) offset: u64,
    /// Line ends before the next record.
    lines: u64,
    /// What was read, from the beginning of the next record on.
    #[serde(with = "theater_flow_sdk::bytes")]
    pending: Vec<u8>,
    /// The text has ended.
    ended: bool,
    /// The rest of a record that is too long is on its way, and is dropped.
    dropping: Option<Quoted>,
    /// Where the next record begins in `pending`.
    #[serde(skip)]
    from: usize,
}

/// Whether a place in the text is between quotes: where a line end ends no record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Quoted(bool);

/// What reads records, and its space. Nothing of it is needed for the next record.
pub(super) struct Parser {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

/// What stands next.
#[derive(PartialEq, Debug)]
pub(super) enum Cut {
    /// A record, in the parser, until [`Records::advance`] by so many bytes.
    Record(usize),
    /// A record that is longer than it may be, until [`Records::advance`].
    TooLong(usize),
    /// Another, the end of which has not been read, until [`Records::give_up`].
    Endless,
    /// A quote that the text ends in, until [`Records::give_up`].
    Unclosed,
    /// More is to be read.
    Unfinished,
    /// The text has ended, and all records are gone.
    End,
}

impl Parser {
    pub(super) fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        let (text, ends) = (Vec::new(), vec![0; 64]);
        Self {
            reader,
            text,
            ends,
            fields: 0,
        }
    }

    /// The fields of the last record, without their quotes.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends[..self.fields].iter().map(move |end| {
            let field = &self.text[from..*end];
            from = *end;
            field
        })
    }

    /// Reads the record that `rest` begins with, and says how long it is; `None` if it goes on
    /// beyond.
    fn record(&mut self, rest: &[u8]) -> Option<usize> {
        if self.text.len() < rest.len() {
            self.text.resize(rest.len(), 0);
        }
        loop {
            self.reader.reset();
            let (text, ends) = (&mut self.text, &mut self.ends);
            let (result, len, _, fields) = self.reader.read_record(rest, text, ends);
            self.fields = fields;
            match result {
                ReadRecordResult::Record => return Some(len),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2 + 64, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
    }
}

impl Records {
    /// Something was read, be it the end.
    pub(super) const fn have_begun(&self) -> bool {
        self.offset > 0 || self.ended
    }

    /// How much to read next.
    pub(super) fn wanted(&self) -> u32 {
        let len = self.pending.len().clamp(READ_BYTES, 1 << 20);
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    /// The physical line, from 1, that the next record begins in.
    pub(super) fn line(&self) -> u64 {
        self.lines + 1
    }

    /// Takes the next chunk of the text; an empty one is its end.
    pub(super) fn push(&mut self, mut chunk: &[u8]) {
        self.compact();
        self.offset += chunk.len() as u64;
        if chunk.is_empty() {
            self.ended = true;
            // The last record may end with the text, but not between quotes.
            if !self.pending.is_empty() {
                self.pending.push(b'\n');
            }
            return;
        }
        if let Some(quoted) = self.dropping {
            chunk = self.drop_until_end(quoted, chunk);
        }
        self.pending.extend_from_slice(chunk);
    }

    /// What stands next. Empty lines before it are passed over.
    pub(super) fn cut(&mut self, parser: &mut Parser, max: usize) -> Cut {
        self.pass_line_ends();
        let rest = &self.pending[self.from..];
        if rest.is_empty() || self.dropping.is_some() {
            return if self.ended {
                Cut::End
            } else {
                Cut::Unfinished
            };
        }
        match parser.record(rest) {
            Some(len) if len > max.saturating_add(1) => Cut::TooLong(len),
            Some(len) => Cut::Record(len),
            None if rest.len() > max => Cut::Endless,
            None if self.ended => Cut::Unclosed,
            None => Cut::Unfinished,
        }
    }

    /// Goes on behind a record.
    pub(super) fn advance(&mut self, len: usize) {
        let gone = &self.pending[self.from..self.from + len];
        self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
        self.from += len;
    }

    /// Goes on behind a record that has not been read to its end.
    pub(super) fn give_up(&mut self) {
        let gone = &self.pending[self.from..];
        // A quote within quotes is written twice.
        let quoted = memchr::memchr_iter(b'"', gone).count() % 2 == 1;
        self.dropping = (!self.ended).then_some(Quoted(quoted));
        self.advance(self.pending.len() - self.from);
    }

    /// Lets go of the records that are gone. Due at the end of an event: a snapshot does not know
    /// where they ended.
    pub(super) fn compact(&mut self) {
        self.pending.drain(..self.from);
        self.from = 0;
    }

    fn pass_line_ends(&mut self) {
        while let Some(end @ (b'\n' | b'\r')) = self.pending.get(self.from) {
            self.lines += u64::from(*end == b'\n');
            self.from += 1;
        }
    }

    /// What of the chunk follows the record that is dropped.
    fn drop_until_end<'a>(&mut self, Quoted(mut quoted): Quoted, chunk: &'a [u8]) -> &'a [u8] {
        for (at, byte) in chunk.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' | b'\r' if !quoted => {
                    self.dropping = None;
                    return &chunk[at..];
                }
                b'\n' => self.lines += 1,
                _ => {}
            }
        }
        self.dropping = Some(Quoted(quoted));
        &[]
    }
}
