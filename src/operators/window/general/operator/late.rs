//! Rows that came too late for all their windows.

use arrow_array::UInt32Array;

use super::{Rows, WindowOperatorInstance, ends_of};
use crate::api::{Output, Windows};
use crate::types::Result;

impl WindowOperatorInstance {
    /// Sends late rows to the side output and counts them.
    pub(super) fn late(&mut self, rows: &Rows, late: &[u32], out: &mut dyn Output) -> Result<()> {
        if late.is_empty() {
            return Ok(());
        }
        self.metrics.add_late(late.len() as u64);
        if self.plan.window.late_to.is_some() {
            return out.side(0, rows.batch.take(&UInt32Array::from(late.to_vec()))?);
        }
        for &row in late {
            let row = row as usize;
            let time = rows.batch.times()[row];
            let ends: Vec<i64> = match &self.plan.window.windows {
                Windows::Aligned(assigner) => ends_of(&**assigner, assigner.slice_end(time)).collect(),
                Windows::Session(_) => {
                    vec![time.saturating_add(rows.gaps.get(row).copied().unwrap_or(self.gap_ms))]
                }
                Windows::Global | Windows::Count { .. } => Vec::new(),
            };
            let lateness_ms = self.moments.lateness_ms;
            self.late_rows.keep(&rows.batch, row..row + 1, ends.into_iter(), lateness_ms, self.watermark);
        }
        Ok(())
    }
}
