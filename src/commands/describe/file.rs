//! `describe 'FILE'`: what a file holds, how late its rows come, and the statement that names it.

use serde_json::{Value, json};

use super::times::{Candidate, candidates};
use crate::lang::typed_name;
use crate::session::{Column, Failure, Listing, Outcome, Sample, Session};
use crate::types::{CellValue, Cells, Schema, Spanned, typed_duration};

/// Rows that are looked at.
const ROWS: usize = 100_000;
/// Rows that are shown.
const SHOWN: usize = 4;
/// How many rows of a thousand may be lost, and how that is said.
const SHARES: [(usize, &str); 3] = [(0, "none"), (1, "at most 0.1 %"), (10, "at most 1 %")];

/// The answer for the file at `path`.
pub(super) fn describe(path: &Spanned<String>, as_json: bool, session: &Session) -> Result<Outcome, Failure> {
    let sample = session.sample(path, ROWS)?;
    let schema = sample.source.source.schema().clone();
    let times = candidates(&schema, &sample.rows);
    let rows = first_rows(&sample);
    let statement = statement(&path.node, &sample.source.name, &schema, times.first());
    if as_json {
        return Ok(Outcome::Json(structured(&path.node, &sample, &times, &rows, &statement)));
    }
    let mut listing = Listing::new(
        vec![Column::text("column"), Column::text("type"), Column::text("event time"), Column::text("first values")],
        "the file has no columns",
    );
    for (index, field) in schema.fields().iter().enumerate() {
        let of_time = times.iter().find(|candidate| candidate.column == field.name);
        let values: Vec<&str> = rows.iter().filter_map(|row| row.get(index).map(CellValue::as_str)).collect();
        let time = of_time
            .map(|candidate| if candidate.expr == typed_name(&field.name) { "possible" } else { "by expression" });
        listing.push(vec![json!(field.name), json!(field.ty.to_string()), json!(time), json!(values.join(" · "))]);
    }
    listing.note = Some(note(&sample, &times, &statement));
    Ok(Outcome::Listing(listing))
}

/// The values of the rows that are shown.
fn first_rows(sample: &Sample) -> Vec<Vec<CellValue>> {
    let mut rows = Vec::new();
    for batch in &sample.rows {
        let cells = Cells::new(batch.columns());
        rows.extend((0..batch.num_rows()).take(SHOWN - rows.len()).map(|row| cells.row(row)));
        if rows.len() == SHOWN {
            break;
        }
    }
    rows
}

/// The statement that names the file, with the delay that loses no row of those that were looked at.
fn statement(path: &str, name: &str, schema: &Schema, time: Option<&Candidate>) -> String {
    let columns: Vec<String> =
        schema.fields().iter().map(|field| format!("{} {}", typed_name(&field.name), field.ty)).collect();
    let time = time.map_or_else(String::new, |time| {
        format!("\n  event_time {} watermark {}", time.expr, typed_duration(time.delay_ms(0).0))
    });
    let path = if path == "-" { "/dev/stdin".to_owned() } else { path.replace('\'', "''") };
    format!("source {} from file '{path}'\n  columns ({}){time};", typed_name(name), columns.join(", "))
}

fn note(sample: &Sample, times: &[Candidate], statement: &str) -> String {
    let of = if sample.whole { "all" } else { "the first" };
    let mut lines = vec![format!("judged by {of} {} rows", sample.count())];
    if sample.rejected > 0 {
        lines.push(format!("{} more could not be read", sample.rejected));
    }
    for candidate in times {
        lines.extend([String::new(), format!("with event_time {}:", candidate.expr)]);
        for (permille, share) in SHARES {
            let (delay_ms, lost) = candidate.delay_ms(permille);
            let rows = if permille == 0 { String::new() } else { format!(" ({lost} rows)") };
            lines.push(format!("  watermark {} loses {share}{rows}", typed_duration(delay_ms)));
        }
        if candidate.untimed > 0 {
            let have = if candidate.untimed == 1 { "row has" } else { "rows have" };
            lines.push(format!("  {} {have} no time", candidate.untimed));
        }
    }
    if times.is_empty() {
        lines.extend([String::new(), "no column holds a time that could be the event time".to_owned()]);
    }
    lines.extend([String::new(), statement.to_owned()]);
    lines.join("\n")
}

fn structured(path: &str, sample: &Sample, times: &[Candidate], rows: &[Vec<CellValue>], statement: &str) -> Value {
    let schema = sample.source.source.schema();
    let columns: Vec<Value> = schema
        .fields()
        .iter()
        .map(|field| json!({ "column": field.name, "type": field.ty.to_string(), "nullable": field.nullable }))
        .collect();
    let row = |row: &Vec<CellValue>| -> Value {
        let values = schema.names().zip(row).map(|(name, value)| (name.to_owned(), value.to_json()));
        Value::Object(values.collect())
    };
    let delays = |candidate: &Candidate| -> Vec<Value> {
        let delay = |(permille, _): &(usize, &str)| {
            let (delay_ms, lost) = candidate.delay_ms(*permille);
            json!({ "permille": permille, "watermark_ms": delay_ms, "rows_lost": lost })
        };
        SHARES.iter().map(delay).collect()
    };
    let time = |of: &Candidate| {
        json!({
            "column": of.column, "event_time": of.expr, "rows": of.rows, "untimed_rows": of.untimed, "delays": delays(of),
        })
    };
    json!({
        "path": path,
        "columns": columns,
        "rows": sample.count(),
        "whole": sample.whole,
        "rejected_rows": sample.rejected,
        "sample": rows.iter().map(row).collect::<Vec<_>>(),
        "event_time": times.iter().map(time).collect::<Vec<_>>(),
        "statement": statement,
    })
}
