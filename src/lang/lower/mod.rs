//! Statements to plans: definitions go into the catalog, pipelines become a logical plan.

mod context;
mod functions;
mod job;
mod options;
mod settings;
mod sink;
mod source;

#[cfg(test)]
mod tests;

pub use functions::{define_function, define_process};
pub use job::{JobPlan, define_stream, lower_explained, lower_job, lower_open, lower_preview, shape_of, stream_body};
pub use settings::{JOB_OPTIONS, MODES};
pub use sink::define_sink;
pub use source::{SOURCE_OPTIONS, define_source};
