//! Keyed state read for people, by running operators and from checkpoints alike.

use std::collections::BinaryHeap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Scalar, StringArray, new_null_array};
use arrow_ord::cmp::eq;
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use crate::inspect::{KeyGroupView, StateColumn, StateEntryView, StateOrigin, StateQuery, StateView};
use crate::state::{Namespace, StateDescriptor};
use crate::types::{Cells, Result, key_group};

/// Entries shown at most, whatever a query asks for: an operator stands still while it is read.
const SHOWN_MAX: usize = 10_000;

/// Reads one keyed state: counts all entries, keeps the first that were asked for.
#[derive(Debug)]
pub struct StateReader {
    descriptor: StateDescriptor,
    max_parallelism: u16,
    limit: usize,
    search: Option<String>,
    /// By key column; `None` when the query names a column that this state's key does not have.
    keys: Option<Vec<(usize, String)>>,
    converter: Option<RowConverter>,
    entries: u64,
    matching: u64,
    rows: Vec<Ordered>,
    /// Entries and bytes by key group.
    groups: Vec<(u64, u64)>,
}

/// The entries read of one keyed state in one place.
#[derive(Debug, Clone)]
pub struct StateRead {
    descriptor: StateDescriptor,
    limit: usize,
    entries: u64,
    matching: u64,
    rows: Vec<Ordered>,
    groups: Vec<(u64, u64)>,
}

/// An entry with its place in the order of namespaces and keys.
#[derive(Debug, Clone)]
struct Ordered {
    order: Vec<u8>,
    entry: StateEntryView,
}

impl StateReader {
    /// A reader of the state of `descriptor`; `None` when the query is for another one.
    ///
    /// # Errors
    /// When the key's type can't be ordered.
    pub fn new(query: &StateQuery, descriptor: StateDescriptor, max_parallelism: u16) -> Result<Option<Self>> {
        if query.state.as_ref().is_some_and(|wanted| wanted != descriptor.name) {
            return Ok(None);
        }
        let keys = descriptor.key_schema();
        let fields: Vec<SortField> =
            keys.arrow().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        Ok(Some(Self {
            limit: query.limit.min(SHOWN_MAX),
            search: query.search.as_ref().filter(|text| !text.is_empty()).map(|text| text.to_lowercase()),
            keys: query.keys.iter().map(|(name, value)| Some((keys.index_of(name)?, value.clone()))).collect(),
            converter: if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) },
            entries: 0,
            matching: 0,
            rows: Vec::new(),
            groups: vec![(0, 0); usize::from(max_parallelism)],
            descriptor,
            max_parallelism,
        }))
    }

    /// Takes in the entries of `namespace`: `rows` keys, which hold `bytes` with their values. `values` gives the value
    /// columns of the entries at some positions; it is asked for few.
    ///
    /// # Errors
    /// When columns do not have the descriptor's types, or `values` fails.
    pub fn add(
        &mut self,
        namespace: Namespace,
        keys: &[ArrayRef],
        rows: usize,
        bytes: u64,
        values: &mut dyn FnMut(&[u32]) -> Result<Vec<ArrayRef>>,
    ) -> Result<()> {
        let hashes = self.hashes(keys, rows)?;
        let mut counts = vec![0_u64; self.groups.len()];
        for &hash in &hashes {
            counts[usize::from(key_group::key_group(hash, self.max_parallelism))] += 1;
        }
        let each = bytes / (rows as u64).max(1);
        for (group, count) in self.groups.iter_mut().zip(counts) {
            group.0 += count;
            group.1 += count * each;
        }
        self.entries += rows as u64;
        let matching = self.matching(keys, rows)?;
        self.matching += matching.as_ref().map_or(rows, Vec::len) as u64;
        let chosen = self.first(namespace, keys, rows, matching.as_deref())?;
        if chosen.is_empty() {
            return Ok(());
        }
        let indices: Vec<u32> = chosen.iter().map(|(_, row)| *row).collect();
        let take = arrow_array::UInt32Array::from(indices.clone());
        let mut columns =
            keys.iter().map(|key| arrow_select::take::take(key, &take, None)).collect::<Result<Vec<_>, _>>()?;
        columns.extend(values(&indices)?);
        let cells = Cells::new(&columns);
        for (at, (order, row)) in chosen.into_iter().enumerate() {
            let entry = StateEntryView {
                namespace: self.descriptor.namespace.map(|_| namespace),
                key_group: key_group::key_group(hashes[row as usize], self.max_parallelism),
                values: cells.row(at),
            };
            self.rows.push(Ordered { order, entry });
        }
        first_of(&mut self.rows, self.limit);
        Ok(())
    }

    /// The one key that is asked for and its key group; `None` when there may be several. Where its entries are looked up
    /// by it, no others need to be added.
    ///
    /// # Errors
    /// When the key's type can't be hashed.
    pub fn key(&self) -> Result<Option<(u16, Vec<ArrayRef>)>> {
        let (Some(wanted), None, 1..) = (&self.keys, &self.search, self.descriptor.key_columns) else {
            return Ok(None);
        };
        let schema = self.descriptor.key_schema();
        let columns = schema.arrow().fields().iter().enumerate().map(|(index, field)| {
            let (_, text) = wanted.iter().find(|(column, _)| *column == index)?;
            parse(text, field.data_type())
        });
        let Some(key) = columns.collect::<Option<Vec<ArrayRef>>>() else { return Ok(None) };
        let hashes = self.hashes(&key, 1)?;
        Ok(Some((key_group::key_group(hashes[0], self.max_parallelism), key)))
    }

    /// The hashes that `rows` keys are filed under.
    fn hashes(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u64>> {
        let routing: Vec<ArrayRef> = self.descriptor.partition.iter().map(|&key| keys[key].clone()).collect();
        let mut hashes = Vec::new();
        key_group::hash_keys(&routing, &mut hashes)?;
        // Without a key there is one entry, in group 0.
        hashes.resize(rows, 0);
        Ok(hashes)
    }

    /// The entries that were read.
    #[must_use]
    pub fn finish(self) -> StateRead {
        let Self { descriptor, limit, entries, matching, rows, groups, .. } = self;
        StateRead { descriptor, limit, entries, matching, rows, groups }
    }

    /// The entries that are asked for; `None` for all.
    fn matching(&self, keys: &[ArrayRef], rows: usize) -> Result<Option<Vec<u32>>> {
        let Some(wanted) = &self.keys else { return Ok(Some(Vec::new())) };
        let mut matching: Option<Vec<u32>> = None;
        for (column, value) in wanted {
            let Some(key) = keys.get(*column) else { return Ok(Some(Vec::new())) };
            let equal = equal(key, value)?;
            let is_equal = |row: u32| equal.is_valid(row as usize) && equal.value(row as usize);
            matching = Some(match matching {
                Some(rows) => rows.into_iter().filter(|&row| is_equal(row)).collect(),
                None => (0..index(rows)).filter(|&row| is_equal(row)).collect(),
            });
        }
        let Some(needle) = &self.search else { return Ok(matching) };
        let mut found = vec![false; rows];
        for key in keys {
            search(key, needle, &mut found);
        }
        let rows = matching.unwrap_or_else(|| (0..index(rows)).collect());
        Ok(Some(rows.into_iter().filter(|&row| found[row as usize]).collect()))
    }

    /// The first of `matching` in order, as many as could be shown, each with its place in the order.
    fn first(
        &self,
        namespace: Namespace,
        keys: &[ArrayRef],
        rows: usize,
        matching: Option<&[u32]>,
    ) -> Result<Vec<(Vec<u8>, u32)>> {
        let prefix = (namespace ^ i64::MIN).to_be_bytes().to_vec();
        if self.limit == 0 || matching.is_some_and(<[u32]>::is_empty) {
            return Ok(Vec::new());
        }
        let Some(converter) = &self.converter else {
            return Ok(if rows > 0 { vec![(prefix, 0)] } else { Vec::new() });
        };
        let last = self.rows.last().filter(|_| self.rows.len() >= self.limit).map(|last| last.order.as_slice());
        if last.is_some_and(|last| last < prefix.as_slice() && !last.starts_with(&prefix)) {
            return Ok(Vec::new());
        }
        // Few of many: only those are put in order.
        let picked = match matching {
            Some(rows) => {
                let take = arrow_array::UInt32Array::from(rows.to_vec());
                keys.iter().map(|key| arrow_select::take::take(key, &take, None)).collect::<Result<Vec<_>, _>>()?
            }
            None => keys.to_vec(),
        };
        let encoded = converter.convert_columns(&picked)?;
        let mut heap: BinaryHeap<(&[u8], u32)> = BinaryHeap::with_capacity(self.limit.min(encoded.num_rows()) + 1);
        for (row, key) in (0_u32..).zip(encoded.iter()) {
            if heap.len() < self.limit {
                heap.push((key.data(), row));
            } else if heap.peek().is_some_and(|(largest, _)| key.data() < *largest) {
                heap.pop();
                heap.push((key.data(), row));
            }
        }
        let place = |(key, row): (&[u8], u32)| {
            let order = [prefix.as_slice(), key].concat();
            (order, matching.map_or(row, |rows| rows[row as usize]))
        };
        Ok(heap.into_sorted_vec().into_iter().map(place).collect())
    }
}

impl StateRead {
    /// One view of what several instances of the operator `(uid, name)` read of one state; `owner` is the subtask that
    /// holds a key group.
    #[must_use]
    pub fn view(
        reads: Vec<Self>,
        (uid, name): (&str, &str),
        origin: StateOrigin,
        owner: &dyn Fn(u16) -> usize,
    ) -> Option<StateView> {
        let mut reads = reads.into_iter();
        let mut all = reads.next()?;
        for read in reads {
            all.entries += read.entries;
            all.matching += read.matching;
            all.rows.extend(read.rows);
            for (group, other) in all.groups.iter_mut().zip(read.groups) {
                group.0 += other.0;
                group.1 += other.1;
            }
        }
        first_of(&mut all.rows, all.limit);
        let columns = all.descriptor.schema.fields().iter().enumerate().map(|(index, field)| StateColumn {
            name: field.name.clone(),
            ty: field.ty.to_string(),
            key: index < all.descriptor.key_columns,
        });
        let groups = (0_u16..).zip(&all.groups).filter(|(_, (entries, _))| *entries > 0);
        let groups = groups.map(|(key_group, &(entries, bytes))| {
            let subtask = owner(key_group);
            KeyGroupView { key_group, subtask, entries, bytes }
        });
        Some(StateView {
            operator: uid.to_owned(),
            name: name.to_owned(),
            state: all.descriptor.name.to_owned(),
            origin,
            columns: columns.collect(),
            namespace: all.descriptor.namespace.map(str::to_owned),
            entries: all.entries,
            matching: all.matching,
            key_groups: groups.collect(),
            rows: all.rows.into_iter().map(|ordered| ordered.entry).collect(),
        })
    }

    /// The state's name.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        self.descriptor.name
    }
}

fn first_of(rows: &mut Vec<Ordered>, limit: usize) {
    rows.sort_by(|a, b| a.order.cmp(&b.order));
    rows.truncate(limit);
}

/// Whether `text` names the null of a type.
fn names_null(text: &str, ty: &DataType) -> bool {
    text.eq_ignore_ascii_case("null") && *ty != DataType::Utf8
}

/// The value of type `ty` that `text` names, a column of one row; `None` when it names none.
fn parse(text: &str, ty: &DataType) -> Option<ArrayRef> {
    if names_null(text, ty) {
        return Some(new_null_array(ty, 1));
    }
    let value: ArrayRef = std::sync::Arc::new(StringArray::from(vec![text]));
    arrow_cast::cast(&value, ty).ok().filter(|value| value.is_valid(0))
}

/// The mask of the rows where `key` is the value that `text` names in its type.
fn equal(key: &ArrayRef, text: &str) -> Result<BooleanArray> {
    if names_null(text, key.data_type()) {
        return Ok(arrow_arith::boolean::is_null(key.as_ref())?);
    }
    let value: ArrayRef = std::sync::Arc::new(StringArray::from(vec![text]));
    let nothing = || BooleanArray::from(vec![false; key.len()]);
    match arrow_cast::cast(&value, key.data_type()) {
        Ok(value) if value.is_null(0) => Ok(nothing()),
        Ok(value) => Ok(eq(key, &Scalar::new(value))?),
        Err(_) => {
            // A nested type: by its text.
            let column = [key.clone()];
            let cells = Cells::new(&column);
            Ok((0..key.len()).map(|row| Some(cells.text(row, 0) == text)).collect())
        }
    }
}

/// Marks the rows whose text contains `needle`, which is in lower case.
fn search(key: &ArrayRef, needle: &str, found: &mut [bool]) {
    let digits = needle.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let mut buffer = itoa::Buffer::new();
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type goes through its text")]
    match key.data_type() {
        DataType::Int64 | DataType::Int32 if !digits => {}
        DataType::Int64 => {
            let column = key.as_primitive::<Int64Type>();
            for (row, value) in column.iter().enumerate() {
                found[row] |= value.is_some_and(|value| contains(buffer.format(value).as_bytes(), needle.as_bytes()));
            }
        }
        DataType::Int32 => {
            let column = key.as_primitive::<Int32Type>();
            for (row, value) in column.iter().enumerate() {
                found[row] |= value.is_some_and(|value| contains(buffer.format(value).as_bytes(), needle.as_bytes()));
            }
        }
        DataType::Utf8 => {
            for (row, text) in key.as_string::<i32>().iter().enumerate() {
                found[row] |= text.is_some_and(|text| {
                    if needle.is_ascii() {
                        contains(text.as_bytes(), needle.as_bytes())
                    } else {
                        text.to_lowercase().contains(needle)
                    }
                });
            }
        }
        _ => {
            let column = [key.clone()];
            let cells = Cells::new(&column);
            for (row, found) in found.iter_mut().enumerate() {
                *found |= cells.text(row, 0).to_lowercase().contains(needle);
            }
        }
    }
}

/// Whether `needle`, ASCII in lower case, stands in `text` in any case.
fn contains(text: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    let Some(last) = text.len().checked_sub(needle.len()) else { return false };
    (0..=last)
        .any(|at| text[at].to_ascii_lowercase() == *first && text[at + 1..=at + rest.len()].eq_ignore_ascii_case(rest))
}

/// A row, as arrow's `take` counts.
fn index(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;

    use super::*;
    use crate::types::{Field, LogicalType, Schema};

    fn descriptor() -> StateDescriptor {
        let schema = Schema::new([
            Field::new("auction", LogicalType::BigInt),
            Field::new("channel", LogicalType::String),
            Field::new("n", LogicalType::BigInt),
        ]);
        StateDescriptor::new("accumulators", schema, 2).in_namespaces("slice_end")
    }

    /// Auctions descending from `top`, in the namespaces 20 then 10; the value is a tenth of the auction.
    fn read(query: &StateQuery, top: i64) -> StateView {
        let mut reader = StateReader::new(query, descriptor(), 128).expect("ordered").expect("this state");
        for namespace in [20, 10] {
            let auctions: Int64Array = (1..=top).rev().map(|v| (v != 3).then_some(v)).collect();
            let channels = StringArray::from_iter_values((1..=top).rev().map(|v| format!("Ch{}", v % 2)));
            let keys: Vec<ArrayRef> = vec![Arc::new(auctions.clone()), Arc::new(channels)];
            let mut values = |rows: &[u32]| -> Result<Vec<ArrayRef>> {
                let of =
                    rows.iter().map(|&row| auctions.is_valid(row as usize).then(|| auctions.value(row as usize) / 10));
                Ok(vec![Arc::new(of.collect::<Int64Array>())])
            };
            reader.add(namespace, &keys, keys[0].len(), 1_000, &mut values).expect("fits");
        }
        let name = ("agg", "WindowAggregate");
        StateRead::view(vec![reader.finish()], name, StateOrigin::Live, &|group| usize::from(group) % 2).expect("one")
    }

    fn shown(view: &StateView) -> Vec<String> {
        view.rows.iter().map(|row| format!("{:?} {}", row.namespace, row.values.join(" "))).collect()
    }

    #[test]
    fn the_first_come_in_order_of_namespace_and_key_and_all_are_counted() {
        let view = read(&StateQuery { limit: 3, ..StateQuery::default() }, 100);
        assert_eq!((view.entries, view.matching), (200, 200));
        assert_eq!(shown(&view), ["Some(10) NULL Ch1 NULL", "Some(10) 1 Ch1 0", "Some(10) 2 Ch0 0"]);
        assert_eq!(view.key_groups.iter().map(|group| group.entries).sum::<u64>(), 200);
        assert!(view.key_groups.is_sorted_by_key(|group| group.key_group));
        let kinds: Vec<_> = view.columns.iter().map(|column| (column.name.as_str(), column.key)).collect();
        assert_eq!(kinds, [("auction", true), ("channel", true), ("n", false)]);
    }

    #[test]
    fn keys_are_looked_up_by_type_and_searched_by_text() {
        let keys = |pairs: &[(&str, &str)]| StateQuery {
            keys: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            limit: 10,
            ..StateQuery::default()
        };
        assert_eq!(shown(&read(&keys(&[("auction", "42")]), 100)), ["Some(10) 42 Ch0 4", "Some(20) 42 Ch0 4"]);
        assert_eq!(read(&keys(&[("Auction", "042"), ("channel", "Ch1")]), 100).matching, 0);
        assert_eq!(read(&keys(&[("auction", "null")]), 100).matching, 2);
        assert_eq!(read(&keys(&[("auction", "x")]), 100).matching, 0);
        assert_eq!(read(&keys(&[("n", "4")]), 100).matching, 0, "not a key column");
        let search = |text: &str| {
            read(&StateQuery { search: Some(text.to_owned()), limit: 1, ..StateQuery::default() }, 100).matching
        };
        // 7, 17, …, 97 and 70 … 79, in two namespaces.
        assert_eq!(search("7"), 38);
        assert_eq!(search("cH1"), 100);
        assert_eq!(search("nothing"), 0);
    }

    #[test]
    fn another_state_is_not_read() {
        let query = StateQuery { state: Some("timers".to_owned()), ..StateQuery::default() };
        assert!(StateReader::new(&query, descriptor(), 128).expect("ordered").is_none());
    }
}
