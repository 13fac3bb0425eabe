//! The types of `wit/http.wit`.

use theater_flow_kernel::http;
use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Header {
    name: String,
    value: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct HttpRequest {
    method: String,
    url: String,
    headers: Vec<Header>,
    body: Vec<u8>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct HttpResponse {
    status: u16,
    headers: Vec<Header>,
    body: Vec<u8>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct HttpError {
    code: ErrorCode,
    message: String,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum ErrorCode {
    #[component(name = "denied")]
    Denied,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "dns")]
    Dns,
    #[component(name = "connect")]
    Connect,
    #[component(name = "tls")]
    Tls,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "protocol")]
    Protocol,
    #[component(name = "unknown")]
    Unknown,
}

impl From<HttpRequest> for http::Request {
    fn from(HttpRequest { method, url, headers, body }: HttpRequest) -> Self {
        let headers = headers.into_iter().map(|Header { name, value }| (name, value)).collect();
        Self { method, url, headers, body }
    }
}

impl From<http::Response> for HttpResponse {
    fn from(http::Response { status, headers, body }: http::Response) -> Self {
        let headers = headers.into_iter().map(|(name, value)| Header { name, value }).collect();
        Self { status, headers, body }
    }
}

impl From<http::HttpError> for HttpError {
    fn from(http::HttpError { code, message }: http::HttpError) -> Self {
        use http::HttpErrorCode as Code;
        let code = match code {
            Code::Denied => ErrorCode::Denied,
            Code::Invalid => ErrorCode::Invalid,
            Code::Dns => ErrorCode::Dns,
            Code::Connect => ErrorCode::Connect,
            Code::Tls => ErrorCode::Tls,
            Code::Timeout => ErrorCode::Timeout,
            Code::TooLarge => ErrorCode::TooLarge,
            Code::Protocol => ErrorCode::Protocol,
            Code::Unknown => ErrorCode::Unknown,
        };
        Self { code, message }
    }
}
