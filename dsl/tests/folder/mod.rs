//! Files beside a pipeline.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The TOML files of a folder and those below it, but for the pipeline's own.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, String> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("the folder is in the repository") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "toml") {
                let name = path.strip_prefix(folder).expect("it is below").to_string_lossy();
                found.insert(name.into_owned(), fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    found.remove("pipeline.toml");
    found
}
