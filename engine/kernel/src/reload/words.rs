//! What is more, in words: whole, since somebody decides by them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::http::{Address, HttpGrant, OnUnknown};
use crate::limits;
use crate::plan::Root;
use crate::units::{duration, size};

/// The roots that were not there: `+ data (/srv/data), + /tmp`.
pub(super) fn roots<'r>(added: impl Iterator<Item = &'r Root>) -> String {
    let root = |root: &Root| match &root.path {
        path if *path == root.name => format!("+ {path}"),
        path => format!("+ {} ({path})", root.name),
    };
    joined(added.map(root))
}

/// The places that were not there, if that is all that differs; else all that there were, and all that there are.
pub(super) fn hosts(old: &[HttpGrant], new: &[HttpGrant]) -> String {
    match new.strip_prefix(old) {
        Some(added) => joined(added.iter().map(|grant| format!("+ {}", host(grant)))),
        None => from_to(&joined(old.iter().map(host)), &joined(new.iter().map(host))),
    }
}

/// A size, from one to another.
pub(super) fn sizes(old: u64, new: u64) -> String {
    from_to(&size(old), &size(new))
}

/// A time in ms, from one to another.
pub(super) fn times(old: u64, new: u64) -> String {
    from_to(&duration(old), &duration(new))
}

/// A number, from one to another.
pub(super) fn numbers(old: u64, new: u64) -> String {
    from_to(&old.to_string(), &new.to_string())
}

fn from_to(old: &str, new: &str) -> String {
    format!("{old} → {new}")
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// A place as `grants` prints it, `GET https://api.example.org/v1/`, and what else is said of it that is not usual.
fn host(grant: &HttpGrant) -> String {
    let HttpGrant { scheme, host, port, methods, paths, .. } = grant;
    let address =
        Address { scheme: *scheme, host: host.clone(), port: *port, target: String::new() };
    let mut words =
        Vec::from([methods.join(" "), format!("{}{}", address.origin(), paths.join(" "))]);
    words.extend(grant.local.then(|| String::from("local")));
    let figures = [
        ("redirects", grant.redirects != 0, grant.redirects.to_string()),
        ("timeout", grant.timeout_ms != limits::TIMEOUT_MS, duration(grant.timeout_ms)),
        ("max_body", grant.max_body != limits::HTTP_BODY_BYTES, size(grant.max_body)),
    ];
    let unusual = figures.into_iter().filter(|(_, is_unusual, _)| *is_unusual);
    words.extend(unusual.map(|(key, _, value)| format!("{key}={value}")));
    let unknown = grant.on_unknown.map(|unknown| match unknown {
        OnUnknown::Retry => "retry",
        OnUnknown::Fail => "fail",
        OnUnknown::Ask => "ask",
    });
    words.extend(unknown.map(|word| format!("on_unknown={word}")));
    words.join(" ")
}
