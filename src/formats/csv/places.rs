//! The places of the cells of plain records, many records at a time: without quotes and beyond-ASCII bytes a record is
//! known by its delimiters alone, and its cells can be converted column by column.

use super::super::scan;
use super::cells::QUOTE;

/// Bytes looked at before what they hold is converted: they and their places stay in the nearest caches.
pub(super) const CHUNK_BYTES: usize = 32 << 10;
/// Places written at once, whether or not so many cells end in a block.
const AT_ONCE: usize = 6;

/// Records read one by one before several are tried at once again, at most.
pub(super) const PATIENCE_MAX: u32 = 256;

/// The places of the cells of plain records, and when it is worth looking for them.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) places: Places,
    /// Records to be read one by one before several are tried at once again, and how many the next time.
    pub(super) one_by_one: u32,
    pub(super) patience: u32,
}

impl Default for Plain {
    fn default() -> Self {
        Self { places: Places::default(), one_by_one: 0, patience: 1 }
    }
}

/// The places of the cells in a piece of text.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The place where each cell begins; a cell ends one byte before the next begins.
    starts: Vec<u32>,
    cells: usize,
}

impl Places {
    /// Finds the cells of `bytes`, as far as it is plain.
    pub(super) fn find(&mut self, bytes: &[u8], delimiter: u8) {
        let bytes = &bytes[..bytes.len().min(CHUNK_BYTES)];
        // Room for a cell that ends at every byte.
        if self.starts.is_empty() {
            self.starts.resize(CHUNK_BYTES + AT_ONCE + 1, 0);
        }
        self.cells = 0;
        let mut next = 1_u32;
        for block in bytes.as_chunks::<64>().0 {
            let Some(mut ends) = scan::plain_ends(block, delimiter, QUOTE) else { break };
            let count = ends.count_ones() as usize;
            let free = &mut self.starts[self.cells + 1..];
            if let Some(places) = free.first_chunk_mut::<AT_ONCE>() {
                for place in places {
                    *place = next + scan::lowest(ends);
                    ends &= ends.wrapping_sub(1);
                }
            }
            if count > AT_ONCE {
                for place in &mut free[AT_ONCE..count] {
                    *place = next + scan::lowest(ends);
                    ends &= ends.wrapping_sub(1);
                }
            }
            self.cells += count;
            next += 64;
        }
    }

    /// The number of records of `width` cells each at the front, at most `records_max`.
    pub(super) fn records(&self, bytes: &[u8], delimiter: u8, width: usize, records_max: usize) -> usize {
        let (mut records, mut cell) = (0, 0);
        while records < records_max && cell + width <= self.cells {
            let ends = &self.starts[cell + 1..=cell + width];
            let mut whole = true;
            for &start in &ends[..width - 1] {
                whole &= bytes[start as usize - 1] == delimiter;
            }
            if !whole || bytes[ends[width - 1] as usize - 1] != b'\n' {
                break;
            }
            records += 1;
            cell += width;
        }
        records
    }

    /// The beginning and the end of cell number `cell`.
    #[inline]
    pub(super) fn cell(&self, cell: usize) -> (usize, usize) {
        (self.starts[cell] as usize, self.starts[cell + 1] as usize - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_a_split() {
        let mut places = Places::default();
        for length in [1_usize, 2, 7, 30, 90] {
            let line = format!("{},b,,{}\n", "x".repeat(length), "y".repeat(length / 2));
            let text = line.repeat(5_000 / line.len());
            places.find(text.as_bytes(), b',');
            let records = places.records(text.as_bytes(), b',', 4, usize::MAX);
            // What stands in the last, incomplete block is left.
            assert!(records * line.len() + 64 + line.len() > text.len(), "{length}");
            for (at, cell) in
                line.trim_end().split(',').enumerate().cycle().take(records * 4).map(|(_, c)| c).enumerate()
            {
                let (start, end) = places.cell(at);
                assert_eq!(&text[start..end], cell);
            }
            assert_eq!(places.records(text.as_bytes(), b',', 4, 2), 2);
            assert_eq!(places.records(text.as_bytes(), b',', 3, 9), 0);
            assert_eq!(places.records(text.as_bytes(), b';', 4, 9), 0);
        }
    }

    #[test]
    fn a_block_that_is_all_delimiters_and_one_that_is_not_plain() {
        let mut places = Places::default();
        let mut text = vec![b','; 256];
        text[127] = b'\n';
        places.find(&text, b',');
        assert_eq!((places.cells, places.cell(200)), (256, (200, 200)));
        assert_eq!(places.records(&text, b',', 128, 9), 1);
        for odd in [b'"', 0x80] {
            text[130] = odd;
            places.find(&text, b',');
            assert_eq!(places.cells, 128);
        }
    }
}
