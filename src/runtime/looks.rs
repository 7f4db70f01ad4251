//! Looks at the operators of a vertex. All its subtasks are asked at once, and again only when all have answered: what is
//! shown of them together is of one moment, and no sum is of some of them only.

use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::SubtaskMetrics;

/// The time after which a look begins though a subtask has not answered the last, nanoseconds.
const PATIENCE_NS: u64 = 2_000_000_000;

/// The looks at one vertex.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<Last>);

/// The last look.
#[derive(Debug, Default)]
struct Last {
    number: u64,
    asked_ns: u64,
}

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// All subtasks that run have answered the look of this number.
    All(u64),
    /// So many have not answered what others have: each is shown as it was when it answered last.
    Without(usize),
}

impl Looks {
    /// Begins the next look at these subtasks, if all that run have answered the last and could answer again at `now_ns`,
    /// or one of them keeps the others waiting for too long. Whether they are to be asked now.
    pub(super) fn begin(&self, subtasks: &[Arc<SubtaskMetrics>], now_ns: u64) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = subtasks.iter().filter(|metrics| !metrics.is_finished()).map(|metrics| metrics.shown());
        let ready = running.all(|shown| shown.answered() >= last.number && shown.due_ns() <= now_ns);
        let begins = ready || now_ns.saturating_sub(last.asked_ns) >= PATIENCE_NS;
        drop(last);
        begins && self.begin_now(subtasks, now_ns) > 0
    }

    /// Begins the next look whatever has become of the last; its number, from 1.
    pub(super) fn begin_now(&self, subtasks: &[Arc<SubtaskMetrics>], now_ns: u64) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Last { number: last.number + 1, asked_ns: now_ns };
        for metrics in subtasks {
            metrics.shown().ask(last.number);
        }
        last.number
    }
}

/// The newest look that all of these subtasks have answered, but those that have finished: what they hold stays.
pub(super) fn found(subtasks: &[Arc<SubtaskMetrics>]) -> Found {
    let running = || subtasks.iter().filter(|metrics| !metrics.is_finished()).map(|metrics| metrics.shown());
    let newest = running().map(super::shown::Shown::answered).max().unwrap_or(0);
    let common = (newest.saturating_sub(1)..=newest).rev().find(|&look| running().all(|shown| shown.holds(look)));
    common.map_or_else(|| Found::Without(running().filter(|shown| shown.answered() < newest).count()), Found::All)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{OperatorView, Section, SubtaskView, WindowView, WindowsView};

    /// An operator with one window of so many rows.
    fn window(rows: u64) -> Vec<OperatorView> {
        let open =
            vec![WindowView { start: 0, end: 10, keys: 1, keys_at_least: false, rows, fired: false, entries: vec![] }];
        let windows = Section::Windows(WindowsView { open, ..WindowsView::default() });
        vec![OperatorView { watermark: None, sections: vec![windows] }]
    }

    /// The rows of the window over all subtasks, and how many of them are missing.
    fn shown(subtasks: &[Arc<SubtaskMetrics>]) -> (u64, usize) {
        let (look, missing) = match found(subtasks) {
            Found::All(look) => (Some(look), 0),
            Found::Without(missing) => (None, missing),
        };
        let rows = |metrics: &Arc<SubtaskMetrics>| -> u64 {
            let mut view = SubtaskView::default();
            metrics.shown().fill(&mut view, look);
            view.operators.iter().flat_map(OperatorView::open_windows).map(|window| window.rows).sum()
        };
        (subtasks.iter().map(rows).sum(), missing)
    }

    #[test]
    fn figures_of_one_subtask_are_not_taken_for_those_of_all() {
        let subtasks: Vec<_> = (0..2).map(|_| Arc::new(SubtaskMetrics::default())).collect();
        let looks = Looks::default();
        assert!(looks.begin(&subtasks, 0));
        assert!(!looks.begin(&subtasks, 1), "nobody has answered yet");
        subtasks[0].show(window(5));
        assert_eq!(shown(&subtasks).0, 0, "one of two has answered");
        assert!(!looks.begin(&subtasks, 2));
        subtasks[1].show(window(7));
        assert_eq!(shown(&subtasks), (12, 0));
        // The next look, answered by one: the sum stays that of the last.
        subtasks[1].shown().due(50);
        assert!(!looks.begin(&subtasks, 49), "they could not all answer at once");
        assert!(looks.begin(&subtasks, 50));
        subtasks[0].show(window(50));
        assert_eq!(shown(&subtasks), (12, 0));
        // Shown once more for somebody else: that is no answer of another moment.
        subtasks[0].show(window(60));
        subtasks[1].show(window(70));
        assert_eq!(shown(&subtasks), (120, 0));
    }

    #[test]
    fn who_does_not_answer_is_missed_and_holds_nobody_up_for_long() {
        let subtasks: Vec<_> = (0..2).map(|_| Arc::new(SubtaskMetrics::default())).collect();
        let looks = Looks::default();
        for (round, rows) in [(0, 5), (1, 6), (2, 9)] {
            assert!(looks.begin(&subtasks, round * PATIENCE_NS), "{round}");
            subtasks[0].show(window(rows));
            if round == 0 {
                subtasks[1].show(window(7));
            }
        }
        assert_eq!(shown(&subtasks), (16, 1));
    }
}
