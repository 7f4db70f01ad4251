//! The values of one state by group, and of one variable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, ListArray, MapArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use crate::expr::rowwise::{Key, Scalar, Values};
use crate::types::{Error, LogicalType, Result};

/// The value of a map's entry, and when it was refreshed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: Scalar,
    pub(super) refreshed: i64,
}

pub(super) type Entries = BTreeMap<Key, Entry>;

/// Values of a type at places.
#[derive(Debug, Clone)]
pub(super) enum Slots {
    One(Values),
    /// Lists; an empty one is none.
    List(LogicalType, Vec<Values>),
    /// Maps; an empty one is none.
    Map(LogicalType, LogicalType, Vec<Entries>),
}

impl Slots {
    pub(super) fn new(ty: &LogicalType) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others are held as one")]
        match ty {
            LogicalType::Array(item) => Self::List((**item).clone(), Vec::new()),
            LogicalType::Map(key, value) if Key::can_be(key) => {
                Self::Map((**key).clone(), (**value).clone(), Vec::new())
            }
            ty => Self::One(Values::new(ty)),
        }
    }

    pub(super) fn resize(&mut self, len: usize) {
        match self {
            Self::One(values) => values.resize(len),
            Self::List(item, lists) => lists.resize_with(len, || Values::new(item)),
            Self::Map(_, _, maps) => maps.resize_with(len, Entries::new),
        }
    }

    pub(super) fn is_set(&self, at: usize) -> bool {
        match self {
            Self::One(values) => values.is_set(at),
            Self::List(_, lists) => lists.get(at).is_some_and(|list| !list.is_empty()),
            Self::Map(_, _, maps) => maps.get(at).is_some_and(|map| !map.is_empty()),
        }
    }

    /// Takes the value away.
    pub(super) fn clear(&mut self, at: usize) {
        match self {
            Self::One(values) => values.put(at, Scalar::Null),
            Self::List(item, lists) => lists[at] = Values::new(item),
            Self::Map(_, _, maps) => maps[at].clear(),
        }
    }

    pub(super) fn one(&self) -> Option<&Values> {
        if let Self::One(values) = self { Some(values) } else { None }
    }

    pub(super) fn list(&self, at: usize) -> Option<&Values> {
        if let Self::List(_, lists) = self { lists.get(at) } else { None }
    }

    pub(super) fn list_mut(&mut self, at: usize) -> Option<&mut Values> {
        if let Self::List(_, lists) = self { lists.get_mut(at) } else { None }
    }

    pub(super) fn map(&self, at: usize) -> Option<&Entries> {
        if let Self::Map(_, _, maps) = self { maps.get(at) } else { None }
    }

    pub(super) fn map_mut(&mut self, at: usize) -> Option<&mut Entries> {
        if let Self::Map(_, _, maps) = self { maps.get_mut(at) } else { None }
    }

    /// The value at `at` as a column of one row; `live` says which entries of a map still count.
    pub(super) fn array(&self, ty: &LogicalType, at: usize, live: &dyn Fn(&Entry) -> bool) -> Result<ArrayRef> {
        match self {
            Self::One(values) => values.array(ty, std::iter::once(at)),
            Self::List(item, lists) => {
                let items = lists.get(at).map_or_else(|| Values::new(item).whole(item), |list| list.whole(item))?;
                let DataType::List(field) = ty.to_arrow() else { return Err(Error::state("a list has another type")) };
                let offsets = OffsetBuffer::from_lengths([items.len()]);
                Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
            }
            Self::Map(key, value, maps) => {
                let (mut keys, mut values) = (Values::new(key), Values::new(value));
                for (key, entry) in maps.get(at).into_iter().flatten().filter(|(_, entry)| live(entry)) {
                    keys.push(key.scalar());
                    values.push(entry.value.clone());
                }
                let DataType::Map(field, sorted) = ty.to_arrow() else {
                    return Err(Error::state("a map has another type"));
                };
                let DataType::Struct(fields) = field.data_type() else {
                    return Err(Error::state("a map has another type"));
                };
                let offsets = OffsetBuffer::from_lengths([keys.len()]);
                let entries = StructArray::try_new(fields.clone(), vec![keys.whole(key)?, values.whole(value)?], None)?;
                Ok(Arc::new(MapArray::try_new(field, offsets, entries, None, sorted)?))
            }
        }
    }

    /// Sets the value at `at` to row `row` of a column.
    pub(super) fn take(&mut self, at: usize, column: &ArrayRef, row: usize, refreshed: i64) -> Result<()> {
        let wrong = || Error::state("a list or map has another type");
        match self {
            Self::One(Values::Any(values)) => values[at] = column.is_valid(row).then(|| column.slice(row, 1)),
            Self::One(_) => return Err(wrong()),
            Self::List(_, lists) if column.is_null(row) => lists[at].resize(0),
            Self::List(item, lists) => {
                let items = column.as_list_opt::<i32>().ok_or_else(wrong)?.value(row);
                lists[at] = Values::of(item, &items)?;
            }
            Self::Map(_, _, maps) if column.is_null(row) => maps[at].clear(),
            Self::Map(key, value, maps) => {
                let entries = column.as_map_opt().ok_or_else(wrong)?.value(row);
                let keys = Values::of(key, entries.column(0))?;
                let values = Values::of(value, entries.column(1))?;
                let entry = |at| Some((keys.get(at).key()?, Entry { value: values.get(at), refreshed }));
                maps[at] = (0..keys.len()).filter_map(entry).collect();
            }
        }
        Ok(())
    }

    /// The values at these places as columns: of maps none, whose entries are rows of their own.
    pub(super) fn column(&self, ty: &LogicalType, places: &[u32]) -> Result<ArrayRef> {
        match self {
            Self::One(values) => values.array(ty, places.iter().map(|&at| at as usize)),
            Self::List(..) | Self::Map(..) => {
                let rows =
                    places.iter().map(|&at| self.array(ty, at as usize, &|_| true)).collect::<Result<Vec<_>>>()?;
                let rows: Vec<&dyn Array> = rows.iter().map(AsRef::as_ref).collect();
                if rows.is_empty() {
                    return Ok(arrow_array::new_empty_array(&ty.to_arrow()));
                }
                Ok(arrow_select::concat::concat(&rows)?)
            }
        }
    }

    /// Bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One(values) => values.bytes(),
            Self::List(_, lists) => lists.iter().map(|list| size_of::<Values>() + list.bytes()).sum(),
            Self::Map(_, _, maps) => {
                let entries: usize = maps.iter().map(BTreeMap::len).sum();
                maps.capacity() * size_of::<Entries>() + entries * size_of::<(Key, Entry)>()
            }
        }
    }
}

/// Entries of maps as columns: the group of each, keys, values, and when each was refreshed.
#[derive(Debug)]
pub(super) struct EntryColumns {
    pub(super) groups: Vec<u32>,
    keys: Values,
    values: Values,
    refreshed: Vec<i64>,
    types: (LogicalType, LogicalType),
}

impl EntryColumns {
    pub(super) fn new(key: &LogicalType, value: &LogicalType) -> Self {
        let types = (key.clone(), value.clone());
        Self { groups: Vec::new(), keys: Values::new(key), values: Values::new(value), refreshed: Vec::new(), types }
    }

    pub(super) fn push(&mut self, group: u32, key: &Key, entry: Option<&Entry>) {
        self.groups.push(group);
        self.keys.push(key.scalar());
        self.values.push(entry.map_or(Scalar::Null, |entry| entry.value.clone()));
        self.refreshed.push(entry.map_or(0, |entry| entry.refreshed));
    }

    pub(super) fn keys(&self) -> Result<ArrayRef> {
        self.keys.whole(&self.types.0)
    }

    pub(super) fn values(&self, refreshed: bool) -> Result<Vec<ArrayRef>> {
        let mut values = vec![self.values.whole(&self.types.1)?];
        if refreshed {
            values.push(Arc::new(Int64Array::from(self.refreshed.clone())));
        }
        Ok(values)
    }
}

/// The entries of maps that changed since the last snapshot.
pub(super) type Changed = BTreeSet<(u32, Key)>;
