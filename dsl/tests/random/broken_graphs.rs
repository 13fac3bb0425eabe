//! Graphs of all shapes, most of them wrong: the compiler says what it says, and ends.

use std::fmt::Write as _;

use crate::broken::{compiled, mutate};
use crate::dice::Dice;
use crate::pipelines::pipeline;
use crate::times;
use crate::world::Beside;

#[test]
fn broken_texts_of_made_pipelines() {
    for seed in 0..30 * times() {
        let mut dice = Dice(seed);
        let text = pipeline(&mut dice, 12).text;
        for _ in 0..300 {
            compiled(&mutate(&mut dice, &text), &Beside::default());
        }
    }
}

/// Names that stand for other things than they did.
#[test]
fn swapped_names_and_lines() {
    const KINDS: [&str; 5] = ["\"a{}.out\"", "agents.a{}]", "\"a{}\"", "\"s{}\"", "rounds = {}"];
    let mut good = 0;
    for seed in 0..2_000 * times() {
        let mut dice = Dice(seed);
        let mut text = pipeline(&mut dice, 8).text;
        for _ in 0..=dice.below(3) {
            let kind = *dice.pick(&KINDS);
            let [one, other] = [dice.below(9), dice.below(9)];
            let [one, other] = [one, other].map(|at| kind.replace("{}", &at.to_string()));
            text = text.replacen(&one, &other, 1);
        }
        if dice.once_in(2) {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.remove(dice.below(lines.len()));
            text = lines.join("\n");
        }
        good += usize::from(compiled(&text, &Beside::default()).plan.is_some());
    }
    assert!(good > 100, "{good} still compile");
}

/// Wires at random, feedback or not, and supervisors in any order.
#[test]
fn graphs_at_random() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..2_000 * times() {
        let text = graph(&mut Dice(seed));
        match compiled(&text, &Beside::default()).plan {
            Some(_) => good += 1,
            None => bad += 1,
        }
    }
    assert!(good > 20 && bad > 200, "{good} compile, {bad} do not");
}

fn graph(dice: &mut Dice) -> String {
    let agents = 1 + dice.below(7);
    let mut text = "format = 1\nname = \"x\"\n".to_owned();
    supervisors(dice, agents, &mut text);
    for at in 0..agents {
        let _ = writeln!(text, "[agents.a{at}]\nactor = \"std/probe\"");
        let ports = ["\"in $T\", \"out $T\"", "\"in json\", \"out u8\"", "\"out u8\""];
        let _ = writeln!(text, "config = {{ ports = [{}] }}", dice.pick(&ports));
        let inputs: Vec<String> = (0..dice.below(3)).map(|_| edge(dice, at, agents)).collect();
        if !inputs.is_empty() {
            let _ = writeln!(text, "inputs = [{}]", inputs.join(", "));
        }
    }
    text
}

/// Most often a wire that goes forward, at times one that should not be.
fn edge(dice: &mut Dice, at: usize, agents: usize) -> String {
    let beyond = usize::from(dice.once_in(8));
    let any = dice.below(agents + beyond);
    match at.checked_sub(1 + dice.below(agents)) {
        Some(from) if !dice.once_in(10) => format!("\"a{from}\""),
        _ if dice.once_in(6) => format!("\"a{any}\""),
        _ => format!("{{ from = \"a{any}\", feedback = true, rounds = {} }}", any * 2),
    }
}

/// A tree, or in one of three files something that is none.
fn supervisors(dice: &mut Dice, agents: usize, text: &mut String) {
    let (supervisors, odd) = (1 + dice.below(3), dice.once_in(3));
    let mut children = vec![Vec::new(); supervisors];
    for at in 1..supervisors {
        children[dice.below(if odd { supervisors } else { at })].push(format!("\"s{at}\""));
    }
    for at in 0..agents {
        children[dice.below(supervisors)].push(format!("\"a{at}\""));
        if odd && dice.once_in(8) {
            children[0].push(format!("\"a{}\"", dice.below(agents + 1)));
        }
    }
    for (at, children) in children.iter().enumerate() {
        let name = if at == 0 { "root".to_owned() } else { format!("s{at}") };
        let _ = writeln!(text, "[supervisors.{name}]\nchildren = [{}]", children.join(", "));
    }
}
