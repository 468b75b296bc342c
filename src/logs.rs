//! Everything that was read: the pattern miner, the store, search, and the engine that is their one writer.
//!
//! May use: model, text, contrast.
//! Crates: regex.

pub mod record;
pub mod holdback;
pub mod filter;
pub mod pattern;
pub mod store;
pub mod snapshot;
pub mod values;
pub mod query;
pub mod search;
pub mod census;
pub mod engine;

pub use engine::{Engine, EngineConfig, Fresh};
pub use filter::{Filter, Scope};
pub use query::{Query, QueryError};
pub use record::{Content, Position, Record};
pub use search::{Direction, Found, search};
pub use snapshot::{Snapshot, Tally};
pub use store::Records;
