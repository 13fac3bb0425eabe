//! Regular expressions in jq expressions: those of Rust's regex crate, compiled once.

use std::cell::RefCell;
use std::rc::Rc;

use jaq_core::{Cv, DataT, Error, ValR, ValT as _};
use jaq_json::Val;
use jaq_std::ValT as _;
use regex::{Captures, Regex, RegexBuilder};

/// Regular expressions kept; an expression that computes them could make any number.
const KEPT: usize = 32;
/// Bytes of one compiled.
const SIZE_LIMIT: usize = 4 << 20;
/// Bytes of its lazily built automaton.
const CACHE_LIMIT: usize = 1 << 20;
/// Groups in groups.
const NEST_LIMIT: u32 = 64;

/// The regular expressions that were used last, the newest at the end.
#[derive(Default)]
pub(crate) struct Patterns(RefCell<Vec<Rc<Pattern>>>);

/// What runs an expression that searches.
pub(crate) trait HasPatterns<'a> {
    /// The regular expressions used so far.
    fn patterns(&self) -> &'a Patterns;
}

struct Pattern {
    text: String,
    flags: String,
    regex: Regex,
    global: bool,
    ignore_empty: bool,
}

/// What `parts` gives of a string.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Matches,
    Between,
    Both,
}

impl Patterns {
    fn get(&self, text: &str, flags: &str) -> Result<Rc<Pattern>, String> {
        let mut kept = self.0.borrow_mut();
        let known = |known: &&Rc<Pattern>| known.text == text && known.flags == flags;
        if let Some(found) = kept.iter().rev().find(known) {
            return Ok(Rc::clone(found));
        }
        let made = Rc::new(Pattern::new(text, flags)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Rc::clone(&made));
        Ok(made)
    }
}

impl Pattern {
    fn new(text: &str, flags: &str) -> Result<Self, String> {
        let mut builder = RegexBuilder::new(text);
        builder
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(CACHE_LIMIT)
            .nest_limit(NEST_LIMIT);
        let (mut global, mut ignore_empty) = (false, false);
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'n' => ignore_empty = true,
                'i' => drop(builder.case_insensitive(true)),
                'm' => drop(builder.multi_line(true)),
                's' => drop(builder.dot_matches_new_line(true)),
                'p' => drop(builder.multi_line(true).dot_matches_new_line(true)),
                'l' => drop(builder.swap_greed(true)),
                'x' => drop(builder.ignore_whitespace(true)),
                other => return Err(format!("`{other}` is no flag of a regular expression")),
            }
        }
        let regex = builder
            .build()
            .map_err(|error| format!("a regular expression: {error}"))?;
        Ok(Self {
            text: text.into(),
            flags: flags.into(),
            regex,
            global,
            ignore_empty,
        })
    }
}

/// Whether a regular expression is one.
pub(crate) fn check(text: &str, flags: &str) -> Result<(), String> {
    Pattern::new(text, flags).map(|_| ())
}

/// The string that is searched, and the pattern.
fn given<'a, D>(mut cv: Cv<'a, D>) -> Result<(Val, Rc<Pattern>), Error<Val>>
where
    D: DataT<V<'a> = Val>,
    D::Data<'a>: HasPatterns<'a>,
{
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    // `null` is jq's word for no flags.
    let flags = match &flags {
        Val::Null => "",
        flags => text(flags)?,
    };
    let pattern = cv.0.data().patterns().get(text(&pattern)?, flags);
    let pattern = pattern.map_err(Error::str)?;
    text(&cv.1)?;
    Ok((cv.1, pattern))
}

fn text(value: &Val) -> Result<&str, Error<Val>> {
    str::from_utf8(value.try_as_utf8_bytes()?).map_err(Error::str)
}

/// `test`: whether there is a match.
pub(crate) fn test<'a, D>(cv: Cv<'a, D>) -> ValR<Val>
where
    D: DataT<V<'a> = Val>,
    D::Data<'a>: HasPatterns<'a>,
{
    let (searched, pattern) = given(cv)?;
    let searched = text(&searched)?;
    let found = if pattern.ignore_empty {
        pattern
            .regex
            .find_iter(searched)
            .any(|found| !found.is_empty())
    } else {
        pattern.regex.is_match(searched)
    };
    Ok(found.into())
}

/// The matches, each an array of its groups, and the strings between them.
pub(crate) fn parts<'a, D>(cv: Cv<'a, D>, wanted: Wanted) -> ValR<Val>
where
    D: DataT<V<'a> = Val>,
    D::Data<'a>: HasPatterns<'a>,
{
    let (value, pattern) = given(cv)?;
    let searched = text(&value)?;
    let mut characters = Characters::default();
    let mut end = 0;
    let mut parts = Vec::new();
    for captures in pattern.regex.captures_iter(searched) {
        let whole = captures.get_match();
        if pattern.ignore_empty && whole.is_empty() {
            continue;
        }
        if !matches!(wanted, Wanted::Matches) {
            parts.push(value.as_sub_str(&searched.as_bytes()[end..whole.start()]));
        }
        end = whole.end();
        if !matches!(wanted, Wanted::Between) {
            parts.push(groups(
                &pattern.regex,
                (&captures, &value),
                &mut characters,
            )?);
        }
        if !pattern.global {
            break;
        }
    }
    if !matches!(wanted, Wanted::Matches) {
        parts.push(value.as_sub_str(&searched.as_bytes()[end..]));
    }
    Ok(parts.into_iter().collect())
}

/// A match and its groups: what, where, how long; a group that took no part is `null` at −1.
fn groups(
    regex: &Regex,
    (captures, value): (&Captures<'_>, &Val),
    characters: &mut Characters,
) -> ValR<Val> {
    let searched = text(value)?;
    let whole = captures.get_match();
    let before = characters.before(searched, whole.start());
    let group = |(nth, name): (usize, Option<&str>)| {
        let found = captures.get(nth);
        let (offset, length, string) = match found {
            None => (-1, 0, Val::Null),
            Some(found) => {
                // Look-behind does not exist, so a group lies within its match.
                let within = &searched[whole.start()..found.start()];
                let offset = isize::try_from(before + within.chars().count());
                let length = found.as_str().chars().count();
                (
                    offset.unwrap_or(isize::MAX),
                    length,
                    value.as_sub_str(found.as_str().as_bytes()),
                )
            }
        };
        let fields = [
            ("offset", Val::from(offset)),
            ("length", Val::from(length)),
            ("string", string),
        ];
        let name = (nth > 0).then(|| ("name", name.map_or(Val::Null, |n| n.to_owned().into())));
        let fields = fields.into_iter().chain(name);
        Val::from_map(fields.map(|(key, value)| (key.to_owned().into(), value)))
    };
    regex.capture_names().enumerate().map(group).collect()
}

/// Counts characters as matches go on, so that all of them together take one pass.
#[derive(Default)]
struct Characters {
    bytes: usize,
    counted: usize,
}

impl Characters {
    fn before(&mut self, text: &str, at: usize) -> usize {
        self.counted += text[self.bytes..at].chars().count();
        self.bytes = at;
        self.counted
    }
}
