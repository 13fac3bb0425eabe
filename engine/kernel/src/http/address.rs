//! Where a request goes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::limits;

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// In the open.
    Http,
}

impl Scheme {
    /// As an address begins.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port if none is named.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// An absolute address, `https://host:port/path?query`, without user, fragment, or a way up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The scheme.
    pub scheme: Scheme,
    /// A name or an address, in lower case; one of version 6 without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and the query, as they were written; begins with `/`.
    pub target: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.len() > limits::URL_BYTES {
            return Err(format!("the address is longer than {} bytes", limits::URL_BYTES));
        }
        let plain = |b: u8| (b'!'..=b'~').contains(&b) && !b"\"<>\\^`{|}".contains(&b);
        if let Some(odd) = url.chars().find(|c| !u8::try_from(*c).is_ok_and(plain)) {
            return Err(format!("the address holds {odd:?}, which must be percent-encoded"));
        }
        let (scheme, rest) =
            url.split_once("://").ok_or("the address does not begin with https:// or http://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => return Err(format!("the scheme `{other}` is neither https nor http")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = authority_of(authority, scheme)?;
        Ok(Self { scheme, host, port, target: target_of(target)? })
    }

    /// The path, as it was written.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The host as it stands in an address and in the `host` header: with its port if that is not the scheme's
    /// own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }

    /// The address without path and query.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority())
    }
}

fn authority_of(authority: &str, scheme: Scheme) -> Result<(String, u16), String> {
    if authority.contains('@') {
        return Err("the address names a user: put credentials into a header".to_owned());
    }
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, "")) => (host, None),
        Some((host, port)) => {
            (host, Some(port.strip_prefix(':').ok_or("the address has no host")?))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None => scheme.port(),
        Some(digits) => number(digits).ok_or_else(|| format!("`{digits}` is not a port"))?,
    };
    let host = host.to_ascii_lowercase();
    if !is_host(&host, bracketed.is_some()) {
        return Err(format!("`{}` is not a host", crate::gate::clip(authority, 256)));
    }
    Ok((host, port))
}

fn number(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port != 0 && !digits.starts_with('0'))
}

/// A name in the form that name servers know, or an address in its usual form. `0x7f.1` and the like, which some
/// programs take for addresses, are names here, and end in a digit: those are refused.
pub(crate) fn is_host(host: &str, bracketed: bool) -> bool {
    if bracketed {
        return host.parse::<core::net::Ipv6Addr>().is_ok();
    }
    if host.parse::<core::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    let numeric = |label: &str| label.starts_with(|c: char| c.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && !host.rsplit('.').next().is_some_and(numeric)
}

fn target_of(target: &str) -> Result<String, String> {
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let path = target.split_once('?').map_or(&*target, |(path, _)| path);
    let straight = check_path(path);
    straight.map(|()| target)
}

/// How often a path may be encoded: each server on the way may decode it once.
const DECODINGS: u32 = 4;

/// Refuses what a server could read as a step up, or a step that stays, after decoding the path up to
/// [`DECODINGS`] times, and what is encoded more often than that.
fn check_path(path: &str) -> Result<(), String> {
    let mut path = path.to_ascii_lowercase();
    for _ in 0..=DECODINGS {
        if let Some(odd) = odd(&path) {
            return Err(format!("the path holds `{odd}`, which servers read in more than one way"));
        }
        if path.split(['/', '\\']).any(is_step) {
            return Err("the path goes up (`..`) or stays (`.`): write it straight".to_owned());
        }
        let decoded = path
            .replace("%2e", ".")
            .replace("%2f", "/")
            .replace("%5c", "\\")
            .replace("%3b", ";")
            .replace("%20", " ")
            .replace("%25", "%");
        if decoded == path {
            return Ok(());
        }
        path = decoded;
    }
    Err("the path is percent-encoded again and again".to_owned())
}

/// True if a step goes nowhere or up, also for servers that leave out spaces, or what follows a semicolon.
fn is_step(step: &str) -> bool {
    let step = step.split_once(';').map_or(step, |(step, _)| step);
    matches!(step.trim_matches(' '), "." | "..")
}

/// A control character, a byte that begins an overlong encoding, or an encoding that is not one byte's.
fn odd(path: &str) -> Option<&str> {
    let starts = path.match_indices('%').map(|(at, _)| &path[at..]);
    let mut codes = starts.map(|rest| rest.get(..3).unwrap_or(rest));
    codes.find(|code| {
        let value = code.get(1..).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        // Once decoded, `%` may stand before anything.
        value.map_or(code.starts_with("%u"), |byte| {
            byte.is_ascii_control() || matches!(byte, 0xc0 | 0xc1)
        })
    })
}
