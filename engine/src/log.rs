//! A run's log for those who only read it: a copy if nobody runs the run, else what its owner shows of it.
//!
//! Of a run that goes on it is the log up to the last block that stood there at first: blocks are never changed,
//! so what is read is of one moment, however long that takes. If the owner ends meanwhile, the rest is read
//! from a copy.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use theater_flow_kernel::block::{Key, Writes};

use crate::socket::{Client, SocketError, Span};
use crate::store::{Pair, Pairs, SledStore, Store, StoreError};

/// How long an owner that no longer answers may take to let the log go.
const LETTING_GO: Duration = Duration::from_secs(10);
/// Pairs that are read from a copy at a time.
const PAIRS: usize = 64;
/// Between two looks whether it has.
const BETWEEN: Duration = Duration::from_millis(5);

/// See the [module](self).
#[derive(Debug)]
pub struct Log {
    /// Where the database is.
    path: PathBuf,
    live: Option<Live>,
    /// A copy, once nobody runs the run.
    rest: OnceLock<SledStore>,
}

/// A log that its owner shows.
#[derive(Debug)]
struct Live {
    owner: Client,
    /// After the keys of the last block that stood there at first.
    end: Vec<u8>,
}

impl Log {
    /// Opens a copy of the log at `path`, which nobody may have open.
    pub fn at_rest(path: &Path) -> Result<Self, StoreError> {
        let rest = OnceLock::from(SledStore::open_copy(path)?);
        Ok(Self { path: path.to_owned(), live: None, rest })
    }

    /// The log at `path` as `owner`, which has it open, shows it.
    pub fn live(path: &Path, owner: Client) -> Result<Self, StoreError> {
        let end = Key::BLOCKS_END.to_vec();
        let live = Some(Live { owner, end });
        let mut log = Self { path: path.to_owned(), live, rest: OnceLock::new() };
        let last = log.last(Key::BLOCKS, Key::BLOCKS_END)?;
        let first = last.and_then(|(key, _)| match Key::decode(&key) {
            Some(Key::Block { first, .. }) => Some(first),
            _ => None,
        });
        if let (Some(live), Some(first)) = (&mut log.live, first) {
            live.end = Key::Block { first, part: u32::MAX }.encode();
        }
        Ok(log)
    }

    /// True if the run went on when this was opened.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Where a range of one kind of key that begins with `from` ends.
    fn bound<'a>(&'a self, from: &[u8], to: &'a [u8]) -> &'a [u8] {
        match &self.live {
            Some(live) if from < Key::BLOCKS_END => to.min(&live.end),
            _ => to,
        }
    }

    /// Some of the pairs of a span: at least one if there is one.
    fn some(&self, span: &Span) -> Result<Vec<Pair>, StoreError> {
        if let (Some(live), None) = (&self.live, self.rest.get()) {
            match live.owner.pairs(span) {
                Err(SocketError::Gone | SocketError::Cut) => {}
                pairs => return pairs.map_err(|error| self.failed(error)),
            }
        }
        let rest = self.rest()?;
        if span.last {
            return Ok(rest.last(&span.from, &span.to)?.into_iter().collect());
        }
        rest.range(&span.from, &span.to).take(PAIRS).collect()
    }

    fn failed(&self, error: SocketError) -> StoreError {
        StoreError::io(&self.path, io::Error::other(error))
    }

    /// The copy; made now if the owner is gone.
    fn rest(&self) -> Result<&SledStore, StoreError> {
        if let Some(rest) = self.rest.get() {
            return Ok(rest);
        }
        let until = Instant::now() + LETTING_GO;
        loop {
            match SledStore::open_copy(&self.path) {
                Ok(copy) => return Ok(self.rest.get_or_init(|| copy)),
                Err(StoreError::Locked { .. }) if Instant::now() < until => thread::sleep(BETWEEN),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Store for Log {
    fn commit(&mut self, _: Writes, _: Vec<Vec<u8>>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let after = [key, &[0]].concat();
        self.range(key, &after).next().transpose().map(|pair| pair.map(|(_, value)| value))
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Pairs<'_> {
        let to = self.bound(from, to);
        if let Some(rest) = self.rest.get() {
            return rest.range(from, to);
        }
        let mut span = Span { from: from.to_owned(), to: to.to_owned(), last: false };
        let (mut read, mut over) = (vec![].into_iter(), span.from >= span.to);
        Box::new(std::iter::from_fn(move || {
            if read.len() == 0 && !over {
                let pairs = match self.some(&span) {
                    Ok(pairs) => pairs,
                    Err(error) => {
                        over = true;
                        return Some(Err(error));
                    }
                };
                match pairs.last() {
                    // The first key after it.
                    Some((last, _)) => span.from = [last.as_slice(), &[0]].concat(),
                    None => over = true,
                }
                read = pairs.into_iter();
            }
            read.next().map(Ok)
        }))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let to = self.bound(from, to).to_owned();
        let span = Span { from: from.to_owned(), to, last: true };
        Ok(if span.from < span.to { self.some(&span)?.pop() } else { None })
    }
}
