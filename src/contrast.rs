//! What counts say about clusters: exposure (the ledger of what was watched), verdicts, rank. Knows clusters and counts, not logs.
//!
//! May use: model.
//! Crates: none.

pub mod finding;

pub use finding::{Cell, CellState, Finding, Verdict};
