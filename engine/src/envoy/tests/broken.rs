//! Requests of which no whole response comes: what may have left is told from what has not, and nothing goes on
//! behind the back of whoever gave up.

use std::sync::mpsc::channel;

use super::*;

fn hang(port: u16) -> HttpGrant {
    HttpGrant { timeout_ms: 100, ..grant(port) }
}

#[test]
fn what_may_have_left_is_told_from_what_has_not() {
    let url = |port| format!("http://127.0.0.1:{port}/v1/x");
    let responses = [
        "",
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort",
        "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n",
    ];
    for response in responses {
        let body = if response.ends_with("\r\n\r\n") { "x".repeat(1_001) } else { String::new() };
        let (port, server) = serve_these(vec![format!("{response}{body}")]);
        let (answer, out) = asked(&[grant(port)], &request("POST", &url(port)), 20_000);
        assert!(answer.is_err() && out, "{response:?}: {answer:?}");
        server.join().expect("it ended");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (answer, out) = asked(&[hang(port)], &request("POST", &url(port)), 20_000);
    assert_eq!((code(&answer), out), (HttpErrorCode::Timeout, true));
    drop(listener);
    let (answer, out) = asked(&[grant(port)], &request("POST", &url(port)), 20_000);
    assert_eq!((code(&answer), out), (HttpErrorCode::Connect, false));
    let (answer, out) = asked(&[grant(port)], &request("POST", "https://a.test/"), 20_000);
    assert_eq!((code(&answer), out), (HttpErrorCode::Denied, false));

    let (port, server) = serve_these(vec![redirect_to("http://127.0.0.1:9/v1/")]);
    let grants = [HttpGrant { redirects: 1, ..grant(port) }, grant(9)];
    let (answer, out) = asked(&grants, &request("GET", &url(port)), 20_000);
    assert_eq!((code(&answer), out), (HttpErrorCode::Connect, false), "the first has its response");
    server.join().expect("it ended");
}

#[test]
fn a_reply_says_whether_the_request_may_have_left() {
    for out in [false, true] {
        let (events, heard) = channel();
        let reply = Reply::to(&errand(&request("POST", "https://a.test/"), 1), &events);
        reply.out.0.set(out);
        // As if the task had panicked.
        drop(reply);
        let unanswered = matches!(heard.recv(), Ok(Event::Unanswered { intent: 1, .. }));
        assert_eq!(unanswered, out);
    }
}

#[test]
fn an_errand_that_nobody_takes_is_answered() {
    let (events, heard) = channel();
    let (errands, receiver) = unbounded_channel();
    drop(receiver);
    Envoy { errands: Some(errands), events }.send(errand(&request("POST", "https://a.test/"), 1));
    assert!(matches!(heard.recv(), Ok(Event::Answered { intent: 1, .. })));
}

#[test]
fn what_is_too_late_or_finds_no_place_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let request = request("POST", &format!("http://127.0.0.1:{port}/v1/x"));
    let (answer, out) = asked(&[grant(port)], &request, 0);
    assert_eq!((code(&answer), out), (HttpErrorCode::Timeout, false));
    let (tls, none, out) = (Tls::default(), Semaphore::new(0), Out::default());
    let grants = [grant(port)];
    let answer = super::answer(&grants, errand(&request, 20), (&tls, &none), &out);
    let answer = runtime().block_on(LocalSet::new().run_until(answer));
    assert_eq!((code(&answer), out.0.get()), (HttpErrorCode::Timeout, false));
    listener.set_nonblocking(true).expect("it can");
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn what_is_given_up_is_not_sent_on() {
    const WHOLE: usize = 12 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (given_up, wait) = channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        wait.recv().expect("the test says so");
        let mut came = Vec::new();
        // A connection that was cut ends in an error.
        let _ = stream.read_to_end(&mut came);
        came.len()
    });
    let url = format!("http://127.0.0.1:{port}/v1/x");
    let request = Request { body: vec![b'x'; WHOLE], ..request("POST", &url) };
    let (grants, tls, places, out) =
        ([hang(port)], Tls::default(), Semaphore::new(1), Out::default());
    let came = runtime().block_on(LocalSet::new().run_until(async {
        let answer = super::answer(&grants, errand(&request, 20_000), (&tls, &places), &out).await;
        assert_eq!((code(&answer), out.0.get()), (HttpErrorCode::Timeout, true));
        given_up.send(()).expect("the server waits");
        tokio::task::spawn_blocking(|| server.join().expect("it ended")).await.expect("it ended")
    }));
    assert!(came < WHOLE, "all of it came");
}

#[test]
fn a_response_in_small_pieces_is_read_as_one() {
    let pieces = |n: usize| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{}0\r\n\r\n", "1\r\nx\r\n".repeat(n))
    };
    for (n, expected) in [(1_000, Ok(1_000)), (1_001, Err(HttpErrorCode::TooLarge))] {
        let (port, server) = serve_these(vec![pieces(n)]);
        let answer = ask(&[grant(port)], "GET", &format!("http://127.0.0.1:{port}/v1/"));
        let found = answer.map(|response| response.body.len()).map_err(|error| error.code);
        assert_eq!(found, expected);
        server.join().expect("it ended");
    }
}

#[test]
fn a_request_without_content_says_so() {
    for (method, says) in [("POST", true), ("GET", false)] {
        let (port, server) = serve_these(vec![String::from(OK)]);
        let url = format!("http://127.0.0.1:{port}/v1/x");
        let request = Request { body: Vec::new(), ..request(method, &url) };
        asked(&[grant(port)], &request, 20_000).0.expect("a response");
        let asked = server.join().expect("it ended").remove(0).to_lowercase();
        assert_eq!(asked.contains("\r\ncontent-length: 0\r\n"), says, "{asked}");
    }
}
