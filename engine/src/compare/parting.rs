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

/// What stands in the one sequence from the first difference on and has no equal in the rest of the other, and how
/// many deeds stand for each other of which some was erased. A sequence that goes on may still come to it.
pub(super) fn parting(
    (left, left_goes_on): (&[Deed], bool),
    (right, right_goes_on): (&[Deed], bool),
) -> (Parting, u64) {
    let like = |(a, b): (&Deed, &Deed)| a.meaning.likeness(&b.meaning);
    let unknown = left.iter().zip(right).filter(|pair| like(*pair) == Likeness::Unknown).count();
    let in_order = left.iter().zip(right).all(|pair| like(pair) != Likeness::Other);
    if in_order && left.len() == right.len() {
        return (Parting::Never, unknown as u64);
    }
    let same = left.iter().zip(right).take_while(|pair| like(*pair) == Likeness::Same).count();
    let (left, right) = (&left[same..], &right[same..]);
    let mut pairing = Pairing::new(left, right);
    pairing.all();
    let alone = (
        pairing.left.first_of(left).filter(|_| !right_goes_on),
        pairing.right.first_of(right).filter(|_| !left_goes_on),
    );
    let parting = match alone {
        (None, None) if in_order || left.is_empty() || right.is_empty() => Parting::Never,
        (None, None) => Parting::Order,
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
}

impl<'a> Pairing<'a> {
    fn new(left: &'a [Deed], right: &'a [Deed]) -> Self {
        let alone = |deeds: &[Deed]| Alone(vec![true; deeds.len()]);
        Self { deeds: (left, right), left: alone(left), right: alone(right), unknown: 0 }
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
