//! Layer 3: operators and the stages of the language that make them, one file each. The registry is [`stages`].

mod aggregate;
mod aggregates;
mod batch;
mod changelog;
mod cogroup;
mod distinct;
mod event_time;
mod filter;
mod flags;
mod flat_map;
mod group_aggregate;
pub mod group_table;
mod hot_keys;
mod into;
mod iterate;
pub mod join;
mod key_by;
mod keyed;
mod late_rows;
mod limit;
mod map;
mod match_recognize;
mod options;
mod order;
mod partition;
mod placement;
mod primary_key;
mod process;
mod reduce;
mod rows;
mod select;
mod set_operation;
mod sort;
mod top;
mod union;
pub mod window;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use batch::{FinalRows, SortAll};
pub use distinct::Distinct;
pub use event_time::AssignEventTime;
pub use filter::Filter;
pub use flat_map::Unnest;
pub use group_aggregate::GroupAggregate;
pub use iterate::Iterate;
pub use join::{IntervalJoin, JoinKind, LookupJoin, RegularJoin, TemporalJoin};
pub use limit::Limit;
pub use map::Project;
pub use match_recognize::MatchRecognize;
pub use partition::Partition;
pub use primary_key::ChangelogNormalize;
pub use set_operation::SetOperation;
pub use sort::Sort;
pub use top::TopN;
pub use union::Union;
pub use window::WindowAggregate;
pub use window::assigners::window_functions;

use crate::api::StageSpec;

/// Every stage of the language.
#[must_use]
pub fn stages() -> &'static [&'static StageSpec] {
    static ALL: &[&StageSpec] = &[
        &filter::FILTER,
        &map::MAP,
        &flat_map::FLAT_MAP,
        &key_by::KEY_BY,
        &window::WINDOW,
        &aggregate::AGGREGATE,
        &reduce::REDUCE,
        &cogroup::COGROUP,
        &join::JOINS[0],
        &join::JOINS[1],
        &join::JOINS[2],
        &join::JOINS[3],
        &join::JOINS[4],
        &join::JOINS[5],
        &union::UNION,
        &set_operation::SET_OPERATIONS[0],
        &set_operation::SET_OPERATIONS[1],
        &set_operation::SET_OPERATIONS[2],
        &set_operation::SET_OPERATIONS[3],
        &process::PROCESS,
        &process::CONNECT,
        &limit::LIMIT,
        &top::TOP,
        &distinct::DISTINCT,
        &sort::ORDER_BY,
        &changelog::TO_CHANGELOG,
        &changelog::FROM_CHANGELOG,
        &event_time::EVENT_TIME,
        &primary_key::PRIMARY_KEY,
        &partition::REBALANCE,
        &partition::SHUFFLE,
        &partition::RESCALE,
        &partition::PARTITION_BY,
        &partition::BROADCAST,
        &partition::GLOBAL,
        &placement::PARALLELISM,
        &placement::MAX_PARALLELISM,
        &placement::CHAIN,
        &placement::SLOT_GROUP,
        &placement::UID,
        &iterate::ITERATE,
        &into::INTO,
        &match_recognize::MATCH,
    ];
    ALL
}
