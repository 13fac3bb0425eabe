//! A log is all that is left when a process ends: it adds up to the same state, and goes on from any record.

use std::sync::Arc;

use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Entry;
use theater_flow_kernel::state::State;

use crate::dice::Dice;
use crate::kernel::{Ending, Kernel, folded};
use crate::{letters, rules};

/// More steps than a calm end takes.
const CALM_STEPS: usize = 20_000;

/// The records, from the first one and from a checkpoint on, add up to the state of the run.
pub(crate) fn replays(kernel: &Kernel) -> Result<(), String> {
    let state = folded(&kernel.plan, &kernel.entries);
    if state.kept != kernel.state.kept {
        return Err(format!("{:?}\nreplayed: {:?}", kernel.state.kept, state.kept));
    }
    let restored =
        State::from_checkpoint(&state.to_checkpoint(), |_| Some(Arc::clone(&kernel.plan)));
    let same = restored.is_some_and(|restored| restored.kept == state.kept);
    same.then_some(()).ok_or_else(|| String::from("the checkpoint is of another state"))
}

/// A process that takes up the first records comes to an end, whether all goes well then or not.
pub(crate) fn goes_on(plan: &Arc<Plan>, entries: &[Arc<Entry>], seed: u64) -> Result<(), String> {
    let mut kernel = Kernel::resumed(plan, entries, 0);
    let gone = ends(&mut kernel, seed);
    gone.map_err(|error| format!("{error}{}", rules::story(&kernel.entries)))
}

fn ends(kernel: &mut Kernel, seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let wild = dice.below(2) * dice.below(60);
    for nth in 0..CALM_STEPS {
        if kernel.is_finished() {
            rules::check(&kernel.plan, &kernel.entries)?;
            letters::check(&kernel.plan, &kernel.entries)?;
            return replays(kernel);
        }
        let ending = if nth < wild {
            *dice.pick(&[
                Ending::More,
                Ending::Nap,
                Ending::Ask,
                Ending::Done,
                Ending::Write,
                Ending::Crash,
                Ending::Slow,
            ])
        } else {
            Ending::Nothing
        };
        step(kernel, ending, &mut dice)?;
    }
    Err(String::from("there is no end"))
}

fn step(kernel: &mut Kernel, ending: Ending, dice: &mut Dice) -> Result<(), String> {
    let agents = 0..kernel.plan.agents.len();
    let hands: Vec<usize> = agents.filter(|agent| kernel.hand(*agent).is_some()).collect();
    let asks = kernel.asks();
    if !asks.is_empty() && (hands.is_empty() || dice.once_in(4)) {
        kernel.answer(*dice.pick(&asks), !dice.once_in(3));
        return Ok(());
    }
    let unwritten = kernel.unwritten();
    if !unwritten.is_empty() && (hands.is_empty() || dice.once_in(4)) {
        kernel.write(*dice.pick(&unwritten));
        return Ok(());
    }
    if hands.is_empty() || dice.once_in(8) {
        match kernel.next_due() {
            Some(due) => kernel.pass(due.max(kernel.now)),
            None if hands.is_empty() => {
                let agents = kernel.state.kept.agents.iter().map(|agent| agent.life);
                let agents: Vec<_> = agents.collect();
                let supervisors = &kernel.state.kept.supervisors;
                return Err(format!("nothing will happen any more: {agents:?}, {supervisors:?}"));
            }
            None => {}
        }
        return Ok(());
    }
    kernel.report(*dice.pick(&hands), ending);
    Ok(())
}
