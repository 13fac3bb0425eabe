//! Where something has to change if a path is to lead to something else.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Links followed for one path, as many as the system follows.
const LINKS: u32 = 40;

/// The folders whose entries decide what stands at an absolute path: those of each link on the way, and the one that the
/// path ends in. If a folder on the way is missing, the one in which it would be.
pub(super) fn folders(path: &Path) -> Vec<PathBuf> {
    let (mut found, mut links) = (vec![], 0);
    let (mut here, mut rest) = (PathBuf::from("/"), parts(path));
    while let Some(part) = rest.pop() {
        let Part::Name(name) = part else {
            step(&mut here, &part);
            continue;
        };
        let next = here.join(name);
        match fs::symlink_metadata(&next) {
            Ok(there) if there.is_symlink() && links < LINKS => {
                links += 1;
                found.push(here.clone());
                rest.extend(fs::read_link(&next).map(|target| parts(&target)).unwrap_or_default());
            }
            Ok(there) if there.is_dir() && !rest.is_empty() => here = next,
            // A file, nothing, or a folder where a file is looked for.
            _ => break,
        }
    }
    found.push(here);
    found.dedup();
    found
}

/// A part of a path.
enum Part {
    /// From the top.
    Top,
    /// One folder up.
    Up,
    /// An entry of the folder.
    Name(OsString),
}

fn step(here: &mut PathBuf, part: &Part) {
    match part {
        Part::Top => *here = PathBuf::from("/"),
        Part::Up => {
            here.pop();
        }
        Part::Name(_) => {}
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<Part> {
    let part = |component| match component {
        Component::RootDir => Some(Part::Top),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with all its links followed.
    fn dir() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = fs::canonicalize(dir.path()).expect("it is there");
        (dir, path)
    }

    #[test]
    fn of_a_file_it_is_the_folder_that_it_is_in() {
        let (_dir, at) = dir();
        fs::write(at.join("file"), "").expect("a file");
        for name in ["file", "none", "../x", "./file"] {
            let expected = if name == "../x" { at.parent().expect("a folder") } else { &at };
            assert_eq!(folders(&at.join(name)), [expected], "{name}");
        }
    }

    #[test]
    fn each_link_on_the_way_has_its_own() {
        let (_dir, at) = dir();
        for name in ["..v1", "config", "real"] {
            fs::create_dir(at.join(name)).expect("a folder");
        }
        fs::write(at.join("..v1/flow.toml"), "").expect("a file");
        symlink("..v1", at.join("..data")).expect("a link");
        symlink("../..data/flow.toml", at.join("config/flow.toml")).expect("a link");
        symlink(at.join("config"), at.join("real/link")).expect("a link");
        let expected = ["real", "config", "", "..v1"].map(|name| at.join(name));
        let found = folders(&at.join("real/link/flow.toml"));
        assert_eq!(found, expected.map(|path| path.components().collect::<PathBuf>()));
    }

    #[test]
    fn of_what_is_missing_it_is_the_nearest_that_is_there() {
        let (_dir, at) = dir();
        assert_eq!(folders(&at.join("a/b/c.toml")), [&*at]);
        fs::create_dir(at.join("a")).expect("a folder");
        assert_eq!(folders(&at.join("a/b/c.toml")), [at.join("a")]);
        symlink("nowhere/far", at.join("a/b")).expect("a link");
        assert_eq!(folders(&at.join("a/b/c.toml")), [at.join("a")]);
    }

    #[test]
    fn links_in_a_circle_end() {
        let (_dir, at) = dir();
        symlink("b", at.join("a")).expect("a link");
        symlink("a", at.join("b")).expect("a link");
        assert_eq!(folders(&at.join("a/x")), [at]);
    }
}
