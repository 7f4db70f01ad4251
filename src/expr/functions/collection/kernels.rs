//! The kernels of collection functions. Items are chosen by their numbers and taken once, whatever their type.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array, cast::AsArray, new_empty_array};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_ord::ord::make_comparator;
use arrow_row::{RowConverter, SortField};
use arrow_schema::{DataType, SortOptions};
use arrow_select::concat::concat as concat_arrays;
use arrow_select::interleave::interleave;
use arrow_select::take::take;
use hashbrown::HashSet;

use crate::expr::functions::args::Args;
use crate::expr::functions::lists::{Comparator, ListChooser, Lists, comparator, find};
use crate::expr::kernels::Longs;
use crate::expr::value::{Value, mistyped};
use crate::types::floats::canonical_column;
use crate::types::{LogicalType, Result};

type Output = Result<ArrayRef>;

/// The values of some arguments, row by row: row 0 of each, row 1 of each, …
fn interleaved(values: &[&Value], rows: usize) -> Output {
    let arrays: Vec<&dyn Array> = values.iter().map(|value| value.data().as_ref()).collect();
    let mut places = Vec::with_capacity(rows * arrays.len());
    for row in 0..rows {
        places.extend(values.iter().enumerate().map(|(i, value)| (i, if value.is_scalar() { 0 } else { row })));
    }
    Ok(interleave(&arrays, &places)?)
}

fn even_offsets(rows: usize, length: usize) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths(std::iter::repeat_n(length, rows))
}

pub(super) fn array(args: &mut Args<'_>) -> Output {
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "array")) };
    let values: Vec<&Value> = args.values.iter().collect();
    let items = if values.is_empty() { new_empty_array(field.data_type()) } else { interleaved(&values, args.rows)? };
    Ok(Arc::new(ListArray::try_new(field, even_offsets(args.rows, values.len()), items, None)?))
}

/// Entries of a map in each row, chosen of `keys` and `values`: of those with one key the last stays. `None` is null.
fn maps(
    args: &mut Args<'_>,
    keys: &ArrayRef,
    values: &ArrayRef,
    rows: impl Iterator<Item = Option<Vec<usize>>>,
) -> Output {
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let encoded = converter.convert_columns(&[canonical_column(keys)])?;
    let mut chosen = Vec::with_capacity(keys.len());
    let mut lengths = Vec::with_capacity(args.rows);
    let mut nulls = NullBufferBuilder::new(args.rows);
    let mut behind = HashSet::new();
    for (row, entries) in rows.enumerate() {
        let before = chosen.len();
        nulls.append(entries.is_some());
        behind.clear();
        for entry in entries.unwrap_or_default().into_iter().rev() {
            if keys.is_null(entry) {
                args.failures.push((row, "a key of a map can't be null".to_owned()));
            } else if behind.insert(encoded.row(entry)) {
                chosen.push(u32::try_from(entry).unwrap_or(0));
            }
        }
        chosen[before..].reverse();
        lengths.push(chosen.len() - before);
    }
    let chosen = UInt32Array::from(chosen);
    let DataType::Map(field, sorted) = args.ty.to_arrow() else { return Err(mistyped(keys, "map")) };
    let DataType::Struct(fields) = field.data_type() else { return Err(mistyped(keys, "map")) };
    let columns = vec![take(keys, &chosen, None)?, take(values, &chosen, None)?];
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(field, offsets, entries, nulls.finish(), sorted)?))
}

pub(super) fn map(args: &mut Args<'_>) -> Output {
    let (keys, values): (Vec<&Value>, Vec<&Value>) =
        args.values.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).unzip();
    let width = keys.len();
    let keys = interleaved(&keys, args.rows)?;
    let values = interleaved(&values, args.rows)?;
    let rows = args.rows;
    maps(args, &keys, &values, (0..rows).map(|row| Some((row * width..(row + 1) * width).collect())))
}

/// A map argument.
struct Maps<'a> {
    map: &'a MapArray,
    scalar: bool,
}

impl<'a> Maps<'a> {
    fn new(args: &Args<'a>, i: usize) -> Result<Self> {
        let value: &'a Value = &args.values[i];
        let map = value.data().as_map_opt().ok_or_else(|| mistyped(value.data(), "map"))?;
        Ok(Self { map, scalar: value.is_scalar() })
    }

    /// The numbers of a row's entries, unless the map is null.
    fn get(&self, row: usize) -> Option<Range<usize>> {
        let row = if self.scalar { 0 } else { row };
        let offsets = self.map.value_offsets();
        let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
        self.map.is_valid(row).then(|| place(offsets[row])..place(offsets[row + 1]))
    }
}

pub(super) fn map_entries(args: &mut Args<'_>) -> Output {
    let data = args.values[0].data();
    let map: &MapArray = data.as_map_opt().ok_or_else(|| mistyped(data, "map"))?;
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(data, "array")) };
    let DataType::Struct(fields) = field.data_type() else { return Err(mistyped(data, "row")) };
    let entries = StructArray::try_new(fields.clone(), vec![map.keys().clone(), map.values().clone()], None)?;
    Ok(Arc::new(ListArray::try_new(field, map.offsets().clone(), Arc::new(entries), map.nulls().cloned())?))
}

pub(super) fn map_from_arrays(args: &mut Args<'_>) -> Output {
    let (keys, values) = (Lists::new(args, 0)?, Lists::new(args, 1)?);
    // Pairs are taken out of both, so that one number means a key and its value.
    let (mut key_at, mut value_at) = (Vec::new(), Vec::new());
    let mut rows = Vec::with_capacity(args.rows);
    for row in 0..args.rows {
        let (Some(keys), Some(values)) = (keys.get(row), values.get(row)) else {
            rows.push(None);
            continue;
        };
        if keys.len() != values.len() {
            args.failures.push((row, format!("a map of {} keys and {} values", keys.len(), values.len())));
        }
        let first = key_at.len();
        for (key, value) in keys.zip(values) {
            key_at.push(u32::try_from(key).unwrap_or(0));
            value_at.push(u32::try_from(value).unwrap_or(0));
        }
        rows.push(Some((first..key_at.len()).collect()));
    }
    let keys = take(keys.items(), &UInt32Array::from(key_at), None)?;
    let values = take(values.items(), &UInt32Array::from(value_at), None)?;
    maps(args, &keys, &values, rows.into_iter())
}

pub(super) fn map_union(args: &mut Args<'_>) -> Output {
    let parts = (0..args.count()).map(|i| Maps::new(args, i)).collect::<Result<Vec<_>>>()?;
    let (keys, starts) = pooled(&parts.iter().map(|part| part.map.keys()).collect::<Vec<_>>())?;
    let (values, _) = pooled(&parts.iter().map(|part| part.map.values()).collect::<Vec<_>>())?;
    let union = |row: usize| -> Option<Vec<usize>> {
        let mut all = Vec::new();
        for (start, part) in starts.iter().zip(&parts) {
            all.extend(part.get(row)?.map(|entry| start + entry));
        }
        Some(all)
    };
    let rows: Vec<_> = (0..args.rows).map(union).collect();
    maps(args, &keys, &values, rows.into_iter())
}

pub(super) fn row(args: &mut Args<'_>) -> Output {
    let DataType::Struct(fields) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "row")) };
    let columns = args.values.iter().map(|value| value.clone().into_array(args.rows)).collect::<Result<_>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields, columns, None, args.rows)?))
}

pub(super) fn item(args: &mut Args<'_>) -> Output {
    if let LogicalType::Map(key, _) = &args.types[0] {
        return map_item(args, key);
    }
    let lists = Lists::new(args, 0)?;
    if args.types[1] == LogicalType::Null {
        return Ok(arrow_array::new_null_array(&args.ty.to_arrow(), args.rows));
    }
    let index = Longs::new(&args.values[1])?;
    let nulls = args.values[1].data().nulls();
    let chosen: UInt32Array = (0..args.rows)
        .map(|row| {
            let range = lists.get(row)?;
            if nulls.is_some_and(|nulls| nulls.is_null(args.place(1, row))) {
                return None;
            }
            let item = range.start.checked_add(usize::try_from(index.get(row) - 1).ok()?)?;
            u32::try_from(item).ok().filter(|_| item < range.end)
        })
        .collect();
    Ok(take(lists.items(), &chosen, None)?)
}

fn map_item(args: &Args<'_>, key: &LogicalType) -> Output {
    let map = args.values[0].data();
    let map: &MapArray = map.as_map_opt().ok_or_else(|| mistyped(map, "map"))?;
    let wanted = &args.values[1];
    let wanted = crate::expr::cast::between(wanted.data(), &args.types[1], key)?;
    let same = comparator(map.keys(), &wanted)?;
    let offsets = map.value_offsets();
    let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
    let chosen: UInt32Array = (0..args.rows)
        .map(|row| {
            let (row, wanted) = (args.place(0, row), args.place(1, row));
            if map.is_null(row) {
                return None;
            }
            let entries = place(offsets[row])..place(offsets[row + 1]);
            u32::try_from(find(&same, entries, wanted)?).ok()
        })
        .collect();
    Ok(take(map.values(), &chosen, None)?)
}

pub(super) fn cardinality(args: &mut Args<'_>) -> Output {
    let data = args.values[0].data();
    let (offsets, nulls) = match (data.as_list_opt::<i32>(), data.as_map_opt()) {
        (Some(list), _) => (list.offsets(), list.nulls()),
        (None, Some(map)) => (map.offsets(), map.nulls()),
        (None, None) => return Err(mistyped(data, "a collection")),
    };
    args.numbers::<Int32Type>(|row| {
        let row = args.place(0, row);
        nulls.is_none_or(|nulls| nulls.is_valid(row)).then(|| offsets[row + 1] - offsets[row])
    })
}

pub(super) fn element(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    let mut failures = Vec::new();
    let chosen: UInt32Array = (0..args.rows)
        .map(|row| {
            let range = lists.get(row)?;
            if range.len() > 1 {
                failures.push((row, "`element` takes an array of at most one item".to_owned()));
            }
            if range.len() == 1 { u32::try_from(range.start).ok() } else { None }
        })
        .collect();
    args.failures.extend(failures);
    Ok(take(lists.items(), &chosen, None)?)
}

/// Calls `f` with each array, the place of each value, and how they compare.
fn with_needle<T>(
    args: &Args<'_>,
    mut f: impl FnMut(std::ops::Range<usize>, usize, &Comparator) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let lists = Lists::new(args, 0)?;
    let same = comparator(lists.items(), args.values[1].data())?;
    Ok((0..args.rows).map(|row| f(lists.get(row)?, args.place(1, row), &same)).collect())
}

pub(super) fn contains(args: &mut Args<'_>) -> Output {
    let found = with_needle(args, |range, value, same| Some(find(same, range, value).is_some()))?;
    args.booleans(|row| found[row])
}

pub(super) fn position(args: &mut Args<'_>) -> Output {
    let needles = args.values[1].data();
    let found = with_needle(args, |range, value, same| {
        if needles.is_null(value) {
            return None;
        }
        let start = range.start;
        Some(find(same, range, value).map_or(0, |item| item - start + 1))
    })?;
    args.numbers::<Int32Type>(|row| i32::try_from(found[row]?).ok())
}

/// The items of several columns behind each other, and where each column's begin.
fn pooled(columns: &[&ArrayRef]) -> Result<(ArrayRef, Vec<usize>)> {
    let arrays: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
    let starts = columns.iter().scan(0, |start, column| {
        let at = *start;
        *start += column.len();
        Some(at)
    });
    Ok((concat_arrays(&arrays)?, starts.collect()))
}

pub(super) fn append(args: &mut Args<'_>) -> Output {
    extended(args, false)
}

pub(super) fn prepend(args: &mut Args<'_>) -> Output {
    extended(args, true)
}

fn extended(args: &Args<'_>, before: bool) -> Output {
    let lists = Lists::new(args, 0)?;
    let (items, starts) = pooled(&[lists.items(), args.values[1].data()])?;
    let mut chooser = ListChooser::new(args.rows);
    for row in 0..args.rows {
        let Some(range) = lists.get(row) else {
            chooser.end(false);
            continue;
        };
        let value = starts[1] + args.place(1, row);
        if before {
            chooser.push(value);
        }
        range.for_each(|item| chooser.push(item));
        if !before {
            chooser.push(value);
        }
        chooser.end(true);
    }
    chooser.finish(&items, args.ty)
}

pub(super) fn remove(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    let same = comparator(lists.items(), args.values[1].data())?;
    chosen_from(args, &lists, |row, range, chooser| {
        let value = args.place(1, row);
        range.filter(|&item| same(item, value) != Some(Ordering::Equal)).for_each(|item| chooser.push(item));
    })
}

/// One array a row out of that row's items.
fn chosen_from(
    args: &Args<'_>,
    lists: &Lists<'_>,
    mut f: impl FnMut(usize, std::ops::Range<usize>, &mut ListChooser),
) -> Output {
    let mut chooser = ListChooser::new(args.rows);
    for row in 0..args.rows {
        let range = lists.get(row);
        let is_valid = range.is_some();
        if let Some(range) = range {
            f(row, range, &mut chooser);
        }
        chooser.end(is_valid);
    }
    chooser.finish(lists.items(), args.ty)
}

pub(super) fn concat(args: &mut Args<'_>) -> Output {
    let lists = (0..args.count()).map(|i| Lists::new(args, i)).collect::<Result<Vec<_>>>()?;
    let (items, starts) = pooled(&lists.iter().map(Lists::items).collect::<Vec<_>>())?;
    let mut chooser = ListChooser::new(args.rows);
    for row in 0..args.rows {
        let ranges: Option<Vec<_>> = lists.iter().map(|list| list.get(row)).collect();
        let is_valid = ranges.is_some();
        for (start, range) in starts.iter().zip(ranges.unwrap_or_default()) {
            range.for_each(|item| chooser.push(start + item));
        }
        chooser.end(is_valid);
    }
    chooser.finish(&items, args.ty)
}

/// The items of two arrays that are kept: `(in the first, in the second)` of an item met for the first time.
fn set_operation(args: &Args<'_>, both_sides: bool, keep: fn(bool) -> bool) -> Output {
    let (left, right) = (Lists::new(args, 0)?, Lists::new(args, 1)?);
    let (items, starts) = pooled(&[left.items(), right.items()])?;
    let same = comparator(&items, &items)?;
    let mut chooser = ListChooser::new(args.rows);
    let mut met: Vec<usize> = Vec::new();
    for row in 0..args.rows {
        let (Some(left), Some(right)) = (left.get(row), right.get(row)) else {
            chooser.end(false);
            continue;
        };
        let right = starts[1] + right.start..starts[1] + right.end;
        met.clear();
        let candidates = left.chain(if both_sides { right.clone() } else { 0..0 });
        for item in candidates {
            let wanted = both_sides || keep(find(&same, right.clone(), item).is_some());
            if wanted && !met.iter().any(|&other| same(other, item) == Some(Ordering::Equal)) {
                met.push(item);
                chooser.push(item);
            }
        }
        chooser.end(true);
    }
    chooser.finish(&items, args.ty)
}

pub(super) fn union(args: &mut Args<'_>) -> Output {
    set_operation(args, true, |_| true)
}

pub(super) fn except(args: &mut Args<'_>) -> Output {
    set_operation(args, false, |in_second| !in_second)
}

pub(super) fn intersect(args: &mut Args<'_>) -> Output {
    set_operation(args, false, |in_second| in_second)
}

pub(super) fn distinct(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    let same = comparator(lists.items(), lists.items())?;
    chosen_from(args, &lists, |_, range, chooser| {
        for item in range.clone() {
            if find(&same, range.start..item, item).is_none() {
                chooser.push(item);
            }
        }
    })
}

pub(super) fn reverse(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    chosen_from(args, &lists, |_, range, chooser| range.rev().for_each(|item| chooser.push(item)))
}

pub(super) fn sort(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    let flag = |i: usize| -> Result<Option<Value>> { Ok(args.values.get(i).cloned()) };
    let (ascending, nulls_first) = (flag(1)?, flag(2)?);
    let read = |value: &Option<Value>, i: usize, row: usize| -> Result<Option<bool>> {
        let Some(value) = value else { return Ok(None) };
        let bits = value.as_boolean()?;
        let place = args.place(i, row);
        Ok(bits.is_valid(place).then(|| bits.value(place)))
    };
    let items = canonical_column(lists.items());
    let mut comparators = Vec::with_capacity(4);
    for options in 0..4 {
        let options = SortOptions { descending: options & 1 != 0, nulls_first: options & 2 != 0 };
        comparators.push(make_comparator(&items, &items, options)?);
    }
    let mut chooser = ListChooser::new(args.rows);
    for row in 0..args.rows {
        let ascending = if ascending.is_some() { read(&ascending, 1, row)? } else { Some(true) };
        let first = if nulls_first.is_some() { read(&nulls_first, 2, row)? } else { ascending };
        let (Some(range), Some(ascending), Some(first)) = (lists.get(row), ascending, first) else {
            chooser.end(false);
            continue;
        };
        let compare = &comparators[usize::from(!ascending) + 2 * usize::from(first)];
        let mut order: Vec<usize> = range.collect();
        order.sort_by(|&a, &b| compare(a, b));
        for item in order {
            chooser.push(item);
        }
        chooser.end(true);
    }
    chooser.finish(&items, args.ty)
}

pub(super) fn slice(args: &mut Args<'_>) -> Output {
    let lists = Lists::new(args, 0)?;
    let start = args.int(1)?;
    let end = args.optional(2, Args::int)?;
    let mut chooser = ListChooser::new(args.rows);
    for row in 0..args.rows {
        let end = match &end {
            Some(end) => end.get(row),
            None => Some(-1),
        };
        let (Some(range), Some(start), Some(end)) = (lists.get(row), start.get(row), end) else {
            chooser.end(false);
            continue;
        };
        let length = i64::try_from(range.len()).unwrap_or(i64::MAX);
        // From 1; 0 is the first as well, and negative counts from the end.
        let place = |at: i32| if at < 0 { length + i64::from(at) + 1 } else { i64::from(at) };
        let (from, to) = (place(start).max(1), place(end).min(length));
        for at in from..=to {
            chooser.push(range.start + usize::try_from(at - 1).unwrap_or(0));
        }
        chooser.end(true);
    }
    chooser.finish(lists.items(), args.ty)
}

pub(super) fn max(args: &mut Args<'_>) -> Output {
    extreme(args, Ordering::Greater)
}

pub(super) fn min(args: &mut Args<'_>) -> Output {
    extreme(args, Ordering::Less)
}

fn extreme(args: &Args<'_>, wanted: Ordering) -> Output {
    let lists = Lists::new(args, 0)?;
    let items = lists.items();
    let compare = comparator(items, items)?;
    let better = |best: usize, item: usize| if compare(item, best) == Some(wanted) { item } else { best };
    let chosen: UInt32Array = (0..args.rows)
        .map(|row| {
            let best = lists.get(row)?.filter(|&item| items.is_valid(item)).reduce(better)?;
            u32::try_from(best).ok()
        })
        .collect();
    Ok(take(items, &chosen, None)?)
}

pub(super) fn join(args: &mut Args<'_>) -> Output {
    let (lists, separator) = (Lists::new(args, 0)?, args.text(1)?);
    let replacement = args.optional(2, Args::text)?;
    let items = lists.items().as_string_opt::<i32>();
    args.strings(|row, out| {
        let (range, separator) = (lists.get(row)?, separator.get(row)?);
        let replacement = match &replacement {
            Some(replacement) => Some(replacement.get(row)?),
            None => None,
        };
        let item = |item: usize| items.filter(|items| items.is_valid(item)).map(|items| items.value(item));
        for (i, text) in range.filter_map(|at| item(at).or(replacement)).enumerate() {
            if i > 0 {
                out.push_str(separator);
            }
            out.push_str(text);
        }
        Some(())
    })
}

pub(super) fn split(args: &mut Args<'_>) -> Output {
    let (text, separator) = (args.text(0)?, args.text(1)?);
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "array")) };
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..args.rows {
        let (Some(text), Some(separator)) = (text.get(row), separator.get(row)) else {
            builder.append(false);
            continue;
        };
        if separator.is_empty() {
            for c in text.chars() {
                builder.values().append_value(c.encode_utf8(&mut [0; 4]));
            }
        } else if !text.is_empty() {
            text.split(separator).for_each(|part| builder.values().append_value(part));
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn map_keys(args: &mut Args<'_>) -> Output {
    part_of_map(args, |map| map.keys().clone())
}

pub(super) fn map_values(args: &mut Args<'_>) -> Output {
    part_of_map(args, |map| map.values().clone())
}

fn part_of_map(args: &Args<'_>, part: fn(&MapArray) -> ArrayRef) -> Output {
    let data = args.values[0].data();
    let map: &MapArray = data.as_map_opt().ok_or_else(|| mistyped(data, "map"))?;
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(data, "map")) };
    Ok(Arc::new(ListArray::try_new(field, map.offsets().clone(), part(map), map.nulls().cloned())?))
}
