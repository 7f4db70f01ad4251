//! The places of boxes, edges and labels. Layers follow each other along the *main* axis (down or to the right); within
//! a layer, nodes follow each other along the *cross* axis.

use super::layers::{Layers, Link};

/// The direction in which data flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Layers from left to right.
    Right,
    /// Layers from top to bottom.
    Down,
}

/// The size of a vertex's box, in columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A place: of a box its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) x: i32,
    pub(super) y: i32,
}

/// A piece of an edge: the corners of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) edge: usize,
    pub(super) corners: Vec<Point>,
    /// Whether it ends at a vertex: an arrow head.
    pub(super) arrives: bool,
    /// The point where the text at the edge begins.
    pub(super) label: Option<Point>,
}

/// A graph with coordinates, the smallest 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) flow: Flow,
    pub(super) size: Size,
    /// The boxes of the vertices.
    pub(super) boxes: Vec<(Point, Size)>,
    pub(super) routes: Vec<Route>,
}

/// Rounds of pulling nodes to their neighbours.
const ROUNDS: usize = 8;

struct Placer<'a> {
    flow: Flow,
    layers: &'a Layers,
    vertices: usize,
    /// Extent of each node on the main and the cross axis.
    main: Vec<i32>,
    cross: Vec<i32>,
    /// The position on the cross axis where each node begins.
    at: Vec<i32>,
    /// Columns of the label of each edge.
    labels: &'a [i32],
}

/// Places the boxes of `sizes`; `labels` has the columns of each edge's label.
pub(super) fn place(layers: &Layers, sizes: &[Size], labels: &[i32], flow: Flow) -> Placed {
    let axes = |size: &Size| match flow {
        Flow::Right => (size.width, size.height),
        Flow::Down => (size.height, size.width),
    };
    let mut placer = Placer {
        flow,
        layers,
        vertices: sizes.len(),
        main: sizes.iter().map(|size| axes(size).0).collect(),
        cross: sizes.iter().map(|size| axes(size).1).collect(),
        at: vec![0; layers.nodes],
        labels,
    };
    placer.main.resize(layers.nodes, 1);
    placer.cross.resize(layers.nodes, 1);
    placer.make_room_for_labels();
    placer.place_across();
    placer.finish()
}

impl Placer<'_> {
    fn leaving(&self, node: usize) -> impl Iterator<Item = &Link> {
        self.layers.links.iter().filter(move |link| link.from == node)
    }

    fn entering(&self, node: usize) -> impl Iterator<Item = &Link> {
        self.layers.links.iter().filter(move |link| link.to == node)
    }

    /// Whether what is written at an edge stands where it leaves (rather than where it arrives). A piece between two
    /// passing nodes has nothing.
    fn labelled_above(&self, link: &Link) -> Option<bool> {
        let (leaves, arrives) = (link.from < self.vertices, link.to < self.vertices);
        let first = self.layers.links.iter().find(|other| other.edge == link.edge);
        let last = self.layers.links.iter().rev().find(|other| other.edge == link.edge);
        let several_out = first.is_some_and(|first| self.leaving(first.from).count() > 1);
        let several_in = last.is_some_and(|last| self.entering(last.to).count() > 1);
        let above = !several_out || several_in;
        if above { leaves.then_some(true) } else { arrives.then_some(false) }
    }

    /// The port of a node that all edges share, but for those that are written beside each other.
    fn port(&self, node: usize) -> i32 {
        if node >= self.vertices {
            return 0;
        }
        match self.flow {
            Flow::Right => (self.cross[node] / 2).min(2),
            Flow::Down => (self.cross[node] / 2).min(4),
        }
    }

    /// The position on the cross axis where a piece leaves its upper node.
    fn leaves_at(&self, link: &Link) -> i32 {
        let begin = self.at[link.from] + self.port(link.from);
        if self.labelled_above(link) != Some(true) || self.leaving(link.from).count() < 2 {
            return begin;
        }
        let mut step = 0;
        for other in self.leaving(link.from).filter(|other| self.labelled_above(other) == Some(true)) {
            if other == link {
                break;
            }
            step += self.step(other);
        }
        begin + step
    }

    /// Room between two ports of which the first is written at.
    fn step(&self, link: &Link) -> i32 {
        match self.flow {
            Flow::Right => 3,
            Flow::Down => self.labels.get(link.edge).copied().unwrap_or(0) + 3,
        }
    }

    fn arrives_at(&self, link: &Link) -> i32 {
        self.at[link.to] + self.port(link.to)
    }

    /// A box is as wide across as what is written at its ports.
    fn make_room_for_labels(&mut self) {
        for node in 0..self.vertices {
            let above: i32 = self
                .leaving(node)
                .filter(|link| self.labelled_above(link) == Some(true))
                .map(|link| self.step(link))
                .sum();
            let below = self
                .entering(node)
                .filter(|link| self.labelled_above(link) == Some(false))
                .map(|link| self.step(link))
                .max();
            let needed = self.port(node) + above.max(below.unwrap_or(0));
            let needed = if self.flow == Flow::Down { needed - 1 } else { needed - 2 };
            self.cross[node] = self.cross[node].max(needed);
        }
    }

    fn between(&self) -> i32 {
        match self.flow {
            Flow::Right => 1,
            Flow::Down => 2,
        }
    }

    fn place_across(&mut self) {
        for row in &self.layers.rows {
            let mut next = 0;
            for &node in row {
                self.at[node] = next;
                next += self.cross[node] + self.between();
            }
        }
        for round in 0..ROUNDS {
            let down = round % 2 == 0;
            let count = self.layers.rows.len();
            for nth in 0..count {
                let layer = if down { nth } else { count - 1 - nth };
                self.pull(layer, down);
            }
        }
        let least = self.at.iter().copied().min().unwrap_or(0);
        for at in &mut self.at {
            *at -= least;
        }
    }

    /// Moves the nodes of a layer to the neighbours above (or below), in order and without overlap.
    fn pull(&mut self, layer: usize, down: bool) {
        let row = &self.layers.rows[layer];
        let wanted: Vec<i32> = row
            .iter()
            .map(|&node| {
                let ports: Vec<i32> = if down {
                    self.entering(node).map(|link| self.leaves_at(link)).collect()
                } else {
                    self.leaving(node).map(|link| self.arrives_at(link)).collect()
                };
                match i32::try_from(ports.len()) {
                    Ok(count) if count > 0 => ports.iter().sum::<i32>() / count - self.port(node),
                    _ => self.at[node],
                }
            })
            .collect();
        let mut next = i32::MIN;
        let mut places = Vec::with_capacity(row.len());
        for (&node, &wanted) in row.iter().zip(&wanted) {
            let place = wanted.max(next);
            places.push(place);
            next = place + self.cross[node] + self.between();
        }
        // All moved together by the mean of what they were pushed off.
        let Ok(count) = i32::try_from(row.len().max(1)) else { return };
        let off: i32 = places.iter().zip(&wanted).map(|(place, wanted)| place - wanted).sum::<i32>() / count;
        for (&node, place) in row.iter().zip(places) {
            self.at[node] = place - off;
        }
    }

    /// Lanes for the pieces below `layer` that move across: no two that overlap share one, unless they end or begin together.
    fn lanes(&self, layer: usize) -> Vec<(Link, Option<i32>)> {
        let mut lanes: Vec<Vec<(i32, i32, Link)>> = Vec::new();
        let mut all = Vec::new();
        for link in self.layers.links.iter().filter(|link| link.layer == layer) {
            let (a, b) = (self.leaves_at(link), self.arrives_at(link));
            if a == b {
                all.push((*link, None));
                continue;
            }
            let (low, high) = (a.min(b), a.max(b));
            let free = |taken: &Vec<(i32, i32, Link)>| {
                taken.iter().all(|(from, to, other)| {
                    high < *from
                        || *to < low
                        || other.to == link.to
                        || other.from == link.from && self.leaves_at(other) == a
                })
            };
            let lane = lanes.iter().position(free).unwrap_or(lanes.len());
            if lane == lanes.len() {
                lanes.push(Vec::new());
            }
            lanes[lane].push((low, high, *link));
            all.push((*link, i32::try_from(lane).ok()));
        }
        all
    }

    fn finish(&self) -> Placed {
        let mut begins = Vec::new();
        let mut routes = Vec::new();
        let mut next = 0;
        let count = self.layers.rows.len();
        for (layer, row) in self.layers.rows.iter().enumerate() {
            let extent = row.iter().map(|&node| self.main[node]).max().unwrap_or(0);
            begins.push(next);
            let end = next + extent;
            next = if layer + 1 < count { self.route(layer, next, end, &mut routes) } else { end };
        }
        let mut boxes = vec![(Point::default(), Size::default()); self.vertices];
        for (row, &begin) in self.layers.rows.iter().zip(&begins) {
            for &node in row.iter().filter(|&&node| node < self.vertices) {
                let size = match self.flow {
                    Flow::Right => Size { width: self.main[node], height: self.cross[node] },
                    Flow::Down => Size { width: self.cross[node], height: self.main[node] },
                };
                boxes[node] = (self.point(begin, self.at[node]), size);
            }
        }
        let across = (0..self.layers.nodes).map(|node| self.at[node] + self.cross[node]).max().unwrap_or(0);
        let end = self.point(next, across);
        Placed { flow: self.flow, size: Size { width: end.x, height: end.y }, boxes, routes }
    }

    /// Routes the pieces below `layer`, which takes `begin..end` of the main axis; where the next layer begins.
    fn route(&self, layer: usize, begin: i32, end: i32, routes: &mut Vec<Route>) -> i32 {
        let links = self.lanes(layer);
        let lanes = links.iter().filter_map(|(_, lane)| *lane).max().map_or(0, |lane| lane + 1);
        let longest = |above: bool| {
            let labelled = links.iter().filter(|(link, _)| self.labelled_above(link) == Some(above));
            labelled.map(|(link, _)| self.labels.get(link.edge).copied().unwrap_or(0)).max()
        };
        let (before, after) = match self.flow {
            Flow::Right => {
                let room = |above| longest(above).map_or(1, |label| label + 2);
                (room(true), if longest(false).is_some() { room(false) } else { 2 })
            }
            // Where nothing moves across, the label stands beside the arrow head.
            Flow::Down => (i32::from(lanes > 0 && longest(true).is_some()), 1),
        };
        let next = end + before + lanes + after;
        for (link, lane) in &links {
            let (from, to) = (self.leaves_at(link), self.arrives_at(link));
            // A box that is shorter than its layer, or a passing node, is left at its own end.
            let own_end = if link.from < self.vertices { begin + self.main[link.from] } else { begin };
            let mut corners = vec![self.point(own_end, from)];
            if let Some(lane) = lane {
                corners.extend([self.point(end + before + lane, from), self.point(end + before + lane, to)]);
            }
            corners.push(self.point(next - 1, to));
            let label = self.labelled_above(link).map(|above| match (self.flow, above) {
                (Flow::Right, true) => self.point(end + 1, from),
                (Flow::Right, false) => self.point(end + before + lanes + 1, to),
                (Flow::Down, true) if lanes == 0 => self.point(next - 1, from + 2),
                (Flow::Down, true) => self.point(end, from + 2),
                (Flow::Down, false) => self.point(next - 1, to + 2),
            });
            routes.push(Route { edge: link.edge, corners, arrives: link.to < self.vertices, label });
        }
        next
    }

    const fn point(&self, main: i32, cross: i32) -> Point {
        match self.flow {
            Flow::Right => Point { x: main, y: cross },
            Flow::Down => Point { x: cross, y: main },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layers::layers;
    use super::{Flow, Placed, Size, place};

    fn overlaps(placed: &Placed) -> bool {
        let boxes = &placed.boxes;
        boxes.iter().enumerate().any(|(nth, (a, of_a))| {
            boxes[nth + 1..].iter().any(|(b, of_b)| {
                a.x < b.x + of_b.width && b.x < a.x + of_a.width && a.y < b.y + of_b.height && b.y < a.y + of_a.height
            })
        })
    }

    #[test]
    fn boxes_never_overlap_and_lines_arrive() {
        let graphs: [(usize, &[(usize, usize)]); 4] = [
            (6, &[(0, 2), (1, 2), (2, 3), (3, 4), (3, 5)]),
            (4, &[(0, 2), (0, 3), (1, 2), (1, 3)]),
            (5, &[(0, 4), (0, 1), (1, 2), (2, 3), (3, 4)]),
            (1, &[]),
        ];
        for (vertices, edges) in graphs {
            let layered = layers(vertices, edges);
            for flow in [Flow::Right, Flow::Down] {
                let sizes = vec![Size { width: 20, height: 4 }; vertices];
                let placed = place(&layered, &sizes, &vec![12; edges.len()], flow);
                assert!(!overlaps(&placed), "{placed:?}");
                assert_eq!(placed.routes.iter().filter(|route| route.arrives).count(), edges.len());
                for route in placed.routes.iter().filter(|route| route.arrives) {
                    let (end, (target, size)) =
                        (route.corners[route.corners.len() - 1], placed.boxes[edges[route.edge].1]);
                    match flow {
                        Flow::Down => {
                            assert!(end.y == target.y - 1 && (target.x..target.x + size.width).contains(&end.x));
                        }
                        Flow::Right => {
                            assert!(end.x == target.x - 1 && (target.y..target.y + size.height).contains(&end.y));
                        }
                    }
                }
            }
        }
    }
}
