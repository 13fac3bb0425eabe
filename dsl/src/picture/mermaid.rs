//! As Mermaid draws flowcharts; GitHub shows them.

use theater_flow_kernel::plan::Plan;

use super::{Frame, Item, Node, Place, arrows, frame, line, reach};

/// A Mermaid flowchart, with a line end.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    if let Some(frame) = frame(plan) {
        framed(&frame, 1, &mut out);
    }
    for arrow in arrows(plan) {
        let (from, to, label) = (arrow.from.0, arrow.to.0, escaped(&arrow.label()));
        let (shaft, head) = if arrow.feedback { ("-.", ".->") } else { ("--", "-->") };
        line(1, &format!("a{from} {shaft} \"{label}\" {head} a{to}"), &mut out);
    }
    out
}

fn framed(frame: &Frame<'_>, depth: usize, out: &mut String) {
    let (name, said) = (escaped(frame.name), frame.said());
    // A name has no `_`, and an id no `/`.
    let id = name.replace('/', "_");
    line(depth, &format!("subgraph s-{id} [\"{name}, {said}\"]"), out);
    for item in &frame.children {
        match item {
            Item::Frame(frame) => framed(frame, depth + 1, out),
            Item::Node(node) => line(depth + 1, &shape(node), out),
        }
    }
    line(depth, "end", out);
}

/// Sources and sinks are round; what an agent may reach stands below its name.
fn shape(node: &Node<'_>) -> String {
    let (name, actor, rank) = (&node.agent.name, actor(&node.agent.actor), node.rank());
    let mut text = format!("<b>{name}</b><br/>{actor}{rank}");
    for reach in reach(&node.agent.grants) {
        text = format!("{text}<br/><i>{}</i>", escaped(&reach));
    }
    let (open, close) = match node.place() {
        Place::Middle => ("[", "]"),
        Place::Source | Place::Sink => ("([", "])"),
    };
    format!("a{}{open}\"{text}\"{close}", node.nth)
}

fn actor(name: &str) -> String {
    escaped(name.rsplit_once('/').filter(|_| name.starts_with('/')).map_or(name, |(_, file)| file))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
