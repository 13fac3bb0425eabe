//! A run that follows its file: `run --watch`, and each run of `watch`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use serde_json::json;
use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::plan::OnDelete;

use crate::compile::Pipeline;
use crate::driver::Event;
use crate::exit::Problem;
use crate::reload::{ReloadError, Reloader, Told};
use crate::render::Screen;
use crate::render::escape::escape;
use crate::session::{PlanInForce, Session};
use crate::watch::{Change, Reads, Seen, Waker, Watch, Watcher};

/// Agents that a run which follows its file has room for at least: the next plan may have more than this one.
pub(super) const ROOM: usize = 1_024;

/// A pipeline's file, as somebody asked for it.
#[derive(Clone)]
pub(super) struct Source {
    /// As it is called in what is told.
    pub(super) name: PathBuf,
    /// Its absolute path, links and all.
    pub(super) path: PathBuf,
    /// Values for its params.
    pub(super) set: Vec<(String, String)>,
}

impl Source {
    /// One that can be watched.
    pub(super) fn new(name: PathBuf, set: Vec<(String, String)>) -> Result<Self, Problem> {
        let path = std::path::absolute(&name).map_err(|error| Problem::usage(error.to_string()))?;
        let (shown, help) =
            (name.display(), "a pipe or a device never changes: leave out `--watch`");
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let problem = Problem::usage(format!("`{shown}` is not a regular file"));
            return Err(problem.with_help(Some(String::from(help))));
        }
        Ok(Self { name, path, set })
    }

    /// All that was read to compile it.
    pub(super) fn reads(&self, pipeline: &Pipeline, others: &Reads) -> Reads {
        let mut reads = others.clone();
        reads.insert(self.path.clone(), pipeline.seen());
        reads
    }

    /// True if a change is that the file is gone.
    pub(super) fn is_gone(&self, change: &Change) -> bool {
        change.taken.get(&self.path) == Some(&Seen::Gone)
    }
}

/// A run, for who has it follow its file.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) run: RunId,
    pub(super) reloader: Reloader,
    pub(super) plan: PlanInForce,
    pub(super) events: Sender<Event>,
    /// How long it may take to stop, in ms.
    pub(super) drain_ms: u64,
}

impl Live {
    pub(super) fn of(session: &Session, drain_ms: u64) -> Self {
        Self {
            run: session.run(),
            reloader: session.reloader(),
            plan: session.plan_in_force(),
            events: session.sender(),
            drain_ms,
        }
    }

    /// The file is gone. What becomes of the run, in words, and whether it goes on.
    pub(super) fn lose(&self) -> (&'static str, bool) {
        let by = String::from("the file is gone");
        let (event, done) = match self.plan.get().reload.on_delete {
            OnDelete::Keep => (None, "goes on"),
            OnDelete::Drain => {
                (Some(Event::Stop { by, within_ms: self.drain_ms }), "ends what is under way")
            }
            OnDelete::Stop => (Some(Event::StopNow), "stops"),
        };
        let goes_on = event.is_none();
        if let Some(event) = event {
            // A run that is at its end needs no stop.
            let _ = self.events.send(event);
        }
        (done, goes_on)
    }
}

/// Tells what becomes of a file, and of each content once.
pub(super) struct Teller {
    screen: Arc<Screen>,
    /// What stands before each line.
    before: String,
    /// What was refused last, and in which words; `None` if it is tried again by itself, since these may be others each
    /// time.
    refused: Option<(Reads, Option<String>)>,
}

impl Teller {
    pub(super) fn new(screen: &Arc<Screen>, before: String) -> Self {
        Self { screen: Arc::clone(screen), before, refused: None }
    }

    pub(super) fn say(&self, text: &str) {
        self.screen.say(&format!("{}{text}", self.before));
    }

    /// Tells why a content is of no use, unless that was the last that was told. True if it was not.
    pub(super) fn refuse(&mut self, reads: &Reads, why: &str, faults: &[String]) -> bool {
        if !self.is_new(reads, Some(why)) {
            return false;
        }
        for lines in faults {
            self.screen.tell(lines);
        }
        self.screen.tell(&format!("{}{why}", self.before));
        true
    }

    /// The same of what is tried again by itself.
    pub(super) fn refuse_for_now(&mut self, reads: &Reads, why: &str) -> bool {
        let is_new = self.is_new(reads, None);
        if is_new {
            self.screen.tell(&format!("{}{why}; it is tried again", self.before));
        }
        is_new
    }

    /// True if that is not what was told last. From now on it is.
    fn is_new(&mut self, reads: &Reads, why: Option<&str>) -> bool {
        let refused = Some((reads.clone(), why.map(String::from)));
        let is_new = self.refused != refused;
        self.refused = refused;
        is_new
    }

    /// Tells what became of a reload.
    fn tell(
        &mut self,
        run: RunId,
        (source, reads): (&Source, &Reads),
        told: &Told,
        became: Became,
    ) {
        let is_new = match told {
            Told::Faults { text, .. } => self.refuse(reads, &told.line(), text),
            Told::Refused { .. } if became == Became::Again => {
                self.refuse_for_now(reads, &told.line())
            }
            Told::Refused { .. } => self.refuse(reads, &told.line(), &[]),
            _ => {
                self.refused = None;
                self.screen.tell(&format!("{}{}", self.before, told.line()));
                true
            }
        };
        if let Told::Proposed { proposal, .. } = told {
            self.say(&format!("`theater-flow approve {run} {proposal}` applies it"));
        }
        if is_new {
            self.tell_json(Some(run), source, told);
        }
    }

    /// The same for programs: as `reload` prints it, with the file and the run.
    fn tell_json(&self, run: Option<RunId>, source: &Source, told: &Told) {
        if self.screen.is_json()
            && let Ok(mut value) = serde_json::to_value(told)
        {
            value["file"] = json!(source.name.display().to_string());
            value["run"] = json!(run.map(|run| run.to_string()));
            // Nobody may read it any more; the run is of more use than its reader.
            let _ = self.screen.json(&value);
        }
    }

    /// Tells what is wrong with a file that has no run yet, and may have one all the same.
    pub(super) fn begin(&mut self, source: &Source, reads: &Reads, told: &Told, can_run: bool) {
        let Told::Faults { text, why, .. } = told else { return };
        if can_run {
            for lines in text {
                self.screen.tell(lines);
            }
        } else if self.refuse(reads, &format!("not started: {why}"), text) {
            self.tell_json(None, source, told);
        }
    }

    /// Has a run go over to what its file says now. Gives what was read of it, and what became of that.
    pub(super) fn reload(
        &mut self,
        live: &Live,
        source: &Source,
        change: &Change,
    ) -> (Reads, Became) {
        let pipeline = match Pipeline::saved(&source.path) {
            Ok(pipeline) => Pipeline { name: source.name.display().to_string(), ..pipeline },
            Err(error) => {
                self.refuse(&change.taken, &format!("reload refused: {error}"), &[]);
                return (change.taken.clone(), Became::Refused);
            }
        };
        let mut reads = Reads::new();
        let done = live.reloader.reload_if(&pipeline, &source.set, None, &mut |others| {
            reads = source.reads(&pipeline, others);
            change.agrees(&reads)
        });
        let became = match &done {
            Ok(_) => Became::Taken,
            Err(ReloadError::Over) => Became::Late,
            Err(ReloadError::Refused(why)) if why.may_pass() => Became::Again,
            Err(_) => Became::Refused,
        };
        // Otherwise it will be told again, or there is nothing left to be told.
        if !matches!(done, Err(ReloadError::Changed | ReloadError::Over)) {
            let told = Told::of(&done, Some(&pipeline), self.screen.err_look());
            self.tell(live.run, (source, &reads), &told, became);
        }
        (reads, became)
    }

    /// What was told of contents that are of no use is told again.
    pub(super) fn forget(&mut self) {
        self.refused = None;
    }
}

/// What became of a content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Became {
    /// It is what the run does now, or once somebody approves it.
    Taken,
    /// The run goes on with what it had.
    Refused,
    /// So it does for now: it is tried again.
    Again,
    /// The run is at its end.
    Late,
}

/// Has a run follow its file, on a thread of its own, until this is dropped. A reload that is under way then ends by
/// itself.
pub(super) struct Follow {
    hub: Arc<Hub>,
}

struct Hub {
    waker: Waker,
    is_over: AtomicBool,
    is_asked: AtomicBool,
}

impl Follow {
    /// `reads` is what its plan was made of.
    pub(super) fn start(
        teller: Teller,
        live: Live,
        (source, reads): (Source, Reads),
        watcher: Watcher,
    ) -> std::io::Result<Self> {
        let (mut watch, refused) = Watch::new(watcher);
        if let Some(why) = refused {
            teller.say(&format!(
                "the system does not tell of changes, so they are looked for: {why}"
            ));
        }
        watch.follow(&source.path, reads);
        let flags = (AtomicBool::new(false), AtomicBool::new(false));
        let hub = Arc::new(Hub { waker: watch.waker(), is_over: flags.0, is_asked: flags.1 });
        let mut following = Following { hub: Arc::clone(&hub), teller, live, source, watch };
        thread::Builder::new().name("watch".into()).spawn(move || following.go())?;
        Ok(Self { hub })
    }

    /// Lets somebody ask for a look at all files, and another try.
    pub(super) fn asker(&self) -> impl FnMut() + Send + 'static {
        let hub = Arc::clone(&self.hub);
        move || {
            hub.is_asked.store(true, Ordering::Release);
            hub.waker.wake();
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.hub.is_over.store(true, Ordering::Release);
        self.hub.waker.wake();
    }
}

/// What the thread has.
struct Following {
    hub: Arc<Hub>,
    teller: Teller,
    live: Live,
    source: Source,
    watch: Watch,
}

impl Following {
    fn go(&mut self) {
        loop {
            let changes = self.watch.wait();
            if self.hub.is_over.load(Ordering::Acquire) {
                return;
            }
            if self.hub.is_asked.swap(false, Ordering::AcqRel) {
                self.watch.ask_for_all();
                self.teller.forget();
            }
            for change in changes {
                match self.follow(&change) {
                    (reads, Became::Again) => self.watch.follow_again(&change.pipeline, reads),
                    (reads, _) => self.watch.follow(&change.pipeline, reads),
                }
            }
        }
    }

    fn follow(&mut self, change: &Change) -> (Reads, Became) {
        if self.source.is_gone(change) {
            let name = self.source.name.display().to_string();
            let (name, (done, _)) = (escape(&name), self.live.lose());
            self.teller.say(&format!("`{name}` is gone: the run {done}"));
            return (change.taken.clone(), Became::Taken);
        }
        self.teller.reload(&self.live, &self.source, change)
    }
}
