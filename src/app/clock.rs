//! The one clock. Wall time that never steps back: the wall clock at the start plus the monotonic time since.

#![expect(clippy::disallowed_methods, reason = "this file is the one place that reads a clock")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::model::Time;

/// A clock that was started once. A step of the system's clock moves it not at all, a suspended laptop may.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    wall: Time,
}

impl Clock {
    pub fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            wall: Time(nanos(since_epoch)),
        }
    }

    pub fn now(&self) -> Time {
        Time(self.wall.0.saturating_add(nanos(self.started.elapsed())))
    }

    /// The clock for whoever only knows plain numbers: Unix nanoseconds.
    pub fn as_nanos(self) -> Arc<dyn Fn() -> i64 + Send + Sync> {
        Arc::new(move || self.now().nanos())
    }

    /// How long until `time`; zero if it has passed.
    pub fn until(&self, time: Time) -> Duration {
        Duration::from_nanos(u64::try_from(time.since(self.now()).nanos()).unwrap_or(0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
