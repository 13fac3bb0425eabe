//! New folders to begin with: a pipeline, or an actor in Rust with all that it is built from.

mod lock;
mod sdk;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The longest name, in bytes: it becomes a file's.
const NAME_BYTES: usize = 64;
/// Names of packages that cargo or rustc refuse, or take for something else.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// A file to write: its path in the folder, and its text.
pub type File = (String, String);

/// Why there is no new folder.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// Not a name.
    #[error("`{0}` is not a name")]
    Name(String),
    /// A name, but not one that a Rust package can have here.
    #[error(
        "`{0}` cannot be the name of an actor's package: Rust, or a library of the SDK, has it"
    )]
    Taken(String),
    /// Something is there already.
    #[error("`{0}` is there already, and not empty")]
    There(PathBuf),
    /// A file or folder could not be made.
    #[error("cannot write `{path}`: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The files of a new pipeline.
///
/// # Errors
/// If the name is none.
pub fn pipeline(name: &str) -> Result<Vec<File>, ScaffoldError> {
    check_name(name)?;
    let filled = |text: &str| text.replace("{name}", name);
    Ok(vec![
        file("pipeline.toml", filled(include_str!("scaffold/pipeline/pipeline.toml"))),
        file("notes.txt", include_str!("scaffold/pipeline/notes.txt")),
        file(".gitignore", include_str!("scaffold/pipeline/gitignore")),
    ])
}

/// The files of a new actor: a cargo project with the SDK in it.
///
/// # Errors
/// If the name is none, or cannot be a package's.
pub fn actor(name: &str) -> Result<Vec<File>, ScaffoldError> {
    check_name(name)?;
    if RESERVED.contains(&name) || lock::names(sdk::LOCK).any(|library| library == name) {
        return Err(ScaffoldError::Taken(name.to_owned()));
    }
    let module = module(name);
    let filled = |text: &str| text.replace("{name}", name).replace("{crate}", &module);
    let mut files = vec![
        file("Cargo.toml", filled(include_str!("scaffold/actor/Cargo.toml"))),
        file("Cargo.lock", lock::for_package(sdk::LOCK, name)),
        file("src/lib.rs", include_str!("scaffold/actor/lib.rs")),
        file("README.md", filled(include_str!("scaffold/actor/README.md"))),
        file("pipeline.toml", filled(include_str!("scaffold/actor/pipeline.toml"))),
        file("input.txt", include_str!("scaffold/actor/input.txt")),
        file(".gitignore", include_str!("scaffold/actor/gitignore")),
        file("rust-toolchain.toml", include_str!("scaffold/actor/rust-toolchain.toml")),
    ];
    files.extend(sdk::files());
    Ok(files)
}

/// What cargo calls the module of a package.
#[must_use]
pub fn module(name: &str) -> String {
    name.replace('-', "_")
}

fn file(path: &str, text: impl Into<String>) -> File {
    (path.to_owned(), text.into())
}

/// Names are those of the pipeline language: `[a-z][a-z0-9-]*`.
fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= NAME_BYTES
        && name.bytes().all(inside);
    if good { Ok(()) } else { Err(ScaffoldError::Name(name.to_owned())) }
}

/// Writes the files of a new folder, which must not be there, or be empty. Nothing is overwritten.
///
/// # Errors
/// If the folder has something in it, or a file cannot be written.
pub fn write(folder: &Path, files: &[File]) -> Result<(), ScaffoldError> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => return Err(ScaffoldError::There(folder.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(ScaffoldError::Io { path: folder.to_owned(), source }),
    }
    for (name, text) in files {
        let path = folder.join(name);
        write_new(&path, text).map_err(|source| ScaffoldError::Io { path, source })?;
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}
