//! Debug builds check what flows: the legal order of [`StreamElement`], and that every batch has its edge's columns.
//! A violation is a defect of ours and panics, which fails the job by name; release builds check nothing.

use crate::types::{Batch, ChannelStatus, CheckpointId, Schema, StreamElement};

/// The order of one channel.
#[derive(Debug, Default)]
pub(super) struct ChannelCheck {
    watermark: Option<i64>,
    barrier: Option<CheckpointId>,
    idle: bool,
    /// A watermark has come on the idle channel: the end of idleness must follow.
    returns: bool,
    ended: bool,
}

impl ChannelCheck {
    pub(super) fn element(&mut self, element: &StreamElement) {
        if !cfg!(debug_assertions) {
            return;
        }
        assert!(!self.ended, "an element behind the end of input");
        let returns = std::mem::take(&mut self.returns);
        assert!(!returns || matches!(element, StreamElement::Status(_)), "a watermark on an idle channel");
        match element {
            StreamElement::Batch(batch) => assert!(!batch.is_empty(), "an empty batch"),
            StreamElement::Watermark(watermark) => {
                self.returns = self.idle;
                assert!(self.watermark <= Some(*watermark), "watermark {watermark} behind {:?}", self.watermark);
                self.watermark = Some(*watermark);
            }
            StreamElement::Barrier(id) => {
                assert!(self.barrier < Some(*id), "barrier {id} behind {:?}", self.barrier);
                self.barrier = Some(*id);
            }
            StreamElement::Status(status) => {
                let idle = *status == ChannelStatus::Idle;
                assert!(self.idle != idle, "a status that changes nothing");
                self.idle = idle;
            }
            StreamElement::LatencyMarker(_) => assert!(!self.idle, "a latency marker on an idle channel"),
            StreamElement::EndOfInput => self.ended = true,
        }
    }
}

/// Checks that `batch` has the columns of `schema`.
pub(super) fn columns(batch: &Batch, schema: &Schema) {
    if !cfg!(debug_assertions) {
        return;
    }
    let (found, wanted) = (batch.columns().schema_ref(), schema.arrow());
    let same = found.fields().len() == wanted.fields().len()
        && found.fields().iter().zip(wanted.fields()).all(|(a, b)| a.data_type() == b.data_type());
    assert!(same, "rows of {found:?} on an edge of {schema}");
}
