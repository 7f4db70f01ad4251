//! Both sides of the protocol over a small network, by seed: checkpoints are aborted, or can't be written, at any moment;
//! subtasks hear of aborts late, and end when they like.

use std::collections::{BTreeMap, VecDeque};

use super::{Aligned, Aligner, Completed, Coordinator};
use crate::state::{OperatorDelta, StateChange, StateDelta};
use crate::types::{CheckpointId, OperatorUid, SubtaskId, VertexId, key_group};

const SOURCES: usize = 2;
/// Subtasks of each of the two vertices behind the sources.
const WIDTH: usize = 2;
/// Rows of each source.
const ROWS: u8 = 40;

#[derive(Debug, Clone, Copy)]
enum Item {
    /// The `n`-th row of a source.
    Row(usize, u8),
    Barrier(CheckpointId),
    End,
}

/// A subtask that sends on what it reads. Its state is the rows that it has seen.
struct Node {
    id: SubtaskId,
    inputs: Vec<VecDeque<Item>>,
    aligner: Aligner,
    /// Aborts on their way to it.
    aborts: VecDeque<CheckpointId>,
    live: usize,
    /// Seen since the last snapshot.
    fresh: Vec<u8>,
}

struct Source {
    id: SubtaskId,
    barriers: VecDeque<CheckpointId>,
    next: u8,
    ended: bool,
    /// The number of rows before the barrier of each checkpoint that the source took part in; before any other, all.
    cuts: BTreeMap<CheckpointId, u8>,
}

struct Network {
    seed: u64,
    coordinator: Coordinator,
    sources: Vec<Source>,
    nodes: Vec<Node>,
    id: u64,
    in_flight: Option<Completed>,
    /// The contents of durable checkpoints, by node.
    durable: Vec<Vec<u8>>,
    completed: usize,
    aborted: usize,
}

fn deltas(id: SubtaskId, rows: Vec<u8>) -> Vec<OperatorDelta> {
    let changes = rows.into_iter().map(|row| StateChange::Commit { entry: vec![row] }).collect();
    let uid = OperatorUid::new(format!("op-{}", id.vertex.0));
    vec![OperatorDelta { uid, subtask: id.index, key_groups: 0..0, delta: StateDelta { changes } }]
}

impl Network {
    fn new(seed: u64) -> Self {
        let subtask = |vertex, index| SubtaskId { vertex: VertexId(vertex), index };
        let node = |vertex, index, inputs| Node {
            id: subtask(vertex, index),
            inputs: vec![VecDeque::new(); inputs],
            aligner: Aligner::new(inputs),
            aborts: VecDeque::new(),
            live: inputs,
            fresh: Vec::new(),
        };
        let sources: Vec<_> = (0..SOURCES)
            .map(|index| Source {
                id: subtask(0, index),
                barriers: VecDeque::new(),
                next: 0,
                ended: false,
                cuts: BTreeMap::new(),
            })
            .collect();
        let nodes: Vec<_> = (0..WIDTH)
            .map(|index| node(1, index, SOURCES))
            .chain((0..WIDTH).map(|index| node(2, index, WIDTH)))
            .collect();
        let all = sources.iter().map(|source| source.id).chain(nodes.iter().map(|node| node.id));
        Self {
            seed,
            coordinator: Coordinator::new(all, None),
            durable: vec![Vec::new(); nodes.len()],
            sources,
            nodes,
            id: 0,
            in_flight: None,
            completed: 0,
            aborted: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        usize::try_from(key_group::mix(self.seed) % bound as u64).expect("below a usize")
    }

    /// Sends `item` on from `id` to every subtask of the vertex behind it.
    fn send(&mut self, id: SubtaskId, item: Item) {
        for node in self.nodes.iter_mut().filter(|node| node.id.vertex.0 == id.vertex.0 + 1) {
            node.inputs[id.index].push_back(item);
        }
    }

    fn take(&mut self, completed: Option<Completed>) {
        self.in_flight = self.in_flight.take().or(completed);
    }

    /// One random thing happens.
    fn step(&mut self) {
        match self.below(24) {
            0 | 1 if self.in_flight.is_none() && self.coordinator.pending().is_none() => {
                let id = CheckpointId(self.id + 1);
                if self.coordinator.trigger(id, 0).is_ok() {
                    self.id += 1;
                    let sources = self.sources.iter_mut().filter(|source| !source.ended);
                    sources.for_each(|source| source.barriers.push_back(id));
                }
            }
            2 => {
                if self.below(10) == 0
                    && let Some(id) = self.coordinator.abort()
                {
                    self.aborted += 1;
                    self.nodes.iter_mut().for_each(|node| node.aborts.push_back(id));
                }
            }
            3 | 4 => {
                let well = self.below(3) > 0;
                self.written(well);
            }
            5..12 => {
                let index = self.below(SOURCES);
                self.source(index);
            }
            _ => {
                let index = self.below(self.nodes.len());
                self.node(index);
            }
        }
    }

    fn source(&mut self, index: usize) {
        let source = &mut self.sources[index];
        if source.ended {
            return;
        }
        let id = source.id;
        if let Some(barrier) = source.barriers.pop_front() {
            source.cuts.insert(barrier, source.next);
            self.send(id, Item::Barrier(barrier));
            let completed = self.coordinator.acknowledge(id, barrier, deltas(id, Vec::new()), 0);
            self.take(completed);
        } else if source.next < ROWS {
            source.next += 1;
            let row = Item::Row(index, source.next);
            self.send(id, row);
        } else {
            source.ended = true;
            self.send(id, Item::End);
            let completed = self.coordinator.finish(id, deltas(id, Vec::new()));
            self.take(completed);
        }
    }

    fn node(&mut self, index: usize) {
        let hears = self.below(4) == 0;
        let node = &mut self.nodes[index];
        if let Some(id) = node.aborts.pop_front_if(|_| hears) {
            node.aligner.abort(id);
            return;
        }
        let readable = |channel: &usize| !node.aligner.is_blocked(*channel) && !node.inputs[*channel].is_empty();
        let open: Vec<usize> = (0..node.inputs.len()).filter(readable).collect();
        if open.is_empty() {
            return;
        }
        let channel = open[self.below(open.len())];
        let node = &mut self.nodes[index];
        let id = node.id;
        match node.inputs[channel].pop_front() {
            Some(Item::Row(source, row)) => {
                // Each row comes to a last node by both ways.
                node.fresh.push(row + u8::try_from(source).expect("few") * 100);
                self.send(id, Item::Row(source, row));
            }
            Some(Item::Barrier(barrier)) => {
                let aligned = node.aligner.barrier(channel, barrier, 0);
                self.snapshot(index, aligned);
            }
            Some(Item::End) => {
                node.live -= 1;
                let aligned = node.aligner.end(channel, 0);
                self.snapshot(index, aligned);
                let node = &mut self.nodes[index];
                if node.live == 0 {
                    let rows = std::mem::take(&mut node.fresh);
                    self.send(id, Item::End);
                    let completed = self.coordinator.finish(id, deltas(id, rows));
                    self.take(completed);
                }
            }
            None => {}
        }
    }

    fn snapshot(&mut self, index: usize, aligned: Option<Aligned>) {
        let Some(aligned) = aligned else { return };
        let node = &mut self.nodes[index];
        let (id, rows) = (node.id, std::mem::take(&mut node.fresh));
        self.send(id, Item::Barrier(aligned.id));
        let completed = self.coordinator.acknowledge(id, aligned.id, deltas(id, rows), 0);
        self.take(completed);
    }

    /// The write under way ends: well, then what is durable is just what stands before the sources' barriers.
    fn written(&mut self, well: bool) {
        let Some(completed) = self.in_flight.take() else { return };
        if !well {
            self.coordinator.give_back(completed);
            return;
        }
        self.completed += 1;
        for delta in &completed.deltas {
            let node = self
                .nodes
                .iter()
                .position(|node| delta.uid == deltas(node.id, Vec::new())[0].uid && node.id.index == delta.subtask);
            for change in &delta.delta.changes {
                if let (Some(node), StateChange::Commit { entry }) = (node, change) {
                    self.durable[node].push(entry[0]);
                }
            }
        }
        for (node, durable) in self.nodes.iter().zip(&self.durable) {
            let ways = if node.id.vertex.0 == 1 { 1 } else { WIDTH };
            let mut expected: Vec<u8> = Vec::new();
            for (index, source) in (0_u8..).zip(&self.sources) {
                let cut = source.cuts.get(&completed.id).copied().unwrap_or(ROWS);
                let rows = (1..=cut).map(|row| row + index * 100);
                expected.extend(rows.flat_map(|row| std::iter::repeat_n(row, ways)));
            }
            let mut durable = durable.clone();
            durable.sort_unstable();
            assert_eq!(durable, expected, "{} in checkpoint {}", node.id, completed.id);
        }
    }
}

#[test]
fn what_is_durable_is_a_consistent_cut_whatever_was_aborted_before() {
    let (mut completed, mut aborted) = (0, 0);
    for seed in 0..400 {
        let mut network = Network::new(seed << 32);
        let mut steps = 0;
        while !network.coordinator.all_finished() || network.in_flight.is_some() {
            network.step();
            steps += 1;
            assert!(steps < 100_000, "seed {seed} stands still");
        }
        network.coordinator.abort();
        network.in_flight = network.coordinator.last(CheckpointId(network.id + 1), 0).ok();
        network.written(true);
        completed += network.completed;
        aborted += network.aborted;
    }
    assert!(completed > 900 && aborted > 500, "{completed} completed, {aborted} aborted");
}
