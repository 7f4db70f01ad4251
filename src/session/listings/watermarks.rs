//! Watermarks, and what holds them back.

use serde_json::{Value, json};

use super::{subtask_name, time, time_text};
use crate::inspect::{InputView, JobView, SplitView, SubtaskView};
use crate::session::{Column, Listing};

/// One row a subtask: its watermark, those of its inputs or of the splits that it reads, and which of them hold it back; of
/// a source that is too far ahead of others the one that it waits for. `lag_ms` is how far it is behind the newest event
/// time that any source has read.
#[must_use]
pub fn watermarks(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::time("watermark"),
            Column::time("newest_event_time"),
            Column::number("lag_ms"),
            Column::text("idle"),
            Column::text("inputs").for_people(),
            Column::text("inputs").for_json(),
            Column::text("held_by").for_people(),
            Column::text("held_by").for_json(),
            Column::text("splits").for_json(),
            Column::text("waits_for"),
        ],
        "no subtasks",
    );
    let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
    let newest = subtasks.filter_map(|subtask| subtask.newest_event_time).max();
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let lag = newest.zip(subtask.watermark).map(|(newest, at)| newest.saturating_sub(at).max(0));
            let inputs = held_by(subtask).into_iter().map(|input| subtask_name(input.vertex, input.subtask));
            let held_by: Vec<String> = inputs.chain(held_by_splits(subtask).map(|split| split.name.clone())).collect();
            let read = subtask.inputs.iter().map(shown).chain(subtask.splits.iter().map(shown_split));
            listing.push(vec![
                json!(subtask_name(vertex.id, subtask.index)),
                json!(vertex.name),
                time(subtask.watermark),
                time(subtask.newest_event_time),
                json!(lag),
                json!(subtask.idle),
                json!(read.collect::<Vec<_>>().join(", ")),
                json!(subtask.inputs.iter().map(input).collect::<Vec<_>>()),
                if held_by.is_empty() { Value::Null } else { json!(held_by.join(", ")) },
                json!(held_by),
                json!(subtask.splits.iter().map(split).collect::<Vec<_>>()),
                json!(waits_for(subtask).map(|(vertex, subtask)| subtask_name(vertex, subtask))),
            ]);
        }
    }
    listing
}

/// The inputs that have the minimum of the watermarks and so hold it back; idle ones do not count. None when all are
/// equally far.
#[must_use]
pub fn held_by(subtask: &SubtaskView) -> Vec<&InputView> {
    least(&subtask.inputs, |input| (input.idle, input.watermark))
}

/// The splits of a source that have the minimum of the watermarks, as its inputs in [`held_by`].
pub fn held_by_splits(subtask: &SubtaskView) -> impl Iterator<Item = &SplitView> {
    least(&subtask.splits, |split| (split.idle, split.watermark)).into_iter()
}

/// The vertex and the subtask that a source waits for, being too far ahead of it.
#[must_use]
pub fn waits_for(subtask: &SubtaskView) -> Option<(usize, usize)> {
    subtask.alignment.and_then(|alignment| alignment.waits_for)
}

fn least<T>(all: &[T], of: impl Fn(&T) -> (bool, Option<i64>)) -> Vec<&T> {
    let active = || all.iter().filter(|one| !of(one).0);
    // Before the first watermark comes `None`, which is the lowest.
    let Some(least) = active().map(|one| of(one).1).min() else { return Vec::new() };
    let holding: Vec<_> = active().filter(|one| of(one).1 == least).collect();
    if holding.len() > 1 && holding.len() == active().count() { Vec::new() } else { holding }
}

fn shown_split(split: &SplitView) -> String {
    let idle = if split.idle { " (idle)" } else { "" };
    format!("{} {}{idle}", split.name, time_text(split.watermark))
}

fn split(split: &SplitView) -> Value {
    json!({
        "name": split.name,
        "watermark": time(split.watermark),
        "newest_event_time": time(split.newest_event_time),
        "idle": split.idle,
    })
}

fn shown(input: &InputView) -> String {
    let idle = if input.idle { " (idle)" } else { "" };
    format!("{} {}{idle}", subtask_name(input.vertex, input.subtask), time_text(input.watermark))
}

fn input(input: &InputView) -> Value {
    let subtask = subtask_name(input.vertex, input.subtask);
    json!({ "subtask": subtask, "watermark": time(input.watermark), "idle": input.idle })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[(Option<i64>, bool)]) -> Vec<usize> {
        let inputs = inputs.iter().enumerate();
        let inputs =
            inputs.map(|(subtask, &(watermark, idle))| InputView { vertex: 0, subtask, watermark, idle }).collect();
        let subtask = SubtaskView { inputs, ..SubtaskView::default() };
        held_by(&subtask).iter().map(|input| input.subtask).collect()
    }

    #[test]
    fn the_least_active_watermark_holds_back_and_none_is_least() {
        assert_eq!(names(&[(Some(5), false), (Some(3), false)]), [1]);
        assert_eq!(names(&[(Some(5), false), (None, false), (Some(3), true)]), [1]);
        assert_eq!(names(&[(Some(5), false), (Some(3), true)]), [0]);
        assert_eq!(names(&[(Some(3), false), (Some(3), false)]), [0_usize; 0]);
        assert_eq!(names(&[(Some(3), false), (Some(4), false), (Some(3), false)]), [0, 2]);
        assert_eq!(names(&[]), [0_usize; 0]);
    }
}
