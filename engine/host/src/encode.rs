//! Makes components of core modules: what a compiler writes for a target without components, with a
//! description of its world beside the code.
//!
//! The description is only taken as a sign that the module was meant to be one. Libraries that read it
//! trust it (a hostile one can make them recurse without end), and there is only one world here anyway:
//! the module's code has to fit that.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use theater_flow_kernel::limits;
use wasmparser::{BinaryReader, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use crate::actor::{Kind, look};
use crate::error::LoadError;

/// What the section's name begins with that describes a module's world.
const DESCRIPTION: &str = "component-type";
/// Bytes before a module's first section.
const HEADER: usize = 8;
/// The world of actors.
const WORLD: &str = "agent";
/// … and of those that can go on from another version's state.
const MIGRATING: &str = "migrating-agent";
/// What a module of the latter exports.
const MIGRATE: &str = "theater:flow/migration@0.1.0#migrate";

macro_rules! contract {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../../wit/", $file)))),*]
    };
}

/// The files of the actor contract, `theater:flow@0.1.0`: names and texts.
pub const CONTRACT: &[(&str, &str)] = contract![
    "actor.wit",
    "clock.wit",
    "files.wit",
    "http.wit",
    "log.wit",
    "migration.wit",
    "outbox.wit",
    "random.wit",
    "stdin.wit",
    "stdout.wit",
    "timer.wit",
    "types.wit",
    "world.wit",
];

/// The component of a file: the file itself, or what a core module is made to. The same bytes give the
/// same component, as long as this program is the same.
///
/// # Errors
/// As [`Host::load`](crate::Host::load), as far as the first look and the making can tell.
pub fn component_of(file: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    match look(file)? {
        Kind::Component => Ok(Cow::Borrowed(file)),
        Kind::Module => encoded(file).map(Cow::Owned),
    }
}

fn encoded(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    // First: what makes components takes for granted that the code is valid.
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(module)
        .map_err(|error| malformed(&error.to_string()))?;
    let mut bare = without_descriptions(module).map_err(|error| malformed(&error.to_string()))?;
    if bare.len() == module.len() {
        return Err(LoadError::CoreModule);
    }
    let migrates = exports(&bare, MIGRATE).map_err(|error| malformed(&error.to_string()))?;
    let make = || {
        let Worlds { resolve, agent, migrating } = worlds();
        let world = if migrates { *migrating } else { *agent };
        embed_component_metadata(&mut bare, resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default().module(&bare)?.encode()
    };
    let component = match catch_unwind(AssertUnwindSafe(make)) {
        Ok(Ok(component)) => component,
        Ok(Err(error)) => return Err(unmade(&format!("{error:#}"))),
        Err(_) => return Err(unmade("its imports and exports contradict each other")),
    };
    let length = component.len() as u64;
    if length > limits::COMPONENT_BYTES {
        return Err(LoadError::TooLarge(length));
    }
    Ok(component)
}

/// What modules can be made to.
struct Worlds {
    resolve: Resolve,
    agent: WorldId,
    migrating: WorldId,
}

fn worlds() -> &'static Worlds {
    static PARSED: OnceLock<Worlds> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut sources = SourceMap::new();
        for (name, text) in CONTRACT {
            sources.push_str(name, *text);
        }
        let group =
            sources.parse().map_err(|(_, error)| error).expect("wit/ is part of the program");
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group).expect("wit/ is part of the program");
        let world = |name| resolve.select_world(&[package], Some(name)).expect("wit/ has it");
        let (agent, migrating) = (world(WORLD), world(MIGRATING));
        Worlds { resolve, agent, migrating }
    })
}

/// True if a valid module exports something of this name.
fn exports(module: &[u8], name: &str) -> wasmparser::Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            for export in section {
                if export?.name == name {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// A valid module without the sections that describe its world.
fn without_descriptions(module: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut bare = module[..HEADER].to_vec();
    let mut reader = BinaryReader::new(&module[HEADER..], HEADER);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let content = reader.read_reader()?;
        if id != 0 || !describes(content)? {
            bare.extend_from_slice(&module[start..reader.original_position()]);
        }
    }
    Ok(bare)
}

fn describes(mut section: BinaryReader<'_>) -> wasmparser::Result<bool> {
    Ok(section.read_string()?.starts_with(DESCRIPTION))
}

fn malformed(why: &str) -> LoadError {
    let message = crate::crash::bounded(String::from(why), limits::MESSAGE_BYTES);
    if message.contains("unexpected end") {
        return LoadError::Truncated(message);
    }
    LoadError::Malformed(message)
}

fn unmade(why: &str) -> LoadError {
    LoadError::Unmade(crate::crash::bounded(String::from(why), limits::MESSAGE_BYTES))
}
