//! Which requests pass, and which addresses are read at all.

use theater_flow_kernel::http::{
    Address, HttpErrorCode, HttpGrant, OnUnknown, Request, Scheme, admit,
};
use theater_flow_kernel::limits;

use super::asks::grant;

fn request(method: &str, url: &str) -> Request {
    let (method, url) = (String::from(method), String::from(url));
    Request { method, url, headers: Vec::new(), body: Vec::new() }
}

fn code(grants: &[HttpGrant], request: &Request) -> Option<HttpErrorCode> {
    admit(grants, request).err().map(|error| error.code)
}

#[test]
fn addresses_have_one_reading() {
    let good = [
        ("https://a.test", "https://a.test", "/"),
        ("HTTPS://A.Test/", "https://a.test", "/"),
        ("http://a.test:8080/x?y=/../z#part", "http://a.test:8080", "/x?y=/../z"),
        ("https://a.test:443?q", "https://a.test", "/?q"),
        ("https://[::1]:80/", "https://[::1]:80", "/"),
        ("http://127.0.0.1/a%20b", "http://127.0.0.1", "/a%20b"),
        ("https://a.test/100%25/%252f", "https://a.test", "/100%25/%252f"),
        ("https://a.test/%C3%BC/...;x", "https://a.test", "/%C3%BC/...;x"),
        ("https://xn--bcher-kva.example/..a/b..", "https://xn--bcher-kva.example", "/..a/b.."),
    ];
    for (url, origin, target) in good {
        let address = Address::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"));
        assert_eq!((&*address.origin(), &*address.target), (origin, target), "{url}");
    }
}

#[test]
fn addresses_with_two_readings_are_refused() {
    let long = format!("https://a.test/{}", "x".repeat(limits::URL_BYTES));
    // Each round of decoding takes one `25` away: the time for this is bounded, too.
    let deep = format!("https://a.test/v1/%{}2e", "25".repeat(4_000));
    let bad = [
        "",
        "a.test",
        "/v1/",
        "//a.test/",
        "ftp://a.test/",
        "https:/a.test/",
        "https://",
        "https:///v1",
        "https://user@a.test/",
        "https://a.test@b.test/",
        "https://a.test:/",
        "https://a.test:0/",
        "https://a.test:+80/",
        "https://a.test:70000/",
        "https://a.test./",
        "https://a..test/",
        "https://-a.test/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[a.test]/",
        "https://a_b%2etest/",
        "https://bücher.example/",
        "https://a.test\\@b.test/",
        "https://a.test/\\..\\x",
        "https://a.test/a b",
        "https://a.test/\r\nHost: b",
        "https://a.test/v1/../admin",
        "https://a.test/v1/./x",
        "https://a.test/v1/..",
        "https://a.test/v1/%2e%2E/admin",
        "https://a.test/v1/..%2fadmin",
        "https://a.test/v1/%252e%252e/admin",
        "https://a.test/v1/..;x/admin",
        "https://a.test/v1/%2e.%5cadmin",
        "https://a.test/v1/..%20/admin",
        "https://a.test/v1/%20../admin",
        "https://a.test/v1/%25252e%252e/admin",
        "https://a.test/v1/..%00/admin",
        "https://a.test/v1/..%09/admin",
        "https://a.test/v1/x%0d%0ay",
        "https://a.test/v1/%7f",
        "https://a.test/v1/%c0%ae%c0%ae/admin",
        "https://a.test/v1/..%C0%AFadmin",
        "https://a.test/v1/..%c1%9cadmin",
        "https://a.test/v1/%u002e%u002e/admin",
        "https://a.test/v1/%25u002e%25u002e/admin",
        "https://a.test/v1/%2500",
        "https://a.test:0443/",
        "https://a.test:018080/",
        &deep,
        &long,
    ];
    for url in bad {
        assert!(Address::parse(url).is_err(), "{url}");
    }
}

#[test]
fn a_grant_lets_pass_what_it_names() {
    let mut v1 = grant(None);
    v1.paths = vec![String::from("/v1/"), String::from("/health")];
    let open = HttpGrant {
        scheme: Scheme::Http,
        host: String::from("127.0.0.1"),
        port: 8080,
        methods: vec![String::from("GET")],
        paths: vec![String::from("/")],
        ..grant(None)
    };
    let grants = [v1, open];
    let passes = [
        ("GET", "https://a.test/v1/x"),
        ("POST", "https://A.TEST:443/v1/"),
        ("GET", "https://a.test/health"),
        ("GET", "https://a.test/health/x?y"),
        ("GET", "http://127.0.0.1:8080"),
    ];
    for (method, url) in passes {
        assert_eq!(code(&grants, &request(method, url)), None, "{method} {url}");
    }
    let denied = [
        ("DELETE", "https://a.test/v1/x"),
        ("GET", "https://a.test/v1"),
        ("GET", "https://a.test/"),
        ("GET", "https://a.test/healthy"),
        ("GET", "https://a.test:8443/v1/x"),
        ("GET", "http://a.test/v1/x"),
        ("GET", "https://b.a.test/v1/x"),
        ("GET", "https://a.test.evil.test/v1/x"),
        ("POST", "http://127.0.0.1:8080/"),
        ("GET", "http://127.0.0.1/"),
        ("GET", "http://localhost:8080/"),
    ];
    for (method, url) in denied {
        let found = code(&grants, &request(method, url));
        assert_eq!(found, Some(HttpErrorCode::Denied), "{method} {url}");
    }
    assert_eq!(code(&[], &request("GET", "https://a.test/")), Some(HttpErrorCode::Denied));
}

#[test]
fn what_is_no_request_is_invalid() {
    let grants = [grant(None)];
    let url = "https://a.test/v1/";
    for method in ["", "get", "GET ", "G\r\nET", "CONNECT", "TRACE"] {
        assert_eq!(
            code(&grants, &request(method, url)),
            Some(HttpErrorCode::Invalid),
            "{method:?}"
        );
    }
    let with = |name: &str, value: &str| {
        let headers = vec![(String::from(name), String::from(value))];
        code(&grants, &Request { headers, ..request("GET", url) })
    };
    for (name, value) in [
        ("Host", "b.test"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("x\r\ny", ""),
        ("", ""),
        ("x y", ""),
        ("x", "a\r\nb: c"),
        ("x", "a\0"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("X_Method_Override", "DELETE"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Forwarded-Host", "b.test"),
        ("x-forwarded-for", "127.0.0.1"),
        ("Idempotency-Key", ""),
    ] {
        assert_eq!(with(name, value), Some(HttpErrorCode::Invalid), "{name:?}: {value:?}");
    }
    assert_eq!(with("Authorization", "Bearer ü\t~"), None);
    assert_eq!(with("Idempotency-Key", "mine"), None);
    assert_eq!(with("Idempotency-Key", &"y".repeat(256)), Some(HttpErrorCode::Invalid));
    let twice = ["idempotency-key", "Idempotency-Key"].map(|n| (n.into(), "mine".into()));
    let twice = Request { headers: twice.to_vec(), ..request("GET", url) };
    assert_eq!(code(&grants, &twice), Some(HttpErrorCode::Invalid));
    assert_eq!(with("x", &"y".repeat(limits::HEADER_BYTES)), Some(HttpErrorCode::Invalid));
}

#[test]
fn only_safe_methods_are_repeated_unless_the_grant_says_otherwise() {
    let methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"];
    let by_default = methods.map(|method| grant(None).on_unknown(method) == OnUnknown::Retry);
    assert_eq!(by_default, [true, true, true, false, false, false, false]);
    let held = grant(Some(OnUnknown::Ask));
    assert!(methods.iter().all(|method| held.on_unknown(method) == OnUnknown::Ask));
}
