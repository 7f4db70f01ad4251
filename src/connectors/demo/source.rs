//! The connector: one reader for all sets.

use std::fmt;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_select::filter::filter_record_batch;

use super::SETS;
use super::partitions::partitioned;
use super::set::{DemoSet, PARTITION_ROWS};
use crate::api::{Bounds, ConnectorSpec, OptionSpec, PlannedSource, Source, SourceRequest, SourceStart};
use crate::connectors::generator::{RowGenerator, RowPlan, readers};
use crate::connectors::options::{count, rate, source_options};
use crate::types::{Diagnostic, Result, Schema};

/// The registry entry.
pub(in crate::connectors) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "demo",
    summary: "a source of demo data: card payments, sensors, clicks, logins, rides, earthquakes and more",
    help: "Each set has something to be found in it. All but 'quakes' are generated, and are the same for the same \
           seed. The event time is the last column, `event_time` or `time`.\n\
           \n\
           'transactions': four card payments a second. In every 500 rows one account pays less than 1.00 and within \
           a minute more than 500.00, from abroad. Other accounts do the one or the other, never both.\n\
           \n\
           'sensors': twelve sensors report every second. 15 of 100 reports come up to 4s after later ones, 1 of 100 \
           comes 10s to 60s late. s-07 is silent for 90s of every 5m, and s-06 runs hot for 16s of them.\n\
           \n\
           'clicks': visits of 3 to 13 clicks, about 20s apart. A visitor comes back after more than half an hour.\n\
           \n\
           'rules': the most that may be paid in each country, which changes: for 'transactions'.\n\
           \n\
           'gateways': two partitions of four sensors each. For 3m of every 10m, 'south' says nothing in place of its rows.\n\
           \n\
           'logins': in every 200 rows one password is guessed, in three to six tries six seconds apart.\n\
           \n\
           'rides' and 'fares': each ride is paid 4m to 14m later, but one of 25.\n\
           \n\
           'orders' and 'rates': orders in six currencies, and what each is worth in euros, anew every 3s.\n\
           \n\
           'points': near the plane y = 4 + 3 x - 2 z.\n\
           \n\
           'ties': who knows whom, in circles of 2, 3, 5, 8, 13, 21 and 34 people.\n\
           \n\
           'quakes': the 1,707 earthquakes that were recorded from 31 January to 7 February 2018.",
    target: Some(
        "'transactions' | 'rules' | 'sensors' | 'gateways' | 'clicks' | 'logins' | 'rides' | 'fares' | 'orders' | 'rates' | 'points' | 'ties' | 'quakes'",
    ),
    options: &OPTIONS,
    examples: &[
        "source t from demo 'transactions' with (rows = 1000, seed = 7);\nt | filter amount < 1 | limit 3;",
        "source s from demo 'sensors' with (rows = 3000);\ns | key_by room | window tumble(1m) | aggregate max(temperature) as hottest | limit 4;",
        "source q from demo 'quakes';\nq | filter magnitude >= 6 | map place, magnitude, `time`;",
        "source c from demo 'clicks' with (rows = 500);\nc | filter referrer is null | map `user`, page | limit 3;",
    ],
    flink: Some("datagen"),
    source: Some(source),
    sink: None,
};

const OPTIONS: [OptionSpec; 7] = source_options([
    OptionSpec {
        name: "rows",
        values: "a whole number",
        help: "how many rows; default: all there are, without end where they are generated",
    },
    OptionSpec {
        name: "rate",
        values: "rows a second",
        help: "rows that flow in a second of processing time; default 0: as fast as it goes",
    },
    OptionSpec { name: "seed", values: "a whole number", help: "other seeds give other rows; default 0" },
]);

fn source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    let names = || SETS.iter().map(|set| set.name());
    let Some(target) = &request.target else {
        return Err(Diagnostic::at(request.span, "the connector `demo` needs the name of a data set")
            .help("write demo 'transactions'"));
    };
    let Some(set) = SETS.into_iter().find(|set| set.name().eq_ignore_ascii_case(&target.node)) else {
        return Err(Diagnostic::at(target.span, format!("the connector `demo` has no data set '{}'", target.node))
            .label(names().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
            .did_you_mean(&target.node, names()));
    };
    let schema = Schema::new(set.fields());
    if request.columns.is_some() {
        return Err(Diagnostic::at(request.span, "the connector `demo` has columns of its own")
            .help(format!("leave out `columns`; demo '{}' has {schema}", set.name())));
    }
    let options = &request.options;
    Ok(Arc::new(DemoSource {
        set,
        schema,
        rows: count(options, "rows", 0)?.into_iter().chain(set.rows()).min(),
        rate: rate(options, "rate")?,
        seed: options.integer("seed")?.unwrap_or(0).cast_unsigned(),
    }))
}

#[derive(Debug)]
struct DemoSource {
    set: &'static dyn DemoSet,
    schema: Schema,
    rows: Option<u64>,
    rate: Option<f64>,
    seed: u64,
}

impl fmt::Display for DemoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "demo '{}' seed {}", self.set.name(), self.seed)
    }
}

impl PlannedSource for DemoSource {
    fn describe(&self) -> String {
        format!("demo '{}'", self.set.name())
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        if self.rows.is_some() { Bounds::Bounded } else { Bounds::Unbounded }
    }

    fn event_time(&self) -> Option<(usize, i64)> {
        self.schema.len().checked_sub(1).map(|column| (column, self.set.delay_ms()))
    }

    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let total = Some(self.rows.unwrap_or(PARTITION_ROWS).min(PARTITION_ROWS));
        let plan = RowPlan { input: self.to_string(), total, rate: self.rate };
        let rows = || -> Box<dyn RowGenerator> {
            Box::new(Rows {
                set: self.set,
                seed: self.seed,
                wanted: start.projection.clone(),
                schema: self.schema.project(&start.projection),
            })
        };
        match self.set.partitions() {
            [] => readers(&plan, start, rows),
            names => partitioned(names, &plan, start, rows),
        }
    }
}

struct Rows {
    set: &'static dyn DemoSet,
    seed: u64,
    wanted: Vec<usize>,
    schema: Schema,
}

impl RowGenerator for Rows {
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch> {
        let rows = first..first.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let columns = self.wanted.iter().map(|&column| self.set.column(self.seed, column, rows.clone()));
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let all =
            RecordBatch::try_new_with_options(self.schema.arrow().clone(), columns.collect::<Result<_>>()?, &options)?;
        if self.set.partitions().is_empty() {
            return Ok(all);
        }
        let said: BooleanArray = rows.map(|row| Some(!self.set.is_silent(row))).collect();
        Ok(filter_record_batch(&all, &said)?)
    }
}

/// Readers of a set, for tests of its partitions.
#[cfg(test)]
pub(super) fn opened(
    set: &'static dyn DemoSet,
    rows: u64,
    rate: Option<f64>,
    start: &SourceStart,
) -> Result<Vec<Box<dyn Source>>> {
    DemoSource { set, schema: Schema::new(set.fields()), rows: Some(rows), rate, seed: 7 }.start(start)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use arrow_select::concat::concat_batches;

    use super::*;
    use crate::api::{OptionValue, Options, SourcePoll};
    use crate::types::{Span, Spanned, VirtualClock};

    fn planned(target: Option<&str>, rows: i64) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
        let option = |name: &str, value| (name.to_owned(), Spanned::new(OptionValue::Integer(value), Span::new(1, 2)));
        source(&SourceRequest {
            name: "t".into(),
            target: target.map(|target| Spanned::new(target.to_owned(), Span::new(3, 9))),
            columns: None,
            options: Options::new(vec![option("rows", rows), option("seed", 7)]),
            base_dir: PathBuf::new(),
            span: Span::default(),
        })
    }

    fn read(source: &dyn PlannedSource, projection: &[usize], batch_rows: usize) -> RecordBatch {
        let start = SourceStart {
            parallelism: 1,
            projection: projection.to_vec(),
            restored: None,
            batch_rows,
            clock: Arc::new(VirtualClock::at(0)),
        };
        let mut readers = source.start(&start).unwrap();
        let mut batches = Vec::new();
        loop {
            match readers[0].poll().unwrap() {
                SourcePoll::Rows { rows, .. } => batches.push(rows),
                SourcePoll::Pending(_) => {}
                SourcePoll::End => break,
            }
        }
        concat_batches(source.schema().project(projection).arrow(), &batches).unwrap()
    }

    #[test]
    fn rows_depend_on_neither_batches_nor_projection() {
        for set in SETS.into_iter().filter(|set| set.partitions().is_empty()) {
            let source = planned(Some(set.name()), 1_000).unwrap();
            let all: Vec<usize> = (0..source.schema().len()).collect();
            let whole = read(&*source, &all, 1_000);
            assert_eq!(whole.num_rows(), 1_000);
            assert_eq!(read(&*source, &all, 7), whole, "{}", set.name());
            let last = all.len() - 1;
            assert_eq!(read(&*source, &[1, last], 64), whole.project(&[1, last]).unwrap());
            assert_eq!(source.event_time().unwrap().0, last);
        }
    }

    #[test]
    fn mistakes_are_shown_at_their_place() {
        let error = planned(Some("transaction"), 1).unwrap_err();
        assert_eq!(error.span, Some(Span::new(3, 9)));
        insta::assert_snapshot!(error, @"the connector `demo` has no data set 'transaction' (did you mean `transactions`?)");
        insta::assert_snapshot!(planned(None, 1).unwrap_err(), @"the connector `demo` needs the name of a data set (write demo 'transactions')");
        insta::assert_snapshot!(planned(Some("clicks"), -1).unwrap_err(), @"option `rows` takes a whole number of at least 0, not -1");
    }
}
