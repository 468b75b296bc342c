//! One actor per context: connect, watch, logs, exec. Kubernetes types end here.
//!
//! May use: model.
//! Crates: kube, k8s_openapi, tokio, hyper, rustls, serde, regex.
mod memory;
mod proxy;
mod cause;
pub mod kuberc;
mod plugin;
pub mod trust;
pub mod kubeconfig;
pub mod query;
mod backoff;
mod bucket;
mod certificate;
mod hold;
mod rota;
mod slots;
mod connect;
mod owner;
mod rows;
mod events;
mod skew;
mod outlet;
mod feed;
mod health;
mod stream;
mod exec;
mod rights;
mod access;
mod followed;
mod shelf;
mod actor;
pub mod handle;

pub use exec::{ExecEvent, ExecInput};
pub use handle::{Controls, Handle, open};
pub use kubeconfig::{Contexts, KubeconfigError, Offer};
pub use kuberc::{Places, Policy};
pub use outlet::Now;
pub use query::{Namespaces, PodQuery, Watching};
pub use trust::{Kubeconfigs, Strangers, Trust};
