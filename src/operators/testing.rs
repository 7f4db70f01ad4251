//! For tests of operators: a stream to bind stages on, an output that records, and instances with state in memory.

pub(super) mod script;

use std::cell::Cell;
use std::sync::Arc;
use std::task::Waker;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use super::window::assigners::window_functions;
use crate::api::{
    Arg, Armed, Body, BodyInput, BodyNode, Exchange, LookupSource, Moment, NamedExpr, Operator, OperatorContext,
    OperatorMetrics, Output, Placement, PlannedOperator, ProcessFunction, Rejected, SelectItem, Stage, StageArgs,
    StageContext, StreamRef, StreamShape, TimeAttributes, WindowAssigner, WindowCall, Windows,
};
use crate::expr::Scope;
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
pub(super) use crate::memory_state::MemoryState;
use crate::state::{Instance, ManagedMemory, RestoredState, StateDelta, StateDescriptor};
use crate::types::files::OsFiles;
use crate::types::{
    Batch, Diagnostic, Error, Field, LogicalType, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, OperatorUid, Result, Schema,
    Span, Spanned, SpillSpace, VirtualClock,
};

/// One column of test data.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<&'static str>>),
    Bool(Vec<Option<bool>>),
    Time(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    /// A column of any other type.
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

/// The elements that an operator gave, in order.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Rows as [`lines`], watermarks as `~5`, side rows as `late: …`.
    pub(super) elements: Vec<String>,
    pub(super) batches: Vec<Batch>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) closed: usize,
    /// The requests that the operator has made last.
    pub(super) armed: Armed,
    pub(super) fail_on_reject: bool,
    /// Whether what is behind has no room.
    pub(super) no_room: bool,
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
        let name = if port == 0 { "late".to_owned() } else { format!("side {port}") };
        self.elements.extend(lines(&batch).into_iter().map(|line| format!("{name}: {line}")));
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

    fn arm(&mut self, armed: Armed) {
        self.armed = armed;
    }

    fn has_room(&self) -> bool {
        !self.no_room
    }

    fn close(&mut self) {
        self.closed += 1;
    }
}

/// Applies the delta of one instance, whose keyed entries have `key_columns` key columns.
pub(super) fn apply(state: &mut MemoryState, context: &OperatorContext, delta: &StateDelta, key_columns: usize) {
    let of = Instance::new(context.subtask, context.parallelism, context.max_parallelism);
    state.apply(&of, delta, &|_| key_columns);
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
        memory: None,
        metrics: Arc::new(OperatorMetrics::default()),
        row_watermarks: false,
        spill: Arc::new(SpillSpace::temporary(1 << 20)),
        clock: Arc::new(VirtualClock::at(0)),
        waker: Waker::noop().clone(),
        armed: Cell::default(),
    };
    let of = Instance::new(subtask, parallelism, context.max_parallelism);
    context.restored = restored.map(|state| -> Arc<dyn RestoredState> { Arc::new(state.for_instance(of)) });
    context
}

/// An operator whose instances have so many bytes of memory for keyed state.
#[derive(Debug, Clone)]
pub(super) struct Within {
    pub(super) operator: Arc<dyn PlannedOperator>,
    pub(super) memory: ManagedMemory,
}

impl Within {
    pub(super) fn bytes(operator: &Arc<dyn PlannedOperator>, bytes: usize) -> Self {
        let memory = ManagedMemory { bytes, directory: std::env::temp_dir(), files: Arc::new(OsFiles) };
        Self { operator: Arc::clone(operator), memory }
    }
}

impl PlannedOperator for Within {
    fn name(&self) -> &str {
        self.operator.name()
    }

    fn describe(&self) -> String {
        self.operator.describe()
    }

    fn output(&self) -> &Schema {
        self.operator.output()
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.operator.exchange(input)
    }

    fn states(&self) -> Vec<StateDescriptor> {
        self.operator.states()
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let within = OperatorContext {
            uid: context.uid.clone(),
            restored: context.restored.clone(),
            memory: Some(self.memory.clone()),
            metrics: Arc::clone(&context.metrics),
            spill: Arc::clone(&context.spill),
            clock: Arc::clone(&context.clock),
            waker: context.waker.clone(),
            armed: Cell::default(),
            ..*context
        };
        let created = self.operator.create(&within)?;
        context.armed.set(within.armed.get());
        Ok(created)
    }
}

/// Lets an operator that has more to give go on, at most `times` times; whether it still has.
pub(super) fn advance(operator: &mut dyn Operator, out: &mut Recorder, times: u64) -> bool {
    for _ in 0..times {
        if !std::mem::take(&mut out.armed).more {
            return false;
        }
        operator.advance(Moment { watermark: MIN_WATERMARK, now_ms: 0 }, out).expect("goes on");
    }
    out.armed.more
}

/// The context of an instance with so many bytes of memory for rows that wait.
pub(super) fn with_memory(bytes: usize, batch_rows: usize) -> OperatorContext {
    OperatorContext { spill: Arc::new(SpillSpace::temporary(bytes)), batch_rows, ..context() }
}

/// The rows that an operator gives of all of `input`, in order.
pub(super) fn given_at_the_end(operator: &mut dyn Operator, input: impl IntoIterator<Item = Batch>) -> Vec<String> {
    given_of_inputs(operator, input.into_iter().map(|batch| (0, batch)))
}

/// The same of batches of several inputs.
pub(super) fn given_of_inputs(
    operator: &mut dyn Operator,
    input: impl IntoIterator<Item = (usize, Batch)>,
) -> Vec<String> {
    let mut out = Recorder::default();
    for (input, batch) in input {
        operator.process(input, batch, &mut out).expect("processes");
    }
    assert!(out.elements.is_empty(), "rows came before the end");
    while std::mem::take(&mut out.armed).event_time == Some(MAX_WATERMARK) {
        operator.advance(Moment { watermark: MAX_WATERMARK, now_ms: 0 }, &mut out).expect("goes on");
    }
    out.elements
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
    pub(super) tables: Vec<(LookupSource, StreamShape)>,
    pub(super) functions: Vec<Arc<ProcessFunction>>,
    pub(super) side_outputs: Vec<String>,
    pub(super) settings: Vec<String>,
    pub(super) placement: Placement,
    pub(super) batch: bool,
}

impl FakeStream {
    pub(super) fn new(schema: &Schema) -> Self {
        let shape = StreamShape { time: TimeAttributes::of_event_time(None), ..StreamShape::of(schema.clone()) };
        Self {
            shape,
            applied: Vec::new(),
            others: Vec::new(),
            tables: Vec::new(),
            functions: Vec::new(),
            side_outputs: Vec::new(),
            settings: Vec::new(),
            placement: Placement::default(),
            batch: false,
        }
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
        self.apply_many(operator, &[]);
    }

    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, others: &[StreamRef]) {
        let others = others.iter().map(|other| &self.others[other.node].1);
        let inputs: Vec<&StreamShape> = std::iter::once(&self.shape).chain(others).collect();
        self.shape = StreamShape::behind(&*operator, &inputs);
        self.applied.push(operator);
    }

    fn apply_to(&mut self, operator: Arc<dyn PlannedOperator>, to: StreamRef) -> StreamRef {
        let shape = StreamShape::behind(&*operator, &[&self.others[to.node].1]);
        self.others.push(("", shape));
        StreamRef { node: self.others.len() - 1, output: 0 }
    }

    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let found = self.others.iter().enumerate().find(|(_, (known, _))| *known == name.node);
        let (node, (_, shape)) = found.ok_or_else(|| Diagnostic::at(name.span, "no such stream"))?;
        Ok((StreamRef { node, output: 0 }, shape.clone()))
    }

    fn lookup(&mut self, name: &Spanned<String>) -> Result<(LookupSource, StreamShape), Diagnostic> {
        let found = self.tables.iter().find(|(source, _)| source.name == name.node);
        found.cloned().ok_or_else(|| Diagnostic::at(name.span, "no such source"))
    }

    fn process_function(&self, name: &Spanned<String>) -> Result<Arc<ProcessFunction>, Diagnostic> {
        let found = self.functions.iter().find(|function| function.name.node == name.node);
        found.cloned().ok_or_else(|| Diagnostic::at(name.span, "no such process function"))
    }

    fn body(&mut self, head: Arc<dyn PlannedOperator>, stages: &[Stage]) -> Result<Body, Diagnostic> {
        let (outer, before) = (self.shape.clone(), std::mem::take(&mut self.applied));
        self.apply(head);
        for stage in stages {
            (stage.spec.bind)(&stage.args, self)?;
        }
        let applied = std::mem::replace(&mut self.applied, before);
        let shape = std::mem::replace(&mut self.shape, outer);
        let nodes = applied.into_iter().enumerate().map(|(at, operator)| {
            let input = at.checked_sub(1).map_or(BodyInput::Round, |before| BodyInput::Node(before, 0));
            BodyNode { operator, inputs: vec![input] }
        });
        let nodes: Vec<BodyNode> = nodes.collect();
        Ok(Body { end: BodyInput::Node(nodes.len() - 1, 0), nodes, others: Vec::new(), shape })
    }

    fn name_side_output(&mut self, _port: usize, name: &Spanned<String>) -> Result<(), Diagnostic> {
        self.side_outputs.push(name.node.clone());
        Ok(())
    }

    fn window(&self, call: &WindowCall) -> Result<Windows, Diagnostic> {
        let spec = window_functions().iter().find(|spec| spec.name == call.name.node);
        (spec.ok_or_else(|| Diagnostic::at(call.name.span, "no such window"))?.bind)(call, &self.shape.scope())
    }

    fn sink(&mut self, _arg: &Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        Err(Diagnostic::at(span, "asked for a sink"))
    }

    fn state_ttl_ms(&self) -> Option<i64> {
        None
    }

    fn is_batch(&self) -> bool {
        self.batch
    }

    fn final_rows(&mut self) {}

    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic> {
        self.settings.push(format!("uid {}", uid.node));
        Ok(())
    }

    fn placement_mut(&mut self) -> &mut Placement {
        &mut self.placement
    }

    fn set_max_parallelism(&mut self, most: &Spanned<u64>) -> Result<(), Diagnostic> {
        self.settings.push(format!("max_parallelism {}", most.node));
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

/// The assigner that this call names.
pub(super) fn assigner(name: &str, args: &[i64]) -> Arc<dyn WindowAssigner> {
    let spec = window_functions().iter().find(|spec| spec.name == name).expect("registered");
    let windows = (spec.bind)(&window_call(name, args), &Scope::default()).expect("binds");
    let Windows::Aligned(assigner) = &windows else { panic!("{windows:?} have no assigner") };
    Arc::clone(assigner)
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

    /// Below `limit`, as a place in a list.
    pub(super) fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).expect("small")
    }

    /// Below `limit`, as a column has it.
    pub(super) fn int(&mut self, limit: u64) -> i64 {
        self.below(limit).cast_signed()
    }
}
