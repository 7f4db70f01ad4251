//! Watermarks, and what holds them back.

use serde_json::{Value, json};

use super::{subtask_name, time, time_text};
use crate::inspect::{InputView, JobView, SubtaskView};
use crate::session::{Column, Listing};

/// One row a subtask: its watermark, those of its inputs, and which of them hold it back. `lag_ms` is how far it is
/// behind the newest event time that any source has read.
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
        ],
        "no subtasks",
    );
    let subtasks = view.vertices.iter().flat_map(|vertex| &vertex.subtasks);
    let newest = subtasks.filter_map(|subtask| subtask.newest_event_time).max();
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let lag = newest.zip(subtask.watermark).map(|(newest, at)| newest.saturating_sub(at).max(0));
            let held_by: Vec<String> =
                held_by(subtask).iter().map(|input| subtask_name(input.vertex, input.subtask)).collect();
            listing.push(vec![
                json!(subtask_name(vertex.id, subtask.index)),
                json!(vertex.name),
                time(subtask.watermark),
                time(subtask.newest_event_time),
                json!(lag),
                json!(subtask.idle),
                json!(subtask.inputs.iter().map(shown).collect::<Vec<_>>().join(", ")),
                json!(subtask.inputs.iter().map(input).collect::<Vec<_>>()),
                if held_by.is_empty() { Value::Null } else { json!(held_by.join(", ")) },
                json!(held_by),
            ]);
        }
    }
    listing
}

/// The inputs that have the minimum of the watermarks and so hold it back; idle ones do not count. None when all are
/// equally far.
#[must_use]
pub fn held_by(subtask: &SubtaskView) -> Vec<&InputView> {
    let active = || subtask.inputs.iter().filter(|input| !input.idle);
    // Before the first watermark comes `None`, which is the lowest.
    let Some(least) = active().map(|input| input.watermark).min() else { return Vec::new() };
    let holding: Vec<_> = active().filter(|input| input.watermark == least).collect();
    if holding.len() > 1 && holding.len() == active().count() { Vec::new() } else { holding }
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
