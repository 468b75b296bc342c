//! What one container looks like from inside: files, environment, packages, processes. Deterministic, from the scenario.

use std::collections::BTreeMap;

/// The inside of one container instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The pod's name.
    pub hostname: String,
    pub image: String,
    pub user: String,
    pub workdir: String,
    pub env: BTreeMap<String, String>,
    /// Absolute path to content; directories are implied by the paths below them (a path that ends in `/` is an
    /// empty directory).
    pub files: BTreeMap<String, Vec<u8>>,
    /// Python distributions: name to version.
    pub packages: BTreeMap<String, String>,
    /// Packages of the image's operating system: name to version.
    pub os_packages: BTreeMap<String, String>,
    /// Whether there is a shell; a distroless image has none.
    pub shell: bool,
    /// The command line of process 1.
    pub command: Vec<String>,
    /// Unix seconds at which this instance started.
    pub started: i64,
}
