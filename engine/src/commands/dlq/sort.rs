//! `dlq retry` and `dlq drop`.

use std::collections::BTreeMap;
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
/// Letters that are told one by one; more are counted.
const TOLD: usize = 32;

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
        if let Some(why) = why {
            screen.tell(&format!("{}: {why}", fate.letter));
        }
    }
    for letters in done(fates) {
        screen.say(&said(deed, &letters));
    }
    let refused: Vec<u64> =
        fates.iter().filter(|fate| !fate.done).map(|fate| fate.letter).collect();
    let some_done = fates.len() > refused.len();
    if fates.is_empty() {
        screen.say(&format!("run {} keeps no such dead letters", run.id));
    } else if some_done && !lives && deed == Deed::Retry {
        screen.say(&format!("`theater-flow resume {}` goes on with what is tried again", run.id));
    }
    let Some(known) = known else { return Ok(Exit::Ok) };
    let what = if deed == Deed::Retry { "tried again" } else { "dropped" };
    let help = if deed == Deed::Retry { fork::help(&known, run, (order, &refused))? } else { None };
    let list = || format!("`theater-flow dlq {}` lists what is there", run.id);
    let message = format!("{} of {} could not be {what}", refused.len(), fates.len());
    Err(Problem::usage(message).with_help(help.or_else(|| Some(list()))))
}

/// Letters that it was done with: one by one, or all of an agent where they are many.
fn done(fates: &[Fate]) -> Vec<(&str, Vec<u64>)> {
    let done = fates.iter().filter(|fate| fate.done);
    let mut all: Vec<(&str, Vec<u64>)> =
        done.map(|fate| (fate.agent.as_deref().unwrap_or("?"), vec![fate.letter])).collect();
    if all.len() > TOLD {
        let mut agents = BTreeMap::<&str, Vec<u64>>::new();
        for (agent, letters) in all {
            agents.entry(agent).or_default().extend(letters);
        }
        all = agents.into_iter().collect();
    }
    all
}

fn said(deed: Deed, (agent, letters): &(&str, Vec<u64>)) -> String {
    match (deed, &letters[..]) {
        (Deed::Retry, [one]) => format!("{one}: waits again for `{agent}`"),
        (Deed::Drop, [one]) => format!("{one}: dropped"),
        (Deed::Retry, many) => format!("{} letters wait again for `{agent}`", many.len()),
        (Deed::Drop, many) => format!("{} letters of `{agent}` dropped", many.len()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(number: u64) -> Vec<Fate> {
        let fate = |letter| Fate {
            letter,
            agent: Some(String::from(if letter % 2 == 0 { "even" } else { "odd" })),
            done: letter != 3,
            why: None,
            unknown: false,
        };
        (0..number).map(fate).collect()
    }

    fn told(deed: Deed, number: u64) -> Vec<String> {
        done(&fates(number)).iter().map(|letters| said(deed, letters)).collect()
    }

    #[test]
    fn few_letters_are_named_and_many_are_counted() {
        let few =
            ["0: waits again for `even`", "1: waits again for `odd`", "2: waits again for `even`"];
        assert_eq!(told(Deed::Retry, 4), few, "letter 3 was refused");
        assert_eq!(told(Deed::Drop, 2), ["0: dropped", "1: dropped"]);
        assert_eq!(told(Deed::Retry, 33).len(), 32);
        let many = ["50 letters wait again for `even`", "49 letters wait again for `odd`"];
        assert_eq!(told(Deed::Retry, 100), many);
        assert_eq!(told(Deed::Drop, 100)[0], "50 letters of `even` dropped");
    }
}
