//! `blackhole`: takes rows and keeps nothing.

use std::sync::Arc;

use crate::api::{ConnectorSpec, Operator, OperatorContext, Output, PlannedOperator, SinkRequest, UpdateKind};
use crate::types::{Batch, Diagnostic, Result, Schema};

/// The registry entry.
pub(super) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "blackhole",
    summary: "a sink that takes rows and keeps nothing",
    help: "It is for measuring a job without its output.",
    target: None,
    options: &[],
    examples: &["source gen from nexmark 'bid' with (events = 1000);\nrun nothing = gen | into blackhole;"],
    flink: Some("blackhole"),
    source: None,
    sink: Some(sink),
};

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn sink(request: &SinkRequest) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    Ok(Arc::new(BlackholeSink { name: request.name.clone(), schema: request.schema.clone() }))
}

#[derive(Debug)]
struct BlackholeSink {
    name: String,
    schema: Schema,
}

impl PlannedOperator for BlackholeSink {
    fn name(&self) -> &'static str {
        "BlackholeSink"
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn needs(&self, _input: usize, _output: UpdateKind) -> UpdateKind {
        UpdateKind::OnlyAfter
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Blackhole))
    }
}

struct Blackhole;

impl Operator for Blackhole {
    fn process(&mut self, _input: usize, _batch: Batch, _out: &mut dyn Output) -> Result<()> {
        Ok(())
    }
}
