//! The kernel and the model live through the same happenings, and must say the same.

use theater_flow_kernel::record::Consumed;

use crate::kernel::{Ending, Hand, Kernel};
use crate::model::{Model, Stand};
use crate::said::{How, Said};
use crate::tree::Tree;

/// Something that happens, to whichever agent has work in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The `nth` piece of work in hand, counted round, ends like this.
    Work { nth: usize, ending: Ending },
    /// What the `nth` agent that is not over wrote, counted round, cannot be put in its place.
    Fail(usize),
    /// So many ms pass.
    Pass(u64),
    /// Time passes until something is due.
    Due,
    /// Somebody asks the run to stop.
    Stop,
    /// The process is killed, and another one takes over.
    Kill,
}

/// How a duel went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// To the end.
    Whole,
    /// Until two things were due at the same time.
    Tied,
}

/// See the [module](self).
pub(crate) struct Duel<'t> {
    tree: &'t Tree,
    model: Model<'t>,
    pub(crate) kernel: Kernel,
    /// All that was said, with the number of its step.
    pub(crate) story: Vec<(usize, Said)>,
    steps: usize,
    /// By agent: the event at which it crashed last, until that is handled.
    crashed_at: Vec<Option<Consumed>>,
}

/// More steps than a calm end takes.
const CALM_STEPS: usize = 10_000;

impl<'t> Duel<'t> {
    /// Both have begun.
    pub(crate) fn new(tree: &'t Tree) -> Result<Self, String> {
        let kernel = Kernel::new(tree);
        let mut model = Model::new(tree);
        model.begin(kernel.now);
        let crashed_at = vec![None; tree.agents.len()];
        let mut duel = Self { tree, model, kernel, story: Vec::new(), steps: 0, crashed_at };
        duel.compare()?;
        Ok(duel)
    }

    /// Lives through a schedule, and then calmly to the end.
    pub(crate) fn fight(tree: &'t Tree, schedule: &[Step]) -> Result<(Verdict, Self), String> {
        let mut duel = Self::new(tree)?;
        for step in schedule {
            if duel.is_over() {
                break;
            }
            duel.step(*step).map_err(|error| format!("{error}\nstory: {:?}", duel.story))?;
        }
        duel.calm().map_err(|error| format!("{error}\nstory: {:?}", duel.story))?;
        let verdict = if duel.model.tied { Verdict::Tied } else { Verdict::Whole };
        Ok((verdict, duel))
    }

    fn is_over(&self) -> bool {
        self.model.tied || self.model.is_finished()
    }

    /// All that is in hand ends well until nothing is left. A run that was asked to stop does, and is taken up again.
    fn calm(&mut self) -> Result<(), String> {
        for _ in 0..CALM_STEPS {
            if self.is_over() {
                return Ok(());
            }
            if self.kernel.is_at_rest() {
                self.kernel.suspend();
                self.step(Step::Kill)?;
            }
            self.step(Step::Work { nth: 0, ending: Ending::Nothing })?;
        }
        Err(String::from("there is no end"))
    }

    /// One thing happens to both.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), String> {
        self.steps += 1;
        let hands = (0..self.tree.agents.len()).filter(|agent| self.kernel.hand(*agent).is_some());
        let hands: Vec<usize> = hands.collect();
        let asks = self.kernel.asks();
        let unwritten = self.kernel.unwritten();
        let all = hands.len() + asks.len() + unwritten.len();
        match step {
            Step::Work { nth, ending }
                if nth.checked_rem(all).is_some_and(|nth| nth < hands.len()) =>
            {
                self.ends(hands[nth % all], ending)
            }
            Step::Work { nth, ending } if all > 0 => {
                let nth = nth % all - hands.len();
                match asks.get(nth) {
                    Some(ask) => self.answer(*ask, ending != Ending::Slow),
                    None => self.write(unwritten[nth - asks.len()]),
                }
            }
            Step::Fail(nth) => {
                let agents = 0..self.tree.agents.len();
                let agents: Vec<usize> =
                    agents.filter(|agent| self.kernel.over_how(*agent).is_none()).collect();
                if let Some(nth) = nth.checked_rem(agents.len()) {
                    // What one wrote that does not live fails its next life, if it fails again.
                    if self.kernel.is_up(agents[nth]) {
                        self.model.crashed(agents[nth], true);
                    }
                    self.kernel.fail_write(agents[nth]);
                }
                self.compare()
            }
            Step::Stop => {
                self.kernel.stop();
                self.compare()
            }
            Step::Kill => self.kill(),
            Step::Pass(ms) => self.pass(self.kernel.now + ms),
            Step::Work { .. } | Step::Due => {
                let due = self.model.next_due().into_iter().chain(self.kernel.next_due()).min();
                match due {
                    Some(due) => self.pass(due.max(self.kernel.now)),
                    None if all == 0 && !self.kernel.is_at_rest() => {
                        Err(String::from("nothing is in hand, and nothing will be due"))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// What was asked is answered, or is not. Whoever has to wait for somebody's decision then is at no event.
    fn answer(&mut self, ask: (usize, u64), well: bool) -> Result<(), String> {
        let (agent, hand) = (ask.0, self.kernel.hand(ask.0));
        self.kernel.answer(ask, well);
        self.model.set_asking(agent, self.kernel.is_asking(agent));
        if hand.is_none() {
            self.model.rested(agent);
        }
        self.compare()
    }

    /// What an agent wrote is in its place, which may have been all that was left for it.
    fn write(&mut self, agent: usize) -> Result<(), String> {
        let (up, over) = (self.kernel.is_up(agent), self.kernel.over_how(agent));
        self.kernel.write(agent);
        if up && self.kernel.is_closing(agent) {
            self.model.done(agent);
        } else if over.is_none() && self.kernel.over_how(agent) == Some(How::Finished) {
            self.model.ran_out(agent);
        }
        self.compare()
    }

    /// An agent's work ends. Whether anything is left for it to do is not for supervisors to say.
    pub(crate) fn ends(&mut self, agent: usize, ending: Ending) -> Result<(), String> {
        let (hand, event) = (self.kernel.hand(agent), self.kernel.event(agent));
        let written = !self.kernel.is_unwritten(agent);
        self.kernel.report(agent, ending);
        let ran_out = self.kernel.over_how(agent) == Some(How::Finished);
        let crashed = matches!(ending, Ending::Crash | Ending::Slow);
        let done = self.kernel.is_closing(agent) && written;
        let end = if done { Some(How::Done) } else { ran_out.then_some(How::Finished) };
        self.model.set_asking(agent, self.kernel.is_asking(agent));
        self.model.set_closing(agent, self.kernel.is_closing(agent));
        let lives = matches!(self.model.stand(agent), Stand::Up | Stand::Asked { born: true, .. });
        match hand {
            // A further life for the same event.
            Some(Hand::Begin) if lives && crashed => self.model.crashed(agent, true),
            Some(Hand::Begin) if lives => self.model.rested(agent),
            Some(Hand::Begin) if crashed => self.model.not_begun(agent),
            Some(Hand::Begin) => self.model.begun(agent, end),
            Some(Hand::Event) if crashed => {
                let again = self.crashed_at[agent] == event;
                let message = matches!(event, Some(Consumed::Message { .. }));
                self.crashed_at[agent] = event;
                self.model.crashed(agent, !(again && message));
            }
            Some(Hand::Event) if self.kernel.is_asking(agent) => self.model.rested(agent),
            Some(Hand::Event) => {
                // One that is done forgets at what it failed.
                if self.crashed_at[agent] == event || self.kernel.is_closing(agent) {
                    self.crashed_at[agent] = None;
                }
                match ending {
                    Ending::Done if written => self.model.done(agent),
                    _ if ran_out => self.model.ran_out(agent),
                    _ => self.model.rested(agent),
                }
            }
            Some(Hand::Stale) => self.model.rested(agent),
            None => {}
        }
        self.compare()
    }

    /// Nothing is left of a process but its records.
    fn kill(&mut self) -> Result<(), String> {
        let Kernel { plan, entries, now, .. } = &self.kernel;
        self.kernel = Kernel::resumed(plan, entries, *now);
        self.model.killed();
        self.compare()
    }

    /// Time passes, with a stop wherever something is due.
    pub(crate) fn pass(&mut self, until: u64) -> Result<(), String> {
        loop {
            let due = self.model.next_due().filter(|due| *due <= until);
            let now = due.unwrap_or(until);
            self.model.tick(now);
            self.kernel.pass(now);
            self.compare()?;
            if due.is_none() || self.is_over() {
                return Ok(());
            }
        }
    }

    /// Both must have said the same, supervisor by supervisor, and be at the same point.
    fn compare(&mut self) -> Result<(), String> {
        self.model.set_outside(self.kernel.outside());
        let (mut model, mut kernel) = (self.model.take(), self.kernel.take());
        if self.model.tied {
            return Ok(());
        }
        self.story.extend(kernel.iter().map(|said| (self.steps, *said)));
        model.sort_by_key(|said| self.model.whose(*said));
        kernel.sort_by_key(|said| self.model.whose(*said));
        let same = model.len() == kernel.len()
            && model.iter().zip(&kernel).all(|(model, kernel)| model.agrees(*kernel));
        if !same {
            let at = self.steps;
            return Err(format!("step {at}: the model says {model:?}\nthe kernel {kernel:?}"));
        }
        for agent in 0..self.tree.agents.len() {
            self.compare_agent(agent).map_err(|error| format!("step {}: {error}", self.steps))?;
        }
        self.compare_due()
    }

    /// Who is told to start is started, who is alive may work, nobody else is given anything.
    fn compare_agent(&mut self, agent: usize) -> Result<(), String> {
        let (stand, hand) = (self.model.stand(agent), self.kernel.hand(agent));
        let asking = self.kernel.has_asked(agent);
        self.model.set_busy(agent, hand.is_some());
        self.model.set_asking(agent, self.kernel.is_asking(agent));
        self.model.set_closing(agent, self.kernel.is_closing(agent));
        let how = self.kernel.over_how(agent);
        let next_lost = self.model.next_lost();
        let fits = match stand {
            Stand::Lost if next_lost == Some(agent) => hand == Some(Hand::Begin),
            Stand::Lost => hand.is_none(),
            // What was lost comes first; what was in hand for an earlier start may still come of it.
            Stand::Starting { .. } if next_lost.is_some() => hand != Some(Hand::Event),
            Stand::Starting { due } if due > self.kernel.now => {
                matches!(hand, None | Some(Hand::Stale)) && how.is_none()
            }
            Stand::Starting { .. } => {
                matches!(hand, Some(Hand::Begin | Hand::Stale)) && how.is_none()
            }
            // What has asked goes on in a further life, in its time.
            Stand::Up | Stand::Asked { born: true, .. } if asking => {
                hand != Some(Hand::Stale) && how.is_none()
            }
            Stand::Asked { .. } if asking => hand != Some(Hand::Event) && how.is_none(),
            Stand::Up => matches!(hand, None | Some(Hand::Event)) && how.is_none(),
            Stand::Asked { born: true, .. } => hand == Some(Hand::Event) && how.is_none(),
            Stand::Asked { .. } => matches!(hand, Some(Hand::Begin | Hand::Stale)) && how.is_none(),
            Stand::Down => matches!(hand, None | Some(Hand::Stale)),
            Stand::Over(_) => matches!(hand, None | Some(Hand::Stale)),
        };
        let over = match (stand, how) {
            (Stand::Over(How::Crashed | How::Stopped), Some(How::Crashed | How::Stopped))
            | (
                Stand::Down
                | Stand::Starting { .. }
                | Stand::Lost
                | Stand::Up
                | Stand::Asked { .. },
                None,
            ) => true,
            (Stand::Over(how), Some(other)) => how == other,
            (Stand::Down, Some(_)) | (Stand::Over(_), None) => !self.model.is_finished(),
            _ => false,
        };
        if fits && over {
            return Ok(());
        }
        Err(format!(
            "agent {agent} is {stand:?}, but a worker has {hand:?}, and its end is {how:?}"
        ))
    }

    /// The kernel wakes up in time.
    fn compare_due(&self) -> Result<(), String> {
        match (self.model.next_due(), self.kernel.next_due()) {
            _ if self.model.is_finished() => Ok(()),
            (Some(due), None) => Err(format!("the kernel sleeps, but something is due at {due}")),
            (Some(due), Some(other)) if other > due => {
                Err(format!("the kernel sleeps until {other}, but something is due at {due}"))
            }
            _ => Ok(()),
        }
    }
}
