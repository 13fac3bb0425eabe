//! Runs cargo for the core modules. Nothing of the machine may get into them: paths are remapped,
//! and settings of the environment that change code are not passed on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, at};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Code for searching in strings is several times quicker with SIMD, which is deterministic: only
/// the relaxed kind is not.
const FEATURES: &str = "-Ctarget-feature=+simd128";

/// The core modules by the names of their components: those in `only`, or all if there are none.
pub(crate) fn modules(root: &Path, only: &[String]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let root = std::fs::canonicalize(root).map_err(at(root))?;
    let target = target_folder(&root);
    let flags = flags(&root)?;
    cargo(&root, &target, &flags, only)?;
    let folder = target.join(TARGET).join("release/examples");
    let mut modules = BTreeMap::new();
    let all = if only.is_empty() {
        names(&root)?
    } else {
        only.to_vec()
    };
    for name in all {
        let path = folder.join(format!("{name}.wasm"));
        let path = if path.exists() {
            path
        } else {
            folder.join(underscored(&name))
        };
        modules.insert(name, std::fs::read(&path).map_err(at(&path))?);
    }
    Ok(modules)
}

fn underscored(name: &str) -> String {
    format!("{}.wasm", name.replace('-', "_"))
}

/// What built the components, for people who wonder why theirs differ.
///
/// # Errors
/// If rustc cannot be run.
pub fn toolchain() -> Result<String, Error> {
    rustc(&["--version"])
}

/// Every actor is a file in `examples`.
fn names(root: &Path) -> Result<Vec<String>, Error> {
    let folder = root.join("actors/examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
        let path = entry.map_err(at(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// A folder of its own: the flags differ from those of anything else that is built here.
fn target_folder(root: &Path) -> PathBuf {
    let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    // A relative one is against the folder where the user stands, not that of the sources.
    let base = std::path::absolute(&base).unwrap_or(base);
    base.join("prebuilt-actors")
}

fn flags(root: &Path) -> Result<Vec<String>, Error> {
    let sysroot = rustc(&["--print", "sysroot"])?;
    let libraries = rustc(&["--print", "target-libdir", "--target", TARGET])?;
    if !Path::new(libraries.trim()).is_dir() {
        return Err(Error::NoTarget);
    }
    let mut flags = vec![FEATURES.to_owned()];
    let mut remap = |from: &Path, to: &str| {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    };
    if let Some(cargo_home) = cargo_home() {
        remap(&cargo_home, "/cargo");
    }
    remap(Path::new(sysroot.trim()), "/rust");
    // The last that fits wins, so the most particular one comes last.
    remap(root, "/theater-flow/stdlib-actors");
    Ok(flags)
}

fn cargo_home() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    given
        .or_else(home)
        .map(|path| std::fs::canonicalize(&path).unwrap_or(path))
}

fn cargo(root: &Path, target: &Path, flags: &[String], only: &[String]) -> Result<(), Error> {
    let tool = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut cargo = Command::new(&tool);
    cargo
        .current_dir(root)
        .args(["build", "--release", "--locked"]);
    if only.is_empty() {
        cargo.arg("--examples");
    }
    for name in only {
        cargo.args(["--example", name]);
    }
    cargo.args(["--package", "theater-flow-actors", "--target", TARGET]);
    for (name, _) in std::env::vars_os() {
        if changes_code(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    cargo
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    // Results go to standard output; cargo's progress is none.
    let status = cargo.stdout(Stdio::null()).status();
    let status = status.map_err(|source| Error::Run {
        tool: tool.clone(),
        source,
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Failed { tool, status })
    }
}

fn changes_code(name: &str) -> bool {
    let prefixes = [
        "CARGO_PROFILE_",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_PKG_",
        "CARGO_FEATURE_",
    ];
    let names = [
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_BOOTSTRAP",
    ];
    names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn rustc(arguments: &[&str]) -> Result<String, Error> {
    let tool = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let run = |source| Error::Run {
        tool: tool.clone(),
        source,
    };
    let output = Command::new(&tool)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(run)?;
    if !output.status.success() {
        return Err(Error::Failed {
            tool,
            status: output.status,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
