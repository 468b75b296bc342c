//! The loop: messages in, `update`, effects out, frames; and the same without a terminal, or on saved logs.
//!
//! May use: model, text, contrast, logs, workspace, view, report, files, cluster, term, demo.
//! Crates: tokio.

pub mod clock;
pub mod limits;
pub mod fan_in;
pub mod fleet;
pub mod ingest;
pub mod effects;
pub mod run;
pub mod printer;
pub mod headless;
pub mod progress;
pub mod patterns;
pub mod offline;
