//! The connector: options to rules, rules to columns.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};

use super::field::FieldRule;
use super::settings::check_keys;
use crate::api::{Bounds, ConnectorSpec, OptionSpec, PlannedSource, Source, SourceRequest, SourceStart};
use crate::connectors::generator::{RowGenerator, RowPlan, readers};
use crate::connectors::options::{count, place, rate, source_options};
use crate::types::{Diagnostic, Result, Schema};

/// The registry entry.
pub(in crate::connectors) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "datagen",
    summary: "a source of made-up rows with the columns that you declare",
    help: "A row follows from the seed and its number alone, so that the rows are the same at any parallelism. \
           Numbers and texts are random, unless their `kind` is 'sequence'. Dates and timestamps count up from \
           2024-01-01, by `step` a row.\n\
           \n\
           The options `kind`, `min`, `max`, `length`, `start`, `end`, `step` and `null_rate` take one value for all \
           columns, or a map from column to value: `kind = map['id', 'sequence']`.",
    target: None,
    options: &OPTIONS,
    examples: &[
        "source orders from datagen\n  columns (id bigint, price double, ts timestamp)\n  event_time ts watermark 5s\n  \
         with (rows = 1000, seed = 7, kind = map['id', 'sequence'], max = map['price', 100.0], step = map['ts', 1s], \
         out_of_order = 5s);\norders | limit 3;",
    ],
    flink: Some("datagen"),
    source: Some(source),
    sink: None,
};

const OPTIONS: [OptionSpec; 16] = source_options([
    OptionSpec {
        name: "rows",
        values: "a whole number",
        help: "how many rows; default: without end; Flink's \
                                                                number-of-rows",
    },
    OptionSpec {
        name: "rate",
        values: "rows a second",
        help: "rows in a second, 0 for as fast as it goes; default 0 with `rows`, else 10000; Flink's \
               rows-per-second",
    },
    OptionSpec { name: "seed", values: "a whole number", help: "other seeds give other rows; default 0" },
    OptionSpec {
        name: "kind",
        values: "'random' | 'sequence'",
        help: "whether values are random or count up; \
                                                                       default 'random'; Flink's fields.x.kind",
    },
    OptionSpec {
        name: "min",
        values: "a number",
        help: "the least random value; default: the least of the type, 0 \
                                                         for double",
    },
    OptionSpec {
        name: "max",
        values: "a number",
        help: "the greatest random value; default: the greatest of the \
                                                         type, 1 for double",
    },
    OptionSpec { name: "length", values: "a whole number", help: "the length of a random text; default 16" },
    OptionSpec { name: "start", values: "a constant", help: "the first value of a sequence" },
    OptionSpec { name: "end", values: "a constant", help: "the last value of a sequence, with which the source ends" },
    OptionSpec {
        name: "step",
        values: "a number or duration",
        help: "the difference between two values of a \
                                                                      sequence",
    },
    OptionSpec { name: "null_rate", values: "0 to 1", help: "the share of nulls; default 0" },
    OptionSpec {
        name: "out_of_order",
        values: "a duration such as 5s",
        help: "timestamps are held back by a random time up to this; default 0s",
    },
]);

const BY_COLUMN: [&str; 8] = ["kind", "min", "max", "length", "start", "end", "step", "null_rate"];

fn source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    let Some(schema) = request.columns.clone().filter(|schema| !schema.is_empty()) else {
        return Err(Diagnostic::at(request.span, "the connector `datagen` needs columns")
            .help("write source s from datagen columns (id bigint, name string) with (rows = 100)"));
    };
    let options = &request.options;
    check_keys(options, &BY_COLUMN, &schema)?;
    let seed = options.integer("seed")?.unwrap_or(0).cast_unsigned();
    let late_ms = options.duration("out_of_order")?.unwrap_or(0);
    let late_ms = u64::try_from(late_ms).map_err(|_| {
        Diagnostic::at(
            place(options, "out_of_order", request.span),
            "option `out_of_order` takes a duration of at least 0",
        )
    })?;
    let rules = schema
        .fields()
        .iter()
        .map(|field| FieldRule::new(field, options, seed, late_ms).map_err(|error| error.or_at(request.span)))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = count(options, "rows", 0)?;
    let total = rules.iter().filter_map(FieldRule::rows_max).chain(rows).min();
    let rate = match options.get("rate") {
        Some(_) => rate(options, "rate")?,
        None => total.is_none().then_some(10_000.0),
    };
    let input = format!("datagen seed {seed} {schema}");
    Ok(Arc::new(DatagenSource { schema, rules, plan: RowPlan { input, total, rate } }))
}

#[derive(Debug)]
struct DatagenSource {
    schema: Schema,
    rules: Vec<FieldRule>,
    plan: RowPlan,
}

impl PlannedSource for DatagenSource {
    fn describe(&self) -> String {
        "datagen".to_owned()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        if self.plan.total.is_some() { Bounds::Bounded } else { Bounds::Unbounded }
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let rules: Vec<_> = start.projection.iter().map(|&column| self.rules[column].clone()).collect();
        let schema = self.schema.project(&start.projection);
        readers(&self.plan, start, || Box::new(Generator { rules: rules.clone(), schema: schema.clone() }))
    }
}

struct Generator {
    rules: Vec<FieldRule>,
    schema: Schema,
}

impl RowGenerator for Generator {
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch> {
        let columns = self.rules.iter().map(|rule| rule.column(first, count)).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(self.schema.arrow().clone(), columns, &options)?)
    }
}

#[cfg(test)]
mod tests;
