//! Streams that no pipeline made: their bodies are of these tests.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Builder, Environment, Place, StreamBody};
use crate::api::{ChangelogMode, Registries, ResultSink, StreamRef, StreamShape, TimeAttributes};
use crate::expr::TypedExpr;
use crate::plan::testing::{Fake, FakeSource, OPS, filter, name};
use crate::plan::{Catalog, Entry, SourceDef, StreamDef};
use crate::types::{Batch, Diagnostic, Result};

/// The rows of another stream whose column `hot` is true.
#[derive(Debug)]
struct Hot(&'static str);

impl StreamBody for Hot {
    fn build(&self, called: &str, builder: &mut Builder<'_>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let (stream, shape) = builder.stream(&name(self.0))?;
        let column = shape.schema.index_of("hot").ok_or_else(|| Diagnostic::new("nothing is hot"))?;
        let hot = TypedExpr::column(column, &shape.schema.fields()[column]);
        Ok(builder.add(filter(shape.schema, hot), &[stream], place(called), None))
    }
}

const fn place(of: &str) -> Place<'_> {
    Place { of, into: None, stage: 1 }
}

struct Nowhere;

impl ResultSink for Nowhere {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

/// A catalog of the source `bids` and these streams.
fn catalog(streams: &[(&str, &'static str)]) -> Catalog {
    let mut catalog = Catalog::new();
    let source = Arc::new(FakeSource::bids());
    let time = TypedExpr::column(4, &source.schema.fields()[4]);
    let event_time = Some(crate::api::EventTimeSpec::bounded(time, 0));
    let (pace, on_error, dead_letter, base_dir) = (None, None, None, std::path::PathBuf::new());
    let bids =
        SourceDef { name: "bids".into(), source, event_time, primary_key: None, pace, on_error, dead_letter, base_dir };
    catalog.define(Entry::Source(bids));
    for &(called, reads) in streams {
        let shape = StreamShape::of(FakeSource::bids().schema);
        catalog.define(Entry::Stream(StreamDef {
            name: called.into(),
            body: Arc::new(Hot(reads)),
            shape: Some(shape),
        }));
    }
    catalog
}

fn build<T>(catalog: &Catalog, with: impl FnOnce(&mut Builder<'_>) -> T) -> (T, crate::plan::LogicalPlan) {
    let registries = Registries::default();
    let environment =
        Environment { registries: &registries, optimizer: OPS, base_dir: PathBuf::new(), results: Arc::new(Nowhere) };
    let mut builder = Builder::new(catalog, &environment, 128);
    let result = with(&mut builder);
    (result, builder.finish())
}

#[test]
fn each_stream_is_built_once_and_named_as_it_is_read() {
    let catalog = catalog(&[("hot", "bids"), ("hotter", "hot")]);
    let (shape, plan) = build(&catalog, |builder| {
        builder.stream(&name("hotter")).unwrap();
        builder.stream(&name("hot")).unwrap();
        builder.stream(&name("HOT")).unwrap().1
    });
    let uids: Vec<_> = plan.nodes.iter().map(|node| node.uid.to_string()).collect();
    assert_eq!(uids, ["bids.source", "hot.Filter", "hotter.Filter"]);
    assert_eq!(shape.name.map(|name| name.node).as_deref(), Some("HOT"));
    assert_eq!(shape.time, TimeAttributes::of_event_time(Some(4)), "a filter keeps the row time");
}

#[test]
fn a_stream_that_reads_itself_is_refused_whatever_it_is_made_of() {
    let catalog = catalog(&[("a", "b"), ("b", "a")]);
    let (error, _) = build(&catalog, |builder| builder.stream(&name("a")).unwrap_err());
    assert_eq!(error.message, "in stream `a`: in stream `b`: the stream `a` reads itself");
    let (error, _) = build(&catalog, |builder| {
        builder.begin_stream("bids");
        builder.stream(&name("b")).unwrap_err()
    });
    assert!(error.message.ends_with("reads itself"), "{error}");
}

#[test]
fn keys_and_row_times_go_on_with_their_columns() {
    let catalog = catalog(&[]);
    let ((chosen, without, counted), _) = build(&catalog, |builder| {
        let (bids, shape) = builder.stream(&name("bids")).unwrap();
        let column = |column: usize| (format!("c{column}"), TypedExpr::column(column, &shape.schema.fields()[column]));
        let mut select = |columns: &[usize]| {
            let items = columns.iter().map(|&at| column(at)).collect();
            builder.add((OPS.projection)(shape.schema.clone(), items), &[bids], place("p"), None).1
        };
        let (chosen, without) = (select(&[2, 4]), select(&[2]));
        let sum = Fake::sum(&shape.schema, 0, 2, &[0, 1]);
        let changelog = Some(ChangelogMode::Retract(Some(vec![0])));
        (chosen, without, builder.add(Fake { changelog, ..sum }.arc(), &[bids], place("p"), None).1)
    });
    assert_eq!(chosen.time, TimeAttributes::of_event_time(Some(1)));
    assert_eq!(without.time, TimeAttributes::of_event_time(None), "rows keep their times without the column");
    assert_eq!((counted.changelog.key(), counted.time.columns.len()), (Some(&[0][..]), 0));
}
