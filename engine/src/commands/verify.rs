//! `verify`: whether what is stored of a run is as it was written.
//!
//! Everything that can be wrong with what was written is an answer. That it cannot be read, as there is no room
//! for a copy or a file may not be opened, is an error: it says nothing about the run.

use std::path::Path;

use serde_json::{Value, json};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::verify::{Hole, Verified};

use super::{live, place, read};
use crate::exit::{Exit, Problem};
use crate::head::{Head, HeadError};
use crate::journal::{Flushed, Journal, JournalError};
use crate::recover;
use crate::render::Screen;
use crate::runs::{RunDir, parse_id};
use crate::session::{Kept, SessionError, kept};
use crate::store::{SledStore, StoreError};

/// What a chain of hashes cannot show by itself.
const NOT_SHOWN: &str = "whether its end was cut off together with `head.json`, or all of it was written anew or put \
    back to an earlier state, shows only against a head that was kept elsewhere: `--head HEX`";

/// What is said of a log without its head.
const NO_HEAD: &str = "`head.json` is missing: it stands beside every log from before its first record on, so it was \
    removed, and with it what shows that the log's end was cut off";

pub(super) fn verify(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    head: Option<Digest>,
) -> Result<Exit, Problem> {
    let mut value = match live::owner(run)? {
        Some(client) => client.verify(head).map_err(|error| Problem::failed(error.to_string()))?,
        None => at_rest(run, head)?,
    };
    if value["ok"] == true {
        value = beside_parent(run, value);
    }
    if value["ok"] == true {
        value = with_components(screen, run, folder, value)?;
    }
    if let Some(head) = head.filter(|_| value["ok"] == true) {
        value = expecting(value, head);
    }
    let ok = value["ok"] == true;
    if ok && head.is_none() {
        screen.say(NOT_SHOWN);
    }
    if screen.is_json() {
        screen.json(&value)?;
    } else {
        screen.line(&told(run, &value))?;
    }
    Ok(if ok { Exit::Ok } else { Exit::Differs })
}

/// Checks a stopped run's log.
fn at_rest(run: &RunDir, sought: Option<Digest>) -> Result<Value, Problem> {
    let head = match Head::read(&run.path) {
        Ok(head) => head,
        Err(HeadError::Store(error)) => return Err(error.into()),
        Err(error @ HeadError::Damaged { .. }) => return Ok(wrong(None, &error.to_string())),
    };
    let noted = head.as_ref().map(|head| Flushed { seq: head.seq, head: head.head });
    let noted = noted.filter(|noted| noted.seq > 0);
    let opened = SledStore::open_copy(&run.db()).map_err(JournalError::from);
    let journal = match opened.and_then(Journal::open) {
        Ok(journal) => journal,
        Err(error) => return not_opened(error, noted),
    };
    let value = match recover::genesis(&journal) {
        Ok(genesis) if genesis.run != run.id => {
            wrong(Some(0), &format!("the log is that of run {}, not {}", genesis.run, run.id))
        }
        _ => verified_json(journal.verify_seeking(noted, sought))?,
    };
    Ok(if value["ok"] == true && head.is_none() { wrong(None, NO_HEAD) } else { value })
}

/// What is said of a log that cannot be opened, of which so much was noted.
fn not_opened(error: JournalError, noted: Option<Flushed>) -> Result<Value, Problem> {
    let gone =
        matches!(error, JournalError::Empty | JournalError::Store(StoreError::Missing { .. }));
    match noted {
        Some(noted) if gone => {
            let last = noted.seq - 1;
            Ok(wrong(Some(0), &format!("{error}, but `head.json` names record {last}")))
        }
        None if gone => Err(SessionError::NeverBegan.into()),
        _ => Ok(verified_json(Err(error))?),
    }
}

/// The result of a check as JSON: `ok`, `records`, `head`, how many old checkpoints were `thinned` out, the
/// `holes` where payloads were erased, with the record that says so, the `components`, and of a head that was asked for the record
/// that has it (`head_at`) and how many came `since`; or `seq` of the first bad record, null if it is none that is
/// bad, and `what` is wrong.
///
/// # Errors
/// If the log cannot be read, which says nothing about it.
pub(super) fn verified_json(found: Result<Verified, JournalError>) -> Result<Value, JournalError> {
    match found {
        Ok(verified) => {
            let mut value = json!({
                "ok": true,
                "records": verified.records,
                "head": verified.head.to_string(),
                "thinned": verified.thinned.len(),
                "holes": verified.holes.iter().map(hole_json).collect::<Vec<_>>(),
                "components": verified.components.iter().map(component_json).collect::<Vec<_>>(),
            });
            if let Some(lineage) = &verified.lineage {
                value["parent"] = lineage.parent.to_string().into();
                value["after"] = lineage.seq.into();
                value["parent_hash"] = lineage.hash.to_string().into();
            }
            if let Some(seq) = verified.found {
                value["head_at"] = seq.into();
                value["since"] = verified.records.saturating_sub(seq + 1).into();
            }
            Ok(value)
        }
        Err(JournalError::Damage(damage)) => Ok(wrong(Some(damage.seq), &damage.what.to_string())),
        Err(error @ JournalError::Store(StoreError::Damaged { .. })) => {
            Ok(wrong(Some(0), &error.to_string()))
        }
        Err(error) => Err(error),
    }
}

fn hole_json(hole: &Hole) -> Value {
    let Hole { first, last, payloads, by } = hole;
    json!({ "first": first, "last": last, "payloads": payloads, "pruned_by": by })
}

fn component_json((actor, digest): &(String, Digest)) -> Value {
    json!({ "actor": actor, "sha256": digest.to_string() })
}

fn wrong(seq: Option<u64>, what: &str) -> Value {
    json!({ "ok": false, "seq": seq, "what": what })
}

/// Compares the hash that a fork goes on from with its parent's record, if the parent is beside it; one that goes
/// on is asked.
fn beside_parent(run: &RunDir, mut value: Value) -> Value {
    let (parent, after) = (value["parent"].as_str(), value["after"].as_u64());
    let (Some(parent), Some(after)) = (parent, after) else { return value };
    let path = run.path.with_file_name(parent);
    let beside = parse_id(parent).filter(|_| path.exists()).map(|id| RunDir { id, path });
    let found = beside.and_then(|beside| read::log(&beside).ok()?.stored(after).ok());
    let hash = found.map(|stored| stored.hash.to_string());
    if hash.as_deref().is_some_and(|hash| value["parent_hash"] != hash) {
        let what =
            format!("record {after} of run {parent}, from which it goes on, has another hash");
        return wrong(Some(after + 1), &what);
    }
    value["parent_holds"] = if hash.is_some() { true.into() } else { Value::Null };
    value
}

/// Compares the components that are kept for the run with their digests.
fn with_components(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    value: Value,
) -> Result<Value, Problem> {
    let place = place(folder, run);
    for component in value["components"].as_array().into_iter().flatten() {
        let (actor, digest) = (component["actor"].as_str(), component["sha256"].as_str());
        let (Some(actor), Some(digest)) = (actor, digest.and_then(Digest::from_hex)) else {
            continue;
        };
        match kept(&place, actor, digest)? {
            Kept::Whole => {}
            Kept::Damaged { path } => {
                let what = format!("the component of `{actor}`, {}, is damaged", path.display());
                return Ok(wrong(None, &what));
            }
            Kept::Missing => screen.say(&format!(
                "the component {digest} of `{actor}` is not kept any more: without it the run is neither resumed nor \
                 replayed"
            )),
        }
    }
    Ok(value)
}

/// A head that was kept elsewhere must be that of one of the records.
fn expecting(value: Value, head: Digest) -> Value {
    if value["head_at"].is_u64() {
        return value;
    }
    let last = value["records"].as_u64().unwrap_or(0).saturating_sub(1);
    let ends = value["head"].as_str().unwrap_or("?");
    wrong(Some(last), &format!("the log ends with head {ends}, and no record of it has {head}"))
}

/// What is said of the record that a fork goes on from.
fn parent_told(value: &Value) -> &'static str {
    if value["parent_holds"] == true {
        "it holds the last of them"
    } else {
        "it is not at hand, or cannot be read"
    }
}

fn told(run: &RunDir, value: &Value) -> String {
    if value["ok"] != true {
        let record =
            value["seq"].as_u64().map_or_else(String::new, |seq| format!("record {seq}: "));
        let what = value["what"].as_str().unwrap_or("?");
        return format!("run {} is not as it was written: {record}{what}", run.id);
    }
    let (records, head) = (&value["records"], value["head"].as_str().unwrap_or("?"));
    let mut lines = vec![format!("run {} verified events={records} head={head}", run.id)];
    if let (Some(at), Some(since)) = (value["head_at"].as_u64(), value["since"].as_u64()) {
        lines.push(format!("it holds that head at record {at}; records since: {since}"));
    }
    if let Some(parent) = value["parent"].as_str() {
        let (after, told) = (&value["after"], parent_told(value));
        lines.push(format!("records up to {after} are those of run {parent}: {told}"));
    }
    lines.extend(value["holes"].as_array().into_iter().flatten().map(|hole| {
        let (first, last) = (&hole["first"], &hole["last"]);
        let (payloads, by) = (&hole["payloads"], &hole["pruned_by"]);
        format!("records {first} to {last}: payloads={payloads}, pruned by record {by}")
    }));
    lines.join("\n")
}
