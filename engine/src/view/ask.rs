//! Intents and their outcomes, as JSON and in a few words.

use theater_flow_kernel::http::{Answer, HttpError, HttpErrorCode, Request, Response};
use theater_flow_kernel::record::{
    Body, Call, Decided, Intent, Known, Outcome, Payload, Person, Waiting,
};

use super::json::{Fields, Json};
use super::line::by;
use super::logs::ERASED;
use super::{Detail, Row, View, call, part};
use crate::render::escape::escape;
use crate::render::fit;

/// Columns of what is asked.
const BRIEF: usize = 160;

impl View<'_> {
    /// The fields of an intent.
    pub(super) fn intent(&self, body: &Intent, row: &Row) -> Fields {
        let args = row.own_payload().map(|bytes| call::args(body.call, false, bytes));
        let args = args.unwrap_or_else(|| erased(&body.args));
        let mut fields = by(body.by);
        fields.extend([
            ("consumed", self.consumed(&body.consumed)),
            ("n", body.n.into()),
            ("call", Json::text(call::name(body.call))),
            ("args", args),
            ("key", Json::text(&body.key)),
            ("fuel", body.fuel.into()),
        ]);
        fields
    }
}

/// The fields of an outcome.
pub(super) fn outcome(body: &Outcome, row: &Row, detail: Detail) -> Fields {
    let answer = body.answer.map(|named| {
        row.own_payload().map_or_else(
            || erased(&named),
            |bytes| part::answer(Call::HttpSend, false, bytes, detail),
        )
    });
    vec![
        ("intent", body.intent.into()),
        ("how", Json::text(how(body.how))),
        ("answer", answer.into()),
    ]
}

/// What is left of a payload that was erased.
fn erased(named: &Payload) -> Json {
    let (len, digest) = (("len", named.len.into()), ("digest", Json::text(named.digest)));
    Json::Object(vec![len, digest, ("erased", true.into())])
}

/// The fields of a wait.
pub(super) fn waiting(body: &Waiting) -> Fields {
    vec![("intents", body.intents.iter().map(|seq| Json::from(*seq)).collect())]
}

/// The fields of a decision.
pub(super) fn decided(body: &Decided) -> Fields {
    let decision = if body.repeat { "repeat" } else { "fail" };
    vec![
        ("intent", body.intent.into()),
        ("decision", Json::text(decision)),
        ("by", person(&body.by)),
    ]
}

/// Who decided.
pub(super) fn person(by: &Person) -> Json {
    Json::Object(vec![("uid", by.uid.into()), ("name", by.name.as_ref().map(Json::text).into())])
}

/// What was decided, and by whom.
pub(super) fn decided_brief(body: &Decided) -> String {
    let what = if body.repeat { "it is made again" } else { "it is not made again" };
    format!("of {}: {what}, says {}", body.intent, escape(&body.by.to_string()))
}

/// What somebody has to decide about.
pub(super) fn waiting_brief(body: &Waiting) -> String {
    let intents: Vec<String> = body.intents.iter().map(u64::to_string).collect();
    format!("for somebody to decide about {}", intents.join(", "))
}

/// What an intent asks.
pub(super) fn intent_brief(body: &Intent, row: &Row) -> String {
    let asked = row.own_payload().and_then(|bytes| postcard::from_bytes::<Request>(bytes).ok());
    let what = asked.map_or_else(
        || format!("{} {ERASED}", call::name(body.call)),
        |request| format!("{} {}", request.method, request.url),
    );
    fit(&escape(&what), BRIEF)
}

/// What became of an intent.
pub(super) fn outcome_brief(body: &Outcome, row: &Row) -> String {
    let answer = row.own_payload().and_then(|bytes| postcard::from_bytes(bytes).ok());
    let what = match (body.how, answer) {
        (Known::Answered, Some(Ok(Response { status, .. }))) => format!("status {status}"),
        (Known::Answered, Some(Err(HttpError { code, .. }))) => String::from(error_code(code)),
        (Known::Answered, None) => format!("answered {ERASED}"),
        (Known::Repeated, _) => String::from("nobody knows; it is made again"),
        (Known::Unknown, _) => String::from("nobody knows; it is not made again"),
        (Known::Held, _) => String::from("nobody knows; it waits for somebody to decide"),
        (Known::Made, Some(Err(HttpError { code, .. }))) => {
            format!("{}; it is not made again", error_code(code))
        }
        (Known::Made, _) => String::from("made; it is not made again"),
    };
    format!("of {}: {what}", body.intent)
}

/// True if what was asked was refused when it was to be done.
pub(super) fn is_denial(row: &Row) -> bool {
    let answer = match &row.record.body {
        Body::Outcome(_) => row.own_payload(),
        _ => None,
    };
    let answer: Option<Answer> = answer.and_then(|bytes| postcard::from_bytes(bytes).ok());
    answer.is_some_and(|answer| answer.is_err_and(|why| why.code == HttpErrorCode::Denied))
}

const fn how(how: Known) -> &'static str {
    match how {
        Known::Answered => "answered",
        Known::Repeated => "repeated",
        Known::Unknown => "unknown",
        Known::Held => "held",
        Known::Made => "made",
    }
}

/// The code of an error, as the actor contract has it.
pub(crate) const fn error_code(code: HttpErrorCode) -> &'static str {
    match code {
        HttpErrorCode::Denied => "denied",
        HttpErrorCode::Invalid => "invalid",
        HttpErrorCode::Dns => "dns",
        HttpErrorCode::Connect => "connect",
        HttpErrorCode::Tls => "tls",
        HttpErrorCode::Timeout => "timeout",
        HttpErrorCode::TooLarge => "too-large",
        HttpErrorCode::Protocol => "protocol",
        HttpErrorCode::Unknown => "unknown",
    }
}

/// A request.
pub(super) fn request(request: Request) -> Json {
    let Request { method, url, headers, body } = request;
    let (method, url) = (("method", Json::Text(method)), ("url", Json::Text(url)));
    Json::Object(vec![method, url, ("headers", pairs(headers)), ("body", call::content(&body))])
}

/// A response.
pub(super) fn response(response: Response) -> Json {
    let Response { status, headers, body } = response;
    let status = ("status", u32::from(status).into());
    Json::Object(vec![status, ("headers", pairs(headers)), ("body", call::content(&body))])
}

/// An error.
pub(super) fn error(error: HttpError) -> Json {
    let code = ("code", Json::text(error_code(error.code)));
    Json::Object(vec![code, ("message", Json::Text(error.message))])
}

fn pairs(headers: Vec<(String, String)>) -> Json {
    let pair = |(name, value)| Json::List(vec![Json::Text(name), Json::Text(value)]);
    headers.into_iter().map(pair).collect()
}
