use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};

use super::*;
use crate::api::OptionValue;
use crate::connectors::testing::{read, read_with_failures, request, shown, start};

fn nexmark(kind: &str, options: &[(&str, OptionValue)]) -> Arc<dyn PlannedSource> {
    source(&request(Some(kind), None, options, Path::new("."))).unwrap()
}

fn events(events: i64, seed: i64) -> [(&'static str, OptionValue); 2] {
    [("events", OptionValue::Integer(events)), ("seed", OptionValue::Integer(seed))]
}

fn all(kind: &str) -> Vec<usize> {
    (0..nexmark(kind, &[]).schema().len()).collect()
}

#[test]
fn events_are_the_crates_own() {
    let mut config = NexmarkConfig { base_time: BASE_TIME_MS, ..NexmarkConfig::default() };
    config.first_event_id = 0;
    let bids: Vec<String> = EventGenerator::new(config)
        .take(500)
        .filter_map(|event| match event {
            Event::Bid(bid) => Some(format!(
                "{} {} {} {} {} {} {}",
                bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.date_time, bid.extra
            )),
            Event::Auction(_) | Event::Person(_) => None,
        })
        .collect();
    let got = read(&*nexmark("bid", &events(500, 0)), &start(1, &all("bid"), 64)).unwrap();
    let rows: Vec<String> = got
        .batches
        .iter()
        .flat_map(|batch| {
            let number = |column: usize| batch.column(column).as_primitive::<Int64Type>();
            let text = |column: usize| batch.column(column).as_string::<i32>();
            let time = batch.column(5).as_primitive::<TimestampMillisecondType>();
            (0..batch.num_rows())
                .map(|row| {
                    format!(
                        "{} {} {} {} {} {} {}",
                        number(0).value(row),
                        number(1).value(row),
                        number(2).value(row),
                        text(3).value(row),
                        text(4).value(row),
                        time.value(row),
                        text(6).value(row)
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(rows.len(), 460);
    assert_eq!(rows, bids);
}

#[test]
fn a_column_is_the_same_whichever_others_are_read() {
    for kind in ["bid", "auction", "person"] {
        let source = nexmark(kind, &events(2_000, 3));
        let columns = all(kind);
        let whole = read(&*source, &start(1, &columns, 100)).unwrap();
        for wanted in [&columns[..0], &columns[..3], &columns[3..4], &columns[4..5], &columns[3..], &columns[5..6]] {
            let some = read(&*source, &start(1, wanted, 100)).unwrap();
            for (whole, some) in whole.batches.iter().zip(&some.batches) {
                assert_eq!(&whole.project(wanted).unwrap(), some, "{kind} {wanted:?}");
            }
            assert_eq!(some.rows(), whole.rows());
        }
    }
}

#[test]
fn every_parallelism_and_every_restore_gives_the_same_events() {
    for kind in ["bid", "auction", "person"] {
        let source = nexmark(kind, &events(3_007, 7));
        let columns = all(kind);
        let straight = read(&*source, &start(1, &columns, 16)).unwrap().sorted();
        assert_eq!(straight.len() as u64, Kind::ALL.iter().find(|k| k.name() == kind).unwrap().rows_of(3_007));
        for parallelism in [2, 5] {
            assert_eq!(read(&*source, &start(parallelism, &columns, 16)).unwrap().sorted(), straight);
        }
        for seed in 0..20 {
            let got = read_with_failures(&*source, &start(1, &columns, 16), seed).unwrap();
            assert_eq!(got.sorted(), straight, "seed {seed}");
        }
    }
}

#[test]
fn seeds_change_the_events_but_not_their_times_and_ids() {
    let columns = all("auction");
    let of_seed = |seed| read(&*nexmark("auction", &events(1_000, seed)), &start(1, &columns, 1_000)).unwrap();
    let (zero, one, again) = (of_seed(0), of_seed(1), of_seed(1));
    assert_eq!(shown(&one.batches[0]), shown(&again.batches[0]));
    for column in [0, 5] {
        assert_eq!(zero.batches[0].column(column), one.batches[0].column(column));
    }
    assert_ne!(zero.batches[0].column(1), one.batches[0].column(1));
}

#[test]
fn event_time_is_date_time_with_four_seconds() {
    let source = nexmark("bid", &[]);
    assert_eq!((source.event_time(), source.bounds()), (Some((5, 4_000)), Bounds::Unbounded));
}

#[test]
fn mistakes_are_refused_at_their_place() {
    let refused = |target: Option<&str>, options: &[(&str, OptionValue)]| {
        let error = source(&request(target, None, options, Path::new("."))).unwrap_err();
        assert!(error.span.is_some());
        error.to_string()
    };
    insta::assert_snapshot!(refused(Some("bids"), &[]), @"the connector `nexmark` has no events 'bids' (did you mean `bid`?)");
    insta::assert_snapshot!(refused(None, &[]), @"the connector `nexmark` needs a kind of event (write nexmark 'bid')");
    insta::assert_snapshot!(refused(Some("bid"), &[("events", OptionValue::Integer(i64::MAX))]), @"option `events` is at most 1125899906842624; leave it out for no end");
    insta::assert_snapshot!(refused(Some("bid"), &[("rate", OptionValue::Integer(-1))]), @"option `rate` takes a number of rows a second, 0 for as fast as it goes");
    insta::assert_snapshot!(refused(Some("bid"), &[("event_rate", OptionValue::Integer(0))]), @"option `event_rate` takes a whole number of at least 1, not 0");
}
