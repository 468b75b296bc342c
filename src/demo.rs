//! Embedded clusters: the Kubernetes API as a tower service, and a TLS listener on loopback.
//!
//! May use: nothing.
//! Crates: hyper, rustls, rcgen, tokio, serde, toml, regex.

pub mod container;
pub mod clock;
pub mod store;
pub mod log;
pub mod scenario;
pub mod wire;
pub mod traffic;
pub mod record;
pub mod trouble;
pub mod cluster;
pub mod world;
pub mod shell;
pub mod exec;
pub mod api;
pub mod tls;
pub mod kubeconfig;
pub mod control;
pub mod serve;

pub use control::Control;
pub use scenario::{Scenario, ScenarioError};
pub use serve::{Demo, DemoError};
