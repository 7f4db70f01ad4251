//! `cogroup pay as p on e.k = p.k window tumble(10s)`: the rows of two streams by key and window.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};

use super::join::{Condition, Key};
use super::rows::evaluated;
use super::select::no_window;
use super::window::{takes_both, two_sided};
use crate::api::{
    Clause, Operator, OperatorContext, Output, PlannedOperator, Shape, Signature, StageArgs, StageContext, StageSpec,
    StreamShape, WindowSide, WindowSpec,
};
use crate::expr::{EvalContext, Evaluator, TypedExpr};
use crate::types::{Batch, Clock, Diagnostic, Field, Result, Schema, Span, Spanned};

/// `cogroup`
pub(super) const COGROUP: StageSpec = StageSpec {
    name: "cogroup",
    aliases: &[],
    signature: Signature {
        head: &[Shape::Stream],
        optional: &[],
        clauses: &[
            Clause {
                keyword: "on",
                shape: Shape::Expr,
                required: true,
                help: "what is equal in rows that belong together",
            },
            Clause { keyword: "window", shape: Shape::Window, required: true, help: "the window of both" },
        ],
    },
    summary: "puts the rows of two streams with the same key and window together",
    help: "`aggregate`, which must follow, sees the columns of both as `left.c` and `right.c`, with nulls in rows of the other \
           stream: one result for each key and window that either has rows of. `on` says which values are equal, one or more \
           with `and` between; the result has the left one's name for it. Null is a key like any other.",
    examples: &["auctions as a | cogroup bids as b on a.id = b.auction window tumble(10s) \
         | aggregate count(left.id) as opened, count(right.bidder) as bids;"],
    flink: Some("DataStream.coGroup"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let named = args.stream(0)?;
    let (other, mut right) = stream.stream(&named.name)?;
    if let Some(alias) = &named.alias {
        right.name = Some(alias.clone());
    }
    let left = stream.shape().clone();
    if let (Some(ours), Some(theirs)) = (&left.name, &right.name)
        && ours.node == theirs.node
    {
        return Err(Diagnostic::at(theirs.span, format!("both sides are called `{}`", theirs.node))
            .also(ours.span, "the left one")
            .help(format!("call this one something else: {} as other", named.name.node)));
    }
    let (Some(on), Some(call)) = (args.clause_expr("on")?, args.clause_window("window")?) else {
        return Err(Diagnostic::at(args.span, "a cogroup needs `on` and `window`"));
    };
    let window = two_sided(call, stream)?;
    takes_both(args.span, &window, [&left, &right])?;
    let Condition { keys, residual } = Condition::bind(on, &left, &right)?;
    if residual.is_some() || keys.is_empty() || keys.iter().any(|key| key.null_safe) {
        return Err(Diagnostic::at(on.span, "what is equal in both streams was expected")
            .help("write for example `on e.k = p.k and e.day = p.day`; filter the streams before"));
    }
    let named = |(place, key): (usize, Key)| {
        let column = key.left.as_column();
        let name = column.map_or_else(|| format!("EXPR${place}"), |column| left.schema.fields()[column].name.clone());
        (name, key.left, key.right)
    };
    let keys: Vec<(String, TypedExpr, TypedExpr)> = keys.into_iter().enumerate().map(named).collect();
    let cogroup = CoGroup::new(&left.schema, &right.schema, &keys);
    let first = left.schema.len() + right.schema.len();
    let places = (first..first + keys.len()).collect();
    stream.apply_many(Arc::new(cogroup), &[other]);
    let side = |name: &str, shape: &StreamShape| {
        let nullable = |field: &Field| Field { nullable: true, ..field.clone() };
        let schema = Schema::new(shape.schema.fields().iter().map(nullable).collect::<Vec<_>>());
        WindowSide { name: Spanned::new(name.to_owned(), Span::default()), schema }
    };
    let sides = Some(Arc::new([side("left", &left), side("right", &right)]));
    let shape = stream.shape_mut();
    (shape.name, shape.keys) = (None, Some(places));
    shape.window = Some(Arc::new(WindowSpec { sides, ..(*window).clone() }));
    Ok(())
}

/// Rows of two inputs as rows of one: the left columns, the right ones, then the keys; nulls stand for the other input.
#[derive(Debug, Clone)]
struct CoGroup {
    widths: [usize; 2],
    keys: [Vec<TypedExpr>; 2],
    output: Schema,
}

impl CoGroup {
    fn new(left: &Schema, right: &Schema, keys: &[(String, TypedExpr, TypedExpr)]) -> Self {
        let nullable = |field: &Field| Field { nullable: true, ..field.clone() };
        let key = |(name, mine, theirs): &(String, TypedExpr, TypedExpr)| Field {
            name: name.clone(),
            ty: mine.ty().clone(),
            nullable: mine.nullable() || theirs.nullable(),
        };
        let fields = left.fields().iter().chain(right.fields()).map(nullable).chain(keys.iter().map(key));
        let of = |side: usize| {
            keys.iter().map(|(_, mine, theirs)| if side == 0 { mine.clone() } else { theirs.clone() }).collect()
        };
        Self {
            widths: [left.len(), right.len()],
            keys: [of(0), of(1)],
            output: Schema::new(fields.collect::<Vec<_>>()),
        }
    }
}

impl PlannedOperator for CoGroup {
    fn name(&self) -> &'static str {
        "CoGroup"
    }

    fn describe(&self) -> String {
        let on = self.keys[0].iter().zip(&self.keys[1]).map(|(mine, theirs)| format!("left.{mine} = right.{theirs}"));
        format!("on=[{}]", on.collect::<Vec<_>>().join(" and "))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(CoGroupOperator {
            keys: [0, 1].map(|side| self.keys[side].iter().map(Evaluator::new).collect()),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: self.clone(),
        }))
    }
}

struct CoGroupOperator {
    plan: CoGroup,
    keys: [Vec<Evaluator>; 2],
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for CoGroupOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let keys = |rows: &RecordBatch, context: &mut EvalContext| {
            self.keys[input].iter().map(|key| key.evaluate(rows, context)).collect::<Result<Vec<ArrayRef>>>()
        };
        let (batch, keys) = evaluated(batch, self.clock.now_ms(), &self.place, out, keys)?;
        if batch.is_empty() {
            return Ok(());
        }
        let [left, right] = self.plan.widths;
        let schema = self.plan.output.arrow();
        let nulls = |columns: std::ops::Range<usize>| {
            columns.map(|column| new_null_array(schema.field(column).data_type(), batch.rows())).collect::<Vec<_>>()
        };
        let own = batch.columns().columns().to_vec();
        let both = if input == 0 { [own, nulls(left..left + right)] } else { [nulls(0..left), own] };
        let columns = both.into_iter().flatten().chain(keys).collect();
        out.batch(batch.with_columns(schema.clone(), columns)?)
    }
}
