//! One run of a folder that is watched, from its beginning to its end.

use std::sync::{Arc, Mutex, PoisonError};

use theater_flow_dsl::{Compiled, Kind, Mode, kind};
use theater_flow_host::Host;

use super::file::{FileId, note};
use super::{Common, News, Post, Since, Taken};
use crate::commands::follow::{Live, Source, Teller};
use crate::commands::{check, place, run};
use crate::compile::{Fetcher, Pipeline};
use crate::exit::Problem;
use crate::journal::JournalError;
use crate::reload::{ReloadError, Told};
use crate::runs::{Held, Ownership, RunDir};
use crate::session::{Cast, Left, Session, SessionError};
use crate::store::StoreError;
use crate::watch::{Change, Reads, digest};

/// Agents of all runs together that there is room for. It is address space, not memory.
const ROOM: usize = 8_192;

/// The engine of all runs.
pub(super) fn host() -> Result<Arc<Host>, Problem> {
    check::instances_host(ROOM)
}

/// What a thread needs to see to a file that has no run.
pub(super) struct Beginning {
    pub(super) common: Common,
    pub(super) file: FileId,
    pub(super) source: Source,
    pub(super) teller: Arc<Mutex<Teller>>,
    /// The runs that it had, newest first.
    pub(super) runs: Vec<RunDir>,
    pub(super) change: Change,
}

/// What became of that.
enum Begun {
    /// A run goes on.
    Run(Box<Going>),
    /// There is nothing to run.
    Nothing(Reads),
    /// Another process has the run that is to be taken up: this says so.
    Held(String),
}

/// A run that goes on.
struct Going {
    run: RunDir,
    owner: Ownership,
    session: Session,
    since: Since,
}

/// Says at the end of a thread that it is over, whatever ended it.
struct Leaving(Post, FileId);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.send(News::Over { file: self.1 });
    }
}

impl Beginning {
    pub(super) fn go(self) {
        let (post, turn) = (self.common.post.clone(), Arc::clone(&self.common.turn));
        let _leaving = Leaving(post.clone(), self.file);
        let begun = {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.begin()
        };
        let made = |reads, is_again| News::Made { file: self.file, reads, is_again };
        match begun {
            Ok(Begun::Nothing(reads)) => post.send(made(reads, false)),
            Ok(Begun::Run(going)) => {
                let Going { run, owner, session, since } = *going;
                let Common { screen, manner, .. } = self.common;
                let live = Live::of(&session, manner.drain_ms());
                let taken = Taken { file: self.file, live, run: run.clone(), since };
                post.send(News::Live(Box::new(taken)));
                // How it ended is told by its last line.
                let _ = run::perform(&screen, &run, session, manner);
                drop(owner);
            }
            Ok(Begun::Held(why)) => {
                self.teller().refuse_for_now(&self.change.taken, &why);
                post.send(made(self.change.taken, true));
            }
            Err(problem) => {
                self.teller().refuse(&self.change.taken, &problem.to_string(), &[]);
                post.send(made(self.change.taken, false));
            }
        }
    }

    fn begin(&self) -> Result<Begun, Problem> {
        for run in &self.runs {
            if let Some(begun) = self.take_up(run)? {
                return Ok(begun);
            }
        }
        let pipeline = Pipeline::saved(&self.source.path)?;
        let pipeline = Pipeline { name: self.source.name.display().to_string(), ..pipeline };
        if matches!(kind(&pipeline.text), Kind::Module | Kind::Other) {
            return Ok(Begun::Nothing(self.source.reads(&pipeline, &Reads::new())));
        }
        let mut fetcher = Fetcher::new(Arc::clone(&self.common.host));
        let compiled = fetcher.compile(&pipeline, &self.source.set, Mode::Run);
        let reads = self.source.reads(&pipeline, fetcher.reads());
        // What was read is not what was taken: it will be told again.
        if !self.change.agrees(&reads) {
            return Ok(Begun::Nothing(reads));
        }
        if !compiled.faults.is_empty() {
            self.tell_faults(&pipeline, &reads, &compiled);
        }
        let Some(plan) = compiled.plan.map(Arc::new) else { return Ok(Begun::Nothing(reads)) };
        if self.is_done(&reads) {
            self.say("its run has ended; the next begins when it changes");
            return Ok(Begun::Nothing(reads));
        }
        let cast =
            Cast { host: Arc::clone(&self.common.host), plan, actors: fetcher.into_actors() };
        self.start(cast, reads)
    }

    fn start(&self, cast: Cast, reads: Reads) -> Result<Begun, Problem> {
        let Common { screen, data, folder, .. } = &self.common;
        let run = data.create(run::new_run_id()?)?;
        let owner = run::own(&run)?;
        note(&run, &self.source, digest(&reads), &self.teller());
        let begun = Session::begin(&place(folder, &run), cast, run.id, run::guest_out(screen));
        let session = begun.inspect_err(|_| run.discard())?;
        self.say(&format!("run {} of `{}`", run.id, session.plan().name));
        let since = Since::Begun(reads);
        Ok(Begun::Run(Box::new(Going { run, owner, session, since })))
    }

    /// Goes on with a run that is not over.
    fn take_up(&self, run: &RunDir) -> Result<Option<Begun>, Problem> {
        if is_over(run) {
            return Ok(None);
        }
        let Common { screen, folder, host, .. } = &self.common;
        let place = place(folder, run);
        let owner = match Ownership::take(&run.path) {
            Ok(owner) => owner,
            Err(held @ Held::By { .. }) => return Ok(Some(Begun::Held(held.to_string()))),
            Err(Held::Store(error)) => return Err(error.into()),
        };
        let left = match Left::open(&place) {
            // Its process was killed at its very end, or before its beginning.
            Err(SessionError::Over(_) | SessionError::NeverBegan) => return Ok(None),
            Err(
                SessionError::Store(error @ StoreError::Locked { .. })
                | SessionError::Journal(JournalError::Store(error @ StoreError::Locked { .. })),
            ) => return Ok(Some(Begun::Held(error.to_string()))),
            left => left?,
        };
        for warning in left.warnings() {
            self.say(&format!("warning: {warning}"));
        }
        let session = Session::resume(&place, left, Arc::clone(host), run::guest_out(screen))?;
        self.say(&format!("run {} of `{}` goes on", run.id, session.plan().name));
        let since = Since::TakenUp(self.change.clone());
        let run = run.clone();
        Ok(Some(Begun::Run(Box::new(Going { run, owner, session, since }))))
    }

    /// True if the newest run of the file is over, and was made of just this.
    fn is_done(&self, reads: &Reads) -> bool {
        let made_of = |run: &RunDir| run.followed().map(|followed| followed.made_of);
        self.runs.first().is_some_and(|run| is_over(run) && made_of(run) == Some(digest(reads)))
    }

    fn tell_faults(&self, pipeline: &Pipeline, reads: &Reads, compiled: &Compiled) {
        let error = Err(ReloadError::Faults(Box::new(compiled.clone())));
        let told = Told::of(&error, Some(pipeline), self.common.screen.err_look());
        self.teller().begin(&self.source, reads, &told, compiled.plan.is_some());
    }

    fn teller(&self) -> std::sync::MutexGuard<'_, Teller> {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, text: &str) {
        self.teller().say(text);
    }
}

/// True of a run that nobody can go on with.
pub(super) fn is_over(run: &RunDir) -> bool {
    matches!(run.listed().status.as_str(), "completed" | "degraded" | "failed")
}
