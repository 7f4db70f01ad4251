//! Optimised plans compute what they did before, by a plain interpreter over random plans and rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use proptest::prelude::*;

use crate::api::{EventTimeSpec, PlannedOperator, Role, StreamRef};
use crate::expr::ast::{BinaryOp, Expr, ExprNode};
use crate::expr::{EvalContext, Evaluator, TypedExpr, bind};
use crate::plan::testing::{Does, Fake, FakeSource, OPS, PlanBuilder, filter, integer, projection, word};
use crate::plan::{LogicalPlan, NodeKind, Scan};
use crate::types::{Field, LogicalType, Schema, Span, Spanned};

/// The rows that reach each sink, as text, sorted.
fn results(plan: &LogicalPlan, source: &RecordBatch) -> BTreeMap<String, Vec<String>> {
    let mut streams: Vec<RecordBatch> = Vec::new();
    let mut sinks = BTreeMap::new();
    for node in &plan.nodes {
        let inputs: Vec<&RecordBatch> = node.inputs.iter().map(|stream| &streams[stream.node]).collect();
        let output = match &node.kind {
            NodeKind::Scan(scan) => read(scan, source),
            NodeKind::Operator(operator) => compute(&**operator, &inputs),
        };
        assert!(output.schema().fields().iter().zip(node.schema(0).unwrap().names()).all(|(a, b)| a.name() == b));
        if let Some(sink) = &node.sink {
            sinks.insert(sink.clone(), rows(&output));
        }
        streams.push(output);
    }
    sinks
}

fn read(scan: &Scan, rows: &RecordBatch) -> RecordBatch {
    let mut parsed = rows.project(&scan.projection).unwrap();
    if let Some(event_time) = &scan.event_time {
        let mut context = EvalContext::default();
        let times = Evaluator::new(&event_time.time).evaluate(&parsed, &mut context).unwrap();
        assert!(Arc::ptr_eq(rows.column(4), &times), "the event time stays the same column");
    }
    if let Some(predicate) = &scan.filter {
        parsed = keep(predicate, &parsed);
    }
    parsed.project(&scan.output).unwrap()
}

fn keep(predicate: &TypedExpr, rows: &RecordBatch) -> RecordBatch {
    let mut context = EvalContext::default();
    let keep = Evaluator::new(predicate).evaluate_predicate(rows, &mut context).unwrap();
    assert!(context.errors.is_empty(), "{predicate}: {:?}", context.errors);
    filter_record_batch(rows, &keep).unwrap()
}

fn compute(operator: &dyn PlannedOperator, inputs: &[&RecordBatch]) -> RecordBatch {
    let schema = operator.output().arrow().clone();
    match (operator.role(), operator.name()) {
        (Role::Filter(predicate), _) => keep(predicate, inputs[0]),
        (Role::Projection(exprs), _) => {
            let mut context = EvalContext::default();
            let columns: Vec<ArrayRef> =
                exprs.iter().map(|expr| Evaluator::new(expr).evaluate(inputs[0], &mut context).unwrap()).collect();
            RecordBatch::try_new(schema, columns).unwrap()
        }
        (Role::Opaque, "GroupAggregate") => {
            // A planned operator says what it does in words alone: `by=#0, sum=#2, keep=[0, 1]`.
            let described = operator.describe();
            let numbers = described.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
            let numbers: Vec<usize> = numbers.collect();
            let [key, value, keep @ ..] = &numbers[..] else { panic!("{described}") };
            let column = |at: usize| inputs[0].column(at).as_primitive::<Int64Type>();
            let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
            for (key, value) in column(*key).values().iter().zip(column(*value).values()) {
                let sum = sums.entry(*key).or_default();
                *sum = sum.wrapping_add(*value);
            }
            let both: [ArrayRef; 2] = [
                Arc::new(sums.keys().copied().collect::<Int64Array>()),
                Arc::new(sums.values().copied().collect::<Int64Array>()),
            ];
            RecordBatch::try_new(schema, keep.iter().map(|&at| both[at].clone()).collect()).unwrap()
        }
        (Role::Union, _) => {
            let named =
                inputs.iter().map(|rows| RecordBatch::try_new(schema.clone(), rows.columns().to_vec()).unwrap());
            concat_batches(&schema, &named.collect::<Vec<_>>()).unwrap()
        }
        (Role::Opaque, _) => inputs[0].clone(),
    }
}

fn rows(rows: &RecordBatch) -> Vec<String> {
    let mut shown: Vec<String> = (0..rows.num_rows())
        .map(|row| {
            let value = |column: &ArrayRef| column.as_primitive::<Int64Type>().value(row).to_string();
            rows.columns().iter().map(value).collect::<Vec<_>>().join(",")
        })
        .collect();
    shown.sort_unstable();
    shown
}

/// One step of a random plan: what is done, to which stream, with which columns.
type Step = (u8, usize, usize, usize, i64);

fn node(expr: Expr) -> ExprNode {
    Spanned::new(expr, Span::default())
}

fn binary(left: ExprNode, op: BinaryOp, right: ExprNode) -> ExprNode {
    node(Expr::Binary(Box::new(left), Spanned::new(op, Span::default()), Box::new(right)))
}

fn plan(values: &[[i64; 5]], steps: &[Step]) -> (LogicalPlan, RecordBatch) {
    let mut plan = PlanBuilder::default();
    let names = ["a", "b", "c", "d", "t"];
    let schema = Schema::new(names.map(|name| Field::new(name, LogicalType::BigInt)).to_vec());
    let column = |at: usize| Arc::new(values.iter().map(|row| row[at]).collect::<Int64Array>()) as ArrayRef;
    let rows = RecordBatch::try_new(schema.arrow().clone(), (0..5).map(column).collect()).unwrap();
    let source = FakeSource { schema: schema.clone(), ..FakeSource::bids() };
    let time = TypedExpr::column(4, &schema.fields()[4]);
    let mut streams = vec![plan.scan_of(source, Some(EventTimeSpec::bounded(time, 0)))];
    for step in steps {
        let stream = grow(&mut plan, &streams, step);
        streams.push(stream);
    }
    let mut read = vec![false; plan.plan.nodes.len()];
    for stream in plan.plan.nodes.iter().flat_map(|node| &node.inputs) {
        read[stream.node] = true;
    }
    for at in (0..read.len()).filter(|&at| !read[at]) {
        plan.sink(StreamRef { node: at, output: 0 }, &format!("sink{at}"));
    }
    (plan.plan, rows)
}

fn grow(plan: &mut PlanBuilder, streams: &[StreamRef], &(what, of, one, two, number): &Step) -> StreamRef {
    // Rather the latest stream than an early one, so that plans are long.
    let input = streams[streams.len() - 1 - (of % streams.len()).min(of % 3)];
    let schema = plan.schema(input);
    let name = |at: usize| schema.fields()[at % schema.len()].name.clone();
    let (left, right) = (word(&name(one)), word(&name(two)));
    let number = integer(&number.to_string());
    match what % 7 {
        0 => {
            let predicate = bind(&binary(left, BinaryOp::Gt, number), &schema).unwrap();
            plan.apply(filter(schema, predicate), &[input])
        }
        1 => {
            let predicate = bind(&binary(left, BinaryOp::LtEq, right), &schema).unwrap();
            plan.apply(filter(schema, predicate), &[input])
        }
        2 => {
            // A constant condition.
            let predicate = bind(&binary(number.clone(), BinaryOp::Eq, number), &schema).unwrap();
            plan.apply(filter(schema, predicate), &[input])
        }
        3 => {
            let sum = bind(&binary(left, BinaryOp::Plus, right), &schema).unwrap();
            let mut items = vec![("s".to_owned(), sum)];
            for (at, field) in schema.fields().iter().enumerate().filter(|(at, _)| at % 2 == one % 2) {
                items.push((format!("{}_", field.name), TypedExpr::column(at, field)));
            }
            plan.apply(projection(schema, items), &[input])
        }
        4 => {
            let (from, to) = (one % schema.len(), two % schema.len());
            plan.select(input, &[(from, "x"), (to, "y"), (from, "z")])
        }
        5 => plan.sum(input, one % schema.len(), two % schema.len()),
        _ => {
            // A union of streams of as many columns, of which there is always the stream itself.
            let fits = streams.iter().filter(|&&stream| plan.schema(stream).len() == schema.len());
            let fits: Vec<_> = fits.copied().collect();
            let union = Fake::new("Union", Does::Union, schema);
            plan.apply(union.arc(), &[input, fits[one % fits.len()]])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn an_optimised_plan_computes_the_same(
        values in prop::collection::vec(prop::array::uniform5(-4_i64..5), 0..12),
        steps in prop::collection::vec((any::<u8>(), 0_usize..6, 0_usize..6, 0_usize..6, 0_i64..4), 0..10),
    ) {
        let (plan, rows) = plan(&values, &steps);
        let optimized = plan.optimize(&OPS);
        super::tests::check(&optimized);
        prop_assert_eq!(results(&optimized, &rows), results(&plan, &rows));
        prop_assert!(optimized.nodes.len() <= plan.nodes.len() * 2);
    }
}

#[test]
fn a_filter_that_guards_another_stays_before_it() {
    let mut plan = PlanBuilder::default();
    let bids = plan.scan();
    let schema = plan.schema(bids);
    let guard = bind(&binary(word("price"), BinaryOp::NotEq, integer("0")), &schema).unwrap();
    let divides = binary(binary(integer("100"), BinaryOp::Divide, word("price")), BinaryOp::Gt, integer("3"));
    let divides = bind(&divides, &schema).unwrap();
    let guarded = plan.apply(filter(schema.clone(), guard.clone()), &[bids]);
    let chosen = plan.select(guarded, &[(2, "price"), (0, "auction")]);
    let schema = plan.schema(chosen);
    let moved =
        bind(&binary(binary(integer("100"), BinaryOp::Divide, word("price")), BinaryOp::Gt, integer("3")), &schema);
    let last = plan.apply(filter(schema, moved.unwrap()), &[chosen]);
    plan.sink(last, "out");
    let optimized = plan.plan.optimize(&OPS);
    let scan = optimized.nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Scan(scan) => scan.filter.clone(),
        NodeKind::Operator(_) => None,
    });
    let shown = scan.expect("both are in the scan").to_string();
    assert_eq!(shown, guard.and(divides).to_string());
}
