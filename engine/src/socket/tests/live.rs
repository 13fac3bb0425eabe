//! Messages from outside, runs that stand still, and messages that are watched.

use super::*;
use crate::channels::Pattern;
use crate::socket::routes::ROUTES;

/// The answer to a request, from its status on.
fn asked(house: &House, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(house.server.path()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap().split_off("HTTP/1.1 ".len())
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[test]
fn a_message_is_sent_as_it_stands() {
    let house = House::new();
    let value = format!("{{\"text\": \"{}\",\n \"n\": 18446744073709551615}}", "ü".repeat(9_000));
    let answer = house.client().pass_on("a/walk.in", value.clone()).unwrap();
    let expected = json!({ "recorded": true, "to": "a/walk.in", "value": value, "uid": uid() });
    assert_eq!(answer, expected);
}

#[test]
fn a_request_that_sends_nothing_is_refused() {
    let house = House::new();
    let post = |rest: &str| format!("POST /v1/send{rest} HTTP/1.1\r\nhost: x\r\n");
    let cases = [
        (post("") + "content-length: 1\r\n\r\n1", "400"),
        (post("?from=a.in") + "content-length: 1\r\n\r\n1", "400"),
        (post("?to=a.in") + &format!("content-length: {}\r\n\r\n", (16 << 20) + 1), "413"),
        (String::from("GET /v1/send?to=a.in HTTP/1.1\r\nhost: x\r\n\r\n"), "405"),
        (String::from("GET /v1/pause HTTP/1.1\r\nhost: x\r\n\r\n"), "405"),
        (String::from("POST /v1/pause?x=1 HTTP/1.1\r\nhost: x\r\n\r\n"), "400"),
    ];
    for (request, status) in cases {
        let answer = asked(&house, request.as_bytes());
        assert!(answer.starts_with(status), "{request}: {answer}");
    }
    let bytes = [post("?to=a.in").as_bytes(), b"content-length: 1\r\n\r\n\xff"].concat();
    assert!(asked(&house, &bytes).starts_with("400"));
}

#[test]
fn a_message_that_does_not_come_is_not_waited_for() {
    let house = House::with(Bounds { taken: Duration::from_millis(20), ..Bounds::default() });
    for path in ["/v1/send?to=a.in", "/v1/reload"] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1");
        let mut stream = house.raw(&request);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        let kind = read.err().map(|error| error.kind());
        assert_ne!(kind, Some(std::io::ErrorKind::WouldBlock), "{path} waits");
        assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
    }
    assert_eq!(house.client().hello().unwrap()["run"], "r1", "others are answered");
}

#[test]
fn a_run_stands_still_and_goes_on() {
    let house = House::new();
    for still in [true, false] {
        let expected = json!({ "recorded": true, "still": still, "uid": uid() });
        assert_eq!(house.client().pause(still).unwrap(), expected);
    }
}

#[test]
fn messages_are_watched_from_now_on_until_the_run_ends() {
    let house = House::new();
    (0..7).for_each(|n| house.stage.push(&format!("{{\"n\":{n}}}")));
    let client = house.client();
    let (sender, lines) = mpsc::channel();
    let (begun, sees) = mpsc::channel();
    let thread = thread::spawn(move || {
        let pattern = Pattern::parse("ev*").unwrap();
        begun.send(()).unwrap();
        client.tap(&pattern, &mut |heard| match heard {
            Heard::Line(line) => sender.send(line.to_owned()).is_ok(),
            Heard::Pause => true,
        })
    });
    sees.recv().unwrap();
    // Whatever was there when it began is not told: one comes at some time that is.
    let mut n = 7;
    let first = loop {
        house.stage.push(&format!("{{\"n\":{n}}}"));
        n += 1;
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(5)) {
            break line;
        }
    };
    let first: Value = serde_json::from_str(&first).unwrap();
    let first = first["n"].as_u64().unwrap();
    assert!(first >= 7 && first.is_multiple_of(2), "{first}");
    for _ in 0..600 {
        house.stage.push(&format!("{{\"n\":{n}}}"));
        n += 1;
    }
    house.stage.end();
    thread.join().unwrap().unwrap();
    let rest: Vec<String> = lines.iter().collect();
    let expected: Vec<String> =
        (first + 1..n).filter(|n| n % 2 == 0).map(|n| format!("{{\"n\":{n}}}")).collect();
    assert_eq!(rest, expected);
}

#[test]
fn a_pattern_of_no_channel_is_told_which_there_are() {
    let house = House::new();
    let pattern = Pattern::parse("evn.*").unwrap();
    let refused = house.client().tap(&pattern, &mut |_| true).unwrap_err();
    let SocketError::Refused { status, what } = refused else { panic!("{refused}") };
    assert_eq!(status, 404);
    assert_eq!(what, "no channel of the run is named `evn.*`: there is `even.out`, `odd.out`");
    for wrong in ["", "?channels=", "?channels=a%20b", "?x=1"] {
        let request = format!("GET /v1/tap{wrong} HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(asked(&house, request.as_bytes()).starts_with("400"), "{wrong}");
    }
}

#[test]
fn the_page_has_each_request_that_is_answered_and_no_other() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/control-socket.md");
    let page = fs::read_to_string(page).unwrap();
    let mut known: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("## `{method} {path}`")).collect();
    let mut said: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with("## `"))
        .map(|line| line.split_inclusive('`').take(2).collect::<String>())
        .collect();
    known.sort();
    said.sort();
    assert_eq!(said, known);
    assert!(page.contains(&format!("Version {PROTOCOL} ")));
}
