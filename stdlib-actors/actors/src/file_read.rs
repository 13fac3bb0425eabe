//! `std/file-read`: the contents of the files that messages name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{
    Actor, Config, ConfigFault, Cx, EmitError, Event, Fault, FileError, FileErrorCode, FileKind,
    Level, Next, Port, Typed,
};

#[cfg(test)]
mod tests;

/// Bytes of one read: all that the host gives at a time.
const READ_BYTES: u32 = 1 << 20;
/// A NUL among the first bytes tells a binary file.
const SNIFFED_BYTES: usize = 8 << 10;
/// The longest path that the host takes.
const PATH_BYTES: usize = 4_096;

/// The actor.
pub struct FileRead(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// `out` holds text, with bytes that are not UTF-8 replaced or refused, or it holds the bytes.
    #[serde(default)]
    encoding: Encoding,
    /// Bytes of the largest file that is read.
    // At most so many that it is a payload: as bytes it takes four thirds in JSON, of 16 MiB.
    #[serde(default = "default_max_size")]
    #[config(minimum = 1, maximum = 8_388_608)]
    max_size: u64,
    /// What becomes of a file that cannot be read: the message fails, or the file goes to `rejected`.
    #[serde(default)]
    on_error: OnError,
    /// Pass over files with a NUL among their first 8 KiB.
    #[serde(default)]
    skip_binary: bool,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    Lossy,
    Utf8,
    Bytes,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum OnError {
    #[default]
    Fault,
    Reject,
}

const fn default_max_size() -> u64 {
    1 << 20
}

#[derive(Deserialize, Typed)]
struct Item<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
}

#[derive(Serialize, Typed)]
struct Text<'a> {
    path: &'a str,
    text: &'a str,
}

#[derive(Serialize, Typed)]
struct Bytes<'a> {
    path: &'a str,
    #[serde(with = "theater_flow_sdk::bytes")]
    bytes: &'a [u8],
}

/// Why a file's content was not sent.
#[derive(Debug, Serialize, Typed)]
struct Refusal<'a> {
    path: &'a str,
    code: &'static str,
    reason: String,
}

impl Actor for FileRead {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/file-read.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let content = match config.encoding {
            Encoding::Lossy | Encoding::Utf8 => Port::output_of::<Text>("out"),
            Encoding::Bytes => Port::output_of::<Bytes>("out"),
        };
        let mut ports = vec![
            Port::input_of::<Item>("in").doc("The files to read."),
            content.doc("What is in each."),
        ];
        if config.on_error == OnError::Reject {
            let rejected = Port::output_of::<Refusal>("rejected");
            ports.push(rejected.doc("The files that cannot be read.").optional());
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            let Item { path } = message.read()?;
            if let Err(refusal) = self.send(&path, cx) {
                self.refuse(&refusal, cx)?;
            }
        }
        Ok(Next::Wait)
    }
}

impl FileRead {
    fn send<'a>(&self, path: &'a str, cx: &mut Cx) -> Result<(), Refusal<'a>> {
        let refuse = |code, reason| Refusal { path, code, reason };
        let content = self.content(path, cx)?;
        let is_binary = memchr::memchr(0, &content[..content.len().min(SNIFFED_BYTES)]).is_some();
        if self.0.skip_binary && is_binary {
            return Err(refuse(
                "binary",
                format!("`{path}` holds a NUL, as binary files do"),
            ));
        }
        let sent = match self.0.encoding {
            Encoding::Lossy => {
                let text = &String::from_utf8_lossy(&content);
                cx.emit("out", &Text { path, text })
            }
            Encoding::Utf8 => {
                let text = str::from_utf8(&content).map_err(|error| {
                    let at = error.valid_up_to() + 1;
                    refuse(
                        "invalid-utf8",
                        format!("`{path}`: byte {at} of it is not UTF-8"),
                    )
                })?;
                cx.emit("out", &Text { path, text })
            }
            Encoding::Bytes => cx.emit(
                "out",
                &Bytes {
                    path,
                    bytes: &content,
                },
            ),
        };
        sent.map_err(|error| match error {
            EmitError::TooLarge(_) => refuse("too-large", format!("`{path}` as JSON: {error}")),
            error => refuse(error.code(), format!("`{path}`: {error}")),
        })
    }

    /// All of a file, in pieces: it may be a longer one by the time of the last.
    fn content<'a>(&self, path: &'a str, cx: &mut Cx) -> Result<Vec<u8>, Refusal<'a>> {
        let refuse = |code, reason| Refusal { path, code, reason };
        let failed = |error: FileError| {
            refuse(
                error.code.as_str(),
                format!("cannot read `{path}`: {}", error.message),
            )
        };
        if path.is_empty() || path.len() > PATH_BYTES || path.contains('\0') {
            let reason = format!("a path has 1 to {PATH_BYTES} bytes and no NUL");
            return Err(refuse("bad-path", reason));
        }
        let max = self.0.max_size;
        let too_large = || refuse("too-large", format!("`{path}` has more than {max} bytes"));
        // Else the record would hold what was read of a file that is too large.
        let found = cx.outside.stat(path).map_err(failed)?;
        if found.kind != FileKind::File {
            return Err(refuse("not-a-file", format!("`{path}` is no regular file")));
        }
        if found.size > max {
            return Err(too_large());
        }
        let mut content = Vec::new();
        loop {
            let read = cx.outside.read(path, content.len() as u64, READ_BYTES);
            let piece = read.map_err(failed)?;
            content.extend_from_slice(&piece);
            if content.len() as u64 > max {
                return Err(too_large());
            }
            if piece.len() < READ_BYTES as usize {
                return Ok(content);
            }
        }
    }

    /// What may pass by itself is tried again whatever the config says.
    fn refuse(&self, refusal: &Refusal, cx: &mut Cx) -> Result<(), Fault> {
        let may_pass = [
            FileErrorCode::Io,
            FileErrorCode::Quota,
            FileErrorCode::Conflict,
        ]
        .iter()
        .any(|code| code.as_str() == refusal.code);
        match self.0.on_error {
            OnError::Reject if !may_pass => Ok(cx.emit("rejected", refusal)?),
            OnError::Fault if refusal.code == "binary" => {
                cx.log(Level::Debug, &format!("passed over: {}", refusal.reason));
                Ok(())
            }
            _ => Err(Fault::new(refusal.code, refusal.reason.clone())),
        }
    }
}
