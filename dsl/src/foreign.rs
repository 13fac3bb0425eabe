//! What other tools call the things of a pipeline file, and where its own words belong. None of it is accepted:
//! it lets a fault say the right word, and lets reading go on as if it had been written.

mod keys;
mod words;

use crate::fault::{alike, nearest};
use keys::{ELSEWHERE, HOMES, KEYS, Key};
use words::{ACTORS, TYPES, WORDS};

/// Whether a word is one of a row.
fn is_one(word: &str, row: &str) -> bool {
    let plain = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    row.split(' ').any(|other| !other.is_empty() && plain.clone().eq(other.chars()))
}

fn rows(key: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |row| row.name == key)
}

/// Whether a word that a table does not know stands for one of its keys, with the same value.
pub(crate) fn stands_for(word: &str, key: &str) -> bool {
    (!is_ours(word) && alike(word, key)) || rows(key).any(|row| is_one(word, row.same))
}

/// Whether a word may stand for a key under another name: it is none of the format, or one that others use
/// for something else.
pub(crate) fn is_doubtful(word: &str) -> bool {
    !is_ours(word) || SHARED.contains(&word)
}

/// Words of the format that mean something else to others.
const SHARED: &[&str] = &[
    "agent",
    "agents",
    "channel",
    "default",
    "delay",
    "from",
    "inputs",
    "max",
    "module",
    "outputs",
    "params",
    "paths",
    "port",
    "read",
    "strategy",
    "supervisor",
    "type",
    "use",
    "workers",
    "write",
];

/// Whether a word is one of the format, which then is no slip of the pen. Asked of every key of every file.
fn is_ours(word: &str) -> bool {
    matches!(
        word,
        "actor"
            | "agent"
            | "agents"
            | "approval"
            | "auto_shutdown"
            | "backoff"
            | "base"
            | "cap"
            | "capacity"
            | "channel"
            | "channels"
            | "children"
            | "clock"
            | "config"
            | "dead_letter"
            | "default"
            | "defaults"
            | "delay"
            | "description"
            | "errors"
            | "feedback"
            | "files"
            | "format"
            | "from"
            | "fuel"
            | "grants"
            | "http"
            | "inputs"
            | "intensity"
            | "key"
            | "limits"
            | "max"
            | "memory"
            | "model"
            | "module"
            | "name"
            | "on_delete"
            | "on_state_mismatch"
            | "on_type_mismatch"
            | "outputs"
            | "overflow"
            | "params"
            | "period"
            | "process"
            | "random"
            | "read"
            | "reload"
            | "restart"
            | "restore"
            | "retry"
            | "rounds"
            | "sha256"
            | "shutdown"
            | "significant"
            | "stdin"
            | "stdout"
            | "strategy"
            | "supervisor"
            | "supervisors"
            | "tests"
            | "timeout"
            | "timer"
            | "type"
            | "types"
            | "use"
            | "workers"
            | "write"
    ) || is_of_http(word)
}

/// Whether a word stands in an entry of `http`.
fn is_of_http(word: &str) -> bool {
    matches!(
        word,
        "host"
            | "local"
            | "max_body"
            | "methods"
            | "on_unknown"
            | "paths"
            | "port"
            | "redirects"
            | "scheme"
    )
}

/// Whether a word that a table does not know has to do with one of its keys.
pub(crate) fn concerns(word: &str, key: &str) -> bool {
    stands_for(word, key)
        || nearest(word, [key]).is_some()
        || rows(key).any(|row| is_one(word, row.like))
}

/// How a key is written.
pub(crate) fn example(key: &str) -> Option<&'static str> {
    rows(key).next().map(|row| row.example)
}

/// What to say of a key to a table that does not know it.
pub(crate) fn advice(word: &str, known: &[&'static str]) -> Option<String> {
    let called = || {
        let known = known.iter().flat_map(|key| rows(key));
        let mut meant = known.filter(|row| is_one(word, row.same) || is_one(word, row.like));
        meant.next().map(|row| format!("here it is `{}`: {}", row.name, row.example))
    };
    let elsewhere = || {
        let mut rows = ELSEWHERE.iter().filter(|(key, ..)| known.contains(key));
        rows.find(|(_, words, _)| is_one(word, words)).map(|(.., help)| (*help).to_owned())
    };
    // `modules` is a word of others, and not `module` with a slip.
    let other = |own: &str| {
        let mut rows = known.iter().flat_map(|key| rows(key)).filter(|row| row.name != own);
        rows.any(|row| is_one(word, row.same))
    };
    let own = known.iter().find(|key| alike(word, key) && !other(key));
    let own = || own.map(|key| format!("did you mean `{key}`?"));
    own().or_else(elsewhere).or_else(called).or_else(|| home(word))
}

/// Where a word of the format stands.
pub(crate) fn home(word: &str) -> Option<String> {
    let own = format!("{{ {} }}", example(word).unwrap_or("…"));
    let home = home_of(word)?.replace("{ … }", &own);
    Some(format!("`{word}` {home}"))
}

fn home_of(word: &str) -> Option<&'static str> {
    let row = HOMES.iter().find(|(words, _)| words.split(' ').any(|known| known == word));
    row.map(|(_, home)| *home)
}

fn lookup(word: &str, table: &[(&'static str, &str)]) -> Option<&'static str> {
    table.iter().find(|(_, others)| is_one(word, others)).map(|(known, _)| *known)
}

/// The type that others call so.
pub(crate) fn type_called(word: &str) -> Option<&'static str> {
    lookup(word, TYPES)
}

/// Which of some words others call so.
pub(crate) fn word_called(word: &str, words: &[&'static str]) -> Option<&'static str> {
    let rows = WORDS.iter().filter(|(known, _)| words.contains(known));
    rows.clone().find(|(_, others)| is_one(word, others)).map(|(known, _)| *known)
}

/// The actor that others call so.
pub(crate) fn actor_called(name: &str) -> Option<&'static str> {
    lookup(name.rsplit('/').next().unwrap_or(name), ACTORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_of_the_format_are_known() {
        let keys = KEYS.iter().map(|row| row.name);
        for word in keys.chain(HOMES.iter().flat_map(|(words, _)| words.split(' '))) {
            assert!(is_ours(word), "{word}");
        }
        assert!(SHARED.iter().all(|word| is_ours(word)));
    }

    #[test]
    fn words_that_stand_for_others_are_doubtful() {
        for row in KEYS {
            for word in row.same.split_whitespace().chain(row.like.split_whitespace()) {
                assert!(is_doubtful(word), "{word} stands for {}", row.name);
                assert!(word.chars().all(char::is_alphanumeric), "{word} is written without signs");
            }
        }
    }

    #[test]
    fn every_word_has_one_row() {
        for row in KEYS {
            assert_eq!(rows(row.name).count(), 1, "{}", row.name);
        }
    }
}
