//! Values that are typed: what is wrong is told with how it is written.

use std::time::Duration;

use theater_flow_kernel::ids::{Digest, Ref};

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as `key=value`".to_owned()),
    }
}

pub(super) fn reference(text: &str) -> Result<Ref, String> {
    let wrong = || "write it as `12`, or `12.0` for the first part of record 12".to_owned();
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(());
    let (seq, part) = text.split_once('.').map_or((text, None), |(seq, part)| (seq, Some(part)));
    number(seq).and(number(part.unwrap_or_default())).ok_or_else(wrong)?;
    let seq = seq.parse().map_err(|_| wrong())?;
    let part = part.map(str::parse).transpose().map_err(|_| wrong())?;
    Ok(Ref { seq, part })
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write the number of a record: `12`".to_owned())
}

pub(super) fn revision(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write the number of a plan, as `plans` lists it: `2`".to_owned())
}

pub(super) fn days(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a number of days: `30`".to_owned())
}

pub(super) fn digest(text: &str) -> Result<Digest, String> {
    Digest::from_hex(text).ok_or_else(|| "a head is 64 hex digits".to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let ms = theater_flow_dsl::milliseconds(text);
    ms.map(Duration::from_millis)
        .ok_or_else(|| "write it as `500ms`, `30s`, `2m` or `1h`".to_owned())
}
