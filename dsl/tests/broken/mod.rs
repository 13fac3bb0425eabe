//! What must hold whatever text stands in a file, and ways to break one.

use std::collections::BTreeSet;

use theater_flow_dsl::{Compiled, Fault, expand, format, picture};

use crate::dice::Dice;
use crate::world::{Beside, settle, source};

/// Compiles, lays out, and where there is a plan expands and draws it: nothing panics, and every label is in the
/// text. That it ends is bound by the rounds of `settle`, and by the size of what is told.
pub(crate) fn compiled(text: &str, beside: &Beside) -> Compiled {
    let compiled = settle(text, beside);
    let modules = compiled.modules.iter().map(|module| module.text.as_str());
    let texts: Vec<&str> = std::iter::once(text).chain(modules).collect();
    faults_are_sound(&texts, &compiled.faults);
    if let Err(faults) = format(text) {
        faults_are_sound(&[text], &faults);
    }
    if let Some(plan) = &compiled.plan {
        if let Err(faults) = expand(&source(text, beside), &compiled) {
            assert!(faults.iter().all(|fault| fault.code == "TF0111"), "only a module: {text}");
        }
        assert!(!picture::mermaid(plan).is_empty() && !picture::dot(plan).is_empty(), "{text}");
        // Laying out takes longer than all else.
        assert!(!text.len().is_multiple_of(16) || !picture::svg(plan).is_empty(), "{text}");
    }
    compiled
}

fn faults_are_sound(texts: &[&str], faults: &[Fault]) {
    for fault in faults {
        assert!(!fault.message.is_empty());
        for label in &fault.labels {
            let file = usize::try_from(label.span.file).expect("few files");
            let text = texts.get(file).expect("a file that was read");
            assert!(text.get(label.span.start..label.span.end).is_some(), "{fault:?}\n{text}");
        }
    }
    let codes: BTreeSet<_> = faults.iter().map(|fault| fault.code).collect();
    assert!(faults.len() <= 100 * codes.len(), "at most so many of one kind");
}

/// One to three changes of a text: flip a bit, insert, drop or replace a byte, double a line or some bytes, cut.
pub(crate) fn mutate(dice: &mut Dice, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        if !bytes.is_empty() {
            change(dice, &mut bytes);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len());
    let spice = *dice.pick(b"[]{}<>=\"'.,#$_\n\\019azT-");
    match dice.below(16) {
        0 => bytes.truncate(at),
        1..=3 => drop(bytes.remove(at)),
        4..=6 => bytes.insert(at, spice),
        7..=9 => bytes[at] ^= 1 << dice.below(8),
        10..=12 => bytes[at] = spice,
        13 => {
            let end = (at + 40).min(bytes.len());
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        _ => {
            let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = bytes[at..].iter().position(|byte| *byte == b'\n');
            let end = end.map_or(bytes.len(), |length| at + length + 1);
            let line = bytes[start..end].to_vec();
            // Most often doubled, at times moved elsewhere.
            let to = if dice.once_in(2) { start } else { dice.below(bytes.len()) };
            bytes.splice(to..to, line);
        }
    }
}
