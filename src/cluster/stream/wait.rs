//! What following a log waits for, and lengths of time as the two clocks count them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::instance::Fate;
use crate::model::Span;

/// What a response is not waited for beyond.
pub(super) struct Clocks {
    pub(super) settle: Option<Instant>,
    pub(super) silence: Option<Instant>,
    pub(super) last_call: Option<Instant>,
    /// The silence is looked into.
    pub(super) vigil: Option<Instant>,
    /// What was dropped is told.
    pub(super) dropped: Option<Instant>,
}

impl Clocks {
    /// When the next of them strikes.
    pub(super) fn next(&self) -> Option<Instant> {
        let clocks = [self.settle, self.silence, self.last_call, self.vigil, self.dropped];
        clocks.into_iter().flatten().min()
    }
}

pub(super) async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Whoever knew the fate has ended: it will not change any more.
pub(super) async fn fate_changed(fate: &mut watch::Receiver<Fate>) {
    if fate.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whole seconds, rounded up, not negative.
pub(super) fn ceil_secs(span: Span) -> i64 {
    let nanos = span.nanos().max(0);
    nanos / 1_000_000_000 + i64::from(nanos % 1_000_000_000 > 0)
}

pub(super) fn span(duration: Duration) -> Span {
    Span(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}
