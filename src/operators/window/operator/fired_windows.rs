//! The windows that the running windowed aggregate has fired.

use std::collections::VecDeque;

use crate::inspect::FiredWindowView;

/// Windows remembered that have fired.
const FIRED: usize = 32;

/// The windows that fired last, oldest first.
#[derive(Debug, Default)]
pub(in crate::operators::window) struct FiredWindows(VecDeque<FiredWindowView>);

impl FiredWindows {
    /// The window has emitted `keys` rows; those of a window that fires key by key count together.
    pub(in crate::operators::window) fn push(&mut self, fired: FiredWindowView) {
        if let Some(last) = self.0.back_mut()
            && (fired.start, fired.end, fired.again) == (last.start, last.end, last.again)
        {
            last.keys += fired.keys;
            last.watermark = fired.watermark;
            return;
        }
        if self.0.len() == FIRED {
            self.0.pop_front();
        }
        self.0.push_back(fired);
    }

    pub(in crate::operators::window) fn list(&self) -> Vec<FiredWindowView> {
        self.0.iter().cloned().collect()
    }
}
