//! The progress of a run that this process runs, for whoever sits at its terminal.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::driver::Event;
use crate::render::Screen;
use crate::session::{PlanInForce, Session};
use crate::view::{self, Figures};

/// Until the first lines are shown: a run that is over before shows only its table.
const FIRST: Duration = Duration::from_millis(250);
/// Between two changes of the lines.
const BETWEEN: Duration = Duration::from_millis(100);

/// Shows how a run goes, on a thread of its own, until it is dropped.
pub(super) struct Progress {
    screen: Arc<Screen>,
    began: Instant,
    /// Records that were there before.
    records: u64,
    watch: Option<(Sender<News>, JoinHandle<()>)>,
}

/// What the thread hears.
enum News {
    /// The loop has shown its state.
    Figures(Figures),
    /// It is over.
    Over,
}

impl Progress {
    /// Begins to show a run; none if nobody wants to see it.
    pub(super) fn start(screen: &Arc<Screen>, session: &Session) -> Option<Self> {
        if !screen.wants_progress() {
            return None;
        }
        let began = Instant::now();
        let (sender, news) = channel();
        let watch = Watch {
            screen: Arc::clone(screen),
            plan: session.plan_in_force(),
            events: session.sender(),
            sender: sender.clone(),
            began,
        };
        let thread = thread::Builder::new().name("progress".into());
        let started = screen.can_redraw().then(|| thread.spawn(move || watch.go(&news)));
        // Without a thread there is a table at the end all the same.
        let watch = started.and_then(Result::ok).map(|thread| (sender, thread));
        Some(Self { screen: Arc::clone(screen), began, records: session.flushed().seq, watch })
    }

    /// Takes the lines away, and tells what came of the run.
    pub(super) fn end(mut self, session: &Session) {
        self.stop();
        let figures = Figures::of(session.state());
        let records = figures.records.saturating_sub(self.records);
        let took = (self.began.elapsed(), records);
        let look = self.screen.err_look();
        for line in view::summary_lines(session.plan(), &figures, took, look) {
            self.screen.say(&line);
        }
    }

    fn stop(&mut self) {
        if let Some((sender, thread)) = self.watch.take() {
            // It may have ended by itself.
            let _ = sender.send(News::Over);
            let _ = thread.join();
        }
        self.screen.show_live(&[]);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread's side.
struct Watch {
    screen: Arc<Screen>,
    plan: PlanInForce,
    events: Sender<Event>,
    sender: Sender<News>,
    began: Instant,
}

impl Watch {
    fn go(&self, news: &Receiver<News>) {
        let mut next = self.began + FIRST;
        let (mut now, mut before): (Option<Figures>, Option<Figures>) = (None, None);
        let mut asked = self.ask();
        loop {
            match news.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(News::Figures(figures)) => {
                    before = now.replace(figures);
                    asked = false;
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(now) = &now {
                        self.draw(now, before.as_ref());
                    }
                    // One question at a time: a loop that is busy is not asked more than it can answer.
                    asked = asked || self.ask();
                    next = Instant::now() + BETWEEN;
                }
                Ok(News::Over) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Asks the loop for its state. The loop pays for that only while someone watches.
    fn ask(&self) -> bool {
        let sender = self.sender.clone();
        let look = Event::Look(Box::new(move |state| {
            // Nobody may be there any more.
            let _ = sender.send(News::Figures(Figures::of(state)));
        }));
        self.events.send(look).is_ok()
    }

    fn draw(&self, now: &Figures, before: Option<&Figures>) {
        let (look, size) = (self.screen.err_look(), self.screen.live_size());
        let elapsed = self.began.elapsed();
        let lines = view::progress_lines(&self.plan.get(), (now, before), elapsed, look, size);
        self.screen.show_live(&lines);
    }
}
