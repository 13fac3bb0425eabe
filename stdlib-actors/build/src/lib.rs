//! Builds the components of `stdlib-actors/prebuilt`, the same bytes in every checkout.

mod compile;
mod component;
mod digests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub use compile::toolchain;
pub use component::imports;
pub use digests::{Difference, compare, digest};

/// The components by name, without `.wasm`.
pub type Components = BTreeMap<String, Vec<u8>>;

/// What can stop a build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tool could not be run.
    #[error("cannot run `{tool}`: {source}")]
    Run {
        /// Which.
        tool: String,
        /// Why.
        source: io::Error,
    },
    /// A tool failed, after it said why.
    #[error("`{tool}` ended with {status}")]
    Failed {
        /// Which.
        tool: String,
        /// How.
        status: ExitStatus,
    },
    /// The compiler cannot make WebAssembly.
    #[error("rustc has no target {target}; add it with: rustup target add {target}", target = compile::TARGET)]
    NoTarget,
    /// A module is no component of the world `agent`.
    #[error("{name}: {source:#}")]
    Component {
        /// Which.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The folder `stdlib-actors`, wherever this checkout lies.
#[must_use]
pub fn root() -> PathBuf {
    // At run time first: two checkouts may share a target folder, and so this program.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(here)
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Builds every component from its sources.
///
/// # Errors
/// As [`Error`] says.
pub fn build(root: &Path) -> Result<Components, Error> {
    let mut components = modules(root, &[])?;
    let (wit, source) = (root.join("../wit"), root.join("actors/wat/probe-table.wat"));
    components.insert("probe-table".into(), component::of_text(&wit, &source)?);
    Ok(components)
}

/// Builds the named components only, and takes the others as they are in `prebuilt`: for work on an
/// actor, since building all takes minutes.
///
/// # Errors
/// As [`Error`] says.
pub fn build_some(root: &Path, only: &[String]) -> Result<Components, Error> {
    let prebuilt = root.join("prebuilt");
    let mut components = Components::new();
    for name in digests::names(&prebuilt)? {
        let path = prebuilt.join(format!("{name}.wasm"));
        components.insert(name, std::fs::read(&path).map_err(at(&path))?);
    }
    components.extend(modules(root, only)?);
    Ok(components)
}

fn modules(root: &Path, only: &[String]) -> Result<Components, Error> {
    let mut components = Components::new();
    for (name, module) in compile::modules(root, only)? {
        let component = component::of_module(&name, &module)?;
        components.insert(name, component);
    }
    Ok(components)
}

/// Writes the components, their digests and the toolchain's name; removes components that are gone.
///
/// # Errors
/// [`Error::File`].
pub fn write(prebuilt: &Path, components: &Components) -> Result<(), Error> {
    std::fs::create_dir_all(prebuilt).map_err(at(prebuilt))?;
    for name in digests::names(prebuilt)? {
        if !components.contains_key(&name) {
            let gone = prebuilt.join(format!("{name}.wasm"));
            std::fs::remove_file(&gone).map_err(at(&gone))?;
        }
    }
    for (name, bytes) in components {
        let path = prebuilt.join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).map_err(at(&path))?;
    }
    let path = prebuilt.join("digests.txt");
    std::fs::write(&path, digests::text(components)).map_err(at(&path))?;
    let path = prebuilt.join("toolchain.txt");
    std::fs::write(&path, toolchain()?).map_err(at(&path))
}

/// Gives an I/O error its path.
fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.into(),
        source,
    }
}
