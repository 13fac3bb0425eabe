//! What compiles is sound: the types are solved as the actors said, and over every wire of a plan goes nothing
//! that its consumer would refuse.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::pipelines::pipeline;
use crate::times;
use crate::value::value;
use crate::world::{Beside, settle};
use theater_flow_dsl::Severity;
use theater_flow_kernel::flow::{flows, show};
use theater_flow_kernel::json::check;
use theater_flow_kernel::plan::Plan;

/// Every wire's two ends agree, and values of the one pass the check of the other.
fn assert_sound(plan: &Plan, dice: &mut Dice, text: &str) -> usize {
    let outputs: BTreeMap<_, _> =
        plan.agents.iter().flat_map(|agent| &agent.outputs).map(|out| (out.port, out.ty)).collect();
    let mut wires = 0;
    for input in plan.agents.iter().flat_map(|agent| &agent.inputs) {
        for from in input.from.iter().filter_map(|from| outputs.get(from)) {
            wires += 1;
            assert_eq!(flows(&plan.types, *from, input.ty), Ok(()), "{text}");
            for value in (0..4).filter_map(|_| value(dice, &plan.types, *from)) {
                assert_eq!(check(&plan.types, input.ty, &value), Ok(()), "{value}\n{text}");
            }
        }
    }
    wires
}

#[test]
fn sound_pipelines_compile_to_the_types_they_must() {
    let mut wires = 0;
    for seed in 0..500 * times() {
        let mut dice = Dice(seed);
        let made = pipeline(&mut dice, 12);
        let compiled = settle(&made.text, &Beside::default());
        let errors: Vec<_> =
            compiled.faults.iter().filter(|fault| fault.severity == Severity::Error).collect();
        let plan = compiled.plan.as_ref();
        let plan = plan.unwrap_or_else(|| panic!("seed {seed}: {errors:#?}\n{}", made.text));
        for agent in &plan.agents {
            for output in &agent.outputs {
                let wanted = &made.outputs[&(agent.name.clone(), output.name.clone())];
                assert_eq!(&show(&plan.types, output.ty), wanted, "seed {seed}:\n{}", made.text);
            }
        }
        wires += assert_sound(plan, &mut dice, &made.text);
    }
    assert!(wires > 1_000, "{wires} wires");
}

/// A pipeline in which one word of a type is another: some still compile.
#[test]
fn what_still_compiles_is_sound() {
    const WORDS: [&str; 9] = ["u8", "u64", "s64", "f32", "f64", "string", "bytes", "json", "Pair"];
    let (mut good, mut bad) = (0, 0);
    for seed in 0..500 * times() {
        let mut dice = Dice(seed);
        let mut text = pipeline(&mut dice, 8).text;
        for _ in 0..=dice.below(2) {
            let word = *dice.pick(&WORDS);
            let places: Vec<usize> = text.match_indices(word).map(|(at, _)| at).collect();
            if !places.is_empty() {
                let at = *dice.pick(&places);
                let other = *dice.pick(&WORDS);
                text.replace_range(at..at + word.len(), other);
            }
        }
        match settle(&text, &Beside::default()).plan {
            None => bad += 1,
            Some(plan) => {
                good += 1;
                assert_sound(&plan, &mut dice, &text);
            }
        }
    }
    assert!(good * 10 > 500 && bad * 10 > 500, "{good} good, {bad} bad");
}
