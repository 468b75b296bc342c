//! The command line: arguments, subcommands, exit codes, how an error is printed.
//!
//! May use: model, contrast, logs, workspace, files, cluster, demo, app.
//! Crates: clap, tokio, serde.
