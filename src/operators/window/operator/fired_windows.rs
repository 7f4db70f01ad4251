//! The windows that the running windowed aggregate has fired.

use std::collections::VecDeque;

use crate::inspect::FiredWindowView;

/// Windows remembered that have fired.
const FIRED: usize = 32;

/// The windows that fired last, oldest first.
#[derive(Debug, Default)]
pub(super) struct FiredWindows(VecDeque<FiredWindowView>);

impl FiredWindows {
    /// The window has emitted `keys` rows; a row of a window that fired again counts with those before it.
    pub(super) fn push(&mut self, fired: FiredWindowView) {
        if let Some(last) = self.0.back_mut()
            && fired.again
            && last.again
            && last.end == fired.end
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

    pub(super) fn list(&self) -> Vec<FiredWindowView> {
        self.0.iter().cloned().collect()
    }
}
