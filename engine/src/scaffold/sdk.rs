//! The SDK as it is in the sources of this program: it goes into the folder of every new actor, since an
//! actor is built where this program may be the only part of theater-flow.

use theater_flow_host::CONTRACT;

use super::File;

/// Where it goes in an actor's folder. Below it everything lies as in the repository, so that the paths
/// from one part to another are the same.
const FOLDER: &str = "vendor/theater-flow";

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// All but the contract and the workspace. A test compares with the folders.
pub(super) const SOURCES: &[(&str, &str)] = sources![
    "LICENSE",
    "stdlib-actors/rustfmt.toml",
    "stdlib-actors/sdk-macros/Cargo.toml",
    "stdlib-actors/sdk-macros/src/bounds.rs",
    "stdlib-actors/sdk-macros/src/config.rs",
    "stdlib-actors/sdk-macros/src/lib.rs",
    "stdlib-actors/sdk-macros/src/tests.rs",
    "stdlib-actors/sdk-macros/src/typed.rs",
    "stdlib-actors/sdk/Cargo.toml",
    "stdlib-actors/sdk/src/actor.rs",
    "stdlib-actors/sdk/src/bytes.rs",
    "stdlib-actors/sdk/src/config.rs",
    "stdlib-actors/sdk/src/context.rs",
    "stdlib-actors/sdk/src/emit.rs",
    "stdlib-actors/sdk/src/guest.rs",
    "stdlib-actors/sdk/src/lib.rs",
    "stdlib-actors/sdk/src/migrate.rs",
    "stdlib-actors/sdk/src/outside_host.rs",
    "stdlib-actors/sdk/src/outside_scripted.rs",
    "stdlib-actors/sdk/src/schema.rs",
    "stdlib-actors/sdk/src/schema_of.rs",
    "stdlib-actors/sdk/src/schema_tests.rs",
    "stdlib-actors/sdk/src/tests.rs",
    "stdlib-actors/sdk/src/trial.rs",
    "stdlib-actors/sdk/src/typed.rs",
];
/// The versions that the SDK is tested with.
pub(super) const LOCK: &str = include_str!("../../../stdlib-actors/Cargo.lock");
const WORKSPACE: &str = include_str!("../../../stdlib-actors/Cargo.toml");

/// The SDK's files, in an actor's folder.
pub(super) fn files() -> impl Iterator<Item = File> {
    let sources = SOURCES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let contract = CONTRACT.iter().map(|(name, text)| (format!("wit/{name}"), (*text).to_owned()));
    let workspace = ("stdlib-actors/Cargo.toml".to_owned(), workspace());
    let all = sources.chain(contract).chain([workspace]);
    all.map(|(path, text)| (format!("{FOLDER}/{path}"), text))
}

/// The workspace of the SDK alone: its profiles would mean nothing there.
fn workspace() -> String {
    let mut kept = String::new();
    let mut profile = false;
    for line in WORKSPACE.lines() {
        profile = if line.starts_with('[') { line.starts_with("[profile") } else { profile };
        if profile || line.starts_with("theater-flow-actors ") {
            continue;
        }
        let line = if line.starts_with("members = ") { MEMBERS } else { line };
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

const MEMBERS: &str = "members = [\"sdk\", \"sdk-macros\"]";
