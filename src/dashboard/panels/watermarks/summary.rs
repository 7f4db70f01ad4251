//! Who holds event time back: the watermarks of all subtasks, taken together.

use crate::dashboard::draw::{clean, clock, duration, time};
use crate::inspect::{InputView, JobView, SubtaskView, VertexView};
use crate::session::listings;
use crate::types::{MAX_WATERMARK, MIN_WATERMARK};

/// One subtask.
pub(super) struct Row<'a> {
    pub(super) vertex: &'a VertexView,
    pub(super) subtask: &'a SubtaskView,
    pub(super) held_by: Vec<&'a InputView>,
}

impl Row<'_> {
    pub(super) fn name(&self) -> String {
        listings::subtask_name(self.vertex.id, self.subtask.index)
    }
}

/// The summary of event time in the whole job.
pub(super) struct Summary<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) newest: Option<i64>,
    /// The row with the least watermark.
    pub(super) slowest: Option<usize>,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A watermark that stands for a time.
pub(super) fn finite(watermark: Option<i64>) -> Option<i64> {
    watermark.filter(|&at| at != MIN_WATERMARK && at != MAX_WATERMARK)
}

/// Takes it together.
pub(super) fn summary(view: &JobView) -> Summary<'_> {
    let mut rows = Vec::new();
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            rows.push(Row { vertex, subtask, held_by: listings::held_by(subtask) });
        }
    }
    let newest = rows.iter().filter_map(|row| row.subtask.newest_event_time).max();
    let ended = rows.iter().all(|row| row.subtask.watermark == Some(MAX_WATERMARK));
    let active = rows.iter().enumerate().filter(|(_, row)| !row.subtask.idle);
    // Those downstream of it are as slow: the first is where it begins.
    let slowest = active.min_by_key(|(_, row)| row.subtask.watermark).map(|(index, _)| index).filter(|_| !ended);
    let times = || rows.iter().filter_map(|row| finite(row.subtask.watermark)).chain(newest);
    let (from, to) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    Summary { rows, newest, slowest, from, to }
}

impl Summary<'_> {
    /// The time that a watermark is behind the newest event time, milliseconds.
    pub(super) fn lag(&self, watermark: Option<i64>) -> Option<i64> {
        Some(self.newest?.saturating_sub(finite(watermark)?).max(0))
    }

    /// From a subtask upstream, each the one that holds the one before it back.
    fn blame(&self, row: usize) -> Vec<usize> {
        let mut path = vec![row];
        let mut at = row;
        while path.len() <= self.rows.len() {
            let Some(row) = self.rows.get(at) else { break };
            let Some(input) = row.held_by.first() else { break };
            let same = |row: &Row<'_>| row.vertex.id == input.vertex && row.subtask.index == input.subtask;
            let Some(next) = self.rows.iter().position(same).filter(|next| !path.contains(next)) else { break };
            path.push(next);
            at = next;
        }
        path
    }

    /// The two lines that answer the question.
    pub(super) fn headline(&self) -> (String, String) {
        let Some(slowest) = self.slowest.and_then(|row| self.rows.get(row)) else {
            return ("every subtask has reached the end of input".to_owned(), String::new());
        };
        let at = slowest.subtask.watermark;
        let first = match (self.newest, self.lag(at)) {
            (Some(newest), Some(lag)) => format!(
                "lag {}  ·  slowest watermark {} at {}  ·  newest event {}",
                duration(lag),
                clock(at),
                slowest.name(),
                clock(Some(newest))
            ),
            (Some(newest), None) => {
                format!("{} has no watermark yet  ·  newest event time {}", slowest.name(), clock(Some(newest)))
            }
            (None, _) if at.is_none() => "no watermark yet: no source has read a row with an event time".to_owned(),
            (None, _) => format!("slowest watermark {} at {}", time(at), slowest.name()),
        };
        let path = self.blame(self.slowest.unwrap_or(0));
        let names: Vec<String> = path.iter().filter_map(|&row| self.rows.get(row)).map(Row::name).collect();
        let cause = path.last().and_then(|&row| self.rows.get(row));
        let idle: Vec<String> = self.rows.iter().filter(|row| row.subtask.idle).map(Row::name).collect();
        let idle = if idle.is_empty() { String::new() } else { format!("  ·  idle: {}", idle.join(", ")) };
        let split = cause.and_then(|cause| listings::held_by_splits(cause.subtask).next());
        let split = split.map_or(String::new(), |split| format!(" ({} is furthest behind)", clean(&split.name)));
        let waiting = self.rows.iter().filter(|row| listings::waits_for(row.subtask).is_some());
        let waiting: Vec<String> = waiting.map(Row::name).collect();
        let idle =
            if waiting.is_empty() { idle } else { format!("{idle}  ·  waiting for it: {}", waiting.join(", ")) };
        let second = match cause {
            Some(cause) if path.len() > 1 => format!(
                "held back by {} {}{split}, seen through {}{idle}",
                cause.name(),
                cause.vertex.name,
                names.iter().rev().skip(1).cloned().collect::<Vec<_>>().join(" → ")
            ),
            Some(cause) if cause.subtask.inputs.len() > 1 => {
                format!("no input of {} holds it back more than the others{idle}", cause.name())
            }
            Some(cause) => format!("{} is where it is made: {}{split}{idle}", cause.name(), cause.vertex.name),
            None => idle,
        };
        (first, second)
    }
}

#[cfg(test)]
mod tests {
    use super::summary;
    use crate::dashboard::testing::view;
    use crate::inspect::{AlignmentView, SplitView};

    #[test]
    fn the_slowest_subtask_is_followed_to_the_source_that_holds_it_back() {
        let view = view(8);
        let summary = summary(&view);
        let (first, second) = summary.headline();
        assert!(first.starts_with("lag 6.2s  ·  slowest watermark 08:00:01.800 at 3[2]"), "{first}");
        assert!(second.starts_with("held back by 0[1] Source: bids -> Calc, seen through 2[0] → 3[2]"), "{second}");
        assert!(second.ends_with("idle: 1[1]"), "{second}");
    }

    #[test]
    fn the_file_that_is_furthest_behind_is_named_and_who_waits_for_it() {
        let mut view = view(8);
        let split = |name: &str, watermark| SplitView {
            name: name.to_owned(),
            watermark: Some(watermark),
            newest_event_time: None,
            idle: false,
        };
        view.vertices[0].subtasks[1].splits = vec![split("p-0", 2_000), split("p-1", 1_800)];
        view.vertices[0].subtasks[0].alignment = Some(AlignmentView { drift_ms: 10_000, waits_for: Some((0, 1)) });
        let (_, second) = summary(&view).headline();
        assert!(
            second.starts_with("held back by 0[1] Source: bids -> Calc (p-1 is furthest behind), seen"),
            "{second}"
        );
        assert!(second.ends_with("waiting for it: 0[0]"), "{second}");
    }
}
