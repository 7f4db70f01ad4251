//! Keyed state.

use serde_json::{Value, json};

use super::text::named;
use super::{subtask_name, time};
use crate::inspect::{JobView, OperatorView, StateOrigin, StateView};
use crate::session::{Column, Listing};

/// The entries that were read, each with its key and its value columns.
#[must_use]
pub fn state(states: &[StateView]) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("operator"),
            Column::text("state"),
            Column::text("origin"),
            Column::text("namespace"),
            Column::number("key_group"),
            Column::text("key"),
            Column::text("value"),
        ],
        "no entries",
    );
    let mut left_out = Vec::new();
    for state in states {
        let names = |key: bool| state.columns.iter().filter(move |column| column.key == key);
        let keys = names(true).count();
        for entry in &state.rows {
            let (key, value) = entry.values.split_at(keys.min(entry.values.len()));
            listing.push(vec![
                json!(state.operator),
                json!(state.state),
                json!(origin(state.origin)),
                time(entry.namespace),
                json!(entry.key_group),
                json!(named(names(true).map(|column| column.name.as_str()), key)),
                json!(named(names(false).map(|column| column.name.as_str()), value)),
            ]);
        }
        let more = state.matching.saturating_sub(state.rows.len() as u64);
        if more > 0 {
            left_out.push(format!("{} {}: {more} more of {} entries", state.operator, state.state, state.entries));
        }
    }
    if !left_out.is_empty() {
        listing.note = Some(left_out.join("; "));
    }
    listing
}

/// The key groups that hold entries, with their sizes and the subtasks that own them.
#[must_use]
pub fn key_groups(states: &[StateView]) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("operator"),
            Column::text("state"),
            Column::text("origin"),
            Column::number("key_group"),
            Column::number("subtask"),
            Column::number("entries"),
            Column::number("bytes"),
        ],
        "no entries",
    );
    for state in states {
        for group in &state.key_groups {
            listing.push(vec![
                json!(state.operator),
                json!(state.state),
                json!(origin(state.origin)),
                json!(group.key_group),
                json!(group.subtask),
                json!(group.entries),
                json!(group.bytes),
            ]);
        }
    }
    listing
}

/// The hottest keys of each operator that samples them.
#[must_use]
pub fn hot_keys(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("subtask"),
            Column::text("vertex"),
            Column::text("key"),
            Column::number("rows"),
            Column::number("of"),
            Column::number("pct"),
        ],
        "no keys were sampled yet",
    );
    for vertex in &view.vertices {
        for subtask in &vertex.subtasks {
            for hot in subtask.operators.iter().flat_map(OperatorView::hot_keys) {
                listing.push(vec![
                    json!(subtask_name(vertex.id, subtask.index)),
                    json!(vertex.name),
                    json!(hot.key.join(", ")),
                    json!(hot.rows),
                    json!(hot.of),
                    json!(hot.rows * 100 / hot.of.max(1)),
                ]);
            }
        }
    }
    listing
}

fn origin(origin: StateOrigin) -> Value {
    match origin {
        StateOrigin::Live => json!("live"),
        StateOrigin::Checkpoint(id) => json!(format!("checkpoint {id}")),
    }
}
