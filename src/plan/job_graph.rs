//! The job graph: chains of operators that run in one subtask, and the exchanges between them.

use std::sync::Arc;

use super::{Mode, NodeKind, Port, Scan, StreamEdge, StreamGraph, StreamNode};
use crate::api::{Chaining, EventTimeSpec, Exchange, OnError, PlannedOperator, PlannedSource};
use crate::expr::TypedExpr;
use crate::types::{FormerUids, OperatorUid, Schema, VertexId};

/// The graph that the runtime runs.
#[derive(Debug, Clone)]
pub struct JobGraph {
    /// The job's name.
    pub name: String,
    /// The number of key groups.
    pub max_parallelism: u16,
    /// In topological order; a [`VertexId`] is a position here.
    pub vertices: Vec<JobVertex>,
    /// Ordered by reader, then by input.
    pub edges: Vec<JobEdge>,
    /// The way the job runs.
    pub mode: Mode,
}

/// A chain: an optional source, then operators that call each other directly.
#[derive(Debug, Clone)]
pub struct JobVertex {
    /// `Source: bids -> Calc`
    pub name: String,
    /// The number of subtasks.
    pub parallelism: usize,
    /// The group of vertices with which it shares slots: subtask i of each in one.
    pub slot_group: String,
    /// The source that the vertex reads, when it begins with one; else it reads the edges that lead to it.
    pub source: Option<SourceTask>,
    /// The operators, in order. The first takes the source's rows or the inputs, each next the main output of the one
    /// before. Empty for a source alone.
    pub operators: Vec<ChainedOperator>,
    /// The treatment of rows that an operator rejects ([`Output::reject`](crate::api::Output::reject)).
    pub on_error: OnError,
}

/// One operator of a chain.
#[derive(Debug, Clone)]
pub struct ChainedOperator {
    /// The operator's name across restarts.
    pub uid: OperatorUid,
    /// The names that its state may be stored under besides.
    pub former: FormerUids,
    /// The operator.
    pub operator: Arc<dyn PlannedOperator>,
}

/// The source end of a chain: read, assign times and watermarks, hold back by pace, filter, project.
#[derive(Debug, Clone)]
pub struct SourceTask {
    /// The source's name across restarts.
    pub uid: OperatorUid,
    /// The source's name in the catalog.
    pub name: String,
    /// The source.
    pub source: Arc<dyn PlannedSource>,
    /// The columns that are parsed.
    pub projection: Vec<usize>,
    /// Event time over the projected columns.
    pub event_time: Option<EventTimeSpec>,
    /// The filter over the projected columns.
    pub filter: Option<TypedExpr>,
    /// The columns that leave, indices into the projected ones.
    pub output: Vec<usize>,
    /// The schema of what leaves.
    pub schema: Schema,
    /// Event time runs this many times faster than it happened.
    pub pace: Option<f64>,
    /// The treatment of rows that can't be read.
    pub on_error: OnError,
}

/// One stream between two chains.
#[derive(Debug, Clone)]
pub struct JobEdge {
    /// The producer.
    pub from: VertexId,
    /// The output of the producer.
    pub port: Port,
    /// The reader.
    pub to: VertexId,
    /// The input of the reader's first operator.
    pub input: usize,
    /// The distribution of rows.
    pub exchange: Exchange,
}

impl JobGraph {
    /// Chains `graph` as Flink does: an operator joins the chain of its producer when it has one input, is the only
    /// reader of the producer's main output, takes its rows forward, and runs at the same parallelism.
    ///
    /// With `parallelism` the nodes that are not [`fixed`](StreamNode::fixed) run at that instead of the graph's own (a
    /// rescale); it is held within 1 and the graph's maximum.
    #[must_use]
    pub fn from_stream_graph(graph: &StreamGraph, parallelism: Option<usize>) -> Self {
        let limit = usize::from(graph.max_parallelism).max(1);
        let parallelisms: Vec<usize> = graph
            .nodes
            .iter()
            .map(|node| parallelism.map_or(node.parallelism, |parallelism| node.parallelism_in(parallelism)))
            .map(|parallelism| parallelism.clamp(1, limit))
            .collect();
        let chains = Chains::new(graph, &parallelisms);
        let vertices = chains.members.iter().map(|members| vertex(graph, members, &parallelisms)).collect();
        let edges = chains.edges(graph, &parallelisms);
        Self { name: graph.name.clone(), max_parallelism: graph.max_parallelism, vertices, edges, mode: graph.mode }
    }

    /// Whether the readers of an exchange begin when its producers have finished.
    #[must_use]
    pub fn is_blocking(&self, exchange: &Exchange) -> bool {
        is_blocking(self.mode, exchange)
    }

    /// The slots it needs: of each slot-sharing group as many as its widest vertex has subtasks, because one subtask of each
    /// shares a slot.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slot_groups().iter().map(|(_, width)| width).sum()
    }

    /// The slot of subtask `index` of `vertex`: those of a group lie side by side.
    #[must_use]
    pub fn slot_of(&self, vertex: &JobVertex, index: usize) -> usize {
        let groups = self.slot_groups();
        let before = groups.iter().take_while(|(group, _)| *group != vertex.slot_group);
        before.map(|(_, width)| width).sum::<usize>() + index
    }

    /// The slot-sharing groups, in the order in which they first appear, with their widths.
    fn slot_groups(&self) -> Vec<(&str, usize)> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for vertex in &self.vertices {
            match groups.iter_mut().find(|(group, _)| *group == vertex.slot_group) {
                Some((_, width)) => *width = (*width).max(vertex.parallelism),
                None => groups.push((&vertex.slot_group, vertex.parallelism)),
            }
        }
        groups
    }
}

/// The task manager, of `task_managers`, that slot `slot` of `slots` belongs to: neighbours share one.
#[must_use]
pub fn task_manager_of(slot: usize, slots: usize, task_managers: usize) -> usize {
    let task_managers = task_managers.clamp(1, slots.max(1));
    (slot * task_managers) / slots.max(1)
}

/// The chains and their nodes: which node is in which chain.
struct Chains {
    /// The nodes of each chain, in order; chains in the order of their heads, which is topological because an edge into
    /// a chain leads to its head.
    members: Vec<Vec<usize>>,
    /// For each node its chain and its place in it.
    place: Vec<(usize, usize)>,
}

impl Chains {
    fn new(graph: &StreamGraph, parallelisms: &[usize]) -> Self {
        let mut inputs: Vec<Vec<&StreamEdge>> = vec![Vec::new(); graph.nodes.len()];
        let mut main_readers = vec![0_usize; graph.nodes.len()];
        for edge in &graph.edges {
            inputs[edge.to].push(edge);
            main_readers[edge.from] += usize::from(edge.port == Port::Main);
        }
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut place = Vec::with_capacity(graph.nodes.len());
        for node in 0..graph.nodes.len() {
            let chained = match inputs[node].as_slice() {
                [edge] => {
                    edge.port == Port::Main
                        && edge.exchange == Exchange::Forward
                        && main_readers[edge.from] == 1
                        && may_chain(&graph.nodes[edge.from], &graph.nodes[node])
                        && parallelisms[edge.from] == parallelisms[node]
                }
                _ => false,
            };
            if chained {
                let (chain, _): (usize, usize) = place[inputs[node][0].from];
                place.push((chain, members[chain].len()));
                members[chain].push(node);
            } else {
                place.push((members.len(), 0));
                members.push(vec![node]);
            }
        }
        Self { members, place }
    }

    /// The edges between chains. All operators of a chain reject into one edge.
    fn edges(&self, graph: &StreamGraph, parallelisms: &[usize]) -> Vec<JobEdge> {
        let mut edges: Vec<JobEdge> = Vec::new();
        let mut dead_letters_of = vec![false; self.members.len()];
        let mut dead_letters: Vec<JobEdge> = Vec::new();
        for edge in &graph.edges {
            let ((from, position), (to, _)) = (self.place[edge.from], self.place[edge.to]);
            if from == to {
                continue;
            }
            let has_source = matches!(graph.nodes[self.members[from][0]].node.kind, NodeKind::Scan(_));
            let port = match edge.port {
                Port::Side { port, .. } => Port::Side { operator: position - usize::from(has_source), port },
                Port::Main => Port::Main,
                Port::DeadLetter | Port::SourceDeadLetter => edge.port,
            };
            let exchange = edge.exchange_between(parallelisms[edge.from], parallelisms[edge.to]);
            let made = JobEdge { from: VertexId(from), port, to: VertexId(to), input: edge.input, exchange };
            match port {
                Port::Main | Port::Side { .. } => edges.push(made),
                Port::DeadLetter if std::mem::replace(&mut dead_letters_of[from], true) => {}
                Port::DeadLetter | Port::SourceDeadLetter => dead_letters.push(made),
            }
        }
        // What was left out must leave no gap in the numbers of the inputs.
        let mut inputs = vec![0_usize; self.members.len()];
        for mut edge in dead_letters {
            edge.input = inputs[edge.to.0];
            inputs[edge.to.0] += 1;
            edges.push(edge);
        }
        edges.sort_by_key(|edge| (edge.to, edge.input));
        edges
    }
}

fn vertex(graph: &StreamGraph, members: &[usize], parallelisms: &[usize]) -> JobVertex {
    let mut name = String::new();
    let mut source = None;
    let mut operators = Vec::new();
    for &member in members {
        let StreamNode { node, .. } = &graph.nodes[member];
        if !name.is_empty() {
            name.push_str(" -> ");
        }
        name.push_str(&node.title());
        match &node.kind {
            NodeKind::Scan(scan) => source = Some(SourceTask::new(node.uid.clone(), scan)),
            NodeKind::Operator(operator) => {
                let former = node.former.clone();
                operators.push(ChainedOperator { uid: node.uid.clone(), former, operator: operator.clone() });
            }
        }
    }
    let slot_group = graph.nodes[members[0]].slot_group.clone();
    let parallelism = parallelisms[members[0]];
    JobVertex { name, parallelism, slot_group, source, operators, on_error: graph.on_error }
}

/// Whether the readers of such an exchange begin when its producers have finished.
pub(super) fn is_blocking(mode: Mode, exchange: &Exchange) -> bool {
    mode == Mode::Batch && matches!(exchange, Exchange::Hash(_))
}

/// Whether `reader` may run in the chain of `producer`, as far as was typed.
fn may_chain(producer: &StreamNode, reader: &StreamNode) -> bool {
    producer.node.placement.chaining != Chaining::Off
        && reader.node.placement.chaining == Chaining::Always
        && producer.slot_group == reader.slot_group
}

impl SourceTask {
    fn new(uid: OperatorUid, scan: &Scan) -> Self {
        Self {
            uid,
            name: scan.name.clone(),
            source: scan.source.clone(),
            projection: scan.projection.clone(),
            event_time: scan.event_time.clone(),
            filter: scan.filter.clone(),
            output: scan.output.clone(),
            schema: scan.schema.clone(),
            pace: scan.pace,
            on_error: scan.on_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{SideOutput, StreamRef};
    use crate::plan::DeadLetterSink;
    use crate::plan::testing::{Does, Fake, PlanBuilder};
    use crate::types::{Span, Spanned};

    fn graph(plan: &PlanBuilder, parallelism: usize) -> JobGraph {
        JobGraph::from_stream_graph(&StreamGraph::new("job", &plan.plan, parallelism, 128), None)
    }

    fn names(graph: &JobGraph) -> Vec<&str> {
        graph.vertices.iter().map(|vertex| vertex.name.as_str()).collect()
    }

    fn edges(graph: &JobGraph) -> Vec<(usize, usize, usize, &Exchange)> {
        graph.edges.iter().map(|edge| (edge.from.0, edge.to.0, edge.input, &edge.exchange)).collect()
    }

    #[test]
    fn forward_edges_chain_and_a_hash_edge_breaks_the_chain() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let hot = plan.filter(bids, 5);
        let sum = plan.sum(hot, 0, 2);
        let named = plan.select(sum, &[(1, "t")]);
        plan.sink(named, "hot_file");
        let graph = graph(&plan, 2);
        assert_eq!(names(&graph), ["Source: bids -> Filter", "GroupAggregate -> Calc -> Sink: hot_file"]);
        assert_eq!(edges(&graph), [(0, 1, 0, &Exchange::Hash(vec![0]))]);
        assert!(graph.vertices[0].source.is_some());
        assert_eq!(graph.vertices[1].operators.len(), 3);
        assert_eq!(graph.slots(), 2);
    }

    #[test]
    fn a_stream_of_two_readers_ends_its_chain() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        plan.sink(bids, "a");
        plan.sink(bids, "b");
        let graph = graph(&plan, 1);
        assert_eq!(names(&graph), ["Source: bids", "Sink: a", "Sink: b"]);
        assert_eq!(edges(&graph), [(0, 1, 0, &Exchange::Forward), (0, 2, 0, &Exchange::Forward)]);
    }

    #[test]
    fn an_operator_of_two_inputs_heads_its_chain() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let union = plan.apply(Fake::new("Union", Does::Union, plan.schema(bids)).arc(), &[bids, bids]);
        plan.sink(union, "out");
        let graph = graph(&plan, 2);
        assert_eq!(names(&graph), ["Source: bids", "Union -> Sink: out"]);
        assert_eq!(edges(&graph), [(0, 1, 0, &Exchange::Forward), (0, 1, 1, &Exchange::Forward)]);
    }

    #[test]
    fn another_parallelism_rebalances_and_is_chained_anew_when_rescaled() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let limit = Fake { parallelism: Some(1), ..Fake::new("Limit", Does::Nothing, plan.schema(bids)) };
        let limit = plan.apply(limit.arc(), &[bids]);
        plan.sink(limit, "out");
        plan.plan.nodes[2].parallelism = Some(Spanned::new(1, Span::default()));
        let stream = StreamGraph::new("job", &plan.plan, 2, 128);
        let wide = JobGraph::from_stream_graph(&stream, None);
        assert_eq!(names(&wide), ["Source: bids", "Limit -> Sink: out"]);
        assert_eq!(edges(&wide), [(0, 1, 0, &Exchange::Rebalance)]);
        let narrow = JobGraph::from_stream_graph(&stream, Some(1));
        assert_eq!(names(&narrow), ["Source: bids -> Limit -> Sink: out"]);
        let wider = JobGraph::from_stream_graph(&stream, Some(500));
        assert_eq!(wider.vertices.iter().map(|vertex| vertex.parallelism).collect::<Vec<_>>(), [128, 1]);
    }

    #[test]
    fn a_side_output_is_told_by_its_operator_and_does_not_break_the_chain() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let hot = plan.filter(bids, 5);
        let schema = plan.schema(hot);
        let side = SideOutput { name: "late".into(), schema: schema.clone() };
        let splits = plan.apply(Fake { sides: vec![side], ..Fake::new("Split", Does::Nothing, schema) }.arc(), &[hot]);
        plan.sink(splits, "main");
        plan.sink(StreamRef { node: splits.node, output: 1 }, "late");
        let graph = graph(&plan, 1);
        assert_eq!(names(&graph), ["Source: bids -> Filter -> Split -> Sink: main", "Sink: late"]);
        assert_eq!(graph.edges[0].port, Port::Side { operator: 1, port: 0 });
    }

    #[test]
    fn a_chain_rejects_into_one_edge_and_its_source_into_its_own() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let hot = plan.filter(bids, 5);
        let sum = plan.sum(hot, 0, 2);
        plan.sink(sum, "out");
        let sink = |scan: Option<OperatorUid>, uid: &str| DeadLetterSink {
            scan,
            uid: OperatorUid::new(uid),
            name: uid.into(),
            operator: Fake::new("FileSink", Does::Nothing, crate::api::dead_letter_schema()).arc(),
        };
        plan.plan.dead_letters = vec![sink(Some(OperatorUid::new("op0")), "bids"), sink(None, "job")];
        plan.plan.on_error = OnError::DeadLetter;
        let both = graph(&plan, 2);
        assert_eq!(names(&both)[2..], ["Sink: bids", "Sink: job"]);
        let dead: Vec<_> = both.edges.iter().filter(|edge| edge.port != Port::Main).collect();
        let ends: Vec<_> = dead.iter().map(|edge| (edge.from.0, edge.port, edge.to.0, edge.input)).collect();
        let (of_source, of_operators) = (Port::SourceDeadLetter, Port::DeadLetter);
        assert_eq!(ends, [(0, of_source, 2, 0), (0, of_operators, 3, 0), (1, of_operators, 3, 1)]);
        assert!(both.vertices.iter().all(|vertex| vertex.on_error == OnError::DeadLetter));

        plan.plan.dead_letters.remove(0);
        let shared = graph(&plan, 2);
        let dead: Vec<_> = shared.edges.iter().filter(|edge| edge.port == Port::DeadLetter).collect();
        let ends: Vec<_> = dead.iter().map(|edge| (edge.from.0, edge.to.0, edge.input)).collect();
        assert_eq!(ends, [(0, 2, 0), (1, 2, 1)]);
    }

    #[test]
    fn chains_and_slots_are_as_typed() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let one = plan.filter(bids, 5);
        let two = plan.filter(one, 5);
        let three = plan.filter(two, 5);
        plan.sink(three, "out");
        let placed = |change: &dyn Fn(&mut PlanBuilder)| {
            let mut plan = plan.clone();
            change(&mut plan);
            graph(&plan, 2)
        };
        let chained = placed(&|plan| plan.plan.nodes[two.node].placement.chaining = Chaining::New);
        assert_eq!(names(&chained), ["Source: bids -> Filter", "Filter -> Filter -> Sink: out"]);
        let alone = placed(&|plan| plan.plan.nodes[two.node].placement.chaining = Chaining::Off);
        assert_eq!(names(&alone), ["Source: bids -> Filter", "Filter", "Filter -> Sink: out"]);
        assert_eq!(alone.slots(), 2);
        let grouped = placed(&|plan| {
            plan.plan.nodes[two.node].placement.slot_group = Some("heavy".into());
            plan.plan.nodes[two.node].parallelism = Some(Spanned::new(3, Span::default()));
        });
        assert_eq!(names(&grouped), ["Source: bids -> Filter", "Filter", "Filter -> Sink: out"]);
        let groups: Vec<&str> = grouped.vertices.iter().map(|vertex| vertex.slot_group.as_str()).collect();
        assert_eq!(groups, ["default", "heavy", "heavy"], "those behind it inherit it");
        let slots: Vec<_> = grouped.vertices.iter().map(|vertex| grouped.slot_of(vertex, 0)).collect();
        assert_eq!((grouped.slots(), slots), (5, vec![0, 2, 2]));
        let narrow = placed(&|plan| plan.plan.nodes[three.node].placement.max_parallelism = Some(1));
        assert_eq!(narrow.vertices.iter().map(|vertex| vertex.parallelism).collect::<Vec<_>>(), [2, 1, 2]);
    }

    #[test]
    fn slots_are_divided_evenly_among_neighbours() {
        let of = |slots, managers| (0..slots).map(|slot| task_manager_of(slot, slots, managers)).collect::<Vec<_>>();
        assert_eq!(of(4, 2), [0, 0, 1, 1]);
        assert_eq!(of(5, 2), [0, 0, 0, 1, 1]);
        assert_eq!(of(2, 8), [0, 1]);
        assert_eq!(of(3, 0), [0, 0, 0]);
    }
}
