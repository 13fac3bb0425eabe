//! Causes and effects: as a tree for people, as JSON lines for programs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use theater_flow_kernel::ids::Ref;

use super::json::Json;
use super::{Row, View, count};
use crate::causes::{Direction, Family, Member, Source};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};

/// Records in the tree, at most.
const NODES: usize = 48;
/// Steps from the root of the tree to its leaves, at most.
const DEPTH: usize = 12;
/// Branches of a record, at most.
const WIDTH: usize = 6;
/// Steps of the shortest way that are shown; of a longer one the first and the last.
const STEPS: usize = 16;
/// Columns of what a record says, at most.
const SAID: usize = 120;
/// Bytes of all JSON lines, at most, about.
const JSON_BYTES: usize = 32 << 20;

/// Fetches a record; `None` if it cannot be read.
pub type Rows<'a> = &'a mut dyn FnMut(u64) -> Option<Row>;

/// One line of the tree.
struct Node {
    what: Ref,
    children: Vec<usize>,
    /// Relatives that have no line.
    left: usize,
    /// The record has its branches elsewhere.
    again: bool,
}

impl View<'_> {
    /// The record, the shortest way from an input to it, and the tree of its relatives, with a line that
    /// says what was left out.
    #[must_use]
    pub fn why(&self, family: &Family, rows: Rows<'_>, look: Look) -> Vec<String> {
        let mut lines = vec![self.step(family.of, rows, look)];
        if family.direction == Direction::Causes {
            lines.push(String::new());
            self.way(family, rows, look, &mut lines);
        }
        lines.push(String::new());
        let nodes = tree(family);
        let others = family.members.len() - 1;
        let (title, none) = match family.direction {
            Direction::Causes => ("follows from", "nothing comes before it"),
            Direction::Effects => ("led to", "nothing follows from it"),
        };
        if others == 0 {
            lines.push(look.paint(Tone::Strong, none));
            return lines;
        }
        lines.push(look.paint(Tone::Strong, title));
        let mut page = Page { nodes: &nodes, look, lines: &mut lines };
        self.branches(&mut page, 0, "", rows);
        let shown: BTreeSet<u64> = nodes.iter().skip(1).map(|node| node.what.seq).collect();
        lines.extend(left_out(family, others - shown.len().min(others)));
        lines
    }

    /// The shortest way from an input.
    fn way(&self, family: &Family, rows: Rows<'_>, look: Look, lines: &mut Vec<String>) {
        let Some(way) = family.shortest() else {
            lines.push(look.paint(Tone::Strong, "no input is near"));
            return;
        };
        let steps = way.len() as u64;
        let title = match steps {
            0 => "it brought an input itself".to_owned(),
            _ => format!("nearest input, {} before", count(steps, "step", "steps")),
        };
        lines.push(look.paint(Tone::Strong, &title));
        let cut = if way.len() > STEPS { STEPS / 2..way.len() - STEPS / 2 } else { 0..0 };
        for (nth, seq) in way.iter().enumerate() {
            if nth == cut.start && !cut.is_empty() {
                let left = count(cut.len() as u64, "step", "steps");
                lines.push(look.paint(Tone::Faint, &format!("  … {left}")));
            }
            if !cut.contains(&nth) {
                // Which part of it led on stands in the causes of the next.
                let next = way.get(nth + 1).copied().unwrap_or(family.of.seq);
                let named = family.members.get(&next).and_then(|next| named(next, *seq));
                let what = named.unwrap_or_else(|| Ref::record(*seq));
                lines.push(format!("  {}", self.step(what, rows, narrower(look, 2))));
            }
        }
    }

    /// A record or a part of it on one line.
    fn step(&self, what: Ref, rows: Rows<'_>, look: Look) -> String {
        let Some(row) = rows(what.seq) else {
            return format!("{what}  stands in the run that this one was forked from");
        };
        let said = what.part.and_then(|part| self.part_summary(&row, part));
        let said = said.unwrap_or_else(|| self.summary(&row));
        let (agent, kind) = (escape(self.about(&row)), row.record.body.kind());
        let head = format!("{what}  {agent}  {kind}");
        let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(columns(&head) + 2));
        let at = look.paint(Tone::Strong, &what.to_string());
        format!("{at}  {agent}  {kind}  {}", fit(&said, room.clamp(1, SAID)))
    }

    fn branches(&self, page: &mut Page<'_>, nth: usize, indent: &str, rows: Rows<'_>) {
        let nodes = page.nodes;
        let node = &nodes[nth];
        let last = node.children.len() + usize::from(node.left > 0);
        for (i, child) in node.children.iter().enumerate() {
            let ends = i + 1 == last;
            let (mark, deeper) = if ends { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let look = narrower(page.look, columns(indent) + columns(mark));
            let child_node = &nodes[*child];
            let line = if child_node.again {
                format!("{}  stands elsewhere here", child_node.what)
            } else {
                self.step(child_node.what, rows, look)
            };
            page.lines.push(format!("{indent}{mark}{line}"));
            self.branches(page, *child, &format!("{indent}{deeper}"), rows);
        }
        if node.left > 0 {
            let left = page.look.paint(Tone::Faint, &format!("… {} more", node.left));
            page.lines.push(format!("{indent}└─ {left}"));
        }
    }

    /// A line that says what was asked, and one for each relative, nearest first.
    #[must_use]
    pub fn why_json(&self, family: &Family, rows: Rows<'_>) -> Vec<String> {
        let mut order: Vec<(u32, u64)> =
            family.members.iter().map(|(seq, member)| (member.distance, *seq)).collect();
        order.sort_unstable_by_key(|(distance, seq)| match family.direction {
            Direction::Causes => (*distance, u64::MAX - *seq),
            Direction::Effects => (*distance, *seq),
        });
        let (mut lines, mut bytes) = (vec![], 0);
        for (_, seq) in &order {
            if bytes > JSON_BYTES {
                break;
            }
            let line = self.relative(family, *seq, rows).to_string();
            bytes += line.len();
            lines.push(line);
        }
        let direction = match family.direction {
            Direction::Causes => "causes",
            Direction::Effects => "effects",
        };
        let shortest = family.shortest().map(|way| way.into_iter().map(Json::Number).collect());
        let head = Json::Object(vec![
            ("of", Json::text(family.of)),
            ("direction", Json::text(direction)),
            ("records", Json::Number(order.len() as u64)),
            ("left_out", Json::Number((order.len() - lines.len()) as u64)),
            ("nearest_input", shortest.filter(|_| direction == "causes").unwrap_or(Json::Null)),
        ]);
        lines.insert(0, head.to_string());
        lines
    }

    fn relative(&self, family: &Family, seq: u64, rows: Rows<'_>) -> Json {
        let none = Member::default();
        let member = family.members.get(&seq).unwrap_or(&none);
        let row = rows(seq);
        let source = member.source.map(|source| match source {
            Source::World => Json::text("world"),
            Source::Run => Json::text("run"),
        });
        let agent = row.as_ref().and_then(|row| row.record.body.agent());
        let (kind, at, causes) = row.as_ref().map_or((Json::Null, Json::Null, vec![]), |row| {
            let causes = row.record.causes.iter().map(Json::text).collect();
            (Json::text(row.record.body.kind()), Json::Number(row.record.at), causes)
        });
        Json::Object(vec![
            ("seq", Json::Number(seq)),
            ("distance", member.distance.into()),
            ("kind", kind),
            ("agent", agent.map(|id| Json::text(self.agent(id))).into()),
            ("at", at),
            ("causes", Json::List(causes)),
            ("input", source.into()),
            ("summary", row.map(|row| Json::text(self.summary(&row))).into()),
        ])
    }
}

/// Lines that grow.
struct Page<'a> {
    nodes: &'a [Node],
    look: Look,
    lines: &'a mut Vec<String>,
}

const fn narrower(look: Look, by: usize) -> Look {
    let width = match look.width {
        Some(width) => Some(width.saturating_sub(by)),
        None => None,
    };
    Look { width, ..look }
}

/// The reference among a member's causes to this record.
fn named(member: &Member, seq: u64) -> Option<Ref> {
    member.next.iter().find(|cause| cause.seq == seq).copied()
}

/// Chooses the nearest relatives that there is room for.
fn tree(family: &Family) -> Vec<Node> {
    let node = |what, again| Node { what, children: vec![], left: 0, again };
    let mut nodes = vec![node(family.of, false)];
    let mut places = BTreeMap::from([(family.of.seq, 0)]);
    let mut queue = VecDeque::from([(0, 0)]);
    while let Some((nth, depth)) = queue.pop_front() {
        let next = family.members.get(&nodes[nth].what.seq).map_or(&[][..], |m| &m.next);
        for (i, what) in next.iter().enumerate() {
            if i >= WIDTH || depth >= DEPTH || nodes.len() > NODES {
                nodes[nth].left = next.len() - i;
                break;
            }
            let place = nodes.len();
            let again = places.contains_key(&what.seq);
            nodes.push(node(*what, again));
            nodes[nth].children.push(place);
            if !again {
                places.insert(what.seq, place);
                queue.push_back((place, depth + 1));
            }
        }
    }
    nodes
}

/// The line that says what has no place in the tree.
fn left_out(family: &Family, left: usize) -> Option<String> {
    let records = count(left as u64, "record", "records");
    match (left, family.more) {
        (0, false) => None,
        (_, true) => Some(format!("more than {records} left out; `--json` has all")),
        (_, false) => Some(format!("{records} left out; `--json` has all")),
    }
}
