//! The components of a run: kept by digest, because their files may change and the run must not.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use theater_flow_host::{Actor, Host};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;

use super::{Place, SessionError};
use crate::stdlib;
use crate::store::{StoreError, replace};

/// The components of a plan, with the names of their actors.
pub(super) fn components(plan: &Plan) -> BTreeSet<(String, Digest)> {
    plan.agents.iter().map(|agent| (agent.actor.clone(), agent.component)).collect()
}

/// Keeps a copy of each component that is not part of the program: its file may change, the run must not.
pub(super) fn keep_components(place: &Place, plan: &Plan) -> Result<(), SessionError> {
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
        replace(&path, &bytes)?;
    }
    Ok(())
}

/// The kept components of a plan; a stdlib one that is part of this program will do as well.
pub fn load_components(
    place: &Place,
    host: &Host,
    plan: &Plan,
) -> Result<HashMap<Digest, Actor>, SessionError> {
    let mut actors = HashMap::new();
    for (actor, digest) in components(plan) {
        let kept = fs::read(place.component(digest)).ok();
        let std = || actor.strip_prefix("std/").and_then(stdlib::component).map(<[u8]>::to_vec);
        let bytes = kept.filter(|bytes| Digest::of(bytes) == digest).or_else(std);
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        let Some(bytes) = bytes else {
            let folder = place.components.clone();
            return Err(SessionError::NoComponent { actor, digest, folder });
        };
        let loaded =
            host.load(&bytes).map_err(|source| SessionError::Component { actor, source })?;
        actors.insert(digest, loaded);
    }
    Ok(actors)
}
