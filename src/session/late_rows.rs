//! Late rows, whole: a window holds only the columns that it reads, so the rest is read again from the source, when somebody
//! asks.

use std::collections::BTreeMap;

use super::{JobEntry, Session};
use crate::api::{Role, StreamRef};
use crate::inspect::{JobView, OperatorView};
use crate::plan::{LogicalPlan, NodeKind, Scan};
use crate::runtime::{FoundRows, KnownRow, Patience, find_rows};
use crate::types::CellValue;

/// The longest that a source is read again for a listing, milliseconds.
const PATIENCE_MS: u64 = 3_000;
/// Rows that a source without an end may have given beyond those that are counted: they wait somewhere.
const ON_THE_WAY: u64 = 1 << 20;

/// The late rows of a job as they came from its sources.
#[derive(Debug, Clone, Default)]
pub struct WholeRows {
    /// For each late row of the view, in its order; `None` where only the columns that the window reads are known.
    pub rows: Vec<Option<WholeRow>>,
    /// What there is to say of those that are not whole, a sentence each.
    pub notes: Vec<String>,
}

/// A late row with the columns of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeRow {
    /// The columns of the source, then those that the job has computed.
    pub columns: Vec<(String, CellValue)>,
    /// The rows of the source that it may be: where there are more than one, `columns` are those in which they agree.
    pub alike: u64,
}

/// A source that late rows came from: its node in the plan, and the column of it that each column of the window is.
type Origin = (usize, Vec<Option<usize>>);

/// A late row to be found in a source.
struct Sought<'a> {
    /// Its place among all.
    at: usize,
    names: &'a [String],
    values: &'a [CellValue],
    time: i64,
    origin: Vec<Option<usize>>,
}

impl Session {
    /// Finds the late rows of `view` in the sources of the job, as whole as they came. Reads each source from its
    /// beginning, for three seconds at most; the job does not notice.
    #[must_use]
    pub fn whole_late_rows(&self, entry: &JobEntry, view: &JobView) -> WholeRows {
        let plan = &entry.plan.optimized;
        let mut whole = WholeRows::default();
        let mut sought: BTreeMap<usize, Vec<Sought<'_>>> = BTreeMap::new();
        for vertex in &view.vertices {
            for late in
                vertex.subtasks.iter().flat_map(|subtask| subtask.operators.iter()).filter_map(OperatorView::lateness)
            {
                let origins = origins_of(plan, &vertex.operators, &late.columns);
                for row in &late.rows {
                    for (scan, origin) in &origins {
                        sought.entry(*scan).or_default().push(Sought {
                            at: whole.rows.len(),
                            names: &late.columns,
                            values: &row.values,
                            time: row.time,
                            origin: origin.clone(),
                        });
                    }
                    whole.rows.push(None);
                }
            }
        }
        let rows_max = view.source_rows.saturating_add(ON_THE_WAY);
        for (scan, sought) in sought {
            if let NodeKind::Scan(scan) = &plan.nodes[scan].kind {
                whole.find(scan, &sought, &self.patience(rows_max));
            }
        }
        let unknown = whole.rows.iter().filter(|row| row.is_none()).count();
        if unknown > 0 && whole.notes.is_empty() {
            whole.notes.push(format!(
                "of {unknown} rows only the columns that the window reads are shown: they are not found in a source"
            ));
        }
        whole
    }

    fn patience(&self, rows_max: u64) -> Patience<'_> {
        Patience { clock: &*self.clock, ms_max: PATIENCE_MS, rows_max, interrupted: &*self.interrupted }
    }
}

impl WholeRows {
    fn find(&mut self, scan: &Scan, sought: &[Sought<'_>], patience: &Patience<'_>) {
        let known: Vec<KnownRow> = sought.iter().map(Sought::known).collect();
        let (found, read) = match find_rows(scan, &known, patience) {
            Ok(found) => found,
            Err(error) => {
                self.notes.push(format!(
                    "only the columns that the window reads are shown: source {} can't be read again ({error})",
                    scan.name
                ));
                return;
            }
        };
        if !read.all {
            self.notes.push(format!("source {} was looked through as far as its row {}", scan.name, read.rows));
        }
        let names: Vec<&str> = scan.source.schema().names().collect();
        let mut alike = 0;
        for (sought, found) in sought.iter().zip(found).filter(|(_, found)| found.rows > 0) {
            alike += usize::from(found.values.iter().any(Option::is_none));
            self.rows[sought.at] = Some(sought.whole(&names, found));
        }
        if alike > 0 {
            self.notes.push(format!(
                "{alike} of these rows may each be one of several of source {}: of those the columns are shown in which they \
                 agree",
                scan.name
            ));
        }
    }
}

impl Sought<'_> {
    fn known(&self) -> KnownRow {
        let columns = self.origin.iter().zip(self.values);
        let values = columns.filter_map(|(origin, value)| Some(((*origin)?, value.clone()))).collect();
        KnownRow { time: self.time, values }
    }

    fn whole(&self, names: &[&str], found: FoundRows) -> WholeRow {
        let of_source = names.iter().zip(found.values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        let computed = self.names.iter().zip(self.values).zip(&self.origin);
        let computed =
            computed.filter(|(_, origin)| origin.is_none()).map(|((name, value), _)| (name.clone(), value.clone()));
        WholeRow { columns: of_source.chain(computed).collect(), alike: found.rows }
    }
}

/// The sources of the rows with these columns that a window among the operators `uids` takes; none where the window's rows
/// are not those of a source any more.
fn origins_of(plan: &LogicalPlan, uids: &[String], columns: &[String]) -> Vec<Origin> {
    let windows = plan.nodes.iter().filter(|node| uids.iter().any(|uid| node.uid.as_str() == uid));
    let mut windows = windows.filter(|node| matches!(&node.kind, NodeKind::Operator(operator) if is_new(&**operator)));
    let input = windows.find_map(|node| {
        let input = *node.inputs.first()?;
        plan.schema(input)?.names().eq(columns.iter().map(String::as_str)).then_some(input)
    });
    let mut found = Vec::new();
    if let Some(input) = input {
        origins(plan, input, (0..columns.len()).map(Some).collect(), &mut found);
    }
    found
}

/// Whether the rows of an operator are new ones, not rows of its inputs.
fn is_new(operator: &dyn crate::api::PlannedOperator) -> bool {
    matches!(operator.role(), Role::Opaque)
        && (0..operator.output().len()).all(|column| operator.passes(column).is_none())
}

/// Follows `columns` of `stream` up to the sources. Event times must be the source's there.
fn origins(plan: &LogicalPlan, stream: StreamRef, columns: Vec<Option<usize>>, found: &mut Vec<Origin>) {
    let node = &plan.nodes[stream.node];
    match &node.kind {
        NodeKind::Scan(scan) if scan.event_time.is_some() => {
            let of_source = |column: usize| scan.projection.get(*scan.output.get(column)?).copied();
            found.push((stream.node, columns.into_iter().map(|column| of_source(column?)).collect()));
        }
        NodeKind::Operator(operator) if stream.output == 0 && !is_new(&**operator) && operator.keeps_event_times() => {
            let columns: Vec<_> = columns.into_iter().map(|column| operator.passes(column?)).collect();
            for &input in &node.inputs {
                origins(plan, input, columns.clone(), found);
            }
        }
        NodeKind::Scan(_) | NodeKind::Operator(_) => {}
    }
}
