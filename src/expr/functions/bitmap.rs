//! Sets of 32-bit numbers as bytes, in the portable format of Roaring bitmaps (S. Chambi, D. Lemire, O. Kaser, R. Godin,
//! "Better bitmap performance with Roaring bitmaps").

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;
use roaring::RoaringBitmap;

use super::args::Args;
use super::encoding::{binaries, bytes_of};
use super::lists::Lists;
use super::spec::{Binding, Family, FunctionSpec, Kernel, Param, gives_bigint, gives_string};
use crate::expr::TypedExpr;
use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};
use Param::{Array as ArrayParam, Bytes};

const fn bitmap(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::Bitmap, name, signature, summary, examples, binding)
}

/// An operation on two sets.
macro_rules! operation {
    ($name:literal, $summary:literal, $value:literal, $op:expr) => {
        bitmap(
            $name,
            concat!($name, "(bitmap bytes, bitmap bytes) -> bytes"),
            $summary,
            &[(concat!("bitmap_to_string(", $name, "(bitmap_build(array[1, 2]), bitmap_build(array[2, 3])))"), $value)],
            Kernel::new(&[Bytes, Bytes], gives_bytes, |args| combined(args, $op)).fallible().bind(),
        )
    };
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    bitmap(
        "bitmap_build",
        "bitmap_build(numbers array<int>) -> bytes",
        "the set of the numbers that are not null",
        &[("bitmap_to_string(bitmap_build(array[5, 1, 5]))", "{1,5}")],
        Kernel::new(&[ArrayParam], build_type, build).bind(),
    ),
    bitmap(
        "bitmap_from_bytes",
        "bitmap_from_bytes(bytes) -> bytes",
        "the set that bytes are; an error if they are none",
        &[("bitmap_cardinality(bitmap_from_bytes(bitmap_build(array[7])))", "1")],
        Kernel::new(&[Bytes], gives_bytes, same).fallible().bind(),
    ),
    bitmap(
        "bitmap_to_bytes",
        "bitmap_to_bytes(bitmap bytes) -> bytes",
        "the bytes of a set of numbers, in Roaring's portable format",
        &[("bitmap_to_bytes(bitmap_build(array[1]))", "x'3a3000000100000000000000100000000100'")],
        Kernel::new(&[Bytes], gives_bytes, same).fallible().bind(),
    ),
    bitmap(
        "bitmap_cardinality",
        "bitmap_cardinality(bitmap bytes) -> bigint",
        "how many numbers a set holds",
        &[("bitmap_cardinality(bitmap_build(array[1, 2, 2]))", "2")],
        Kernel::new(&[Bytes], gives_bigint, cardinality).fallible().bind(),
    ),
    bitmap(
        "bitmap_to_array",
        "bitmap_to_array(bitmap bytes) -> array<int>",
        "the numbers of a set, ascending as unsigned ones",
        &[("bitmap_to_array(bitmap_build(array[3, 1]))", "[1, 3]")],
        Kernel::new(&[Bytes], |_| Ok(LogicalType::Array(Box::new(LogicalType::Int))), to_array).fallible().bind(),
    ),
    bitmap(
        "bitmap_to_string",
        "bitmap_to_string(bitmap bytes) -> string",
        "the numbers of a set as text, ascending as unsigned ones",
        &[("bitmap_to_string(bitmap_build(array[3, 1]))", "{1,3}")],
        Kernel::new(&[Bytes], gives_string, to_text).fallible().bind(),
    ),
    operation!("bitmap_and", "the numbers that are in both sets", "{2}", |a, b| *a &= b),
    operation!("bitmap_or", "the numbers that are in either set", "{1,2,3}", |a, b| *a |= b),
    operation!("bitmap_xor", "the numbers that are in one of the two sets only", "{1,3}", |a, b| *a ^= b),
    operation!("bitmap_andnot", "the numbers that are in the first set and not in the second", "{1}", |a, b| *a -= b),
];

#[expect(clippy::unnecessary_wraps, reason = "the registry's functions have one signature")]
fn gives_bytes(_: &[TypedExpr]) -> std::result::Result<LogicalType, String> {
    Ok(LogicalType::Bytes)
}

fn build_type(args: &[TypedExpr]) -> std::result::Result<LogicalType, String> {
    match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Array(item)) if matches!(**item, LogicalType::Int | LogicalType::Null) => gives_bytes(args),
        Some(other) => Err(format!("a bitmap is of an array<int>, not {other}")),
        None => Err("an argument is missing".to_owned()),
    }
}

/// The set that bytes are.
pub(in crate::expr) fn read(bytes: &[u8]) -> std::result::Result<RoaringBitmap, String> {
    RoaringBitmap::deserialize_from(bytes).map_err(|_| "the bytes are no bitmap".to_owned())
}

/// Writes a set.
pub(in crate::expr) fn write(bitmap: &RoaringBitmap, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = bitmap.serialize_into(out);
}

/// Rows that failed, and why.
type Failures = Vec<(usize, String)>;

/// The set of each row of argument `i`; one that is none is noted.
fn sets<'a>(args: &Args<'a>, i: usize) -> Result<impl Fn(usize, &mut Failures) -> Option<RoaringBitmap> + use<'a>> {
    let bytes = bytes_of(args, i)?;
    Ok(move |row: usize, failures: &mut Failures| {
        read(bytes(row)?).map_err(|message| failures.push((row, message))).ok()
    })
}

fn build(args: &mut Args<'_>) -> Result<ArrayRef> {
    let lists = Lists::new(args, 0)?;
    let items = lists.items().as_primitive_opt::<Int32Type>();
    Ok(binaries(args.rows, |row, out| {
        let numbers = lists.get(row)?.filter_map(|at| {
            let items = items.filter(|items| items.is_valid(at))?;
            Some(items.value(at).cast_unsigned())
        });
        write(&numbers.collect(), out);
        Some(())
    }))
}

fn same(args: &mut Args<'_>) -> Result<ArrayRef> {
    let sets = sets(args, 0)?;
    let mut failures = Vec::new();
    let result = binaries(args.rows, |row, out| {
        write(&sets(row, &mut failures)?, out);
        Some(())
    });
    args.failures.extend(failures);
    Ok(result)
}

fn combined(args: &mut Args<'_>, op: fn(&mut RoaringBitmap, &RoaringBitmap)) -> Result<ArrayRef> {
    let (left, right) = (sets(args, 0)?, sets(args, 1)?);
    let mut failures = Vec::new();
    let result = binaries(args.rows, |row, out| {
        let (mut left, right) = (left(row, &mut failures)?, right(row, &mut failures)?);
        op(&mut left, &right);
        write(&left, out);
        Some(())
    });
    args.failures.extend(failures);
    Ok(result)
}

fn cardinality(args: &mut Args<'_>) -> Result<ArrayRef> {
    let sets = sets(args, 0)?;
    let mut failures = Vec::new();
    let result = args.numbers::<Int64Type>(|row| i64::try_from(sets(row, &mut failures)?.len()).ok());
    args.failures.extend(failures);
    result
}

fn to_array(args: &mut Args<'_>) -> Result<ArrayRef> {
    let sets = sets(args, 0)?;
    let DataType::List(field) = args.ty.to_arrow() else { return Err(mistyped(args.values[0].data(), "array")) };
    let mut builder = ListBuilder::new(Int32Builder::new()).with_field(field);
    let mut failures = Vec::new();
    for row in 0..args.rows {
        let set = sets(row, &mut failures);
        let is_some = set.is_some();
        set.into_iter().flatten().for_each(|number| builder.values().append_value(number.cast_signed()));
        builder.append(is_some);
    }
    args.failures.extend(failures);
    Ok(Arc::new(builder.finish()))
}

fn to_text(args: &mut Args<'_>) -> Result<ArrayRef> {
    let sets = sets(args, 0)?;
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        out.push('{');
        for (i, number) in sets(row, &mut failures)?.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(itoa::Buffer::new().format(number));
        }
        out.push('}');
        Some(())
    });
    args.failures.extend(failures);
    result
}
