//! What a run wrote, place by place.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Part, SinkId};

use super::Place;
use super::meaning::Letters;
use super::parting::Likeness;
use crate::fork::OpenFiles;
use crate::view::Row;

/// What was written to one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Output {
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of them; `None` if some were erased.
    pub digest: Option<Digest>,
    /// The same without the numbers of records that dead letters hold.
    pub(super) meant: Digest,
    /// What commits to them, each piece under its salt.
    pub(super) sealed: Digest,
}

impl Output {
    /// Whether two runs wrote the same.
    pub(super) fn likeness(&self, other: &Self) -> Likeness {
        match (self.digest, other.digest) {
            _ if self.sealed == other.sealed => Likeness::Same,
            (Some(_), Some(_)) if self.meant == other.meant => Likeness::Same,
            (Some(_), Some(_)) => Likeness::Other,
            _ if self.bytes == other.bytes => Likeness::Unknown,
            _ => Likeness::Other,
        }
    }

    /// True if both wrote the same, as far as anybody knows.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.likeness(other) == Likeness::Same
    }

    /// True if some of what one wrote is erased, and nothing else says that they differ.
    #[must_use]
    pub fn is_unknown(&self, other: &Self) -> bool {
        self.likeness(other) == Likeness::Unknown
    }
}

/// What was written so far.
#[derive(Default)]
pub(super) struct Written {
    places: BTreeMap<Place, Bytes>,
    /// What agents call their files.
    names: HashMap<(String, SinkId), String>,
}

/// The bytes of one place.
#[derive(Default)]
struct Bytes {
    count: u64,
    erased: bool,
    content: Sha256,
    meant: Sha256,
    sealed: Sha256,
}

impl Written {
    /// Goes on with these open files. They are named by where they are; those of a fork by where they were before they
    /// were moved.
    pub(super) fn behind(open: &OpenFiles, plan: &Plan) -> Self {
        let named = open.iter().filter_map(|((agent, sink), file)| {
            let agent = plan.agent(*agent)?.name.clone();
            Some(((agent, *sink), file.origin().to_owned()))
        });
        Self { names: named.collect(), ..Self::default() }
    }

    /// Takes in what a record wrote. What failed wrote nothing.
    pub(super) fn take(&mut self, agent: &str, row: &Row, letters: &Letters) {
        if !matches!(row.record.body, Body::Transaction(_)) {
            return;
        }
        for (_, part, payloads) in row.parts() {
            match part {
                Part::Opened { sink, name, replace, .. } => {
                    self.names.insert((agent.to_owned(), *sink), name.clone());
                    let place = self.places.entry((agent.to_owned(), name.clone())).or_default();
                    if *replace {
                        *place = Bytes::default();
                    }
                }
                Part::Staged { sink, payload, .. } => {
                    let name = self.name(agent, *sink);
                    let place = self.places.entry((agent.to_owned(), name)).or_default();
                    place.count += u64::from(payload.len);
                    place.sealed.update(payload.digest.0);
                    match payloads.first().and_then(Option::as_deref) {
                        Some(bytes) => {
                            place.content.update(bytes);
                            place.meant.update(letters.without_numbers(bytes));
                        }
                        None => place.erased = true,
                    }
                }
                _ => {}
            }
        }
    }

    /// What a sink is called; nothing for standard output.
    fn name(&self, agent: &str, sink: SinkId) -> String {
        if sink == SinkId::STDOUT {
            return String::new();
        }
        let known = self.names.get(&(agent.to_owned(), sink));
        known.cloned().unwrap_or_else(|| format!("sink {}", sink.0))
    }

    pub(super) fn outputs(self) -> BTreeMap<Place, Output> {
        let digest = |hasher: Sha256| Digest(hasher.finalize().into());
        let output = |bytes: Bytes| Output {
            bytes: bytes.count,
            digest: (!bytes.erased).then(|| digest(bytes.content)),
            meant: digest(bytes.meant),
            sealed: digest(bytes.sealed),
        };
        self.places.into_iter().map(|(place, what)| (place, output(what))).collect()
    }
}
