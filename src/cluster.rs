//! One actor per context: connect, watch, logs, exec. Kubernetes types end here.
//!
//! May use: model.
//! Crates: kube, k8s_openapi, tokio, hyper, rustls, serde, regex.

pub mod kubeconfig;

pub use kubeconfig::{Contexts, KubeconfigError, Offer};
