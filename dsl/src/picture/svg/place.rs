//! Where everything stands: each supervisor's box is laid out by itself and then is one thing in the box around
//! it, so that boxes hold what they supervise and nothing else.

use std::collections::BTreeMap;

use super::super::{Arrow, Frame, Item, Node};
use super::layers::{Order, Thing, layered};
use super::{HEAD, LINE, PAD, measure, size};

/// A rectangle by its upper left corner.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn attributes(self) -> String {
        let Self { x, y, width, height } = self;
        format!("x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"")
    }

    const fn shift(&mut self, (x, y): (f64, f64)) {
        self.x += x;
        self.y += y;
    }
}

/// The way of an arrow.
pub(super) struct Way {
    /// Its position.
    pub(super) arrow: usize,
    pub(super) label: Rect,
    /// Points between its two ends, from the upper one to the lower one.
    bends: Vec<(f64, f64)>,
    /// It goes down, as most do.
    down: bool,
}

/// A part of the picture, its corner at the origin.
#[derive(Default)]
pub(super) struct Block<'f, 'p> {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Agents by position.
    pub(super) nodes: Vec<(&'f Node<'p>, Rect)>,
    /// The outer ones first.
    pub(super) frames: Vec<(&'f Frame<'p>, Rect)>,
    pub(super) ways: Vec<Way>,
}

impl<'f, 'p> Block<'f, 'p> {
    fn of(node: &'f Node<'p>) -> Self {
        let (width, height) = size(node);
        let rect = Rect { x: 0.0, y: 0.0, width, height };
        Self { width, height, nodes: vec![(node, rect)], ..Self::default() }
    }

    /// Takes another block in, its corner at a place.
    fn take(&mut self, mut other: Self, by: (f64, f64)) {
        other.nodes.iter_mut().for_each(|(_, rect)| rect.shift(by));
        other.frames.iter_mut().for_each(|(_, rect)| rect.shift(by));
        for way in &mut other.ways {
            way.label.shift(by);
            way.bends.iter_mut().for_each(|bend| *bend = (bend.0 + by.0, bend.1 + by.1));
        }
        self.nodes.append(&mut other.nodes);
        self.frames.append(&mut other.frames);
        self.ways.append(&mut other.ways);
    }

    fn rect(&self, nth: usize) -> Option<Rect> {
        let found = self.nodes.binary_search_by_key(&nth, |(node, _)| node.nth).ok()?;
        self.nodes.get(found).map(|(_, rect)| *rect)
    }
}

impl Way {
    /// From the producer's edge to the consumer's.
    pub(super) fn points(&self, block: &Block<'_, '_>, arrow: &Arrow<'_>) -> Vec<(f64, f64)> {
        let (Some(from), Some(to)) = (block.rect(arrow.from.0), block.rect(arrow.to.0)) else {
            return self.bends.clone();
        };
        // What goes up stands beside what goes down.
        let aside = if self.down { 2.0 } else { 1.4 };
        let middle = |rect: Rect| rect.x + rect.width / aside;
        let bottom = |rect: Rect| (middle(rect), rect.y + rect.height);
        if arrow.from.0 == arrow.to.0 {
            let back = (from.x + from.width - 8.0, from.y + from.height);
            return [bottom(from)]
                .into_iter()
                .chain(self.bends.iter().copied())
                .chain([back])
                .collect();
        }
        let (above, below) = if self.down { (from, to) } else { (to, from) };
        let ends = (bottom(above), (middle(below), below.y));
        let mut points = vec![ends.0];
        points.extend(&self.bends);
        points.push(ends.1);
        if !self.down {
            points.reverse();
        }
        points
    }
}

/// Lays a box out, with all that it holds. Nodes of the block are in the order of the plan.
pub(super) fn placed<'f, 'p>(frame: &'f Frame<'p>, arrows: &[Arrow<'_>]) -> Block<'f, 'p> {
    let order = Order::new(arrows);
    let all: Vec<usize> = (0..arrows.len()).collect();
    let mut block = framed(frame, (arrows, &order), &all);
    block.nodes.sort_by_key(|(node, _)| node.nth);
    block
}

fn framed<'f, 'p>(
    frame: &'f Frame<'p>,
    (arrows, order): (&[Arrow<'_>], &Order),
    within: &[usize],
) -> Block<'f, 'p> {
    let mut home = BTreeMap::new();
    for (at, item) in frame.children.iter().enumerate() {
        agents(item, &mut |nth| {
            home.insert(nth, at);
        });
    }
    let mut own: Vec<(usize, usize, usize)> = Vec::new();
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for nth in within {
        let Some(arrow) = arrows.get(*nth) else { continue };
        let (Some(from), Some(to)) = (home.get(&arrow.from.0), home.get(&arrow.to.0)) else {
            continue;
        };
        match frame.children.get(*from) {
            Some(Item::Frame(_)) if from == to => below.entry(*from).or_default().push(*nth),
            _ => own.push((*nth, *from, *to)),
        }
    }
    let blocks = frame.children.iter().enumerate().map(|(at, item)| match item {
        Item::Node(node) => Block::of(node),
        Item::Frame(frame) => {
            framed(frame, (arrows, order), below.get(&at).map_or(&[][..], Vec::as_slice))
        }
    });
    let mut ranks = vec![usize::MAX; frame.children.len()];
    for (nth, at) in &home {
        ranks[*at] = ranks[*at].min(order.rank(*nth));
    }
    boxed(frame, (blocks.collect(), &ranks), arrows, &own)
}

fn agents(item: &Item<'_>, each: &mut impl FnMut(usize)) {
    match item {
        Item::Node(node) => each(node.nth),
        Item::Frame(frame) => frame.children.iter().for_each(|item| agents(item, each)),
    }
}

/// Puts blocks into a box, and the arrows between them.
fn boxed<'f, 'p>(
    frame: &'f Frame<'p>,
    (blocks, ranks): (Vec<Block<'f, 'p>>, &[usize]),
    arrows: &[Arrow<'_>],
    own: &[(usize, usize, usize)],
) -> Block<'f, 'p> {
    let things: Vec<Thing> = blocks
        .iter()
        .zip(ranks)
        .map(|(block, rank)| Thing { size: (block.width, block.height), rank: *rank })
        .collect();
    let label = |nth: usize| {
        let text = arrows.get(nth).map(Arrow::label).unwrap_or_default();
        (measure(&text) + 8.0, LINE + 2.0)
    };
    let wires: Vec<_> = own.iter().map(|(nth, from, to)| (*from, *to, label(*nth))).collect();
    let laid = layered(&things, &wires);
    let said = measure(&frame.said()) + 40.0;
    let title = measure(frame.name) + said.max(140.0);
    let (width, height) = ((laid.size.0 + 2.0 * PAD).max(title), laid.size.1 + HEAD + PAD);
    let whole = Rect { x: 0.0, y: 0.0, width, height };
    let mut all = Block { width, height, frames: vec![(frame, whole)], ..Block::default() };
    let (right, down) = ((width - laid.size.0) / 2.0, HEAD);
    for (block, corner) in blocks.into_iter().zip(&laid.corners) {
        all.take(block, (corner.0 + right, corner.1 + down));
    }
    for ((nth, _, _), run) in own.iter().zip(laid.runs) {
        let bends = run.bends.iter().map(|(x, y)| (x + right, y + down)).collect();
        let (width, height) = label(*nth);
        let corner = (run.label.0 + right - width / 2.0, run.label.1 + down - height / 2.0);
        let label = Rect { x: corner.0, y: corner.1, width, height };
        all.ways.push(Way { arrow: *nth, label, bends, down: run.down });
    }
    all
}
