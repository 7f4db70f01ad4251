//! A truth value a row, packed.

use arrow_buffer::{BooleanBuffer, MutableBuffer};

/// Rows that become one byte.
const ROWS: usize = 8;

/// Tests each value. Eight at a time: the place of each bit is then known to the compiler, and the test is asked for nothing
/// but its value.
pub(super) fn test_each<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> BooleanBuffer {
    let pack = |values: &[T]| values.iter().enumerate().fold(0, |bits, (i, &value)| bits | u8::from(test(value)) << i);
    let (whole, rest) = values.as_chunks::<ROWS>();
    let mut bytes = MutableBuffer::new(values.len().div_ceil(ROWS));
    bytes.extend(whole.iter().map(|values| pack(values)));
    if !rest.is_empty() {
        bytes.push(pack(rest));
    }
    BooleanBuffer::new(bytes.into(), 0, values.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_that_of_its_value() {
        for rows in [0, 1, 7, 8, 9, 64, 1_001] {
            let values: Vec<usize> = (0..rows).collect();
            let bits = test_each(&values, |value| value % 3 == 1);
            assert_eq!(bits.len(), rows);
            assert!(bits.iter().eq(values.iter().map(|value| value % 3 == 1)), "{rows} rows");
        }
    }
}
