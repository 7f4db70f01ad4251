//! Layer 3: operators and the stages of the language that make them, one file each. The registry is [`stages`].

mod aggregate;
mod aggregates;
mod event_time;
mod filter;
mod flags;
mod flat_map;
mod group_aggregate;
pub mod group_table;
mod hot_keys;
mod into;
mod key_by;
mod keyed;
mod limit;
mod map;
mod partition;
mod placement;
mod rows;
mod select;
mod union;
pub mod window;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use event_time::AssignEventTime;
pub use filter::Filter;
pub use flat_map::Unnest;
pub use group_aggregate::GroupAggregate;
pub use limit::Limit;
pub use map::Project;
pub use partition::Partition;
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
        &union::UNION,
        &limit::LIMIT,
        &event_time::EVENT_TIME,
        &partition::REBALANCE,
        &partition::SHUFFLE,
        &partition::BROADCAST,
        &partition::GLOBAL,
        &placement::PARALLELISM,
        &placement::UID,
        &into::INTO,
    ];
    ALL
}

/// Stages of the language that are not there yet, to be refused by name.
pub const PLANNED_STAGES: &[&str] = &[
    "reduce", "process", "join", "left", "right", "full", "semi", "anti", "connect", "top", "distinct", "order_by",
    "match", "rescale", "chain",
];
