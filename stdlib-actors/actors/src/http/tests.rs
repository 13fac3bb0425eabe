use theater_flow_sdk::{HttpError, HttpErrorCode, HttpHeader, HttpResponse, Trial};

use super::Http;

#[expect(
    clippy::unnecessary_wraps,
    reason = "what is asked is answered with a result"
)]
fn respond(status: u16, body: &str) -> Result<HttpResponse, HttpError> {
    let header = |name: &str, value: &str| HttpHeader {
        name: name.into(),
        value: value.into(),
    };
    Ok(HttpResponse {
        status,
        headers: vec![header("x-a", "1"), header("x-a", "2")],
        body: body.as_bytes().to_vec(),
    })
}

fn trial(config: &str, responses: Vec<Result<HttpResponse, HttpError>>) -> Trial<Http> {
    let mut trial = Trial::new(config).expect("a good config");
    trial.outside().responses = responses.into();
    trial
}

#[test]
fn a_message_says_what_to_ask() {
    let config = r#"{"headers": {"Accept": "text/html", "x-b": "1"}}"#;
    let mut trial = trial(config, vec![respond(200, "hello\u{e9}")]);
    let message = r#"{"url":"https://a.test/x","headers":{"accept":"*/*"},"more":1}"#;
    let handled = trial.message("in", message);
    assert_eq!(
        handled.emitted,
        [(
            "out".into(),
            r#"{"url":"https://a.test/x","status":200,"headers":{"x-a":"1, 2"},"body":"helloé"}"#
                .into()
        )]
    );
    let request = &trial.outside().requests[0];
    assert_eq!(request.method, "GET");
    assert!(request.body.is_empty());
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|h| (&*h.name, &*h.value))
        .collect();
    assert_eq!(headers, [("accept", "*/*"), ("x-b", "1")]);
}

#[test]
fn bodies_are_text_or_json() {
    let cases = [
        (r#""a\nb""#, "POST", "a\nb", "text/plain; charset=utf-8"),
        (
            r#"{"n": 1e400}"#,
            "POST",
            r#"{"n": 1e400}"#,
            "application/json",
        ),
        ("[1]", "POST", "[1]", "application/json"),
    ];
    for (body, method, sent, kind) in cases {
        let mut trial = trial("{}", vec![respond(204, "")]);
        let message = format!(r#"{{"url":"https://a.test/","body":{body}}}"#);
        assert!(trial.message("in", &message).next.is_ok());
        let request = &trial.outside().requests[0];
        assert_eq!(request.method, method);
        assert_eq!(request.body, sent.as_bytes());
        assert_eq!(request.headers[0].value, kind);
    }
}

#[test]
fn with_a_url_in_the_config_the_message_is_the_body() {
    let config = r#"{"url": "https://a.test/hook", "method": "PUT"}"#;
    let mut trial = trial(config, vec![respond(200, "")]);
    trial.message("in", r#"{"url": 3}"#);
    let request = &trial.outside().requests[0];
    assert_eq!(
        (&*request.method, &*request.url),
        ("PUT", "https://a.test/hook")
    );
    assert_eq!(request.body, br#"{"url": 3}"#);
}

#[test]
fn a_json_response_must_be_json() {
    let responses = vec![respond(200, "{\"a\": 1}"), respond(200, "<html>")];
    let mut trial = trial(r#"{"body": "json"}"#, responses);
    let good = trial.message("in", r#"{"url":"https://a.test/"}"#);
    assert!(
        good.emitted[0].1.ends_with(r#""body":{"a": 1}}"#),
        "{good:?}"
    );
    let bad = trial.message("in", r#"{"url":"https://a.test/"}"#);
    assert_eq!(bad.next.expect_err("a fault").code, "not-json");
}

#[test]
fn what_is_not_answered_well_is_a_fault_or_rejected() {
    let error = |code| {
        let message = "why".into();
        Err(HttpError { code, message })
    };
    let cases = [
        (
            respond(404, "no such page"),
            "status",
            "status 404: no such page",
        ),
        (error(HttpErrorCode::Denied), "denied", "why"),
        (error(HttpErrorCode::Unknown), "unknown", "why"),
        (error(HttpErrorCode::TooLarge), "too-large", "why"),
    ];
    for (response, code, reason) in cases {
        let message = r#"{"url":"https://a.test/"}"#;
        let fault = trial("{}", vec![response.clone()])
            .message("in", message)
            .next;
        let fault = fault.expect_err("a fault");
        assert_eq!((&*fault.code, &*fault.message), (code, reason));
        let rejected = trial(r#"{"on-error": "reject"}"#, vec![response]).message("in", message);
        let expected =
            format!(r#"{{"url":"https://a.test/","code":"{code}","reason":"{reason}"}}"#);
        assert_eq!(rejected.emitted, [("rejected".into(), expected)]);
    }
}

#[test]
fn a_message_that_is_no_request_is_a_fault() {
    for message in [
        "1",
        "{}",
        r#"{"url":1}"#,
        r#"{"url":"x","headers":{"a":1}}"#,
    ] {
        let handled = trial("{}", Vec::new()).message("in", message);
        assert_eq!(
            handled.next.expect_err("a fault").code,
            "bad-request",
            "{message}"
        );
        assert!(handled.calls.is_empty());
    }
}
