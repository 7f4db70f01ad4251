//! Late rows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::text::{named, pairs};
use super::{subtask_name, time, time_text};
use crate::inspect::{JobView, LateView, LatenessView, OperatorView, VertexView};
use crate::session::{Column, Listing, WholeRows};
use crate::types::{CellValue, typed_duration};

/// Lines of the histogram.
const BARS: usize = 8;
/// Columns of its longest bar.
const BAR: u64 = 30;

/// The last late rows that nobody reads, as `whole` as they were found, with why they were late; and of all of them, what
/// would have admitted them.
#[must_use]
pub fn late(view: &JobView, whole: &WholeRows) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("row").for_people(),
            Column::text("row").for_json(),
            Column::text("whole").for_json(),
            Column::time("event_time"),
            Column::text("window_ends").for_people(),
            Column::text("window_ends").for_json(),
            Column::time("watermark"),
            Column::number("late_by_ms"),
        ],
        "no late rows",
    );
    let (mut notes, mut histograms, mut total) = (Vec::new(), Vec::new(), 0);
    let mut found = whole.rows.iter();
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            for late in subtask.operators.iter().filter_map(OperatorView::lateness) {
                for row in &late.rows {
                    let ends = row.window_ends.iter();
                    let found = found.next().and_then(Option::as_ref);
                    let (names, values): (Vec<&str>, Vec<CellValue>) = match found {
                        Some(found) => found.columns.iter().map(|(name, value)| (name.as_str(), value.clone())).unzip(),
                        None => (late.columns.iter().map(String::as_str).collect(), row.values.clone()),
                    };
                    listing.push(vec![
                        json!(subtask_name(vertex.id, subtask.index)),
                        json!(pairs(names.iter().copied(), &values)),
                        named(names, &values),
                        json!(found.is_some_and(|found| found.alike == 1)),
                        time(Some(row.time)),
                        json!(ends.clone().map(|&end| time_text(Some(end))).collect::<Vec<_>>().join(", ")),
                        json!(ends.map(|&end| time(Some(end))).collect::<Vec<_>>()),
                        time(Some(row.watermark)),
                        json!(row.late_by_ms),
                    ]);
                }
            }
        }
        if let Some(lateness) = Lateness::of(vertex) {
            total += lateness.total();
            notes.push(lateness.text());
            histograms.push(lateness.json());
        }
    }
    notes.extend(whole.notes.iter().cloned());
    // Of one restored row there may be none: then those of the counters are all that is known.
    listing.total = Some(total.max(listing.rows.len() as u64));
    listing.beside.push(("lateness", Value::Array(histograms)));
    listing.note = (!notes.is_empty()).then(|| notes.join("\n"));
    listing
}

/// What would have admitted the rows that `vertex` has dropped, in a sentence; `None` when it has dropped none since it was
/// started last.
#[must_use]
pub fn lateness(vertex: &VertexView) -> Option<String> {
    Lateness::of(vertex).map(|lateness| lateness.sentence())
}

/// How late the rows were that a vertex has dropped, over all its subtasks.
struct Lateness<'a> {
    vertex: &'a VertexView,
    /// `None` where a later watermark alone would have admitted rows.
    allowed_ms: Option<i64>,
    /// By how late, ascending.
    by: Vec<LatenessView>,
    /// Whether an amount may stand for smaller ones too.
    merged: bool,
    /// All late rows of the vertex, those before its last restart too.
    ever: u64,
}

impl<'a> Lateness<'a> {
    /// That of `vertex`; `None` when it has dropped nothing since it was started last.
    fn of(vertex: &'a VertexView) -> Option<Self> {
        let views =
            || vertex.subtasks.iter().flat_map(|subtask| subtask.operators.iter()).filter_map(OperatorView::lateness);
        let mut by: Vec<LatenessView> = views().flat_map(|late: &LateView| late.by_lateness.iter().copied()).collect();
        by.sort_by_key(|one| one.late_by_ms);
        by.dedup_by(|next, kept| {
            let same = next.late_by_ms == kept.late_by_ms;
            kept.rows += if same { next.rows } else { 0 };
            same
        });
        let allowed_ms = views().map(|late| late.allowed_ms).max()?;
        let merged = views().any(|late| late.merged);
        let ever = vertex.subtasks.iter().map(|subtask| subtask.late_rows).sum();
        (!by.is_empty()).then_some(Self { vertex, allowed_ms, by, merged, ever })
    }

    fn total(&self) -> u64 {
        self.by.iter().map(|one| one.rows).sum()
    }

    /// The rows that a lateness of `ms` would have admitted, at least: where amounts are merged, those known to be.
    fn admitted(&self, ms: i64) -> u64 {
        let longer = ms.saturating_sub(self.allowed_ms.unwrap_or(0));
        self.by.iter().filter(|one| one.late_by_ms < longer).map(|one| one.rows).sum()
    }

    /// The lateness, in whole seconds where it is more than one, that would have admitted the rows up to `one`.
    fn enough_ms(&self, one: &LatenessView) -> i64 {
        let exact = self.allowed_ms.unwrap_or(0).saturating_add(one.late_by_ms).saturating_add(1);
        if exact <= 1_000 { exact } else { exact.saturating_add(999) / 1_000 * 1_000 }
    }

    /// `a lateness of 61s would have admitted all 16 late rows; 12s, 14 of them`
    fn sentence(&self) -> String {
        let (total, all) = (self.total(), self.by.last().map_or(0, |last| self.enough_ms(last)));
        let rows = if total == 1 { "the late row".to_owned() } else { format!("all {total} late rows") };
        let all_ms = typed_duration(all);
        let mut said = match self.allowed_ms {
            Some(_) => format!("a lateness of {all_ms} would have admitted {rows}"),
            None => format!("a watermark that is {all_ms} further behind would have admitted {rows}"),
        };
        // The least that would have done for nine in ten, where that is much less.
        let most = self.by.iter().map(|one| self.enough_ms(one)).find(|&ms| self.admitted(ms) * 10 >= total * 8);
        if let Some(ms) = most.filter(|&ms| ms < all) {
            let at_least = if self.merged { "at least " } else { "" };
            let _ = write!(said, "; {}, {at_least}{} of them", typed_duration(ms), self.admitted(ms));
        }
        let earlier = self.ever.saturating_sub(total);
        if earlier > 0 {
            let _ = write!(said, " ({earlier} more were late before the job was last restored: how much is not known)");
        }
        said
    }

    /// The sentence, and a line a stretch of lateness.
    fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.vertex.name, self.sentence());
        let bars = self.bars();
        let most = bars.iter().map(|bar| bar.rows).max().unwrap_or(1).max(1);
        let widest = bars.iter().map(|bar| bar.rows.to_string().len()).max().unwrap_or(1);
        for bar in bars {
            let length = usize::try_from((bar.rows * BAR).div_ceil(most)).unwrap_or(0);
            let upto = typed_duration(self.enough_ms(&bar));
            let noun = if bar.rows == 1 { "row, " } else { "rows," };
            let by = if self.allowed_ms.is_some() { "lateness" } else { "by less than" };
            let _ = writeln!(text, "  {:>widest$} {noun} {by} {upto:<8} {}", bar.rows, "█".repeat(length));
        }
        text.pop();
        text
    }

    /// The amounts in few stretches of about as much time each, those without rows left out.
    fn bars(&self) -> Vec<LatenessView> {
        let last = self.by.last().map_or(0, |last| last.late_by_ms);
        let step = (last / i64::try_from(BARS).unwrap_or(1)).saturating_add(1);
        let mut bars: Vec<LatenessView> = Vec::new();
        for one in &self.by {
            match bars.last_mut() {
                Some(bar) if bar.late_by_ms / step == one.late_by_ms / step => {
                    *bar = LatenessView { late_by_ms: one.late_by_ms, rows: bar.rows + one.rows };
                }
                _ => bars.push(*one),
            }
        }
        bars
    }

    fn json(&self) -> Value {
        json!({
            "vertex": self.vertex.id,
            "name": self.vertex.name,
            "allowed_lateness_ms": self.allowed_ms,
            "late_rows": self.total(),
            "late_rows_before_the_last_restore": self.ever.saturating_sub(self.total()),
            "by_lateness": self.by.iter().map(|one| json!({ "late_by_ms": one.late_by_ms, "rows": one.rows })).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inspect::{Section, SubtaskView};

    fn vertex(subtasks: &[&[(i64, u64)]], ever: u64) -> VertexView {
        let subtask = |(index, by): (usize, &&[(i64, u64)])| {
            let by_lateness = by.iter().map(|&(late_by_ms, rows)| LatenessView { late_by_ms, rows }).collect();
            let late = LateView { by_lateness, allowed_ms: Some(2_000), ..LateView::default() };
            let operators = vec![OperatorView { watermark: None, sections: vec![Section::Late(late)] }];
            let late_rows = if index == 0 { ever } else { 0 };
            SubtaskView { index, late_rows, operators: Arc::new(operators), ..SubtaskView::default() }
        };
        VertexView {
            name: "Window".to_owned(),
            subtasks: subtasks.iter().enumerate().map(subtask).collect(),
            ..VertexView::default()
        }
    }

    #[test]
    fn the_sentence_is_true_of_every_late_row() {
        let of = vertex(&[&[(0, 1), (9_500, 9)], &[(9_500, 4), (58_999, 2)]], 16);
        let lateness = Lateness::of(&of).expect("late rows");
        // 2 s are allowed: a row late by 58,999 ms is in time with 60,999 ms and one more.
        assert_eq!(lateness.sentence(), "a lateness of 61s would have admitted all 16 late rows; 12s, 14 of them");
        assert_eq!((lateness.admitted(61_000), lateness.admitted(60_999), lateness.admitted(12_000)), (16, 14, 14));
        assert_eq!(lateness.admitted(2_000), 0, "what is allowed has admitted none of them");
        assert_eq!(lateness.text().lines().count(), 4, "{}", lateness.text());
        let bars: u64 = lateness.bars().iter().map(|bar| bar.rows).sum();
        assert_eq!(bars, 16);
    }

    #[test]
    fn rows_of_earlier_attempts_are_not_claimed() {
        let of = vertex(&[&[(10, 1)]], 5);
        let sentence = Lateness::of(&of).expect("late rows").sentence();
        assert!(sentence.starts_with("a lateness of 3s would have admitted the late row"), "{sentence}");
        assert!(sentence.contains("(4 more were late before"), "{sentence}");
        assert!(Lateness::of(&vertex(&[&[]], 5)).is_none());
    }
}
