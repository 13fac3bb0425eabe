//! Where a response sends a request on to.

use theater_flow_kernel::http::{Address, HttpError, HttpErrorCode, Request, Response};

/// Headers that are for one host only.
const PRIVATE: [&str; 2] = ["authorization", "cookie"];

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
    let url = resolve(from, location);
    let to = Address::parse(&url).map_err(|why| {
        HttpError::new(HttpErrorCode::Invalid, format!("redirected to `{url}`: {why}"))
    })?;
    let mut next = Request { url, ..request.clone() };
    if to.origin() != from.origin() {
        next.headers.retain(|(name, _)| !PRIVATE.iter().any(|p| name.eq_ignore_ascii_case(p)));
    }
    Ok(Some(next))
}

/// A location against the address that it came from.
fn resolve(from: &Address, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    if location.starts_with("//") {
        return format!("{}:{location}", from.scheme.name());
    }
    if location.starts_with('/') {
        return format!("{}{location}", from.origin());
    }
    let path = from.path();
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    format!("{}{folder}{location}", from.origin())
}
