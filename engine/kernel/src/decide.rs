//! What follows from an input, and from the state alone: [`advance`] is the kernel's one step.

mod ask;
mod fact;
mod letter;
mod live;
mod reload;
mod settle;
mod spill;
mod supervise;

pub use live::{NoWayIn, way_in};
pub use reload::{Obstacle, gone, has_handled, obstacle};

use alloc::sync::Arc;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::desk::Desk;
use crate::fold::fold;
use crate::ids::{AgentId, Bytes, Ref, Salt};
use crate::input::{Input, Stamped, Switch};
use crate::plan::Plan;
use crate::record::{Body, Entry};
use crate::state::{Phase, State};
use crate::work::{Done, Report};

/// What one step gave.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Advance {
    /// The new records, in order. They are in the state already.
    pub entries: Vec<Arc<Entry>>,
    /// Agents that may have become ready for work.
    pub touched: Vec<AgentId>,
}

/// A record without its place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Draft {
    causes: Vec<Ref>,
    body: Body,
    /// `None`: drawn from the input's.
    salt: Option<Salt>,
    payloads: Vec<Bytes>,
}

impl Draft {
    fn new(causes: Vec<Ref>, body: Body) -> Self {
        Self { causes, body, salt: None, payloads: Vec::new() }
    }
}

/// Takes an input into the state: decides what it means, and what follows from that. The desk says which
/// messages are in a worker's hands: those are not dropped. Records hold what was decided, so that nobody
/// has to know later what lay on the desk.
pub fn advance(state: &mut State, desk: &Desk, stamped: Stamped) -> Advance {
    let mut step = Step {
        desk,
        at: stamped.wall_ms.max(state.kept.now),
        salt: stamped.salt,
        drawn: 0,
        gave: Advance::default(),
    };
    match stamped.input {
        input if !may_come(state.kept.phase, &input) => {}
        Input::Report(report) => step.report(state, report),
        Input::Reload(switch) => step.reload(state, *switch),
        Input::Propose(proposal) => {
            let salt = step.draw();
            let draft = reload::proposed(state, *proposal, salt);
            step.write(state, Some(draft));
        }
        Input::Refuse(refused) => {
            let draft = reload::refused(state, *refused);
            step.write(state, draft);
        }
        Input::Receive { agent, port, value, by } => {
            let draft = live::received(state, desk, (agent, port), (value, by));
            step.write(state, draft);
        }
        input => {
            let draft = fact::other(state, input);
            step.write(state, draft);
        }
    }
    step.settle(state);
    step.gave
}

/// True unless a record is the decision of a supervisor, and in this state, which it comes after, at its time another
/// one follows, or none. A replay decides again what it reads.
#[must_use]
pub fn follows(state: &State, entry: &Entry) -> bool {
    let supervisor = match &entry.body {
        Body::Restarted(body) => body.supervisor,
        Body::Escalated(body) => body.supervisor,
        Body::ShutDown(body) => body.supervisor,
        _ => return true,
    };
    let again = supervise::supervisor(state, supervisor, entry.at);
    again.is_some_and(|again| again.body == entry.body && again.causes == entry.causes)
}

/// A run begins once, and only a resumed one goes on after it was let go: what comes late is dropped.
fn may_come(phase: Phase, input: &Input) -> bool {
    match phase {
        Phase::New => matches!(input, Input::Begin(_)),
        Phase::Running | Phase::Stopping | Phase::Failing => !matches!(input, Input::Begin(_)),
        // A decision needs no process that runs the run: the next one acts on it.
        Phase::Suspended | Phase::Waiting => {
            matches!(
                input,
                Input::Resume(_)
                    | Input::Decided { .. }
                    | Input::Retry { .. }
                    | Input::Discard { .. }
                    | Input::Refuse(_)
            )
        }
        Phase::Finished(_) => false,
    }
}

/// One step under way.
struct Step<'d> {
    desk: &'d Desk,
    at: u64,
    salt: Salt,
    drawn: u32,
    gave: Advance,
}

impl Step<'_> {
    /// A report of a life that is over says nothing: what it did was not committed.
    fn report(&mut self, state: &mut State, report: Report) {
        let id = report.agent;
        // Also of a life that is over: its agent may have been asked to stop since.
        state.touched.push(id);
        match report.done {
            Done::Begun(begun) if fact::is_next_life(state, id, (report.incarnation, self.at)) => {
                let draft = fact::begun(state, id, begun);
                self.write(state, Some(draft));
            }
            Done::Handled(calls) => {
                for call in calls {
                    if !fact::is_this_life(state, id, report.incarnation) {
                        return;
                    }
                    let draft = fact::call(state, (id, self.at), call);
                    let before = state.touched.len();
                    self.write(state, Some(draft));
                    // After each call: a mailbox never holds more than one event beyond its places.
                    for nth in before..state.touched.len() {
                        self.spill(state, state.touched[nth]);
                    }
                }
            }
            Done::Snapshot(taken) if fact::is_this_life(state, id, report.incarnation) => {
                let draft = fact::snapshot(state, id, taken);
                self.write(state, Some(draft));
            }
            Done::Begun(_) | Done::Snapshot(_) => {}
        }
    }

    /// Goes over to another plan, if nothing stands in the way.
    fn reload(&mut self, state: &mut State, switch: Switch) {
        let plan: Option<Plan> = postcard::from_bytes(&switch.offer.plan).ok();
        let free = |plan: &Plan| reload::obstacle(state, self.desk, plan, &switch).is_none();
        if let Some(plan) = plan.filter(free) {
            let salt = self.draw();
            let draft = reload::reloaded(state, (&plan, switch), salt);
            self.write(state, Some(draft));
        }
    }

    /// Decides what follows until nothing does.
    fn settle(&mut self, state: &mut State) {
        let late = state.kept.deadlines.iter().take_while(|(due, _)| *due <= self.at);
        state.touched.extend(late.map(|(_, id)| *id));
        loop {
            if !state.touched.is_empty() {
                let mut touched = core::mem::take(&mut state.touched);
                touched.sort_unstable();
                touched.dedup();
                for id in &touched {
                    self.agent(state, *id);
                }
                self.gave.touched.extend(touched);
            } else if !state.stirred.is_empty() {
                // What has happened to agents by themselves comes first.
                let mut stirred = core::mem::take(&mut state.stirred);
                stirred.sort_unstable();
                stirred.dedup();
                for id in stirred {
                    let draft = supervise::supervisor(state, id, self.at);
                    self.write(state, draft);
                }
            } else {
                break;
            }
        }
        while let Some(draft) = settle::run(state) {
            self.write(state, Some(draft));
            self.gave.touched.append(&mut state.touched);
        }
        self.gave.touched.sort_unstable();
        self.gave.touched.dedup();
    }

    /// Decides about what finds no place.
    fn spill(&mut self, state: &mut State, id: AgentId) {
        while let Some(draft) = spill::agent(state, self.desk, id) {
            self.write(state, Some(draft));
        }
    }

    fn agent(&mut self, state: &mut State, id: AgentId) {
        self.spill(state, id);
        while let Some(draft) = settle::agent(state, self.desk, (id, self.at)) {
            self.write(state, Some(draft));
        }
    }

    /// Gives a draft its place, and takes it into the state.
    fn write(&mut self, state: &mut State, draft: Option<Draft>) {
        let Some(mut draft) = draft else { return };
        let salt = match draft.salt {
            _ if draft.payloads.is_empty() => Salt::default(),
            Some(salt) => salt,
            None => self.draw(),
        };
        if draft.salt.is_none() {
            letter::commit(&mut draft, &salt);
        }
        let Draft { causes, body, payloads, .. } = draft;
        let entry = Entry { seq: state.kept.next_seq, at: self.at, causes, body, salt, payloads };
        let entry = Arc::new(entry);
        fold(state, &entry);
        self.gave.entries.push(entry);
    }

    /// A salt of its own for each record that the kernel makes.
    fn draw(&mut self) -> Salt {
        let digest =
            Sha256::new().chain_update(self.salt).chain_update(self.drawn.to_be_bytes()).finalize();
        self.drawn += 1;
        let mut salt = Salt::default();
        salt.copy_from_slice(&digest[..16]);
        salt
    }
}
