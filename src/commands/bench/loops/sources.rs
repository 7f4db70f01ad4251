//! Bids from files and from memory, a part a thread.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::bids::{BLOCK, Bid, Columns, Loop, Source, Text};
use crate::formats::{record_boundary, scan, time};
use crate::types::{Error, Result};

pub(super) struct ColumnParts<'a> {
    pub(super) columns: &'a Columns,
    pub(super) threads: usize,
}

impl Source for ColumnParts<'_> {
    fn feed<L: Loop>(&self, part: usize, into: &mut L) -> Result<()> {
        let rows = self.columns.auction.len();
        let range = rows * part / self.threads..rows * (part + 1) / self.threads;
        let mut at = range.start;
        while at < range.end {
            let block = at..(at + BLOCK).min(range.end);
            let columns = (&self.columns.auction, &self.columns.bidder, &self.columns.price, &self.columns.time);
            let (auction, bidder) = (&columns.0[block.clone()], &columns.1[block.clone()]);
            let (price, time) = (&columns.2[block.clone()], &columns.3[block.clone()]);
            for (((&auction, &bidder), &price), &time) in auction.iter().zip(bidder).zip(price).zip(time) {
                into.bid(Bid { auction, bidder, price, time });
            }
            into.pause();
            at = block.end;
        }
        Ok(())
    }
}

pub(super) struct FileParts<'a> {
    pub(super) path: &'a Path,
    pub(super) text: Text,
    pub(super) parts: &'a [Range<u64>],
}

const READ_BYTES: usize = 4 << 20;
/// Room behind the bytes read, so that a word can be loaded at each of them.
const PADDING: usize = 64;

/// Contiguous parts of the file, each beginning at a line.
pub(super) fn parts_of(path: &Path, text: Text, threads: usize) -> Result<Vec<Range<u64>>> {
    let failed = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut first_line = vec![0; 4_096];
    let read = file.read(&mut first_line).map_err(failed)?;
    let expected: &[u8] = match text {
        Text::Ndjson => b"{\"auction\":",
        Text::Csv => b"auction,bidder,price,channel,url,date_time,extra\n",
    };
    if length > 0 && !first_line[..read].starts_with(expected) {
        return Err(Error::config(format!("{}: not Nexmark bids as the loops read them", path.display())));
    }
    let mut starts = vec![if text == Text::Csv { (expected.len() as u64).min(length) } else { 0 }];
    for part in 1..threads.max(1) as u64 {
        let from = length * part / threads as u64;
        file.seek(SeekFrom::Start(from.saturating_sub(1))).map_err(failed)?;
        let mut behind = Vec::new();
        file.by_ref().take(1 << 20).read_to_end(&mut behind).map_err(failed)?;
        let boundary = record_boundary(&behind).map_or(length, |at| from.saturating_sub(1) + at as u64);
        starts.push(boundary.max(starts[0]));
    }
    starts.push(length);
    Ok(starts.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

impl Source for FileParts<'_> {
    fn feed<L: Loop>(&self, part: usize, into: &mut L) -> Result<()> {
        let range = self.parts[part].clone();
        let failed = |error| Error::io(self.path, error);
        let mut file = File::open(self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let mut left = range.end - range.start;
        let mut buffer = vec![0; READ_BYTES + PADDING];
        let mut held = 0;
        while left > 0 {
            let want = (READ_BYTES - held).min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = file.read(&mut buffer[held..held + want]).map_err(failed)?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            held += read;
            // The last line of a part may lack its line end only at the end of the file.
            if left == 0 && buffer[held - 1] != b'\n' && held < READ_BYTES {
                buffer[held] = b'\n';
                held += 1;
            }
            let lines = memchr::memrchr(b'\n', &buffer[..held]).map_or(0, |end| end + 1);
            if lines == 0 && held == READ_BYTES {
                return Err(self.unexpected());
            }
            let done = match self.text {
                Text::Ndjson => ndjson_lines(&buffer, lines, into),
                Text::Csv => csv_lines(&buffer, lines, into),
            };
            done.ok_or_else(|| self.unexpected())?;
            buffer.copy_within(lines..held, 0);
            held -= lines;
            into.pause();
        }
        Ok(())
    }
}

impl FileParts<'_> {
    fn unexpected(&self) -> Error {
        Error::config(format!("{}: a line is not a bid as the loops read them", self.path.display()))
    }
}

/// Scans the lines in `buffer[..end]`; `None` when one is not as expected.
fn ndjson_lines<L: Loop>(buffer: &[u8], end: usize, into: &mut L) -> Option<()> {
    const AUCTION: usize = "{\"auction\":".len();
    const BIDDER: usize = ",\"bidder\":".len();
    const PRICE: usize = ",\"price\":".len();
    const CHANNEL: usize = ",\"channel\":\"".len();
    const URL: usize = "\",\"url\":\"".len();
    const TIME: usize = "\",\"date_time\":\"".len();
    let mut pos = 0;
    while pos < end {
        let mut bid = Bid { auction: 0, bidder: 0, price: 0, time: 0 };
        (bid.auction, pos) = scan::small_integer(buffer, pos + AUCTION)?;
        if L::NEEDS.bidder || L::NEEDS.price || L::NEEDS.time {
            (bid.bidder, pos) = scan::small_integer(buffer, pos + BIDDER)?;
        }
        if L::NEEDS.price || L::NEEDS.time {
            (bid.price, pos) = scan::small_integer(buffer, pos + PRICE)?;
        }
        if L::NEEDS.time {
            let channel_end = scan::next_byte(buffer, pos + CHANNEL, b'"');
            let url_end = scan::next_byte(buffer, channel_end + URL, b'"');
            (bid.time, pos) = time::timestamp_at(buffer, url_end + TIME)?;
        }
        into.bid(bid);
        pos += memchr::memchr(b'\n', buffer.get(pos..)?)? + 1;
    }
    Some(())
}

/// Scans the lines in `buffer[..end]`; `None` when one is not as expected.
fn csv_lines<L: Loop>(buffer: &[u8], end: usize, into: &mut L) -> Option<()> {
    let mut pos = 0;
    while pos < end {
        let mut bid = Bid { auction: 0, bidder: 0, price: 0, time: 0 };
        (bid.auction, pos) = scan::small_integer(buffer, pos)?;
        if L::NEEDS.bidder || L::NEEDS.price || L::NEEDS.time {
            (bid.bidder, pos) = scan::small_integer(buffer, pos + 1)?;
        }
        if L::NEEDS.price || L::NEEDS.time {
            (bid.price, pos) = scan::small_integer(buffer, pos + 1)?;
        }
        if L::NEEDS.time {
            let channel_end = scan::next_byte(buffer, pos + 1, b',');
            let url_end = scan::next_byte(buffer, channel_end + 1, b',');
            (bid.time, pos) = time::timestamp_at(buffer, url_end + 1)?;
        }
        into.bid(bid);
        pos += memchr::memchr(b'\n', buffer.get(pos..)?)? + 1;
    }
    Some(())
}
