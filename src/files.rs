//! Paths, environment, and atomic private writes.
//!
//! May use: model.
//! Crates: directories.

pub mod environment;
pub mod private;

pub use environment::Environment;
