//! The last late rows that nobody reads: what `why late` lists.

use std::collections::VecDeque;
use std::ops::Range;

use crate::api::WindowAssigner;
use crate::inspect::LateRowView;
use crate::operators::rows::display;
use crate::types::Batch;

/// Rows kept.
const KEPT: usize = 100;
/// Window ends shown of one row; a hopping window can have many.
const ENDS: usize = 8;
/// Bytes of a row's text.
const TEXT: usize = 500;

/// The last late rows. Costs something only when a row is late, and of a batch at most as many rows as are kept.
#[derive(Debug, Default)]
pub(super) struct LateRows(VecDeque<LateRowView>);

impl LateRows {
    /// Keeps these rows of the slice that ends at `slice_end`, which came when event time was at `watermark`.
    pub(super) fn keep(
        &mut self,
        batch: &Batch,
        rows: Range<usize>,
        slice_end: i64,
        assigner: &dyn WindowAssigner,
        lateness_ms: i64,
        watermark: i64,
    ) {
        let last = assigner.last_window_end(slice_end);
        let mut ends = VecDeque::new();
        let mut end = assigner.first_window_end(slice_end);
        while end <= last {
            if ends.len() == ENDS {
                ends.pop_front();
            }
            ends.push_back(end);
            let next = assigner.next_window_end(end);
            if next <= end {
                break;
            }
            end = next;
        }
        let taken_until = last.saturating_sub(1).saturating_add(lateness_ms);
        for row in rows.start.max(rows.end.saturating_sub(KEPT))..rows.end {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back(LateRowView {
                row: shortened(display(batch.columns(), row)),
                time: batch.times()[row],
                window_ends: ends.iter().copied().collect(),
                watermark,
                late_by_ms: watermark.saturating_sub(taken_until),
            });
        }
    }

    /// The late rows that are kept, oldest first.
    pub(super) fn view(&self) -> Vec<LateRowView> {
        self.0.iter().cloned().collect()
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_row_is_cut_between_characters() {
        assert_eq!(shortened("a=1".to_owned()), "a=1");
        let cut = shortened("ü".repeat(400));
        assert!(cut.ends_with("ü…") && cut.len() <= TEXT + 3, "{}", cut.len());
        let cut = shortened(format!("x{}", "ü".repeat(400)));
        assert!(cut.ends_with("ü…") && cut.len() <= TEXT + 3, "{}", cut.len());
    }
}
