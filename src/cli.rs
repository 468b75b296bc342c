//! The command line: arguments, subcommands, exit codes, how an error is printed.
//!
//! May use: model, text, contrast, logs, workspace, view, report, files, cluster, term, demo, app.
//! Crates: clap, tokio, regex.

pub mod duration;
pub mod args;
pub mod failure;
pub mod keys;
pub mod open;
pub mod serve;
pub mod headless;
pub mod saved;
pub mod start;

pub use start::main;
