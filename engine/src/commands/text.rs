//! `fmt`, `expand` and `schema`: the text of pipelines.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use theater_flow_dsl::Mode;
use theater_flow_kernel::limits;

use super::{actors, check};
use crate::cli::Fmt;
use crate::compile::{Fetcher, Pipeline, ReadError};
use crate::exit::{Exit, Problem};
use crate::render::Screen;

/// Stands for standard input.
const STDIN: &str = "-";

pub(super) fn fmt(screen: &Screen, args: &Fmt) -> Result<Exit, Problem> {
    let mut worst = Exit::Ok;
    for file in &args.files {
        let exit = match one(screen, file, args.check) {
            Ok(exit) => exit,
            Err(Problem::Told { exit, message, help }) => {
                screen.problem(&message, help.as_deref());
                exit
            }
            Err(problem) => return Err(problem),
        };
        if code(exit) > code(worst) {
            worst = exit;
        }
    }
    Ok(worst)
}

/// A file with faults says more than one that cannot be read, and that more than one to be laid out.
fn code(exit: Exit) -> u8 {
    match exit {
        Exit::Ok => 0,
        Exit::Failed => 1,
        Exit::Usage => 2,
        _ => 3,
    }
}

fn one(screen: &Screen, file: &Path, check_only: bool) -> Result<Exit, Problem> {
    let is_stdin = file.as_os_str() == STDIN;
    let pipeline = if is_stdin { standard_input()? } else { Pipeline::read(file)? };
    let laid_out = match theater_flow_dsl::format(&pipeline.text) {
        Ok(laid_out) => laid_out,
        Err(faults) => {
            check::show_own(screen, &pipeline, &faults)?;
            return Ok(Exit::Faults);
        }
    };
    let is_same = laid_out == pipeline.text;
    match (check_only, is_stdin) {
        (true, _) if is_same => return Ok(Exit::Ok),
        (true, _) => {
            screen.line(&pipeline.name)?;
            return Ok(Exit::Failed);
        }
        (false, true) => screen.line(laid_out.trim_end_matches('\n'))?,
        (false, false) if is_same => {}
        (false, false) => {
            replace(file, &laid_out).map_err(|error| {
                Problem::failed(format!("cannot write `{}`: {error}", pipeline.name))
            })?;
            screen.say(&format!("{}: laid out", pipeline.name));
        }
    }
    Ok(Exit::Ok)
}

fn standard_input() -> Result<Pipeline, Problem> {
    let name = "<stdin>".to_owned();
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(limits::SOURCE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| ReadError::Io { name: name.clone(), source })?;
    if bytes.len() as u64 > limits::SOURCE_BYTES {
        return Err(ReadError::TooLong { name }.into());
    }
    let text = String::from_utf8(bytes).map_err(|error| ReadError::NotText {
        name: name.clone(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(Pipeline { name, text, folder: "/".to_owned(), cwd: "/".to_owned() })
}

/// Puts a text in the place of a file at once, whatever happens meanwhile. A link stays a link, and the
/// file keeps its permissions.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let permissions = fs::metadata(&file)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut beside = file.clone().into_os_string();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let write = || {
        let mut new = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        new.set_permissions(permissions)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &file)
    };
    write().inspect_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // Half a file helps nobody.
            let _ = fs::remove_file(&beside);
        }
    })
}

pub(super) fn expand(screen: &Screen, file: &Path) -> Result<Exit, Problem> {
    let pipeline = Pipeline::read(file)?;
    let mut fetcher = Fetcher::new(check::host(pipeline.text.len())?);
    let compiled = fetcher.compile(&pipeline, &[], Mode::Check);
    check::show(screen, &pipeline, &compiled)?;
    if compiled.plan.is_none() {
        return Ok(check::without_plan(screen, &compiled));
    }
    let source = pipeline.source(&[], Mode::Check);
    match theater_flow_dsl::expand(&source, &compiled) {
        Ok(whole) => screen.line(whole.trim_end_matches('\n'))?,
        Err(faults) => {
            check::show_own(screen, &pipeline, &faults)?;
            return Ok(Exit::Faults);
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn schema(screen: &Screen, actor: Option<&str>) -> Result<Exit, Problem> {
    let text = match actor {
        None => theater_flow_dsl::SCHEMA.to_owned(),
        Some(name) => actors::config_schema(name)?,
    };
    let text = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if screen.is_json() => value.to_string(),
        Ok(value) if actor.is_some() => format!("{value:#}"),
        // The file's own schema is written to be read; what is not JSON is shown as it is.
        _ => text,
    };
    screen.line(text.trim_end())?;
    Ok(Exit::Ok)
}
