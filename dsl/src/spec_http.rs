//! From the tree to what `grants.http` lets pass.

use theater_flow_kernel::http::{Address, HttpGrant, OnUnknown, Scheme};
use theater_flow_kernel::limits;

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::At;
use crate::table::{
    Table, boolean, duration, size, string, strings, table, whole32, word, wrong_kind,
};
use crate::tree::{Node, Tree};

const SCHEMES: &[(&str, Scheme)] = &[("https", Scheme::Https), ("http", Scheme::Http)];
const ON_UNKNOWN: &[(&str, OnUnknown)] =
    &[("retry", OnUnknown::Retry), ("fail", OnUnknown::Fail), ("ask", OnUnknown::Ask)];

/// `http = [{ host = "api.example.com", … }]`.
pub(crate) fn hosts(node: &Node, notes: &mut Notes<'_>) -> Vec<HttpGrant> {
    let Tree::Array(items) = &node.tree else {
        wrong_kind("an array of tables with a `host`", node, notes);
        return Vec::new();
    };
    if items.is_empty() {
        let fault = Fault::new(codes::BAD_HOST, "`http` names no host");
        notes.fault(fault.label(node.span, "nothing is granted").help("take `http` out"));
    }
    items.iter().filter_map(|item| host(item, notes)).collect()
}

fn host(node: &Node, notes: &mut Notes<'_>) -> Option<HttpGrant> {
    let mut table = Table::new("an entry of `http`", node.span, table(node, notes)?);
    let name = table.need("host", notes, string);
    let scheme = table.read("scheme", notes, word(SCHEMES)).map_or(Scheme::Https, |s| s.value);
    let port = table.read("port", notes, whole32(1, u16::MAX.into()));
    let methods = table.read("methods", notes, strings);
    let paths = table.read("paths", notes, strings);
    let local = table.read("local", notes, boolean).is_some_and(|local| local.value);
    let redirects = table.read("redirects", notes, whole32(0, limits::REDIRECTS_MAX));
    let timeout = table.read("timeout", notes, duration);
    let max_body = table.read("max_body", notes, size(limits::HTTP_BODY_BYTES_MAX));
    let on_unknown = table.read("on_unknown", notes, word(ON_UNKNOWN)).map(|word| word.value);
    table.finish(notes);
    let name = name?;
    let methods =
        methods.map_or_else(|| vec!["GET".to_owned()], |read| each(read.value, method, notes));
    let paths = paths.map_or_else(|| vec!["/".to_owned()], |read| each(read.value, path, notes));
    let port = port.and_then(|port| u16::try_from(port.value).ok()).unwrap_or(scheme.port());
    let host = checked_host(&name, local, notes)?;
    Some(HttpGrant {
        scheme,
        host,
        port,
        methods,
        paths,
        local,
        redirects: redirects.map_or(0, |redirects| redirects.value),
        timeout_ms: timeout.map_or(limits::TIMEOUT_MS, |timeout| timeout.value),
        max_body: max_body.map_or(limits::HTTP_BODY_BYTES, |size| size.value),
        on_unknown,
    })
}

/// The host in lower case, if it is one and nothing more.
fn checked_host(name: &At<String>, local: bool, notes: &mut Notes<'_>) -> Option<String> {
    let text = &name.value;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let written = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
    let read = Address::parse(&format!("https://{written}/"));
    let Some(address) = read.ok().filter(|read| read.host.eq_ignore_ascii_case(bare)) else {
        let message = format!("`{text}` is not a host");
        let fault = Fault::new(codes::BAD_HOST, message).label(name.span, "not a host");
        let help = "a name or an address only: \"api.example.com\"; `scheme`, `port` and `paths` stand beside it";
        notes.fault(fault.help(help));
        return None;
    };
    if !local && is_local(&address.host) {
        let message = format!("`{text}` is on this machine or in a private network");
        let fault = Fault::new(codes::BAD_HOST, message).label(name.span, "not on the internet");
        notes.fault(fault.help("if it is meant: local = true"));
    }
    Some(address.host)
}

/// What can be known without asking: every address is looked at when a request is made.
fn is_local(host: &str) -> bool {
    use std::net::IpAddr;
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn each(
    items: Vec<At<String>>,
    check: fn(&str) -> Result<(), &'static str>,
    notes: &mut Notes<'_>,
) -> Vec<String> {
    for item in &items {
        if let Err(help) = check(&item.value) {
            let message = format!("`{}` lets nothing pass", item.value);
            let fault = Fault::new(codes::BAD_HOST, message).label(item.span, "this");
            notes.fault(fault.help(help));
        }
    }
    items.into_iter().map(|item| item.value).collect()
}

fn method(method: &str) -> Result<(), &'static str> {
    let good =
        !method.is_empty() && method.len() <= 32 && method.bytes().all(|b| b.is_ascii_uppercase());
    let request = good && !matches!(method, "CONNECT" | "TRACE");
    request.then_some(()).ok_or("a method in upper case: \"POST\"")
}

fn path(path: &str) -> Result<(), &'static str> {
    let read = Address::parse(&format!("https://a{path}"));
    let good =
        path.starts_with('/') && read.is_ok_and(|read| read.target == path && read.path() == path);
    good.then_some(()).ok_or("the beginning of a path, percent-encoded: \"/v1/\"")
}
