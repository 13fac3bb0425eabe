//! `pause`, `send` and `tap`: what is done to a live run from outside.

use std::io::{self, Read as _};

use serde_json::Value;
use theater_flow_kernel::limits::PAYLOAD_BYTES;

use super::live;
use crate::channels::Pattern;
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::runs::{self, RunDir};
use crate::send::{Unsent, is_name};
use crate::socket::{Client, Heard, SocketError};
use crate::view;

/// The process that runs a run; else how one comes to one. `instead` says what there is without.
fn owner(run: &RunDir, instead: &str) -> Result<Client, Problem> {
    if let Some(client) = live::owner(run)? {
        return Ok(client);
    }
    let (id, status) = (run.id, run.listed().status);
    let help = match status.as_str() {
        "completed" | "degraded" | "failed" => format!("it is over: {status}{instead}"),
        "damaged" => format!("`theater-flow verify {id}` says what is wrong with it"),
        _ => format!("it is {status}; `theater-flow resume {id}` goes on with it{instead}"),
    };
    Err(Problem::usage(format!("no process runs {id}")).with_help(Some(help)))
}

fn failed(error: &SocketError) -> Problem {
    Problem::failed(error.to_string())
}

pub(super) fn pause(screen: &Screen, run: &RunDir) -> Result<Exit, Problem> {
    let answer = owner(run, "")?.pause(true).map_err(|error| failed(&error))?;
    let help = format!("`theater-flow resume {}` lets it go on", run.id);
    held(screen, run, (&answer, "is paused", help))
}

/// Lets a live run go on that is paused. `None` if it is not live.
pub(super) fn go_on(screen: &Screen, run: &RunDir) -> Result<Option<Exit>, Problem> {
    if runs::owner(&run.path).is_none() {
        return Ok(None);
    }
    let Some(client) = live::owner(run)? else { return Ok(None) };
    let hello = client.hello().map_err(|error| failed(&error))?;
    if hello["status"] != "paused" {
        let (id, pid) = (run.id, &hello["pid"]);
        let problem =
            format!("run {id} goes on already: process {pid} runs it, and it is not paused");
        let help = format!("`theater-flow stop {id}` asks it to stop");
        return Err(Problem::failed(problem).with_help(Some(help)));
    }
    let answer = client.pause(false).map_err(|error| failed(&error))?;
    held(screen, run, (&answer, "goes on", String::new())).map(Some)
}

/// Tells what came of it. What was so before is no fault.
fn held(
    screen: &Screen,
    run: &RunDir,
    (answer, word, help): (&Value, &str, String),
) -> Result<Exit, Problem> {
    if screen.is_json() {
        screen.json_line(&answer.to_string())?;
    }
    let why = answer["why"].as_str().unwrap_or_default();
    if answer["recorded"] == true {
        screen.say(&format!("run {} {word}", run.id));
        if !help.is_empty() {
            screen.say(&help);
        }
    } else if answer["already"] == true {
        screen.say(&format!("run {}: {why}", run.id));
    } else {
        return Err(Problem::failed(format!("run {}: {why}", run.id)));
    }
    Ok(Exit::Ok)
}

pub(super) fn send(screen: &Screen, run: &RunDir, args: &cli::Send) -> Result<Exit, Problem> {
    let to = &args.to;
    if !is_name(to) {
        return Err(Problem::usage(Unsent::Name { to: to.clone() }.to_string()));
    }
    let value = if args.value == "-" { read()? } else { args.value.clone() };
    if value.len() > PAYLOAD_BYTES {
        return Err(Problem::usage(Unsent::TooLong.to_string()));
    }
    let answer = owner(run, "")?.pass_on(to, value).map_err(|error| failed(&error))?;
    if answer["recorded"] == true {
        if screen.is_json() {
            screen.json_line(&answer.to_string())?;
        } else {
            screen.say(&format!("message {} was sent to {to}", answer["seq"]));
        }
        return Ok(Exit::Ok);
    }
    let why = answer["why"].as_str().unwrap_or("it was refused");
    let problem = if answer["wrong"] == true { Problem::usage(why) } else { Problem::failed(why) };
    Err(problem.with_help(answer["help"].as_str().map(String::from)))
}

/// What stands on standard input.
fn read() -> Result<String, Problem> {
    let mut bytes = vec![];
    let most = PAYLOAD_BYTES as u64 + 1;
    let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
    read.map_err(|error| Problem::failed(format!("cannot read standard input: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Problem::usage("what is sent is no UTF-8"))
}

pub(super) fn tap(screen: &Screen, run: &RunDir, args: &cli::Tap) -> Result<Exit, Problem> {
    let pattern = Pattern::parse(&args.channels).map_err(Problem::usage)?;
    let instead =
        format!("; `theater-flow events {} --kind emission` shows what it emitted", run.id);
    let client = owner(run, &instead)?;
    let mut told = Ok(());
    let ended = client.tap(&pattern, &mut |heard| {
        told = match heard {
            Heard::Line(line) => tell(screen, line),
            Heard::Pause => screen.flush(),
        };
        told.is_ok()
    });
    told?;
    match ended {
        Ok(()) => Ok(Exit::Ok),
        Err(SocketError::Refused { status: 404, what }) => Err(Problem::usage(what)),
        Err(error) => Err(failed(&error)),
    }
}

fn tell(screen: &Screen, line: &str) -> io::Result<()> {
    if screen.is_json() {
        return screen.json_line(line);
    }
    let message: Value = serde_json::from_str(line)?;
    screen.line(&view::message_line(&message, screen.look()))
}
