//! Things in layers, from what comes first to what comes last. Which stands where in a layer, so that few wires
//! cross, is for the library; it is given a graph without cycles in which every edge leads to the next layer.

use std::collections::BTreeMap;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rust_sugiyama::configure::{Config, RankingType};
use rust_sugiyama::from_vertices_and_edges;

use super::super::Arrow;

/// Between things, and between layers.
const GAP: f64 = 26.0;
/// Beyond so many things, labels and bends the library takes too long.
const MANY: usize = 1_500;
/// Things that no wire joins stand in rows of about this width.
const ROW: f64 = 1_200.0;

type Point = (f64, f64);
type Size = (f64, f64);

/// The order in which messages reach agents.
pub(super) struct Order(BTreeMap<usize, usize>);

impl Order {
    pub(super) fn new(arrows: &[Arrow<'_>]) -> Self {
        let agents = arrows.iter().map(|arrow| arrow.from.0.max(arrow.to.0) + 1).max().unwrap_or(0);
        let mut graph = DiGraph::<(), ()>::new();
        for _ in 0..agents {
            graph.add_node(());
        }
        for arrow in arrows.iter().filter(|arrow| !arrow.feedback) {
            graph.add_edge(NodeIndex::new(arrow.from.0), NodeIndex::new(arrow.to.0), ());
        }
        // The components of a graph without cycles are its nodes, the last first.
        let order = kosaraju_scc(&graph).into_iter().rev().flatten().enumerate();
        Self(order.map(|(rank, node)| (node.index(), rank)).collect())
    }

    pub(super) fn rank(&self, agent: usize) -> usize {
        self.0.get(&agent).copied().unwrap_or(usize::MAX)
    }
}

/// Something to be placed; those of a lower rank stand above.
pub(super) struct Thing {
    pub(super) size: Size,
    pub(super) rank: usize,
}

/// The way of a wire: where its label's middle is, and where it bends, from the upper end to the lower one.
pub(super) struct Run {
    pub(super) label: Point,
    pub(super) bends: Vec<Point>,
    pub(super) down: bool,
}

/// Things and wires in their places.
pub(super) struct Laid {
    pub(super) size: Size,
    /// Of each thing the upper left corner.
    pub(super) corners: Vec<Point>,
    pub(super) runs: Vec<Run>,
}

/// A graph for the library: first the things, then labels and bends.
struct Chart {
    vertices: Vec<(u32, Size)>,
    edges: Vec<(u32, u32)>,
}

/// The vertices that a wire goes through.
struct Chain {
    through: Vec<u32>,
    label: u32,
    down: bool,
}

impl Chart {
    fn add(&mut self, size: Size) -> u32 {
        let id = number(self.vertices.len());
        self.vertices.push((id, size));
        id
    }

    /// Adds a wire over so many layers, and its label in the middle.
    fn chain(&mut self, (from, to): (u32, u32), label: Size, layers: usize) -> (Vec<u32>, u32) {
        let middle = layers.saturating_sub(2) / 2;
        let bends = 0..layers.saturating_sub(1).max(1);
        let sizes = bends.map(|at| if at == middle { label } else { (10.0, 1.0) });
        let through: Vec<u32> = sizes.map(|size| self.add(size)).collect();
        let mut last = from;
        for next in through.iter().copied().chain((from != to).then_some(to)) {
            self.edges.push((last, next));
            last = next;
        }
        let label = through.get(middle).copied().unwrap_or(from);
        (through, label)
    }
}

/// Lays things out, given wires as `(from, to, size of the label)`.
pub(super) fn layered(things: &[Thing], wires: &[(usize, usize, Size)]) -> Laid {
    let ids = 0..number(things.len());
    let vertices = ids.zip(things).map(|(id, thing)| (id, thing.size)).collect();
    let mut chart = Chart { vertices, edges: Vec::new() };
    let layers = layers(things, wires);
    let spans = wires.iter().map(|wire| layers[wire.0].abs_diff(layers[wire.1]));
    let bend = things.len() + spans.sum::<usize>() <= MANY;
    let mut chains = Vec::with_capacity(wires.len());
    for (from, to, label) in wires {
        let down = layers[*from] <= layers[*to];
        let (above, below) = if down { (*from, *to) } else { (*to, *from) };
        let span = if bend { layers[below] - layers[above] } else { 1 };
        let (through, label) = chart.chain((number(above), number(below)), *label, span);
        chains.push(Chain { through, label, down });
    }
    let (size, middles) = places(&chart, &layers);
    let corner = |(thing, middle): (&Thing, &Point)| {
        (middle.0 - thing.size.0 / 2.0, middle.1 - thing.size.1 / 2.0)
    };
    let run = |chain: Chain| Run {
        label: middles[chain.label as usize],
        bends: chain.through.iter().map(|id| middles[*id as usize]).collect(),
        down: chain.down,
    };
    Laid {
        size,
        corners: things.iter().zip(&middles).map(corner).collect(),
        runs: chains.into_iter().map(run).collect(),
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The layer of each thing: two below the lowest of those above it, so that a label fits between. What
/// nothing leads to stands right above the first that it leads to.
fn layers(things: &[Thing], wires: &[(usize, usize, Size)]) -> Vec<usize> {
    let before = |at: usize| (things[at].rank, at);
    let mut joined: Vec<(usize, usize)> = wires
        .iter()
        .filter(|(from, to, _)| from != to)
        .map(|(from, to, _)| if before(*from) < before(*to) { (*from, *to) } else { (*to, *from) })
        .collect();
    joined.sort_by_key(|(above, below)| (before(*above), before(*below)));
    let mut layers = vec![0; things.len()];
    let mut is_led_to = vec![false; things.len()];
    for (above, below) in &joined {
        layers[*below] = layers[*below].max(layers[*above] + 2);
        is_led_to[*below] = true;
    }
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (above, below) in joined.iter().filter(|(above, _)| !is_led_to[*above]) {
        let layer = layers[*below] - 2;
        first.entry(*above).and_modify(|first| *first = layer.min(*first)).or_insert(layer);
    }
    for (at, layer) in first {
        layers[at] = layer;
    }
    layers
}

/// The middles of all vertices, and how much room they take.
fn places(chart: &Chart, layers: &[usize]) -> (Size, Vec<Point>) {
    let mut middles = vec![(0.0, 0.0); chart.vertices.len()];
    if chart.vertices.len() > 2 * MANY {
        let size = in_rows(chart, layers, &mut middles);
        return (size, middles);
    }
    let config = Config {
        vertex_spacing: GAP,
        dummy_vertices: false,
        ranking_type: RankingType::MinimizeEdgeLength,
        ..Config::default()
    };
    let mut parts: Vec<Vec<(usize, Point)>> =
        from_vertices_and_edges(&chart.vertices, &chart.edges, &config)
            .into_iter()
            .map(|(part, _, _)| part)
            .collect();
    for part in &mut parts {
        part.sort_by_key(|(id, _)| *id);
    }
    parts.sort_by_key(|part| part.first().map(|(id, _)| *id));
    // What hangs together stands side by side, in rows.
    let (mut corner, mut size, mut row) = ((0.0, 0.0), (0.0_f64, 0.0_f64), 0.0_f64);
    for part in parts {
        let reach = |id: usize| chart.vertices.get(id).map_or((0.0, 0.0), |(_, size)| *size);
        let (low, high) = bounds(part.iter().map(|(id, middle)| (reach(*id), *middle)));
        let (width, height) = (high.0 - low.0, high.1 - low.1);
        if corner.0 > 0.0 && corner.0 + width > ROW {
            corner = (0.0, corner.1 + row + GAP);
            row = 0.0;
        }
        for (id, (x, y)) in part {
            if let Some(place) = middles.get_mut(id) {
                *place = (x - low.0 + corner.0, y - low.1 + corner.1);
            }
        }
        size = (size.0.max(corner.0 + width), size.1.max(corner.1 + height));
        row = row.max(height);
        corner.0 += width + GAP;
    }
    (size, middles)
}

/// The corners of what some things take, each given by its size and its middle.
fn bounds(things: impl Iterator<Item = (Size, Point)>) -> (Point, Point) {
    let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for ((width, height), (x, y)) in things {
        low = (low.0.min(x - width / 2.0), low.1.min(y - height / 2.0));
        high = (high.0.max(x + width / 2.0), high.1.max(y + height / 2.0));
    }
    (low, high)
}

/// Very many things: each layer is a row in their order. Labels stand in a row below the last, no wire
/// bends.
fn in_rows(chart: &Chart, layers: &[usize], middles: &mut [Point]) -> Size {
    let mut rows: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    let row_of = |id: usize| layers.get(id).map_or(usize::MAX, |layer| *layer);
    for (id, (_, (width, height))) in chart.vertices.iter().enumerate() {
        let row = rows.entry(row_of(id)).or_insert((0.0, 0.0));
        middles[id].0 = row.0 + width / 2.0;
        *row = (row.0 + width + GAP, row.1.max(*height));
    }
    let (mut width, mut y) = (0.0_f64, 0.0);
    let mut tops = BTreeMap::new();
    for (row, (wide, high)) in rows {
        tops.insert(row, y + high / 2.0);
        width = width.max(wide - GAP);
        y += high + 2.0 * GAP;
    }
    for (id, middle) in middles.iter_mut().enumerate() {
        middle.1 = tops.get(&row_of(id)).copied().unwrap_or_default();
    }
    (width, y - 2.0 * GAP)
}
