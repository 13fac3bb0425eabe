//! Pipelines made from a seed, with the types that their outputs must come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::dice::Dice;

/// A pipeline without a fault.
pub(crate) struct Made {
    pub(crate) text: String,
    /// By agent and output, the type as it is shown.
    pub(crate) outputs: BTreeMap<(String, String), String>,
}

/// An agent in the making.
struct Agent {
    ports: Vec<String>,
    inputs: Vec<(String, Vec<String>)>,
    outputs: Vec<(&'static str, String)>,
    /// Those it gets messages from, directly or not, and itself.
    before: BTreeSet<usize>,
    /// `outputs = { … }`
    bound: bool,
}

/// Makes a pipeline of at most `most` agents.
pub(crate) fn pipeline(dice: &mut Dice, most: usize) -> Made {
    let mut agents: Vec<Agent> = Vec::new();
    for _ in 0..=dice.below(most) {
        let agent = agent(dice, &agents);
        agents.push(agent);
    }
    for _ in 0..dice.below(4) {
        feed_back(dice, &mut agents);
    }
    let mut sections = vec![TYPES.to_owned()];
    sections.extend(supervisors(dice, agents.len()));
    sections.extend(defaults(dice));
    let mut outputs = BTreeMap::new();
    for (at, agent) in agents.iter().enumerate() {
        sections.push(section(dice, at, agent));
        for (port, ty) in &agent.outputs {
            outputs.insert((format!("a{at}"), (*port).to_owned()), ty.clone());
            if dice.once_in(6) {
                let overflow = dice.pick(&["block", "drop-oldest", "drop-newest", "fail"]);
                let capacity = 1 + dice.below(2_000);
                sections.push(format!(
                    "[channels.\"a{at}.{port}\"]\noverflow = \"{overflow}\"\ncapacity = {capacity}\n"
                ));
            }
        }
    }
    Made { text: written(dice, sections), outputs }
}

const TYPES: &str = "[types]\nPair = { left = \"u64\", right = \"option<string>\" }\n\
    Tree = { name = \"char\", below = \"list<Tree>\" }\nSide = \"variant{none, tree(Tree), pair(Pair)}\"\n";

/// A concrete type, written as it is shown.
fn any_type(dice: &mut Dice, depth: usize) -> String {
    const PLAIN: [&str; 13] = [
        "bool", "u8", "u64", "s64", "f32", "f64", "char", "string", "bytes", "json", "Pair",
        "Tree", "Side",
    ];
    if depth == 0 || dice.once_in(3) {
        return (*dice.pick(&PLAIN)).to_owned();
    }
    let inner = any_type(dice, depth - 1);
    let plain = inner != "json" && !inner.starts_with("option<");
    match dice.below(7) {
        0 if plain => format!("option<{inner}>"),
        0 | 1 => format!("list<{inner}>"),
        2 => format!("result<{inner}, {}>", any_type(dice, depth - 1)),
        3 => format!("tuple<{inner}, {}>", any_type(dice, depth - 1)),
        4 => format!("variant{{none, some({inner})}}"),
        5 => "enum{low, high}".to_owned(),
        _ => format!("{{a: {inner}, b-c: {}}}", any_type(dice, depth - 1)),
    }
}

fn agent(dice: &mut Dice, before: &[Agent]) -> Agent {
    let mut agent = Agent {
        ports: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        before: BTreeSet::from([before.len()]),
        bound: false,
    };
    let sources: Vec<(usize, &str, &str)> = before
        .iter()
        .enumerate()
        .flat_map(|(at, agent)| {
            agent.outputs.iter().map(move |(port, ty)| (at, *port, ty.as_str()))
        })
        .collect();
    if sources.is_empty() || dice.once_in(4) {
        let ty = any_type(dice, 3);
        agent.bound = dice.once_in(2);
        agent.ports.push(if agent.bound { "out $T".to_owned() } else { format!("out {ty}") });
        agent.outputs.push(("out", ty));
        return agent;
    }
    let (_, _, ty) = *dice.pick(&sources);
    let mut from: Vec<(usize, &str)> = sources
        .iter()
        .filter(|(_, _, other)| *other == ty)
        .map(|(at, port, _)| (*at, *port))
        .collect();
    from.truncate(1 + dice.below(3));
    for (at, _) in &from {
        agent.before.extend(&before[*at].before);
    }
    let from = from.into_iter().map(|(at, port)| format!("\"a{at}.{port}\"")).collect();
    agent.inputs.push(("in".to_owned(), from));
    through(dice, ty, &mut agent);
    if dice.once_in(5) {
        agent.ports.push("in?:idle list<$V>".to_owned());
    }
    agent
}

/// What an agent makes of messages of one type.
fn through(dice: &mut Dice, ty: &str, agent: &mut Agent) {
    let inside = |head: &str| ty.strip_prefix(head)?.strip_suffix('>');
    let (input, output) = match dice.below(8) {
        0 => ("list<$T>", inside("list<").map(|inner| ("$T", inner.to_owned()))),
        1 if ty != "json" => {
            ("option<$T>", Some(("$T", inside("option<").unwrap_or(ty).to_owned())))
        }
        2 => ("$T", Some(("list<$T>", format!("list<{ty}>")))),
        3 => ("$T", Some(("{v: $T, n: u8}", format!("{{v: {ty}, n: u8}}")))),
        4 => ("json", Some(("bytes", "bytes".to_owned()))),
        5 => ("$T", Some(("tuple<$T, $T>", format!("tuple<{ty}, {ty}>")))),
        _ => ("$T", None),
    };
    // Whatever the dice said, what comes must fit.
    let (input, (said, gives)) = match (input, output) {
        (input, Some(output)) => (input, output),
        (_, None) => ("$T", ("$T", ty.to_owned())),
    };
    agent.ports.push(format!("in {input}"));
    agent.ports.push(format!("out {said}"));
    agent.outputs.push(("out", gives));
    if input == "$T" && dice.once_in(3) {
        agent.ports.push("out:more $T".to_owned());
        agent.outputs.push(("more", ty.to_owned()));
    }
}

/// Closes a cycle, from an agent back to one that it gets messages from.
fn feed_back(dice: &mut Dice, agents: &mut [Agent]) {
    let from = dice.below(agents.len());
    let before: Vec<usize> = agents[from].before.iter().copied().collect();
    let to = *dice.pick(&before);
    let Some((port, ty)) = agents[from].outputs.first().cloned() else { return };
    let name = format!("back{}", agents[to].ports.len());
    let rounds = 1 + dice.below(9);
    let taken = if dice.once_in(3) { "json".to_owned() } else { ty };
    agents[to].ports.push(format!("in:{name} {taken}"));
    let edge = format!("{{ from = \"a{from}.{port}\", feedback = true, rounds = {rounds} }}");
    agents[to].inputs.push((name, vec![edge]));
}

const HABITS: [&str; 9] = [
    "restart = \"permanent\"",
    "shutdown = \"brutal-kill\"",
    "shutdown = \"infinity\"",
    "shutdown = \"1500ms\"",
    "restore = \"fresh\"",
    "retry = { max = 5, backoff = \"linear\", base = \"1s\", cap = \"1m\" }",
    "timeout = \"90s\"",
    "limits = { memory = \"32MiB\" }",
    "limits = { fuel = 1_000 }",
];

fn section(dice: &mut Dice, at: usize, agent: &Agent) -> String {
    let mut lines = vec!["actor = \"std/probe\"".to_owned()];
    let ports: Vec<String> = agent.ports.iter().map(|port| format!("\"{port}\"")).collect();
    lines.push(format!("config = {{ ports = [{}] }}", ports.join(", ")));
    let from = |from: &[String]| match from {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    match agent.inputs.as_slice() {
        [] => {}
        // Some ways to say the same.
        [(_, one)] if one.len() == 1 && agent.ports.len() < 3 && dice.once_in(2) => {
            lines.push(format!("inputs = {}", from(one)));
        }
        inputs => {
            let inputs: Vec<String> =
                inputs.iter().map(|(port, of)| format!("{port} = {}", from(of))).collect();
            lines.push(format!("inputs = {{ {} }}", inputs.join(", ")));
        }
    }
    if let (true, [(port, ty)]) = (agent.bound, agent.outputs.as_slice()) {
        lines.push(format!("outputs = {{ {port} = \"{ty}\" }}"));
    }
    if dice.once_in(2) {
        lines.push((*dice.pick(&HABITS)).to_owned());
    }
    shuffle(dice, &mut lines);
    format!("[agents.a{at}]\n{}\n", lines.join("\n"))
}

/// A tree of supervisors over all agents.
fn supervisors(dice: &mut Dice, agents: usize) -> Vec<String> {
    let supervisors = 1 + dice.below(4);
    let mut children = vec![Vec::new(); supervisors];
    for at in 1..supervisors {
        let parent = dice.below(at);
        children[parent].push(format!("\"s{at}\""));
    }
    for at in 0..agents {
        let parent = dice.below(supervisors);
        let place = dice.below(children[parent].len() + 1);
        children[parent].insert(place, format!("\"a{at}\""));
    }
    let section = |(at, children): (usize, &Vec<String>)| {
        let name = if at == 0 { "root".to_owned() } else { format!("s{at}") };
        let strategy = dice.pick(&["one-for-one", "one-for-all", "rest-for-one"]);
        let mut text = format!("[supervisors.{name}]\nchildren = [{}]\n", children.join(","));
        if dice.once_in(2) {
            let _ = writeln!(text, "strategy = \"{strategy}\"\nintensity = {}", dice.below(9));
        }
        if dice.once_in(3) {
            text.push_str("auto_shutdown = \"all-significant\"\n");
        }
        if dice.once_in(3) {
            let _ = writeln!(text, "delay = {{ base = \"{}s\" }}", 1 + dice.below(20));
        }
        if at > 0 && dice.once_in(3) {
            text.push_str("shutdown = \"9s\"\nrestart = \"temporary\"\n");
        }
        text
    };
    children.iter().enumerate().map(section).collect()
}

fn defaults(dice: &mut Dice) -> Vec<String> {
    const DEFAULTS: [&str; 3] = [
        "[defaults.channel]\ncapacity = 7\n",
        "[defaults.agent]\ntimeout = \"5s\"\nretry = { max = 1 }\n",
        "[defaults.supervisor]\nperiod = \"1m\"\nrestart = \"transient\"\ndelay = { cap = \"4s\" }\n",
    ];
    DEFAULTS.into_iter().filter(|_| dice.once_in(3)).map(ToOwned::to_owned).collect()
}

/// The sections in any order, with comments here and there.
fn written(dice: &mut Dice, mut sections: Vec<String>) -> String {
    shuffle(dice, &mut sections);
    let mut text = "name = \"made\"\nformat = 1\n".to_owned();
    for section in sections {
        for line in section.lines() {
            if dice.once_in(12) {
                text.push_str("# über this\n");
            }
            text.push_str(line);
            text.push_str(if dice.once_in(12) { "   # beside it\n" } else { "\n" });
        }
        let gap = *dice.pick(&["", "\n", "\n\n"]);
        text.push_str(gap);
    }
    text
}

fn shuffle<T>(dice: &mut Dice, list: &mut [T]) {
    for at in (1..list.len()).rev() {
        list.swap(at, dice.below(at + 1));
    }
}
