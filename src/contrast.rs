//! What counts say about clusters: exposure (the ledger of what was watched), verdicts, rank. Knows clusters and counts, not logs.
//!
//! May use: model.
//! Crates: none.

pub mod lens;
pub mod finding;
pub mod exposure;
pub mod counts;
pub mod sample;
pub mod statistics;
pub mod silence;
pub mod evidence;
pub mod rank;
pub mod verdict;

pub use counts::{Counts, Occurrence};
pub use exposure::{Ledger, Watching};
pub use finding::{Cell, CellState, Finding, Verdict};
pub use lens::{Align, Lens};
pub use sample::{Subject, SubjectKind};
pub use verdict::Judge;
