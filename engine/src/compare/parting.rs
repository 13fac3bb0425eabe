//! Where two sequences of deeds part.

use std::collections::HashMap;
use std::hash::Hash;

use super::meaning::Meaning;
use super::{Deed, Pair};

/// Whether two things are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Likeness {
    Same,
    /// Nothing says that they differ, but some of what one was is erased.
    Unknown,
    Other,
}

/// Where two sequences of deeds part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parting {
    Never,
    /// Only in the order of the same deeds.
    Order,
    /// Nobody knows yet: one has what the other, which goes on, may have later.
    Open,
    At(Pair<u64>),
}

impl Meaning {
    fn likeness(&self, other: &Self) -> Likeness {
        match (self.content, other.content) {
            _ if self.sealed == other.sealed => Likeness::Same,
            (Some(content), Some(other)) if content == other => Likeness::Same,
            (Some(_), Some(_)) => Likeness::Other,
            _ if self.outline == other.outline => Likeness::Unknown,
            _ => Likeness::Other,
        }
    }
}

/// What an agent did in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    pub(super) deeds: &'a [Deed],
    /// There may be more.
    pub(super) goes_on: bool,
    /// What it did first, second, … it can only have done then.
    pub(super) in_one_order: bool,
}

/// What stands in the one sequence from the first difference on and has no equal in the rest of the other, and how
/// many deeds stand for each other of which some was erased. A sequence that goes on may still come to it, unless
/// something else stands in its place and each has only one place.
pub(super) fn parting(left: Side<'_>, right: Side<'_>) -> (Parting, u64) {
    let like = |(a, b): (&Deed, &Deed)| a.meaning.likeness(&b.meaning);
    let pairs = || left.deeds.iter().zip(right.deeds).map(like);
    let unknown = pairs().filter(|likeness| *likeness == Likeness::Unknown).count();
    let in_order = pairs().all(|likeness| likeness != Likeness::Other);
    if in_order && left.deeds.len() == right.deeds.len() {
        return (Parting::Never, unknown as u64);
    }
    let same = pairs().take_while(|likeness| *likeness == Likeness::Same).count();
    let mut pairing = Pairing::new(&left.deeds[same..], &right.deeds[same..]);
    pairing.all();
    let goes_on = left.goes_on || right.goes_on;
    let placed = goes_on && left.in_one_order && right.in_one_order;
    let (first, second) = pairing.first_alone();
    let alone = (first.filter(|_| !right.goes_on), second.filter(|_| !left.goes_on));
    let records = pairing.first_parted().filter(|_| placed).unwrap_or(alone);
    let parting = match records {
        (None, None) if in_order => Parting::Never,
        (None, None) if pairing.is_reordered() => Parting::Order,
        (None, None) => Parting::Open,
        records => Parting::At(records),
    };
    (parting, pairing.unknown)
}

/// Which deeds of two sequences stand for each other, whatever their order.
struct Pairing<'a> {
    deeds: (&'a [Deed], &'a [Deed]),
    left: Alone,
    right: Alone,
    unknown: u64,
}

/// By deed, whether it has no equal.
struct Alone(Vec<bool>);

impl Alone {
    fn first_of(&self, deeds: &[Deed]) -> Option<u64> {
        let first = self.0.iter().position(|alone| *alone)?;
        deeds.get(first).map(|deed| deed.seq)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|alone| !alone)
    }

    /// Only what comes after all others has no equal.
    fn is_rest(&self) -> bool {
        self.0.is_sorted()
    }
}

impl<'a> Pairing<'a> {
    fn new(left: &'a [Deed], right: &'a [Deed]) -> Self {
        let alone = |deeds: &[Deed]| Alone(vec![true; deeds.len()]);
        Self { deeds: (left, right), left: alone(left), right: alone(right), unknown: 0 }
    }

    fn first_alone(&self) -> Pair<u64> {
        (self.left.first_of(self.deeds.0), self.right.first_of(self.deeds.1))
    }

    /// The first place at which something stands that has no equal, and its records.
    fn first_parted(&self) -> Option<Pair<u64>> {
        let deeds = self.deeds.0.iter().zip(self.deeds.1);
        let alone = self.left.0.iter().zip(&self.right.0);
        let mut parted = deeds.zip(alone).filter(|(_, (left, right))| **left || **right);
        // What was erased on one side may be what stands on the other.
        let other = |(left, right): (&Deed, &Deed)| {
            (left.meaning.likeness(&right.meaning) == Likeness::Other)
                .then_some((Some(left.seq), Some(right.seq)))
        };
        parted.find_map(|(pair, _)| other(pair))
    }

    /// All that one has done stands in the other too, before what only that has done so far.
    fn is_reordered(&self) -> bool {
        let within = |one: &Alone, other: &Alone| one.is_empty() && other.is_rest();
        within(&self.left, &self.right) || within(&self.right, &self.left)
    }

    /// First those that are the same. Of the others a whole one can stand only for one of which some was erased,
    /// which can stand for any: so the whole ones choose first.
    fn all(&mut self) {
        let erased = |deed: &Deed| deed.meaning.content.is_none().then_some(deed.meaning.outline);
        let whole = |deed: &Deed| deed.meaning.content.map(|_| deed.meaning.outline);
        self.pair(|deed| Some(deed.meaning.sealed), |deed| Some(deed.meaning.sealed));
        self.pair(|deed| deed.meaning.content, |deed| deed.meaning.content);
        self.unknown += self.pair(whole, erased);
        self.unknown += self.pair(erased, whole);
        self.unknown += self.pair(erased, erased);
    }

    /// Pairs those that are alone and have the same key; says how many.
    fn pair<K: Hash + Eq>(
        &mut self,
        key: impl Fn(&Deed) -> Option<K>,
        other: impl Fn(&Deed) -> Option<K>,
    ) -> u64 {
        let mut places: HashMap<K, Vec<usize>> = HashMap::new();
        for (place, deed) in self.deeds.1.iter().enumerate().rev() {
            if let Some(key) = other(deed).filter(|_| self.right.0[place]) {
                places.entry(key).or_default().push(place);
            }
        }
        let mut pairs = 0;
        for (deed, alone) in self.deeds.0.iter().zip(&mut self.left.0) {
            let key = key(deed).filter(|_| *alone);
            let Some(place) = key.and_then(|key| places.get_mut(&key)?.pop()) else { continue };
            (*alone, self.right.0[place]) = (false, false);
            pairs += 1;
        }
        pairs
    }
}
