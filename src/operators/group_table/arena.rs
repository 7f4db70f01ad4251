//! Byte strings of groups in one buffer.

/// One byte string a group; those of freed groups leave holes, which are closed once they are half of the buffer.
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
        if self.holes > 1 << 16 && self.holes * 2 > self.bytes.len() {
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

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<(usize, usize)>()
    }
}
