//! What guests asked and were answered, decoded.
//!
//! Must agree with how the kernel's gate encodes each call: postcard, of the types named here.

use serde::Deserialize;
use theater_flow_kernel::gate::{
    Claimed, EmitError, FileError, FileErrorCode, FileKind, FolderEntry, Stat,
};
use theater_flow_kernel::http::Answer;
use theater_flow_kernel::record::Call;

use super::ask;
use super::json::Json;

/// The call's name, as the actor contract has it.
#[must_use]
pub const fn name(call: Call) -> &'static str {
    match call {
        Call::Emit => "outbox.emit",
        Call::ClockNow => "clock.now",
        Call::RandomBytes => "random.bytes",
        Call::FilesRead => "files.read",
        Call::FilesStat => "files.stat",
        Call::FilesList => "files.list",
        Call::FilesAppend => "files.append",
        Call::FilesReplace => "files.replace",
        Call::FilesClose => "files.close",
        Call::StdinRead => "stdin.read",
        Call::HttpSend => "http.send",
    }
}

/// What was asked.
pub(super) fn args(call: Call, denied: bool, bytes: &[u8]) -> Json {
    let shown = match call {
        Call::ClockNow => Some(Json::Object(vec![])),
        Call::RandomBytes | Call::StdinRead => {
            decode::<u32>(bytes).map(|len| Json::Object(vec![("len", len.into())]))
        }
        Call::Emit => decode::<(String, String)>(bytes).map(|(port, value)| {
            Json::Object(vec![("port", Json::Text(port)), ("beginning", Json::Text(value))])
        }),
        Call::HttpSend if denied => decode::<(String, String)>(bytes).map(|(method, url)| {
            Json::Object(vec![("method", Json::Text(method)), ("url", Json::Text(url))])
        }),
        Call::HttpSend => decode(bytes).map(ask::request),
        // A refusal names the path only.
        Call::FilesRead if !denied => {
            decode::<(String, u64, u32)>(bytes).map(|(path, offset, len)| {
                let path = ("path", Json::Text(path));
                Json::Object(vec![path, ("offset", offset.into()), ("len", len.into())])
            })
        }
        _ => decode::<String>(bytes).map(|path| Json::Object(vec![("path", Json::Text(path))])),
    };
    shown.unwrap_or_else(|| undecoded(bytes))
}

/// What was answered: `{"ok": …}` or `{"err": …}`.
pub(super) fn answer(call: Call, denied: bool, bytes: &[u8]) -> Json {
    let shown = match call {
        Call::Emit => decode(bytes).map(|error| err(emit_error(error))),
        Call::HttpSend if denied => decode(bytes).map(|error| err(ask::error(error))),
        Call::HttpSend => decode::<Answer>(bytes).map(|answer| {
            answer.map_or_else(|error| err(ask::error(error)), |got| ok(ask::response(got)))
        }),
        _ if denied => decode(bytes).map(|error| err(file_error(error))),
        Call::ClockNow => decode::<u64>(bytes).map(|ms| ok(ms.into())),
        Call::RandomBytes => decode::<Vec<u8>>(bytes).map(|random| ok(content(&random))),
        Call::StdinRead => decode::<Result<Vec<u8>, String>>(bytes)
            .map(|read| read.map_or_else(|why| err(Json::Text(why)), |bytes| ok(content(&bytes)))),
        Call::FilesRead => files(bytes, |read: Vec<u8>| content(&read)),
        Call::FilesStat => files(bytes, stat),
        Call::FilesList => {
            files(bytes, |entries: Vec<FolderEntry>| entries.into_iter().map(entry).collect())
        }
        Call::FilesAppend | Call::FilesReplace => files(bytes, |claimed: Claimed| {
            Json::Object(vec![("path", Json::Text(claimed.path)), ("size", claimed.size.into())])
        }),
        Call::FilesClose => None,
    };
    shown.unwrap_or_else(|| undecoded(bytes))
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// An answer of an interface that this program does not know: better its bytes than nothing.
fn undecoded(bytes: &[u8]) -> Json {
    Json::Object(vec![("undecoded", Json::Bool(true)), Json::bytes(bytes)])
}

fn files<'a, T: Deserialize<'a>>(bytes: &'a [u8], show: impl FnOnce(T) -> Json) -> Option<Json> {
    let answer: Result<T, FileError> = decode(bytes)?;
    Some(answer.map_or_else(|error| err(file_error(error)), |value| ok(show(value))))
}

fn ok(value: Json) -> Json {
    Json::Object(vec![("ok", value)])
}

fn err(value: Json) -> Json {
    Json::Object(vec![("err", value)])
}

pub(super) fn content(bytes: &[u8]) -> Json {
    Json::Object(vec![("len", Json::Number(bytes.len() as u64)), Json::bytes(bytes)])
}

fn stat(stat: Stat) -> Json {
    Json::Object(vec![("kind", Json::text(kind(stat.kind))), ("size", stat.size.into())])
}

fn entry(entry: FolderEntry) -> Json {
    Json::Object(vec![("name", Json::Text(entry.name)), ("kind", Json::text(kind(entry.kind)))])
}

const fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Folder => "folder",
        FileKind::Other => "other",
    }
}

fn file_error(error: FileError) -> Json {
    let code = match error.code {
        FileErrorCode::Denied => "denied",
        FileErrorCode::NotFound => "not-found",
        FileErrorCode::NotAFile => "not-a-file",
        FileErrorCode::Quota => "quota",
        FileErrorCode::Conflict => "conflict",
        FileErrorCode::Io => "io",
    };
    Json::Object(vec![("code", Json::text(code)), ("message", Json::Text(error.message))])
}

fn emit_error(error: EmitError) -> Json {
    let (code, more) = match error {
        EmitError::UnknownPort(port) => ("unknown-port", vec![("port", Json::Text(port))]),
        EmitError::WrongType { pointer, message } => {
            let pointer = ("pointer", Json::Text(pointer));
            ("wrong-type", vec![pointer, ("message", Json::Text(message))])
        }
        EmitError::TooLarge(bytes) => ("too-large", vec![("most", bytes.into())]),
        EmitError::Full(count) => ("full", vec![("most", count.into())]),
    };
    Json::Object([("code", Json::text(code))].into_iter().chain(more).collect())
}
