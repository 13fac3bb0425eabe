//! What of its config a state rests on, so that no other config takes it for its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use theater_flow_sdk::Fault;

#[cfg(test)]
mod tests;

/// Keys of a config with their values, kept in a state that means something else under others. It is
/// empty in a state that is new, and in one of a version that did not keep it.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Basis(BTreeMap<String, Value>);

impl Basis {
    /// With one key more.
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// Becomes that of another config. What the state holds need not rest on all keys: `matters`
    /// says on which ones.
    ///
    /// # Errors
    /// `bad-snapshot`, with the first key that matters and differs.
    pub(crate) fn go_over(
        &mut self,
        to: &Self,
        matters: impl Fn(&str) -> bool,
    ) -> Result<(), Fault> {
        if !self.0.is_empty()
            && let Some(key) = self.differing(to).find(|key| matters(key))
        {
            let shown = |basis: &Self| {
                let value = basis.0.get(key);
                value.map_or_else(|| "absent".to_owned(), Value::to_string)
            };
            let (was, is) = (shown(self), shown(to));
            return Err(bad_snapshot(format!(
                "it was made with another config: `{key}` was {was}, and is {is}"
            )));
        }
        self.clone_from(to);
        Ok(())
    }

    /// The keys that are not the same in another, in their order.
    fn differing<'b>(&'b self, other: &'b Self) -> impl Iterator<Item = &'b String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != other.0.get(*key))
    }
}

/// Why a state cannot be gone on with.
pub(crate) fn bad_snapshot(message: impl Into<String>) -> Fault {
    Fault::new("bad-snapshot", message)
}
