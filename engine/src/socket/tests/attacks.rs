//! Clients, and servers, that do not do as they should.

use super::*;

const HELLO: &str = "GET /v1/hello HTTP/1.1\r\nhost: x\r\n\r\n";

/// The answer to a request, until the server closes.
fn answer(house: &House, request: &str) -> (u16, String) {
    let mut text = vec![];
    let _ = house.raw(request).read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap();
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), text)
}

#[test]
fn each_request_has_its_status() {
    let house = House::new();
    let cases = [
        ("GET /v1/hello", "", 200),
        ("GET /v1/hello?x=1", "", 400),
        ("GET /v1/events?from=0&follow=0", "", 200),
        ("GET /v1/events", "", 200),
        ("POST /v1/stop", "content-length: 2\r\n", 202),
        ("GET /", "", 404),
        ("GET /v1", "", 404),
        ("GET /v2/hello", "", 404),
        ("GET /v1/hello/", "", 404),
        ("GET /v1/../v1/hello", "", 404),
        ("GET /v1/stop", "", 405),
        ("POST /v1/hello", "", 405),
        ("DELETE /v1/events", "", 405),
        ("BREW /v1/tree", "", 405),
        ("GET /v1/events?from=", "", 400),
        ("GET /v1/events?from=-1", "", 400),
        ("GET /v1/events?from=18446744073709551616", "", 400),
        ("GET /v1/events?follow=yes", "", 400),
        ("GET /v1/events?until=1", "", 400),
        ("GET /v1/tree?x=1", "", 400),
        ("GET /v1/tap?channels=a.b&x=1", "", 400),
        ("GET /v1/tap?channels=a.b&channels=c.d", "", 400),
        ("POST /v1/send?to=a.b&x=1", "", 400),
        ("POST /v1/reload?x=1", "", 400),
        ("POST /v1/pause?x", "", 400),
        ("POST /v1/stop", "content-length: 4097\r\n", 413),
    ];
    for (line, header, status) in cases {
        let (found, text) = answer(&house, &format!("{line} HTTP/1.1\r\nhost: x\r\n{header}\r\n"));
        assert_eq!(found, status, "{line}: {text}");
        assert_eq!(status >= 400, text.contains("{\"error\":\""), "{text}");
        assert!(status != 405 || text.contains("allow: "), "{text}");
    }
    assert_eq!(house.stage.stops.lock().unwrap().len(), 1);
}

#[test]
fn what_is_not_a_request_is_refused() {
    let house = House::new();
    let long = "x".repeat(1 << 20);
    let many = "a: b\r\n".repeat(100);
    let cases = [
        ("\x16\x03\x01\r\n\r\n".to_owned(), 400),
        ("hello\r\n\r\n".to_owned(), 400),
        (format!("GET /v1/hello HTTP/1.1\r\n{many}\r\n"), 431),
        (format!("GET /{} HTTP/1.1\r\n\r\n", &long[..15_000]), 404),
    ];
    for (request, status) in cases {
        let (found, text) = answer(&house, &request);
        assert_eq!(found, status, "{text}");
    }
    // The server closes before it has read all of these, which may fail the write.
    for head in ["GET /", "GET /v1/hello HTTP/1.1\r\nx: "] {
        let mut stream = house.raw(head);
        let _ = stream.write_all(long.as_bytes());
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(!text.contains(" 200 "), "{text}");
    }
    house.client().hello().unwrap();
}

#[test]
fn one_connection_has_one_request() {
    let house = House::new();
    let (status, text) = answer(&house, &HELLO.repeat(3));
    assert_eq!(status, 200);
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[test]
fn those_who_never_ask_make_room() {
    let head = Duration::from_millis(20);
    let house = House::with(Bounds { connections: 4, head, ..Bounds::default() });
    let rude: Vec<_> = (0..40).map(|n| house.raw(&HELLO[..n % 20])).collect();
    house.client().hello().unwrap();
    drop(rude);
}

#[test]
fn those_who_never_read_make_room() {
    let taken = Duration::from_millis(20);
    let house = House::with(Bounds { feeds: 1, taken, ..Bounds::default() });
    (0..64).for_each(|_| house.stage.push(&"x".repeat(1 << 16)));
    let mut rude = house.raw("GET /v1/events?follow=1 HTTP/1.1\r\nhost: x\r\n\r\n");
    // It has the only place, and reads no further.
    rude.read_exact(&mut [0]).unwrap();
    house.client().hello().unwrap();
    assert_eq!(once_there_is_room(&house).len(), 64);
    drop(rude);
}

#[test]
fn followers_leave_room_for_others_and_free_theirs() {
    let pause = Duration::from_millis(1);
    let house = House::with(Bounds { connections: 3, feeds: 2, pause, ..Bounds::default() });
    house.stage.push("0");
    let followers = [house.follow(0), house.follow(0)];
    assert_eq!([followers[0].next(), followers[1].next()], ["0", "0"]);
    let full = read(&house.client(), 0);
    assert!(matches!(full, Err(SocketError::Refused { status: 503, .. })), "{full:?}");
    house.client().stop(Haste::Usual).unwrap();
    // Only the reader's end is dropped: it leaves at the next line.
    drop(followers);
    house.stage.push("1");
    assert_eq!(once_there_is_room(&house), ["0", "1"]);
}

/// All records, as soon as they may be read.
fn once_there_is_room(house: &House) -> Vec<String> {
    loop {
        match read(&house.client(), 0) {
            // On a busy machine we may be too slow for a short patience too.
            Err(SocketError::Refused { status: 503, .. } | SocketError::Cut) => thread::yield_now(),
            lines => return lines.unwrap(),
        }
    }
}

#[test]
fn the_server_goes_whoever_is_there() {
    let linger = Duration::from_millis(20);
    let house = House::with(Bounds { linger, ..Bounds::default() });
    (0..64).for_each(|_| house.stage.push(&"x".repeat(1 << 16)));
    let (begun, has_begun) = mpsc::channel();
    let (go, wait) = mpsc::channel();
    *house.stage.held.lock().unwrap() = Some((begun, wait));
    let silent = house.raw("GET /v1");
    let deaf = house.raw("GET /v1/events?follow=1 HTTP/1.1\r\nhost: x\r\n\r\n");
    let client = house.client();
    let asker = thread::spawn(move || client.verify(None));
    has_begun.recv().unwrap();
    drop(house.server);
    let answer = asker.join().unwrap();
    assert!(matches!(answer, Err(SocketError::Cut)), "{answer:?}");
    drop((go, silent, deaf));
}

/// What a client makes of a server that says `text` to each, and closes.
fn told(text: &'static str) -> (Result<Value, SocketError>, Result<Vec<String>, SocketError>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    fs::write(dir.path().join(POINTER), format!("{}\n", socket.display())).unwrap();
    let server = thread::spawn(move || {
        // The first only looks whether there is anybody.
        for stream in listener.incoming().take(3).skip(1) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).unwrap();
            let _ = stream.write_all(text.as_bytes());
        }
    });
    let client = Client::connect(dir.path()).unwrap().unwrap();
    let result = (client.hello(), read(&client, 0));
    server.join().unwrap();
    let gone = client.hello();
    assert!(matches!(gone, Err(SocketError::Gone)), "{gone:?}");
    result
}

#[test]
fn a_client_believes_only_whole_answers() {
    let (hello, events) = told("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}\n");
    assert_eq!((hello.unwrap(), events.unwrap()), (json!({}), vec!["{}".to_owned()]));
    for cut in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n",
    ] {
        let (hello, events) = told(cut);
        assert!(matches!(hello, Err(SocketError::Cut)), "{cut:?}: {hello:?}");
        assert!(matches!(events, Err(SocketError::Cut)), "{cut:?}: {events:?}");
    }
    let (hello, events) = told("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{");
    assert!(matches!(hello, Err(SocketError::Garbled { .. })), "{hello:?}");
    assert!(matches!(events, Err(SocketError::Cut)), "a line without an end: {events:?}");
    let (hello, events) = told("SSH-2.0-x\r\n\r\n");
    assert!(matches!(hello, Err(SocketError::Garbled { .. })), "{hello:?}");
    assert!(matches!(events, Err(SocketError::Garbled { .. })), "{events:?}");
    let (hello, _) = told("HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\n\r\n");
    let Err(SocketError::Refused { status: 418, what }) = hello else { panic!("{hello:?}") };
    assert_eq!(what, "I'm a teapot");
}
