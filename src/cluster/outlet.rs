//! Where the tasks of one context send what they learn. The channels are bounded: whoever is faster than its reader
//! waits, and with it the server's stream that it reads.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::{Ingest, Report, Time};

/// The wall clock, as it is handed in.
pub type Now = Arc<dyn Fn() -> Time + Send + Sync>;

/// News wait here for the loop.
const REPORTS: usize = 1024;
/// Batches wait here for the engine. A spool in front of it, so that a slow engine never slows the reading of a
/// socket, has its place in `Outlet::ingest`.
const INGESTS: usize = 256;

/// The sending ends.
#[derive(Clone)]
pub(super) struct Outlet {
    reports: mpsc::Sender<Report>,
    ingests: mpsc::Sender<Ingest>,
    pub(super) now: Now,
}

impl Outlet {
    pub(super) fn new(now: Now) -> (Self, mpsc::Receiver<Report>, mpsc::Receiver<Ingest>) {
        let (reports, report_end) = mpsc::channel(REPORTS);
        let (ingests, ingest_end) = mpsc::channel(INGESTS);
        (Self { reports, ingests, now }, report_end, ingest_end)
    }

    /// Nobody to hear it is not an error: the program is about to end.
    pub(super) async fn report(&self, report: Report) {
        drop(self.reports.send(report).await);
    }

    pub(super) async fn ingest(&self, ingest: Ingest) {
        drop(self.ingests.send(ingest).await);
    }

    pub(super) fn now(&self) -> Time {
        (self.now)()
    }
}
