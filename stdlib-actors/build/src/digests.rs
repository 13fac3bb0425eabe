//! `digests.txt`: a line `<sha256>  <name>.wasm` for each component, as `sha256sum -c` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Components, Error, at};

/// How a prebuilt component differs from what its sources give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// It has other bytes.
    Other(String),
    /// It is not there.
    Missing(String),
    /// It has no source.
    Extra(String),
    /// `digests.txt` does not say its digest.
    Digest(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => write!(f, "{name}.wasm: differs from what its sources give"),
            Self::Missing(name) => write!(f, "{name}.wasm: is not there"),
            Self::Extra(name) => write!(f, "{name}.wasm: has no source"),
            Self::Digest(name) => write!(f, "{name}.wasm: digests.txt does not say its digest"),
        }
    }
}

/// The content of `digests.txt`.
pub(crate) fn text(components: &Components) -> String {
    let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}.wasm\n", digest(bytes));
    components.iter().map(line).collect()
}

/// Compares a folder of components with what was built.
///
/// # Errors
/// If the folder or a file in it cannot be read.
pub fn compare(prebuilt: &Path, built: &Components) -> Result<Vec<Difference>, Error> {
    let there = names(prebuilt)?;
    let said = said(prebuilt)?;
    let mut differences = Vec::new();
    for (name, bytes) in built {
        if !there.contains(name) {
            differences.push(Difference::Missing(name.clone()));
            continue;
        }
        let path = prebuilt.join(format!("{name}.wasm"));
        let found = std::fs::read(&path).map_err(at(&path))?;
        if found != *bytes {
            differences.push(Difference::Other(name.clone()));
        }
        if said.get(name) != Some(&digest(&found)) {
            differences.push(Difference::Digest(name.clone()));
        }
    }
    let listed: BTreeSet<&String> = there.iter().chain(said.keys()).collect();
    let extra = listed.into_iter().filter(|name| !built.contains_key(*name));
    differences.extend(extra.cloned().map(Difference::Extra));
    Ok(differences)
}

/// The names of the components in a folder.
pub(crate) fn names(prebuilt: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(prebuilt).map_err(at(prebuilt))? {
        let name = entry.map_err(at(prebuilt))?.file_name();
        if let Some(name) = name.to_string_lossy().strip_suffix(".wasm") {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

fn said(prebuilt: &Path) -> Result<BTreeMap<String, String>, Error> {
    let path = prebuilt.join("digests.txt");
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(at(&path))?,
    };
    let line = |line: &str| {
        let (digest, file) = line.split_once("  ")?;
        Some((file.strip_suffix(".wasm")?.to_owned(), digest.to_owned()))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// The SHA-256 of bytes as `sha256sum` prints it.
///
/// # Panics
/// Never: a string takes everything that is written to it.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}
