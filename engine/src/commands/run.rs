//! `run` and `resume`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::TryRng as _;
use rand::rngs::SysRng;
use theater_flow_dsl::Mode;
use theater_flow_kernel::record::Status;

use super::drain::Waiting;
use super::follow::{Follow, Live, ROOM, Source, Teller};
use super::progress::Progress;
use super::{approve, check, ended, live, outside, place};
use crate::cli::{Run, Until};
use crate::compile::Pipeline;
use crate::driver::{self, Event};
use crate::exit::{Ending, Exit, Problem};
use crate::journal::Flushed;
use crate::render::Screen;
use crate::runs::{Data, Held, Ownership, RunDir, new_id};
use crate::session::{Cast, Left, Session, now_ms};
use crate::signals::{Caught, Signals};
use crate::socket::Client;
use crate::view;
use crate::watch::{Reads, Watcher};

/// How a run is run.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// It ends with 0 even if there are dead letters that no agent takes.
    pub(super) allow_dead_letters: bool,
    /// How long it may take to stop.
    pub(super) drain: Duration,
    /// Until when it goes on.
    pub(super) until: Until,
    /// It is all that this process does: its progress is shown, and how to go on with it.
    pub(super) is_alone: bool,
}

impl Manner {
    /// Of a run that is all that its process does.
    pub(super) const fn alone(allow_dead_letters: bool, drain: Duration) -> Self {
        Self { allow_dead_letters, drain, until: Until::Idle, is_alone: true }
    }

    pub(super) fn drain_ms(self) -> u64 {
        u64::try_from(self.drain.as_millis()).unwrap_or(u64::MAX)
    }
}

pub(super) fn run(
    screen: &Arc<Screen>,
    (data, folder): (&Data, &Path),
    args: Run,
) -> Result<Exit, Problem> {
    let alone = Manner::alone(args.allow_dead_letters, args.drain);
    let manner = Manner { until: args.until, ..alone };
    if let Some(name) = &args.resume {
        return resume(screen, (data, folder), name, manner);
    }
    let file = args.file.ok_or_else(|| Problem::usage("which file?"))?;
    let source = args.watch.then(|| Source::new(file.clone(), args.set.clone())).transpose()?;
    let pipeline = Pipeline::read(&file)?;
    let room = if args.watch { ROOM } else { 0 };
    let (host, fetcher, compiled) =
        check::compile_with_room(&pipeline, &args.set, Mode::Run, room)?;
    if let Some(why) = host.cache_refused() {
        screen.say(&format!("compiled code is not cached: {why}"));
    }
    check::show(screen, &pipeline, &compiled)?;
    let Some(plan) = compiled.plan else {
        return Ok(Exit::Faults);
    };
    let run = data.create(new_run_id()?)?;
    let _owner = own(&run)?;
    let followed = source.map(|source| {
        let reads = source.reads(&pipeline, fetcher.reads());
        Followed { source, reads, watcher: args.watcher }
    });
    let cast = Cast { host, plan: Arc::new(plan), actors: fetcher.into_actors() };
    let session = Session::begin(&place(folder, &run), cast, run.id, guest_out(screen))
        .inspect_err(|_| run.discard())?;
    Ok(serve(screen, &run, session, manner, followed))
}

pub(super) fn resume(
    screen: &Arc<Screen>,
    (data, folder): (&Data, &Path),
    name: &str,
    manner: Manner,
) -> Result<Exit, Problem> {
    let run = super::find(data, name)?;
    if let Some(exit) = outside::go_on(screen, &run)? {
        return Ok(exit);
    }
    let _owner = own(&run)?;
    let place = place(folder, &run);
    let left = Left::open(&place)?;
    for warning in left.warnings() {
        screen.tell(&format!("warning: {warning}"));
    }
    let host = check::instances_host(left.agents())?;
    let session = Session::resume(&place, left, host, guest_out(screen))?;
    Ok(serve(screen, &run, session, manner, None))
}

pub(super) fn new_run_id() -> Result<theater_flow_kernel::ids::RunId, Problem> {
    let mut random = [0; 10];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(|error| Problem::failed(format!("the system gives no randomness: {error}")))?;
    Ok(new_id(now_ms(), random))
}

pub(super) fn own(run: &RunDir) -> Result<Ownership, Problem> {
    Ownership::take(&run.path).map_err(|held| match held {
        Held::By { .. } => Problem::failed(held.to_string()).with_help(Some(free(run))),
        Held::Store(error) => error.into(),
    })
}

/// What frees a run that another process has. Only one that runs it listens.
fn free(run: &RunDir) -> String {
    match Client::connect(&run.path) {
        Ok(Some(_)) => format!("`theater-flow stop {}` asks it to stop", run.id),
        _ => String::from("another command has it at the moment: try again"),
    }
}

/// Runs to the end, as signals say, and says how that was in the last line.
fn serve(
    screen: &Arc<Screen>,
    run: &RunDir,
    mut session: Session,
    manner: Manner,
    followed: Option<Followed>,
) -> Exit {
    if manner.until == Until::Forever {
        session.keep_on();
    }
    let within_ms = manner.drain_ms();
    let follow = followed.and_then(|followed| followed.start(screen, &session, within_ms));
    let signals = listen(&session, within_ms, follow.as_ref());
    if let Err(error) = &signals {
        screen.say(&format!("signals end this process at once: {error}"));
    }
    // Whoever reads this may send signals.
    screen.say(&format!("run {} of `{}`", run.id, session.plan().name));
    perform(screen, run, session, manner)
}

/// Runs to the end, and says how that was in the last line.
pub(super) fn perform(
    screen: &Arc<Screen>,
    run: &RunDir,
    mut session: Session,
    manner: Manner,
) -> Exit {
    let server = live::serve(run, &session, manner.drain_ms());
    if let Err(error) = &server {
        screen.say(&format!("no control socket: {error}"));
    }
    let progress = manner.is_alone.then(|| Progress::start(screen, &session)).flatten();
    let waiting = manner.is_alone.then(|| Waiting::new(screen));
    let (ending, flushed) = session.serve(&mut |remains, left| {
        if let Some(waiting) = &waiting {
            waiting.tell(remains, left);
        }
    });
    let began = flushed.seq > 0 || !matches!(ending, driver::Ending::StoreFailed(_));
    if let Some(progress) = progress.filter(|_| began) {
        progress.end(&session);
    }
    let (held, plan) = (view::held(session.state()), Arc::clone(session.plan()));
    // Who follows the record is told the rest of it before the log is closed.
    drop(server);
    drop(session);
    if let (driver::Ending::StoreFailed(error), Flushed { seq: 0, .. }) = (&ending, flushed) {
        screen.problem(&format!("the run could not begin: {error}"), None);
        run.discard();
        return Exit::Failed;
    }
    if let driver::Ending::Finished(status) = ending
        && !(manner.allow_dead_letters && status == Status::Degraded)
    {
        ended::tell_why(screen, run, &plan, status);
    }
    if matches!(ending, driver::Ending::Waiting) {
        approve::tell(screen, run, &held);
    }
    let (exit, status) = conclude(screen, run, ending, manner);
    let Flushed { seq, head } = flushed;
    screen.tell(&format!("run {} {status} events={seq} head={head}", run.id));
    exit
}

/// A file that a run is to follow.
struct Followed {
    source: Source,
    /// What its plan was made of.
    reads: Reads,
    watcher: Watcher,
}

impl Followed {
    fn start(self, screen: &Arc<Screen>, session: &Session, drain_ms: u64) -> Option<Follow> {
        let Self { source, reads, watcher } = self;
        let (teller, live) = (Teller::new(screen, String::new()), Live::of(session, drain_ms));
        let follow = Follow::start(teller, live, (source, reads), watcher);
        follow
            .inspect_err(|error| screen.problem(&format!("the file is not watched: {error}"), None))
            .ok()
    }
}

/// Lets signals stop the run, and ask for a look at the file that it follows.
fn listen(session: &Session, within_ms: u64, follow: Option<&Follow>) -> io::Result<Signals> {
    let sender = session.sender();
    let stop = move |Caught { name, again }| {
        let event =
            if again { Event::StopNow } else { Event::Stop { by: String::from(name), within_ms } };
        // Nobody listens any more: the run is at its end already.
        let _ = sender.send(event);
    };
    match follow {
        Some(follow) => Signals::listen_to_all(stop, follow.asker()),
        None => Signals::listen(stop),
    }
}

fn conclude(
    screen: &Screen,
    run: &RunDir,
    ending: driver::Ending,
    Manner { allow_dead_letters, is_alone, .. }: Manner,
) -> (Exit, &'static str) {
    let (ending, status) = match ending {
        driver::Ending::Finished(status) => (Ending::Finished(status), view::status(status)),
        driver::Ending::Suspended => {
            if is_alone {
                screen.say(&format!("`theater-flow resume {}` goes on with it", run.id));
            }
            (Ending::Stopped, "suspended")
        }
        driver::Ending::Waiting => (Ending::Waiting, "waiting"),
        driver::Ending::StoreFailed(error) => {
            let help = format!("`theater-flow resume {}` goes on from what is on the disk", run.id);
            screen.problem(&error.to_string(), Some(&help));
            (Ending::Abandoned, "suspended")
        }
    };
    (Exit::of_run(ending, allow_dead_letters), status)
}

/// Guests' standard output, through the one place that prints.
pub(super) fn guest_out(screen: &Arc<Screen>) -> Box<dyn Write + Send> {
    Box::new(GuestOut(Arc::clone(screen)))
}

struct GuestOut(Arc<Screen>);

impl Write for GuestOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.guest_bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
