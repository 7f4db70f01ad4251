//! Byte strings of groups in one buffer.

/// A full buffer grows by one part in so many.
const GROWTH: usize = 8;

/// One byte string a group; those of freed groups leave holes, which are closed once they are a quarter of the buffer.
#[derive(Debug, Default)]
pub(super) struct Arena {
    bytes: Vec<u8>,
    spans: Vec<(usize, usize)>,
    holes: usize,
}

impl Arena {
    pub(super) fn get(&self, group: u32) -> &[u8] {
        let (start, end) = self.spans[group as usize];
        &self.bytes[start..end]
    }

    /// Sets the string of `group`, an old number or the next new one.
    pub(super) fn set(&mut self, group: u32, value: &[u8]) {
        let start = self.bytes.len();
        if self.bytes.capacity() - start < value.len() {
            // Twice as much would be more than a budget may have left.
            self.bytes.reserve_exact(value.len().max(start / GROWTH));
        }
        self.bytes.extend_from_slice(value);
        let span = (start, self.bytes.len());
        match self.spans.get_mut(group as usize) {
            Some(old) => *old = span,
            None => self.spans.push(span),
        }
    }

    pub(super) fn free(&mut self, group: u32) {
        let (start, end) = std::mem::take(&mut self.spans[group as usize]);
        self.holes += end - start;
        if self.holes > 1 << 16 && self.holes * 4 > self.bytes.len() {
            let mut bytes = Vec::with_capacity(self.bytes.len() - self.holes);
            for span in &mut self.spans {
                let start = bytes.len();
                bytes.extend_from_slice(&self.bytes[span.0..span.1]);
                *span = (start, bytes.len());
            }
            self.bytes = bytes;
            self.holes = 0;
        }
    }

    /// Makes room for the spans of groups below `groups`.
    pub(super) fn reserve(&mut self, groups: usize) {
        self.spans.reserve_exact(groups.saturating_sub(self.spans.len()));
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<(usize, usize)>()
    }
}
