//! The decisions of a restore: which operator starts from which state, and all that does not fit.

use std::fmt::Write;

use crate::state::{Differs, OperatorStateDescriptor, OperatorStateDoc, StateDescriptor};
use crate::types::{Error, FormerUids, OperatorUid, Result, nearest, printable, wrapped};

/// The widest line of a table of what does not fit, in characters, where its names leave room.
const WIDTH: usize = 80;
/// The least width of the last column.
const LAST_WIDTH_MIN: usize = 36;
const ALLOW: &str = "`with (allow_non_restored_state = true)`";

/// An operator of the job that is started.
#[derive(Debug, Clone)]
pub struct JobOperator {
    /// The operator's uid.
    pub uid: OperatorUid,
    /// The names that its state may be stored under besides.
    pub former: FormerUids,
    /// The operator's name in `explain`.
    pub name: String,
    /// The operator's keyed states.
    pub states: Vec<StateDescriptor>,
    /// The states of its instances.
    pub operator_states: Vec<OperatorStateDescriptor>,
}

/// An operator as a snapshot has it.
#[derive(Debug, Clone)]
pub struct StoredOperator {
    /// The operator's uid.
    pub uid: OperatorUid,
    /// The operator's name in `explain`.
    pub name: String,
    /// Whether it has state that somebody would miss.
    pub stateful: bool,
    /// The operator's keyed states.
    pub states: Vec<StateDescriptor>,
    /// The states of its instances; format version 1 did not say.
    pub operator_states: Vec<OperatorStateDoc>,
}

/// The states of a job and of the snapshot that it starts from, and what becomes of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// By operator in the job's order, then those of the snapshot that the job does not have.
    pub states: Vec<StateFate>,
    /// The operators whose state is stored under another uid: theirs, and that one.
    pub renamed: Vec<(OperatorUid, OperatorUid)>,
}

/// One state, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFate {
    /// The uid of the operator: the job's, where it has one.
    pub operator: String,
    /// The state's name: `accumulators`; with a column of it, `accumulators: max(price)`.
    pub state: String,
    /// The entries that are stored of it, and their bytes, where that was asked for.
    pub size: Option<StateSize>,
    /// The fate.
    pub fate: Fate,
}

/// The size of a state in a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Its entries.
    pub rows: u64,
    /// The bytes that their values take in memory.
    pub bytes: u64,
}

/// The fate of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The operator goes on with it; the uid that it is stored under, where that is another.
    Taken(Option<OperatorUid>),
    /// The snapshot has none: the operator starts empty.
    New,
    /// Nothing takes it, as is allowed.
    LeftOut,
    /// The job can't start so.
    Refused {
        /// The difference, as the end of a sentence about the state.
        what: String,
        /// The way out.
        remedy: String,
    },
}

/// Matches the operators that have state in a snapshot with those of the job.
///
/// An operator finds its state by its uid. One whose uid was not typed finds it as well under the uid that earlier builds
/// made for its place; or, where only the sink of its pipeline is another, under the uid that it had then, if exactly one
/// state that nobody else takes fits exactly one such operator.
///
/// State that nothing in the job takes up is refused unless `allow_non_restored_state` (Flink's flag of that name): it is
/// more often a mistyped uid than intended; so is a column of a state that nothing takes up (an aggregate that is gone, or
/// that nobody reads any more). A state that lacks a column, or whose keys or windows have changed, is always refused. A
/// state or operator that the snapshot lacks starts empty.
#[must_use]
pub fn match_operators(
    snapshot: &[StoredOperator],
    job: &[JobOperator],
    allow_non_restored_state: bool,
) -> RestorePlan {
    let renamed = renamed(snapshot, job);
    let mut plan = RestorePlan { states: Vec::new(), renamed };
    let leave = |remedy: &str| {
        if allow_non_restored_state {
            return Fate::LeftOut;
        }
        let remedy = format!("{remedy}; or leave it out, {ALLOW}");
        Fate::Refused { what: "belongs to no operator of the job".to_owned(), remedy }
    };
    let mut empty = Vec::new();
    for operator in job {
        let other = plan.renamed.iter().find(|(uid, _)| *uid == operator.uid).map(|(_, stored)| stored.clone());
        let uid = other.as_ref().unwrap_or(&operator.uid);
        let stored = snapshot.iter().find(|stored| stored.uid == *uid && stored.stateful);
        if stored.is_none() && !(operator.states.is_empty() && operator.operator_states.is_empty()) {
            empty.push(operator);
        }
        let mut fate = |state: String, fate| {
            plan.states.push(StateFate { operator: operator.uid.to_string(), state, size: None, fate });
        };
        for state in &operator.states {
            let found = stored.and_then(|stored| stored.states.iter().find(|found| found.name == state.name));
            match found.map(|found| state.take_up(found)) {
                None => fate(state.name.to_owned(), Fate::New),
                Some(Ok(taken)) => {
                    fate(state.name.to_owned(), Fate::Taken(other.clone()));
                    for column in aggregates(&taken.left_behind) {
                        fate(format!("{}: {column}", state.name), leave("compute this column, and read it, as before"));
                    }
                }
                Some(Err(differs)) => fate(state.name.to_owned(), refused(differs)),
            }
        }
        for state in &operator.operator_states {
            let found = stored.and_then(|stored| stored.operator_states.iter().find(|found| found.name == state.name));
            let unknown = stored.is_some_and(|stored| stored.operator_states.is_empty());
            fate(
                state.name.to_owned(),
                match found {
                    Some(found) if found.redistribution != state.redistribution => {
                        let (held, declared) = (found.redistribution.as_str(), state.redistribution.as_str());
                        let what = format!("is redistributed by {held}, not by {declared}");
                        Fate::Refused { what, remedy: "use the stage that wrote it".to_owned() }
                    }
                    Some(_) => Fate::Taken(other.clone()),
                    None if unknown => Fate::Taken(other.clone()),
                    None => Fate::New,
                },
            );
        }
        let gone = stored.into_iter().flat_map(|stored| &stored.states);
        for gone in gone.filter(|stored| !operator.states.iter().any(|state| state.name == stored.name)) {
            fate(gone.name.to_owned(), leave("use the stage that wrote it"));
        }
    }
    let taken = |uid: &OperatorUid| {
        job.iter().any(|operator| operator.uid == *uid) || plan.renamed.iter().any(|(_, stored)| stored == uid)
    };
    let mut left = Vec::new();
    for stored in snapshot.iter().filter(|stored| stored.stateful && !taken(&stored.uid)) {
        let mut names: Vec<&str> = stored.states.iter().map(|state| state.name).collect();
        if names.is_empty() {
            names.push("of its instances");
        }
        let fate = leave(&way_back(stored, &empty));
        left.extend(names.iter().map(|&state| StateFate {
            operator: stored.uid.to_string(),
            state: state.to_owned(),
            size: None,
            fate: fate.clone(),
        }));
    }
    plan.states.append(&mut left);
    plan
}

impl RestorePlan {
    /// Puts the fate of a state that was found by another look in the place of what is known of it.
    pub fn refuse(&mut self, operator: &str, state: &str, what: String, remedy: &str) {
        let fate = Fate::Refused { what, remedy: remedy.to_owned() };
        let mut known = self.states.iter_mut();
        if let Some(known) = known.find(|known| known.operator == operator && known.state == state) {
            known.fate = fate;
        } else {
            let (operator, state) = (operator.to_owned(), state.to_owned());
            self.states.insert(0, StateFate { operator, state, size: None, fate });
        }
    }

    /// Refuses what does not fit, all of it at once; `point` is what the job `job` starts from, such as `checkpoint 7`.
    ///
    /// # Errors
    /// A table: operator, state, what differs, what to do.
    pub fn check(&self, point: &str, job: &str) -> Result<()> {
        let mut rows: Vec<(_, String, _, _)> = Vec::new();
        for state in &self.states {
            let Fate::Refused { what, remedy } = &state.fate else { continue };
            let [operator, name, what, remedy] =
                [&state.operator, &state.state, what, remedy].map(|text| printable(text));
            match rows.last_mut() {
                Some(row) if (&row.0, &row.2, &row.3) == (&operator, &what, &remedy) => {
                    row.1 = format!("{}, {name}", row.1);
                }
                _ => rows.push((operator, name.into_owned(), what, remedy)),
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let chars = |text: &str| text.chars().count();
        let first = rows.iter().map(|row| chars(&row.0)).max().unwrap_or(0).max("operator".len());
        let second = rows.iter().map(|row| chars(&row.1)).max().unwrap_or(0).max("state".len());
        let last = WIDTH.saturating_sub(first + second + 6).max(LAST_WIDTH_MIN);
        let mut text = format!("{} does not fit job `{}`; nothing was changed", printable(point), printable(job));
        let mut line = |a: &str, b: &str, c: &str| {
            let row = format!("  {a:first$}  {b:second$}  {c}");
            let _ = write!(text, "\n{}", row.trim_end());
        };
        line("operator", "state", "what differs, and what to do");
        for (operator, state, what, remedy) in rows {
            let (mut operator, mut state) = (&*operator, state.as_str());
            for part in wrapped(&what, last).into_iter().chain(wrapped(&format!("-> {remedy}"), last)) {
                line(std::mem::take(&mut operator), std::mem::take(&mut state), &part);
            }
        }
        Err(Error::Unfit(text))
    }
}

/// The uids under which the snapshot has the state of operators that it does not know by theirs.
fn renamed(snapshot: &[StoredOperator], job: &[JobOperator]) -> Vec<(OperatorUid, OperatorUid)> {
    let stored = |uid: &OperatorUid| snapshot.iter().any(|stored| stored.uid == *uid);
    let of_job = |uid: &OperatorUid| job.iter().any(|operator| operator.uid == *uid);
    let mut strangers: Vec<_> = job.iter().filter(|operator| !stored(&operator.uid)).collect();
    let placed = strangers.iter().filter_map(|operator| {
        let placed = operator.former.placed.as_ref().filter(|placed| stored(placed) && !of_job(placed))?;
        Some((operator.uid.clone(), placed.clone()))
    });
    let mut renamed: Vec<_> = placed.collect();
    let open = |stored: &&StoredOperator| {
        stored.stateful && !of_job(&stored.uid) && !renamed.iter().any(|(_, taken)| *taken == stored.uid)
    };
    let open: Vec<_> = snapshot.iter().filter(open).collect();
    strangers.retain(|operator| !renamed.iter().any(|(uid, _)| *uid == operator.uid));
    let pairs: Vec<_> = strangers
        .iter()
        .flat_map(|&operator| {
            open.iter().filter(|stored| stands_for(operator, stored)).map(move |&stored| (operator, stored))
        })
        .collect();
    for (operator, stored) in &pairs {
        let times =
            |same: &dyn Fn(&(&JobOperator, &StoredOperator)) -> bool| pairs.iter().filter(|pair| same(pair)).count();
        if times(&|pair| pair.0.uid == operator.uid) == 1 && times(&|pair| pair.1.uid == stored.uid) == 1 {
            renamed.push((operator.uid.clone(), stored.uid.clone()));
        }
    }
    renamed
}

/// Whether `stored` is the state that `operator` would have written in a pipeline with another sink, and all of it fits.
fn stands_for(operator: &JobOperator, stored: &StoredOperator) -> bool {
    let Some((start, end)) = &operator.former.around else { return false };
    let uid = stored.uid.as_str();
    let fits = |found: &StateDescriptor| {
        let declared = operator.states.iter().find(|state| state.name == found.name);
        declared.is_some_and(|state| state.take_up(found).is_ok_and(|taken| taken.left_behind.is_empty()))
    };
    operator.name == stored.name
        && uid.len() >= start.len() + end.len()
        && uid.starts_with(start.as_str())
        && uid.ends_with(end.as_str())
        && stored.states.iter().all(fits)
}

fn refused(differs: Differs) -> Fate {
    let remedy = format!("{}; or start empty, with another `uid` and {ALLOW}", differs.remedy);
    Fate::Refused { what: differs.what, remedy }
}

/// The columns that are not a part of another: the `sum(price)` of `sum(price)` and `sum(price).count`.
fn aggregates(columns: &[String]) -> impl Iterator<Item = &String> {
    let part = |column: &String| {
        columns.iter().any(|whole| column.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    columns.iter().filter(move |column| !part(column))
}

/// The way to have the state of `stored` taken, whose uid no operator has; `empty` have none. Each of its kind may be it.
fn way_back(stored: &StoredOperator, empty: &[&JobOperator]) -> String {
    let uid = stored.uid.as_str();
    if let Some(source) = uid.strip_suffix(".source") {
        return format!("read the source `{source}`");
    }
    if stored.name.ends_with("Sink") {
        return "write to the same sink".to_owned();
    }
    let alike = empty.iter().filter(|operator| operator.name == stored.name).map(|operator| operator.uid.as_str());
    let mut alike: Vec<&str> = alike.collect();
    if alike.is_empty() {
        alike.extend(nearest(uid, empty.iter().map(|operator| operator.uid.as_str())));
    }
    let now: Vec<String> = alike.iter().map(|uid| format!("`{uid}`")).collect();
    let now = if now.is_empty() { String::new() } else { format!(" (now {}?)", now.join(" or ")) };
    format!("`| uid '{uid}'` behind the stage that it belongs to{now}")
}

#[cfg(test)]
mod tests;
