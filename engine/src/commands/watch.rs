//! `watch`: one run for each pipeline of a folder, which follows it.

mod one;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use theater_flow_host::Host;

use super::follow::{Became, Live, Source, Teller};
use crate::cli;
use crate::driver::Event;
use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::render::escape::escape;
use crate::runs::{Data, Followed, RunDir};
use crate::signals::{Caught, Signals};
use crate::watch::{Change, Reads, Seen, Waker, Watch, digest};
use one::Beginning;

/// What the threads of runs tell the one that watches.
enum News {
    /// A run goes on.
    Live(Box<Taken>),
    /// What was read to make a pipeline.
    Made { path: PathBuf, reads: Reads },
    /// A run has ended, or none was begun.
    Over { path: PathBuf },
    /// Somebody asks this process to stop.
    Stop(Caught),
    /// Somebody asks for a look at all files.
    Ask,
}

/// A run that goes on, of the pipeline at a path.
struct Taken {
    path: PathBuf,
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

/// A file of the folder.
struct File {
    source: Source,
    teller: Arc<Mutex<Teller>>,
    standing: Standing,
    /// Its runs, newest first.
    runs: Vec<RunDir>,
    /// What came after its run was asked to stop.
    next: Option<Change>,
}

/// How a file is.
enum Standing {
    /// It has no run.
    Resting,
    /// It is seen to.
    Beginning,
    /// It has a run.
    Live(Live),
    /// Its run was asked to stop.
    Leaving,
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
    let mut all = Folder { common, name, watch, news, files, left, stop: None };
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
        let path = change.pipeline.clone();
        let (screen, left) = (&self.common.screen, &mut self.left);
        let new = || File::new(screen, &self.name, &path, left);
        let file = self.files.entry(path.clone()).or_insert_with(new);
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

    fn hear(&mut self, news: News) {
        match news {
            News::Made { path, reads } => {
                if self.files.contains_key(&path) {
                    self.watch.follow(&path, reads);
                }
            }
            News::Live(taken) => self.live(*taken),
            News::Over { path } => {
                let Some(file) = self.files.get_mut(&path) else { return };
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
        let Taken { path, live, run, since } = taken;
        let Some(file) = self.files.get_mut(&path) else { return };
        if !file.runs.contains(&run) {
            file.runs.insert(0, run);
        }
        file.standing = Standing::Live(live.clone());
        match since {
            Since::Begun(reads) => self.watch.follow(&path, reads),
            Since::TakenUp(change) => file.reload(live, &self.common, change),
        }
        if let Some(caught) = self.stop {
            file.stop(caught, self.common.manner.drain_ms());
        }
    }
}

impl File {
    fn new(
        screen: &Arc<Screen>,
        folder: &Path,
        path: &Path,
        left: &mut BTreeMap<PathBuf, Vec<RunDir>>,
    ) -> Self {
        let name = path.file_name().map_or_else(|| folder.into(), |name| folder.join(name));
        let teller = Teller::new(screen, format!("{}: ", escape(&name.display().to_string())));
        let source = Source { name, path: path.to_path_buf(), set: vec![] };
        let (runs, teller) = (left.remove(path).unwrap_or_default(), Arc::new(Mutex::new(teller)));
        Self { source, teller, standing: Standing::Resting, runs, next: None }
    }

    fn say(&self, text: &str) {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner).say(text);
    }

    /// Begins a run, or takes one up, on a thread of its own.
    fn begin(&mut self, common: &Common, change: Change) {
        self.standing = Standing::Beginning;
        let beginning = Beginning {
            common: common.clone(),
            source: self.source.clone(),
            teller: Arc::clone(&self.teller),
            runs: self.runs.clone(),
            change,
        };
        let started = thread::Builder::new().name("run".into()).spawn(move || beginning.go());
        if let Err(error) = started {
            self.say(&format!("the system gives no thread: {error}"));
            common.post.send(News::Over { path: self.source.path.clone() });
        }
    }

    /// Has its run go over to what it says now, on a thread of its own: it may take as long as an event does.
    fn reload(&self, live: Live, common: &Common, change: Change) {
        let (source, teller) = (self.source.clone(), Arc::clone(&self.teller));
        let run = self.runs.iter().find(|run| run.id == live.run).cloned();
        let (post, path) = (common.post.clone(), source.path.clone());
        let reload = move || {
            let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut reads, became) = teller.reload(&live, &source, &change);
            match (became, run) {
                (Became::Taken, Some(run)) => note(&run, &source, &reads, &teller),
                // What it says is told again, for the next run.
                (Became::Late, _) => reads = unmade(&source.path),
                _ => {}
            }
            drop(teller);
            post.send(News::Made { path: source.path, reads });
        };
        if let Err(error) = thread::Builder::new().name("reload".into()).spawn(reload) {
            self.say(&format!("the system gives no thread: {error}"));
            common.post.send(News::Made { reads: unmade(&path), path });
        }
    }

    fn stop(&self, Caught { name, again }: Caught, within_ms: u64) {
        if let Standing::Live(Live { events, .. }) = &self.standing {
            let by = String::from(name);
            let event = if again { Event::StopNow } else { Event::Stop { by, within_ms } };
            // A run that is at its end needs no stop.
            let _ = events.send(event);
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

/// What a pipeline is made of that nothing was made of.
fn unmade(path: &Path) -> Reads {
    [(path.to_path_buf(), Seen::Gone)].into()
}

/// Notes of what the plan in force of a run was made.
fn note(run: &RunDir, source: &Source, reads: &Reads, teller: &Teller) {
    let Some(file) = source.path.to_str() else { return };
    let followed = Followed { file: String::from(file), made_of: digest(reads) };
    if let Err(error) = run.note_followed(&followed) {
        teller.say(&format!("it is not noted what the run was made of: {error}"));
    }
}
