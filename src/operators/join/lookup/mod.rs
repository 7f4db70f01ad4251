//! `left join customers as c lookup on o.customer = c.id`: rows of a table, fetched by key when a row asks for them, as in
//! Flink's `AsyncLookupJoinRunner`. `operator` keeps the rows that wait, in order; `asks` the keys that were asked for, and
//! what is known of them; `asker` carries requests to a table and brings answers back; `scanned` is the table that is read whole.

mod asker;
mod asks;
mod operator;
mod planned;
mod scanned;
mod spec;

pub use planned::LookupJoin;

pub(super) use planned::table;
pub(super) use spec::LookupOptions;
