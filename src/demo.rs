//! Embedded clusters: the Kubernetes API as a tower service, and a TLS listener on loopback.
//!
//! May use: nothing.
//! Crates: hyper, rustls, rcgen, tokio, serde, toml, regex.

pub mod container;
pub mod clock;
pub mod store;
pub mod log;
pub mod cluster;
pub mod scenario;
pub mod world;
pub mod shell;
pub mod exec;
