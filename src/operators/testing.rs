//! For tests of operators: a stream to bind stages on, an output that records, and state in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use super::window::assigners::window_functions;
use crate::api::{
    Arg, NamedExpr, Operator, OperatorContext, OperatorMetrics, Output, PlannedOperator, Rejected, SelectItem,
    StageArgs, StageContext, StreamRef, StreamShape, WindowAssigner, WindowCall,
};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::state::{KeyedRows, Namespace, RestoredState, StateChange, StateDelta, StateDescriptor};
use crate::types::{
    Batch, Diagnostic, Error, Field, LogicalType, NO_TIME, OperatorUid, Result, Schema, Span, Spanned, VirtualClock,
};

/// One column of test data.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<&'static str>>),
    Bool(Vec<Option<bool>>),
    Time(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    /// Of any other type.
    Any(LogicalType, ArrayRef),
}

impl Values {
    pub(super) fn ints(values: impl IntoIterator<Item = i64>) -> Self {
        Self::Int(values.into_iter().map(Some).collect())
    }

    pub(super) fn ty(&self) -> LogicalType {
        match self {
            Self::Int(_) => LogicalType::BigInt,
            Self::Text(_) => LogicalType::String,
            Self::Bool(_) => LogicalType::Boolean,
            Self::Time(_) => LogicalType::Timestamp,
            Self::Double(_) => LogicalType::Double,
            Self::Any(ty, _) => ty.clone(),
        }
    }

    pub(super) fn array(self) -> ArrayRef {
        match self {
            Self::Int(values) => Arc::new(Int64Array::from(values)),
            Self::Text(values) => Arc::new(StringArray::from(values)),
            Self::Bool(values) => Arc::new(BooleanArray::from(values)),
            Self::Time(values) => Arc::new(TimestampMillisecondArray::from(values)),
            Self::Double(values) => Arc::new(Float64Array::from(values)),
            Self::Any(_, array) => array,
        }
    }
}

/// A batch without event times, and its schema.
pub(super) fn batch(columns: Vec<(&str, Values)>) -> (Schema, Batch) {
    let fields: Vec<Field> = columns.iter().map(|(name, values)| Field::new(*name, values.ty())).collect();
    let schema = Schema::new(fields);
    let arrays = columns.into_iter().map(|(_, values)| values.array()).collect();
    let rows = RecordBatch::try_new(schema.arrow().clone(), arrays).expect("columns of one length");
    (schema, Batch::untimed(rows))
}

/// The rows of a batch as text: `+I 1|a @5`, with the kind where there is one and the time where there is one.
pub(super) fn lines(batch: &Batch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("formats"))
        .collect();
    (0..batch.rows())
        .map(|row| {
            let kind = batch.kinds().map_or_else(String::new, |_| format!("{} ", batch.kind(row).short()));
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            let time = batch.times()[row];
            let time = if time == NO_TIME { String::new() } else { format!(" @{time}") };
            format!("{kind}{}{time}", values.join("|")).replace("1970-01-01T", "")
        })
        .collect()
}

/// What an operator gave, in order.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Rows as [`lines`], watermarks as `~5`, side rows as `late: …`.
    pub(super) elements: Vec<String>,
    pub(super) batches: Vec<Batch>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) closed: usize,
    pub(super) fail_on_reject: bool,
}

impl Recorder {
    /// The rows of the main output.
    pub(super) fn rows(&self) -> Vec<&str> {
        let rows = self.elements.iter().map(String::as_str);
        rows.filter(|line| !line.starts_with('~') && !line.starts_with("late: ")).collect()
    }

    /// The rows of the side output.
    pub(super) fn late(&self) -> Vec<&str> {
        self.elements.iter().filter_map(|line| line.strip_prefix("late: ")).collect()
    }
}

impl Output for Recorder {
    fn batch(&mut self, batch: Batch) -> Result<()> {
        assert!(!batch.is_empty(), "an empty batch was emitted");
        self.elements.extend(lines(&batch));
        self.batches.push(batch);
        Ok(())
    }

    fn watermark(&mut self, watermark: i64) -> Result<()> {
        self.elements.push(format!("~{watermark}"));
        Ok(())
    }

    fn side(&mut self, port: usize, batch: Batch) -> Result<()> {
        assert_eq!(port, 0, "no operator here has a second side output");
        self.elements.extend(lines(&batch).into_iter().map(|line| format!("late: {line}")));
        Ok(())
    }

    fn reject(&mut self, rows: Vec<Rejected>) -> Result<()> {
        if self.fail_on_reject {
            let row = String::from_utf8_lossy(&rows[0].row).into_owned();
            return Err(Error::Row { place: rows[0].place.clone(), message: rows[0].message.clone(), row });
        }
        self.rejected.extend(rows);
        Ok(())
    }

    fn close(&mut self) {
        self.closed += 1;
    }
}

/// Keyed and operator state as the deltas of several instances leave it.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryState {
    keyed: BTreeMap<Namespace, Vec<KeyedRows>>,
    pub(super) operator: Vec<(usize, &'static str, Vec<u8>)>,
}

impl MemoryState {
    /// Applies the delta of one instance, whose keyed entries have `key_columns` key columns.
    pub(super) fn apply(&mut self, context: &OperatorContext, delta: StateDelta, key_columns: usize) {
        let subtask = context.subtask;
        for change in delta.changes {
            match change {
                StateChange::Upsert { namespace, rows, .. } => {
                    assert_eq!(rows.rows.num_rows(), rows.key_groups.len());
                    self.remove(namespace, &rows, key_columns);
                    self.keyed.entry(namespace).or_default().push(rows);
                }
                StateChange::Remove { namespace, rows, .. } => self.remove(namespace, &rows, key_columns),
                StateChange::DropNamespace { namespace, .. } => {
                    let range = context.key_groups();
                    for held in self.keyed.entry(namespace).or_default() {
                        retain(held, |_, group| !range.contains(&group));
                    }
                }
                StateChange::Operator { state, entry } => self.operator.push((subtask, state, entry)),
                StateChange::Commit { .. } => panic!("no operator here commits"),
            }
        }
    }

    fn remove(&mut self, namespace: Namespace, gone: &KeyedRows, key_columns: usize) {
        let key = |rows: &RecordBatch, row: usize| {
            let keys = rows.project(&(0..key_columns).collect::<Vec<_>>()).expect("projects");
            lines(&Batch::untimed(keys))[row].clone()
        };
        let gone: Vec<String> = (0..gone.rows.num_rows()).map(|row| key(&gone.rows, row)).collect();
        for held in self.keyed.entry(namespace).or_default() {
            let kept: Vec<bool> = (0..held.rows.num_rows()).map(|row| !gone.contains(&key(&held.rows, row))).collect();
            retain(held, |row, _| kept[row]);
        }
    }

    pub(super) fn entries(&self) -> usize {
        self.keyed.values().flatten().map(|rows| rows.rows.num_rows()).sum()
    }

    /// What an instance that owns `range` is given.
    pub(super) fn in_range(&self, range: &Range<u16>) -> Self {
        let mut part = self.clone();
        for held in part.keyed.values_mut().flatten() {
            retain(held, |_, group| range.contains(&group));
        }
        part
    }
}

fn retain(held: &mut KeyedRows, keep: impl Fn(usize, u16) -> bool) {
    let kept: Vec<u32> = (0_u32..)
        .zip(&held.key_groups)
        .filter(|&(row, &group)| keep(row as usize, group))
        .map(|(row, _)| row)
        .collect();
    held.key_groups = kept.iter().map(|&row| held.key_groups[row as usize]).collect();
    held.rows = take_record_batch(&held.rows, &arrow_array::UInt32Array::from(kept)).expect("takes");
}

impl RestoredState for MemoryState {
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>> {
        let schema = descriptor.schema.arrow();
        let namespaces = self.keyed.iter().filter(|(_, held)| held.iter().any(|rows| rows.rows.num_rows() > 0));
        namespaces
            .map(|(&namespace, held)| Ok((namespace, concat_batches(schema, held.iter().map(|rows| &rows.rows))?)))
            .collect()
    }

    fn operator(&self, state: &str) -> Result<Vec<Vec<u8>>> {
        let entries = self.operator.iter().filter(|(_, name, _)| *name == state);
        Ok(entries.map(|(.., entry)| entry.clone()).collect())
    }
}

/// The only instance of an operator.
pub(super) fn context() -> OperatorContext {
    instance(0, 1, None)
}

/// Instance `subtask` of `parallelism`.
pub(super) fn instance(subtask: usize, parallelism: usize, restored: Option<&MemoryState>) -> OperatorContext {
    let mut context = OperatorContext {
        uid: OperatorUid::new("test"),
        subtask,
        parallelism,
        max_parallelism: 128,
        batch_rows: 8_192,
        restored: None,
        metrics: Arc::new(OperatorMetrics::default()),
        clock: Arc::new(VirtualClock::at(0)),
    };
    context.restored =
        restored.map(|state| -> Arc<dyn RestoredState> { Arc::new(state.in_range(&context.key_groups())) });
    context
}

/// Runs `input` through a fresh instance.
pub(super) fn run(planned: &dyn PlannedOperator, input: Vec<Batch>) -> Recorder {
    let mut operator: Box<dyn Operator> = planned.create(&context()).expect("creates");
    let mut out = Recorder::default();
    for batch in input {
        operator.process(0, batch, &mut out).expect("processes");
    }
    out
}

/// A pipeline under construction.
pub(super) struct FakeStream {
    pub(super) shape: StreamShape,
    pub(super) applied: Vec<Arc<dyn PlannedOperator>>,
    pub(super) others: Vec<(&'static str, StreamShape)>,
    pub(super) side_outputs: Vec<String>,
    pub(super) settings: Vec<String>,
}

impl FakeStream {
    pub(super) fn new(schema: &Schema) -> Self {
        let shape = StreamShape { schema: schema.clone(), keys: None, window: None, changelog: false, timed: true };
        Self { shape, applied: Vec::new(), others: Vec::new(), side_outputs: Vec::new(), settings: Vec::new() }
    }

    /// Binds the stage called `name`.
    pub(super) fn stage(
        &mut self,
        name: &str,
        head: Vec<Arg>,
        clauses: Vec<(&'static str, Arg)>,
    ) -> Result<(), Diagnostic> {
        let spec = super::stages().iter().find(|spec| spec.name == name).expect("a registered stage");
        let clauses = clauses.into_iter().map(|(keyword, arg)| (at(keyword), arg)).collect();
        let args = StageArgs { name: at(name.to_owned()), span: Span::default(), head, clauses };
        (spec.bind)(&args, self)
    }

    /// The operator applied last.
    pub(super) fn last(&self) -> &dyn PlannedOperator {
        self.applied.last().expect("an operator was applied").as_ref()
    }
}

impl StageContext for FakeStream {
    fn shape(&self) -> &StreamShape {
        &self.shape
    }

    fn shape_mut(&mut self) -> &mut StreamShape {
        &mut self.shape
    }

    fn apply(&mut self, operator: Arc<dyn PlannedOperator>) {
        self.shape.schema = operator.output().clone();
        self.shape.changelog = operator.changelog(self.shape.changelog);
        self.shape.keys = None;
        self.shape.window = None;
        self.applied.push(operator);
    }

    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, _others: &[StreamRef]) {
        self.apply(operator);
    }

    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let found = self.others.iter().enumerate().find(|(_, (known, _))| *known == name.node);
        let (node, (_, shape)) = found.ok_or_else(|| Diagnostic::at(name.span, "no such stream"))?;
        Ok((StreamRef { node, output: 0 }, shape.clone()))
    }

    fn name_side_output(&mut self, _port: usize, name: &Spanned<String>) -> Result<(), Diagnostic> {
        self.side_outputs.push(name.node.clone());
        Ok(())
    }

    fn window(&self, call: &WindowCall) -> Result<Arc<dyn WindowAssigner>, Diagnostic> {
        let spec = window_functions().iter().find(|spec| spec.name == call.name.node);
        (spec.ok_or_else(|| Diagnostic::at(call.name.span, "no such window"))?.bind)(call)
    }

    fn sink(&mut self, _arg: &Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        Err(Diagnostic::at(span, "asked for a sink"))
    }

    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic> {
        self.settings.push(format!("uid {}", uid.node));
        Ok(())
    }

    fn set_parallelism(&mut self, parallelism: &Spanned<u64>) -> Result<(), Diagnostic> {
        self.settings.push(format!("parallelism {}", parallelism.node));
        Ok(())
    }
}

pub(super) fn at<T>(node: T) -> Spanned<T> {
    Spanned::new(node, Span::default())
}

/// The expression that is column `name`.
pub(super) fn column(name: &str) -> ExprNode {
    at(Expr::Column(vec![at(name.to_owned())]))
}

/// `name as alias`
pub(super) fn item(expr: ExprNode, alias: Option<&str>) -> SelectItem {
    SelectItem::Expr(NamedExpr { expr, name: alias.map(|alias| at(alias.to_owned())) })
}

/// A call: `count` without arguments is `count(*)`.
pub(super) fn call(name: &str, arg: Option<&str>, distinct: bool) -> Call {
    Call {
        name: at(name.to_owned()),
        args: arg.map(column).into_iter().collect(),
        star: arg.is_none(),
        distinct,
        filter: None,
    }
}

/// A select list of aggregate calls, `("sum", Some("price"), "total")` each; `count distinct` is spelt so.
pub(super) fn aggregates(calls: &[(&str, Option<&str>, &str)]) -> Arg {
    Arg::Exprs(
        calls
            .iter()
            .map(|(name, arg, alias)| {
                let (name, distinct) = name.split_once(' ').map_or((*name, false), |(name, _)| (name, true));
                item(at(Expr::Call(call(name, *arg, distinct))), Some(alias))
            })
            .collect(),
    )
}

/// `columns` by name.
pub(super) fn names(columns: &[&str]) -> Arg {
    Arg::Exprs(columns.iter().map(|name| item(column(name), None)).collect())
}

/// `name(1s, 2s)`, arguments in milliseconds.
pub(super) fn window_call(name: &str, args: &[i64]) -> WindowCall {
    let args = args.iter().map(|&ms| at(Expr::Literal(Literal::IntervalDayTime(ms)))).collect();
    WindowCall { name: at(name.to_owned()), args }
}

/// A small generator of numbers, the same for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        crate::types::key_group::mix(self.0) % limit
    }

    /// Below `limit`, as a column has it.
    pub(super) fn int(&mut self, limit: u64) -> i64 {
        self.below(limit).cast_signed()
    }
}
