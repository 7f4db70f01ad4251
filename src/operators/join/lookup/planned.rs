//! The look-up join as the plan holds it.

use std::sync::Arc;

use super::asker::Asker;
use super::operator::LookupJoinOperator;
use super::scanned::ScannedTable;
use crate::api::{
    Bounds, ChangelogMode, LookupSource, LookupStart, LookupTable, Operator, OperatorContext, PlannedOperator, Pruned,
    show_duration,
};
use crate::operators::join::spec::JoinSpec;
use crate::state::OperatorStateDescriptor;
use crate::types::{Diagnostic, Result, Schema, Span};

/// The rows that wait for an answer, in order.
pub(super) const WAITING: OperatorStateDescriptor = OperatorStateDescriptor::split("waiting_rows");

/// How a table is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators::join) struct LookupOptions {
    /// How long an answer is used again, milliseconds; `None` for not at all.
    pub(in crate::operators::join) cache_ms: Option<i64>,
    /// Requests under way at the same time, at most.
    pub(in crate::operators::join) concurrency: usize,
    /// Whether rows leave in the order in which they came, not in that of the answers.
    pub(in crate::operators::join) ordered: bool,
    /// How long an answer may take, milliseconds.
    pub(in crate::operators::join) timeout_ms: i64,
}

impl Default for LookupOptions {
    /// Flink's: its look-ups are ordered, and time out after three minutes.
    fn default() -> Self {
        Self { cache_ms: None, concurrency: 32, ordered: true, timeout_ms: 180_000 }
    }
}

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
pub struct LookupJoin {
    pub(super) spec: JoinSpec,
    pub(super) table: Arc<dyn LookupTable>,
    /// The columns of the table that are the right input's.
    reads: Vec<usize>,
    pub(super) options: LookupOptions,
    /// Whether left rows change.
    pub(super) changes: bool,
}

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
        Self { spec, table, reads, options, changes }
    }
}

impl PlannedOperator for LookupJoin {
    fn name(&self) -> &'static str {
        "LookupJoin"
    }

    fn describe(&self) -> String {
        let LookupOptions { cache_ms, concurrency, ordered, timeout_ms } = self.options;
        let order = if ordered { "ordered" } else { "unordered" };
        let cache = cache_ms.map_or_else(|| "none".to_owned(), show_duration);
        let timeout = show_duration(timeout_ms);
        let table = self.table.describe();
        self.spec.describe(&format!(
            "table=[{table}], async=[{order}, concurrency {concurrency}, timeout {timeout}], cache=[{cache}], "
        ))
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        // One row may find several, so that its key is not theirs.
        if inputs.iter().all(ChangelogMode::is_append) { ChangelogMode::Append } else { ChangelogMode::Retract(None) }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, mut inputs) = self.spec.prune(needed);
        let reads = inputs.pop()?.into_iter().map(|column| self.reads[column]).collect();
        Some(Pruned { operator: Arc::new(Self { spec, reads, ..self.clone() }), inputs })
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![WAITING]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let start = LookupStart {
            keys: self.spec.keys[1].iter().map(|&key| self.reads[key]).collect(),
            columns: self.reads.clone(),
            age_ms: self.options.cache_ms.unwrap_or(0),
            clock: Arc::clone(&context.clock),
        };
        let asker = Asker::new(self.table.open(&start)?, self.options.concurrency, context);
        Ok(Box::new(LookupJoinOperator::new(self, asker, context)?))
    }
}
