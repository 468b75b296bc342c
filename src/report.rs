//! What is printed for pipelines and people without a screen: records, findings and patterns as text and JSON. The
//! only serialised result types, and the one file that is read beside saved logs; the field names here are a promise.
//!
//! May use: model, text, contrast, logs.
//! Crates: serde.

pub mod json;
pub mod record;
pub mod streams;
pub mod finding;
pub mod patterns;
pub mod progress;
pub mod coverage;
pub mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::ContextId;

/// The names of the contexts, as given by the kubeconfig.
pub type Names = BTreeMap<ContextId, Arc<str>>;
