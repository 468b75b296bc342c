//! What counts say about clusters: exposure (the ledger of what was watched), verdicts, rank. Knows clusters and counts, not logs.
//!
//! May use: model.
//! Crates: none.

pub mod lens;
pub mod finding;
pub mod coverage;
pub mod alias;
pub mod exposure;
pub mod bins;
pub mod trend;
pub mod counts;
pub mod sample;
pub mod statistics;
pub mod silence;
pub mod absence;
pub mod claims;
pub mod evidence;
pub mod rank;
pub mod variant;
pub mod verdict;
pub mod judge;

pub use alias::{Alias, AliasError, Aliases};
pub use claims::Evidence;
pub use counts::{Counts, Occurrence};
pub use exposure::{Ledger, Watching};
pub use finding::{Cell, CellState, Finding, Verdict};
pub use judge::Judge;
pub use lens::{Align, Lens};
pub use sample::{Subject, SubjectKind};
