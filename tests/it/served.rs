//! Embedded clusters in a process of their own, as `kontrast demo --serve` runs them for any client.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub(crate) const KONTRAST: &str = env!("CARGO_BIN_EXE_kontrast");

/// The serving process and its kubeconfig; gone when dropped.
pub(crate) struct Served {
    process: Child,
    kubeconfig: PathBuf,
    _dir: tempfile::TempDir,
}

impl Served {
    /// Starts the clusters of a scenario and waits until they can be reached.
    pub(crate) fn start(scenario: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let kubeconfig = dir.path().join("kubeconfig.yaml");
        let mut process = Command::new(KONTRAST)
            .args(["demo", "--serve", "--scenario", scenario, "--write-kubeconfig"])
            .arg(&kubeconfig)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let out = process.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.starts_with("export KUBECONFIG="), "{line}");
        Self {
            process,
            kubeconfig,
            _dir: dir,
        }
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs Kontrast against these clusters, without a terminal.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        kontrast(args)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .output()
            .expect("the program runs")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already; a test that cares has looked.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The program with nothing of the user's around it.
pub(crate) fn kontrast(args: &[&str]) -> Command {
    let mut command = Command::new(KONTRAST);
    command
        .args(args)
        .env("KONTRAST_CONFIG_DIR", env!("CARGO_TARGET_TMPDIR"))
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Exit status 2, and all these words on stderr.
#[track_caller]
pub(crate) fn check_refused(output: &Output, words: &[&str]) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for word in words {
        assert!(told.contains(word), "{word:?} is not in {told:?}");
    }
}
