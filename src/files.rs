//! Paths, environment, atomic private writes, and saved logs of any size as lines.
//!
//! May use: model.
//! Crates: directories.

pub mod environment;
pub mod private;
pub mod plugins;
pub mod lines;
pub mod spool;
pub mod tree;

pub use environment::Environment;
