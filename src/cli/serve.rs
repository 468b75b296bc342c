//! `kontrast demo --serve`: the embedded clusters alone, for any client, until a signal ends them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::app::clock::Clock;
use crate::cli::args;
use crate::cli::failure::Failure;
use crate::demo::{Demo, Scenario};
use crate::files::private;
use crate::term::signals::Signals;

/// Runs the clusters until ctrl-c or SIGTERM, then ends them and takes away a kubeconfig of our own making.
pub async fn serve(demo: &args::Demo, scenario: Scenario, clock: Clock) -> Result<(), Failure> {
    // Before anything can be told to a client: a signal that comes early must end us cleanly too.
    let mut signals = Signals::listen().map_err(|error| Failure::doing("listen for signals", &error))?;
    let clusters = Demo::start(scenario, demo.seed, clock.as_nanos())
        .await
        .map_err(|error| Failure::doing("start the embedded clusters", &error))?;
    if let Some(socket) = &demo.control {
        listen_for_control(&clusters, socket)?;
    }
    let path = demo.write_kubeconfig.clone().unwrap_or_else(temporary_kubeconfig);
    write_kubeconfig(&path, &clusters)?;
    let told = writeln!(io::stdout(), "export KUBECONFIG={}", quoted(&path));
    if told.is_ok() {
        signals.next().await;
    }
    clusters.stop().await;
    if let Some(socket) = &demo.control {
        // A socket that nobody listens on is useless and harmless.
        drop(std::fs::remove_file(socket));
    }
    if demo.write_kubeconfig.is_none() {
        // It points to servers that are gone; a failure leaves a useless file and nothing else.
        drop(std::fs::remove_file(&path));
    }
    told.map_err(|error| Failure::doing("print where the kubeconfig is", &error))
}

#[cfg(unix)]
fn listen_for_control(clusters: &Demo, socket: &Path) -> Result<(), Failure> {
    clusters
        .listen_for_control(socket)
        .map_err(|error| Failure::doing(&format!("listen on {}", socket.display()), &error))
}

#[cfg(not(unix))]
fn listen_for_control(_: &Demo, _: &Path) -> Result<(), Failure> {
    let error = io::Error::from(io::ErrorKind::Unsupported);
    Err(Failure::doing("listen on a Unix socket", &error))
}

pub fn write_kubeconfig(path: &Path, clusters: &Demo) -> Result<(), Failure> {
    private::write(path, clusters.kubeconfig().as_bytes())
        .map_err(|error| Failure::doing(&format!("write the kubeconfig {}", path.display()), &error))
}

fn temporary_kubeconfig() -> PathBuf {
    std::env::temp_dir()
        .join(format!("kontrast-demo-{}", std::process::id()))
        .join("kubeconfig.yaml")
}

/// The path as a word of a POSIX shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | '@' | '%' | ':');
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/k-1/c.yaml")), "/tmp/k-1/c.yaml");
        assert_eq!(quoted(Path::new("/tmp/it's mine")), r"'/tmp/it'\''s mine'");
    }
}
