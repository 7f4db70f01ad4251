//! Rounds of stages that run again on their own rows.

use serde_json::json;

use super::text::{named, subtask_name};
use crate::inspect::{JobView, OperatorView};
use crate::session::{Column, Listing};

/// The rounds that are done, the first of each operator first.
#[must_use]
pub fn rounds(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::number("round"),
            Column::number("rows"),
            Column::number("changed"),
            Column::number("took_ms").for_json(),
            Column::text("sample").for_json(),
        ],
        "no rounds are done",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            let name = subtask_name(vertex.id, subtask.index);
            for rounds in subtask.operators.iter().filter_map(OperatorView::rounds) {
                for round in &rounds.done {
                    let sample = round.sample.iter().map(|row| named(rounds.columns.iter().map(String::as_str), row));
                    let numbers = [round.round, round.rows, round.changed, round.took_ms].map(|number| json!(number));
                    let cells = std::iter::once(json!(name)).chain(numbers);
                    listing.push(cells.chain(std::iter::once(sample.collect())).collect());
                }
            }
        }
    }
    listing
}
