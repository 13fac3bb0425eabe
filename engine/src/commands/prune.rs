//! `prune`: what a run no longer needs is erased.

use std::path::Path;

use serde_json::{Value, json};
use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::record::Pruning;

use super::{place, run};
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::head::Head;
use crate::journal::{Flushed, Journal};
use crate::prune::{self, Done, Elsewhere, Planned, PruneError, Wish};
use crate::recover;
use crate::render::Screen;
use crate::runs::RunDir;
use crate::session::{READERS, check_head, check_name, new_head, now_ms};
use crate::store::SledStore;

/// Places that are named, at most; `--json` has all.
const NAMED: usize = 12;
/// A day, in ms.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) fn prune(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    args: &cli::Prune,
) -> Result<Exit, Problem> {
    let _owner = run::own(run)?;
    let place = place(folder, run);
    let journal = Journal::open(SledStore::open_owned(&place.database(), READERS)?)?;
    let plan = recover::plan(&journal)?;
    check_name(&place, recover::genesis(&journal)?.run)?;
    let head = Head::read(&run.path).map_err(|error| Problem::differs(error.to_string()))?;
    let lineage = recover::lineage(&journal)?;
    let head = head.unwrap_or_else(|| new_head(run.id, &plan, journal.flushed(), lineage.as_ref()));
    check_head(&head, &journal)?;
    // Damage must not be erased with what is damaged.
    let noted = Flushed { seq: head.seq, head: head.head };
    journal.verify(Some(noted).filter(|noted| noted.seq > 0)).map_err(|error| {
        let help = String::from("a damaged log is not pruned; `theater-flow verify RUN` says more");
        Problem::from(error).with_help(Some(help))
    })?;
    let planned = Planned::new(&journal, &wish(args))?;
    let mut shown = shown(run, &planned, args.dry_run);
    if !planned.is_empty() {
        screen.say(STAYS);
    }
    if !args.payload.is_empty() {
        let left = prune::elsewhere(&journal, (&planned, &args.payload))?;
        warn(screen, (run, &args.payload), &left);
        shown["also"] = left.payloads.iter().map(Ref::to_string).collect();
        (shown["quoted"], shown["follow"]) = (json!(left.texts), json!(left.follow));
    }
    if !args.dry_run && !planned.is_empty() {
        let planned_by = (journal, &planned);
        let done = prune::carry_out(planned_by, &place.database(), (&run.path, head), now_ms())?;
        add(&mut shown, &done);
    }
    if screen.is_json() {
        screen.json(&shown)?;
    } else {
        screen.line(&text(run, &shown))?;
    }
    Ok(Exit::Ok)
}

/// What no pruning erases.
const STAYS: &str = "what stays: the texts of faults, crashes and dead letters, which may quote what was handled, and \
                     the names of files and timers and the keys of requests";

/// Says where else the same bytes stand.
fn warn(screen: &Screen, (run, of): (&RunDir, &[Ref]), left: &Elsewhere) {
    let list = |names: Vec<String>| {
        let more = names.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
    };
    if !left.payloads.is_empty() {
        let payloads = list(left.payloads.iter().map(Ref::to_string).collect());
        screen.tell(&format!(
            "warning: the same bytes stand in {payloads} too: add a `--payload` for each to erase them"
        ));
    }
    if !left.texts.is_empty() {
        let texts = list(left.texts.iter().map(u64::to_string).collect());
        screen.tell(&format!("warning: the texts of {texts} quote them, which are not erased"));
    }
    if let (Some(first), 1..) = (of.first(), left.follow) {
        let (id, records) =
            (run.id, if left.follow == 1 { "record follows" } else { "records follow" });
        screen.tell(&format!(
            "{} {records} from it, and may hold it in another form: `theater-flow why {id} {first} --impact`",
            left.follow
        ));
    }
}

fn wish(args: &cli::Prune) -> Wish {
    match (args.before, args.keep_days) {
        _ if !args.payload.is_empty() => Wish::Of(args.payload.clone()),
        (Some(before), _) => Wish::Before(before),
        (None, Some(days)) => {
            Wish::Until(now_ms().saturating_sub(u64::from(days).saturating_mul(DAY_MS)))
        }
        (None, None) => Wish::All,
    }
}

fn shown(run: &RunDir, planned: &Planned, dry_run: bool) -> Value {
    let of = planned.cut.what.iter().filter_map(|what| match what {
        Pruning::Of(of) => Some(of.to_string()),
        Pruning::Before(_) => None,
    });
    let of: Vec<String> = of.collect();
    let before = planned.cut.what.iter().find_map(|what| match what {
        Pruning::Before(before) => Some(*before),
        Pruning::Of(_) => None,
    });
    json!({
        "run": run.id.to_string(),
        "dry_run": dry_run,
        "before": before,
        "of": of,
        "payloads": planned.weight.payloads,
        "bytes": planned.weight.bytes,
        "checkpoints": if planned.is_empty() { &[][..] } else { &planned.cut.checkpoints },
        "record": null,
    })
}

fn add(shown: &mut Value, done: &Done) {
    let Flushed { seq, head } = done.flushed;
    shown["record"] = json!(seq - 1);
    shown["head"] = json!(head.to_string());
    shown["disk_before"] = json!(done.before);
    shown["disk_after"] = json!(done.after);
}

fn text(run: &RunDir, shown: &Value) -> String {
    let checkpoints = shown["checkpoints"].as_array().map_or(0, Vec::len);
    let nothing = shown["payloads"] == 0;
    let what = match (nothing, shown["record"].as_u64()) {
        (true, _) => return format!("run {} has nothing to prune", run.id),
        (false, None) => String::from("would be pruned"),
        (false, Some(_)) => String::from("pruned"),
    };
    let (payloads, bytes) = (&shown["payloads"], &shown["bytes"]);
    let text = format!(
        "run {} {what} payloads={payloads} bytes={bytes} checkpoints={checkpoints}",
        run.id
    );
    let Some(record) = shown["record"].as_u64() else { return text };
    let (before, after) = (&shown["disk_before"], &shown["disk_after"]);
    let head = shown["head"].as_str().unwrap_or("?");
    format!("{text} record={record} disk={before}->{after} head={head}")
}

impl From<PruneError> for Problem {
    fn from(error: PruneError) -> Self {
        let message = error.to_string();
        match error {
            PruneError::Recover(error) => error.into(),
            PruneError::NoRecord { .. } | PruneError::NoPayload(_) | PruneError::Plan { .. } => {
                Self::usage(message)
            }
            PruneError::Needed { from: 0 } => {
                let help = "it has no checkpoint yet: a stop by Ctrl-C writes one";
                Self::usage(message).with_help(Some(String::from(help)))
            }
            PruneError::Needed { from } => {
                Self::usage(message).with_help(Some(format!("`--before {from}` at most")))
            }
            PruneError::Letter { letter, .. } => {
                let help = format!("`theater-flow dlq RUN drop {letter}` gives it up");
                Self::usage(message).with_help(Some(help))
            }
            PruneError::InUse { .. } => {
                let help = "`resume` it first; once the message is handled and a stop by Ctrl-C has saved \
                            the agent, it can be erased";
                Self::usage(message).with_help(Some(String::from(help)))
            }
        }
    }
}
