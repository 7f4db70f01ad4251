//! State that was stored, as a job takes it up: columns are found by name.

use arrow_array::{RecordBatch, RecordBatchOptions};

use super::{Namespace, StateDescriptor};
use crate::types::{Error, Field, OperatorUid, Result, Schema};

/// The way in which the rows of a stored state become those of the state that a job declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeUp {
    /// For each declared column its place among the stored ones.
    columns: Vec<usize>,
    /// The stored columns that nothing takes up.
    pub left_behind: Vec<String>,
}

/// The difference for which a stored state can't be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// The difference, as the end of a sentence about the state: "is of tumble(10s), not tumble(7s)".
    pub what: String,
    /// The way to have the state after all.
    pub remedy: &'static str,
}

impl Differs {
    /// The error of the state `name` of operator `uid`.
    #[must_use]
    pub fn error(&self, uid: &OperatorUid, name: &str) -> Error {
        Error::state(format!("state `{name}` of operator `{uid}` {}", self.what))
    }
}

impl StateDescriptor {
    /// The way in which a state declared so takes up what is stored of it.
    ///
    /// Keys must be the same columns in the same order, as the key groups hang on it. Value columns are matched by name,
    /// in any order; those of format version 1, whose names are positions, by position.
    ///
    /// # Errors
    /// When the keys differ, a column is missing or has another type, or the stored slices can't serve the declared
    /// windows: such state would be restored wrong.
    pub fn take_up(&self, stored: &Self) -> Result<TakeUp, Differs> {
        let refused = |what: String, remedy| Err(Differs { what, remedy });
        let (keys, values) = self.schema.fields().split_at(self.key_columns.min(self.schema.len()));
        let (stored_keys, stored_values) = stored.schema.fields().split_at(stored.key_columns.min(stored.schema.len()));
        if keys.len() != stored_keys.len() || !keys.iter().zip(stored_keys).all(|(a, b)| same(a, b)) {
            let [held, declared] = [stored_keys, keys].map(|keys| {
                Schema::new(keys.iter().map(|key| Field::new(key.name.clone(), key.ty.clone())).collect::<Vec<_>>())
            });
            return refused(
                format!("has the key {held}, not {declared}"),
                "keep the columns of the key and their order",
            );
        }
        if self.partition != stored.partition {
            let [held, declared] = [stored, self].map(|state| {
                let names = state.partition.iter().map(|&key| state.schema.fields()[key].name.as_str());
                names.collect::<Vec<_>>().join(", ")
            });
            return refused(
                format!("is partitioned by ({held}), not by ({declared})"),
                "keep the columns of `key_by` as they were",
            );
        }
        if let (Some(slices), Some(held)) = (&self.slices, &stored.slices)
            && let Err(reason) = slices.served_by(held)
        {
            let (found, declared) = (&held.window, &slices.window);
            return refused(format!("is of {found}, not {declared}: {reason}"), "keep the window");
        }
        let names = |name: &String, target: usize| Field { name: name.clone(), ..self.schema.fields()[target].clone() };
        let version_1: Vec<Field> = self.version_1.iter().map(|(name, target)| names(name, *target)).collect();
        if !version_1.is_empty()
            && version_1.len() == stored_values.len()
            && version_1.iter().zip(stored_values).all(|(a, b)| same(a, b))
        {
            let column = |target: usize| self.version_1.iter().position(|(_, taken_by)| *taken_by == target);
            let columns: Option<Vec<usize>> =
                (keys.len()..self.schema.len()).map(|target| Some(keys.len() + column(target)?)).collect();
            if let Some(columns) = columns {
                return Ok(TakeUp { columns: (0..keys.len()).chain(columns).collect(), left_behind: Vec::new() });
            }
        }
        let mut columns: Vec<usize> = (0..keys.len()).collect();
        for value in values {
            match stored_values.iter().position(|held| held.name == value.name) {
                Some(at) if stored_values[at].ty == value.ty => columns.push(keys.len() + at),
                Some(at) => {
                    let (name, held, declared) = (&value.name, &stored_values[at].ty, &value.ty);
                    return refused(
                        format!("has `{name}` as {held}, not {declared}"),
                        "cast it to the type that it had",
                    );
                }
                None => {
                    let held: Vec<_> = stored_values.iter().map(|held| format!("`{}`", held.name)).collect();
                    let held = if held.is_empty() { "nothing".to_owned() } else { held.join(", ") };
                    return refused(
                        format!("has no `{}`, but {held}", value.name),
                        "leave the new column out: the rows that it would have seen are gone",
                    );
                }
            }
        }
        let left = stored_values.iter().enumerate().filter(|(at, _)| !columns.contains(&(keys.len() + at)));
        let left_behind = left.map(|(_, field)| field.name.clone()).collect();
        Ok(TakeUp { columns, left_behind })
    }
}

impl TakeUp {
    /// Stored rows as the job declares them.
    ///
    /// # Errors
    /// When they are not of the stored columns.
    pub fn rows(&self, declared: &StateDescriptor, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|&column| rows.column(column).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(declared.schema.arrow().clone(), columns, &options)?)
    }
}

/// Refuses a namespace that no slice of the declared windows ends at. What version 1 stored does not say of which windows
/// it is, but where its slices end.
pub(super) fn check_namespace(declared: &StateDescriptor, namespace: Namespace) -> Result<()> {
    match &declared.slices {
        Some(slices) if !slices.can_end_at(namespace) => Err(Error::state(format!(
            "state `{}` has a slice that ends at {namespace} ms, where no slice of {} ends",
            declared.name, slices.window
        ))),
        _ => Ok(()),
    }
}

/// Whether a column is the same on disk: nullability is not kept with the values.
fn same(a: &Field, b: &Field) -> bool {
    a.name == b.name && a.ty == b.ty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Slices;
    use crate::types::{LogicalType, Schema};

    fn state(values: &[(&str, LogicalType)]) -> StateDescriptor {
        let keys = ["auction", "channel"].map(|name| Field::new(name, LogicalType::BigInt));
        let values = values.iter().map(|(name, ty)| Field::new(*name, ty.clone()));
        StateDescriptor::new("accumulators", Schema::new(keys.into_iter().chain(values).collect::<Vec<_>>()), 2)
    }

    fn taken(declared: &StateDescriptor, stored: &StateDescriptor) -> Result<TakeUp> {
        declared.take_up(stored).map_err(|differs| differs.error(&OperatorUid::new("window"), "accumulators"))
    }

    const BIGINT: LogicalType = LogicalType::BigInt;

    #[test]
    fn value_columns_are_found_by_name_in_any_order() {
        let stored = state(&[("count(*)", BIGINT), ("sum(price)", BIGINT), ("sum(price).count", BIGINT)]);
        let exchanged = state(&[("sum(price)", BIGINT), ("sum(price).count", BIGINT), ("count(*)", BIGINT)]);
        let found = taken(&exchanged, &stored).expect("the same columns");
        assert_eq!((found.columns, found.left_behind), (vec![0, 1, 3, 4, 2], Vec::new()));
        let fewer = taken(&state(&[("count(*)", BIGINT)]), &stored).expect("columns of it");
        assert_eq!(fewer.left_behind, ["sum(price)", "sum(price).count"]);
        let more = state(&[("count(*)", BIGINT), ("max(price)", BIGINT)]);
        insta::assert_snapshot!(taken(&more, &stored).expect_err("refused"), @"state `accumulators` of operator `window` has no `max(price)`, but `count(*)`, `sum(price)`, `sum(price).count`");
        let other = state(&[("count(*)", LogicalType::Double)]);
        insta::assert_snapshot!(taken(&other, &stored).expect_err("refused"), @"state `accumulators` of operator `window` has `count(*)` as bigint, not double");
    }

    #[test]
    fn keys_are_the_same_in_the_same_order_and_route_alike() {
        let stored = state(&[("count(*)", BIGINT)]);
        let mut exchanged = state(&[("count(*)", BIGINT)]);
        exchanged.schema = stored.schema.project(&[1, 0, 2]);
        insta::assert_snapshot!(taken(&exchanged, &stored).expect_err("refused"), @"state `accumulators` of operator `window` has the key (auction bigint, channel bigint), not (channel bigint, auction bigint)");
        let mut one = stored.clone();
        one.partition = vec![1];
        insta::assert_snapshot!(taken(&one, &stored).expect_err("refused"), @"state `accumulators` of operator `window` is partitioned by (auction, channel), not by (channel)");
    }

    #[test]
    fn columns_of_version_1_are_found_by_position() {
        let stored = state(&[("a0_sum", BIGINT), ("a0_count", BIGINT), ("a1_sum", BIGINT), ("a1_count", BIGINT)]);
        let mut declared = state(&[("sum(price)", BIGINT), ("sum(price).count", BIGINT)]);
        declared.version_1 =
            [("a0_sum", 2), ("a0_count", 3), ("a1_sum", 2), ("a1_count", 3)].map(|(n, at)| (n.to_owned(), at)).to_vec();
        let found = taken(&declared, &stored).expect("the same positions");
        assert_eq!((found.columns, found.left_behind), (vec![0, 1, 2, 3], Vec::new()));
        declared.version_1.truncate(2);
        assert!(taken(&declared, &stored).expect_err("fewer calls").to_string().contains("has no `sum(price)`"));
    }

    #[test]
    fn slices_of_other_windows_are_refused_and_a_grid_that_does_not_fit_is_seen_without_them() {
        let of = |size_ms: i64| {
            let window = format!("tumble({}s)", size_ms / 1_000);
            let slices = Slices { window, slice_ms: size_ms, offset_ms: 0, slide_ms: size_ms, size_ms };
            StateDescriptor { slices: Some(slices), ..state(&[("count(*)", BIGINT)]).in_namespaces("slice_end") }
        };
        taken(&of(1_000), &of(1_000)).expect("the same");
        insta::assert_snapshot!(taken(&of(2_000), &of(1_000)).expect_err("refused"), @"state `accumulators` of operator `window` is of tumble(1s), not tumble(2s): its slices of 1000 ms from 0 ms can't be cut into slices of 2000 ms from 0 ms");
        let version_1 = StateDescriptor { slices: None, ..of(1_000) };
        taken(&of(2_000), &version_1).expect("it does not say");
        check_namespace(&of(2_000), 4_000).expect("an end");
        insta::assert_snapshot!(check_namespace(&of(2_000), 5_000).expect_err("no end"), @"state `accumulators` has a slice that ends at 5000 ms, where no slice of tumble(2s) ends");
    }
}
