//! Layer 4: the dataflow language. Text to statements here; [`lower`] makes plans of pipelines.

pub mod ast;
