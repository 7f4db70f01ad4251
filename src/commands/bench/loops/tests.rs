use std::collections::BTreeMap;
use std::io::Write;

use super::*;

fn bids(rows: usize) -> Columns {
    let mut columns = Columns::default();
    for row in 0..rows as u64 {
        let noise = mix(row);
        columns.auction.push((1_000 + noise % 700).cast_signed());
        columns.bidder.push((noise >> 20 & 0xff).cast_signed());
        columns.price.push((noise >> 30 & 0xf_ffff).cast_signed());
        columns.time.push(1_767_225_600_000 + (row * 13 + (noise >> 50 & 0xff)).cast_signed());
    }
    columns
}

/// The queries with ordered maps and nothing clever.
fn plainly(query: Query, bids: &Columns, auctions: &Columns) -> Outcome {
    if query == Query::Session {
        return sessions_plainly(bids);
    }
    let mut outcome = Outcome::default();
    let mut windows: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut small: BTreeMap<i64, i64> = BTreeMap::new();
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    for row in 0..bids.auction.len() {
        let (auction, price, time) = (bids.auction[row], bids.price[row], bids.time[row]);
        match query {
            Query::Projection => outcome.add(&[auction, bids.bidder[row], price * 908]),
            Query::Filter if auction % 123 == 0 => outcome.add(&[auction, price]),
            Query::Filter | Query::Session => {}
            Query::Pattern => {
                let before = last.insert(auction, price);
                if let Some(before) = before.filter(|&before| before < 1_000 && price > 100_000) {
                    outcome.add(&[auction, before, price]);
                }
            }
            Query::Tumbling | Query::Top => {
                let entry = windows.entry((time / 10_000 * 10_000, auction)).or_default();
                *entry = (entry.0 + 1, entry.1 + price);
            }
            Query::Overlapping => {
                for slide in 0..60 {
                    windows.entry((time / 1_000 * 1_000 - slide * 1_000, auction)).or_default().0 += 1;
                }
            }
            Query::Hopping => {
                for slide in 0..5 {
                    windows.entry((time / 2_000 * 2_000 - slide * 2_000, auction)).or_default().0 += 1;
                }
            }
            Query::IntervalJoin | Query::WindowJoin | Query::RegularJoin => {
                for of in 0..auctions.auction.len() {
                    let close = if query == Query::IntervalJoin {
                        (0..=10_000).contains(&(time - auctions.time[of]))
                    } else {
                        query == Query::RegularJoin || time / 10_000 == auctions.time[of] / 10_000
                    };
                    if auctions.auction[of] == auction && close {
                        outcome.add(&[auction, bids.bidder[row], price]);
                    }
                }
            }
            Query::Running => {
                let count = counts.entry(auction).or_default();
                *count += 1;
                if *count > 1 {
                    outcome.add(&[1, auction, *count - 1]);
                    outcome.add(&[2, auction, *count]);
                } else {
                    outcome.add(&[0, auction, 1]);
                }
            }
            Query::Process => {
                let bidder = bids.bidder[row];
                if price > LARGE && small.get(&bidder).is_some_and(|small| time < small + 60_000) {
                    outcome.add(&[bidder, price]);
                    small.remove(&bidder);
                }
                if price < SMALL {
                    small.insert(bidder, time);
                }
            }
        }
    }
    if query == Query::Top {
        let mut ranked: Vec<_> =
            windows.iter().map(|((start, auction), (count, _))| (*start, -count, *auction)).collect();
        ranked.sort_unstable();
        for (at, &(start, count, auction)) in ranked.iter().enumerate() {
            let rank = at - ranked.partition_point(|other| other.0 < start) + 1;
            if rank <= 10 {
                outcome.add(&[auction, start, start + 10_000, -count, i64::try_from(rank).expect("small")]);
            }
        }
        return outcome;
    }
    for ((start, auction), (count, sum)) in windows {
        match query {
            Query::Tumbling => outcome.add(&[auction, start, start + 10_000, count, sum, sum / count]),
            Query::Hopping => outcome.add(&[auction, start, start + 10_000, count]),
            Query::Overlapping => outcome.add(&[auction, start, start + 60_000, count]),
            Query::Projection
            | Query::Filter
            | Query::Top
            | Query::Running
            | Query::Session
            | Query::IntervalJoin
            | Query::WindowJoin
            | Query::RegularJoin
            | Query::Pattern
            | Query::Process => {
                unreachable!("{query:?} has no windows")
            }
        }
    }
    outcome
}

fn sessions_plainly(bids: &Columns) -> Outcome {
    let mut times: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    for (row, &bidder) in bids.bidder.iter().enumerate() {
        times.entry(bidder).or_default().push((bids.time[row], bids.price[row]));
    }
    let mut outcome = Outcome::default();
    for (bidder, mut bids) in times {
        bids.sort_unstable();
        for session in bids.chunk_by(|before, after| after.0 < before.0 + 10_000) {
            let sum = session.iter().map(|bid| bid.1).sum();
            let count = i64::try_from(session.len()).expect("small");
            outcome.add(&[bidder, session[0].0, session[session.len() - 1].0 + 10_000, count, sum]);
        }
    }
    outcome
}

fn written(bids: &Columns, text: Text) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut out = Vec::new();
    if text == Text::Csv {
        out.extend_from_slice(b"auction,bidder,price,channel,url,date_time,extra\n");
    }
    for row in 0..bids.auction.len() {
        let mut when = Vec::new();
        crate::formats::time::write_timestamp(bids.time[row], &mut when);
        let when = String::from_utf8(when).expect("ascii");
        let (auction, bidder, price) = (bids.auction[row], bids.bidder[row], bids.price[row]);
        let url = format!("https://www.nexmark.com/{}/item.htm?query=1", "x".repeat(row % 40));
        let line = match text {
            Text::Ndjson => format!(
                "{{\"auction\":{auction},\"bidder\":{bidder},\"price\":{price},\"channel\":\"Google\",\"url\":\"{url}\",\"date_time\":\"{when}\",\"extra\":\"abc\"}}\n"
            ),
            Text::Csv => format!("{auction},{bidder},{price},Google,{url},{when},abc\n"),
        };
        out.extend_from_slice(line.as_bytes());
    }
    file.write_all(&out).expect("written");
    file
}

#[test]
fn every_loop_computes_what_a_plain_one_does() {
    let bids = bids(40_000);
    let auctions = Columns {
        auction: (900..1_300).collect(),
        time: (0..400).map(|at| 1_767_225_600_000 + at * 1_300).collect(),
        ..Columns::default()
    };
    let files = [Text::Ndjson, Text::Csv].map(|text| (text, written(&bids, text)));
    for query in QUERIES {
        let expected = plainly(query, &bids, &auctions);
        assert!(expected.rows > 0);
        for threads in [1, 2, 3] {
            assert_eq!(over_columns(query, &bids, &auctions, threads).expect("runs"), expected, "{query:?} {threads}");
            for (text, file) in &files {
                let found = over_file(query, *text, file.path(), &auctions, threads).expect("runs");
                assert_eq!(found, expected, "{query:?} {text:?} {threads}");
            }
        }
    }
}

#[test]
fn another_file_is_refused() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"{\"name\":1}\n").expect("written");
    assert!(over_file(Query::Filter, Text::Ndjson, file.path(), &Columns::default(), 1).is_err());
    assert!(over_file(Query::Filter, Text::Csv, file.path(), &Columns::default(), 2).is_err());
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"{\"auction\":1,\"bidder\":null}\n").expect("written");
    assert!(over_file(Query::Filter, Text::Ndjson, file.path(), &Columns::default(), 1).is_err());
}

#[test]
fn the_hash_knows_places() {
    assert_ne!(row_hash(&[1, 2]), row_hash(&[2, 1]));
    assert_ne!(row_hash(&[1]), row_hash(&[1, 0]));
}
