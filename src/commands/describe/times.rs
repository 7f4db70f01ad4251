//! The columns of a file that could be its event time, and how late its rows come by each.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use crate::expr::{EvalContext, Evaluator, Scope, bind};
use crate::lang::{parse_expr, typed_name};
use crate::types::{Field, LogicalType, Schema};

/// From 1990 to 2100, epoch seconds: a number outside is no time.
const PLAUSIBLE_S: std::ops::Range<i64> = 631_152_000..4_102_444_800;
/// Texts that are tried as times.
const PATTERNS: [&str; 5] =
    ["yyyy-MM-dd HH:mm:ss", "yyyy/MM/dd HH:mm:ss", "dd.MM.yyyy HH:mm:ss", "MM/dd/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm:ss"];

/// A column that could be the event time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The column.
    pub(super) column: String,
    /// What `event_time` takes: the column, or an expression that makes a time of it.
    pub(super) expr: String,
    /// By how many milliseconds each row is behind the latest before it, the most first; rows that are not behind are left
    /// out.
    behind_ms: Vec<i64>,
    /// Rows that have a time.
    pub(super) rows: usize,
    /// Rows that have none.
    pub(super) untimed: usize,
}

impl Candidate {
    /// The least delay by which at most `permille` rows of a thousand are older than the watermark, and how many are.
    pub(super) fn delay_ms(&self, permille: usize) -> (i64, usize) {
        let may_be_lost = self.rows * permille / 1_000;
        let delay_ms = self.behind_ms.get(may_be_lost).copied().unwrap_or(0);
        (delay_ms, self.behind_ms.iter().take_while(|&&behind_ms| behind_ms > delay_ms).count())
    }
}

/// The candidates among the columns of `rows`: timestamps first, then numbers and texts that read as times.
pub(super) fn candidates(schema: &Schema, rows: &[RecordBatch]) -> Vec<Candidate> {
    let mut found: Vec<(bool, Candidate)> = Vec::new();
    for field in schema.fields() {
        let best = expressions(field).into_iter().find_map(|expr| candidate(field, expr, schema, rows));
        found.extend(best.map(|candidate| (!field.ty.is_event_time() || field.ty == LogicalType::BigInt, candidate)));
    }
    found.sort_by_key(|(guessed, _)| *guessed);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The expressions that may make a time of a column, the likeliest first.
fn expressions(field: &Field) -> Vec<String> {
    let name = typed_name(&field.name);
    if field.ty == LogicalType::BigInt {
        return vec![name.clone(), format!("{name} * 1000"), format!("{name} / 1000")];
    }
    if field.ty.is_event_time() {
        return vec![name];
    }
    if field.ty != LogicalType::String {
        return Vec::new();
    }
    let patterns = PATTERNS.iter().map(|pattern| format!("to_timestamp({name}, '{pattern}')"));
    std::iter::once(format!("cast({name} as timestamp)")).chain(patterns).collect()
}

/// The candidate that `expr` makes of a column, when every value that there is becomes a plausible time.
fn candidate(field: &Field, expr: String, schema: &Schema, rows: &[RecordBatch]) -> Option<Candidate> {
    let typed = bind(&parse_expr(&expr).ok()?, Scope::named(None, schema)).ok()?;
    let evaluator = Evaluator::new(&typed);
    let mut latest: Option<i64> = None;
    let (mut behind_ms, mut timed, mut untimed) = (Vec::new(), 0, 0);
    let column = schema.index_of(&field.name)?;
    for batch in rows {
        let mut context = EvalContext::default();
        let values = evaluator.evaluate(batch, &mut context).ok()?;
        if !context.errors.is_empty() || values.null_count() > batch.column(column).null_count() {
            return None;
        }
        for row in 0..batch.num_rows() {
            if values.is_null(row) {
                untimed += 1;
                continue;
            }
            let time = time_at(&*values, row)?;
            if field.ty == LogicalType::BigInt && !PLAUSIBLE_S.contains(&(time / 1_000)) {
                return None;
            }
            timed += 1;
            match latest {
                Some(latest) if time < latest => behind_ms.push(latest.saturating_sub(time)),
                _ => latest = Some(time),
            }
        }
    }
    behind_ms.sort_unstable_by(|left, right| right.cmp(left));
    (timed > 0).then(|| Candidate { column: field.name.clone(), expr, behind_ms, rows: timed, untimed })
}

fn time_at(times: &dyn Array, row: usize) -> Option<i64> {
    if let Some(times) = times.as_primitive_opt::<TimestampMillisecondType>() {
        return Some(times.value(row));
    }
    times.as_primitive_opt::<Int64Type>().map(|times| times.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    fn of(columns: Vec<(&str, LogicalType, ArrayRef)>) -> Vec<Candidate> {
        let fields: Vec<Field> = columns.iter().map(|(name, ty, _)| Field::new(*name, ty.clone())).collect();
        let schema = Schema::new(fields);
        let arrays = columns.into_iter().map(|(.., array)| array).collect();
        let rows = RecordBatch::try_new(schema.arrow().clone(), arrays).expect("columns of one length");
        // Cut anywhere, it is the same.
        let cut = rows.num_rows() / 3;
        candidates(&schema, &[rows.slice(0, cut), rows.slice(cut, rows.num_rows() - cut)])
    }

    #[test]
    fn delays_are_exact() {
        // A thousand rows a second apart; the tenth, the twentieth, … come too late, by 1 s, 2 s, …, 99 s.
        let late = |row: i64| if row % 10 == 0 { row / 10 * 1_000 + 1_000 } else { 0 };
        let times: Vec<i64> = (1..1_000).map(|row| row * 1_000 - late(row)).collect();
        let found = of(vec![("ts", LogicalType::Timestamp, Arc::new(TimestampMillisecondArray::from(times.clone())))]);
        let [ts] = &found[..] else { panic!("{found:?}") };
        for permille in [0, 1, 10] {
            let (delay_ms, lost) = ts.delay_ms(permille);
            let behind = |delay: i64| {
                let mut latest = times[0];
                let mut is_older = |time: i64| {
                    let older = time < latest - delay;
                    latest = latest.max(time);
                    older
                };
                times.iter().filter(|&&time| is_older(time)).count()
            };
            assert_eq!(behind(delay_ms), lost);
            assert!(lost <= 999 * permille / 1_000, "{lost}");
            assert!(delay_ms == 0 || behind(delay_ms - 1) > 999 * permille / 1_000, "no shorter delay does");
        }
        assert_eq!((ts.delay_ms(0), ts.delay_ms(10).1), ((99_000, 0), 9));
        assert_eq!((ts.rows, ts.untimed), (999, 0));
    }

    #[test]
    fn times_are_found_in_numbers_and_texts_and_nowhere_else() {
        let ms = 1_700_000_000_000_i64;
        let ints = |values: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let texts = |values: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
        let found = of(vec![
            ("id", LogicalType::BigInt, ints([1, 2, 3])),
            ("ms", LogicalType::BigInt, ints([ms, ms + 5, ms])),
            ("the s", LogicalType::BigInt, ints([ms / 1_000, ms / 1_000, ms / 1_000 + 1])),
            ("us", LogicalType::BigInt, ints([ms * 1_000, ms * 1_000, ms * 1_000])),
            (
                "german",
                LogicalType::String,
                texts(["31.01.2024 10:00:00", "31.01.2024 10:00:02", "31.01.2024 10:00:01"]),
            ),
            ("name", LogicalType::String, texts(["a", "b", "2024-01-01 00:00:00"])),
            ("at", LogicalType::Timestamp, Arc::new(TimestampMillisecondArray::from(vec![Some(5), None, Some(3)]))),
        ]);
        let shown: Vec<_> = found.iter().map(|of| (of.expr.as_str(), of.delay_ms(0).0, of.untimed)).collect();
        assert_eq!(
            shown,
            [
                ("at", 2, 1),
                ("ms", 5, 0),
                ("`the s` * 1000", 0, 0),
                ("us / 1000", 0, 0),
                ("to_timestamp(german, 'dd.MM.yyyy HH:mm:ss')", 1_000, 0),
            ]
        );
    }
}
