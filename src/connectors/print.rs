//! `print`: rows for the person at the terminal.

use std::fmt;
use std::sync::Arc;

use crate::api::{ConnectorSpec, Operator, OperatorContext, Output, PlannedOperator, ResultSink, SinkRequest};
use crate::types::{Batch, Diagnostic, Result, Schema};

/// The registry entry.
pub(super) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "print",
    summary: "a sink that shows rows on standard output",
    help: "Each row is shown as it comes, in the mode that `.mode` or `--output` sets. The rows of a changelog are \
           shown with their kind (+I, -U, +U, -D).",
    target: None,
    options: &[],
    examples: &[
        "source gen from nexmark 'bid' with (events = 50);\nrun shown = gen | map auction, price | into print;",
    ],
    flink: Some("print"),
    source: None,
    sink: Some(sink),
};

#[expect(clippy::unnecessary_wraps, reason = "the registry's signature")]
fn sink(request: &SinkRequest) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
    Ok(Arc::new(PrintSink {
        name: request.name.clone(),
        schema: request.schema.clone(),
        results: request.results.clone(),
    }))
}

struct PrintSink {
    name: String,
    schema: Schema,
    results: Arc<dyn ResultSink>,
}

impl fmt::Debug for PrintSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintSink").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PlannedOperator for PrintSink {
    fn name(&self) -> &'static str {
        "PrintSink"
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Print { name: self.name.clone(), results: self.results.clone(), unread: false }))
    }
}

struct Print {
    name: String,
    results: Arc<dyn ResultSink>,
    unread: bool,
}

impl Operator for Print {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        if self.unread || batch.is_empty() {
            return Ok(());
        }
        match self.results.rows(&self.name, &batch) {
            // No failure: the job has other sinks, perhaps, whose rows are not lost for it.
            Err(error) if error.is_broken_pipe() => {
                self.unread = true;
                out.close();
                Ok(())
            }
            shown => shown,
        }
    }
}
