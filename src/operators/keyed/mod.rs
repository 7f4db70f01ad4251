//! What operators keep by key: rows and timers. Both hand over what changed at a barrier and are restored by key group.

mod cold;
mod idle;
mod rows;
mod timers;

pub(in crate::operators) use cold::Cold;
pub(in crate::operators) use idle::IdleGroups;
pub(in crate::operators) use rows::{NO_ROW, RowState, RowStore};
pub(in crate::operators) use timers::{Timer, TimerState, Timers};
