//! `nexmark`: the auction site of the Nexmark benchmark, generated.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, TimestampMillisecondArray};
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Event, EventType};

use super::generator::{RowGenerator, RowPlan, readers};
use super::options::{count, place, rate, source_options};
use crate::api::{Bounds, ConnectorSpec, OptionSpec, PlannedSource, Source, SourceRequest, SourceStart};
use crate::types::{Diagnostic, Field, LogicalType, Result, Schema};

/// The registry entry.
pub(super) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "nexmark",
    summary: "a source of generated persons, auctions and bids: the Nexmark benchmark",
    help: "Nexmark is an auction site that benchmarks of streams are made on. A source gives one kind of its events: \
           of every 50 events 46 are bids, 3 auctions and 1 a person. `events` and `rate` count all three kinds, so \
           that sources of different kinds with the same options belong together. The event time is `date_time`, \
           with a watermark delay of 4s.",
    target: Some("'bid'|'auction'|'person'"),
    options: &OPTIONS,
    examples: &[
        "source gen from nexmark 'bid' with (events = 1000, seed = 7);\ngen | filter price > 10000 | map auction, price | limit 3;",
    ],
    flink: Some("nexmark"),
    source: Some(source),
    sink: None,
};

const OPTIONS: [OptionSpec; 8] = source_options([
    OptionSpec { name: "events", values: "a whole number", help: "events of all three kinds; default: without end" },
    OptionSpec {
        name: "rate",
        values: "events a second",
        help: "events of all three kinds that flow in a second of processing time; default 0: as fast as it goes",
    },
    OptionSpec { name: "seed", values: "a whole number", help: "other seeds give other events; default 0" },
    OptionSpec {
        name: "event_rate",
        values: "events a second",
        help: "events of all three kinds that happen in a second of event time; default 10000",
    },
]);

/// Nexmark's usual first event time, 2015-07-15 00:00:00.
const BASE_TIME_MS: u64 = 1_436_918_400_000;
const WATERMARK_DELAY_MS: i64 = 4_000;
const EVENTS_AN_EPOCH: u64 = 50;

/// One kind of event: its columns and its place in an epoch of 50 events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Person,
    Auction,
    Bid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Number,
    Text,
    Time,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Bid, Self::Auction, Self::Person];

    const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Auction => "auction",
            Self::Bid => "bid",
        }
    }

    const fn event_type(self) -> EventType {
        match self {
            Self::Person => EventType::Person,
            Self::Auction => EventType::Auction,
            Self::Bid => EventType::Bid,
        }
    }

    /// The first of an epoch's events that is of this kind, and how many are.
    const fn share(self) -> (u64, u64) {
        match self {
            Self::Person => (0, 1),
            Self::Auction => (1, 3),
            Self::Bid => (4, 46),
        }
    }

    /// The number of events of this kind among the first `events` events.
    fn rows_of(self, events: u64) -> u64 {
        let (first, of_epoch) = self.share();
        events / EVENTS_AN_EPOCH * of_epoch + (events % EVENTS_AN_EPOCH).saturating_sub(first).min(of_epoch)
    }

    const fn columns(self) -> &'static [(&'static str, Column)] {
        use Column::{Number, Text, Time};
        match self {
            Self::Person => &[
                ("id", Number),
                ("name", Text),
                ("email_address", Text),
                ("credit_card", Text),
                ("city", Text),
                ("state", Text),
                ("date_time", Time),
                ("extra", Text),
            ],
            Self::Auction => &[
                ("id", Number),
                ("item_name", Text),
                ("description", Text),
                ("initial_bid", Number),
                ("reserve", Number),
                ("date_time", Time),
                ("expires", Time),
                ("seller", Number),
                ("category", Number),
                ("extra", Text),
            ],
            Self::Bid => &[
                ("auction", Number),
                ("bidder", Number),
                ("price", Number),
                ("channel", Text),
                ("url", Text),
                ("date_time", Time),
                ("extra", Text),
            ],
        }
    }

    fn schema(self) -> Schema {
        let fields = self.columns().iter().map(|&(name, column)| {
            Field::new(
                name,
                match column {
                    Column::Number => LogicalType::BigInt,
                    Column::Text => LogicalType::String,
                    Column::Time => LogicalType::Timestamp,
                },
            )
            .not_null()
        });
        Schema::new(fields.collect::<Vec<_>>())
    }
}

fn source(request: &SourceRequest) -> Result<Arc<dyn PlannedSource>, Diagnostic> {
    let names = || Kind::ALL.map(Kind::name);
    let Some(target) = &request.target else {
        return Err(
            Diagnostic::at(request.span, "the connector `nexmark` needs a kind of event").help("write nexmark 'bid'")
        );
    };
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&target.node)) else {
        return Err(Diagnostic::at(target.span, format!("the connector `nexmark` has no events '{}'", target.node))
            .label("expected 'bid', 'auction' or 'person'")
            .did_you_mean(&target.node, names()));
    };
    if request.columns.is_some() {
        return Err(Diagnostic::at(request.span, "the connector `nexmark` has columns of its own").help(format!(
            "leave out `columns`; nexmark '{}' has {}",
            kind.name(),
            kind.schema()
        )));
    }
    let options = &request.options;
    let event_rate = count(options, "event_rate", 1)?.unwrap_or(10_000);
    if event_rate > 1_000_000 {
        let span = place(options, "event_rate", request.span);
        return Err(Diagnostic::at(span, "option `event_rate` is at most 1000000 events a second"));
    }
    let events = count(options, "events", 0)?;
    if events.is_some_and(|events| events > MAX_EVENTS) {
        let span = place(options, "events", request.span);
        return Err(Diagnostic::at(span, format!("option `events` is at most {MAX_EVENTS}; leave it out for no end")));
    }
    Ok(Arc::new(NexmarkSource {
        kind,
        schema: kind.schema(),
        events,
        rate: rate(options, "rate")?,
        seed: options.integer("seed")?.unwrap_or(0).cast_unsigned(),
        event_rate,
    }))
}

/// Far beyond any run, and far from overflow in the crate's arithmetic.
const MAX_EVENTS: u64 = 1 << 50;

#[derive(Debug)]
struct NexmarkSource {
    kind: Kind,
    schema: Schema,
    events: Option<u64>,
    rate: Option<f64>,
    seed: u64,
    event_rate: u64,
}

impl fmt::Display for NexmarkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nexmark '{}' seed {} event_rate {}", self.kind.name(), self.seed, self.event_rate)
    }
}

impl PlannedSource for NexmarkSource {
    fn describe(&self) -> String {
        format!("nexmark '{}'", self.kind.name())
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn bounds(&self) -> Bounds {
        if self.events.is_some() { Bounds::Bounded } else { Bounds::Unbounded }
    }

    fn event_time(&self) -> Option<(usize, i64)> {
        self.schema.index_of("date_time").map(|column| (column, WATERMARK_DELAY_MS))
    }

    #[expect(clippy::cast_precision_loss, reason = "46 and 50 are exact")]
    fn start(&self, start: &SourceStart) -> Result<Vec<Box<dyn Source>>> {
        let (_, of_epoch) = self.kind.share();
        let plan = RowPlan {
            input: self.to_string(),
            total: Some(self.kind.rows_of(self.events.unwrap_or(MAX_EVENTS))),
            rate: self.rate.map(|rate| rate * of_epoch as f64 / EVENTS_AN_EPOCH as f64),
        };
        readers(&plan, start, || Box::new(Generator::new(self, &start.projection)))
    }
}

/// By how many blocks of 5,000 events a seed shifts the events' ids. The crate seeds each event's random numbers by its
/// id, and everything else about an event (its kind, its time, which auctions are open) repeats with the id shifted by a
/// whole block, in which there are 300 auctions and 100 persons: so the ids are shifted back afterwards.
fn blocks_of(seed: u64) -> u64 {
    if seed == 0 {
        return 0;
    }
    super::random::mix(seed) >> 24
}

struct Generator {
    kind: Kind,
    wanted: Vec<usize>,
    schema: Schema,
    events: Option<EventGenerator>,
    persons_shift: i64,
    auctions_shift: i64,
}

impl Generator {
    fn new(source: &NexmarkSource, projection: &[usize]) -> Self {
        let blocks = blocks_of(source.seed);
        let mut config = NexmarkConfig {
            base_time: BASE_TIME_MS,
            first_event_id: to_usize(blocks * 5_000),
            first_rate: to_usize(source.event_rate),
            next_rate: to_usize(source.event_rate),
            ..NexmarkConfig::default()
        };
        leave_out_unread(&mut config, source.kind, projection);
        Self {
            kind: source.kind,
            wanted: projection.to_vec(),
            schema: source.schema.project(projection),
            events: Some(EventGenerator::new(config).with_type_filter(source.kind.event_type())),
            persons_shift: (blocks * 100).cast_signed(),
            auctions_shift: (blocks * 300).cast_signed(),
        }
    }

    fn number(&self, event: &Event, column: usize) -> i64 {
        let (number, shift) = match (event, column) {
            (Event::Bid(bid), 0) => (bid.auction, self.auctions_shift),
            (Event::Bid(bid), 1) => (bid.bidder, self.persons_shift),
            (Event::Bid(bid), _) => (bid.price, 0),
            (Event::Auction(auction), 0) => (auction.id, self.auctions_shift),
            (Event::Auction(auction), 3) => (auction.initial_bid, 0),
            (Event::Auction(auction), 4) => (auction.reserve, 0),
            (Event::Auction(auction), 7) => (auction.seller, self.persons_shift),
            (Event::Auction(auction), _) => (auction.category, 0),
            (Event::Person(person), _) => (person.id, self.persons_shift),
        };
        i64::try_from(number).unwrap_or(i64::MAX) - shift
    }
}

/// Keeps the crate from making text that nobody reads, without changing what is read: text comes last in an event's
/// random numbers, the filler `extra` after everything else.
fn leave_out_unread(config: &mut NexmarkConfig, kind: Kind, projection: &[usize]) {
    let read = |name: &str| projection.iter().any(|&column| kind.columns()[column].0 == name);
    let (channel, url, extra) = (read("channel"), read("url"), read("extra"));
    if !extra {
        config.avg_person_byte_size = 0;
        config.avg_auction_byte_size = 0;
        config.avg_bid_byte_size = 0;
        if !channel && !url {
            config.hot_channel_ratio = usize::MAX;
        }
    }
    if !channel {
        config.hot_channels.iter_mut().for_each(String::clear);
    }
    if !url {
        config.hot_urls.iter_mut().for_each(String::clear);
    }
}

fn time(event: &Event, column: usize) -> i64 {
    let ms = match (event, column) {
        (Event::Auction(auction), 6) => auction.expires,
        (Event::Auction(auction), _) => auction.date_time,
        (Event::Bid(bid), _) => bid.date_time,
        (Event::Person(person), _) => person.date_time,
    };
    ms.cast_signed()
}

fn text(event: &Event, column: usize) -> &str {
    match (event, column) {
        (Event::Bid(bid), 3) => &bid.channel,
        (Event::Bid(bid), 4) => &bid.url,
        (Event::Bid(bid), _) => &bid.extra,
        (Event::Auction(auction), 1) => &auction.item_name,
        (Event::Auction(auction), 2) => &auction.description,
        (Event::Auction(auction), _) => &auction.extra,
        (Event::Person(person), 1) => &person.name,
        (Event::Person(person), 2) => &person.email_address,
        (Event::Person(person), 3) => &person.credit_card,
        (Event::Person(person), 4) => &person.city,
        (Event::Person(person), 5) => &person.state,
        (Event::Person(person), _) => &person.extra,
    }
}

enum Builder {
    Number(Vec<i64>),
    Time(Vec<i64>),
    Text(StringBuilder),
}

impl RowGenerator for Generator {
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch> {
        let columns = self.kind.columns();
        let mut builders: Vec<(usize, Builder)> = self
            .wanted
            .iter()
            .map(|&column| {
                let builder = match columns[column].1 {
                    Column::Number => Builder::Number(Vec::with_capacity(count)),
                    Column::Time => Builder::Time(Vec::with_capacity(count)),
                    Column::Text => Builder::Text(StringBuilder::with_capacity(count, count * 16)),
                };
                (column, builder)
            })
            .collect();
        if let Some(events) = self.events.take() {
            let mut events = events.with_offset(first);
            for event in events.by_ref().take(count) {
                for (column, builder) in &mut builders {
                    match builder {
                        Builder::Number(values) => values.push(self.number(&event, *column)),
                        Builder::Time(values) => values.push(time(&event, *column)),
                        Builder::Text(values) => values.append_value(text(&event, *column)),
                    }
                }
            }
            self.events = Some(events);
        }
        let arrays = builders.into_iter().map(|(_, builder)| -> ArrayRef {
            match builder {
                Builder::Number(values) => Arc::new(Int64Array::from(values)),
                Builder::Time(values) => Arc::new(TimestampMillisecondArray::from(values)),
                Builder::Text(mut values) => Arc::new(values.finish()),
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(self.schema.arrow().clone(), arrays.collect(), &options)?)
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
