//! The loop: messages in, `update`, effects out, frames; and the same without a terminal.
//!
//! May use: model, text, contrast, logs, workspace, view, files, cluster, term, demo.
//! Crates: tokio.
