//! The table that a changelog describes, for whoever shows it or checks it.

use std::collections::{BTreeMap, HashMap};

use super::RowKind;

/// The rows that are valid after the changes so far, as text. A row that is updated stays where it stood; a new one comes
/// last. Memory is that of the rows that are valid.
#[derive(Debug, Default)]
pub struct ChangelogTable {
    /// The columns of which one row is valid at a time; without them a row counts as often as it was given.
    key: Option<Vec<usize>>,
    /// The place of each key, or of each row.
    places: HashMap<Vec<String>, u64>,
    /// The rows by their places, each with how often it is there.
    rows: BTreeMap<u64, (Vec<String>, u64)>,
    next: u64,
    count: u64,
    /// The place of the row that the last change took back to give another (`-U`).
    vacated: Option<u64>,
}

impl ChangelogTable {
    /// An empty table. Without a key (`None`) every change takes back what it replaces; a key of no columns is that of a
    /// table with one row.
    #[must_use]
    pub fn new(key: Option<Vec<usize>>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Applies one change. Whether it fits: a row that is taken back was there.
    pub fn apply(&mut self, kind: RowKind, row: Vec<String>) -> bool {
        let vacated = self.vacated.take();
        let named = self.name(&row);
        let place = self.places.get(&named).copied();
        if kind.adds() {
            match place.and_then(|place| self.rows.get_mut(&place)) {
                Some(held) if self.key.is_some() => held.0 = row,
                Some((_, times)) => {
                    *times += 1;
                    self.count += 1;
                }
                None => {
                    let place = vacated.filter(|_| kind == RowKind::UpdateAfter).unwrap_or_else(|| {
                        self.next += 1;
                        self.next
                    });
                    self.places.insert(named, place);
                    self.rows.insert(place, (row, 1));
                    self.count += 1;
                }
            }
            return true;
        }
        let Some(place) = place else { return false };
        let gone = self.rows.get_mut(&place).is_none_or(|(_, times)| {
            *times -= 1;
            *times == 0
        });
        self.count -= 1;
        if gone {
            self.rows.remove(&place);
            self.places.remove(&named);
            self.vacated = (kind == RowKind::UpdateBefore).then_some(place);
        }
        true
    }

    /// The number of rows.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows, each as often as it is there.
    pub fn rows(&self) -> impl Iterator<Item = &[String]> {
        self.rows
            .values()
            .flat_map(|(row, times)| std::iter::repeat_n(&row[..], usize::try_from(*times).unwrap_or(usize::MAX)))
    }

    fn name(&self, row: &[String]) -> Vec<String> {
        match &self.key {
            Some(key) => key.iter().filter_map(|&column| row.get(column).cloned()).collect(),
            None => row.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

    fn shown(table: &ChangelogTable) -> Vec<String> {
        table.rows().map(|row| row.join("|")).collect()
    }

    fn row(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_row_of_a_key_is_replaced_where_it_stands() {
        for with_before in [false, true] {
            let mut table = ChangelogTable::new(Some(vec![0]));
            table.apply(Insert, row("a|1"));
            table.apply(Insert, row("b|1"));
            if with_before {
                assert!(table.apply(UpdateBefore, row("a|1")));
                assert_eq!(shown(&table), ["b|1"], "a change that a filter has cut in two");
            }
            table.apply(UpdateAfter, row("a|2"));
            assert_eq!(shown(&table), ["a|2", "b|1"]);
            assert!(table.apply(Delete, row("a|2")));
            assert!(!table.apply(Delete, row("a|2")), "it has gone");
            table.apply(Insert, row("a|3"));
            assert_eq!((shown(&table), table.len()), (vec!["b|1".to_owned(), "a|3".to_owned()], 2));
        }
    }

    #[test]
    fn rows_without_a_key_count_as_often_as_they_were_given() {
        let mut table = ChangelogTable::new(None);
        for _ in 0..2 {
            table.apply(Insert, row("x"));
        }
        table.apply(Insert, row("y"));
        assert!(table.apply(UpdateBefore, row("x")));
        table.apply(UpdateAfter, row("z"));
        assert_eq!((shown(&table), table.len()), (row("x|y|z"), 3));
        assert!(table.apply(UpdateBefore, row("y")));
        table.apply(UpdateAfter, row("v"));
        assert_eq!(shown(&table), ["x", "v", "z"], "in its place");
        assert!(!table.apply(Delete, row("y")));
    }

    #[test]
    fn a_key_of_no_columns_has_one_row() {
        let mut table = ChangelogTable::new(Some(Vec::new()));
        for n in 0..3 {
            table.apply(UpdateAfter, row(&n.to_string()));
        }
        assert_eq!(shown(&table), ["2"]);
    }
}
