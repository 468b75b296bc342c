//! What is printed for pipelines and people without a screen: records and findings as text and JSON. The only
//! serialised result type; the field names here are a promise.
//!
//! May use: model, text, contrast, logs.
//! Crates: serde.

pub mod json;
pub mod record;
pub mod finding;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::ContextId;

/// The names of the contexts, as given by the kubeconfig.
pub type Names = BTreeMap<ContextId, Arc<str>>;
