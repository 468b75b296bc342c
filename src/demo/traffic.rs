//! What clients ask of a cluster, as its server counts it: requests, logs that are being opened, and how long an outage
//! takes them.
#![expect(
    clippy::disallowed_types,
    reason = "every request counts itself while the control reads; the lock is never held across an await"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// The time over which requests are added up.
const SECOND: Duration = Duration::from_secs(1);
/// Outages and stalls of which something is kept, the first ones.
const MOST: usize = 1000;

/// The counts of one cluster. A cheap handle.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    requests: u64,
    /// The requests of the last second.
    recent: VecDeque<Instant>,
    most: Most,
    /// Requests for logs that have not been answered.
    opening: usize,
    /// How often each container's log is followed at this moment, by container ID.
    open: BTreeMap<String, usize>,
    most_open: usize,
    outages: Vec<Outage>,
    /// How long each stalled log had been silent when its client gave it up.
    abandoned: Vec<Duration>,
}

/// The most there was at once.
#[derive(Clone, Copy, Default)]
struct Most {
    in_a_second: usize,
    opening: usize,
}

struct Outage {
    kind: &'static str,
    began: Instant,
    over: Option<Instant>,
    /// Logs that were followed when it began.
    streams: usize,
    /// Those of them that have not been opened since it was over.
    missing: BTreeSet<String>,
    /// When a client first tried to connect in it.
    tried: Option<Instant>,
    back: Option<Instant>,
    /// Between its end and `back`.
    most: Most,
}

impl Traffic {
    /// A request has come.
    pub fn asked(&self) {
        let now = Instant::now();
        let mut counts = self.lock();
        counts.requests += 1;
        counts.recent.push_back(now);
        while counts.recent.front().is_some_and(|first| now - *first >= SECOND) {
            counts.recent.pop_front();
        }
        counts.measure();
    }

    /// A request for a log has come; what this gives is dropped when it is answered.
    pub fn opening(&self) -> Opening {
        let mut counts = self.lock();
        counts.opening += 1;
        counts.measure();
        drop(counts);
        Opening(self.clone())
    }

    /// A log is followed until what this gives is dropped.
    pub fn followed(&self, id: &str) -> Followed {
        let now = Instant::now();
        let mut counts = self.lock();
        *counts.open.entry(id.to_owned()).or_default() += 1;
        counts.most_open = counts.most_open.max(counts.open.values().sum());
        for outage in counts.outages.iter_mut().filter(|outage| outage.over.is_some()) {
            if outage.missing.remove(id) && outage.missing.is_empty() {
                outage.back = Some(now);
            }
        }
        drop(counts);
        Followed {
            traffic: self.clone(),
            id: id.to_owned(),
        }
    }

    /// A TCP connection has been taken.
    pub fn connected(&self) {
        let now = Instant::now();
        let mut counts = self.lock();
        for outage in counts.outages.iter_mut().filter(|outage| outage.over.is_none()) {
            outage.tried.get_or_insert(now);
        }
    }

    /// The cluster cannot be reached any more.
    pub fn outage(&self, kind: &'static str) {
        let mut counts = self.lock();
        if counts.outages.len() < MOST {
            let missing: BTreeSet<String> = counts.open.keys().cloned().collect();
            counts.outages.push(Outage {
                kind,
                began: Instant::now(),
                over: None,
                streams: missing.len(),
                missing,
                tried: None,
                back: None,
                most: Most::default(),
            });
        }
    }

    /// The cluster can be reached again.
    pub fn over(&self, kind: &str) {
        let now = Instant::now();
        let mut counts = self.lock();
        let open = counts
            .outages
            .iter_mut()
            .find(|outage| outage.kind == kind && outage.over.is_none());
        if let Some(outage) = open {
            outage.over = Some(now);
            if outage.missing.is_empty() {
                outage.back = Some(now);
            }
        }
    }

    /// A client has left a log that was silent for so long.
    pub fn abandoned(&self, silent: Duration) {
        let mut counts = self.lock();
        if counts.abandoned.len() < MOST {
            counts.abandoned.push(silent);
        }
    }

    /// The counts, times in milliseconds.
    pub fn json(&self) -> Value {
        let counts = self.lock();
        let outages = counts.outages.iter().map(|outage| {
            let since = |from: Option<Instant>, to: Option<Instant>| Some(millis(to?.saturating_duration_since(from?)));
            json!({
                "kind": outage.kind, "streams": outage.streams, "missing": outage.missing.len(),
                "lasted": since(Some(outage.began), outage.over), "tried": since(Some(outage.began), outage.tried),
                "back": since(outage.over, outage.back), "in_a_second": outage.most.in_a_second,
                "opening": outage.most.opening,
            })
        });
        json!({
            "requests": counts.requests, "in_a_second": counts.most.in_a_second, "opening": counts.most.opening,
            "open": counts.open.values().sum::<usize>(), "most_open": counts.most_open,
            "outages": outages.collect::<Vec<_>>(),
            "abandoned": counts.abandoned.iter().map(|silent| millis(*silent)).collect::<Vec<_>>(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // No code that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn measure(&mut self) {
        let now = Most {
            in_a_second: self.recent.len(),
            opening: self.opening,
        };
        self.most = self.most.or(now);
        let recovering = |outage: &&mut Outage| outage.over.is_some() && outage.back.is_none();
        for outage in self.outages.iter_mut().filter(recovering) {
            outage.most = outage.most.or(now);
        }
    }
}

impl Most {
    fn or(self, other: Self) -> Self {
        Self {
            in_a_second: self.in_a_second.max(other.in_a_second),
            opening: self.opening.max(other.opening),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A request for a log that has not been answered.
pub struct Opening(Traffic);

impl Drop for Opening {
    fn drop(&mut self) {
        let mut counts = self.0.lock();
        counts.opening = counts.opening.saturating_sub(1);
    }
}

/// A log that is followed.
pub struct Followed {
    traffic: Traffic,
    id: String,
}

impl Drop for Followed {
    fn drop(&mut self) {
        let mut counts = self.traffic.lock();
        if let Some(times) = counts.open.get_mut(&self.id) {
            *times = times.saturating_sub(1);
            if *times == 0 {
                counts.open.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_most_in_any_one_second_is_kept() {
        let traffic = Traffic::default();
        for pause in [0, 400, 400, 400, 5000] {
            tokio::time::advance(Duration::from_millis(pause)).await;
            traffic.asked();
        }
        let counts = traffic.json();
        assert_eq!((&counts["requests"], &counts["in_a_second"]), (&json!(5), &json!(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_over_for_a_client_when_every_log_is_open_again() {
        let traffic = Traffic::default();
        let logs = [traffic.followed("a"), traffic.followed("b")];
        traffic.outage("restart-server");
        drop(logs);
        tokio::time::advance(Duration::from_secs(5)).await;
        traffic.over("restart-server");
        let first = (traffic.followed("a"), traffic.opening());
        tokio::time::advance(Duration::from_millis(700)).await;
        assert_eq!(traffic.json()["outages"][0]["back"], Value::Null);
        let _second = (traffic.followed("b"), traffic.opening());
        drop(first);
        let outage = &traffic.json()["outages"][0];
        assert_eq!((&outage["lasted"], &outage["back"]), (&json!(5000), &json!(700)));
        assert_eq!((&outage["streams"], &outage["missing"]), (&json!(2), &json!(0)));
        assert_eq!(traffic.json()["open"], 1);
        assert_eq!(traffic.json()["opening"], 2);
    }
}
