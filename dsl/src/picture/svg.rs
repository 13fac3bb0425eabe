//! As browsers show it: a picture that stands alone, with titles to point at and no scripts.
//!
//! Colours are for light and for dark pages: what holds text has its own ground.

mod layers;
mod place;

use std::fmt::Write;

use theater_flow_kernel::plan::Plan;

use super::{Arrow, Frame, Node, Place, arrows, cut, frame, line, reach};
use place::{Block, Rect, Way, placed};

const CHAR: f64 = 7.3;
const LINE: f64 = 16.0;
/// Around all.
const MARGIN: f64 = 16.0;
/// Above what stands in a supervisor's box: its name.
const HEAD: f64 = 30.0;
/// Around what stands in a box.
const PAD: f64 = 18.0;
/// Characters of a line within an agent's box; a longer one is cut.
const LINE_CHARS: usize = 40;

const STYLE: &str = "  <style>\n    text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #24292f }\n    \
    .name { font-weight: bold }\n    .actor { fill: #57606a }\n    .reach { fill: #9a3412 }\n    \
    .supervisor rect { fill: #8c959f; fill-opacity: .1; stroke: #8c959f }\n    .supervisor text { fill: #768390 }\n    \
    .agent rect { fill: #f6f8fa; stroke: #57606a }\n    .source rect, .sink rect { stroke: #0969da; stroke-width: 2 }\n    \
    .granted rect { stroke: #c2410c; stroke-width: 2 }\n    .channel path { fill: none; stroke: #768390; stroke-width: 1.5 }\n    \
    .channel rect { fill: #f6f8fa; fill-opacity: .92 }\n    .feedback path { stroke-dasharray: 6 4 }\n    #head { fill: #768390 }\n  \
    </style>\n  <defs>\n    <marker id=\"head\" markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto\">\
    <path d=\"M0 0 L9 4 L0 8 z\"/></marker>\n  </defs>\n";

/// An SVG document, with a line end. The same plan gives the same bytes.
#[must_use]
pub fn svg(plan: &Plan) -> String {
    let arrows = arrows(plan);
    let root = frame(plan);
    let block = root.as_ref().map(|root| placed(root, &arrows)).unwrap_or_default();
    let (width, height) = (block.width + 2.0 * MARGIN, block.height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"{:.0} {:.0} {width:.0} {height:.0}\" role=\"img\">\n  <title>{}</title>\n",
        -MARGIN,
        -MARGIN,
        escaped(&plan.name)
    );
    if !plan.description.is_empty() {
        line(1, &format!("<desc>{}</desc>", escaped(&plan.description)), &mut out);
    }
    out.push_str(STYLE);
    // Boxes below, then the arrows, then what they lead to.
    block.frames.iter().for_each(|(frame, rect)| supervisor(frame, *rect, &mut out));
    for way in &block.ways {
        if let Some(arrow) = arrows.get(way.arrow) {
            channel(plan, (arrow, way), &block, &mut out);
        }
    }
    block.nodes.iter().for_each(|(node, rect)| agent(node, *rect, &mut out));
    out.push_str("</svg>\n");
    out
}

fn supervisor(frame: &Frame<'_>, rect: Rect, out: &mut String) {
    let said = format!("{}, {}", escaped(frame.name), frame.said());
    line(1, "<g class=\"supervisor\">", out);
    line(2, &format!("<title>supervisor {said}</title>"), out);
    line(2, &format!("<rect {} rx=\"8\"/>", rect.attributes()), out);
    line(2, &text("", (rect.x + 10.0, rect.y + 18.0), &said), out);
    line(1, "</g>", out);
}

/// The lines in an agent's box, each with its class.
fn lines(node: &Node<'_>) -> Vec<(&'static str, String)> {
    let actor = &node.agent.actor;
    // Of a path the file's name will do.
    let actor =
        if actor.starts_with('/') { actor.rsplit('/').next().unwrap_or(actor) } else { actor };
    let place = match node.place() {
        Place::Source => " · source",
        Place::Middle => "",
        Place::Sink => " · sink",
    };
    let mut lines = vec![
        ("name", node.agent.name.clone()),
        ("actor", format!("{actor}{place}{}", node.rank())),
    ];
    lines.extend(reach(&node.agent.grants).into_iter().map(|reach| ("reach", reach)));
    lines.iter().map(|(class, text)| (*class, cut(text, LINE_CHARS))).collect()
}

/// The width and height of a text.
fn measure(text: &str) -> f64 {
    let chars: u32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    f64::from(chars) * CHAR
}

fn size(node: &Node<'_>) -> (f64, f64) {
    let lines = lines(node);
    let width = lines.iter().map(|(_, text)| measure(text)).fold(0.0, f64::max);
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    (width + 24.0, f64::from(count) * LINE + 14.0)
}

fn agent(node: &Node<'_>, rect: Rect, out: &mut String) {
    let place = match node.place() {
        Place::Source => " source",
        Place::Middle => "",
        Place::Sink => " sink",
    };
    let granted = if reach(&node.agent.grants).is_empty() { "" } else { " granted" };
    line(1, &format!("<g class=\"agent{place}{granted}\">"), out);
    let (name, actor) = (escaped(&node.agent.name), escaped(&node.agent.actor));
    line(2, &format!("<title>agent {name}, {actor}</title>"), out);
    let round = if place.is_empty() { 4 } else { 16 };
    line(2, &format!("<rect {} rx=\"{round}\"/>", rect.attributes()), out);
    let mut y = rect.y + 4.0;
    for (class, said) in lines(node) {
        y += LINE;
        line(2, &text(class, (rect.x + 12.0, y), &escaped(&said)), out);
    }
    line(1, "</g>", out);
}

fn channel(plan: &Plan, (arrow, way): (&Arrow<'_>, &Way), block: &Block<'_, '_>, out: &mut String) {
    let name = |nth: usize| plan.agents.get(nth).map_or("", |agent| agent.name.as_str());
    let class = if arrow.feedback { "channel feedback" } else { "channel" };
    let feedback = if arrow.feedback { ", feedback" } else { "" };
    line(1, &format!("<g class=\"{class}\">"), out);
    let (from, to) = (name(arrow.from.0), name(arrow.to.0));
    let title = format!("{from}.{} to {to}.{}: {}{feedback}", arrow.from.1, arrow.to.1, arrow.ty);
    line(2, &format!("<title>{}</title>", escaped(&title)), out);
    let path = path(&way.points(block, arrow));
    line(2, &format!("<path d=\"{path}\" marker-end=\"url(#head)\"/>"), out);
    line(2, &format!("<rect {} rx=\"3\"/>", way.label.attributes()), out);
    let place = (way.label.x + 4.0, way.label.y + 13.0);
    line(2, &text("", place, &escaped(&arrow.label())), out);
    line(1, "</g>", out);
}

/// A line through points that leaves and reaches each of them upright.
fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in points {
        let _ = match before {
            None => write!(out, "M{x:.0} {y:.0}"),
            Some((from, above)) => {
                let middle = f64::midpoint(above, *y);
                write!(out, " C{from:.0} {middle:.0} {x:.0} {middle:.0} {x:.0} {y:.0}")
            }
        };
        before = Some((*x, *y));
    }
    out
}

fn text(class: &str, (x, y): (f64, f64), said: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text{class} x=\"{x:.0}\" y=\"{y:.0}\">{said}</text>")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
