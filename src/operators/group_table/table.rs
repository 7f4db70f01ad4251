//! The table: typed ways in and out for one integer or one string key, row encoding for the rest.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_row::{RowConverter, SortField};
use arrow_schema::{DataType, TimeUnit};

use super::arena::Arena;
use super::int_probe::IntProbe;
use super::probe::{NONE, Probe};
use crate::types::key_group::hash_bytes;
use crate::types::{Error, Result};

/// The number that [`GroupTable::find`] gives for a key that has no group.
pub const NO_GROUP: u32 = NONE;

/// The distinct keys of an operator and their dense group numbers, from 0 in the order of their arrival. Null is a key
/// of its own. Floats come [canonical](crate::types::floats).
pub struct GroupTable {
    types: Vec<DataType>,
    keys: Keys,
    /// The group of the null key, where null is not part of the word.
    null: u32,
    /// Numbers that were handed out, free ones included.
    numbers: usize,
    free: Vec<u32>,
}

enum Keys {
    /// No key columns: one group.
    Unit,
    /// One integer, date or timestamp.
    Int { probe: IntProbe, held: Vec<i64> },
    /// One string.
    Text { probe: Probe, held: Arena },
    /// Anything else, row-encoded.
    Rows { converter: RowConverter, probe: Probe, rows: Arena },
}

impl fmt::Debug for GroupTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupTable({:?}, {} groups)", self.types, self.len())
    }
}

/// Runs `$body` with `$T` as the primitive type of an integer-like key.
macro_rules! int_type {
    ($ty:expr, $T:ident => $body:expr) => {{
        match $ty {
            DataType::Int8 => {
                type $T = Int8Type;
                $body
            }
            DataType::Int16 => {
                type $T = Int16Type;
                $body
            }
            DataType::Int32 => {
                type $T = Int32Type;
                $body
            }
            DataType::Date32 => {
                type $T = Date32Type;
                $body
            }
            DataType::Time32(TimeUnit::Millisecond) => {
                type $T = Time32MillisecondType;
                $body
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                type $T = TimestampMillisecondType;
                $body
            }
            _ => {
                type $T = Int64Type;
                $body
            }
        }
    }};
}

const fn is_int(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond)
            | DataType::Timestamp(TimeUnit::Millisecond, _)
    )
}

impl GroupTable {
    /// A table for keys of these types, with room for `groups`.
    ///
    /// # Errors
    /// When a type can't be a key.
    pub fn new(types: &[DataType], groups: usize) -> Result<Self> {
        let keys = match types {
            [] => Keys::Unit,
            [ty] if is_int(ty) => {
                Keys::Int { probe: IntProbe::with_capacity(groups), held: Vec::with_capacity(groups) }
            }
            [DataType::Utf8] => Keys::Text { probe: Probe::with_capacity(groups), held: Arena::default() },
            types => {
                let fields = types.iter().cloned().map(SortField::new).collect();
                let (converter, probe) = (RowConverter::new(fields)?, Probe::with_capacity(groups));
                Keys::Rows { converter, probe, rows: Arena::default() }
            }
        };
        Ok(Self { types: types.to_vec(), keys, null: NONE, numbers: 0, free: Vec::new() })
    }

    /// The number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers - self.free.len()
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One above the largest number in use: what accumulators make room for.
    #[must_use]
    pub const fn numbers(&self) -> usize {
        self.numbers
    }

    /// The numbers in use, ascending.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        let all = 0..index(self.numbers);
        if self.free.is_empty() {
            return all.collect();
        }
        let mut free = vec![false; self.numbers];
        for &group in &self.free {
            free[group as usize] = true;
        }
        all.filter(|&group| !free[group as usize]).collect()
    }

    /// The group of each of the `rows` rows of `keys`; a key that is new gets the next number.
    ///
    /// # Errors
    /// When the columns do not have the table's types.
    pub fn intern(&mut self, keys: &[ArrayRef], rows: usize, groups: &mut Vec<u32>) -> Result<()> {
        self.locate::<true>(keys, rows, groups)
    }

    /// The group of each of the keys of `other`, a table of the same types, that have numbers `range` there, without gaps; a
    /// key that is new gets the next number.
    ///
    /// # Errors
    /// When the keys can't be decoded: a defect of ours.
    pub fn intern_from(&mut self, other: &Self, range: Range<u32>, groups: &mut Vec<u32>) -> Result<()> {
        let (Keys::Int { probe, held }, Keys::Int { probe: their_probe, held: theirs }) = (&mut self.keys, &other.keys)
        else {
            let keys = other.keys(&range.clone().collect::<Vec<_>>())?;
            return self.intern(&keys, range.len(), groups);
        };
        if self.numbers == 0
            && other.free.is_empty()
            && range == (0..index(other.numbers))
            && probe.take_on(their_probe)
        {
            held.clear();
            held.extend_from_slice(theirs);
            (self.null, self.numbers) = (other.null, other.numbers);
            groups.clear();
            groups.extend(range);
            return Ok(());
        }
        let mut numbers = Numbers { next: &mut self.numbers, free: &mut self.free };
        let theirs = &theirs[range.start as usize..range.end as usize];
        groups.clear();
        groups.resize(theirs.len(), NONE);
        for (group, (&key, number)) in groups.iter_mut().zip(theirs.iter().zip(range)) {
            if number != other.null {
                *group = locate_int::<true>(key, probe, held, &mut numbers);
                continue;
            }
            if self.null == NONE {
                self.null = set(held, numbers.take(), 0);
            }
            *group = self.null;
        }
        Ok(())
    }

    /// The group of each row, [`NO_GROUP`] where the key has none.
    ///
    /// # Errors
    /// As [`Self::intern`].
    pub fn find(&mut self, keys: &[ArrayRef], rows: usize, groups: &mut Vec<u32>) -> Result<()> {
        self.locate::<false>(keys, rows, groups)
    }

    fn locate<const INSERT: bool>(&mut self, keys: &[ArrayRef], rows: usize, groups: &mut Vec<u32>) -> Result<()> {
        groups.clear();
        groups.reserve(rows);
        let mut numbers = Numbers { next: &mut self.numbers, free: &mut self.free };
        let null = &mut self.null;
        match &mut self.keys {
            Keys::Unit => {
                if INSERT && *null == NONE && rows > 0 {
                    *null = numbers.take();
                }
                groups.resize(rows, *null);
            }
            Keys::Int { probe, held } => {
                let column = key_column(keys, &self.types)?;
                int_type!(&self.types[0], T => {
                    locate_ints::<T, INSERT>(column.as_primitive::<T>(), probe, null, held, numbers, groups);
                });
            }
            Keys::Text { probe, held } => {
                let column = key_column(keys, &self.types)?.as_string::<i32>();
                for row in 0..column.len() {
                    groups.push(if column.is_null(row) {
                        if INSERT && *null == NONE {
                            *null = numbers.take();
                            held.set(*null, &[]);
                        }
                        *null
                    } else {
                        let text = column.value(row).as_bytes();
                        locate_bytes::<INSERT>(text, probe, held, &mut numbers)
                    });
                }
            }
            Keys::Rows { converter, probe, rows: held } => {
                for row in &converter.convert_columns(keys)? {
                    groups.push(locate_bytes::<INSERT>(row.as_ref(), probe, held, &mut numbers));
                }
            }
        }
        Ok(())
    }

    /// The keys of these groups.
    ///
    /// # Errors
    /// When they can't be decoded: a defect of ours.
    pub fn keys(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let null = self.null;
        let nulls = || {
            (null != NONE && groups.contains(&null))
                .then(|| groups.iter().map(|&group| group != null).collect::<NullBuffer>())
        };
        Ok(match &self.keys {
            Keys::Unit => Vec::new(),
            Keys::Int { held, .. } => {
                let ty = &self.types[0];
                vec![int_type!(ty, T => int_column::<T>(held, groups, nulls(), ty))]
            }
            Keys::Text { held, .. } => {
                let mut bytes = Vec::new();
                let mut offsets = Vec::with_capacity(groups.len() + 1);
                offsets.push(0_i32);
                for &group in groups {
                    bytes.extend_from_slice(held.get(group));
                    let end = i32::try_from(bytes.len()).map_err(|_| Error::state("keys of more than 2 GiB"))?;
                    offsets.push(end);
                }
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                vec![Arc::new(StringArray::try_new(offsets, Buffer::from(bytes), nulls())?)]
            }
            Keys::Rows { converter, rows, .. } => {
                let parser = converter.parser();
                converter.convert_rows(groups.iter().map(|&group| parser.parse(rows.get(group))))?
            }
        })
    }

    /// Forgets `group`; its number is used again.
    pub fn free(&mut self, group: u32) {
        match &mut self.keys {
            _ if group == self.null => self.null = NONE,
            Keys::Unit => {}
            Keys::Int { probe, held } => probe.remove(group, held),
            Keys::Text { probe, held } | Keys::Rows { probe, rows: held, .. } => {
                probe.remove(hash_bytes(held.get(group)), group);
                held.free(group);
            }
        }
        self.free.push(group);
    }

    /// Forgets these groups; their numbers are used again.
    pub fn free_all(&mut self, groups: &[u32]) {
        if let Keys::Int { probe, held } = &self.keys {
            probe.approach(groups, held);
        }
        for &group in groups {
            self.free(group);
        }
    }

    /// Makes room for `groups` groups, and no more than that.
    pub fn reserve(&mut self, groups: usize) {
        match &mut self.keys {
            Keys::Unit => {}
            Keys::Int { held, .. } => held.reserve_exact(groups.saturating_sub(held.len())),
            Keys::Text { held, .. } | Keys::Rows { rows: held, .. } => held.reserve(groups),
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let free = self.free.capacity() * size_of::<u32>();
        free + match &self.keys {
            Keys::Unit => 0,
            Keys::Int { probe, held } => held.capacity() * size_of::<i64>() + probe.bytes(),
            Keys::Text { probe, held } | Keys::Rows { probe, rows: held, .. } => held.bytes() + probe.bytes(),
        }
    }
}

/// More than four billion groups do not fit into memory.
fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

/// Hands out group numbers, freed ones first.
struct Numbers<'a> {
    next: &'a mut usize,
    free: &'a mut Vec<u32>,
}

impl Numbers<'_> {
    #[inline]
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            *self.next += 1;
            index(*self.next - 1)
        })
    }
}

fn locate_ints<T: ArrowPrimitiveType, const INSERT: bool>(
    column: &PrimitiveArray<T>,
    probe: &mut IntProbe,
    null: &mut u32,
    held: &mut Vec<i64>,
    mut numbers: Numbers<'_>,
    groups: &mut Vec<u32>,
) where
    T::Native: Into<i64>,
{
    if column.null_count() == 0 {
        // A plain loop: the state of a chain of adapters would be read anew from memory for every row.
        groups.resize(column.len(), NONE);
        for (group, &value) in groups.iter_mut().zip(column.values()) {
            *group = locate_int::<INSERT>(value.into(), probe, held, &mut numbers);
        }
        return;
    }
    for value in column {
        if let Some(value) = value {
            groups.push(locate_int::<INSERT>(value.into(), probe, held, &mut numbers));
        } else {
            if INSERT && *null == NONE {
                *null = set(held, numbers.take(), 0);
            }
            groups.push(*null);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the whole body of a loop that every keyed operator runs")]
fn locate_int<const INSERT: bool>(
    value: i64,
    probe: &mut IntProbe,
    held: &mut Vec<i64>,
    numbers: &mut Numbers<'_>,
) -> u32 {
    let (found, place) = probe.look(value, held);
    if INSERT && found == NONE { insert_int(value, place, probe, held, numbers) } else { found }
}

/// Apart from the search, which is a loop's whole body where keys are known.
#[inline(never)]
fn insert_int(value: i64, place: usize, probe: &mut IntProbe, held: &mut Vec<i64>, numbers: &mut Numbers<'_>) -> u32 {
    let group = set(held, numbers.take(), value);
    probe.put(place, group, held);
    group
}

fn set(held: &mut Vec<i64>, group: u32, value: i64) -> u32 {
    match held.get_mut(group as usize) {
        Some(old) => *old = value,
        None => held.push(value),
    }
    group
}

fn locate_bytes<const INSERT: bool>(
    value: &[u8],
    probe: &mut Probe,
    held: &mut Arena,
    numbers: &mut Numbers<'_>,
) -> u32 {
    let word = hash_bytes(value);
    let found = probe.find(word, |group| held.get(group) == value);
    if !INSERT || found != NONE {
        return found;
    }
    let group = numbers.take();
    held.set(group, value);
    probe.insert(word, group);
    group
}

fn key_column<'a>(keys: &'a [ArrayRef], types: &[DataType]) -> Result<&'a ArrayRef> {
    let column = keys.first().ok_or_else(|| Error::state("rows came without their key"))?;
    if *column.data_type() != types[0] {
        return Err(Error::state(format!("a key of type {} came as {}", types[0], column.data_type())));
    }
    Ok(column)
}

fn int_column<T: ArrowPrimitiveType>(held: &[i64], groups: &[u32], nulls: Option<NullBuffer>, ty: &DataType) -> ArrayRef
where
    T::Native: TryFrom<i64> + Default,
{
    // What is held came from a column of this type.
    let values = groups.iter().map(|&group| T::Native::try_from(held[group as usize]).unwrap_or_default()).collect();
    Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(ty.clone()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int64Array, TimestampMillisecondArray};

    use super::*;

    fn numbers(table: &mut GroupTable, keys: &[ArrayRef]) -> Vec<u32> {
        let mut groups = Vec::new();
        table.intern(keys, keys[0].len(), &mut groups).expect("keys fit");
        groups
    }

    #[test]
    fn keys_come_back_in_the_order_of_their_arrival() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(i64::MIN), Some(7), None, Some(0)]));
        let texts: ArrayRef =
            Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("a"), None, Some("a longer text")]));
        let times: ArrayRef = Arc::new(
            TimestampMillisecondArray::from(vec![Some(7), None, Some(-1), Some(7), None, Some(0)]).with_timezone("UTC"),
        );
        for keys in [vec![ints.clone()], vec![texts.clone()], vec![times.clone()], vec![ints, texts, times]] {
            let types: Vec<DataType> = keys.iter().map(|key| key.data_type().clone()).collect();
            let mut table = GroupTable::new(&types, 0).expect("types can be keys");
            assert_eq!(numbers(&mut table, &keys), [0, 1, 2, 0, 1, 3]);
            let back = table.keys(&[3, 0, 1]).expect("decodes");
            for (back, key) in back.iter().zip(&keys) {
                let wanted = arrow_select::take::take(key, &arrow_array::UInt32Array::from(vec![5, 0, 1]), None);
                assert_eq!(back.to_data(), wanted.expect("takes").to_data());
            }
        }
    }

    #[test]
    fn keys_of_another_table_are_found_as_those_of_columns() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(0), Some(9), Some(i64::MIN)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("b"), Some("c")]));
        for keys in [vec![ints.clone()], vec![texts.clone()], vec![ints, texts]] {
            let types: Vec<DataType> = keys.iter().map(|key| key.data_type().clone()).collect();
            let (mut table, mut other) = [0, 1].map(|_| GroupTable::new(&types, 0).expect("types can be keys")).into();
            let one: Vec<ArrayRef> = keys.iter().map(|key| key.slice(3, 1)).collect();
            assert_eq!(numbers(&mut other, &keys), [0, 1, 2, 3, 4]);
            assert_eq!(numbers(&mut table, &one), [0]);
            let mut groups = Vec::new();
            table.intern_from(&other, 1..5, &mut groups).expect("decodes");
            assert_eq!(groups, [1, 2, 0, 3]);
            table.intern_from(&other, 0..2, &mut groups).expect("decodes");
            assert_eq!(groups, [4, 1]);
            let mut copy = GroupTable::new(&types, 0).expect("types can be keys");
            copy.intern_from(&other, 0..5, &mut groups).expect("decodes");
            assert_eq!(groups, [0, 1, 2, 3, 4]);
            assert_eq!((numbers(&mut copy, &keys), copy.len()), (groups.clone(), 5));
            let all: Vec<u32> = (0..5).collect();
            for (back, key) in table.keys(&all).expect("decodes").iter().zip(&keys) {
                let wanted = arrow_select::take::take(key, &arrow_array::UInt32Array::from(vec![3, 1, 2, 4, 0]), None);
                assert_eq!(back.to_data(), wanted.expect("takes").to_data());
            }
        }
    }

    #[test]
    fn zeros_are_two_keys() {
        let keys: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::NAN, -0.0, f64::NAN, 1.0]));
        let mut table = GroupTable::new(&[DataType::Float64], 0).expect("floats can be keys");
        assert_eq!(numbers(&mut table, &[keys]), [0, 1, 2, 1, 3]);
    }

    #[test]
    fn a_freed_number_is_used_again() {
        for text in [false, true] {
            let key = |values: &[i64]| -> ArrayRef {
                if text {
                    Arc::new(StringArray::from(values.iter().map(|v| format!("key {v}")).collect::<Vec<_>>()))
                } else {
                    Arc::new(Int64Array::from(values.to_vec()))
                }
            };
            let mut table = GroupTable::new(&[key(&[]).data_type().clone()], 0).expect("can be a key");
            assert_eq!(numbers(&mut table, &[key(&[5, 6, 7])]), [0, 1, 2]);
            table.free(1);
            assert_eq!((table.len(), table.groups()), (2, vec![0, 2]));
            let mut groups = Vec::new();
            table.find(&[key(&[6, 7])], 2, &mut groups).expect("finds");
            assert_eq!(groups, [NO_GROUP, 2]);
            assert_eq!(numbers(&mut table, &[key(&[8, 5, 6])]), [1, 0, 3]);
            assert_eq!(table.keys(&[1]).expect("decodes")[0].to_data(), key(&[8]).to_data());
        }
    }
}
