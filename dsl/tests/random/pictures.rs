//! Pictures of made pipelines: well-formed, with everything in its place.

use std::fmt::Write as _;

use roxmltree::{Document, Node};
use theater_flow_dsl::picture::svg;
use theater_flow_kernel::plan::Plan;

use crate::dice::Dice;
use crate::pipelines::pipeline;
use crate::times;
use crate::world::{Beside, settle};

fn plan(text: &str) -> Plan {
    let compiled = settle(text, &Beside::default());
    compiled.plan.unwrap_or_else(|| panic!("{:#?}\n{text}", compiled.faults))
}

fn groups<'d>(document: &'d Document<'_>, class: &str) -> Vec<Node<'d, 'd>> {
    let is = |node: &Node<'_, '_>| {
        let classes = node.attribute("class").unwrap_or_default();
        node.has_tag_name("g") && classes.split(' ').any(|word| word == class)
    };
    document.descendants().filter(is).collect()
}

fn said(group: &Node<'_, '_>) -> String {
    let title = group.children().find(|node| node.has_tag_name("title"));
    title.and_then(|title| title.text()).unwrap_or_default().to_owned()
}

/// x, y, right, bottom
fn rect(group: &Node<'_, '_>) -> [f64; 4] {
    let rect = group.children().find(|node| node.has_tag_name("rect")).expect("it has a box");
    let [x, y, width, height] = ["x", "y", "width", "height"]
        .map(|name| rect.attribute(name).and_then(|text| text.parse().ok()).expect("a number"));
    [x, y, x + width, y + height]
}

fn apart(one: [f64; 4], other: [f64; 4]) -> bool {
    one[2] <= other[0] || other[2] <= one[0] || one[3] <= other[1] || other[3] <= one[1]
}

fn holds(outer: [f64; 4], inner: [f64; 4]) -> bool {
    outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3]
}

#[test]
fn every_agent_supervisor_and_channel_stands_in_the_picture() {
    for seed in 0..150 * times() {
        let text = pipeline(&mut Dice(seed), 14).text;
        let plan = plan(&text);
        let drawn = svg(&plan);
        assert_eq!(drawn, svg(&plan), "seed {seed}: the same plan, the same picture");
        let document = Document::parse(&drawn).unwrap_or_else(|error| panic!("{error}\n{drawn}"));
        let [agents, supervisors, channels] =
            ["agent", "supervisor", "channel"].map(|class| groups(&document, class));
        let names: Vec<String> = agents.iter().map(said).collect();
        let mut wanted: Vec<String> = plan
            .agents
            .iter()
            .map(|agent| format!("agent {}, {}", agent.name, agent.actor))
            .collect();
        assert_eq!(names, wanted, "seed {seed}");
        assert_eq!(supervisors.len(), plan.supervisors.len(), "seed {seed}");
        wanted = edges(&plan);
        let mut found: Vec<String> = channels.iter().map(said).collect();
        for title in &mut found {
            title.truncate(title.find(": ").unwrap_or(0));
        }
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "seed {seed}");
        let boxes: Vec<[f64; 4]> = agents.iter().map(rect).collect();
        for (at, one) in boxes.iter().enumerate() {
            assert!(boxes[..at].iter().all(|other| apart(*one, *other)), "seed {seed}\n{drawn}");
            // Its own supervisor holds it, no other cuts it.
            let frames: Vec<[f64; 4]> = supervisors.iter().map(rect).collect();
            assert!(frames.iter().any(|frame| holds(*frame, *one)), "seed {seed}");
            let clear = |frame: &[f64; 4]| holds(*frame, *one) || apart(*frame, *one);
            assert!(frames.iter().all(clear), "seed {seed}\n{drawn}");
        }
    }
}

fn edges(plan: &Plan) -> Vec<String> {
    let mut edges = Vec::new();
    for (agent, output) in
        plan.agents.iter().flat_map(|agent| agent.outputs.iter().map(move |output| (agent, output)))
    {
        for (reader, input) in plan
            .agents
            .iter()
            .flat_map(|agent| agent.inputs.iter().map(move |input| (agent, input)))
        {
            let fed_back = input.feedback.iter().filter(|edge| edge.from == output.port).count();
            let fed = input.from.iter().filter(|from| **from == output.port).count() + fed_back;
            let edge = format!("{}.{} to {}.{}", agent.name, output.name, reader.name, input.name);
            edges.extend((0..fed).map(|_| edge.clone()));
        }
    }
    edges
}

#[test]
fn hostile_texts_are_escaped() {
    let text = "format = 1\nname = \"x\"\n\
        description = \"</desc><script>alert(1)</script> & \\\"quotes\\\" ]]> \\u0000 \\u001b[31m \\uFFFF\"\n\
        [supervisors.root]\nchildren = [\"a\", \"b\"]\n\
        [agents.a]\nactor = \"std/probe\"\nconfig = { ports = [\"out variant{x(u8), y}\"] }\n\
        [agents.b]\nactor = \"std/file-write\"\ninputs = \"a\"\nconfig = { path = \"<&>.txt\" }\n\
        grants = { files = { write = [\"<script>&'\\\"\"] } }\n";
    let drawn = svg(&plan(text));
    let document = Document::parse(&drawn).unwrap_or_else(|error| panic!("{error}\n{drawn}"));
    assert!(document.descendants().all(|node| !node.has_tag_name("script")));
    let texts: String = document.descendants().filter_map(|node| node.text()).collect();
    assert!(texts.contains("writes <script>&'\""), "{texts}");
    assert!(texts.contains("</desc><script>alert(1)</script> & \"quotes\" ]]>"), "{texts}");
    assert_eq!(groups(&document, "granted").len(), 1);
    assert_eq!(groups(&document, "source").len(), 1);
    assert_eq!(groups(&document, "sink").len(), 1);
}

/// Beyond what anyone would look at it still ends soon.
#[test]
fn very_many_agents_are_drawn_too() {
    for agents in [1, 400, 4_000_usize] {
        let children: Vec<String> = (0..agents).map(|at| format!("\"a{at}\"")).collect();
        let mut text = format!(
            "format = 1\nname = \"x\"\n[supervisors.root]\nchildren = [{}]\n",
            children.join(",")
        );
        for at in 0..agents {
            let _ = match at {
                0..3 => writeln!(
                    text,
                    "[agents.a{at}]\nactor=\"std/probe\"\nconfig={{ports=[\"out u8\"]}}"
                ),
                _ => writeln!(
                    text,
                    "[agents.a{at}]\nactor=\"std/probe\"\nconfig={{ports=[\"in u8\",\"out u8\"]}}\n\
                     inputs=[\"a{}\",\"a{}\"]",
                    at - 1,
                    at / 3
                ),
            };
        }
        let drawn = svg(&plan(&text));
        assert_eq!(drawn.matches("<g class=\"agent").count(), agents);
    }
}
