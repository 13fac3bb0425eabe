//! `cargo run --manifest-path stdlib-actors/build/Cargo.toml [-- --check]`

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool"
)]

use std::path::Path;
use std::process::ExitCode;

use theater_flow_build_actors::{
    Components, Error, build, build_some, compare, root, toolchain, write,
};

const USAGE: &str = "\
Builds the components of stdlib-actors into stdlib-actors/prebuilt: all of them, or the named ones.

    theater-flow-build-actors [--check | NAME…]

--check builds them, writes nothing, and ends with 1 if prebuilt differs from what came out.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => build(&root()).and_then(|components| rebuild(&root(), &components)),
        ["--check"] => check(&root()),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        names if names.iter().all(|name| !name.starts_with('-')) => {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            build_some(&root(), &names).and_then(|components| rebuild(&root(), &components))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn rebuild(root: &Path, components: &Components) -> Result<ExitCode, Error> {
    write(&root.join("prebuilt"), components)?;
    list(components);
    Ok(ExitCode::SUCCESS)
}

fn check(root: &Path) -> Result<ExitCode, Error> {
    let differences = compare(&root.join("prebuilt"), &build(root)?)?;
    if differences.is_empty() {
        println!("prebuilt is what the sources give");
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &differences {
        println!("{difference}");
    }
    let built = std::fs::read_to_string(root.join("prebuilt/toolchain.txt")).unwrap_or_default();
    let here = toolchain()?;
    if built != here {
        eprintln!(
            "note: prebuilt was built with {}, this is {}",
            built.trim(),
            here.trim()
        );
    }
    eprintln!("help: cargo run --manifest-path stdlib-actors/build/Cargo.toml");
    Ok(ExitCode::FAILURE)
}

fn list(components: &Components) {
    for (name, bytes) in components {
        println!("{:>9}  {name}.wasm", bytes.len());
    }
}
