//! `dlq retry` and `dlq drop`.

use std::path::Path;

use serde_json::json;
use theater_flow_kernel::record::Status;

use super::{Known, fork};
use crate::commands::{live, place, run};
use crate::exit::{Exit, Problem};
use crate::letters::{Deed, Fate, Order, Which};
use crate::person::myself;
use crate::render::Screen;
use crate::runs::RunDir;
use crate::session::{Left, SessionError};
use crate::view;

/// Letters named to the owner of a run at a time.
const AT_ONCE: usize = 256;

/// Has something done with letters: by the run's owner if it lives, else by this process, which leaves it then.
pub(super) fn sort(
    screen: &Screen,
    (run, folder): (&RunDir, &Path),
    (deed, which): (Deed, Which),
) -> Result<Exit, Problem> {
    if let Which::All { agent: Some(agent) } = &which {
        view::agent_id(&Known::read(screen, run)?.plan, agent)?;
    }
    let order = Order { deed, which };
    let (fates, lives) = match live::owner(run)? {
        Some(client) => {
            let mut fates: Vec<Fate> = vec![];
            for order in pieces(&order) {
                let value = client.letters(&order);
                let value = value.map_err(|error| Problem::failed(error.to_string()))?;
                let told: Vec<Fate> = serde_json::from_value(value)
                    .map_err(|error| Problem::failed(error.to_string()))?;
                fates.extend(told);
            }
            (fates, true)
        }
        None => match at_rest(screen, (run, folder), &order)? {
            Ok(fates) => (fates, false),
            Err(status) => return Err(over(screen, run, &order, status)),
        },
    };
    tell(screen, run, (&order, &fates), lives)
}

/// An order in pieces that fit into a request.
fn pieces(order: &Order) -> Vec<Order> {
    match &order.which {
        Which::These(seqs) => {
            let some = |seqs: &[u64]| Order { which: Which::These(seqs.to_vec()), ..order.clone() };
            seqs.chunks(AT_ONCE).map(some).collect()
        }
        Which::All { .. } => vec![order.clone()],
    }
}

/// What became of letters of a run that nobody runs; or how the run ended.
fn at_rest(
    screen: &Screen,
    (run, folder): (&RunDir, &Path),
    order: &Order,
) -> Result<Result<Vec<Fate>, Status>, Problem> {
    let _owner = run::own(run)?;
    let place = place(folder, run);
    let left = match Left::open(&place) {
        Ok(left) => left,
        Err(SessionError::Over(status)) => return Ok(Err(status)),
        Err(error) => return Err(error.into()),
    };
    for warning in left.warnings() {
        screen.tell(&format!("warning: {warning}"));
    }
    Ok(Ok(left.letters(&place, order, &myself())?))
}

/// Nothing changes any more in a run that is over.
fn over(screen: &Screen, run: &RunDir, order: &Order, status: Status) -> Problem {
    let message = format!("run {} is over: {}", run.id, view::status(status));
    let help = || {
        let known = Known::read(screen, run).ok()?;
        let letters = order.which.seqs(&known.state);
        fork::help(&known, run, (order, &letters)).ok()?
    };
    Problem::usage(message).with_help(if order.deed == Deed::Retry { help() } else { None })
}

/// Tells what became of each letter.
fn tell(
    screen: &Screen,
    run: &RunDir,
    (order, fates): (&Order, &[Fate]),
    lives: bool,
) -> Result<Exit, Problem> {
    let deed = order.deed;
    let known =
        if fates.iter().any(|fate| !fate.done) { Some(Known::read(screen, run)?) } else { None };
    for fate in fates {
        let why = match &known {
            Some(known) if fate.unknown => Some(unknown(known, fate.letter)?),
            _ => fate.why.clone(),
        };
        if screen.is_json() {
            let (letter, agent, word) = (fate.letter, &fate.agent, deed.word());
            screen.json(&json!({
                "run": run.id.to_string(), "letter": letter, "agent": agent, "do": word,
                "done": fate.done, "why": why,
            }))?;
        }
        match why {
            None => screen.say(&said(deed, fate)),
            Some(why) => screen.tell(&format!("{}: {why}", fate.letter)),
        }
    }
    let refused: Vec<u64> =
        fates.iter().filter(|fate| !fate.done).map(|fate| fate.letter).collect();
    let done = fates.len() - refused.len();
    if fates.is_empty() {
        screen.say(&format!("run {} keeps no such dead letters", run.id));
    } else if done > 0 && !lives && deed == Deed::Retry {
        screen.say(&format!("`theater-flow resume {}` goes on with what is tried again", run.id));
    }
    let Some(known) = known else { return Ok(Exit::Ok) };
    let what = if deed == Deed::Retry { "tried again" } else { "dropped" };
    let help = if deed == Deed::Retry { fork::help(&known, run, (order, &refused))? } else { None };
    let list = || format!("`theater-flow dlq {}` lists what is there", run.id);
    let message = format!("{} of {} could not be {what}", refused.len(), fates.len());
    Err(Problem::usage(message).with_help(help.or_else(|| Some(list()))))
}

fn said(deed: Deed, fate: &Fate) -> String {
    let agent = fate.agent.as_deref().unwrap_or("?");
    match deed {
        Deed::Retry => format!("{}: waits again for `{agent}`", fate.letter),
        Deed::Drop => format!("{}: dropped", fate.letter),
    }
}

/// Why the engine keeps no letter of this number.
fn unknown(known: &Known, seq: u64) -> Result<String, Problem> {
    let records = known.journal.flushed().seq;
    if seq >= records {
        return Ok(format!("there is no record {seq}: the run has {records}, from 0"));
    }
    match known.letter(seq) {
        Ok(letter) => Ok(letter.told()),
        Err(Problem::Told { message, .. }) => Ok(message),
        Err(other) => Err(other),
    }
}
