//! A hold on running clusters for tests: makes faults come, and tells what the clusters themselves know.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use crate::demo::cluster::{Cluster, Request};
use crate::demo::scenario::Scenario;

/// The hold. A cheap handle.
#[derive(Clone)]
pub struct Control {
    scenario: Scenario,
    clusters: Vec<Cluster>,
}

impl Control {
    pub fn new(scenario: Scenario, clusters: Vec<Cluster>) -> Self {
        Self { scenario, clusters }
    }

    /// Makes a fault come, written as in `[[fault]]` but in one line, in JSON or TOML:
    /// `{kind = "black-hole", for = "1m", cluster = "prod"}`. Its times count from now.
    pub fn fault(&self, text: &str) -> Result<(), String> {
        let fault = self.scenario.fault(text)?;
        for cluster in self.clusters.iter().filter(|cluster| fault.is_of(cluster.name())) {
            cluster.request(Request::Fault(Box::new(fault.clone())));
        }
        Ok(())
    }

    /// What numbered containers have written, as one JSON object a line; see [`crate::demo::record::Book::ndjson`].
    pub fn record(&self) -> String {
        let of = |cluster: &Cluster| cluster.trouble().book().ndjson(cluster.name());
        self.clusters.iter().map(of).collect()
    }

    /// How often each kind of fault has come, over all clusters.
    pub fn faults(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for cluster in &self.clusters {
            for (kind, times) in cluster.trouble().book().faults() {
                *all.entry(kind).or_default() += times;
            }
        }
        all
    }

    /// Does what a line says and gives the line to answer: `record PATH` writes [`Control::record`] to a new file,
    /// `faults` gives the numbers as JSON, and everything else is a fault, answered with `ok`.
    pub fn obey(&self, line: &str) -> Result<String, String> {
        let line = line.trim();
        if let Some(path) = line.strip_prefix("record ") {
            return write_new(Path::new(path.trim()), &self.record())
                .map(|()| "ok".to_owned())
                .map_err(|error| format!("write {path}: {error}"));
        }
        if line == "faults" {
            return serde_json::to_string(&self.faults()).map_err(|error| error.to_string());
        }
        self.fault(line).map(|()| "ok".to_owned())
    }
}

/// A file of before is never overwritten: whoever reaches the socket must not be able to destroy one.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    std::fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// Answers whoever connects, one after the other, until the clusters stop.
#[cfg(unix)]
pub(super) async fn serve(listener: tokio::net::UnixListener, control: Control, stop: CancellationToken) {
    loop {
        let talk = async {
            let (stream, _) = listener.accept().await?;
            converse(stream, &control).await
        };
        tokio::select! {
            () = stop.cancelled() => return,
            // Who went in the middle has gone; the next is waited for.
            ended = talk => drop(ended),
        }
    }
}

#[cfg(unix)]
async fn converse(stream: tokio::net::UnixStream, control: &Control) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = control.obey(&line).unwrap_or_else(|wrong| format!("error: {wrong}"));
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}
