//! Compiled components, made once for all tests: compiling them anew for each would take most of the time.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Lays the compiled components out in a folder of its own.
pub(crate) fn lay_out(cache: &Path) {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(cache);
    made.expect("a folder can be made");
    for entry in fs::read_dir(warmed()).into_iter().flatten().flatten() {
        let to = cache.join(entry.file_name());
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
            let linked = fs::hard_link(entry.path(), &to);
            // Another file system: a copy does as well.
            linked.or_else(|_| fs::copy(entry.path(), &to).map(drop)).expect("it can be copied");
        }
    }
}

/// The folder with the components that the program has compiled. It says itself what is out of date.
fn warmed() -> &'static Path {
    static WARMED: OnceLock<PathBuf> = OnceLock::new();
    WARMED.get_or_init(|| {
        let profile = crate::program().parent().expect("programs lie in a folder");
        let data = profile.join("theater-flow-tests");
        fs::create_dir_all(&data).expect("a folder can be made");
        let file = data.join(format!("{}.toml", std::process::id()));
        fs::write(&file, pipeline()).expect("a file can be written");
        let mut check = Command::new(crate::program());
        check.arg("check").arg(&file).arg("--data").arg(&data);
        // What it says of the file is of no interest, nor that it has faults.
        let status = check.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("the program runs");
        fs::remove_file(&file).expect("it was written");
        data.join("cache")
    })
}

/// A pipeline that names all components; the probes are not part of the program.
fn pipeline() -> String {
    let folder = crate::root().join("stdlib-actors/prebuilt");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut actors: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".wasm").map(actor)).collect();
    actors.sort();
    let agents = actors.iter().enumerate();
    let agents = agents.map(|(nth, actor)| format!("[agents.a{nth}]\nactor = '{actor}'\n"));
    let agents = agents.collect::<Vec<_>>().concat();
    format!("format = 1\nname = \"warm\"\n[supervisors.root]\nchildren = []\n{agents}")
}

fn actor(name: &str) -> String {
    if name.starts_with("probe") {
        return crate::prebuilt(name).display().to_string();
    }
    format!("std/{name}")
}
