//! The layers of the graph: which layer a vertex is in, and where in it.

/// Rounds of ordering by barycentre: a few settle what they can settle.
const ROUNDS: usize = 6;

/// Nodes in layers: the vertices, then one node for each layer that an edge only passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layers {
    /// The nodes of each layer, in order.
    pub(super) rows: Vec<Vec<usize>>,
    /// The pieces of edges, each from a layer to the next.
    pub(super) links: Vec<Link>,
    /// Vertices and passing nodes.
    pub(super) nodes: usize,
}

/// A piece of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// The upper node.
    pub(super) from: usize,
    /// The lower node.
    pub(super) to: usize,
    /// The layer of `from`.
    pub(super) layer: usize,
    /// The edge that the link is a piece of.
    pub(super) edge: usize,
}

/// Layers `vertices` vertices; an edge leads from a lower number to a higher one, others are left out.
pub(super) fn layers(vertices: usize, edges: &[(usize, usize)]) -> Layers {
    let forward = |&&(from, to): &&(usize, usize)| from < to && to < vertices;
    let mut layer = vec![0_usize; vertices];
    for to in 0..vertices {
        let above = edges.iter().filter(forward).filter(|edge| edge.1 == to);
        layer[to] = above.map(|edge| layer[edge.0] + 1).max().unwrap_or(0);
    }
    // A source stands right above what reads it first.
    for vertex in 0..vertices {
        if !edges.iter().filter(forward).any(|edge| edge.1 == vertex) {
            let below = edges.iter().filter(forward).filter(|edge| edge.0 == vertex).map(|edge| layer[edge.1]).min();
            layer[vertex] = below.map_or(0, |below| below - 1);
        }
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layer.iter().max().map_or(0, |deepest| deepest + 1)];
    for (vertex, &layer) in layer.iter().enumerate() {
        rows[layer].push(vertex);
    }
    let (mut links, mut nodes) = (Vec::new(), vertices);
    for (edge, &(from, to)) in edges.iter().enumerate().filter(|(_, edge)| forward(edge)) {
        let mut at = from;
        for (passed, row) in rows.iter_mut().enumerate().take(layer[to]).skip(layer[from] + 1) {
            row.push(nodes);
            links.push(Link { from: at, to: nodes, layer: passed - 1, edge });
            (at, nodes) = (nodes, nodes + 1);
        }
        links.push(Link { from: at, to, layer: layer[to] - 1, edge });
    }
    let mut layers = Layers { rows, links, nodes };
    layers.untangle();
    layers
}

impl Layers {
    /// Orders each layer by where its neighbours stand, down and up, and keeps the order with the fewest crossings.
    fn untangle(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for round in 0..ROUNDS {
            if best.0 == 0 {
                break;
            }
            let down = round % 2 == 0;
            let order: Vec<usize> =
                if down { (0..self.rows.len()).collect() } else { (0..self.rows.len()).rev().collect() };
            for layer in order {
                self.order_layer(layer, down);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    #[expect(clippy::cast_precision_loss, reason = "places in a layer")]
    fn order_layer(&mut self, layer: usize, down: bool) {
        let places = self.places();
        let centre = |node: usize| {
            let beside = self.links.iter().filter_map(|link| match (down, link.from == node, link.to == node) {
                (true, _, true) => Some(places[link.from]),
                (false, true, _) => Some(places[link.to]),
                _ => None,
            });
            let (count, sum) = beside.fold((0_usize, 0_usize), |(count, sum), place| (count + 1, sum + place));
            if count == 0 { places[node] as f64 } else { sum as f64 / count as f64 }
        };
        let mut row: Vec<(f64, usize)> = self.rows[layer].iter().map(|&node| (centre(node), node)).collect();
        row.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows[layer] = row.into_iter().map(|(_, node)| node).collect();
    }

    /// The place of each node in its layer.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.nodes];
        for row in &self.rows {
            for (place, &node) in row.iter().enumerate() {
                places[node] = place;
            }
        }
        places
    }

    /// Pairs of pieces that cross.
    fn crossings(&self) -> usize {
        let places = self.places();
        let mut crossings = 0;
        for (nth, a) in self.links.iter().enumerate() {
            for b in self.links[nth + 1..].iter().filter(|b| b.layer == a.layer) {
                let above = places[a.from].cmp(&places[b.from]);
                let below = places[a.to].cmp(&places[b.to]);
                crossings += usize::from(above.is_lt() && below.is_gt() || above.is_gt() && below.is_lt());
            }
        }
        crossings
    }
}

#[cfg(test)]
mod tests {
    use super::layers;

    #[test]
    fn a_source_stands_right_above_its_reader_and_long_edges_pass() {
        // 0 -> 1 -> 3, 2 -> 3, 0 -> 3: the last passes the layer of 1 and 2.
        let layered = layers(4, &[(0, 1), (1, 3), (2, 3), (0, 3)]);
        assert_eq!(layered.rows.len(), 3);
        assert_eq!(layered.rows[0], [0]);
        assert_eq!(layered.rows[1].len(), 3, "1, 2 and the passing edge");
        assert_eq!(layered.nodes, 5);
        assert_eq!(layered.links.len(), 5);
    }

    #[test]
    fn crossings_are_untangled() {
        // Two pairs, written crosswise.
        let layered = layers(4, &[(0, 3), (1, 2)]);
        assert_eq!(layered.crossings(), 0);
    }

    #[test]
    fn nonsense_is_left_out() {
        assert_eq!(layers(0, &[(0, 1)]).rows.len(), 0);
        assert!(layers(2, &[(1, 0), (0, 0), (0, 9)]).links.is_empty());
    }
}
