//! The stream graph: operators with their parallelism, edges with their exchange.

use super::{LogicalNode, LogicalPlan, Mode, NodeKind, Port};
use crate::api::{ChangelogMode, DEFAULT_SLOT_GROUP, Exchange, OnError, Placement};
use crate::types::{FormerUids, LogicalType, Schema};

/// A job's operators and exchanges, before chaining and at a given default parallelism.
#[derive(Debug, Clone)]
pub struct StreamGraph {
    /// The job's name.
    pub name: String,
    /// The parallelism of nodes that do not say otherwise.
    pub parallelism: usize,
    /// The number of key groups.
    pub max_parallelism: u16,
    /// In topological order.
    pub nodes: Vec<StreamNode>,
    /// Ordered by reader, then by input.
    pub edges: Vec<StreamEdge>,
    /// The treatment of rows that operators reject.
    pub on_error: OnError,
    /// The way the job runs.
    pub mode: Mode,
}

/// One operator.
#[derive(Debug, Clone)]
pub struct StreamNode {
    /// The logical node, which says what the operator does.
    pub node: LogicalNode,
    /// The number of instances.
    pub parallelism: usize,
    /// Whether its own parallelism was fixed (typed, or by the operator), so that rescaling the job leaves it alone.
    pub fixed: bool,
    /// The group of operators with which it shares slots.
    pub slot_group: String,
}

impl StreamNode {
    /// The parallelism that the node has in a job of parallelism `job`.
    #[must_use]
    pub fn parallelism_in(&self, job: usize) -> usize {
        let most = self.node.placement.max_parallelism.map_or(usize::MAX, usize::from);
        if self.fixed { self.parallelism } else { job.min(most) }
    }
}

/// One stream between two operators.
#[derive(Debug, Clone)]
pub struct StreamEdge {
    /// The producer's position in [`StreamGraph::nodes`].
    pub from: usize,
    /// The output of the producer; `operator` of [`Port::Side`] is 0 here.
    pub port: Port,
    /// The reader's position.
    pub to: usize,
    /// The input of the reader.
    pub input: usize,
    /// The distribution of rows.
    pub exchange: Exchange,
    /// The distribution of rows instead where `exchange` is forward and subtasks have no counterparts.
    pub dealt: Exchange,
}

impl StreamGraph {
    /// The operators and exchanges of `plan`, each operator at the parallelism it must have, was given, or else at
    /// `parallelism`; after them the dead-letter sinks, which are one each.
    #[must_use]
    pub fn new(name: impl Into<String>, plan: &LogicalPlan, parallelism: usize, max_parallelism: u16) -> Self {
        let limit = usize::from(max_parallelism).max(1);
        let parallelism = parallelism.clamp(1, limit);
        let changelogs = plan.changelogs();
        let (groups, followers) = (slot_groups(plan), followers(plan, &changelogs));
        let nodes = plan
            .nodes
            .iter()
            .zip(groups)
            .zip(followers)
            .map(|((node, slot_group), follows)| {
                let own = node.own_parallelism().map(|own| usize::try_from(own).unwrap_or(usize::MAX));
                let fixed = own.or_else(|| follows.then_some(1)).map(|own| own.clamp(1, limit));
                let node = node.clone();
                let mut node = StreamNode { node, parallelism: fixed.unwrap_or(0), fixed: fixed.is_some(), slot_group };
                node.parallelism = node.parallelism_in(parallelism);
                node
            })
            .collect();
        let mut edges = Vec::new();
        for (to, node) in plan.nodes.iter().enumerate() {
            for (input, stream) in node.inputs.iter().enumerate() {
                let port = match stream.output.checked_sub(1) {
                    None => Port::Main,
                    Some(port) => Port::Side { operator: 0, port },
                };
                let dealt = plan
                    .schema(*stream)
                    .map_or(Exchange::Global, |schema| dealt(&plan.changelog(*stream, &changelogs), &schema));
                let exchange = match &node.kind {
                    NodeKind::Scan(_) => Exchange::Forward,
                    NodeKind::Operator(operator) => match operator.exchange(input) {
                        Exchange::Rebalance => dealt.clone(),
                        Exchange::Rescale if dealt != Exchange::Rebalance => dealt.clone(),
                        exchange @ (Exchange::Forward
                        | Exchange::Rescale
                        | Exchange::Hash(_)
                        | Exchange::Broadcast
                        | Exchange::Global) => exchange,
                    },
                };
                edges.push(StreamEdge { from: stream.node, port, to, input, exchange, dealt });
            }
        }
        let (name, on_error, mode) = (name.into(), plan.on_error, Mode::default());
        let mut graph = Self { name, parallelism, max_parallelism, nodes, edges, on_error, mode };
        graph.add_dead_letters(plan);
        graph
    }

    /// The same for a job of this mode.
    #[must_use]
    pub const fn in_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// One node a dead-letter sink, one input for each producer of rejected rows.
    fn add_dead_letters(&mut self, plan: &LogicalPlan) {
        for sink in &plan.dead_letters {
            let producers = plan.nodes.iter().enumerate().filter(|(_, node)| match &sink.scan {
                Some(scan) => node.uid == *scan,
                // A scan too: a filter that runs in it is an operator of the job.
                None => true,
            });
            let port = if sink.scan.is_some() { Port::SourceDeadLetter } else { Port::DeadLetter };
            let to = self.nodes.len();
            let edges: Vec<_> = producers
                .enumerate()
                .map(|(input, (from, _))| {
                    let exchange = Exchange::Global;
                    StreamEdge { from, port, to, input, dealt: exchange.clone(), exchange }
                })
                .collect();
            if edges.is_empty() {
                continue;
            }
            self.edges.extend(edges);
            let node = LogicalNode {
                kind: NodeKind::Operator(sink.operator.clone()),
                inputs: Vec::new(),
                uid: sink.uid.clone(),
                former: FormerUids::default(),
                parallelism: None,
                placement: Placement::default(),
                sink: Some(sink.name.clone()),
            };
            let slot_group = DEFAULT_SLOT_GROUP.to_owned();
            self.nodes.push(StreamNode { node, parallelism: 1, fixed: true, slot_group });
        }
    }
}

/// The slot-sharing group of each node: the one typed, else that of its inputs where they are of one, as in Flink.
fn slot_groups(plan: &LogicalPlan) -> Vec<String> {
    let mut groups: Vec<String> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let mut inputs = node.inputs.iter().map(|input| &groups[input.node]);
        let inherited = inputs.next().filter(|first| inputs.all(|other| other == *first));
        let group = node.placement.slot_group.as_ref().or(inherited);
        groups.push(group.map_or(DEFAULT_SLOT_GROUP, String::as_str).to_owned());
    }
    groups
}

/// For each node, whether it takes as they come the changes of a stream that has one row at a time, or rows in an order.
/// There is nothing to divide, and it stays in the chain of its producer, as behind Flink's singleton distribution.
fn followers(plan: &LogicalPlan, changelogs: &[ChangelogMode]) -> Vec<bool> {
    let mut follows: Vec<bool> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        follows.push(match (&node.kind, node.inputs.as_slice()) {
            (NodeKind::Operator(operator), [input])
                if input.output == 0 && operator.exchange(0) == Exchange::Forward =>
            {
                let ordered = match &plan.nodes[input.node].kind {
                    NodeKind::Operator(producer) => producer.is_ordered(),
                    NodeKind::Scan(_) => false,
                };
                // One that follows rows in an order is followed for the same reason.
                let append = changelogs[input.node].is_append();
                ordered || append && follows[input.node] || changelogs[input.node].key() == Some(&[])
            }
            _ => false,
        });
    }
    follows
}

/// The distribution of the rows of a stream of these changes to any number of subtasks. Changes of one row must not
/// overtake each other: they go by the key; without one, by all that they say, because what a `-U` or `-D` takes back
/// is equal to what was given before.
fn dealt(changelog: &ChangelogMode, schema: &Schema) -> Exchange {
    let columns = match (changelog, changelog.key()) {
        (ChangelogMode::Append, _) => return Exchange::Rebalance,
        (_, Some(key)) => key.to_vec(),
        (_, None) if schema.fields().iter().all(|field| can_be_key(&field.ty)) => (0..schema.len()).collect(),
        (_, None) => Vec::new(),
    };
    if columns.is_empty() { Exchange::Global } else { Exchange::Hash(columns) }
}

/// Whether the key group of such a value can be told: entries of a map have no order.
fn can_be_key(ty: &LogicalType) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other types are of one value")]
    match ty {
        LogicalType::Map(..) | LogicalType::Null => false,
        LogicalType::Array(item) => can_be_key(item),
        LogicalType::Row(fields) => fields.iter().all(|(_, ty)| can_be_key(ty)),
        _ => true,
    }
}

impl StreamEdge {
    /// The exchange of rows when the two ends have these parallelisms: subtask i can feed subtask i only where there
    /// are as many of both.
    #[must_use]
    pub fn exchange_between(&self, from: usize, to: usize) -> Exchange {
        if self.exchange == Exchange::Forward && from != to { self.dealt.clone() } else { self.exchange.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::DeadLetterSink;
    use crate::plan::testing::{Does, Fake, PlanBuilder};
    use crate::types::{Field, OperatorUid, Span, Spanned};

    #[test]
    fn a_typed_or_needed_parallelism_is_fixed_and_the_rest_is_the_jobs() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let sum = plan.sum(bids, 0, 2);
        let schema = plan.schema(sum);
        let limit = Fake { parallelism: Some(1), ..Fake::new("Limit", Does::Nothing, schema) };
        let limit = plan.apply(limit.arc(), &[sum]);
        plan.sink(limit, "out");
        plan.plan.nodes[sum.node].parallelism = Some(Spanned::new(3, Span::default()));
        let graph = StreamGraph::new("job", &plan.plan, 2, 128);
        let widths: Vec<_> = graph.nodes.iter().map(|node| (node.parallelism, node.fixed)).collect();
        assert_eq!(widths, [(2, false), (3, true), (1, true), (2, false)]);
        let exchanges: Vec<_> = graph.edges.iter().map(|edge| &edge.exchange).collect();
        assert_eq!(exchanges, [&Exchange::Hash(vec![0]), &Exchange::Forward, &Exchange::Forward]);
        assert_eq!(graph.edges[1].exchange_between(3, 1), Exchange::Rebalance);
        assert_eq!(graph.edges[0].exchange_between(3, 1), Exchange::Hash(vec![0]));
    }

    #[test]
    fn changes_of_one_row_never_take_two_ways() {
        let dealt_as = |changelog: ChangelogMode, exchange: Exchange, schema: Schema| {
            let mut plan = PlanBuilder::default();
            let bids = plan.scan();
            let makes = Fake { changelog: Some(changelog), ..Fake::new("Makes", Does::Nothing, schema.clone()) };
            let makes = plan.apply(makes.arc(), &[bids]);
            plan.apply(Fake { exchange, ..Fake::new("Reads", Does::Nothing, schema) }.arc(), &[makes]);
            let graph = StreamGraph::new("job", &plan.plan, 3, 128);
            (graph.nodes[2].parallelism, graph.edges[1].exchange.clone(), graph.edges[1].exchange_between(1, 3))
        };
        let (a, b) = (Field::new("a", LogicalType::BigInt), Field::new("b", LogicalType::String));
        let two = Schema::new([a.clone(), b]);
        let (forward, rebalance, global) = (Exchange::Forward, Exchange::Rebalance, Exchange::Global);
        let keyed = |key: &[usize]| ChangelogMode::Retract(Some(key.to_vec()));
        let hash = |columns: &[usize]| Exchange::Hash(columns.to_vec());

        let of = |changelog, exchange: &Exchange| dealt_as(changelog, exchange.clone(), two.clone());
        assert_eq!(of(ChangelogMode::Append, &forward), (3, forward.clone(), rebalance.clone()));
        assert_eq!(of(keyed(&[1]), &forward), (3, forward.clone(), hash(&[1])));
        assert_eq!(of(ChangelogMode::Upsert(vec![1]), &rebalance), (3, hash(&[1]), hash(&[1])));
        assert_eq!(of(ChangelogMode::Retract(None), &forward), (3, forward.clone(), hash(&[0, 1])));
        assert_eq!(of(keyed(&[]), &forward), (1, forward.clone(), global.clone()), "it stays behind its producer");
        assert_eq!(of(keyed(&[]), &rebalance), (3, global.clone(), global.clone()));
        let map = LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::BigInt));
        let unordered = Schema::new([a, Field::new("m", LogicalType::Array(Box::new(map)))]);
        assert_eq!(dealt_as(ChangelogMode::Retract(None), forward.clone(), unordered), (3, forward, global));
    }

    #[test]
    fn who_takes_rows_in_an_order_stays_beside_it() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let schema = plan.schema(bids);
        let sorts = Fake { ordered: true, parallelism: Some(1), ..Fake::new("Sort", Does::Nothing, schema) };
        let sorts = plan.apply(sorts.arc(), &[bids]);
        let named = plan.select(sorts, &[(1, "t")]);
        plan.sink(named, "out");
        let graph = StreamGraph::new("job", &plan.plan, 3, 128);
        assert_eq!(graph.nodes.iter().map(|node| node.parallelism).collect::<Vec<_>>(), [3, 1, 1, 1]);
    }

    #[test]
    fn parallelism_never_passes_the_key_groups() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        plan.sink(bids, "out");
        plan.plan.nodes[1].parallelism = Some(Spanned::new(u64::MAX, Span::default()));
        let graph = StreamGraph::new("job", &plan.plan, 0, 8);
        assert_eq!(graph.nodes.iter().map(|node| node.parallelism).collect::<Vec<_>>(), [1, 8]);
    }

    #[test]
    fn dead_letters_of_a_scan_and_of_the_operators_have_a_sink_each() {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let sum = plan.sum(bids, 0, 2);
        plan.sink(sum, "out");
        let sink = |scan: Option<&str>, uid: &str| DeadLetterSink {
            scan: scan.map(OperatorUid::new),
            uid: OperatorUid::new(uid),
            name: uid.into(),
            operator: Fake::new("FileSink", Does::Nothing, crate::api::dead_letter_schema()).arc(),
        };
        plan.plan.dead_letters = vec![sink(Some("op0"), "of_bids"), sink(None, "of_job"), sink(Some("gone"), "x")];
        let graph = StreamGraph::new("job", &plan.plan, 2, 128);
        let ends = |port: Port| -> Vec<_> {
            let edges = graph.edges.iter().filter(|edge| edge.port == port);
            edges.map(|edge| (edge.from, edge.to, edge.input)).collect()
        };
        assert_eq!(ends(Port::SourceDeadLetter), [(0, 3, 0)]);
        assert_eq!(ends(Port::DeadLetter), [(0, 4, 0), (1, 4, 1), (2, 4, 2)]);
        assert_eq!(graph.nodes.len(), 5, "a sink without a producer is left out");
        assert!(graph.nodes[3].fixed);
        assert_eq!(graph.nodes[3].parallelism, 1);
    }
}
