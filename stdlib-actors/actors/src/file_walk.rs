//! `std/file-walk`: the files below a folder, one message each.

use globset::GlobSet;
use serde::{Deserialize, Serialize};
use theater_flow_sdk::{
    Actor, Config, ConfigFault, Cx, Event, Fault, FileKind, FolderEntry, Level, Next, Port, Typed,
};

mod globs;
#[cfg(test)]
mod tests;

use crate::basis::Basis;
use globs::Globs;

/// Paths of one event: half of what an event may emit.
const PATHS_PER_EVENT: usize = 512;
/// Folders listed in one event, so that it ends where nothing is to be sent.
const FOLDERS_PER_EVENT: usize = 32;
/// Entries seen in one event, likewise: as many as one folder may have.
const ENTRIES_PER_EVENT: usize = 65_536;
/// Names that wait in all folders under way: a snapshot holds them, and the instance's memory.
const WAITING_BYTES: usize = 8 << 20;
/// The longest path that the host takes.
const PATH_BYTES: usize = 4_096;

/// The actor.
pub struct FileWalk {
    config: Config,
    chosen: GlobSet,
    excluded: GlobSet,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder to walk.
    // Its bytes are counted in `ports`.
    #[config(min_length = 1, max_length = 4_096)]
    root: String,
    /// Which files, by their path below the root: a pattern, or a list of which one must match.
    #[serde(default = "default_glob")]
    #[config(min_items = 1)]
    glob: Globs,
    /// Which files and folders are passed over, folders with all below them.
    #[serde(default)]
    exclude: Globs,
    /// Visit files and folders whose names begin with a dot.
    #[serde(default)]
    hidden: bool,
    /// How deep to go: 1 visits only what stands in the root itself.
    #[config(minimum = 1, maximum = 4_096)]
    max_depth: Option<u32>,
    /// A folder below the root that cannot be listed is passed over with a warning, or ends the walk.
    #[serde(default)]
    on_error: OnError,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum OnError {
    #[default]
    Warn,
    Fault,
}

fn default_glob() -> Globs {
    Globs::one("**/*")
}

/// The folders under way, the root first. What a folder held when it was listed is kept, so that a
/// restored actor walks the same way whatever happened to the folder since.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// The root has been listed.
    begun: bool,
    folders: Vec<Folder>,
    /// Bytes of the names that wait in all of them.
    waiting: usize,
    /// The root.
    #[serde(default)]
    basis: Basis,
}

#[derive(Debug, Serialize, Deserialize)]
struct Folder {
    /// As it stands in messages.
    path: String,
    /// Names still to be visited, the next one last; that of a folder ends in `/`, which also puts
    /// it where the paths below it belong in the order of paths.
    rest: Vec<String>,
}

#[derive(Serialize, Typed)]
struct Found<'a> {
    path: &'a str,
}

/// What one event has done so far.
#[derive(Default)]
struct Done {
    paths: usize,
    folders: usize,
    entries: usize,
}

impl Actor for FileWalk {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/file-walk.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        if config.root.len() > PATH_BYTES {
            let message = format!("expected a path of at most {PATH_BYTES} bytes");
            return Err(vec![ConfigFault::at(&["root"], message)]);
        }
        let found = Port::output_of::<Found>("out");
        Ok(vec![found.doc(
            "The files in the order of their paths, each beginning with the root.",
        )])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let bad = |message: String| Fault::new("bad-config", message);
        let chosen = config.glob.set().map_err(bad)?;
        let excluded = config.exclude.set().map_err(bad)?;
        Ok(Self {
            config,
            chosen,
            excluded,
        })
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let basis = Basis::default().with("root", self.config.root.trim_end_matches('/'));
        let begun = state.begun;
        state.basis.go_over(&basis, |_| begun)
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => self.pull(state, cx),
            _ => Ok(Next::Wait),
        }
    }
}

impl FileWalk {
    /// Sends as many paths as fit one event. A fault would take back the paths before it, so it has
    /// to wait until it stands first in an event.
    fn pull(&self, state: &mut State, cx: &mut Cx) -> Result<Next, Fault> {
        let mut done = Done::default();
        loop {
            match self.step(state, &mut done, cx) {
                Ok(false) => return Ok(Next::Wait),
                Err(fault) if done.paths == 0 => return Err(fault),
                Ok(true) if !done.is_enough() => {}
                Ok(true) | Err(_) => return Ok(Next::More),
            }
        }
    }

    /// Visits the next file or folder; false if there is none.
    fn step(&self, state: &mut State, done: &mut Done, cx: &mut Cx) -> Result<bool, Fault> {
        if !state.begun {
            let root = match self.config.root.trim_end_matches('/') {
                "" => "/",
                root => root,
            };
            let entries = cx.outside.list(root);
            let entries = entries.map_err(|error| Fault::file("list", root, &error))?;
            self.enter(state, root.trim_end_matches('/').to_owned(), entries, done)?;
            state.begun = true;
            return Ok(true);
        }
        let Some(folder) = state.folders.last() else {
            return Ok(false);
        };
        let Some(name) = folder.rest.last() else {
            state.folders.pop();
            return Ok(true);
        };
        let path = format!("{}/{name}", folder.path);
        if path.len() > PATH_BYTES {
            let text = format!("passed over `{path}`: its path is longer than {PATH_BYTES} bytes");
            cx.log(Level::Warn, &text);
        } else if let Some(path) = path.strip_suffix('/') {
            if let Some(entries) = self.list(path, cx)? {
                let from = state.folders.len() - 1;
                self.enter(state, path.to_owned(), entries, done)?;
                pass(state, from);
                return Ok(true);
            }
        } else {
            cx.emit("out", &Found { path: &path })?;
            done.paths += 1;
        }
        let from = state.folders.len() - 1;
        pass(state, from);
        Ok(true)
    }

    /// A folder below the root; nothing if it cannot be listed and need not be.
    fn list(&self, path: &str, cx: &mut Cx) -> Result<Option<Vec<FolderEntry>>, Fault> {
        match cx.outside.list(path) {
            Ok(entries) => Ok(Some(entries)),
            Err(error) if self.config.on_error == OnError::Warn => {
                let text = format!("passed over the folder `{path}`: {}", error.message);
                cx.log(Level::Warn, &text);
                Ok(None)
            }
            Err(error) => Err(Fault::file("list", path, &error)),
        }
    }

    /// Goes down into a folder, with what of it is to be visited.
    fn enter(
        &self,
        state: &mut State,
        path: String,
        entries: Vec<FolderEntry>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        done.folders += 1;
        done.entries += entries.len();
        let depth = u32::try_from(state.folders.len()).unwrap_or(u32::MAX) + 1;
        let deeper = self.config.max_depth.is_none_or(|most| depth < most);
        let above = self.below_root(&path);
        let wanted = entries
            .into_iter()
            .filter_map(|entry| self.wanted(&above, entry, deeper));
        let mut rest: Vec<String> = wanted.collect();
        rest.sort_unstable_by(|a, b| b.cmp(a));
        let waiting = state.waiting + rest.iter().map(String::len).sum::<usize>();
        if waiting > WAITING_BYTES {
            let message = format!("`{path}`: more than {WAITING_BYTES} bytes of names would wait");
            return Err(Fault::new("too-many", message));
        }
        state.waiting = waiting;
        state.folders.push(Folder { path, rest });
        Ok(())
    }

    /// The way from the root to a folder: empty, or with a `/` at its end.
    fn below_root(&self, folder: &str) -> String {
        let root = self.config.root.trim_end_matches('/');
        let below = folder.strip_prefix(root).unwrap_or(folder);
        match below.trim_start_matches('/') {
            "" => String::new(),
            below => format!("{below}/"),
        }
    }

    /// The name under which an entry waits to be visited, if it is to be.
    fn wanted(&self, above: &str, entry: FolderEntry, deeper: bool) -> Option<String> {
        let FolderEntry { name, kind } = entry;
        if name.starts_with('.') && !self.config.hidden {
            return None;
        }
        let below = format!("{above}{name}");
        match kind {
            _ if self.excluded.is_match(&below) => None,
            FileKind::File => self.chosen.is_match(&below).then_some(name),
            FileKind::Folder => deeper.then(|| name + "/"),
            FileKind::Other => None,
        }
    }
}

impl Done {
    const fn is_enough(&self) -> bool {
        self.paths >= PATHS_PER_EVENT
            || self.folders >= FOLDERS_PER_EVENT
            || self.entries >= ENTRIES_PER_EVENT
    }
}

/// The next name of this folder has been visited.
fn pass(state: &mut State, folder: usize) {
    let name = state.folders[folder].rest.pop();
    state.waiting -= name.map_or(0, |name| name.len());
}
