//! JSON syntax: white space, literals, strings, arrays, objects. What they should be is for the
//! caller to say.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits::JSON_DEPTH;

use super::Mismatch;
use super::keys::Keys;
use super::number::Number;
use super::scan::plain;
use super::string::{BadEscape, Text, cut, escaped};

pub(super) type Checked<T = ()> = Result<T, Wrong>;

/// A mismatch in the making: the way back up to the root adds the steps of the pointer. Boxed, so that
/// the path on which all is well returns one word.
pub(super) struct Wrong(Box<Complaint>);

struct Complaint {
    message: String,
    /// From the inside out.
    steps: Vec<String>,
}

impl Wrong {
    #[cold]
    pub(super) fn new(message: String) -> Self {
        Self(Box::new(Complaint { message, steps: Vec::new() }))
    }

    #[cold]
    fn under(mut self, step: &str) -> Self {
        self.0.steps.push(cut(step).replace('~', "~0").replace('/', "~1"));
        self
    }

    pub(super) fn mismatch(self) -> Mismatch {
        let pointer = self.0.steps.iter().rev().flat_map(|step| ["/", step]).collect();
        Mismatch { pointer, message: self.0.message }
    }
}

/// A place in a text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[cold]
    fn syntax(&self, wanted: &str) -> Wrong {
        let found = match self.rest().chars().next() {
            None => String::from("the text ends"),
            Some(found) => format!("found {found:?}"),
        };
        Wrong::new(format!("not JSON: expected {wanted} at byte {}, {found}", self.at))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte here.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte after white space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    pub(super) fn next_is(&mut self, byte: u8) -> bool {
        self.next() == Some(byte)
    }

    /// Takes `true`, `false` or `null` if it comes next.
    pub(super) fn literal(&mut self, word: &str) -> bool {
        self.next();
        let is = self.rest().as_bytes().starts_with(word.as_bytes());
        self.at += if is { word.len() } else { 0 };
        is
    }

    /// Nothing but white space may be left.
    pub(super) fn end(&mut self) -> Checked {
        if self.next().is_none() { Ok(()) } else { Err(self.syntax("the end of the text")) }
    }

    /// What comes next, in words.
    ///
    /// # Errors
    /// It is not JSON.
    #[cold]
    pub(super) fn found(&mut self) -> Checked<&'static str> {
        match self.next() {
            Some(b'"') => Ok("a string"),
            Some(b'{') => Ok("an object"),
            Some(b'[') => Ok("an array"),
            Some(b'-' | b'0'..=b'9') => Ok("a number"),
            _ if self.literal("null") => Ok("null"),
            _ if self.literal("true") || self.literal("false") => Ok("a boolean"),
            _ => Err(self.syntax("a value")),
        }
    }

    /// Takes a number if one comes next.
    pub(super) fn number_if_next(&mut self) -> Checked<Option<Number<'a>>> {
        if !matches!(self.next(), Some(b'-' | b'0'..=b'9')) {
            return Ok(None);
        }
        let Some(number) = Number::read(self.rest()) else {
            return Err(self.syntax("a number"));
        };
        self.at += number.len();
        Ok(Some(number))
    }

    /// Takes a string if one comes next.
    pub(super) fn string_if_next(&mut self) -> Checked<Option<Text<'a>>> {
        if self.next_is(b'"') { self.string().map(Some) } else { Ok(None) }
    }

    /// Takes the string whose opening quote is here.
    fn string(&mut self) -> Checked<Text<'a>> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain(self.rest().as_bytes());
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.syntax("the end of a string or a character allowed in one")),
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    fn escape(&mut self) -> Checked {
        let after = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        match escaped(after) {
            Ok((_, length)) => {
                self.at += 1 + length;
                Ok(())
            }
            Err(BadEscape::Unknown) => Err(self.syntax("an escape of JSON")),
            Err(BadEscape::LoneSurrogate) => {
                Err(Wrong::new(format!("a lone surrogate is escaped at byte {}", self.at)))
            }
        }
    }

    /// Takes the array whose bracket is here, each item by `item`, which gets its place. Returns how many.
    pub(super) fn array(
        &mut self,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Checked,
    ) -> Checked<usize> {
        self.open(depth)?;
        if self.close(b']') {
            return Ok(0);
        }
        let mut place = 0;
        loop {
            item(self, place).map_err(|wrong| wrong.under(&place.to_string()))?;
            place += 1;
            if self.ends(b']', "`,` or `]`")? {
                return Ok(place);
            }
        }
    }

    /// Takes the object whose brace is here, each value by `value`, which gets its key.
    pub(super) fn object(
        &mut self,
        depth: usize,
        keys: &mut Keys<'a>,
        mut value: impl FnMut(&mut Self, &str) -> Checked,
    ) -> Checked {
        self.open(depth)?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            let new = keys.insert(key);
            let key = key.unescaped();
            if !new {
                return Err(Wrong::new(format!("field `{}` appears twice", cut(&key))));
            }
            value(self, &key).map_err(|wrong| wrong.under(&key))?;
            if self.ends(b'}', "`,` or `}`")? {
                return Ok(());
            }
        }
    }

    fn key(&mut self) -> Checked<Text<'a>> {
        let Some(key) = self.string_if_next()? else {
            return Err(self.syntax("a key"));
        };
        self.expect(b':', "`:`")?;
        Ok(key)
    }

    fn open(&mut self, depth: usize) -> Checked {
        if depth >= JSON_DEPTH {
            return Err(Wrong::new(format!("nested deeper than {JSON_DEPTH}")));
        }
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, byte: u8) -> bool {
        let is = self.next_is(byte);
        self.at += usize::from(is);
        is
    }

    /// Takes what follows an item: true for `last`, false for a comma.
    fn ends(&mut self, last: u8, wanted: &str) -> Checked<bool> {
        let next = self.next();
        if next != Some(b',') && next != Some(last) {
            return Err(self.syntax(wanted));
        }
        self.at += 1;
        Ok(next == Some(last))
    }

    fn expect(&mut self, byte: u8, wanted: &str) -> Checked {
        if self.close(byte) { Ok(()) } else { Err(self.syntax(wanted)) }
    }

    /// Takes any value.
    pub(super) fn any(&mut self, depth: usize) -> Checked {
        match self.next() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => {
                let mut keys = Keys::default();
                self.object(depth, &mut keys, |reader, _| reader.any(depth + 1))
            }
            Some(b'[') => self.array(depth, |reader, _| reader.any(depth + 1)).map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.any_number(),
            _ if ["true", "false", "null"].into_iter().any(|word| self.literal(word)) => Ok(()),
            _ => Err(self.syntax("a value")),
        }
    }

    fn any_number(&mut self) -> Checked {
        match self.number_if_next()? {
            Some(number) if !number.is_json() => Err(Wrong::new(format!(
                "{} is out of range: integers are within [−2^63, 2^64), doubles finite",
                number.shown()
            ))),
            _ => Ok(()),
        }
    }
}
