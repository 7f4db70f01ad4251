//! Keyed state.

use serde_json::{Value, json};

use super::text::{named, pairs, percent};
use super::{subtask_name, time};
use crate::inspect::{ExchangeView, JobView, OperatorView, StateOrigin, StateView};
use crate::session::{Column, Listing};

/// The entries that were read, each with its key and its value columns.
#[must_use]
pub fn state(states: &[StateView]) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("operator"),
            Column::text("state"),
            Column::text("origin").for_people(),
            Column::text("origin").for_json(),
            Column::number("checkpoint").for_json(),
            Column::time("namespace"),
            Column::number("key_group"),
            Column::text("key").for_people(),
            Column::text("key").for_json(),
            Column::text("value").for_people(),
            Column::text("value").for_json(),
        ],
        "no entries",
    );
    let mut left_out = Vec::new();
    for state in states {
        let names = |key: bool| state.columns.iter().filter(move |column| column.key == key);
        let keys = names(true).count();
        for entry in &state.rows {
            let (key, value) = entry.values.split_at(keys.min(entry.values.len()));
            let [shown, origin, checkpoint] = origin(state.origin);
            listing.push(vec![
                json!(state.operator),
                json!(state.state),
                shown,
                origin,
                checkpoint,
                time(entry.namespace),
                json!(entry.key_group),
                json!(pairs(names(true).map(|column| column.name.as_str()), key)),
                named(names(true).map(|column| column.name.as_str()), key),
                json!(pairs(names(false).map(|column| column.name.as_str()), value)),
                named(names(false).map(|column| column.name.as_str()), value),
            ]);
        }
        let more = state.matching.saturating_sub(state.rows.len() as u64);
        if more > 0 {
            left_out.push(format!("{} {}: {more} more of {} entries", state.operator, state.state, state.entries));
        }
    }
    listing.total = Some(states.iter().map(|state| state.matching).sum());
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
            Column::text("origin").for_people(),
            Column::text("origin").for_json(),
            Column::number("checkpoint").for_json(),
            Column::number("key_group"),
            Column::number("subtask"),
            Column::number("entries"),
            Column::number("bytes"),
        ],
        "no entries",
    );
    for state in states {
        let [shown, origin, checkpoint] = origin(state.origin);
        for group in &state.key_groups {
            listing.push(vec![
                json!(state.operator),
                json!(state.state),
                shown.clone(),
                origin.clone(),
                checkpoint.clone(),
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
            Column::number("sampled_rows"),
            Column::number("of"),
            Column::number("pct"),
        ],
        "no keys were sampled yet",
    );
    for vertex in &view.vertices {
        let names = partitioned_by(view, vertex.id);
        for subtask in &vertex.subtasks {
            for hot in subtask.operators.iter().flat_map(OperatorView::hot_keys) {
                listing.push(vec![
                    json!(subtask_name(vertex.id, subtask.index)),
                    json!(vertex.name),
                    named(names.iter().map(String::as_str), &hot.key),
                    json!(hot.rows),
                    json!(hot.of),
                    percent(hot.rows, hot.of),
                ]);
            }
        }
    }
    listing
}

/// The columns that the rows of a vertex are dealt out by.
fn partitioned_by(view: &JobView, vertex: usize) -> &[String] {
    let hashed = view.edges.iter().filter(|edge| edge.to == vertex).find_map(|edge| match &edge.exchange {
        ExchangeView::Hash(columns) => Some(&columns[..]),
        ExchangeView::Forward
        | ExchangeView::Rebalance
        | ExchangeView::Rescale
        | ExchangeView::Broadcast
        | ExchangeView::Global => None,
    });
    hashed.unwrap_or_default()
}

/// Where state was read, for people; and for JSON, with the number of the checkpoint.
fn origin(origin: StateOrigin) -> [Value; 3] {
    match origin {
        StateOrigin::Live => [json!("live"), json!("live"), Value::Null],
        StateOrigin::Checkpoint(id) => [json!(format!("checkpoint {id}")), json!("checkpoint"), json!(id)],
    }
}
