//! A live run: what its control socket shows, and `stop`.

mod names;
mod outside;

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use theater_flow_kernel::ids::{Digest, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Person;
use theater_flow_kernel::state::State;

use super::{approve, verify, why};
use crate::causes::Question;
use crate::channels::Pattern;
use crate::cli;
use crate::compile::Pipeline;
use crate::driver::{Decision, Event, LetterOrder};
use crate::exit::{Exit, Problem};
use crate::fork;
use crate::journal::{Journal, JournalError};
use crate::letters::Order;
use crate::person::person;
use crate::reload::{Reloader, Told};
use crate::render::{Look, Screen};
use crate::runs::{self, RunDir};
use crate::session::{Session, now_ms};
use crate::socket::{
    self, Client, Haste, Lines, PROTOCOL, ReloadAsk, Server, Shown, SocketError, Span,
};
use crate::store::{Pair, Reader, SharedStore, Store};
use crate::view::{self, Branch, Detail, Row, View};
use names::Names;

/// How long the run may take to show its state.
const LOOK: Duration = Duration::from_secs(10);

/// How long the owner of a run may be without a socket.
const OPENING: Duration = Duration::from_secs(3);
/// Between two looks for it.
const BETWEEN: Duration = Duration::from_millis(5);

/// Bytes of one answer with records, about.
const ANSWER_BYTES: usize = 1 << 20;

/// Opens the control socket of a run.
pub(super) fn serve(run: &RunDir, session: &Session, drain_ms: u64) -> Result<Server, SocketError> {
    let shown = ShownRun {
        run: run.id.to_string(),
        names: Names::new(session.plan_in_force()),
        reloader: session.reloader(),
        reader: session.reader(),
        events: session.sender(),
        drain_ms,
    };
    Server::start(&run.path, Arc::new(shown))
}

struct ShownRun {
    run: String,
    names: Names,
    reloader: Reloader,
    reader: SharedStore,
    events: Sender<Event>,
    /// How long it may take to stop, unless who asks for it says otherwise.
    drain_ms: u64,
}

impl ShownRun {
    /// The lines from `from` on, as many as one answer may hold.
    fn lines(&self, store: Reader<'_>, from: u64, most: usize) -> Result<Lines, JournalError> {
        let journal = Journal::open(store)?;
        let mut lines = Lines { next: from, ..Lines::default() };
        if from >= journal.flushed().seq {
            return Ok(lines);
        }
        let named = self.names.named(&journal)?;
        let view = named.view();
        let mut bytes = 0;
        for stored in journal.records(from)?.take(most) {
            let row = Row::of_stored(&stored?)?;
            lines.over = view::ends_a_process(&row.record.body);
            lines.next = row.record.seq + 1;
            let line = view.line(&row, Detail::Line).to_string();
            bytes += line.len();
            lines.lines.push(line);
            if bytes > ANSWER_BYTES {
                break;
            }
        }
        Ok(lines)
    }
}

impl ShownRun {
    /// What `look` sees in the run's state.
    fn state<T, F>(&self, look: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce(&State) -> T + Send + 'static,
    {
        let (send, receive) = sync_channel(1);
        let look = Event::Look(Box::new(move |state| {
            // Whoever asked may have given up waiting.
            let _ = send.send(look(state));
        }));
        self.events.send(look).map_err(|_| String::from("the run is at its end"))?;
        receive.recv_timeout(LOOK).map_err(|_| String::from("the run is busy"))
    }

    /// Somebody decides about a plan that waits for approval.
    fn approve_plan(&self, id: u64, approved: bool, by: Person) -> Result<Value, String> {
        if !approved {
            let refused = self.reloader.refuse(id, by).map_err(|error| error.to_string())?;
            let why = (!refused).then_some("it does not wait any more");
            return Ok(json!({ "recorded": refused, "why": why, "plan": refused }));
        }
        let told = Told::of(&self.reloader.approve(id, by), None, Look::PLAIN);
        Ok(json!({ "recorded": true, "reload": told }))
    }

    /// What the run is doing, as far as it says so.
    fn status(&self) -> &'static str {
        match self.state(|state| state.kept.paused) {
            Ok(true) => "paused",
            Ok(false) | Err(_) => "running",
        }
    }

    fn explained(
        &self,
        store: Reader<'_>,
        mut tree: Option<Branch>,
    ) -> Result<Option<Branch>, JournalError> {
        let journal = Journal::open(store)?;
        let named = self.names.named(&journal)?;
        let view = named.view();
        if let Some(tree) = &mut tree {
            tree.explain(&view, &mut |seq| row(&journal, seq).ok());
        }
        Ok(tree)
    }

    /// The lines of `why`.
    fn because(
        &self,
        store: Reader<'_>,
        question: Question,
        look: Look,
    ) -> Result<Value, JournalError> {
        let journal = Journal::open(store)?;
        let records = journal.flushed().seq;
        let known = question.what.seq < records;
        let named = self.names.named(&journal)?;
        let view = named.view();
        let lines = known.then(|| why::answer(&journal, &view, question, look));
        Ok(json!({ "records": records, "lines": lines.transpose()?.flatten() }))
    }

    /// A record for `show`: as JSON and for people.
    fn record(&self, store: Reader<'_>, what: Ref, look: Look) -> Result<Value, JournalError> {
        let journal = Journal::open(store)?;
        let records = journal.flushed().seq;
        if what.seq >= records {
            return Ok(json!({ "records": records }));
        }
        let named = self.names.named(&journal)?;
        let (view, row) = (named.view(), row(&journal, what.seq)?);
        let causes = causes(&journal, &row)?;
        let json = match what.part {
            Some(part) => view.part_line(&row, part),
            None => Some(view.line(&row, Detail::Full)),
        };
        let text = view.show(&row, what.part, &causes, look);
        Ok(json!({ "json": json.map(|json| json.to_string()), "text": text, "records": records }))
    }
}

/// The records that one follows from, without those that stand in the run that this one was forked from.
pub(super) fn causes<S: Store>(journal: &Journal<S>, row: &Row) -> Result<Vec<Row>, JournalError> {
    let here = row.record.causes.iter().filter(|cause| cause.seq >= journal.first());
    here.map(|cause| self::row(journal, cause.seq)).collect()
}

/// The record that emitted the message that another one handled, if it stands in this log.
pub(super) fn emitter<S: Store>(
    journal: &Journal<S>,
    row: &Row,
) -> Result<Option<Row>, JournalError> {
    let from = View::handled(row).filter(|seq| *seq >= journal.first());
    from.map(|seq| self::row(journal, seq)).transpose()
}

/// Shows a run's records, with the files that it took over if it is a fork.
pub(super) fn view<'a, S: Store>(
    journal: &Journal<S>,
    plan: &'a Arc<Plan>,
) -> Result<View<'a>, JournalError> {
    Ok(View::new(plan).naming(fork::taken_over(journal)?))
}

/// One record of a log.
pub(super) fn row<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Row, JournalError> {
    Ok(Row::of_stored(&journal.stored(seq)?)?)
}

impl Shown for ShownRun {
    fn hello(&self) -> Value {
        json!({
            "protocol": PROTOCOL,
            "run": self.run,
            "name": self.names.plan().name,
            "pid": std::process::id(),
            "engine": env!("CARGO_PKG_VERSION"),
            "status": self.status(),
        })
    }

    fn events(&self, from: u64, most: usize) -> Result<Lines, String> {
        let lines = self.reader.beside(|store| self.lines(store, from, most));
        lines.map_err(|error| error.to_string())
    }

    fn pairs(&self, span: &Span) -> Result<Vec<Pair>, String> {
        socket::pairs(&self.reader, span)
    }

    fn verify(&self, head: Option<Digest>) -> Result<Value, String> {
        let found = self.reader.beside(|store| Journal::open(store)?.verify_seeking(None, head));
        verify::verified_json(found).map_err(|error| error.to_string())
    }

    fn tree(&self) -> Result<Value, String> {
        let tree = self.state(|state| view::tree(state, now_ms().max(state.kept.now)))?;
        // A failure that is not durable yet stays without words.
        let explained = self.reader.beside(|store| self.explained(store, tree.clone()));
        serde_json::to_value(explained.unwrap_or(tree)).map_err(|error| error.to_string())
    }

    fn waiting(&self) -> Result<Value, String> {
        let (held, proposal) = self.state(|state| (view::held(state), state.proposal()))?;
        let all = self
            .reader
            .beside(|store| approve::undecided(&Journal::open(store)?, held.clone(), proposal));
        let all = all.map_err(|error| error.to_string())?;
        serde_json::to_value(all).map_err(|error| error.to_string())
    }

    fn approve(&self, id: u64, repeat: bool, uid: u32) -> Result<Value, String> {
        if self.state(State::proposal)? == Some(id) {
            return self.approve_plan(id, repeat, person(uid));
        }
        let (reply, recorded) = sync_channel(1);
        let decision = Decision { intent: id, repeat, by: person(uid), reply };
        let over = |_| String::from("the run ended before the decision was recorded");
        self.events.send(Event::Decided(decision)).map_err(|_| over(RecvTimeoutError::Timeout))?;
        if recorded.recv_timeout(LOOK).map_err(over)? {
            return Ok(json!({ "recorded": true }));
        }
        let why = self.reader.beside(|store| approve::why_not(&Journal::open(store)?, id));
        Ok(json!({ "recorded": false, "why": why.map_err(|error| error.to_string())? }))
    }

    fn reload(&self, ask: ReloadAsk, uid: u32) -> Result<Value, String> {
        let by = person(uid);
        let told = match ask {
            ReloadAsk::File { path, name, set, width, colour } => {
                let file = Pipeline::saved(&path).map_err(|error| error.to_string())?;
                let file = Pipeline { name, ..file };
                let done = self.reloader.reload(&file, &set, Some(by));
                Told::of(&done, Some(&file), Look { width, colour })
            }
            ReloadAsk::Revision(revision) => {
                Told::of(&self.reloader.roll_back(revision, by), None, Look::PLAIN)
            }
        };
        serde_json::to_value(told).map_err(|error| error.to_string())
    }

    fn letters(&self, order: Order, uid: u32) -> Result<Value, String> {
        let (reply, recorded) = sync_channel(1);
        let order = LetterOrder { order, by: person(uid), reply };
        let over = |_| String::from("the run ended before that was recorded");
        self.events.send(Event::Letters(order)).map_err(|_| over(RecvTimeoutError::Timeout))?;
        let fates = recorded.recv_timeout(LOOK).map_err(over)?;
        serde_json::to_value(fates).map_err(|error| error.to_string())
    }

    fn pause(&self, still: bool, uid: u32) -> Result<Value, String> {
        self.stand_still(still, uid)
    }

    fn send(&self, to: &str, value: String, uid: u32) -> Result<Value, String> {
        self.take_in(to, value, uid)
    }

    fn channels(&self) -> Result<(Vec<String>, u64), String> {
        self.named_channels()
    }

    fn messages(&self, from: u64, most: usize, pattern: &Pattern) -> Result<Lines, String> {
        let lines = self.reader.beside(|store| self.emitted(store, (from, most), pattern));
        lines.map_err(|error| error.to_string())
    }

    fn show(&self, what: Ref, look: Look) -> Result<Value, String> {
        let shown = self.reader.beside(|store| self.record(store, what, look));
        shown.map_err(|error| error.to_string())
    }

    fn why(&self, question: Question, look: Look) -> Result<Value, String> {
        let answer = self.reader.beside(|store| self.because(store, question, look));
        answer.map_err(|error| error.to_string())
    }

    fn stop(&self, by: &str, haste: Haste) {
        let by = String::from(by);
        let stop = match haste {
            Haste::Usual => Event::Stop { by, within_ms: self.drain_ms },
            Haste::Within(within_ms) => Event::Stop { by, within_ms },
            Haste::Now => Event::StopNow,
        };
        // A run at its end needs no stop.
        let _ = self.events.send(stop);
    }
}

/// The owner of a run, if one lives. One that has just begun or is about to end has no socket, but has the
/// log: it is waited for.
pub(super) fn owner(run: &RunDir) -> Result<Option<Client>, Problem> {
    let until = Instant::now() + OPENING;
    loop {
        let client = Client::connect(&run.path);
        let client = client.map_err(|error| Problem::failed(error.to_string()))?;
        if client.is_some() || runs::owner(&run.path).is_none() || Instant::now() >= until {
            return Ok(client);
        }
        thread::sleep(BETWEEN);
    }
}

pub(super) fn stop(screen: &Screen, run: &RunDir, args: &cli::Stop) -> Result<Exit, Problem> {
    let Some(client) = owner(run)? else {
        let (id, status) = (run.id, run.listed().status);
        let help = match status.as_str() {
            "completed" | "degraded" | "failed" => format!("it is over: {status}"),
            "damaged" => format!("`theater-flow verify {id}` says what is wrong with it"),
            _ => format!("it is {status}; `theater-flow resume {id}` goes on with it"),
        };
        return Err(Problem::usage(format!("no process runs {id}")).with_help(Some(help)));
    };
    let ms = |drain: Duration| u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
    let haste = match args.drain {
        _ if args.now => Haste::Now,
        Some(drain) => Haste::Within(ms(drain)),
        None => Haste::Usual,
    };
    client.stop(haste).map_err(|error| Problem::failed(error.to_string()))?;
    screen.say(&format!("run {} was asked to stop", run.id));
    Ok(Exit::Ok)
}
