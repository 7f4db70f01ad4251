//! `flat_map unnest(tags) as tag`

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use arrow_select::take::take;

use super::rows::evaluated;
use super::select::{fresh_name, no_window};
use crate::api::{
    Armed, ChangelogMode, Inputs, Moment, NamedExpr, Operator, OperatorContext, Output, PlannedOperator, Pruned,
    SelectItem, Shape, Signature, StageArgs, StageContext, StageSpec,
};
use crate::expr::ast::Expr;
use crate::expr::{Evaluator, TypedExpr, bind as bind_expr};
use crate::types::{Batch, Clock, Diagnostic, Error, Field, LogicalType, Result, Schema};

/// `flat_map`
pub(super) const FLAT_MAP: StageSpec = StageSpec {
    name: "flat_map",
    aliases: &[],
    signature: Signature { head: &[Shape::Exprs { star: false }], optional: &[], clauses: &[] },
    summary: "makes a row of each element of an array or map",
    help: "The other columns of the row are repeated. A row whose array is null or empty gives no row. A map gives \
           two columns, its keys and its values: `unnest(m) as k, v`. With one name n they are called n_key and \
           n_value.",
    examples: &[
        "bids | flat_map unnest(array[price, price * 2]) as offer;",
        "bids | map auction, map['price', price] as m | flat_map unnest(m) as what, amount;",
    ],
    flink: Some("CROSS JOIN UNNEST; DataStream.flatMap"),
    bind,
};

const USAGE: &str = "write `flat_map unnest(tags) as tag`";

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let shape = stream.shape().clone();
    let schema = &shape.schema;
    let items = args.exprs(0)?;
    let Some(SelectItem::Expr(item)) = items.first() else {
        return Err(Diagnostic::at(args.span, "`flat_map` takes `unnest(…)`").help(USAGE));
    };
    let call = item.as_call().filter(|call| call.name.node.eq_ignore_ascii_case("unnest"));
    let Some([argument]) = call.map(|call| call.args.as_slice()) else {
        return Err(Diagnostic::at(item.expr.span, "`flat_map` takes `unnest(…)`").help(USAGE));
    };
    let expr = bind_expr(argument, shape.scope())?.fold();
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type is refused")]
    let types: Vec<LogicalType> = match expr.ty() {
        LogicalType::Array(element) => vec![(**element).clone()],
        LogicalType::Map(key, value) => vec![(**key).clone(), (**value).clone()],
        other => {
            let message = format!("`unnest` takes an array or a map, not {other}");
            return Err(Diagnostic::at(argument.span, message));
        }
    };
    let names = names(item, items.get(1..).unwrap_or_default(), types.len())?;
    let mut fields: Vec<Field> = schema.fields().to_vec();
    let mut taken = schema.names().map(str::to_owned).collect();
    for (name, ty) in names.into_iter().zip(types) {
        fresh_name(&mut taken, &name, item.name.as_ref().map_or(item.expr.span, |name| name.span))?;
        fields.push(Field::new(name, ty));
    }
    let columns = (0..schema.len())
        .map(Column::Input)
        .chain((schema.len()..fields.len()).map(|index| Column::Item(index - schema.len())));
    let columns = columns.collect();
    stream.apply(Arc::new(Unnest { expr, columns, output: Schema::new(fields) }));
    Ok(())
}

/// The names of the new columns: those of `unnest(m) as k, v`, made up where they are not typed.
fn names(item: &NamedExpr, rest: &[SelectItem], count: usize) -> Result<Vec<String>, Diagnostic> {
    let first = item.name.as_ref().map(|name| name.node.clone());
    let mut names: Vec<String> = first.into_iter().collect();
    for item in rest {
        match item {
            SelectItem::Expr(NamedExpr { expr, name: None }) if names.len() < count && !names.is_empty() => {
                let Expr::Column(parts) = &expr.node else {
                    return Err(Diagnostic::at(expr.span, "expected a name").help(USAGE));
                };
                names.extend(parts.last().map(|name| name.node.clone()));
            }
            SelectItem::Expr(item) => {
                return Err(Diagnostic::at(item.expr.span, "`flat_map` takes one `unnest(…)`").help(USAGE));
            }
            SelectItem::Star { span, .. } => {
                return Err(Diagnostic::at(*span, "the other columns are there already").help(USAGE));
            }
        }
    }
    Ok(match (names.len(), count) {
        (0, 1) => vec!["EXPR$0".to_owned()],
        (0, _) => vec!["EXPR$0".to_owned(), "EXPR$1".to_owned()],
        (1, 2) => vec![format!("{}_key", names[0]), format!("{}_value", names[0])],
        _ => names,
    })
}

#[derive(Debug, Clone, Copy)]
enum Column {
    /// An input column, repeated.
    Input(usize),
    /// The elements; of a map 0 the keys, 1 the values.
    Item(usize),
}

impl Column {
    const fn input(&self) -> Option<usize> {
        match self {
            Self::Input(input) => Some(*input),
            Self::Item(_) => None,
        }
    }
}

/// Makes a row of each element of an array or map.
#[derive(Debug, Clone)]
pub struct Unnest {
    expr: TypedExpr,
    columns: Vec<Column>,
    output: Schema,
}

impl PlannedOperator for Unnest {
    fn name(&self) -> &'static str {
        "Correlate"
    }

    fn describe(&self) -> String {
        format!("unnest=[{}]", self.expr)
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column)?.input()
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        // A key has as many rows as its array has elements.
        inputs.first().map_or(ChangelogMode::Append, ChangelogMode::without_key)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let mut inputs = self.expr.columns();
        inputs.extend(columns.iter().filter_map(Column::input));
        inputs.sort_unstable();
        inputs.dedup();
        let moved = |column: usize| inputs.binary_search(&column).unwrap_or(column);
        let operator = Self {
            expr: self.expr.remap(&moved),
            columns: columns
                .into_iter()
                .map(|column| match column {
                    Column::Input(index) => Column::Input(moved(index)),
                    item @ Column::Item(_) => item,
                })
                .collect(),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let inputs: Vec<usize> = self.columns.iter().filter_map(Column::input).collect();
        let repeated = self.columns.iter().zip(self.output.fields()).filter(|(column, _)| column.input().is_some());
        let fields = repeated.map(|(_, field)| field.clone());
        let held = Schema::new(fields.chain([Field::new("unnest", self.expr.ty().clone())]).collect::<Vec<_>>());
        let operator = UnnestOperator {
            expr: Evaluator::new(&self.expr),
            columns: self.columns.clone(),
            inputs,
            held,
            ungiven: None,
            watermark: None,
            output: self.output.clone(),
            batch_rows: context.batch_rows.max(1),
            place: context.place(),
            clock: Arc::clone(&context.clock),
        };
        Ok(Box::new(operator))
    }
}

/// Batches given within one call.
const BATCHES: usize = 2;

/// The running operator. It holds a batch that it was given, not the rows that it makes of it, and keeps no state: a barrier
/// waits until all is given. The rest of a batch that went to another instance with a restore would hold event time back
/// there, and rows that were late would be in time.
struct UnnestOperator {
    expr: Evaluator,
    columns: Vec<Column>,
    /// The input columns that are repeated.
    inputs: Vec<usize>,
    /// The schema of those columns and the lists.
    held: Schema,
    /// The batch of which rows are still to be given.
    ungiven: Option<Ungiven>,
    /// The watermark behind it.
    watermark: Option<i64>,
    output: Schema,
    batch_rows: usize,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for UnnestOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, lists) =
            evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| self.expr.evaluate(rows, context))?;
        let columns = self.inputs.iter().map(|&input| batch.column(input).clone()).chain([lists]).collect();
        self.ungiven = Some(Ungiven::new(batch.with_columns(self.held.arrow().clone(), columns)?)?);
        self.give(out)
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        if self.ungiven.is_none() {
            return out.watermark(watermark);
        }
        self.watermark = Some(watermark);
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.give(out)
    }
}

impl UnnestOperator {
    /// Gives a batch or two of what is held.
    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        let mut batches = 0;
        while batches < BATCHES && (batches == 0 || out.has_room()) {
            let Some(ungiven) = &mut self.ungiven else { break };
            let (rows, elements) = ungiven.next(self.batch_rows);
            let given = if rows.is_empty() { None } else { Some(self.emit(&rows.into(), &elements.into())?) };
            self.ungiven.take_if(|ungiven| ungiven.is_empty());
            if let Some(given) = given {
                out.batch(given)?;
                batches += 1;
            }
        }
        if self.ungiven.is_some() {
            out.arm(Armed { more: true, full: Inputs::one(0), indivisible: true, ..Armed::NOTHING });
        } else if let Some(watermark) = self.watermark.take() {
            out.watermark(watermark)?;
        }
        Ok(())
    }

    /// These elements of the batch that is held, each with its row.
    fn emit(&self, rows: &UInt32Array, elements: &UInt32Array) -> Result<Batch> {
        let Some(Ungiven { rows: held, items, .. }) = &self.ungiven else {
            return Err(Error::state("elements were given of rows that are not held"));
        };
        let mut repeated = held.columns().columns().iter();
        let column = |column: &Column| match *column {
            Column::Input(_) => repeated.next().map(|column| take(column, rows, None)),
            Column::Item(index) => items.get(index).map(|items| take(items, elements, None)),
        };
        let columns = self.columns.iter().filter_map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let columns = RecordBatch::try_new_with_options(self.output.arrow().clone(), columns, &options)?;
        let times = rows.values().iter().map(|&row| held.times()[row as usize]).collect();
        let kinds = held.kinds().map(|kinds| rows.values().iter().map(|&row| kinds[row as usize]).collect());
        Ok(Batch::new(columns, times).with_kinds(kinds))
    }
}

/// Rows of which elements are still to be given.
struct Ungiven {
    /// The repeated columns, and last the lists.
    rows: Batch,
    /// The element columns of the lists.
    items: Vec<ArrayRef>,
    /// The offsets of the elements of each row in the lists.
    offsets: ScalarBuffer<i32>,
    /// The first row that has elements to be given, and how many of them were.
    row: usize,
    given: u32,
}

impl Ungiven {
    /// Everything of `rows`.
    fn new(rows: Batch) -> Result<Self> {
        let (items, offsets) = match rows.columns().columns().last() {
            Some(lists) => elements(lists)?,
            None => return Err(Error::state("rows to `unnest` came without a list")),
        };
        let mut this = Self { rows, items, offsets, row: 0, given: 0 };
        this.skip();
        Ok(this)
    }

    /// The places of the elements of the current row that are still to be given.
    fn left(&self) -> Range<u32> {
        let lists = self.rows.columns().columns().last();
        match self.offsets.get(self.row..self.row + 2) {
            Some(&[start, end]) if lists.is_some_and(|lists| lists.is_valid(self.row)) => {
                start.cast_unsigned().saturating_add(self.given)..end.cast_unsigned()
            }
            _ => 0..0,
        }
    }

    /// Goes on to a row that has an element left.
    fn skip(&mut self) {
        while !self.is_empty() && self.left().is_empty() {
            (self.row, self.given) = (self.row + 1, 0);
        }
    }

    fn is_empty(&self) -> bool {
        self.row == self.rows.rows()
    }

    /// The next elements, at most `room`, with their rows.
    fn next(&mut self, room: usize) -> (Vec<u32>, Vec<u32>) {
        let (mut rows, mut elements) = (Vec::with_capacity(room), Vec::with_capacity(room));
        while elements.len() < room && !self.is_empty() {
            let left = self.left();
            let count = left.len().min(room - elements.len());
            let row = u32::try_from(self.row).unwrap_or(u32::MAX);
            rows.extend(std::iter::repeat_n(row, count));
            elements.extend(left.take(count));
            self.given += u32::try_from(count).unwrap_or(u32::MAX);
            self.skip();
        }
        (rows, elements)
    }
}

/// The element columns of a list or map column and where each row's elements stand in them.
fn elements(lists: &ArrayRef) -> Result<(Vec<ArrayRef>, ScalarBuffer<i32>)> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "binding lets nothing else pass")]
    match lists.data_type() {
        DataType::List(_) => {
            let lists = lists.as_list::<i32>();
            Ok((vec![lists.values().clone()], lists.offsets().inner().clone()))
        }
        DataType::Map(..) => {
            let maps = lists.as_map();
            Ok((vec![maps.keys().clone(), maps.values().clone()], maps.offsets().inner().clone()))
        }
        other => Err(Error::state(format!("`unnest` was given a column of type {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder};

    use super::*;
    use crate::api::Arg;
    use crate::operators::testing::{
        FakeStream, Recorder, Values, advance, at, batch, call, context, item, names, run,
    };
    use crate::types::RowKind;

    fn input() -> (Schema, Batch) {
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_null();
        lists.append_value([]);
        lists.append_value([Some(4)]);
        let fields = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
        let mut maps = MapBuilder::new(Some(fields), StringBuilder::new(), Int64Builder::new());
        for entries in [&[("a", 1), ("b", 2)][..], &[], &[("c", 3)], &[]] {
            for (key, value) in entries {
                maps.keys().append_value(key);
                maps.values().append_value(*value);
            }
            maps.append(true).expect("as many keys as values");
        }
        let (ints, rows) = batch(vec![("n", Values::ints([10, 20, 30, 40]))]);
        let schema = Schema::new([
            ints.fields()[0].clone(),
            Field::new("list", LogicalType::Array(Box::new(LogicalType::BigInt))),
            Field::new("map", LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::BigInt))),
        ]);
        let columns = vec![rows.column(0).clone(), Arc::new(lists.finish()) as ArrayRef, Arc::new(maps.finish())];
        let kinds = vec![RowKind::Insert as i8, 0, 0, RowKind::Delete as i8];
        let rows = RecordBatch::try_new(schema.arrow().clone(), columns).expect("fits");
        (schema, Batch::new(rows, vec![1, 2, 3, 4].into()).with_kinds(Some(kinds.into())))
    }

    fn unnest(column: &str, alias: Option<&str>, more: Option<&str>) -> Arg {
        let mut items = vec![item(at(Expr::Call(call("unnest", Some(column), false))), alias)];
        items.extend(more.map(|name| item(crate::operators::testing::column(name), None)));
        Arg::Exprs(items)
    }

    #[test]
    fn each_element_is_a_row_and_nothing_gives_none() {
        let (schema, rows) = input();
        let mut stream = FakeStream::new(&schema);
        stream.stage("flat_map", vec![unnest("list", Some("e"), None)], vec![]).expect("binds");
        let pruned = stream.last().prune(&[0, 3]).expect("narrows");
        assert_eq!(pruned.inputs, [vec![0, 1]]);
        let narrowed =
            rows.with_columns(schema.project(&[0, 1]).arrow().clone(), rows.columns().columns()[..2].to_vec());
        let narrowed = narrowed.expect("fits");
        let expected = ["+I 10|1 @1", "+I 10|null @1", "-D 40|4 @4"];
        assert_eq!(run(&*pruned.operator, vec![narrowed.clone()]).elements, expected);
        // Cut into batches of one row, and from the middle of a column.
        let mut context = context();
        context.batch_rows = 1;
        let mut out = Recorder::default();
        let mut running = pruned.operator.create(&context).expect("creates");
        running.process(0, narrowed.slice(0, 2), &mut out).expect("processes");
        running.process(0, narrowed.slice(2, 2), &mut out).expect("processes");
        assert_eq!(out.elements, expected);
        assert!(out.batches.iter().all(|batch| batch.rows() == 1));
    }

    #[test]
    fn a_map_gives_two_columns() {
        let (schema, rows) = input();
        for (alias, more, header) in [
            (Some("k"), Some("v"), ["k", "v"]),
            (Some("m"), None, ["m_key", "m_value"]),
            (None, None, ["EXPR$0", "EXPR$1"]),
        ] {
            let mut stream = FakeStream::new(&schema);
            stream.stage("flat_map", vec![unnest("map", alias, more)], vec![]).expect("binds");
            assert_eq!(stream.shape.schema.names().skip(3).collect::<Vec<_>>(), header);
            let pruned = stream.last().prune(&[4, 3]).expect("narrows");
            let maps = rows.with_columns(schema.project(&[2]).arrow().clone(), vec![rows.column(2).clone()]);
            let out = run(&*pruned.operator, vec![maps.expect("fits")]);
            assert_eq!(out.elements, ["+I 1|a @1", "+I 2|b @1", "+I 3|c @3"]);
        }
    }

    /// Rows of number and time `from`, `from + 1`, …, with arrays of so many elements; 13 stands for null.
    fn rows(from: i64, lengths: &[usize]) -> Batch {
        let mut lists = ListBuilder::new(Int64Builder::new());
        for (number, length) in (from..).zip(lists_of(lengths)) {
            match length {
                Some(length) => lists.append_value((0..length).map(|at| Some(number * 100_000 + at))),
                None => lists.append_null(),
            }
        }
        let numbers: Vec<i64> = (from..).take(lengths.len()).collect();
        let columns = vec![Values::ints(numbers.clone()).array(), Arc::new(lists.finish()) as ArrayRef];
        let rows = RecordBatch::try_new(numbered().arrow().clone(), columns).expect("fits");
        Batch::new(rows, numbers.into())
    }

    fn lists_of(lengths: &[usize]) -> impl Iterator<Item = Option<i64>> {
        lengths.iter().map(|&length| (length != 13).then(|| i64::try_from(length).expect("small")))
    }

    fn numbered() -> Schema {
        let list = LogicalType::Array(Box::new(LogicalType::BigInt));
        Schema::new([Field::new("n", LogicalType::BigInt), Field::new("list", list)])
    }

    /// `flat_map unnest(list) as e | map n, e`
    fn narrowed() -> Arc<dyn PlannedOperator> {
        let mut stream = FakeStream::new(&numbered());
        stream.stage("flat_map", vec![unnest("list", Some("e"), None)], vec![]).expect("binds");
        stream.last().prune(&[0, 2]).expect("narrows").operator
    }

    /// The rows that [`rows`] come to.
    fn expanded(from: i64, lengths: &[usize]) -> Vec<String> {
        let elements = (from..).zip(lists_of(lengths));
        elements
            .flat_map(|(n, length)| (0..length.unwrap_or(0)).map(move |at| format!("{n}|{} @{n}", n * 100_000 + at)))
            .collect()
    }

    #[test]
    fn arrays_of_thousands_are_given_a_batch_or_two_a_call() {
        let lengths = [5_000, 0, 13, 7_000, 1, 4_096];
        for (no_room, most) in [(false, 2), (true, 1)] {
            let context = OperatorContext { batch_rows: 1_000, ..context() };
            let mut running = narrowed().create(&context).expect("creates");
            let mut out = Recorder { no_room, ..Recorder::default() };
            running.process(0, rows(7, &lengths), &mut out).expect("processes");
            running.watermark(12, &mut out).expect("waits");
            let (mut calls, mut before) = (1, 0);
            loop {
                assert!((1..=most).contains(&(out.batches.len() - before)), "{} batches", out.batches.len() - before);
                before = out.batches.len();
                if !out.armed.more {
                    break;
                }
                assert!(out.armed.full.contains(0) && out.armed.indivisible, "rows and barriers wait");
                advance(&mut *running, &mut out, 1);
                calls += 1;
            }
            let all = expanded(7, &lengths);
            assert_eq!((calls, before), (all.len().div_ceil(1_000 * most), all.len().div_ceil(1_000)));
            assert_eq!(out.elements.split_last(), Some((&"~12".to_owned(), &all[..])));
        }
    }

    #[test]
    fn anything_but_unnest_is_refused() {
        let (schema, _) = input();
        let mut stream = FakeStream::new(&schema);
        for (arg, message) in [
            (names(&["n"]), "`flat_map` takes `unnest(…)`"),
            (unnest("n", None, None), "`unnest` takes an array or a map, not bigint"),
            (unnest("list", Some("n"), None), "there is a column `n` already"),
            (unnest("list", Some("e"), Some("f")), "`flat_map` takes one `unnest(…)`"),
        ] {
            assert_eq!(stream.stage("flat_map", vec![arg], vec![]).expect_err("is refused").message, message);
        }
    }
}
