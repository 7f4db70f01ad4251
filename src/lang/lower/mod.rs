//! Statements to plans: definitions go into the catalog, pipelines become a logical plan.

mod context;
mod environment;
mod job;
mod options;
mod settings;
mod sink;
mod source;

#[cfg(test)]
mod tests;

pub use environment::{Environment, Registries};
pub use job::{JobPlan, define_stream, lower_explained, lower_job, lower_open, lower_preview, lower_stream};
pub use settings::JOB_OPTIONS;
pub use sink::define_sink;
pub use source::{SOURCE_OPTIONS, define_source};
