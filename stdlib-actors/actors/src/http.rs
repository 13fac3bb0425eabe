//! `std/http`: a request for each message, and what was answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use theater_flow_sdk::{
    Actor, Config, ConfigFault, Cx, Event, Fault, HttpError, HttpErrorCode, HttpHeader,
    HttpRequest, HttpResponse, Next, Port, Typed,
};

#[cfg(test)]
mod tests;

/// The actor.
pub struct Http(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where every request goes, with the message as its body. Without it each message says where, and what.
    #[serde(default)]
    #[config(min_length = 1, max_length = 8192)]
    url: Option<String>,
    /// The method where a message does not say; by default `POST` with a body, else `GET`.
    #[serde(default)]
    #[config(min_length = 1, max_length = 32)]
    method: Option<String>,
    /// Headers of every request; those of a message come instead.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// How a response's body is given: as text, or as the JSON value that it must be.
    #[serde(default)]
    body: Body,
    /// What becomes of a request without a good response: the message fails, or it goes to `rejected`.
    #[serde(default)]
    on_error: OnError,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Body {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum OnError {
    #[default]
    Fault,
    Reject,
}

/// A message that says what to ask.
#[derive(Deserialize)]
struct Asked {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Answered<'a, T> {
    url: &'a str,
    status: u16,
    headers: BTreeMap<&'a str, String>,
    body: T,
}

/// Why there is no good response.
#[derive(Debug, Serialize, Typed)]
struct Refusal<'a> {
    url: &'a str,
    code: &'static str,
    reason: String,
}

impl Actor for Http {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/http.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let body = match config.body {
            Body::Text => "string",
            Body::Json => "json",
        };
        let answered = format!("{{ url: string, status: u16, headers: json, body: {body} }}");
        let mut ports = vec![
            Port::input("in", "json").doc("What to ask."),
            Port::output("out", &answered).doc("What was answered."),
        ];
        if config.on_error == OnError::Reject {
            let rejected = Port::output_of::<Refusal>("rejected");
            ports.push(rejected.doc("What was not answered well.").optional());
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            let request = self.request(&message.body)?;
            let response = cx.outside.send(&request);
            let url = &request.url;
            match self.emit(url, response, cx)? {
                Ok(()) => {}
                Err(refusal) if self.0.on_error == OnError::Reject => {
                    cx.emit("rejected", &refusal)?;
                }
                Err(Refusal { code, reason, .. }) => return Err(Fault::new(code, reason)),
            }
        }
        Ok(Next::Wait)
    }
}

impl Http {
    /// The request of a message.
    fn request(&self, message: &str) -> Result<HttpRequest, Fault> {
        let config = &self.0;
        let bad = |reason: String| Fault::new("bad-request", reason);
        let asked = match &config.url {
            Some(url) => Asked {
                url: url.clone(),
                method: None,
                headers: None,
                body: Some(raw(message).map_err(bad)?),
            },
            None => serde_json::from_str(message)
                .map_err(|error| bad(format!("the message is no request: {error}")))?,
        };
        let method = asked.method.or_else(|| config.method.clone());
        let method = method
            .unwrap_or_else(|| String::from(if asked.body.is_some() { "POST" } else { "GET" }));
        let mut headers = config.headers.clone();
        for (name, value) in asked.headers.unwrap_or_default() {
            headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
            headers.insert(name, value);
        }
        let (body, kind) = content(asked.body.as_deref()).map_err(bad)?;
        let has_kind = headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"));
        if let Some(kind) = kind.filter(|_| !has_kind) {
            headers.insert("content-type".into(), kind.into());
        }
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| HttpHeader { name, value });
        Ok(HttpRequest {
            method,
            url: asked.url,
            headers: headers.collect(),
            body,
        })
    }

    /// Sends a good response on, and says why another is none.
    fn emit<'a>(
        &self,
        url: &'a str,
        response: Result<HttpResponse, HttpError>,
        cx: &mut Cx,
    ) -> Result<Result<(), Refusal<'a>>, Fault> {
        let refuse = |code, reason| Ok(Err(Refusal { url, code, reason }));
        let HttpResponse {
            status,
            headers,
            body,
        } = match response {
            Ok(response) => response,
            Err(error) => return refuse(code(error.code), error.message),
        };
        let text = String::from_utf8_lossy(&body);
        if status >= 400 {
            let said: String = text.chars().take(256).collect();
            return refuse("status", format!("status {status}: {said}"));
        }
        let mut named: BTreeMap<&str, String> = BTreeMap::new();
        for HttpHeader { name, value } in &headers {
            let values = named.entry(name).or_default();
            if !values.is_empty() {
                values.push_str(", ");
            }
            values.push_str(value);
        }
        let headers = named;
        match self.0.body {
            Body::Text => {
                let body = &*text;
                cx.emit(
                    "out",
                    &Answered {
                        url,
                        status,
                        headers,
                        body,
                    },
                )?;
            }
            Body::Json => {
                let body: &RawValue = match serde_json::from_str(&text) {
                    Ok(body) => body,
                    Err(error) => return refuse("not-json", format!("the response: {error}")),
                };
                cx.emit(
                    "out",
                    &Answered {
                        url,
                        status,
                        headers,
                        body,
                    },
                )?;
            }
        }
        Ok(Ok(()))
    }
}

fn raw(message: &str) -> Result<Box<RawValue>, String> {
    RawValue::from_string(message.into()).map_err(|error| format!("the message: {error}"))
}

/// The bytes of a body and what they are: text as it is, anything else as JSON.
fn content(body: Option<&RawValue>) -> Result<(Vec<u8>, Option<&'static str>), String> {
    let Some(body) = body.map(RawValue::get) else {
        return Ok((Vec::new(), None));
    };
    if body.starts_with('"') {
        let text: String =
            serde_json::from_str(body).map_err(|error| format!("the body: {error}"))?;
        return Ok((text.into_bytes(), Some("text/plain; charset=utf-8")));
    }
    Ok((body.as_bytes().to_vec(), Some("application/json")))
}

fn code(code: HttpErrorCode) -> &'static str {
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
