//! `flat_map unnest(tags) as tag`

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use arrow_select::take::take;

use super::rows::evaluated;
use super::select::{fresh_name, no_window};
use crate::api::{
    ChangelogMode, NamedExpr, Operator, OperatorContext, Output, PlannedOperator, Pruned, SelectItem, Shape, Signature,
    StageArgs, StageContext, StageSpec,
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
    help: "The other columns are repeated. A row whose array is null or empty gives no row. A map gives two columns, \
           its keys and its values: `unnest(m) as k, v`; with one name n they are called n_key and n_value.",
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
                    return Err(Diagnostic::at(expr.span, "a name was expected").help(USAGE));
                };
                names.extend(parts.last().map(|name| name.node.clone()));
            }
            SelectItem::Expr(item) => {
                return Err(Diagnostic::at(item.expr.span, "`flat_map` takes one `unnest(…)`").help(USAGE));
            }
            SelectItem::Star { span, .. } => {
                return Err(Diagnostic::at(*span, "the other columns are there by themselves").help(USAGE));
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
        match self.columns.get(column)? {
            Column::Input(input) => Some(*input),
            Column::Item(_) => None,
        }
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        // A key has as many rows as its array has elements.
        inputs.first().map_or(ChangelogMode::Append, ChangelogMode::without_key)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let mut inputs = self.expr.columns();
        inputs.extend(columns.iter().filter_map(|column| match column {
            Column::Input(index) => Some(*index),
            Column::Item(_) => None,
        }));
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
        Ok(Box::new(UnnestOperator {
            expr: Evaluator::new(&self.expr),
            columns: self.columns.clone(),
            output: self.output.clone(),
            batch_rows: context.batch_rows.max(1),
            place: format!("{}[{}]", context.uid, context.subtask),
            clock: Arc::clone(&context.clock),
        }))
    }
}

struct UnnestOperator {
    expr: Evaluator,
    columns: Vec<Column>,
    output: Schema,
    batch_rows: usize,
    place: String,
    clock: Arc<dyn Clock>,
}

impl Operator for UnnestOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, lists) =
            evaluated(batch, self.clock.now_ms(), &self.place, out, |rows, context| self.expr.evaluate(rows, context))?;
        let (items, offsets) = elements(&lists)?;
        let (mut rows, mut elements) = (Vec::new(), Vec::new());
        for (row, ends) in offsets.windows(2).enumerate() {
            if lists.is_valid(row) {
                let range = ends[0].cast_unsigned()..ends[1].cast_unsigned();
                rows.extend(std::iter::repeat_n(u32::try_from(row).unwrap_or(u32::MAX), range.len()));
                elements.extend(range);
            }
        }
        for (rows, elements) in rows.chunks(self.batch_rows).zip(elements.chunks(self.batch_rows)) {
            let (rows, elements) = (UInt32Array::from(rows.to_vec()), UInt32Array::from(elements.to_vec()));
            out.batch(self.emit(&batch, &items, &rows, &elements)?)?;
        }
        Ok(())
    }
}

impl UnnestOperator {
    fn emit(&self, batch: &Batch, items: &[ArrayRef], rows: &UInt32Array, elements: &UInt32Array) -> Result<Batch> {
        let column = |column: &Column| match *column {
            Column::Input(index) => take(batch.column(index), rows, None),
            Column::Item(index) => take(&items[index], elements, None),
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let columns = RecordBatch::try_new_with_options(self.output.arrow().clone(), columns, &options)?;
        let times = rows.values().iter().map(|&row| batch.times()[row as usize]).collect();
        let kinds = batch.kinds().map(|kinds| rows.values().iter().map(|&row| kinds[row as usize]).collect());
        Ok(Batch::new(columns, times).with_kinds(kinds))
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
    use crate::operators::testing::{FakeStream, Recorder, Values, at, batch, call, context, item, names, run};
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
