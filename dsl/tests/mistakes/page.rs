//! A page of mistakes: Markdown in which each `##` is one. Its first block is a change of a good pipeline,
//! its second what the compiler says.
//!
//! In a change `-` is wrong and `+` mends it. What is right stands in the base, or it takes the place of the lines
//! with `=`, or stands below those without a sign. Lines with `@@` part the places of a change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One mistake.
pub(crate) struct Mistake {
    pub(crate) title: String,
    /// The file with the mistake.
    pub(crate) faulty: String,
    /// The file after what the diagnostics say was done.
    pub(crate) mended: String,
    /// The diagnostics as they stand on the page.
    pub(crate) said: String,
}

/// The mistakes of a page.
pub(crate) fn read(page: &str, bases: &BTreeMap<String, String>) -> Vec<Mistake> {
    page.split("\n## ").skip(1).map(|section| mistake(section, bases)).collect()
}

/// The page with other diagnostics.
pub(crate) fn rewrite(page: &str, said: &[String]) -> String {
    let mut sections = page.split("\n## ");
    let mut out = sections.next().unwrap_or_default().to_owned();
    for (section, said) in sections.zip(said) {
        let head = section.split("\n```text\n").next().unwrap_or_default().trim_end();
        let _ = write!(out, "\n## {head}\n```text\n{said}```\n");
    }
    out
}

fn mistake(section: &str, bases: &BTreeMap<String, String>) -> Mistake {
    let (title, rest) = section.split_once('\n').expect("a mistake has a title");
    let (_, rest) = rest.split_once("```diff ").unwrap_or_else(|| panic!("{title}: no change"));
    let (base, rest) = rest.split_once('\n').expect("a change has lines");
    let (change, rest) = rest.split_once("\n```").expect("a block has an end");
    let said = rest.split_once("```text\n").and_then(|(_, said)| said.split_once("\n```\n"));
    let base = bases.get(base).unwrap_or_else(|| panic!("{title}: there is no base `{base}`"));
    let (mut faulty, mut mended) = (base.clone(), base.clone());
    for hunk in unescape(&format!("{change}\n")).split("@@\n") {
        let lines = |sides: &[char]| -> String {
            let of_sides = |line: &&str| line.starts_with(sides);
            hunk.split_inclusive('\n').filter(of_sides).map(|line| &line[1..]).collect()
        };
        let (old, wrong, right) = (lines(&[' ', '=']), lines(&[' ', '-']), lines(&[' ', '+']));
        if right.is_empty() {
            // All of the file was something else.
            faulty = wrong;
            continue;
        }
        let anchor = if base.contains(&right) { &right } else { &old };
        let place = |text: &str| text.matches(anchor).count() == 1;
        assert!(place(&faulty) && place(&mended), "{title}: not one place for\n{anchor}");
        faulty = faulty.replacen(anchor, &wrong, 1);
        mended = mended.replacen(anchor, &right, 1);
    }
    let said = said.map_or_else(String::new, |(said, _)| format!("{said}\n"));
    Mistake { title: title.to_owned(), faulty, mended, said }
}

/// `\u{feff}` is a character that nobody would see on the page.
fn unescape(change: &str) -> String {
    let mut parts = change.split("\\u{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('}').expect("`\\u{` has an end");
        let code = u32::from_str_radix(digits, 16).expect("hex digits");
        out.push(char::from_u32(code).expect("a character"));
        out.push_str(rest);
    }
    out
}
