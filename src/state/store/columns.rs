//! Columns as bytes. Smaller and simpler than Arrow's IPC messages, whose metadata would outweigh the few rows that a
//! key group changes between two checkpoints.
//!
//! A column of `n` rows: a byte of flags; the validity bitmap, if the lowest says so; then the values: fixed-width values as
//! they lie in memory (little-endian), booleans as a bitmap, strings, bytes, arrays and maps as `n` end offsets (u32) and
//! their content, rows as their fields, nulls as nothing. Whole numbers of eight bytes whose differences need fewer are
//! stored as the least of them, then what each is above it ("frame of reference" of Goldstein, Ramakrishnan and Shaft,
//! "Compressing Relations and Indexes", 1998); the flags then say in how many bytes. In blocks of formats 1 and 2 none are.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field};

use crate::types::{Error, Result};

/// A validity bitmap follows.
const NULLS: u8 = 1;
/// Values are stored as what they are above the least: the flags over it are one more than the bytes of each.
const ABOVE: u32 = 1;

/// Reads what was written, never past its end.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| Error::state("a block is cut short"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn rows(&mut self) -> Result<usize> {
        self.u32().map(|rows| rows as usize)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// `length` as it is written.
pub(super) fn length(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| Error::state("one key group's part of a namespace is over 4 GiB"))
}

/// Appends `column`.
pub(super) fn encode(column: &dyn Array, out: &mut Vec<u8>) -> Result<()> {
    let words = words(column.data_type()).then(|| column.to_data());
    let words = words.as_ref().and_then(Words::new);
    let flags = words.as_ref().map_or(0, |words| (words.width + 1) << ABOVE);
    match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => {
            out.push(flags | NULLS);
            bits(nulls.inner(), out);
        }
        None => out.push(flags),
    }
    if let Some(words) = words {
        words.encode(out);
        return Ok(());
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not nested or of variable length has a fixed width")]
    match column.data_type() {
        DataType::Null => {}
        DataType::Boolean => bits(column.as_boolean().values(), out),
        DataType::Utf8 => {
            let text = column.as_string::<i32>();
            let (start, end) = ends(text.value_offsets(), out);
            out.extend_from_slice(&text.value_data()[start..end]);
        }
        DataType::Binary => {
            let bytes = column.as_binary::<i32>();
            let (start, end) = ends(bytes.value_offsets(), out);
            out.extend_from_slice(&bytes.value_data()[start..end]);
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let (start, end) = ends(list.value_offsets(), out);
            encode(&*list.values().slice(start, end - start), out)?;
        }
        DataType::Map(..) => {
            let map = column.as_map();
            let (start, end) = ends(map.value_offsets(), out);
            encode(&map.entries().slice(start, end - start), out)?;
        }
        DataType::Struct(_) => {
            for field in column.as_struct().columns() {
                encode(&**field, out)?;
            }
        }
        other => {
            let width = fixed_width(other)?;
            let data = column.to_data();
            let values = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
            let start = data.offset() * width;
            out.extend_from_slice(&values[start..start + data.len() * width]);
        }
    }
    Ok(())
}

/// Whether values are whole numbers of eight bytes.
const fn words(ty: &DataType) -> bool {
    matches!(ty, DataType::Int64 | DataType::Timestamp(..) | DataType::Duration(_) | DataType::Time64(_))
}

/// Whole numbers that need less than eight bytes each.
struct Words<'a> {
    values: &'a [[u8; 8]],
    least: i64,
    /// Bytes that what each is above the least fits: 0, 1, 2 or 4.
    width: u8,
}

impl<'a> Words<'a> {
    /// `None` when as many bytes are as good.
    fn new(column: &'a ArrayData) -> Option<Self> {
        let values = column.buffers().first()?.as_slice().as_chunks::<8>().0;
        let words = values.get(column.offset()..column.offset() + column.len())?;
        let all = || words.iter().map(|&word| i64::from_le_bytes(word));
        let (least, most) = (all().min()?, all().max()?);
        let width = match most.wrapping_sub(least).cast_unsigned() {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => return None,
        };
        (words.len() * usize::from(8 - width) > size_of::<i64>()).then_some(Self { values: words, least, width })
    }

    #[expect(clippy::cast_possible_truncation, reason = "none is further above the least than fits")]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.least.to_le_bytes());
        let above = self.values.iter().map(|&word| i64::from_le_bytes(word).wrapping_sub(self.least).cast_unsigned());
        let from = out.len();
        out.resize(from + self.values.len() * usize::from(self.width), 0);
        let to = &mut out[from..];
        match self.width {
            0 => {}
            1 => to.iter_mut().zip(above).for_each(|(to, above)| *to = above as u8),
            2 => {
                let to = to.as_chunks_mut::<2>().0;
                to.iter_mut().zip(above).for_each(|(to, above)| *to = (above as u16).to_le_bytes());
            }
            _ => {
                let to = to.as_chunks_mut::<4>().0;
                to.iter_mut().zip(above).for_each(|(to, above)| *to = (above as u32).to_le_bytes());
            }
        }
    }

    /// Values `range` of so many that [`encode`](Self::encode) wrote, `width` bytes each.
    fn decode(rows: usize, range: &Range<usize>, width: u8, from: &mut Reader<'_>) -> Result<Buffer> {
        let least = i64::from_le_bytes(from.array()?);
        let bytes = usize::from(width);
        let stored = from.take(bytes.checked_mul(rows).ok_or_else(cut_short)?)?;
        let stored = part(stored, &(range.start * bytes..range.end * bytes))?;
        let at = |above: u64| least.wrapping_add(above.cast_signed());
        let values: Vec<i64> = match width {
            0 => vec![least; range.len()],
            1 => stored.iter().map(|&above| at(above.into())).collect(),
            2 => stored.as_chunks::<2>().0.iter().map(|&above| at(u16::from_le_bytes(above).into())).collect(),
            4 => stored.as_chunks::<4>().0.iter().map(|&above| at(u32::from_le_bytes(above).into())).collect(),
            _ => return Err(Error::state("a block has values of no known width")),
        };
        Ok(Buffer::from_vec(values))
    }
}

/// A bitmap, its unused last bits 0.
fn bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(&bits.sliced().as_slice()[..bits.len().div_ceil(8)]);
    let used = bits.len() % 8;
    if let (1.., Some(last)) = (used, out[from..].last_mut()) {
        *last &= (1 << used) - 1;
    }
}

/// End offsets counted from the first start; returns where the content starts and ends.
fn ends(offsets: &[i32], out: &mut Vec<u8>) -> (usize, usize) {
    let at = |offset: i32| usize::try_from(offset).unwrap_or(0);
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return (0, 0);
    };
    out.reserve((offsets.len() - 1) * 4);
    for offset in &offsets[1..] {
        out.extend_from_slice(&(offset - first).to_le_bytes());
    }
    (at(first), at(last))
}

fn fixed_width(ty: &DataType) -> Result<usize> {
    ty.primitive_width().ok_or_else(|| Error::state(format!("a value of type {ty} can't be kept as state")))
}

/// Rows `range` of the next column, which is of type `ty` and has so many rows. The others are passed over.
pub(super) fn decode(ty: &DataType, rows: usize, range: &Range<usize>, from: &mut Reader<'_>) -> Result<ArrayRef> {
    let flags = from.u8()?;
    let nulls = (flags & NULLS != 0).then(|| read_bits(rows, range, from)).transpose()?.map(NullBuffer::new);
    let above = (flags >> ABOVE).checked_sub(1);
    if above.is_some() && !words(ty) {
        return Err(Error::state(format!("a block has values of type {ty} in a way that only numbers are stored")));
    }
    let data = ArrayData::builder(ty.clone()).len(range.len()).nulls(nulls.clone());
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not nested or of variable length has a fixed width")]
    let data = match ty {
        DataType::Null => ArrayData::builder(ty.clone()).len(range.len()),
        DataType::Boolean => return Ok(Arc::new(BooleanArray::new(read_bits(rows, range, from)?, nulls))),
        DataType::Utf8 | DataType::Binary => {
            let Offsets { own, content, range } = offsets(rows, range, from)?;
            data.add_buffer(own).add_buffer(Buffer::from(part(from.take(content)?, &range)?))
        }
        DataType::List(item) | DataType::Map(item, _) => {
            let Offsets { own, content, range } = offsets(rows, range, from)?;
            data.add_buffer(own).add_child_data(child(item, content, &range, from)?)
        }
        DataType::Struct(fields) => {
            let children = fields.iter().map(|field| child(field, rows, range, from)).collect::<Result<Vec<_>>>()?;
            data.child_data(children)
        }
        _ if let Some(width) = above => data.add_buffer(Words::decode(rows, range, width, from)?),
        other => {
            let width = fixed_width(other)?;
            let values = from.take(width.checked_mul(rows).ok_or_else(cut_short)?)?;
            data.add_buffer(Buffer::from(part(values, &(range.start * width..range.end * width))?))
        }
    };
    // Validated by Arrow: offsets within the content and ascending, text UTF-8.
    let data = data.build().map_err(|error| Error::state(format!("a block does not fit its type {ty}: {error}")))?;
    Ok(make_array(data))
}

fn child(field: &Arc<Field>, rows: usize, range: &Range<usize>, from: &mut Reader<'_>) -> Result<ArrayData> {
    decode(field.data_type(), rows, range, from).map(|array| array.to_data())
}

fn cut_short() -> Error {
    Error::state("a block is cut short")
}

fn part<'a>(bytes: &'a [u8], range: &Range<usize>) -> Result<&'a [u8]> {
    bytes.get(range.clone()).ok_or_else(cut_short)
}

/// Rows `range` of a bitmap of so many rows.
fn read_bits(rows: usize, range: &Range<usize>, from: &mut Reader<'_>) -> Result<BooleanBuffer> {
    let first = range.start / 8;
    if range.is_empty() {
        from.take(rows.div_ceil(8))?;
        return Ok(BooleanBuffer::new_unset(0));
    }
    let bytes = part(from.take(rows.div_ceil(8))?, &(first..range.end.div_ceil(8)))?;
    Ok(BooleanBuffer::new(Buffer::from(bytes), range.start - first * 8, range.len()))
}

/// The offsets of some values of variable length.
struct Offsets {
    /// Theirs, as Arrow has them.
    own: Buffer,
    /// The length of the content of all.
    content: usize,
    /// The range of these values' content in the content of all.
    range: Range<usize>,
}

/// The offsets of values `range` of so many.
fn offsets(rows: usize, range: &Range<usize>, from: &mut Reader<'_>) -> Result<Offsets> {
    let (ends, _) = from.take(rows.checked_mul(4).ok_or_else(cut_short)?)?.as_chunks::<4>();
    let before = |row: usize| if row == 0 { 0 } else { i32::from_le_bytes(ends[row - 1]) };
    let place = |row| usize::try_from(before(row)).map_err(|_| Error::state("a block has a negative offset"));
    let (start, content) = (place(range.start)?, place(rows)?);
    let first = before(range.start);
    let own = (range.start..=range.end).map(|row| before(row).wrapping_sub(first)).collect::<Vec<i32>>();
    let range = start..place(range.end)?;
    // The content of others may be empty, so its own bounds would not show it.
    if range.start > range.end || range.end > content {
        return Err(Error::state("a block's offsets do not ascend"));
    }
    Ok(Offsets { own: Buffer::from_vec(own), content, range })
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
    use arrow_array::{
        BinaryArray, Decimal128Array, DurationMillisecondArray, Float64Array, Int64Array, IntervalYearMonthArray,
        NullArray, StringArray, StructArray, TimestampMillisecondArray,
    };

    use super::*;

    fn samples() -> Vec<ArrayRef> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        for i in 0..11 {
            for j in 0..i % 4 {
                lists.values().append_option((j != 2).then(|| format!("item {j}")));
                maps.keys().append_value(format!("k{j}"));
                maps.values().append_option((i != 6).then_some(j));
            }
            lists.append(i != 4);
            maps.append(i != 5).expect("keys and values");
        }
        let ints: ArrayRef = Arc::new((0..11).map(|i| (i % 3 != 0).then_some(i * i)).collect::<Int64Array>());
        let text: ArrayRef = Arc::new((0..11).map(|i| (i != 7).then(|| "é".repeat(i))).collect::<StringArray>());
        let rows = StructArray::from(vec![
            (Arc::new(Field::new("a", DataType::Int64, true)), Arc::clone(&ints)),
            (Arc::new(Field::new("b", DataType::Utf8, true)), Arc::clone(&text)),
        ]);
        vec![
            ints,
            text,
            Arc::new(rows),
            Arc::new(lists.finish()),
            Arc::new(maps.finish()),
            Arc::new(NullArray::new(11)),
            Arc::new((0..11).map(|i| (i != 2).then_some(i % 2 == 0)).collect::<BooleanArray>()),
            Arc::new((0_u8..11).map(|i| (i != 3).then(|| vec![i; usize::from(i)])).collect::<BinaryArray>()),
            Arc::new(Float64Array::from_iter_values((0..11).map(|i| f64::from(i) / 3.0))),
            Arc::new(Decimal128Array::from_iter_values(0..11).with_precision_and_scale(22, 3).expect("fits")),
            Arc::new(TimestampMillisecondArray::from_iter_values(0..11).with_timezone("UTC")),
            Arc::new(DurationMillisecondArray::from_iter_values(0..11)),
            Arc::new(IntervalYearMonthArray::from_iter_values(0..11)),
            Arc::new(Int64Array::from_value(-7, 11)),
            Arc::new((0..11).map(|i| (i != 4).then_some(i64::MAX - 300 * i)).collect::<Int64Array>()),
            Arc::new(TimestampMillisecondArray::from_iter_values((0..11).map(|i| i64::MIN + (i << 28)))),
            Arc::new(Int64Array::from_iter_values((0..11).map(|i| if i == 5 { i64::MIN } else { i64::MAX }))),
        ]
    }

    #[test]
    fn every_type_comes_back_from_any_slice() {
        for column in samples() {
            for start in 0..=11 {
                for length in 0..=11 - start {
                    let slice = column.slice(start, length);
                    let mut bytes = Vec::new();
                    encode(&*slice, &mut bytes).expect("encodes");
                    let mut reader = Reader::new(&bytes);
                    let back = decode(slice.data_type(), length, &(0..length), &mut reader).expect("decodes");
                    assert!(reader.is_empty());
                    assert_eq!(&back, &slice, "{} {start}+{length}", slice.data_type());
                    for row in 0..length {
                        let mut reader = Reader::new(&bytes);
                        let some = row..length.min(row + 2);
                        let back = decode(slice.data_type(), length, &some, &mut reader).expect("decodes");
                        assert!(reader.is_empty(), "the column is passed over");
                        assert_eq!(&back, &slice.slice(row, some.len()), "{some:?} of {}", slice.data_type());
                    }
                }
            }
        }
    }

    #[test]
    fn whole_numbers_take_the_bytes_of_their_differences() {
        for (most, width) in [(0, 0), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (u32::MAX.into(), 4), (1 << 32, 8)]
        {
            let column = Int64Array::from_iter_values((0..100).map(|i| i64::MIN + if i == 50 { most } else { 0 }));
            let mut bytes = Vec::new();
            encode(&column, &mut bytes).expect("encodes");
            assert_eq!(bytes.len(), 1 + 100 * width + if width < 8 { 8 } else { 0 }, "up to {most}");
        }
        let full = Int64Array::from(vec![1]);
        let mut bytes = Vec::new();
        encode(&full, &mut bytes).expect("encodes");
        assert_eq!(bytes, [0, 1, 0, 0, 0, 0, 0, 0, 0], "as earlier formats have it");
    }

    #[test]
    fn bytes_that_are_wrong_are_an_error_or_other_values_but_no_panic() {
        for column in samples() {
            let mut bytes = Vec::new();
            encode(&*column, &mut bytes).expect("encodes");
            for cut in 0..bytes.len() {
                assert!(decode(column.data_type(), 11, &(0..11), &mut Reader::new(&bytes[..cut])).is_err());
            }
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let _ = decode(column.data_type(), 11, &(0..11), &mut Reader::new(&damaged));
                let _ = decode(column.data_type(), 11, &(4..6), &mut Reader::new(&damaged));
            }
        }
    }
}
