//! Paths, environment, and atomic private writes.
//!
//! May use: model.
//! Crates: directories.
