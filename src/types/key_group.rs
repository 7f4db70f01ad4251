//! From a key to its key group to its subtask.
//!
//! As in Flink, a job has a fixed number of key groups (the maximum parallelism); a subtask owns a contiguous range of
//! them, and rescaling only assigns ranges anew. The hash is ours and frozen: state on disk is filed under it.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_row::{RowConverter, SortField};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use super::floats::{canonical, canonical_column};

/// The number of key groups of a job that does not say otherwise.
pub const MAX_PARALLELISM: u16 = 128;

/// Seed-free hashes of the rows of `keys` (one or more columns of equal length). Equal keys hash equally whatever batch
/// they stand in; `-0.0` and `0.0` are one key, and so are all `NaN`s.
///
/// # Errors
/// When a column's type cannot be a key.
pub fn hash_keys(keys: &[ArrayRef], hashes: &mut Vec<u64>) -> Result<(), ArrowError> {
    let rows = keys.first().map_or(0, Array::len);
    hashes.clear();
    hashes.resize(rows, 0);
    for key in keys {
        hash_column(key, hashes)?;
    }
    Ok(())
}

/// The key group of a key with this hash, below `max_parallelism`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the product's upper half is below max_parallelism")]
#[inline]
pub const fn key_group(hash: u64, max_parallelism: u16) -> u16 {
    // The upper bits choose the group (multiply-shift).
    (((hash >> 32) * max_parallelism as u64) >> 32) as u16
}

/// The subtask that owns `group` at this parallelism.
#[must_use]
#[inline]
pub const fn subtask_of(group: u16, parallelism: usize, max_parallelism: u16) -> usize {
    group as usize * parallelism / max_parallelism as usize
}

/// The key groups that subtask `index` of `parallelism` owns: Flink's `KeyGroupRangeAssignment`.
#[must_use]
pub fn groups_of(index: usize, parallelism: usize, max_parallelism: u16) -> Range<u16> {
    let max = usize::from(max_parallelism);
    let start = (index * max).div_ceil(parallelism);
    let end = ((index + 1) * max).div_ceil(parallelism);
    to_group(start)..to_group(end)
}

fn to_group(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// Mixes one 64-bit word: the finaliser of `SplitMix64` (Steele, Lea and Flood, 2014).
#[must_use]
#[inline]
pub const fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The hash of one byte string: 8 bytes a step, each folded in by [`mix`], the length last.
#[must_use]
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0_u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash ^ u64::from_le_bytes(*word));
    }
    let mut last = [0_u8; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56))
}

const NULL: u64 = 0x6c6f_7469_6331;

fn hash_column(key: &ArrayRef, hashes: &mut [u64]) -> Result<(), ArrowError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type goes through the row encoding")]
    match key.data_type() {
        DataType::Int64 => fold(key.as_primitive::<Int64Type>(), hashes, i64::cast_unsigned),
        DataType::Int32 => fold(key.as_primitive::<Int32Type>(), hashes, |v| i64::from(v).cast_unsigned()),
        DataType::Int16 => fold(key.as_primitive::<Int16Type>(), hashes, |v| i64::from(v).cast_unsigned()),
        DataType::Int8 => fold(key.as_primitive::<Int8Type>(), hashes, |v| i64::from(v).cast_unsigned()),
        DataType::Date32 => fold(key.as_primitive::<Date32Type>(), hashes, |v| i64::from(v).cast_unsigned()),
        DataType::Time32(TimeUnit::Millisecond) => {
            fold(key.as_primitive::<Time32MillisecondType>(), hashes, |v| i64::from(v).cast_unsigned());
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            fold(key.as_primitive::<TimestampMillisecondType>(), hashes, i64::cast_unsigned);
        }
        DataType::Float64 => fold(key.as_primitive::<Float64Type>(), hashes, |v| canonical(v).to_bits()),
        DataType::Float32 => fold(key.as_primitive::<Float32Type>(), hashes, |v| canonical(f64::from(v)).to_bits()),
        DataType::Utf8 => {
            for (hash, value) in hashes.iter_mut().zip(key.as_string::<i32>()) {
                *hash = mix(*hash ^ value.map_or(NULL, |text| hash_bytes(text.as_bytes())));
            }
        }
        DataType::Boolean => {
            for (hash, value) in hashes.iter_mut().zip(key.as_boolean()) {
                *hash = mix(*hash ^ value.map_or(NULL, u64::from));
            }
        }
        DataType::Decimal128(..) => {
            for (hash, value) in hashes.iter_mut().zip(key.as_primitive::<arrow_array::types::Decimal128Type>()) {
                *hash = mix(*hash ^ value.map_or(NULL, |v| hash_bytes(&v.to_le_bytes())));
            }
        }
        other => {
            let converter = RowConverter::new(vec![SortField::new(other.clone())])?;
            let rows = converter.convert_columns(&[canonical_column(key)])?;
            for (hash, row) in hashes.iter_mut().zip(rows.iter()) {
                *hash = mix(*hash ^ hash_bytes(row.as_ref()));
            }
        }
    }
    Ok(())
}

fn fold<T: ArrowPrimitiveType>(key: &PrimitiveArray<T>, hashes: &mut [u64], word: impl Fn(T::Native) -> u64) {
    if key.null_count() == 0 {
        for (hash, &value) in hashes.iter_mut().zip(key.values()) {
            *hash = mix(*hash ^ word(value));
        }
    } else {
        for (hash, value) in hashes.iter_mut().zip(key) {
            *hash = mix(*hash ^ value.map_or(NULL, &word));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn ranges_partition_the_groups_and_agree_with_the_owner() {
        for max in [1_u16, 7, 128] {
            for parallelism in 1..=usize::from(max) {
                let mut next = 0;
                for index in 0..parallelism {
                    let range = groups_of(index, parallelism, max);
                    assert_eq!(range.start, next);
                    next = range.end;
                    for group in range {
                        assert_eq!(subtask_of(group, parallelism, max), index);
                    }
                }
                assert_eq!(next, max);
            }
        }
    }

    /// State on disk is filed under these numbers: this test may never change.
    #[test]
    fn the_hash_is_frozen() {
        let mut hashes = Vec::new();
        let key: ArrayRef = Arc::new(Int64Array::from(vec![Some(1001), None, Some(-1)]));
        hash_keys(&[key], &mut hashes).expect("ints hash");
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("lotic"), Some("a longer key than a word"), None]));
        let mut texts = Vec::new();
        hash_keys(&[text], &mut texts).expect("strings hash");
        insta::assert_debug_snapshot!((hashes, texts));
    }

    #[test]
    fn nans_are_one_key() {
        let mut hashes = Vec::new();
        let key: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, -f64::NAN]));
        hash_keys(&[key], &mut hashes).expect("floats hash");
        assert_eq!(hashes[0], hashes[1]);
    }
}
