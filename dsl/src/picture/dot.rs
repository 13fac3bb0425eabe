//! As Graphviz reads it.

use theater_flow_kernel::plan::Plan;

use super::{Frame, Item, Node, Place, arrows, frame, line, reach};

/// A digraph in the DOT language, with a line end.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&plan.name));
    line(1, "rankdir=LR; node [shape=box]; compound=true;", &mut out);
    if let Some(frame) = frame(plan) {
        framed(&frame, 1, &mut out);
    }
    for arrow in arrows(plan) {
        let (from, to, label) = (arrow.from.0, arrow.to.0, quoted(&arrow.label()));
        let style = if arrow.feedback { ", style=dashed" } else { "" };
        line(1, &format!("a{from} -> a{to} [label={label}{style}];"), &mut out);
    }
    out.push_str("}\n");
    out
}

fn framed(frame: &Frame<'_>, depth: usize, out: &mut String) {
    line(depth, &format!("subgraph {} {{", quoted(&format!("cluster {}", frame.name))), out);
    let label = quoted(&format!("{}, {}", frame.name, frame.said()));
    line(depth + 1, &format!("label={label};"), out);
    for item in &frame.children {
        match item {
            Item::Frame(frame) => framed(frame, depth + 1, out),
            Item::Node(node) => line(depth + 1, &shape(node), out),
        }
    }
    line(depth, "}", out);
}

fn shape(node: &Node<'_>) -> String {
    let mut text = format!("{}\n{}{}", node.agent.name, node.agent.actor, node.rank());
    for reach in reach(&node.agent.grants) {
        text = format!("{text}\n{reach}");
    }
    let style = if node.place() == Place::Middle { "" } else { ", style=rounded" };
    format!("a{} [label={}{style}];", node.nth, quoted(&text))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
