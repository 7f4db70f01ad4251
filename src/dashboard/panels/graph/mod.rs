//! `graph`: the job graph as boxes and edges.
//!
//! Layered as Sugiyama, Tagawa and Toda do it ("Methods for Visual Understanding of Hierarchical System Structures",
//! 1981): longest-path layers, fewer crossings by barycentres, then coordinates.

mod boxes;
mod layers;
mod paint;
mod panel;
mod place;

pub(super) use panel::SPEC;
