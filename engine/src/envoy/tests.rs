//! Requests to a server on this machine.

mod broken;
mod onward;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use theater_flow_kernel::http::{Address, Scheme};
use theater_flow_kernel::ids::{Bytes, Digest};
use theater_flow_kernel::plan::{Past, Plan, ReloadRules};
use theater_flow_kernel::record::Call;
use theater_flow_kernel::types::TypeTable;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-A: b\r\n\r\nhello";

/// A server that answers each connection with the next of these, and then gives what it was asked.
fn serve_these(answers: Vec<String>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let serve = move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().expect("a client");
            let asked = read_request(&stream);
            // A client that has seen enough may be gone.
            let _ = stream.write_all(answer.as_bytes());
            asked
        };
        answers.into_iter().map(answer).collect()
    };
    (port, std::thread::spawn(serve))
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return text;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a number");
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    text + &String::from_utf8(body).expect("text")
}

fn grant(port: u16) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Http,
        host: String::from("127.0.0.1"),
        port,
        methods: vec![String::from("GET"), String::from("POST")],
        paths: vec![String::from("/v1/")],
        local: true,
        redirects: 0,
        timeout_ms: 20_000,
        max_body: 1_000,
        on_unknown: None,
    }
}

fn ask(grants: &[HttpGrant], method: &str, url: &str) -> Answer {
    asked(grants, &request(method, url), 20_000).0
}

fn request(method: &str, url: &str) -> Request {
    let headers = vec![(String::from("Authorization"), String::from("me"))];
    let (method, url, body) = (String::from(method), String::from(url), b"body".to_vec());
    Request { method, url, headers, body }
}

fn errand(request: &Request, left_ms: u64) -> Errand {
    let args = Bytes::from(postcard::to_allocvec(request).expect("plain data"));
    let (agent, intent, call) = (AgentId(0), 1, Call::HttpSend);
    let (plan, key) = (Arc::new(nobody()), String::from("r/a/1.0-in/1"));
    Errand { plan, agent, intent, call, args, key, left_ms }
}

/// A plan without agents: what may be reached is said to each answer.
fn nobody() -> Plan {
    Plan {
        name: String::from("nobody"),
        description: String::new(),
        source: Digest::of(b""),
        types: TypeTable::default(),
        agents: vec![],
        supervisors: vec![],
        dead_letter: None,
        params: vec![],
        env: vec![],
        secrets: vec![],
        files: vec![],
        past: Past::default(),
        reload: ReloadRules::default(),
        set: vec![],
    }
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The answer, and whether the request may have left without a whole response.
fn asked(grants: &[HttpGrant], request: &Request, left_ms: u64) -> (Answer, bool) {
    let (tls, places, out) = (Tls::default(), Semaphore::new(1), Out::default());
    let answer = answer(grants, errand(request, left_ms), (&tls, &places), &out);
    let answer = runtime().block_on(LocalSet::new().run_until(answer));
    (answer, out.0.get())
}

fn code(answer: &Answer) -> HttpErrorCode {
    answer.as_ref().expect_err("an error").code
}

#[test]
fn a_request_arrives_with_its_key_and_its_response_comes_back() {
    let (port, server) = serve_these(vec![String::from(OK)]);
    let url = format!("http://127.0.0.1:{port}/v1/x?y=z");
    let response = ask(&[grant(port)], "POST", &url).expect("a response");
    assert_eq!((response.status, &response.body[..]), (200, &b"hello"[..]));
    assert!(response.headers.contains(&(String::from("x-a"), String::from("b"))));
    let asked = server.join().expect("it ended").remove(0);
    assert!(asked.starts_with("POST /v1/x?y=z HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\nbody"), "{asked}");
    let asked = asked.to_lowercase();
    for header in [
        &format!("host: 127.0.0.1:{port}"),
        "authorization: me",
        "idempotency-key: r/a/1.0-in/1",
        "user-agent: theater-flow/",
    ] {
        assert!(asked.contains(&format!("\r\n{header}")), "{header}: {asked}");
    }
}

#[test]
fn what_is_near_is_denied_unless_it_is_granted() {
    for host in ["127.0.0.1", "localhost"] {
        let near = HttpGrant { local: false, host: String::from(host), ..grant(9) };
        let answer = ask(&[near], "GET", &format!("http://{host}:9/v1/"));
        assert_eq!(code(&answer), HttpErrorCode::Denied, "{answer:?}");
    }
}

#[test]
fn a_host_that_is_not_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let answer = ask(&[grant(port)], "GET", &format!("http://127.0.0.1:{port}/v1/"));
    assert_eq!(code(&answer), HttpErrorCode::Connect);
}

#[test]
fn who_does_not_speak_securely_is_not_spoken_to() {
    let (port, server) = serve_these(vec![String::from(OK)]);
    let secure = HttpGrant { scheme: Scheme::Https, ..grant(port) };
    let answer = ask(&[secure], "POST", &format!("https://127.0.0.1:{port}/v1/"));
    assert_eq!(code(&answer), HttpErrorCode::Tls, "{answer:?}");
    // The server waits for a line that never comes, or was never reached.
    drop(server);
}

#[test]
fn responses_have_bounds() {
    let long = "x".repeat(1_001);
    let many = "a: b\r\n".repeat(limits::HEADERS + 1);
    let wide = format!("a: {}\r\n", "x".repeat(3 * limits::HEADER_BYTES));
    let cases = [
        (format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{long}"), HttpErrorCode::TooLarge),
        (format!("HTTP/1.1 200 OK\r\n\r\n{long}"), HttpErrorCode::TooLarge),
        (
            String::from("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
            HttpErrorCode::Protocol,
        ),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), HttpErrorCode::TooLarge),
        (format!("HTTP/1.1 200 OK\r\n{wide}\r\n"), HttpErrorCode::TooLarge),
        (String::from("SSH-2.0-x\r\n"), HttpErrorCode::Protocol),
        (String::new(), HttpErrorCode::Protocol),
    ];
    for (response, expected) in cases {
        let shown: String = response.chars().take(60).collect();
        let (port, server) = serve_these(vec![response]);
        let answer = ask(&[grant(port)], "GET", &format!("http://127.0.0.1:{port}/v1/"));
        assert_eq!(code(&answer), expected, "{shown}");
        server.join().expect("it ended");
    }
}

#[test]
fn a_response_that_does_not_come_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let hasty = HttpGrant { timeout_ms: 50, ..grant(port) };
    let answer = ask(&[hasty], "GET", &format!("http://127.0.0.1:{port}/v1/"));
    assert_eq!(code(&answer), HttpErrorCode::Timeout);
}

fn redirect_to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

#[test]
fn redirects_are_followed_only_as_granted() {
    let (port, server) = serve_these(vec![redirect_to("/v1/b")]);
    let url = format!("http://127.0.0.1:{port}/v1/a");
    assert_eq!(ask(&[grant(port)], "GET", &url).expect("a response").status, 302);
    server.join().expect("it ended");

    let (port, server) = serve_these(vec![redirect_to("b"), String::from(OK)]);
    let grants = [HttpGrant { redirects: 2, ..grant(port) }];
    let url = format!("http://127.0.0.1:{port}/v1/a");
    assert_eq!(ask(&grants, "GET", &url).expect("a response").status, 200);
    let asked = server.join().expect("it ended");
    assert!(asked[1].starts_with("GET /v1/b HTTP/1.1"), "{asked:?}");
    assert!(asked[1].contains("me"), "the same host gets the same headers");

    for location in ["/admin", "//127.0.0.1:1/v1/", "https://127.0.0.1/v1/", "http://a.test/v1/"] {
        let (port, server) = serve_these(vec![redirect_to(location)]);
        let grants = [HttpGrant { redirects: 2, ..grant(port) }];
        let answer = ask(&grants, "GET", &format!("http://127.0.0.1:{port}/v1/a"));
        assert_eq!(code(&answer), HttpErrorCode::Denied, "{location}");
        server.join().expect("it ended");
    }

    let (port, server) = serve_these(vec![redirect_to("/v1/b")]);
    let grants = [HttpGrant { redirects: 2, ..grant(port) }];
    let posted = ask(&grants, "POST", &format!("http://127.0.0.1:{port}/v1/a"));
    assert_eq!(posted.expect("a response").status, 302, "what changes something goes once");
    server.join().expect("it ended");
}

#[test]
fn only_the_public_internet_is_public() {
    let public = [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "100.63.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
    ];
    for ip in public {
        assert!(place::is_public(ip.parse::<IpAddr>().expect("an address")), "{ip}");
    }
    let near = [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "3fff::1",
    ];
    for ip in near {
        assert!(!place::is_public(ip.parse::<IpAddr>().expect("an address")), "{ip}");
    }
}
