//! `watch`: one run for each pipeline of a folder, which follows it.

mod file;
mod one;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use theater_flow_host::Host;

use super::follow::Live;
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::render::escape::escape;
use crate::runs::{Data, RunDir};
use crate::signals::{Caught, Signals};
use crate::watch::{Change, Reads, Seen, Waker, Watch};
use file::{File, FileId, Standing};

/// What the threads of runs tell the one that watches.
enum News {
    /// A run goes on.
    Live(Box<Taken>),
    /// What was read to make a pipeline; whether nothing came of it, and something may the next time.
    Made { file: FileId, reads: Reads, is_again: bool },
    /// A run has ended, or none was begun.
    Over { file: FileId },
    /// Somebody asks this process to stop.
    Stop(Caught),
    /// Somebody asks for a look at all files.
    Ask,
}

/// A run that goes on, of a file's pipeline.
struct Taken {
    file: FileId,
    live: Live,
    run: RunDir,
    since: Since,
}

/// What a run goes on with.
enum Since {
    /// It was begun with what was read.
    Begun(Reads),
    /// It was taken up, and is yet to go over to what its file says now.
    TakenUp(Change),
}

/// Where the news go.
#[derive(Clone)]
struct Post {
    sender: Sender<News>,
    waker: Waker,
}

impl Post {
    fn send(&self, news: News) {
        // Nobody reads it once all is over.
        let _ = self.sender.send(news);
        self.waker.wake();
    }
}

/// What all runs have in common.
#[derive(Clone)]
struct Common {
    screen: Arc<Screen>,
    data: Data,
    /// The data folder.
    folder: PathBuf,
    host: Arc<Host>,
    /// One is begun at a time.
    turn: Arc<Mutex<()>>,
    post: Post,
    manner: super::run::Manner,
}

/// The folder that is watched.
struct Folder {
    common: Common,
    /// As it was named.
    name: PathBuf,
    watch: Watch,
    news: Receiver<News>,
    files: BTreeMap<PathBuf, File>,
    /// Files so far.
    count: u64,
    /// Runs of earlier processes.
    left: BTreeMap<PathBuf, Vec<RunDir>>,
    stop: Option<Caught>,
}

pub(super) fn watch(
    screen: &Arc<Screen>,
    (data, folder): (&Data, &Path),
    args: &cli::Watch,
) -> Result<Exit, Problem> {
    let (name, shown) = (args.dir.clone(), args.dir.display());
    let path = std::path::absolute(&name).map_err(|error| Problem::usage(error.to_string()))?;
    if !path.is_dir() {
        return Err(Problem::usage(format!("`{shown}` is not a folder")));
    }
    // Runs know their files by their paths, however the folder was named.
    let is_plain = !path.components().any(|part| part == Component::ParentDir);
    let path = if is_plain { path } else { std::fs::canonicalize(&path).unwrap_or(path) };
    allow_files();
    let host = one::host()?;
    let (mut watch, refused) = Watch::new(args.watcher);
    if let Some(why) = refused {
        screen.say(&format!("the system does not tell of changes, so they are looked for: {why}"));
    }
    watch.follow_folder(&path);
    let (sender, news) = channel();
    let post = Post { sender, waker: watch.waker() };
    let (stops, asks) = (post.clone(), post.clone());
    let signals = Signals::listen_to_all(
        move |caught| stops.send(News::Stop(caught)),
        move || asks.send(News::Ask),
    );
    let _signals = signals.map_err(|error| Problem::failed(format!("no signals: {error}")))?;
    let manner =
        super::run::Manner { is_alone: false, ..super::run::Manner::alone(false, args.drain) };
    let (data, folder) = (data.clone(), folder.to_path_buf());
    let left = data.followers()?;
    let (screen, turn) = (Arc::clone(screen), Arc::default());
    let common = Common { screen, data, folder, host, turn, post, manner };
    let files = BTreeMap::new();
    let mut all = Folder { common, name, watch, news, files, count: 0, left, stop: None };
    all.common.screen.say(&format!("watching {}", escape(&all.name.display().to_string())));
    Ok(all.go())
}

impl Folder {
    fn go(&mut self) -> Exit {
        loop {
            for change in self.watch.wait() {
                self.change(change);
            }
            while let Ok(news) = self.news.try_recv() {
                self.hear(news);
            }
            let rests = |file: &File| matches!(file.standing, Standing::Resting);
            if self.stop.is_some() && self.files.values().all(rests) {
                return Exit::Interrupted;
            }
        }
    }

    /// A file is new, or another, or gone.
    fn change(&mut self, change: Change) {
        if self.stop.is_some() {
            return;
        }
        if let Some(from) = change.moved_from.clone() {
            return self.moved(&from, change);
        }
        let path = change.pipeline.clone();
        if !self.files.contains_key(&path) {
            let new = self.new_file(&path);
            self.files.insert(path.clone(), new);
        }
        let Some(file) = self.files.get_mut(&path) else { return };
        let is_gone = file.source.is_gone(&change);
        match &file.standing {
            Standing::Resting if is_gone => {
                if let Some(File { runs, .. }) = self.files.remove(&path) {
                    self.left.insert(path.clone(), runs);
                }
                self.watch.forget(&path);
            }
            Standing::Resting => file.begin(&self.common, change),
            Standing::Live(live) if is_gone => {
                let (done, goes_on) = live.lose();
                file.say(&format!("it is gone: the run {done}"));
                self.watch.follow(&path, change.taken);
                if !goes_on {
                    file.standing = Standing::Leaving;
                }
            }
            Standing::Live(live) => file.reload(live.clone(), &self.common, change),
            Standing::Leaving | Standing::Beginning => file.next = Some(change),
        }
    }

    /// A file has another path now: its run goes on there.
    fn moved(&mut self, from: &Path, change: Change) {
        let Change { pipeline: path, taken, .. } = change;
        let Some(file) = self.files.remove(from) else { return };
        if file.may_move() {
            let place = self.new_file(&path);
            self.files.insert(path.clone(), file.at(place, &taken));
            self.watch.follow(&path, taken);
            self.watch.forget(from);
            return;
        }
        // What is being done with it, is done by its old path: these are two.
        self.files.insert(from.to_path_buf(), file);
        let gone = [(from.to_path_buf(), Seen::Gone)].into();
        for (pipeline, taken) in [(from.to_path_buf(), gone), (path, taken)] {
            self.change(Change { pipeline, taken, moved_from: None });
        }
    }

    fn new_file(&mut self, path: &Path) -> File {
        self.count += 1;
        let id = FileId(self.count);
        File::new((id, &self.common.screen), &self.name, path, &mut self.left)
    }

    fn file(&mut self, id: FileId) -> Option<&mut File> {
        self.files.values_mut().find(|file| file.id == id)
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Made { file, reads, is_again } => {
                let Some(path) = self.file(file).map(|file| file.source.path.clone()) else {
                    return;
                };
                if is_again {
                    self.watch.follow_again(&path, reads);
                } else {
                    self.watch.follow(&path, reads);
                }
            }
            News::Live(taken) => self.live(*taken),
            News::Over { file } => {
                let Some(file) = self.file(file) else { return };
                file.standing = Standing::Resting;
                if let Some(change) = file.next.take() {
                    self.change(change);
                }
            }
            News::Stop(caught) => {
                self.stop = Some(caught);
                for file in self.files.values() {
                    file.stop(caught, self.common.manner.drain_ms());
                }
            }
            News::Ask => {
                self.watch.ask_for_all();
                for file in self.files.values() {
                    // Whoever has it is about to tell something anyway.
                    if let Ok(mut teller) = file.teller.try_lock() {
                        teller.forget();
                    }
                }
            }
        }
    }

    /// A run was begun or taken up.
    fn live(&mut self, taken: Taken) {
        let Taken { file: id, live, run, since } = taken;
        // Its fields are needed one by one.
        let Some(file) = self.files.values_mut().find(|file| file.id == id) else { return };
        if !file.runs.contains(&run) {
            file.runs.insert(0, run);
        }
        file.standing = Standing::Live(live.clone());
        match since {
            Since::Begun(reads) => self.watch.follow(&file.source.path, reads),
            Since::TakenUp(change) => file.reload(live, &self.common, change),
        }
        if let Some(caught) = self.stop {
            file.stop(caught, self.common.manner.drain_ms());
        }
    }
}

/// Lets this process have as many open files as it may: each run has about eight, and the usual limit is 1,024.
fn allow_files() {
    let limit =
        Rlimit { current: getrlimit(Resource::Nofile).maximum, ..getrlimit(Resource::Nofile) };
    // With less there is room for less, which the runs that find none tell.
    let _ = setrlimit(Resource::Nofile, limit);
}
