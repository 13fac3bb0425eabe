//! Where a response sends a request on to.

use theater_flow_kernel::http::{Address, HttpError, HttpErrorCode, Request, Response};
use url::{ParseError, Url};

/// Headers that go along to another host. Any other may hold what is for the first one only.
const SHARED: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// The request that follows, if the response asks for one and the method is one that changes nothing. Whether it
/// is granted is for the caller to ask.
pub(super) fn next(
    request: &Request,
    from: &Address,
    response: &Response,
) -> Result<Option<Request>, HttpError> {
    let safe = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if !safe || !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some((_, location)) = response.headers.iter().find(|(name, _)| name == "location") else {
        return Ok(None);
    };
    let invalid = |what: &str, why: &dyn std::fmt::Display| {
        HttpError::new(HttpErrorCode::Invalid, format!("redirected to `{what}`: {why}"))
    };
    let url = resolve(from, location).map_err(|why| invalid(location, &why))?;
    let to = Address::parse(&url).map_err(|why| invalid(&url, &why))?;
    let mut next = Request { url, ..request.clone() };
    if to.origin() != from.origin() {
        next.headers.retain(|(name, _)| SHARED.iter().any(|s| name.eq_ignore_ascii_case(s)));
    }
    Ok(Some(next))
}

/// A location against the address that it came from. What browsers read in several ways has one here: the result
/// is what is checked.
pub(super) fn resolve(from: &Address, location: &str) -> Result<String, ParseError> {
    let base = Url::parse(&format!("{}{}", from.origin(), from.target))?;
    Ok(base.join(location)?.into())
}
