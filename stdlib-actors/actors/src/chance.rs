//! Values at random, the same ones in every run of the tests.

use serde_json::{Map, Value, json};

/// A xorshift generator.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    pub(crate) fn of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// Few names and few values, so that things meet.
    pub(crate) fn value(&mut self, depth: usize) -> Value {
        let forms = if depth == 0 { 5 } else { 7 };
        match self.below(forms) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(4)),
            3 => json!(*self.of(&[-1.5, 0.0, 1.0, 2.5, 1e300, 9_007_199_254_740_993.0])),
            4 => json!(*self.of(&["", "a", "ab", "b\u{0}", "b", "é", "\"\\"])),
            5 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let mut map = Map::new();
                for _ in 0..self.below(4) {
                    let name = *self.of(&["a", "b", "c"]);
                    map.insert(name.into(), self.value(depth - 1));
                }
                Value::Object(map)
            }
        }
    }
}
