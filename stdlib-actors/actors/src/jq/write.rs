//! Values as JSON text.

use std::io::Write;

use jaq_json::{Num, Val};

use super::Failure;

/// Arrays and objects around each other; the engine takes no more either.
const DEPTH: usize = 64;
/// Doubles up to this are written without a point if they have no fraction, as jq does it: they fit
/// integer types then.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a value as JSON.
///
/// # Errors
/// If JSON cannot say it: a number that is none, bytes, an object with other keys than strings.
pub(crate) fn write(out: &mut Vec<u8>, value: &Val) -> Result<(), Failure> {
    any(out, value, DEPTH).map_err(|reason| Failure {
        code: "not-json",
        reason,
    })
}

fn any(out: &mut Vec<u8>, value: &Val, depth: usize) -> Result<(), String> {
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(number) => self::number(out, number)?,
        Val::TStr(text) => string(out, text),
        Val::BStr(_) => return Err("bytes are no JSON value: make them text first".into()),
        Val::Arr(items) => {
            let depth = inside(depth)?;
            out.push(b'[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                any(out, item, depth)?;
            }
            out.push(b']');
        }
        Val::Obj(fields) => {
            let depth = inside(depth)?;
            out.push(b'{');
            for (nth, (key, value)) in fields.iter().enumerate() {
                if nth > 0 {
                    out.push(b',');
                }
                let Val::TStr(name) = key else {
                    return Err(format!("an object's key must be a string, not {key}"));
                };
                string(out, name);
                out.push(b':');
                any(out, value, depth)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn inside(depth: usize) -> Result<usize, String> {
    let deeper = || format!("the value has more than {DEPTH} arrays and objects around each other");
    depth.checked_sub(1).ok_or_else(deeper)
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    // Only what was decoded from base64 and the like may be no UTF-8.
    let text = String::from_utf8_lossy(text);
    append(out, text.as_ref());
}

fn number(out: &mut Vec<u8>, number: &Num) -> Result<(), String> {
    match number {
        Num::Int(integer) => append(out, integer),
        Num::BigInt(integer) => digits(out, &integer.to_string()),
        Num::Float(double) => return self::double(out, *double),
        Num::Dec(text) if is_json(text) => digits(out, text),
        // `+1.5` and `01.5` are read by `tonumber`.
        Num::Dec(text) => {
            let unread = |_| format!("`{text}` is no number");
            return self::double(out, text.parse().map_err(unread)?);
        }
    }
    Ok(())
}

fn double(out: &mut Vec<u8>, double: f64) -> Result<(), String> {
    if !double.is_finite() {
        let name = Num::Float(double);
        return Err(format!("{name} is no JSON number"));
    }
    let minus_zero = double == 0.0 && double.is_sign_negative();
    if double.abs() <= EXACT && double.fract() == 0.0 && !minus_zero {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is an integer within ±2^53"
        )]
        append(out, &(double as i64));
    } else {
        append(out, &double);
    }
    Ok(())
}

/// Whether a number's text is JSON's: no plus, no zeros before it.
fn is_json(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match text {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    }
}

fn digits(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn append<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, leaf: &T) {
    serde_json::to_writer(out.by_ref(), leaf).expect("memory takes every string and number");
}
