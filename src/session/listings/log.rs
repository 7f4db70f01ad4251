//! The listing of what happened to a job.

use serde_json::json;

use super::time;
use crate::inspect::{JobView, Severity};
use crate::session::{Column, Listing};

/// The job's events, oldest first.
#[must_use]
pub fn log(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::number("sequence"),
            Column::time("time"),
            Column::text("severity"),
            Column::text("subject"),
            Column::text("message"),
            Column::text("row"),
        ],
        "nothing has happened yet",
    );
    for event in &view.events {
        listing.push(vec![
            json!(event.sequence),
            time(Some(event.at_ms)),
            json!(match event.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            }),
            json!(event.subject),
            json!(event.message),
            json!(event.row),
        ]);
    }
    // The first are forgotten when there are very many.
    listing.total = view.events.last().map(|last| last.sequence).or(Some(0));
    listing
}
