//! The look-up join as the plan holds it.

use std::sync::Arc;

use super::asker::Asker;
use super::operator::LookupJoinOperator;
use super::scanned::ScannedTable;
use super::spec::{LookupOptions, LookupSpec, WAITING};
use crate::api::{
    Bounds, ChangelogMode, LookupSource, LookupStart, LookupTable, Operator, OperatorContext, PlannedOperator, Pruned,
    show_duration,
};
use crate::operators::join::spec::JoinSpec;
use crate::state::OperatorStateDescriptor;
use crate::types::{Diagnostic, Result, Schema, Span};

/// The table that a source is for look-ups.
///
/// # Errors
/// At `span`, when rows can't be looked up in it.
pub(in crate::operators::join) fn table(source: LookupSource, span: Span) -> Result<Arc<dyn LookupTable>, Diagnostic> {
    if let Some(table) = source.source.lookup() {
        return Ok(table);
    }
    if source.source.bounds() == Bounds::Unbounded {
        let message = format!("rows can't be looked up in `{}`: it has no end", source.name);
        return Err(Diagnostic::at(span, message)
            .help("a look-up goes to a table that can be read whole; `as of` joins with a stream of versions"));
    }
    Ok(Arc::new(ScannedTable::new(source)))
}

/// Joins each row with those that a table has of its key when it comes: Flink's `LookupJoin`.
#[derive(Debug, Clone)]
pub struct LookupJoin(LookupSpec);

impl LookupJoin {
    pub(in crate::operators::join) fn new(
        spec: JoinSpec,
        table: Arc<dyn LookupTable>,
        options: LookupOptions,
        changes: bool,
    ) -> Self {
        let reads = (0..spec.inputs[1].len()).collect();
        // Changes of one row must not overtake each other.
        let options = LookupOptions { ordered: options.ordered || changes, ..options };
        Self(LookupSpec { spec, table, reads, options, changes })
    }
}

impl PlannedOperator for LookupJoin {
    fn name(&self) -> &'static str {
        "LookupJoin"
    }

    fn describe(&self) -> String {
        let LookupOptions { cache_ms, concurrency, ordered, timeout_ms } = self.0.options;
        let order = if ordered { "ordered" } else { "unordered" };
        let cache = cache_ms.map_or_else(|| "none".to_owned(), show_duration);
        let timeout = show_duration(timeout_ms);
        let table = self.0.table.describe();
        self.0.spec.describe(&format!(
            "table=[{table}], async=[{order}, concurrency {concurrency}, timeout {timeout}], cache=[{cache}], "
        ))
    }

    fn output(&self) -> &Schema {
        &self.0.spec.output
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        // One row may find several, so that its key is not theirs.
        if inputs.iter().all(ChangelogMode::is_append) { ChangelogMode::Append } else { ChangelogMode::Retract(None) }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, mut inputs) = self.0.spec.prune(needed);
        let reads = inputs.pop()?.into_iter().map(|column| self.0.reads[column]).collect();
        Some(Pruned { operator: Arc::new(Self(LookupSpec { spec, reads, ..self.0.clone() })), inputs })
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![WAITING]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let start = LookupStart {
            keys: self.0.spec.keys[1].iter().map(|&key| self.0.reads[key]).collect(),
            columns: self.0.reads.clone(),
            age_ms: self.0.options.cache_ms.unwrap_or(0),
            clock: Arc::clone(&context.clock),
        };
        let asker = Asker::new(self.0.table.open(&start)?, self.0.options.concurrency, context);
        Ok(Box::new(LookupJoinOperator::new(&self.0, asker, context)?))
    }
}
