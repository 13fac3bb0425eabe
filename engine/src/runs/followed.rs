//! Which file a run follows: noted in its folder, so that whoever watches that file goes on with the run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use theater_flow_kernel::ids::Digest;

use super::{Data, RunDir, RunsError};
use crate::store::{StoreError, replace};

/// The file's name, in a run's folder.
const FILE: &str = "follows.json";
const VERSION: u8 = 1;
/// What is longer is none.
const BYTES: u64 = 64 << 10;

/// The file that a run follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Followed {
    /// Its absolute path, links and all.
    pub file: String,
    /// Of all that the plan in force was made of, see [`digest`](crate::watch::digest).
    pub made_of: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    file: String,
    made_of: String,
}

impl RunDir {
    /// Notes which file the run follows.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn note_followed(&self, followed: &Followed) -> Result<(), StoreError> {
        let Followed { file, made_of } = followed.clone();
        let content = Content { version: VERSION, file, made_of: made_of.to_string() };
        let text = serde_json::to_string(&content).unwrap_or_default();
        replace(&self.path.join(FILE), format!("{text}\n").as_bytes())
    }

    /// Which file it follows, if somebody has noted one.
    #[must_use]
    pub fn followed(&self) -> Option<Followed> {
        let mut text = String::new();
        let file = File::open(self.path.join(FILE)).ok()?;
        file.take(BYTES).read_to_string(&mut text).ok()?;
        let Content { version: VERSION, file, made_of } = serde_json::from_str(&text).ok()? else {
            return None;
        };
        Some(Followed { file, made_of: Digest::from_hex(&made_of)? })
    }
}

impl Data {
    /// The runs that follow files, newest first, by the paths of these.
    ///
    /// # Errors
    /// If the folder of runs cannot be read.
    pub fn followers(&self) -> Result<BTreeMap<PathBuf, Vec<RunDir>>, RunsError> {
        let ids = match self.ids() {
            Err(RunsError::NoData { .. }) => vec![],
            ids => ids?,
        };
        let mut found = BTreeMap::<PathBuf, Vec<RunDir>>::new();
        for run in ids.into_iter().map(|id| self.run(id)) {
            if let Some(followed) = run.followed() {
                found.entry(followed.file.into()).or_default().push(run);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::runs::new_id;

    #[test]
    fn runs_are_found_by_the_files_that_they_follow() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = Data::new(dir.path());
        assert_eq!(data.followers().expect("none"), BTreeMap::new());
        let made = |ms| data.create(new_id(ms, [1; 10])).expect("a run");
        let (old, new, other, _none) = (made(1), made(2), made(3), made(4));
        for (run, file) in [(&old, "/a b.toml"), (&new, "/a b.toml"), (&other, "/c.toml")] {
            let followed = Followed { file: file.into(), made_of: Digest::of(file.as_bytes()) };
            run.note_followed(&followed).expect("it is noted");
            assert_eq!(run.followed(), Some(followed));
        }
        fs::write(made(5).path.join(FILE), "{}").expect("a file");
        let expected = [("/a b.toml", vec![new, old]), ("/c.toml", vec![other])];
        let expected = expected.map(|(file, runs)| (PathBuf::from(file), runs));
        assert_eq!(data.followers().expect("they are read"), BTreeMap::from(expected));
    }
}
