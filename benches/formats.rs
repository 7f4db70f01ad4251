//! Rows a second of the decoders, the encoders and the hand-written loops, over Nexmark bids:
//! `cargo bench --bench formats [-- WORD]` runs the lines that contain the word.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at the first surprise")]

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use lotic::commands::bench::loops::{Columns, QUERIES, Text, over_columns, over_file};
use lotic::formats::{DecoderRequest, FormatOptions, format_named, time};
use lotic::types::{Batch, Clock, DEFAULT_BATCH_ROWS, Field, LogicalType, Schema, SystemClock};
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::Event;

const ROWS: usize = 1_000_000;
const READ_BYTES: usize = 4 << 20;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let bench = Bench { clock: SystemClock::new(), only, options: FormatOptions::default(), schema: bid_schema() };
    let (json, csv) = bids();
    println!("{} bytes a line of JSON, {} of CSV", json.len() / ROWS, csv.len() / ROWS);
    for (format, bytes) in [("json", &json), ("csv", &csv)] {
        for projection in [&[0, 2, 5][..], &[0, 5], &[0, 1, 2], &[0], &[], &[0, 1, 2, 3, 4, 5, 6]] {
            bench.best(&format!("decode {format} {projection:?}"), || bench.decode(format, bytes, projection));
        }
        bench.encode(format, &csv);
    }
    bench.loops(&json, &csv);
}

struct Bench {
    clock: SystemClock,
    only: String,
    options: FormatOptions,
    schema: Schema,
}

impl Bench {
    /// Runs `work` over all bids several times, and prints the best.
    fn best(&self, name: &str, mut work: impl FnMut()) {
        if !name.contains(&self.only) {
            return;
        }
        let mut best = u64::MAX;
        for _ in 0..15 {
            let start = self.clock.nanos();
            work();
            best = best.min(self.clock.nanos() - start);
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let millions = ROWS as f64 * 1e3 / best as f64;
        println!("{name}: {millions:.1} M rows/s");
    }

    /// As a connector reads.
    fn decode(&self, format: &str, bytes: &[u8], projection: &[usize]) {
        let request = DecoderRequest { schema: &self.schema, projection, options: &self.options, at_file_start: true };
        let mut decoder = (format_named(format).unwrap().decoder)(&request).unwrap();
        let (mut pos, mut end, mut rows) = (0, 0, 0);
        while pos < bytes.len() {
            pos += decoder.decode(&bytes[pos..end], end == bytes.len(), DEFAULT_BATCH_ROWS).unwrap();
            if decoder.is_full(DEFAULT_BATCH_ROWS) || pos == bytes.len() {
                let (batch, bad) = decoder.flush().unwrap();
                assert!(bad.is_empty());
                rows += batch.num_rows();
            } else {
                end = (pos + READ_BYTES).min(bytes.len());
            }
        }
        assert_eq!(rows, ROWS);
    }

    fn all(&self, csv: &[u8], projection: &[usize], rows: usize) -> arrow_array::RecordBatch {
        let request = DecoderRequest { schema: &self.schema, projection, options: &self.options, at_file_start: true };
        let mut decoder = (format_named("csv").unwrap().decoder)(&request).unwrap();
        decoder.decode(csv, true, rows).unwrap();
        decoder.flush().unwrap().0
    }

    fn encode(&self, format: &str, csv: &[u8]) {
        let batch = Batch::untimed(self.all(csv, &[0, 1, 2, 3, 4, 5, 6], DEFAULT_BATCH_ROWS));
        let mut encoder = (format_named(format).unwrap().encoder)(&self.schema, &self.options).unwrap();
        let mut out = Vec::new();
        self.best(&format!("encode {format}"), || {
            for _ in 0..ROWS / DEFAULT_BATCH_ROWS {
                out.clear();
                encoder.encode(&batch, &mut out).unwrap();
            }
        });
    }

    fn loops(&self, json: &[u8], csv: &[u8]) {
        let batch = self.all(csv, &[0, 1, 2, 5], ROWS);
        let column = |at: usize| batch.column(at).as_primitive::<Int64Type>().values().to_vec();
        let time = batch.column(3).as_primitive::<TimestampMillisecondType>().values().to_vec();
        let columns = Columns { auction: column(0), bidder: column(1), price: column(2), time };
        let mut json_file = tempfile::NamedTempFile::new().unwrap();
        json_file.write_all(json).unwrap();
        let mut csv_file = tempfile::NamedTempFile::new().unwrap();
        csv_file.write_all(csv).unwrap();
        for threads in [1, 2] {
            for query in QUERIES {
                self.best(&format!("loop {query:?} memory {threads}"), || {
                    over_columns(query, &columns, &Columns::default(), threads).unwrap();
                });
                for (text, file) in [(Text::Ndjson, &json_file), (Text::Csv, &csv_file)] {
                    self.best(&format!("loop {query:?} {text:?} {threads}"), || {
                        over_file(query, text, file.path(), &Columns::default(), threads).unwrap();
                    });
                }
            }
        }
    }
}

fn bid_schema() -> Schema {
    Schema::new(vec![
        Field::new("auction", LogicalType::BigInt),
        Field::new("bidder", LogicalType::BigInt),
        Field::new("price", LogicalType::BigInt),
        Field::new("channel", LogicalType::String),
        Field::new("url", LogicalType::String),
        Field::new("date_time", LogicalType::Timestamp),
        Field::new("extra", LogicalType::String),
    ])
}

/// The same bids as NDJSON and as CSV with a header.
fn bids() -> (Vec<u8>, Vec<u8>) {
    let (mut json, mut csv) = (Vec::new(), b"auction,bidder,price,channel,url,date_time,extra\n".to_vec());
    let config = NexmarkConfig { base_time: 1_767_225_600_000, ..NexmarkConfig::default() };
    let bids = EventGenerator::new(config).filter_map(|event| match event {
        Event::Bid(bid) => Some(bid),
        Event::Person(_) | Event::Auction(_) => None,
    });
    for bid in bids.take(ROWS) {
        let mut when = Vec::new();
        time::write_timestamp(i64::try_from(bid.date_time).unwrap(), &mut when);
        let when = String::from_utf8(when).unwrap();
        let (auction, bidder, price) = (bid.auction, bid.bidder, bid.price);
        let (channel, url, extra) = (&bid.channel, &bid.url, &bid.extra[..bid.extra.len().min(20)]);
        writeln!(
            json,
            "{{\"auction\":{auction},\"bidder\":{bidder},\"price\":{price},\"channel\":\"{channel}\",\
             \"url\":\"{url}\",\"date_time\":\"{when}\",\"extra\":\"{extra}\"}}"
        )
        .unwrap();
        writeln!(csv, "{auction},{bidder},{price},{channel},{url},{when},{extra}").unwrap();
    }
    (json, csv)
}
