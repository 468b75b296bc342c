//! Everything that was read: the pattern miner, the store, search, and the engine that is their one writer.
//!
//! May use: model, text, contrast.
//! Crates: regex.

pub mod snapshot;

pub use snapshot::Snapshot;
