//! The keys of one object: which were there already, and which field each one names.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::TypeId;
use crate::types::Field;

use super::string::Text;

/// Up to so many keys are compared one by one; a tree would cost more.
const FEW: usize = 16;

/// The keys seen so far.
#[derive(Default)]
pub(super) struct Keys<'a> {
    few: [&'a str; FEW],
    len: usize,
    /// Takes all keys over once there are many, or one is escaped.
    many: BTreeSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    /// Adds `key`; false if it was there.
    pub(super) fn insert(&mut self, key: Text<'a>) -> bool {
        if key.escaped || self.len == FEW || !self.many.is_empty() {
            return self.insert_in_tree(key);
        }
        if self.few().contains(&key.raw) {
            return false;
        }
        if let Some(place) = self.few.get_mut(self.len) {
            *place = key.raw;
        }
        self.len += 1;
        true
    }

    /// True if `key` was added.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.few().contains(&key) || self.many.contains(key)
    }

    fn few(&self) -> &[&'a str] {
        self.few.get(..self.len).unwrap_or_default()
    }

    #[cold]
    fn insert_in_tree(&mut self, key: Text<'a>) -> bool {
        if self.many.is_empty() {
            let few = self.few.iter().take(self.len);
            self.many.extend(few.map(|key| Cow::Borrowed(*key)));
        }
        self.many.insert(key.unescaped())
    }
}

/// Finds the fields of a record by key. The keys of one object come once each.
pub(super) struct Lookup<'t> {
    fields: &'t [Field],
    /// Fields found so far; the next key is most often the field at this place.
    found: usize,
    /// Made for wide records once a key comes out of order, or a hostile object could make each of
    /// a million keys search all of the fields.
    index: BTreeMap<&'t str, TypeId>,
}

impl<'t> Lookup<'t> {
    pub(super) fn new(fields: &'t [Field]) -> Self {
        Self { fields, found: 0, index: BTreeMap::new() }
    }

    /// Fields found so far.
    pub(super) fn found(&self) -> usize {
        self.found
    }

    /// The type of the field that `key` names, if it names one.
    pub(super) fn find(&mut self, key: &str) -> Option<TypeId> {
        let next = self.fields.get(self.found).filter(|field| field.name == key);
        let ty = match next {
            Some(field) => Some(field.ty),
            None => self.search(key),
        };
        self.found += usize::from(ty.is_some());
        ty
    }

    fn search(&mut self, key: &str) -> Option<TypeId> {
        if self.fields.len() <= FEW {
            return self.fields.iter().find(|field| field.name == key).map(|field| field.ty);
        }
        if self.index.is_empty() {
            self.index = self.fields.iter().map(|field| (field.name.as_str(), field.ty)).collect();
        }
        self.index.get(key).copied()
    }
}
