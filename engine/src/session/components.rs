//! The components of a run: kept by digest, because their files may change and the run must not.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::{fs, io};

use theater_flow_host::{Actor, Host};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;

use super::{Place, SessionError};
use crate::stdlib;
use crate::store::{self, StoreError};

/// The components of a plan, with the names of their actors.
pub(super) fn components(plan: &Plan) -> BTreeSet<(String, Digest)> {
    plan.agents.iter().map(|agent| (agent.actor.clone(), agent.component)).collect()
}

/// Keeps a copy of each component that is not part of the program: its file may change, the run must not.
pub(crate) fn keep_components(place: &Place, plan: &Plan) -> Result<(), SessionError> {
    let io = |source| StoreError::io(&place.components, source);
    fs::create_dir_all(&place.components).map_err(io)?;
    for (actor, digest) in components(plan) {
        let path = place.component(digest);
        if path.exists() {
            continue;
        }
        let missing = || SessionError::NoComponent {
            actor: actor.clone(),
            digest,
            folder: place.components.clone(),
        };
        let bytes = crate::compile::component(&actor).map_err(|_| missing())?;
        if Digest::of(&bytes) != digest {
            return Err(missing());
        }
        // Other runs may need the same at the same time.
        store::place(&path, &bytes)?;
    }
    Ok(())
}

/// How a component that a run needs is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// It is what its digest says, or part of this program.
    Whole,
    /// Its file holds something else.
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It is not there.
    Missing,
}

/// Compares the kept component of an actor with its digest.
///
/// # Errors
/// If its file cannot be read.
pub fn kept(place: &Place, actor: &str, digest: Digest) -> Result<Kept, StoreError> {
    let path = place.component(digest);
    match fs::read(&path) {
        Ok(bytes) if Digest::of(&bytes) == digest => Ok(Kept::Whole),
        Ok(_) => Ok(Kept::Damaged { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let ours = part_of_program(actor).is_some_and(|bytes| Digest::of(bytes) == digest);
            Ok(if ours { Kept::Whole } else { Kept::Missing })
        }
        Err(error) => Err(StoreError::io(&path, error)),
    }
}

fn part_of_program(actor: &str) -> Option<&'static [u8]> {
    actor.strip_prefix("std/").and_then(stdlib::component)
}

/// The kept components of a plan; a stdlib one that is part of this program will do as well.
pub fn load_components(
    place: &Place,
    host: &Host,
    plan: &Plan,
) -> Result<HashMap<Digest, Actor>, SessionError> {
    let mut actors = HashMap::new();
    for (actor, digest) in components(plan) {
        let path = place.component(digest);
        let file = fs::read(&path).ok();
        let there = file.is_some();
        let std = || part_of_program(&actor).map(<[u8]>::to_vec);
        let bytes = file.filter(|bytes| Digest::of(bytes) == digest).or_else(std);
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        let Some(bytes) = bytes else {
            let folder = place.components.clone();
            return Err(if there {
                SessionError::DamagedComponent { actor, path }
            } else {
                SessionError::NoComponent { actor, digest, folder }
            });
        };
        let loaded =
            host.load(&bytes).map_err(|source| SessionError::Component { actor, source })?;
        actors.insert(digest, loaded);
    }
    Ok(actors)
}
