//! Whether two JSON values mean the same.

use serde_json::{Number, Value};

/// The first place at which `seen` is not what is `wanted`, as a JSON pointer; `None` if it is. A field that is
/// `null` may as well be absent. Unless it is the `whole` that is wanted, an object may have more fields.
pub(super) fn first_difference(wanted: &Value, seen: &Value, whole: bool) -> Option<String> {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            let missing = &Value::Null;
            let named = wanted.keys().find_map(|name| {
                let found = seen.get(name).unwrap_or(missing);
                below(name, first_difference(&wanted[name], found, whole))
            });
            let more = || {
                seen.iter().find(|(name, value)| !wanted.contains_key(*name) && !value.is_null())
            };
            named.or_else(|| whole.then(more).flatten().map(|(name, _)| step(name)))
        }
        (Value::Array(wanted), Value::Array(seen)) => {
            let pairs = wanted.iter().zip(seen).enumerate();
            let within = pairs.into_iter().find_map(|(nth, (wanted, seen))| {
                below(&nth.to_string(), first_difference(wanted, seen, whole))
            });
            let shorter = wanted.len().min(seen.len());
            let length = (wanted.len() != seen.len()).then(|| step(&shorter.to_string()));
            within.or(length)
        }
        (Value::Number(wanted), Value::Number(seen)) => {
            (!same_number(wanted, seen)).then(String::new)
        }
        (wanted, seen) => (wanted != seen).then(String::new),
    }
}

/// Whether each of `wanted` can stand for another of `seen`; else the first that cannot. Which stands for which
/// is not decided too early: one that leaves much open gives way to one that does not.
pub(super) fn unmatched(wanted: &[&Value], seen: &[Value]) -> Option<usize> {
    let fits =
        |nth: usize, there: usize| first_difference(wanted[nth], &seen[there], false).is_none();
    let mut pairs = Pairs { fits: &fits, of: vec![None; seen.len()] };
    (0..wanted.len()).find(|nth| !pairs.place(*nth, &mut vec![false; seen.len()]))
}

/// Who stands for what, by the position of the latter.
struct Pairs<'f> {
    fits: &'f dyn Fn(usize, usize) -> bool,
    of: Vec<Option<usize>>,
}

impl Pairs<'_> {
    /// Finds a place, a free one if there is one, else one whose owner finds another. `tried` are not looked
    /// at again.
    fn place(&mut self, nth: usize, tried: &mut [bool]) -> bool {
        let places = || 0..tried.len();
        let fitting: Vec<usize> =
            places().filter(|there| !tried[*there] && (self.fits)(nth, *there)).collect();
        if let Some(free) = fitting.iter().find(|there| self.of[**there].is_none()) {
            self.of[*free] = Some(nth);
            return true;
        }
        for there in fitting {
            if !tried[there] {
                tried[there] = true;
                if self.of[there].is_some_and(|owner| self.place(owner, tried)) {
                    self.of[there] = Some(nth);
                    return true;
                }
            }
        }
        false
    }
}

fn below(name: &str, rest: Option<String>) -> Option<String> {
    rest.map(|rest| format!("{}{rest}", step(name)))
}

fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// `1` and `1.0` are one number.
fn same_number(wanted: &Number, seen: &Number) -> bool {
    let is_whole = |number: &Number| number.is_i64() || number.is_u64();
    match (is_whole(wanted), is_whole(seen)) {
        (true, true) => wanted == seen,
        (false, false) => wanted.as_f64() == seen.as_f64(),
        (true, false) => is_double(wanted, seen),
        (false, true) => is_double(seen, wanted),
    }
}

/// Whether a double is this integer, to the last digit.
fn is_double(whole: &Number, double: &Number) -> bool {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    let Some(double) = double.as_f64().filter(|double| double.fract() == 0.0) else { return false };
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within 128 bits")]
    let exact = (double.abs() <= BEYOND).then_some(double as i128);
    exact.is_some() && exact == whole.as_i128()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let cases = [
            (json!({ "a": 1, "b": [1, 2] }), json!({ "b": [1, 2], "a": 1 }), None),
            (json!({ "a": 1 }), json!({ "a": 1.0 }), None),
            (json!({ "a": 1 }), json!({ "a": 1, "b": null }), None),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), Some("/b")),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1 }), Some("/b")),
            (json!({ "a": [1, 2] }), json!({ "a": [1, 3] }), Some("/a/1")),
            (json!([1, 2]), json!([1, 2, 3]), Some("/2")),
            (json!({ "a/b": 1 }), json!({ "a/b": 2 }), Some("/a~1b")),
            (json!("x"), json!("y"), Some("")),
            (json!(u64::MAX), json!(u64::MAX - 1), Some("")),
            (json!(9_007_199_254_740_992.0), json!(9_007_199_254_740_993_u64), Some("")),
            (json!(9_007_199_254_740_992.0), json!(9_007_199_254_740_992_u64), None),
            (json!(u64::MAX), json!(18_446_744_073_709_551_616.0), Some("")),
            (json!("1"), json!(1), Some("")),
        ];
        for (wanted, seen, place) in cases {
            let found = first_difference(&wanted, &seen, true);
            assert_eq!(found.as_deref(), place, "{wanted} {seen}");
        }
    }

    #[test]
    fn each_stands_for_another() {
        let (open, one, two) = (json!({}), json!({ "n": 1 }), json!({ "n": 2 }));
        let seen = [json!({ "n": 1 }), json!({ "n": 2 }), json!({ "n": 1, "m": 1 })];
        let cases: [(&[&Value], Option<usize>); 7] = [
            (&[], None),
            (&[&open, &two, &one], None),
            (&[&open, &open, &open, &open], Some(3)),
            (&[&open, &open, &two], None),
            (&[&one, &one], None),
            (&[&two, &two], Some(1)),
            (&[&one, &open, &one, &two], Some(3)),
        ];
        for (wanted, missing) in cases {
            assert_eq!(unmatched(wanted, &seen), missing, "{wanted:?}");
        }
    }

    #[test]
    fn a_part_may_have_more_fields() {
        let seen = json!({ "a": { "x": 1, "y": 2 }, "b": [1] });
        assert_eq!(first_difference(&json!({ "a": { "x": 1 } }), &seen, false), None);
        let wrong = first_difference(&json!({ "a": { "z": 1 } }), &seen, false);
        assert_eq!(wrong.as_deref(), Some("/a/z"));
    }
}
