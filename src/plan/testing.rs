//! Fakes for the tests of the plan and of lowering: a source of bids, operators of each role, and builders of plans and
//! of typed text.

use std::sync::Arc;

use crate::api::{
    Bounds, ChangelogMode, EventTimeSpec, Exchange, OnError, Operator, OperatorContext, Placement, PlannedOperator,
    PlannedSource, Pruned, Role, SideOutput, Source, SourceStart, StreamRef, UpdateKind,
};
use crate::expr::TypedExpr;
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::plan::{LogicalNode, LogicalPlan, NodeKind, OptimizerOps, Scan};
use crate::types::{Error, Field, FormerUids, LogicalType, OperatorUid, Result, Schema, Span, Spanned};

/// A source that is planned, never run.
#[derive(Debug, Clone)]
pub struct FakeSource {
    /// The text that `describe` returns.
    pub describe: String,
    /// The source's columns.
    pub schema: Schema,
    /// The source's own event time.
    pub event_time: Option<(usize, i64)>,
}

impl FakeSource {
    /// `(auction bigint, bidder bigint, price bigint, channel string, date_time timestamp, hot boolean)`
    #[must_use]
    pub fn bids() -> Self {
        Self {
            describe: "fake 'bids'".into(),
            schema: Schema::new([
                Field::new("auction", LogicalType::BigInt),
                Field::new("bidder", LogicalType::BigInt),
                Field::new("price", LogicalType::BigInt),
                Field::new("channel", LogicalType::String),
                Field::new("date_time", LogicalType::Timestamp),
                Field::new("hot", LogicalType::Boolean),
            ]),
            event_time: None,
        }
    }
}

impl PlannedSource for FakeSource {
    fn describe(&self) -> String {
        self.describe.clone()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        Bounds::Bounded
    }

    fn event_time(&self) -> Option<(usize, i64)> {
        self.event_time
    }

    fn start(&self, _start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        Err(Error::config("a fake does not run"))
    }
}

/// The work of a fake operator.
#[derive(Debug, Clone)]
pub enum Does {
    /// Keeps rows.
    Filter(TypedExpr),
    /// Computes columns.
    Project(Vec<TypedExpr>),
    /// Sums column `value` by column `key`; outputs those of `(key, total)` that `keep` names.
    Sum {
        /// The input column of the key.
        key: usize,
        /// The input column that is summed.
        value: usize,
        /// The output columns, 0 the key and 1 the total.
        keep: Vec<usize>,
    },
    /// Rows of all inputs.
    Union,
    /// Passes rows on.
    Nothing,
}

/// An operator that is planned, never run.
#[derive(Debug, Clone)]
pub struct Fake {
    /// The operator's name.
    pub name: String,
    /// The operator's work.
    pub does: Does,
    /// The operator's columns.
    pub output: Schema,
    /// The operator's side outputs.
    pub sides: Vec<SideOutput>,
    /// The exchange of every input.
    pub exchange: Exchange,
    /// The parallelism it must have.
    pub parallelism: Option<usize>,
    /// Whether its rows are in an order that means something.
    pub ordered: bool,
    /// The changes it gives, when they are not those that come in.
    pub changelog: Option<ChangelogMode>,
    /// The kind in which the operator needs updates to be told; `None` for as its readers do.
    pub needs: Option<UpdateKind>,
}

impl Fake {
    /// An operator of this name that outputs `output`.
    #[must_use]
    pub fn new(name: &str, does: Does, output: Schema) -> Self {
        Self {
            name: name.into(),
            does,
            output,
            sides: Vec::new(),
            exchange: Exchange::Forward,
            parallelism: None,
            ordered: false,
            changelog: None,
            needs: Some(UpdateKind::BeforeAndAfter),
        }
    }

    /// A sum by key, behind a hash exchange.
    #[must_use]
    pub fn sum(input: &Schema, key: usize, value: usize, keep: &[usize]) -> Self {
        let key_field = input.fields()[key].clone();
        let all = Schema::new([key_field, Field::new("total", LogicalType::BigInt)]);
        let does = Does::Sum { key, value, keep: keep.to_vec() };
        Self { exchange: Exchange::Hash(vec![key]), ..Self::new("GroupAggregate", does, all.project(keep)) }
    }

    /// The operator, shared.
    #[must_use]
    pub fn arc(self) -> Arc<dyn PlannedOperator> {
        Arc::new(self)
    }
}

impl PlannedOperator for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn describe(&self) -> String {
        match &self.does {
            Does::Filter(predicate) => format!("where={predicate}"),
            Does::Project(exprs) => {
                let shown: Vec<_> =
                    exprs.iter().zip(self.output.names()).map(|(expr, name)| format!("{expr} as {name}")).collect();
                format!("select={}", shown.join(", "))
            }
            Does::Sum { key, value, keep } => format!("by=#{key}, sum=#{value}, keep={keep:?}"),
            Does::Union | Does::Nothing => String::new(),
        }
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        self.sides.clone()
    }

    fn exchange(&self, _input: usize) -> Exchange {
        self.exchange.clone()
    }

    fn is_ordered(&self) -> bool {
        self.ordered
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn passes(&self, column: usize) -> Option<usize> {
        match &self.does {
            Does::Project(exprs) => exprs.get(column)?.as_column(),
            Does::Sum { .. } => None,
            Does::Filter(_) | Does::Union | Does::Nothing => Some(column),
        }
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        match (&self.changelog, inputs) {
            (Some(changelog), _) => changelog.clone(),
            (None, [input]) => input.passed(self.output.len(), |column| self.passes(column)),
            (None, inputs) if inputs.iter().all(ChangelogMode::is_append) => ChangelogMode::Append,
            (None, _) => ChangelogMode::Retract(None),
        }
    }

    fn needs(&self, _input: usize, output: UpdateKind) -> UpdateKind {
        self.needs.unwrap_or(output)
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        let Some(ChangelogMode::Retract(Some(key))) = &self.changelog else { return None };
        Some(Self { changelog: Some(ChangelogMode::Upsert(key.clone())), ..self.clone() }.arc())
    }

    fn role(&self) -> Role<'_> {
        match &self.does {
            Does::Filter(predicate) => Role::Filter(predicate),
            Does::Project(exprs) => Role::Projection(exprs),
            Does::Union => Role::Union,
            Does::Sum { .. } | Does::Nothing => Role::Opaque,
        }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        match &self.does {
            Does::Sum { key, value, keep } => {
                let mut reads = vec![*key, *value];
                reads.sort_unstable();
                reads.dedup();
                let at = |column: usize| reads.iter().position(|&read| read == column).unwrap_or_default();
                let does = Does::Sum {
                    key: at(*key),
                    value: at(*value),
                    keep: needed.iter().map(|&column| keep[column]).collect(),
                };
                let exchange = Exchange::Hash(vec![at(*key)]);
                let output = self.output.project(needed);
                let passes = |at: usize| needed.get(at).copied();
                let changelog = self.changelog.as_ref().map(|changelog| changelog.passed(needed.len(), passes));
                let operator = Self { does, output, exchange, changelog, ..self.clone() }.arc();
                Some(Pruned { operator, inputs: vec![reads] })
            }
            Does::Union => {
                let operator = Self { output: self.output.project(needed), ..self.clone() }.arc();
                Some(Pruned { operator, inputs: vec![needed.to_vec(); 2] })
            }
            Does::Filter(_) | Does::Project(_) | Does::Nothing => None,
        }
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Err(Error::config("a fake does not run"))
    }
}

/// The fake filter.
#[must_use]
pub fn filter(input: Schema, predicate: TypedExpr) -> Arc<dyn PlannedOperator> {
    Fake::new("Filter", Does::Filter(predicate), input).arc()
}

/// The fake projection.
#[must_use]
pub fn projection(_input: Schema, items: Vec<(String, TypedExpr)>) -> Arc<dyn PlannedOperator> {
    let field = |(name, expr): &(String, TypedExpr)| Field {
        name: name.clone(),
        ty: expr.ty().clone(),
        nullable: expr.nullable(),
    };
    let output = Schema::new(items.iter().map(field).collect::<Vec<_>>());
    let does = Does::Project(items.into_iter().map(|(_, expr)| expr).collect());
    Fake { needs: None, ..Fake::new("Calc", does, output) }.arc()
}

/// The fakes that the optimizer makes.
pub const OPS: OptimizerOps = OptimizerOps { filter, projection, normalize, final_rows };

fn final_rows(schema: &Schema, _changelog: &ChangelogMode) -> Arc<dyn PlannedOperator> {
    Fake { changelog: Some(ChangelogMode::Append), ..Fake::new("FinalRows", Does::Nothing, schema.clone()) }.arc()
}

fn normalize(schema: &Schema, key: Vec<usize>, _kind: Option<usize>) -> Arc<dyn PlannedOperator> {
    Fake {
        exchange: Exchange::Hash(key.clone()),
        changelog: Some(ChangelogMode::Retract(Some(key))),
        ..Fake::new("ChangelogNormalize", Does::Nothing, schema.clone())
    }
    .arc()
}

/// Builds a plan node by node.
#[derive(Debug, Clone, Default)]
pub struct PlanBuilder {
    /// The plan so far.
    pub plan: LogicalPlan,
}

impl PlanBuilder {
    /// A scan of the fake bids, with event time `date_time` and a delay of 4 s.
    pub fn scan(&mut self) -> StreamRef {
        let source = FakeSource::bids();
        let time = TypedExpr::column(4, &source.schema.fields()[4]);
        self.scan_of(source, Some(EventTimeSpec::bounded(time, 4_000)))
    }

    /// A scan of `source`.
    pub fn scan_of(&mut self, source: FakeSource, event_time: Option<EventTimeSpec>) -> StreamRef {
        let schema = source.schema.clone();
        let columns: Vec<usize> = (0..schema.len()).collect();
        let scan = Scan {
            name: "bids".into(),
            source: Arc::new(source),
            projection: columns.clone(),
            event_time,
            filter: None,
            output: columns,
            schema,
            pace: None,
            on_error: OnError::Fail,
        };
        self.push(NodeKind::Scan(scan), &[])
    }

    /// An operator over `inputs`.
    pub fn apply(&mut self, operator: Arc<dyn PlannedOperator>, inputs: &[StreamRef]) -> StreamRef {
        self.push(NodeKind::Operator(operator), inputs)
    }

    /// A filter by the boolean column `column`.
    pub fn filter(&mut self, input: StreamRef, column: usize) -> StreamRef {
        let schema = self.schema(input);
        let predicate = TypedExpr::column(column, &schema.fields()[column]);
        self.apply(filter(schema, predicate), &[input])
    }

    /// A projection to `columns`.
    pub fn select(&mut self, input: StreamRef, columns: &[(usize, &str)]) -> StreamRef {
        let schema = self.schema(input);
        let items = columns
            .iter()
            .map(|&(column, name)| (name.to_owned(), TypedExpr::column(column, &schema.fields()[column])))
            .collect();
        self.apply(projection(schema, items), &[input])
    }

    /// A sum by key.
    pub fn sum(&mut self, input: StreamRef, key: usize, value: usize) -> StreamRef {
        let schema = self.schema(input);
        self.apply(Fake::sum(&schema, key, value, &[0, 1]).arc(), &[input])
    }

    /// A sink.
    pub fn sink(&mut self, input: StreamRef, name: &str) -> StreamRef {
        let operator = Fake::new("FileSink", Does::Nothing, self.schema(input)).arc();
        let stream = self.apply(operator, &[input]);
        self.plan.nodes[stream.node].sink = Some(name.into());
        stream
    }

    /// The columns of a stream.
    ///
    /// # Panics
    /// When it is not in the plan.
    #[must_use]
    pub fn schema(&self, stream: StreamRef) -> Schema {
        self.plan.schema(stream).expect("the stream is in the plan")
    }

    fn push(&mut self, kind: NodeKind, inputs: &[StreamRef]) -> StreamRef {
        let node = self.plan.nodes.len();
        let uid = OperatorUid::new(format!("op{node}"));
        self.plan.nodes.push(LogicalNode {
            kind,
            inputs: inputs.to_vec(),
            uid,
            former: FormerUids::default(),
            parallelism: None,
            placement: Placement::default(),
            sink: None,
        });
        StreamRef { node, output: 0 }
    }
}

/// A name without a place.
#[must_use]
pub fn name(text: &str) -> Spanned<String> {
    Spanned::new(text.into(), Span::default())
}

/// `name = value` of a `with (…)`.
#[must_use]
pub fn option(called: &str, value: ExprNode) -> (Spanned<String>, ExprNode) {
    (name(called), value)
}

fn literal(literal: Literal) -> ExprNode {
    Spanned::new(Expr::Literal(literal), Span::default())
}

/// An integer as typed.
#[must_use]
pub fn integer(digits: &str) -> ExprNode {
    literal(Literal::Integer(digits.into()))
}

/// A quoted text.
#[must_use]
pub fn text(text: &str) -> ExprNode {
    literal(Literal::String(text.into()))
}

/// A duration.
#[must_use]
pub fn duration(ms: i64) -> ExprNode {
    literal(Literal::IntervalDayTime(ms))
}

/// A bare word.
#[must_use]
pub fn word(text: &str) -> ExprNode {
    Spanned::new(Expr::Column(vec![name(text)]), Span::default())
}
