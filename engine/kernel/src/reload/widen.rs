//! Whether somebody may do more than before. What is not plainly the same or less is more.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::words;
use crate::http::{HttpGrant, OnUnknown};
use crate::limits;
use crate::plan::{Agent, GuestLimits, Plan, Root};

/// Something that an agent may do and might not before.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Widening {
    /// Who.
    pub agent: String,
    /// What, as the file says it: `grants.files.read`, `limits.memory`, `secret API_KEY`, `env HOME`, ….
    pub what: String,
    /// What is new, or from what it goes to what; empty if that was said. Whole: somebody decides by it.
    pub detail: String,
}

impl Widening {
    fn new(agent: &str, (what, detail): (&str, String)) -> Self {
        Self { agent: agent.to_string(), what: what.to_string(), detail }
    }

    /// What, with its detail: `limits.memory 64MiB → 128MiB`.
    #[must_use]
    pub fn more(&self) -> String {
        match self.detail.as_str() {
            "" => self.what.clone(),
            detail => format!("{} {detail}", self.what),
        }
    }
}

impl fmt::Display for Widening {
    /// `read: grants.files.read + /srv/data`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.agent.is_empty() {
            write!(f, "{}: ", self.agent)?;
        }
        f.write_str(&self.more())
    }
}

/// All that the agents of a plan may do and might not in `old`, by agent. Plans must be
/// [`adopt`](super::adopt)ed. A secret, an environment value or a file of elsewhere more counts for the pipeline: its
/// agent has no name.
#[must_use]
pub fn widenings(old: &Plan, new: &Plan) -> Vec<Widening> {
    let nobody = Nobody::default();
    let mut all = Vec::new();
    for agent in new.present() {
        let before = old.named(&agent.name).filter(|before| before.id == agent.id);
        let mut say = |said: Said<'_>| all.push(Widening::new(&agent.name, said));
        grants(before, agent, &nobody, &mut say);
        bounds(before, agent, &mut say);
        // Other code with the same grants may use them otherwise, but only where they lead.
    }
    let more = of_engine(old, new).into_iter();
    all.extend(more.map(|what| Widening::new("", (&what, String::new()))));
    all.sort_unstable();
    all
}

/// What the engine itself reads for a plan and did not for the one before: whoever may change the file needs no grant to
/// have it put into a config, and so into messages.
fn of_engine(old: &Plan, new: &Plan) -> Vec<String> {
    let secrets = new.secrets.iter().filter(|secret| !old.secrets.contains(secret));
    let known = |name: &str| old.env.iter().any(|(known, _)| known == name);
    let env = new.env.iter().map(|(name, _)| name).filter(|name| !known(name));
    let files = new.files.iter().filter(|file| !old.files.contains(file));
    let secrets = secrets.map(|name| format!("secret {name}"));
    let env = env.map(|name| format!("env {name}"));
    secrets.chain(env).chain(files.map(|path| format!("file {path}"))).collect()
}

/// What is more, and its detail.
type Said<'w> = (&'w str, String);

/// What an agent has that is not there.
#[derive(Default)]
struct Nobody {
    grants: crate::plan::Grants,
}

fn grants(before: Option<&Agent>, agent: &Agent, nobody: &Nobody, say: &mut dyn FnMut(Said<'_>)) {
    let old = before.map_or(&nobody.grants, |before| &before.grants);
    let new = &agent.grants;
    let flags = [
        ("grants.clock", old.clock, new.clock),
        ("grants.random", old.random, new.random),
        ("grants.timer", old.timer, new.timer),
        ("grants.stdin", old.stdin, new.stdin),
        ("grants.stdout", old.stdout, new.stdout),
    ];
    let flags = flags.into_iter().filter(|(_, old, new)| *new && !old);
    flags.for_each(|(what, ..)| say((what, String::new())));
    let roots = [
        ("grants.files.read", &old.read, &new.read),
        ("grants.files.write", &old.write, &new.write),
    ];
    for (what, old, new) in roots {
        let detail = words::roots(new.iter().filter(|root| !is_one_of(root, old)));
        if !detail.is_empty() {
            say((what, detail));
        }
    }
    if !old.http.is_empty() || !new.http.is_empty() {
        http(&old.http, &new.http, say);
    }
}

/// True if the root is one of these. What lies below one of them by its name may be a link that leads out of it, which
/// it may not be followed from there, but would as a root.
fn is_one_of(root: &Root, roots: &[Root]) -> bool {
    roots.iter().any(|other| other.path == root.path)
}

/// True if a path is another or lies below it. Neither is normalised further: `..` and the like are other paths.
pub(crate) fn covers(above: &str, path: &str) -> bool {
    let plain = |path: &str| !path.split('/').any(|part| part == ".." || part == ".");
    let below =
        || path.strip_prefix(above.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    path == above || plain(path) && plain(above) && below()
}

/// The first grant that fits a request counts, so that a narrower one may uncover another behind it: only a list that has
/// lost its last ones is plainly no wider, or one without two entries for the same place.
fn http(old: &[HttpGrant], new: &[HttpGrant], say: &mut dyn FnMut(Said<'_>)) {
    let lone = |grant: &HttpGrant| !old.iter().any(|before| is_within(grant, before));
    let only_less = old.starts_with(new);
    let one_each = |grants: &[HttpGrant]| {
        grants.iter().enumerate().all(|(nth, grant)| {
            grants.iter().skip(nth + 1).all(|other| !is_same_place(grant, other))
        })
    };
    // Where no two entries are for the same place, their order says nothing.
    let is_narrower = only_less || one_each(old) && one_each(new) && !new.iter().any(lone);
    if !is_narrower {
        say(("grants.http", words::hosts(old, new)));
    }
}

fn is_same_place(one: &HttpGrant, other: &HttpGrant) -> bool {
    (one.scheme, &one.host, one.port) == (other.scheme, &other.host, other.port)
}

fn is_within(grant: &HttpGrant, before: &HttpGrant) -> bool {
    is_same_place(grant, before)
        && grant.methods.iter().all(|method| before.methods.contains(method))
        && grant.paths.iter().all(|path| before.paths.iter().any(|above| leads_to(above, path)))
        && (!grant.local || before.local)
        && grant.redirects <= before.redirects
        && grant.timeout_ms <= before.timeout_ms
        && grant.max_body <= before.max_body
        && is_as_careful(grant.on_unknown, before.on_unknown)
}

/// True if all paths that begin so began as the other before. One that ends with `/` is all below it.
fn leads_to(above: &str, path: &str) -> bool {
    path == above
        || above.ends_with('/') && path.starts_with(above)
        || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// To make a request again by itself is more than to ask or to give up.
fn is_as_careful(new: Option<OnUnknown>, old: Option<OnUnknown>) -> bool {
    new == old || matches!(new, Some(OnUnknown::Fail | OnUnknown::Ask))
}

fn bounds(before: Option<&Agent>, agent: &Agent, say: &mut dyn FnMut(Said<'_>)) {
    // Who is new, or has another name now, has what everybody has.
    let usual = GuestLimits { memory: limits::MEMORY_BYTES, fuel: limits::FUEL };
    let old = before.map_or(usual, |before| before.limits);
    let old_ms = before.map_or(limits::TIMEOUT_MS, |before| before.timeout_ms);
    let GuestLimits { memory, fuel } = agent.limits;
    let words: [fn(u64, u64) -> String; 3] = [words::sizes, words::numbers, words::times];
    let rises = [
        ("limits.memory", old.memory, memory),
        ("limits.fuel", old.fuel, fuel),
        ("timeout", old_ms, agent.timeout_ms),
    ];
    let rises = rises.into_iter().zip(words).filter(|((_, old, new), _)| new > old);
    rises.for_each(|((what, old, new), words)| say((what, words(old, new))));
}
