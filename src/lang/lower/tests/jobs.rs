use insta::assert_snapshot;

use super::{Shell, run};
use crate::api::OnError;
use crate::lang::lower::lower_job;
use crate::plan::testing::{integer, option, text, word};
use crate::plan::{JobGraph, JobSettings, NodeKind, Port, explain};

#[test]
fn a_pipeline_becomes_a_plan() {
    let shell = Shell::new();
    assert_snapshot!(shell.tree("bids | filter hot | key_by auction | window tumble | aggregate price | into print"));
}

#[test]
fn a_job_becomes_chains() {
    let mut shell = Shell::new();
    shell.sink("hot_file", "file", &[option("format", text("json"))]).unwrap();
    let job = shell
        .job_with(
            "bids | filter hot | key_by auction | window tumble | aggregate price | into hot_file",
            &[option("parallelism", integer("2"))],
        )
        .unwrap();
    let graph = JobGraph::from_stream_graph(&job.stream_graph(), None);
    assert_snapshot!(explain::job_graph(&graph).tree());
}

#[test]
fn pipelines_of_a_job_share_sources_and_streams_and_read_side_outputs() {
    let mut shell = Shell::new();
    shell.stream("pricey", "bids | filter hot").unwrap();
    assert_snapshot!(shell.tree(
        "pricey | key_by auction | window tumble late_to late_bids | aggregate price | into file 'out';\
         pricey | map price | into print;\
         late_bids | union pricey | into print"
    ));
}

#[test]
fn uids_follow_from_what_is_read_and_written_and_stay_when_stages_and_pipelines_are_added() {
    let shell = Shell::new();
    let uids = |text: &str| {
        let job = shell.job(text).unwrap();
        job.logical.nodes.iter().map(|node| node.uid.to_string()).collect::<Vec<_>>()
    };
    let hot = "bids | filter hot | aggregate price | into print";
    let alone = uids(hot);
    assert_eq!(alone, ["bids.source", "bids.print.Filter", "bids.print.GroupAggregate", "bids.print.Fake--"]);
    let second = uids(&format!("bids | map price | into file 'x'; {hot}"));
    assert!(alone.iter().all(|uid| second.contains(uid)), "{second:?}");
    let twice = uids(&format!("{hot}; {hot}"));
    assert!(twice.contains(&"bids.print.GroupAggregate-2".to_owned()), "{twice:?}");
    let longer = uids("bids | filter hot | filter hot | aggregate price | map total | into print");
    assert!(longer.contains(&alone[2]) && longer.contains(&alone[3]), "{longer:?}");
    let typed = uids("bids | aggregate price | uid my.sum | aggregate total | into print");
    assert_eq!(typed[1..3], ["my.sum", "bids.print.GroupAggregate-2"], "its number counts all the same");
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let mut shell = Shell::new();
    shell.sink("hot_file", "file", &[]).unwrap();
    shell.stream("pricey", "bids").unwrap();
    let wrong = [
        "bidz | into print",
        "bids | window tumbel | aggregate price | into print",
        "bids | into hot_flie",
        "bids | into bids",
        "hot_file | into print",
        "bids | filter hot",
        "bids | into print | into hot_file",
        "bids | window tumble | into print",
        "bids | window tumble late_to pricey | aggregate price | into print",
        "bids | aggregate price | uid a | aggregate total | uid a | into print",
        "bids | uid a | into print",
        "bids | filter hot | parallelism 0 | into print",
        "bids | filter hot | parallelism 129 | into print",
        "bids | limit 5 | parallelism 2 | into print",
        "bids | parallelism 2 | into print; bids | parallelism 3 | into hot_file",
    ];
    assert_snapshot!(wrong.map(|text| shell.error(text)).join("\n\n"));
}

#[test]
fn a_mistake_inside_a_stream_is_shown_where_the_stream_is_read() {
    let mut shell = Shell::new();
    shell.stream("pricey", "bids | filter hot").unwrap();
    shell.stream("bids", "other").unwrap_err();
    shell.sink("picky", "file", &[]).unwrap();
    assert_snapshot!(shell.error("pricey | into picky"));
    shell.catalog.drop(&super::language::spanned("bids")).unwrap();
    assert_snapshot!(shell.error("pricey | into print"));
}

#[test]
fn a_parallelism_lasts_until_another() {
    let shell = Shell::new();
    let job = shell
        .job("bids | parallelism 4 | filter hot | parallelism 2 | map price | limit 3 | parallelism 1 | into print")
        .unwrap();
    let typed: Vec<_> = job.logical.nodes.iter().map(crate::plan::LogicalNode::typed_parallelism).collect();
    assert_eq!(typed, [Some(4), Some(2), Some(2), None, Some(1)]);
}

#[test]
fn a_union_is_timed_when_all_its_inputs_are() {
    let mut shell = Shell::new();
    shell.source("timed", "timed", &[]).unwrap();
    for (text, timed, changelog) in [
        ("timed", true, false),
        ("timed | union bids", false, false),
        ("timed | filter hot | union timed", true, false),
        ("timed | aggregate price", true, true),
        ("timed | aggregate price | map total | limit 1", true, true),
    ] {
        shell.stream("s", text).unwrap();
        let shape = shell.entry("s").and_then(crate::plan::Entry::shape).unwrap();
        assert_eq!((shape.time.event_time, !shape.changelog.is_append()), (timed, changelog), "{text}");
    }
}

#[test]
fn keys_and_window_last_through_the_name_of_a_stream() {
    let mut shell = Shell::new();
    shell.stream("keyed", "bids | key_by auction | window tumble").unwrap();
    let shape = shell.entry("keyed").and_then(crate::plan::Entry::shape).unwrap();
    assert_eq!(shape.keys, Some(vec![0]));
    assert!(shape.window.is_some());
    let job = shell.job("keyed | aggregate price | into print").unwrap();
    assert!(job.logical.changelogs()[1].is_append(), "a windowed aggregate");
}

#[test]
fn a_preview_goes_to_the_screen() {
    let shell = Shell::new();
    let preview = shell.preview("bids | filter hot").unwrap();
    assert_snapshot!(explain::logical(&preview.optimized).tree());
    assert_eq!(shell.preview("bids | into print").unwrap_err().message, "only a job writes into a sink");
    assert!(shell.preview("bids | window tumble").is_err());
}

#[test]
fn a_pipeline_with_a_sink_is_explained_as_a_job() {
    let shell = Shell::new();
    let titles = |text| -> Vec<String> {
        let plan = shell.explained(text).unwrap().stream_graph();
        plan.nodes.iter().map(|node| node.node.uid.as_str().to_owned()).collect()
    };
    assert!(titles("bids | filter hot | into print").iter().any(|uid| uid.starts_with("bids.print.")));
    assert!(titles("bids | filter hot").iter().any(|uid| uid.starts_with("preview.")));
    assert_eq!(shell.explained("bids | into print | filter hot").unwrap_err().message, "only a job writes into a sink");
}

#[test]
fn dead_letters_have_sinks() {
    let mut shell = Shell::new();
    shell.source("bids", "fake", &[option("on_error", word("dead_letter"))]).unwrap();
    let job =
        shell.job_with("bids | aggregate price | into print", &[option("on_error", text("dead_letter"))]).unwrap();
    assert_eq!(job.logical.on_error, OnError::DeadLetter);
    let graph = JobGraph::from_stream_graph(&job.stream_graph(), Some(2));
    assert_snapshot!(explain::job_graph(&graph).tree());
    let described: Vec<_> = job.optimized.dead_letters.iter().map(|sink| sink.operator.name()).collect();
    assert_eq!(described, ["Fake(dead_letters/bids)", "Fake(dead_letters/hot)"]);

    let none = shell.job("bids | into print").unwrap();
    let graph = JobGraph::from_stream_graph(&none.stream_graph(), None);
    assert_eq!(graph.edges.iter().filter(|edge| edge.port == Port::SourceDeadLetter).count(), 1);
    assert_eq!(graph.vertices[0].on_error, OnError::Fail);
}

#[test]
fn what_a_job_does_not_say_is_as_by_default() {
    let shell = Shell::new();
    let defaults = JobSettings { parallelism: 3, batch_rows: 7, ..JobSettings::default() };
    let statement = run("bids | into print", &[option("batch_rows", integer("1"))]);
    let job = lower_job(&shell.catalog, &statement, defaults, &shell.environment).unwrap();
    assert_eq!((job.settings.parallelism, job.settings.batch_rows), (3, 1));
    assert_eq!(job.stream_graph().parallelism, 3);
    let mut bad = run("bids | into print", &[]);
    bad.name.node = "../x".into();
    assert!(lower_job(&shell.catalog, &bad, JobSettings::default(), &shell.environment).is_err());
    bad.name.node = "x".into();
    bad.pipelines.clear();
    assert!(lower_job(&shell.catalog, &bad, JobSettings::default(), &shell.environment).is_err());
}

#[test]
fn the_optimised_plan_parses_only_what_is_read() {
    let shell = Shell::new();
    let job = shell.job("bids | where hot | key_by auction | aggregate price | into print").unwrap();
    let scan = job.optimized.nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Scan(scan) => Some(scan),
        NodeKind::Operator(_) => None,
    });
    assert_eq!(scan.map(|scan| scan.projection.clone()), Some(vec![0, 2, 5]));
}
