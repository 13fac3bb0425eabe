//! Takes out of a transcript what differs from run to run.

use std::path::Path;

/// `%` is a hex digit, `@` a digit, `#` one digit or more; `<` begins what is put there.
const PATTERNS: [(&str, &str); 19] = [
    ("%%%%%%%%-%%%%-%%%%-%%%%-%%%%%%%%%%%%", "<run>"),
    ("%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%", "<hash>"),
    ("@@@@-@@-@@T@@:@@:@@.@@@Z", "<date>"),
    ("@@:@@:@@.@@@", "<time>"),
    ("@@@@@@@@@@@@@", "<ms>"),
    ("events=#", "events=<n>"),
    ("calls=#", "calls=<n>"),
    ("\"calls\":#", "\"calls\":<n>"),
    ("\"records\":#", "\"records\":<n>"),
    ("\"fuel\":#", "\"fuel\":<n>"),
    ("fuel          #", "fuel          <n>"),
    ("fuel #", "fuel <n>"),
    ("\"len\":#", "\"len\":<n>"),
    ("\"pid\":#", "\"pid\":<n>"),
    ("process (#)", "process (<n>)"),
    ("# records", "<n> records"),
    ("disk=#->#", "disk=<n>-><n>"),
    // Agents work side by side: which record is first is not always the same.
    ("(record #)", "(record <n>)"),
    ("in #.# after", "in <message> after"),
];

/// The text with the names of folders, ids, hashes, times and counts replaced.
pub(crate) fn redact(text: &str, folders: &[(&Path, &str)]) -> String {
    let mut text = text.to_owned();
    for (folder, name) in folders {
        text = text.replace(&*folder.to_string_lossy(), name);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        // Not in the middle of a word: a hash is no number.
        let inside =
            kept.ends_with(|c: char| c.is_ascii_alphanumeric()) && first.is_ascii_alphanumeric();
        let found = PATTERNS.iter().find_map(|(pattern, name)| {
            let len = fits(rest, pattern)?;
            Some((len, *name))
        });
        let (len, put) = match found {
            Some(found) if !inside => found,
            _ => (first.len_utf8(), &rest[..first.len_utf8()]),
        };
        kept.push_str(put);
        rest = &rest[len..];
    }
    kept
}

/// How many bytes of the text fit a pattern, if it begins so.
fn fits(text: &str, pattern: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    for sign in pattern.bytes() {
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        at += match sign {
            b'#' if digits > 0 => digits,
            b'@' if digits > 0 => 1,
            b'%' if bytes.get(at).is_some_and(u8::is_ascii_hexdigit) => 1,
            b'#' | b'@' | b'%' => return None,
            other if bytes.get(at) == Some(&other) => 1,
            _ => return None,
        };
    }
    // A number that goes on is another one.
    let goes_on = |byte: &u8| byte.is_ascii_digit();
    let ends = !pattern.ends_with('@') || !bytes.get(at).is_some_and(goes_on);
    ends.then_some(at)
}

#[test]
fn what_differs_is_taken_out() {
    let id = "01a20622-6342-704b-9f63-bc0cfd43e4b4";
    let text = format!("run {id} completed events=28 head={}", "0f".repeat(32));
    assert_eq!(redact(&text, &[]), "run <run> completed events=<n> head=<hash>");
    let text = "02:00:46.717 2026-11-23T02:00:46.717Z (1795399246717) 7 records é";
    assert_eq!(redact(text, &[]), "<time> <date> (<ms>) <n> records é");
    assert_eq!(
        redact("18446744073709551615 in 3.14 after", &[]),
        "18446744073709551615 in <message> after"
    );
    assert_eq!(redact("/a/b/c", &[(Path::new("/a/b"), "<folder>")]), "<folder>/c");
}
