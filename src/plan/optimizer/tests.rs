use super::*;
use crate::api::{ChangelogMode, Exchange, SideOutput, StreamRef, UpdateKind};
use crate::plan::explain;
use crate::plan::testing::{Does, Fake, OPS, PlanBuilder};
use crate::plan::{NodeKind, Scan};
use crate::types::{Span, Spanned};

fn optimized(plan: &PlanBuilder) -> LogicalPlan {
    let before = explain::logical(&plan.plan);
    let optimized = plan.plan.optimize(&OPS);
    assert_eq!(explain::logical(&plan.plan), before, "the rules leave the plan they are given alone");
    check(&optimized);
    optimized
}

/// Inputs stand before their readers, uids are unique, and every expression finds its columns.
pub(super) fn check(plan: &LogicalPlan) {
    let mut uids = std::collections::BTreeSet::new();
    for (at, node) in plan.nodes.iter().enumerate() {
        assert!(uids.insert(node.uid.clone()), "{} twice", node.uid);
        assert!(node.inputs.iter().all(|stream| stream.node < at));
        let width = |stream: &StreamRef| plan.schema(*stream).expect("the stream is there").len();
        let read = rewrite::as_filter(node).into_iter().chain(rewrite::as_projection(node).unwrap_or_default());
        for column in read.flat_map(crate::expr::TypedExpr::columns) {
            assert!(column < width(&node.inputs[0]), "{} reads #{column}", node.title());
        }
        if let NodeKind::Scan(scan) = &node.kind {
            assert!(scan.projection.is_sorted() && !scan.projection.is_empty());
            let names: Vec<_> =
                scan.output.iter().map(|&at| &scan.source.schema().fields()[scan.projection[at]]).collect();
            assert!(names.iter().map(|field| field.name.as_str()).eq(scan.schema.names()));
        }
    }
}

fn tree(plan: &LogicalPlan) -> String {
    explain::logical(plan).tree()
}

fn scan(plan: &LogicalPlan) -> &Scan {
    plan.nodes
        .iter()
        .find_map(|node| match &node.kind {
            NodeKind::Scan(scan) => Some(scan),
            NodeKind::Operator(_) => None,
        })
        .expect("there is a scan")
}

#[test]
fn a_scan_parses_what_is_read_and_drops_what_is_filtered() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let chosen = plan.select(bids, &[(2, "price"), (0, "auction"), (5, "hot"), (3, "channel")]);
    let hot = plan.filter(chosen, 2);
    let sum = plan.sum(hot, 1, 0);
    plan.sink(sum, "out");
    let optimized = optimized(&plan);
    insta::assert_snapshot!(tree(&optimized));
    // Parsed: auction, price, date_time for the event time, hot for the filter. Out: those two that are summed.
    assert_eq!(scan(&optimized).projection, [0, 2, 4, 5]);
    assert_eq!(scan(&optimized).output, [0, 1]);
    let event_time = scan(&optimized).event_time.as_ref().expect("kept");
    assert_eq!(event_time.time.as_column(), Some(2));
    assert_eq!(scan(&optimized).filter.as_ref().and_then(crate::expr::TypedExpr::as_column), Some(3));
}

#[test]
fn a_filter_stays_behind_a_scan_that_others_read_and_behind_state() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let hot = plan.filter(bids, 5);
    plan.sink(hot, "hot");
    plan.sink(bids, "all");
    let shared = optimized(&plan);
    assert!(scan(&shared).filter.is_none());
    assert_eq!(shared.nodes.len(), 4);

    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let sum = plan.sum(bids, 5, 2);
    let hot = plan.filter(sum, 0);
    plan.sink(hot, "hot");
    let stateful = optimized(&plan);
    assert!(scan(&stateful).filter.is_none());
}

#[test]
fn what_was_given_a_place_of_its_own_stays_there() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let hot = plan.filter(bids, 5);
    let all = plan.select(hot, &[(0, "auction"), (2, "price")]);
    let same = plan.select(all, &[(0, "auction"), (1, "price")]);
    plan.sink(same, "out");
    for node in [hot.node, same.node] {
        plan.plan.nodes[node].placement.slot_group = Some("own".into());
    }
    let placed = optimized(&plan);
    assert_eq!(placed.nodes.iter().filter(|node| node.placement.slot_group.is_some()).count(), 2);
}

#[test]
fn a_filter_behind_a_union_moves_into_each_of_its_inputs() {
    let mut plan = PlanBuilder::default();
    let (ours, theirs) = (plan.scan(), plan.scan());
    let chosen = plan.select(theirs, &[(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e"), (5, "f")]);
    let union = Fake::new("Union", Does::Union, plan.schema(ours));
    let union = plan.apply(union.arc(), &[ours, chosen]);
    let hot = plan.filter(union, 5);
    plan.sink(hot, "out");
    let optimized = optimized(&plan);
    insta::assert_snapshot!(tree(&optimized));
    let filters = optimized.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Scan(scan) => Some(scan.filter.as_ref().and_then(crate::expr::TypedExpr::as_column)),
        NodeKind::Operator(_) => None,
    });
    assert_eq!(filters.collect::<Vec<_>>(), [Some(5), Some(5)]);
}

#[test]
fn readers_of_one_scan_share_what_both_need() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let by_auction = plan.sum(bids, 0, 2);
    plan.sink(by_auction, "a");
    let by_bidder = plan.sum(bids, 1, 2);
    plan.sink(by_bidder, "b");
    let chosen = plan.select(bids, &[(3, "channel"), (2, "price")]);
    plan.sink(chosen, "c");
    let optimized = optimized(&plan);
    insta::assert_snapshot!(tree(&optimized));
    assert_eq!(scan(&optimized).schema.names().collect::<Vec<_>>(), ["auction", "bidder", "price", "channel"]);
}

#[test]
fn a_side_output_that_is_read_keeps_all_columns() {
    for read in [false, true] {
        let mut plan = PlanBuilder::default();
        let bids = plan.scan();
        let late = SideOutput { name: "late".into(), schema: plan.schema(bids) };
        let sum = Fake { sides: vec![late], ..Fake::sum(&plan.schema(bids), 0, 2, &[0, 1]) };
        let sum = plan.apply(sum.arc(), &[bids]);
        plan.sink(sum, "out");
        if read {
            plan.sink(StreamRef { node: sum.node, output: 1 }, "late");
        }
        let columns = scan(&optimized(&plan)).schema.len();
        assert_eq!(columns, if read { 6 } else { 2 });
    }
}

#[test]
fn what_is_not_read_of_an_aggregate_is_not_computed() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let sum = plan.sum(bids, 0, 2);
    let total = plan.select(sum, &[(1, "total")]);
    plan.sink(total, "out");
    let optimized = optimized(&plan);
    insta::assert_snapshot!(tree(&optimized));
}

#[test]
fn a_stream_of_which_nothing_is_read_still_has_a_column() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let count = Fake::new("Count", Does::Union, plan.schema(bids).project(&[]));
    let count = plan.apply(count.arc(), &[bids, bids]);
    plan.sink(count, "out");
    let optimized = optimized(&plan);
    assert_eq!(scan(&optimized).schema.names().collect::<Vec<_>>(), ["date_time"], "it is parsed for the time anyway");
}

#[test]
fn projections_fuse_and_those_that_do_nothing_go() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let first = plan.select(bids, &[(0, "a"), (2, "p"), (1, "b")]);
    let second = plan.select(first, &[(1, "price"), (0, "auction")]);
    let same = plan.select(second, &[(0, "price"), (1, "auction")]);
    plan.sink(same, "out");
    let optimized = optimized(&plan);
    insta::assert_snapshot!(tree(&optimized));
}

#[test]
fn a_projection_that_renames_stays() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let named = plan.select(bids, &[(0, "auction"), (1, "who")]);
    plan.sink(named, "out");
    assert_eq!(optimized(&plan).nodes.len(), 3);
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let named = plan.select(bids, &[(0, "auction"), (1, "bidder")]);
    plan.sink(named, "out");
    assert_eq!(optimized(&plan).nodes.len(), 2);
}

#[test]
fn an_operator_with_a_parallelism_of_its_own_is_not_moved_into_another() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let hot = plan.filter(bids, 5);
    plan.sink(hot, "out");
    plan.plan.nodes[hot.node].parallelism = Some(Spanned::new(3, Span::default()));
    let optimized = optimized(&plan);
    assert!(scan(&optimized).filter.is_none());
    assert_eq!(optimized.nodes[1].typed_parallelism(), Some(3));
}

#[test]
fn optimising_twice_changes_nothing() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let chosen = plan.select(bids, &[(2, "price"), (0, "auction"), (5, "hot")]);
    let hot = plan.filter(chosen, 2);
    let sum = plan.sum(hot, 1, 0);
    plan.sink(sum, "out");
    plan.sink(bids, "all");
    let once = optimized(&plan);
    assert_eq!(tree(&once.optimize(&OPS)), tree(&once));
}

/// A count per auction as a changelog by it, then what `rest` puts behind; the changes of the count when it is settled.
fn settled(rest: impl FnOnce(&mut PlanBuilder, StreamRef)) -> ChangelogMode {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let sum = Fake::sum(&plan.schema(bids), 0, 2, &[0, 1]);
    let sum = Fake { changelog: Some(ChangelogMode::Retract(Some(vec![0]))), ..sum };
    let sum = plan.apply(sum.arc(), &[bids]);
    rest(&mut plan, sum);
    let settled = plan.plan.optimize(&OPS);
    let at = settled.nodes.iter().position(|node| node.title() == "GroupAggregate").expect("the count is there");
    settled.changelogs()[at].clone()
}

/// A sink that finds the old row by its key.
fn upsert_sink(plan: &mut PlanBuilder, input: StreamRef, exchange: Exchange) {
    let needs = Some(UpdateKind::OnlyAfter);
    let sink = Fake::new("UpsertSink", Does::Nothing, plan.schema(input));
    plan.apply(Fake { exchange, needs, ..sink }.arc(), &[input]);
}

#[test]
fn an_old_row_is_told_only_where_somebody_needs_it() {
    let (upsert, retract) = (ChangelogMode::Upsert(vec![0]), ChangelogMode::Retract(Some(vec![0])));
    assert_eq!(settled(|plan, sum| upsert_sink(plan, sum, Exchange::Forward)), upsert);
    assert_eq!(settled(|plan, sum| upsert_sink(plan, sum, Exchange::Hash(vec![0]))), upsert);
    let renamed = |plan: &mut PlanBuilder, sum| {
        let renamed = plan.select(sum, &[(1, "t"), (0, "k")]);
        upsert_sink(plan, renamed, Exchange::Forward);
    };
    assert_eq!(settled(renamed), upsert);

    let both = settled(|plan, sum| {
        plan.sink(sum, "all");
    });
    assert_eq!(both, retract, "the sink takes both");
    let keyless = |plan: &mut PlanBuilder, sum| {
        let total = plan.select(sum, &[(1, "t"), (1, "u")]);
        upsert_sink(plan, total, Exchange::Forward);
    };
    assert_eq!(settled(keyless), ChangelogMode::Retract(None), "its key is pruned away");
    let by_total = settled(|plan, sum| upsert_sink(plan, sum, Exchange::Hash(vec![1])));
    assert_eq!(by_total, retract, "an update would go to another subtask than what it replaces");
    let two = settled(|plan, sum| {
        upsert_sink(plan, sum, Exchange::Forward);
        plan.sink(sum, "all");
    });
    assert_eq!(two, retract, "one of two readers needs it");
    let united = settled(|plan, sum| {
        let union = Fake { needs: None, ..Fake::new("Union", Does::Union, plan.schema(sum)) };
        let union = plan.apply(union.arc(), &[sum, sum]);
        upsert_sink(plan, union, Exchange::Forward);
    });
    assert_eq!(united, retract, "a union has no key");
}

#[test]
fn a_projection_put_before_a_reader_runs_where_its_input_does() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let one = Fake { parallelism: Some(1), ..Fake::new("One", Does::Nothing, plan.schema(bids)) };
    let one = plan.apply(one.arc(), &[bids]);
    let sum = plan.sum(one, 0, 2);
    plan.plan.nodes[sum.node].parallelism = Some(Spanned::new(1, Span::default()));
    plan.sink(sum, "out");
    let optimized = optimized(&plan);
    let inserted = optimized.nodes.iter().find(|node| node.uid.as_str().ends_with(".columns0")).expect("it reads less");
    assert_eq!(inserted.own_parallelism(), Some(1));
}
