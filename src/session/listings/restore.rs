//! The state that a job would start from.

use serde_json::{Value, json};

use crate::checkpoint::Fate;
use crate::runtime::DryRun;
use crate::session::{Column, Listing};

/// One row a state: what becomes of it when job `job` starts so. The note says whether the job would start, and if not
/// what there is to do.
#[must_use]
pub fn restore(run: &DryRun, job: &str) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("operator"),
            Column::text("state"),
            Column::number("rows"),
            Column::number("bytes"),
            Column::text("restore"),
        ],
        "no operator of the job keeps state, and there is no state to start from",
    );
    for state in &run.plan.states {
        let fate = match &state.fate {
            Fate::Taken(Some(stored)) => format!("taken, stored as {stored}"),
            Fate::Taken(None) | Fate::New | Fate::LeftOut | Fate::Refused { .. } => word(&state.fate).to_owned(),
        };
        let size = |of: fn(&crate::checkpoint::StateSize) -> u64| json!(state.size.as_ref().map(of));
        let (rows, bytes) = (size(|size| size.rows), size(|size| size.bytes));
        listing.push(vec![json!(state.operator), json!(state.state), rows, bytes, json!(fate)]);
    }
    listing.note = Some(match run.plan.check(&run.point, job) {
        Ok(()) => format!("job `{job}` would start from {}", run.point),
        Err(error) => error.to_string(),
    });
    listing
}

/// The same for programs.
#[must_use]
pub fn restore_json(run: &DryRun, job: &str) -> Value {
    let state = |state: &crate::checkpoint::StateFate| {
        let stored_as = if let Fate::Taken(Some(stored)) = &state.fate { Some(stored.as_str()) } else { None };
        let (differs, remedy) = match &state.fate {
            Fate::Refused { what, remedy } => (Some(what), Some(remedy)),
            Fate::Taken(_) | Fate::New | Fate::LeftOut => (None, None),
        };
        json!({
            "operator": state.operator,
            "state": state.state,
            "rows": state.size.map(|size| size.rows),
            "bytes": state.size.map(|size| size.bytes),
            "restore": word(&state.fate),
            "stored_as": stored_as,
            "differs": differs,
            "remedy": remedy,
        })
    };
    json!({
        "job": job,
        "from": run.point,
        "fits": run.plan.check(&run.point, job).is_ok(),
        "states": run.plan.states.iter().map(state).collect::<Vec<_>>(),
    })
}

const fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Taken(_) => "taken",
        Fate::New => "new, empty",
        Fate::LeftOut => "left out",
        Fate::Refused { .. } => "refused",
    }
}
