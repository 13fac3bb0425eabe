//! A lock file for a new package: the part of the SDK's own that it needs, so that its versions are those
//! that were tested.

use std::collections::BTreeSet;

/// What a new package depends on.
const NEEDS: [&str; 2] = ["serde", "theater-flow-sdk"];
const BEGIN: &str = "[[package]]\n";

/// A package of a lock file.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    /// Names, or a name and a version where that leaves a doubt.
    needs: Vec<&'a str>,
    text: &'a str,
}

impl<'a> Package<'a> {
    fn read(text: &'a str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.map_or("", |value| value.trim_matches('"'))
        };
        let list = text.split_once("dependencies = [\n").map_or("", |(_, list)| list);
        let needs = list.lines().take_while(|line| *line != "]");
        let needs = needs.map(|line| line.trim_matches([' ', '"', ',']));
        Self { name: value("name = "), version: value("version = "), needs: needs.collect(), text }
    }

    fn is(&self, need: &str) -> bool {
        match need.split_once(' ') {
            Some((name, version)) => self.name == name && self.version == version,
            None => self.name == need,
        }
    }
}

fn packages(lock: &str) -> impl Iterator<Item = Package<'_>> {
    lock.split(BEGIN).skip(1).map(Package::read)
}

/// The names of all packages of a lock file.
pub(super) fn names(lock: &str) -> impl Iterator<Item = &str> {
    packages(lock).map(|package| package.name)
}

/// The lock file of a package that depends on the SDK.
pub(super) fn for_package(lock: &str, name: &str) -> String {
    let all: Vec<Package<'_>> = packages(lock).collect();
    let mut wanted: Vec<&str> = NEEDS.to_vec();
    let mut kept = BTreeSet::new();
    while let Some(need) = wanted.pop() {
        let Some(at) = all.iter().position(|package| package.is(need)) else { continue };
        if kept.insert(at) {
            wanted.extend(&all[at].needs);
        }
    }
    let needs = NEEDS.map(|need| format!(" \"{need}\",\n")).concat();
    let own = format!("name = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n{needs}]\n");
    let mut texts: Vec<(&str, &str)> =
        kept.iter().map(|at| (all[*at].name, all[*at].text.trim_end())).collect();
    texts.push((name, own.trim_end()));
    // Stable: versions of one name stay in their order.
    texts.sort_by_key(|(name, _)| *name);
    let header = lock.split(BEGIN).next().unwrap_or_default().trim_end();
    let blocks: Vec<String> = texts.iter().map(|(_, text)| format!("\n{BEGIN}{text}\n")).collect();
    format!("{header}\n{}", blocks.concat())
}
