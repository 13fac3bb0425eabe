//! Requests over HTTP: what one is, and which ones a grant lets pass.
//!
//! There is one reading of a request's address, [`Address`], for the check and for the connection alike, and it
//! takes only what has no second reading. Which machine a name leads to is the shell's to check.

mod address;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use address::{Address, Scheme};

use crate::limits;

/// A place that requests may go to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HttpGrant {
    /// The scheme.
    pub scheme: Scheme,
    /// The host: a name or an address, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Methods, in upper case.
    pub methods: Vec<String>,
    /// What a path begins with, one of them: `/v1/` is all below it, `/v1` is that and all below it.
    pub paths: Vec<String>,
    /// The host may be on this machine or in a private network.
    pub local: bool,
    /// How many redirects may be followed; each must be granted too.
    pub redirects: u32,
    /// Time of one request, in ms.
    pub timeout_ms: u64,
    /// Bytes of a response's body.
    pub max_body: u64,
    /// What happens when nobody knows whether a request was made; `None`: `Retry` if the method is safe,
    /// else `Fail`.
    pub on_unknown: Option<OnUnknown>,
}

/// What happens when a request may have been made and there is no record of a whole response: the process ended in
/// between, or the response did not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OnUnknown {
    /// The request is made again, with the same idempotency key.
    Retry,
    /// The guest is told that nobody knows, and the event is not tried again.
    Fail,
    /// Somebody has to say.
    Ask,
}

/// See `request` in `wit/http.wit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// In upper case.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

/// See `response` in `wit/http.wit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

/// See `error` in `wit/http.wit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HttpError {
    /// For programs.
    pub code: HttpErrorCode,
    /// For people.
    pub message: String,
}

/// See `error-code` in `wit/http.wit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum HttpErrorCode {
    /// Not granted.
    Denied,
    /// Not a request that can be made.
    Invalid,
    /// The host's name leads nowhere.
    Dns,
    /// The host does not answer.
    Connect,
    /// The connection is not secure.
    Tls,
    /// It took too long.
    Timeout,
    /// The response is longer than it may be.
    TooLarge,
    /// What came is not a response, or it broke off.
    Protocol,
    /// The engine ended before the response was recorded, or no whole response came: it may have been made or not.
    Unknown,
}

impl HttpError {
    /// An error.
    #[must_use]
    pub fn new(code: HttpErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(HttpErrorCode::Invalid, message)
    }
}

/// What a guest gets for a request.
pub type Answer = Result<Response, HttpError>;

/// The header by which a server can tell tries from requests.
const KEY: &str = "idempotency-key";

/// Headers that say how a message is carried; they are the engine's.
const CARRIERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Request {
    /// Bytes of all of it.
    #[must_use]
    pub fn len(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.method.len() + self.url.len() + self.body.len() + headers.sum::<usize>()
    }

    /// False: a request has a method.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The idempotency key that the guest has set.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        let is_key = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(KEY);
        self.headers.iter().find(is_key).map(|(_, value)| value.as_str())
    }

    /// Checks all but where it goes.
    fn check(&self) -> Result<(), HttpError> {
        let method = &self.method;
        if method.is_empty() || method.len() > 32 || !method.bytes().all(|b| b.is_ascii_uppercase())
        {
            return Err(HttpError::invalid("a method is a word in upper case"));
        }
        if matches!(method.as_str(), "CONNECT" | "TRACE") {
            return Err(HttpError::invalid(format!("{method} is no request for a resource")));
        }
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.headers.len() > limits::HEADERS || bytes > limits::HEADER_BYTES {
            let (most, bytes) = (limits::HEADERS, limits::HEADER_BYTES);
            let message = format!("more than {most} headers or {bytes} bytes of them");
            return Err(HttpError::invalid(message));
        }
        let keys = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(KEY));
        if keys.count() > 1 {
            return Err(HttpError::invalid("a request has one idempotency key"));
        }
        self.headers.iter().try_for_each(|(name, value)| check_header(name, value))
    }
}

/// Headers by which some servers take a request for another one: of another method, another address, or from
/// somebody else.
const DISGUISES: [&str; 9] = [
    "forwarded",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-host",
];

/// Longest idempotency key that a guest may set.
const KEY_BYTES: usize = 255;

fn check_header(name: &str, value: &str) -> Result<(), HttpError> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let shown = crate::gate::clip(name, 64);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(HttpError::invalid(format!("{shown:?} is not the name of a header")));
    }
    if CARRIERS.iter().any(|carrier| name.eq_ignore_ascii_case(carrier)) {
        return Err(HttpError::invalid(format!("the header `{shown}` is the engine's to set")));
    }
    let lower = name.to_ascii_lowercase();
    let disguise = DISGUISES.contains(&&*lower) || lower.starts_with("x-forwarded-");
    // Some servers read `x_a` as `x-a`.
    if disguise || lower.contains('_') {
        let message = format!("the header `{shown}` could make another request of this one");
        return Err(HttpError::invalid(message));
    }
    if lower == KEY && !(1..=KEY_BYTES).contains(&value.len()) {
        let message = format!("an idempotency key has 1 to {KEY_BYTES} bytes");
        return Err(HttpError::invalid(message));
    }
    if !value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b) || b >= 0x80) {
        return Err(HttpError::invalid(format!("the value of `{shown}` has control characters")));
    }
    Ok(())
}

/// The grant under which a request may be made, and where it goes.
///
/// # Errors
/// [`HttpErrorCode::Invalid`] if nothing can be made of it, [`HttpErrorCode::Denied`] if it is not granted.
pub fn admit<'g>(
    grants: &'g [HttpGrant],
    request: &Request,
) -> Result<(&'g HttpGrant, Address), HttpError> {
    request.check()?;
    let address = Address::parse(&request.url).map_err(HttpError::invalid)?;
    let Some(grant) = grant_for(grants, &request.method, &address) else {
        let (method, path) = (&request.method, crate::gate::clip(address.path(), 256));
        let message = format!("{method} {}{path} is not granted", address.origin());
        return Err(HttpError::new(HttpErrorCode::Denied, message));
    };
    Ok((grant, address))
}

/// The first grant that lets a request pass.
#[must_use]
pub fn grant_for<'g>(grants: &'g [HttpGrant], method: &str, to: &Address) -> Option<&'g HttpGrant> {
    grants.iter().find(|grant| {
        grant.scheme == to.scheme
            && grant.host == to.host
            && grant.port == to.port
            && grant.methods.iter().any(|granted| granted == method)
            && grant.paths.iter().any(|prefix| is_below(prefix, to.path()))
    })
}

fn is_below(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

impl HttpGrant {
    /// What happens when nobody knows what became of a request with this method.
    #[must_use]
    pub fn on_unknown(&self, method: &str) -> OnUnknown {
        let safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
        self.on_unknown.unwrap_or(if safe { OnUnknown::Retry } else { OnUnknown::Fail })
    }
}

/// The error of a request whose outcome nobody knows, and why.
#[must_use]
pub fn unknown(why: &str, key: &str) -> HttpError {
    let message = format!("{why}: the request with the key {key} may have been made or not");
    HttpError::new(HttpErrorCode::Unknown, message)
}
