//! What was taken so far of the messages of one group.

use std::collections::BTreeSet;
use std::mem::discriminant;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use theater_flow_sdk::{Fault, Message};

use super::take::{Take, What};
use crate::fields::Picked;
use crate::mark::mark;
use crate::order::{self, Number};

/// Bytes of memory beside the text of a kept value.
const KEPT: isize = 32;

/// A sum: integers exactly, doubles in the order of their arrival.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Sum {
    /// No count of messages brings it near the ends of its type.
    whole: i128,
    #[serde(with = "order::bits")]
    real: f64,
    /// There was a double.
    mixed: bool,
    count: u64,
}

/// One of the largest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ranked {
    by: Number,
    kept: Box<RawValue>,
}

/// One taken value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Tally {
    Count(u64),
    Sum(Sum),
    Mean(Sum),
    Min(Option<Number>),
    Max(Option<Number>),
    First(Option<Box<RawValue>>),
    Last(Option<Box<RawValue>>),
    Distinct(BTreeSet<u128>),
    Collect {
        values: Vec<Box<RawValue>>,
        dropped: u64,
    },
    /// The largest first; of equals the one that came first.
    Top(Vec<Ranked>),
}

/// What a message does to a tally. It is made before anything changes, since it can fail.
pub(super) struct Change {
    deed: Deed,
    /// Bytes of memory more, or less.
    pub(super) bytes: isize,
}

enum Deed {
    Nothing,
    Number(Number),
    Keep(Box<RawValue>),
    Drop,
    Rank(Number, Box<RawValue>),
    See(u128),
}

impl Tally {
    pub(super) const fn new(take: &Take) -> Self {
        match take.what {
            What::Count => Self::Count(0),
            What::Sum => Self::Sum(Sum::EMPTY),
            What::Mean => Self::Mean(Sum::EMPTY),
            What::Min => Self::Min(None),
            What::Max => Self::Max(None),
            What::First => Self::First(None),
            What::Last => Self::Last(None),
            What::Distinct => Self::Distinct(BTreeSet::new()),
            What::Collect(_) => Self::Collect {
                values: Vec::new(),
                dropped: 0,
            },
            What::Top(_) => Self::Top(Vec::new()),
        }
    }

    /// Whether it is one of what is taken.
    pub(super) fn is_of(&self, take: &Take) -> bool {
        discriminant(self) == discriminant(&Self::new(take))
    }

    /// What a message will do.
    ///
    /// # Errors
    /// `not-a-number`, `bad-message`.
    pub(super) fn plan(
        &self,
        take: &Take,
        picked: &Picked<'_>,
        message: &Message,
    ) -> Result<Change, Fault> {
        let nothing = Ok(Change::of(Deed::Nothing, 0));
        if let Self::Count(_) = self {
            return nothing;
        }
        let Some(value) = picked.get(take.slot).copied().flatten() else {
            return nothing;
        };
        let size = weight(value);
        match (self, take.what) {
            (Self::First(Some(_)), _) => nothing,
            (Self::Last(old), _) => {
                let before = old.as_deref().map_or(0, weight);
                Ok(Change::of(Deed::Keep(value.to_owned()), size - before))
            }
            (Self::Distinct(seen), _) => {
                let mut key = Vec::new();
                order::encode(Some(value), &mut key)?;
                let mark = mark(&key);
                let bytes = if seen.contains(&mark) { 0 } else { KEPT };
                Ok(Change::of(Deed::See(mark), bytes))
            }
            (Self::Collect { values, .. }, What::Collect(max)) if values.len() >= max => {
                Ok(Change::of(Deed::Drop, 0))
            }
            (Self::First(None) | Self::Collect { .. }, _) => {
                Ok(Change::of(Deed::Keep(value.to_owned()), size))
            }
            (Self::Top(ranked), What::Top(number)) => {
                let by = wanted_number(take, value)?;
                let full = ranked.len() >= number;
                let last = ranked.last().filter(|_| full);
                if last.is_some_and(|last| last.by >= by) {
                    return nothing;
                }
                let kept = kept(take, picked, message)?;
                let before = last.map_or(0, |last| weight(&last.kept));
                let bytes = weight(&kept) - before;
                Ok(Change::of(Deed::Rank(by, kept), bytes))
            }
            _ => Ok(Change::of(Deed::Number(wanted_number(take, value)?), 0)),
        }
    }

    /// Does it.
    pub(super) fn apply(&mut self, take: &Take, change: Change) {
        match (self, change.deed) {
            (Self::Count(count), _) => *count += 1,
            (Self::Sum(sum) | Self::Mean(sum), Deed::Number(number)) => sum.add(number),
            (Self::Min(least), Deed::Number(number)) => {
                *least = Some(least.map_or(number, |least| least.min(number)));
            }
            (Self::Max(most), Deed::Number(number)) => {
                *most = Some(most.map_or(number, |most| most.max(number)));
            }
            (Self::First(place) | Self::Last(place), Deed::Keep(value)) => *place = Some(value),
            (Self::Collect { values, .. }, Deed::Keep(value)) => values.push(value),
            (Self::Collect { dropped, .. }, Deed::Drop) => *dropped += 1,
            (Self::Distinct(seen), Deed::See(mark)) => {
                seen.insert(mark);
            }
            (Self::Top(ranked), Deed::Rank(by, kept)) => {
                let at = ranked.partition_point(|other| other.by >= by);
                ranked.insert(at, Ranked { by, kept });
                if let What::Top(number) = take.what {
                    ranked.truncate(number);
                }
            }
            _ => {}
        }
    }

    /// How many values were dropped, for a tally that drops.
    pub(super) const fn dropped(&self) -> u64 {
        match self {
            Self::Collect { dropped, .. } => *dropped,
            _ => 0,
        }
    }
}

impl Change {
    const fn of(deed: Deed, bytes: isize) -> Self {
        Self { deed, bytes }
    }
}

fn weight(value: &RawValue) -> isize {
    isize::try_from(value.get().len()).unwrap_or(isize::MAX / 2) + KEPT
}

fn wanted_number(take: &Take, value: &RawValue) -> Result<Number, Fault> {
    Number::parse(value.get()).ok_or_else(|| {
        let Take { name, field, .. } = take;
        let shown: String = value.get().chars().take(80).collect();
        let text = format!("`{name}` wants a number in `{field}`, which is {shown}");
        Fault::new("not-a-number", text)
    })
}

/// What `top` keeps of a message.
fn kept(take: &Take, picked: &Picked<'_>, message: &Message) -> Result<Box<RawValue>, Fault> {
    struct Kept<'k>(&'k [(String, usize)], &'k Picked<'k>);

    impl Serialize for Kept<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            for (name, slot) in self.0 {
                map.serialize_entry(name, &self.1.get(*slot).copied().flatten())?;
            }
            map.end()
        }
    }

    match &take.keep {
        None => Ok(message.read::<&RawValue>()?.to_owned()),
        Some(keep) => to_raw_value(&Kept(keep, picked))
            .map_err(|error| Fault::new("bad-message", error.to_string())),
    }
}

impl Sum {
    const EMPTY: Self = Self {
        whole: 0,
        real: 0.0,
        mixed: false,
        count: 0,
    };

    fn add(&mut self, number: Number) {
        self.count += 1;
        match number {
            Number::Whole(number) => self.whole += number,
            Number::Real(number) => {
                self.mixed = true;
                self.real += number;
            }
        }
    }

    fn total(self) -> Number {
        if self.mixed {
            Number::Real(self.real + Number::Whole(self.whole).real())
        } else {
            Number::Whole(self.whole)
        }
    }
}

/// The value in the output.
impl Tally {
    pub(super) fn shown(&self) -> impl Serialize {
        Shown(self)
    }
}

struct Shown<'t>(&'t Tally);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = |number: Option<Number>, serializer: S| match number {
            Some(number) => number.show(serializer),
            None => serializer.serialize_none(),
        };
        match self.0 {
            Tally::Count(count) => serializer.serialize_u64(*count),
            // A double that is not finite is written as `null`.
            Tally::Sum(sum) => sum.total().show(serializer),
            Tally::Mean(sum) if sum.count == 0 => serializer.serialize_none(),
            Tally::Mean(sum) => {
                #[expect(clippy::cast_precision_loss, reason = "a mean is a double")]
                let mean = sum.total().real() / sum.count as f64;
                serializer.serialize_f64(mean)
            }
            Tally::Min(found) | Tally::Max(found) => number(*found, serializer),
            Tally::First(value) | Tally::Last(value) => value.serialize(serializer),
            Tally::Distinct(seen) => serializer.serialize_u64(seen.len() as u64),
            Tally::Collect { values, .. } => values.serialize(serializer),
            Tally::Top(ranked) => serializer.collect_seq(ranked.iter().map(|ranked| &ranked.kept)),
        }
    }
}
