use super::*;
use crate::api::{SideOutput, StreamRef};
use crate::plan::testing::{Does, Fake, FakeSource, OPS, PlanBuilder};
use crate::plan::{NodeKind, StreamGraph};

/// Two pipelines over one source, and a side output.
fn hot() -> PlanBuilder {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let chosen = plan.select(bids, &[(0, "auction"), (2, "price"), (3, "channel")]);
    let sum = plan.sum(chosen, 0, 1);
    plan.sink(sum, "hot_file");
    let schema = plan.schema(bids);
    let late = SideOutput { name: "late_bids".into(), schema: schema.clone() };
    let split = Fake { sides: vec![late], ..Fake::new("Split", Does::Nothing, schema) };
    let split = plan.apply(split.arc(), &[bids]);
    plan.sink(split, "all");
    plan.sink(StreamRef { node: split.node, output: 1 }, "late");
    plan
}

struct Explained {
    text: String,
    json: Value,
    mermaid: String,
}

fn explained(plan: &PlanBuilder) -> Explained {
    let optimized = plan.plan.optimize(&OPS);
    let stream = StreamGraph::new("hot", &optimized, 2, 128);
    let job = JobGraph::from_stream_graph(&stream, None);
    let explain = Explain { typed: &plan.plan, optimized: &optimized, stream: &stream, job: &job, task_managers: 2 };
    Explained { text: explain.text(), json: explain.json(), mermaid: explain.mermaid() }
}

#[test]
fn all_levels_as_trees() {
    insta::assert_snapshot!(explained(&hot()).text);
}

#[test]
fn all_levels_as_mermaid() {
    insta::assert_snapshot!(explained(&hot()).mermaid);
}

#[test]
fn all_levels_as_json() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let hot = plan.filter(bids, 5);
    let sum = plan.sum(hot, 0, 2);
    plan.sink(sum, "out");
    let json = explained(&plan).json;
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn a_keyed_exchange_of_a_batch_job_is_shown_as_blocking() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let sum = plan.sum(bids, 0, 2);
    plan.sink(sum, "out");
    let stream = StreamGraph::new("hot", &plan.plan, 2, 128).in_mode(crate::plan::Mode::Batch);
    let job = JobGraph::from_stream_graph(&stream, None);
    for tree in [stream_graph(&stream).tree(), job_graph(&job).tree()] {
        assert!(tree.contains("[hash[auction], blocking] #0 Source: bids"), "{tree}");
        assert_eq!(tree.matches("blocking").count(), 1, "{tree}");
    }
}

#[test]
fn each_level_stands_alone() {
    let plan = hot();
    let optimized = plan.plan.optimize(&OPS);
    let job = JobGraph::from_stream_graph(&StreamGraph::new("hot", &optimized, 2, 128), None);
    assert!(job_graph(&job).mermaid().starts_with("graph TD\n  n0["));
    assert!(Execution::new(&job, 2).mermaid().starts_with("graph TD\n  subgraph tm0"));
    assert_eq!(Execution::new(&job, 9).task_managers.len(), 2, "no task manager without a slot");
}

#[test]
fn names_from_outside_can_not_drive_the_terminal_or_break_the_diagram() {
    let mut plan = PlanBuilder::default();
    let source = FakeSource { describe: "file 'a\u{1b}]0;x\u{7}\u{9b}6n\"]<b>'".into(), ..FakeSource::bids() };
    let bids = plan.scan_of(source, None);
    if let NodeKind::Scan(scan) = &mut plan.plan.nodes[0].kind {
        scan.name = "b\u{202e}ids".into();
    }
    plan.sink(bids, "out\u{1b}c");
    let Explained { text, json, mermaid } = explained(&plan);
    for shown in [text, serde_json::to_string(&json).unwrap(), mermaid.clone()] {
        let drives = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(drives), "{shown:?}");
        assert!(shown.contains("\\x1b"), "{shown}");
    }
    assert!(mermaid.lines().all(|line| line.matches('"').count() % 2 == 0), "{mermaid}");
}

#[test]
fn a_wide_exchange_is_told_not_drawn() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let sum = plan.sum(bids, 0, 2);
    plan.sink(sum, "out");
    let job = JobGraph::from_stream_graph(&StreamGraph::new("wide", &plan.plan, 100, 128), None);
    let drawn = Execution::new(&job, 1).mermaid();
    assert_eq!(drawn.matches("-->").count(), 1);
    assert!(drawn.contains("|\"10000 channels\"|"));
}
