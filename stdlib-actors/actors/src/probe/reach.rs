//! How far a probe reaches out of itself.

use serde_json::json;
use theater_flow_sdk::{Cx, Fault, FileError, Level};

use super::config::{Deed, Rule};
use super::deeds::{size, trap};

/// What a probe imports. A trait, so that the linker sees what `probe` can never call.
pub trait Reach {
    /// True if every deed can be done.
    const FULL: bool;
    /// The doc of the component.
    const DOC: &'static str;

    /// Follows a rule that needs more than the outbox and the log.
    #[expect(private_interfaces, reason = "sealed: nobody else can name a rule")]
    fn perform(rule: &Rule, cx: &mut Cx) -> Result<(), Fault>;
}

/// The outbox and the log.
pub struct Nothing;

/// Everything.
pub struct Everything;

impl Reach for Nothing {
    const FULL: bool = false;
    const DOC: &'static str = "\
Misbehaves on demand, for tests.

`on` lists what to do at which event. A number of the messages that came is kept in the snapshot
(`count`). Deeds that need more than the outbox and the log need probe-full.
Uses: log, outbox.";

    #[expect(private_interfaces, reason = "sealed: nobody else can name a rule")]
    fn perform(_: &Rule, _: &mut Cx) -> Result<(), Fault> {
        Err(Fault::new("probe", "this needs probe-full"))
    }
}

impl Reach for Everything {
    const FULL: bool = true;
    const DOC: &'static str = "\
Misbehaves on demand, for tests, and imports everything there is.

`on` lists what to do at which event. A number of the messages that came is kept in the snapshot
(`count`).
Uses: clock, files, log, outbox, random, stdin, stdout, timer.";

    #[expect(private_interfaces, reason = "sealed: nobody else can name a rule")]
    fn perform(rule: &Rule, cx: &mut Cx) -> Result<(), Fault> {
        let text = rule.text.as_deref();
        let port = rule.port.as_deref().unwrap_or("out");
        match rule.deed {
            Deed::Clock => {
                let now = cx.outside.now();
                cx.emit(port, &json!({ "now": now }))?;
            }
            Deed::TrapBefore => {
                if cx.outside.now() < rule.n.unwrap_or(u64::MAX) {
                    trap();
                }
            }
            Deed::Random => {
                let bytes = cx
                    .outside
                    .random(u32::try_from(size(rule.n, 8)).unwrap_or(u32::MAX));
                cx.emit(port, &json!({ "random": bytes }))?;
            }
            Deed::SetTimer => cx
                .outside
                .set_timer(text.unwrap_or("probe"), rule.n.unwrap_or(0)),
            Deed::CancelTimer => cx.outside.cancel_timer(text.unwrap_or("probe")),
            Deed::Stdin => {
                let len = u32::try_from(size(rule.n, 4_096)).unwrap_or(u32::MAX);
                let read = cx.outside.read_stdin(len);
                let read = read.map_err(|error| Fault::new("stdin", error))?;
                cx.emit(port, &json!({ "stdin": String::from_utf8_lossy(&read) }))?;
            }
            Deed::Stdout => cx
                .outside
                .write_stdout(text.unwrap_or("probe\n").as_bytes()),
            _ => with_file(rule, cx)?,
        }
        Ok(())
    }
}

/// Follows a rule about a file. What is refused is logged as `read: denied: …`, and no fault.
fn with_file(rule: &Rule, cx: &mut Cx) -> Result<(), Fault> {
    let path = rule.path.as_deref().unwrap_or("/etc/passwd");
    let text = rule.text.as_deref().unwrap_or("probe\n");
    let port = rule.port.as_deref().unwrap_or("out");
    match rule.deed {
        Deed::Read | Deed::ReadDenied => {
            let len = u32::try_from(size(rule.n, 4_096)).unwrap_or(u32::MAX);
            if let Some(read) = kept("read", cx.outside.read(path, 0, len), cx) {
                cx.emit(port, &json!({ "read": String::from_utf8_lossy(&read) }))?;
            }
        }
        Deed::Stat => {
            if let Some(stat) = kept("stat", cx.outside.stat(path), cx) {
                cx.emit(port, &json!({ "size": stat.size }))?;
            }
        }
        Deed::List => {
            if let Some(entries) = kept("list", cx.outside.list(path), cx) {
                let names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
                cx.emit(port, &json!({ "list": names }))?;
            }
        }
        Deed::Append => {
            let appended = cx.outside.append(path, text.as_bytes());
            kept("append", appended, cx);
        }
        Deed::Replace => {
            let begun = cx.outside.replace(path);
            kept("replace", begun, cx);
        }
        Deed::Close => {
            let closed = cx.outside.close(path);
            kept("close", closed, cx);
        }
        _ => {}
    }
    Ok(())
}

fn kept<T>(doing: &str, answer: Result<T, FileError>, cx: &mut Cx) -> Option<T> {
    answer
        .map_err(|error| {
            let code = error.code.as_str();
            cx.log(Level::Info, &format!("{doing}: {code}: {}", error.message));
        })
        .ok()
}
