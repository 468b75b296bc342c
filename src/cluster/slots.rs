//! Who may follow a log: so many of a context at a time, and so many of a node. Each followed log costs its node an
//! inotify instance, of which root has 128 by default: whoever takes more breaks other people's `kubectl logs -f`.
//! The others are polled, which costs a request now and then.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rota::Wishes;

/// Followed logs of one node at a time.
const MOST_OF_NODE: usize = 64;
/// All polls of a context together, a second.
const POLLS_PER_SECOND: usize = 10;
/// The pauses between two polls of a log, in seconds: longer while nothing new comes, and longer the more are polled.
const PAUSES: [u64; 6] = [2, 4, 8, 15, 30, 60];
/// A log without news is asked for them this often all the same.
const LONGEST_QUIET: usize = 3;
/// So many are polled with the longest pause; no others are.
const MOST_POLLED: usize = POLLS_PER_SECOND * 60;

/// The places of one context.
#[derive(Debug)]
pub(super) struct Slots {
    wishes: Wishes,
    most: usize,
    all: Arc<Semaphore>,
    nodes: HashMap<Arc<str>, Arc<Semaphore>>,
    polled: Arc<AtomicUsize>,
}

/// The places that one log may take.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Turns to look into a silence.
    pub(super) wishes: Wishes,
    most: usize,
    all: Arc<Semaphore>,
    node: Arc<Semaphore>,
    polled: Arc<AtomicUsize>,
}

/// A place among the followed; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _all: OwnedSemaphorePermit,
    _node: OwnedSemaphorePermit,
}

/// A place among the polled; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Polling {
    polled: Arc<AtomicUsize>,
    /// Polls in a row that brought nothing.
    vain: usize,
}

impl Slots {
    pub(super) fn new(most: usize, wishes: Wishes) -> Self {
        Self {
            wishes,
            most,
            all: Arc::new(Semaphore::new(most)),
            nodes: HashMap::new(),
            polled: Arc::default(),
        }
    }

    /// The places for a log of a pod on `node`.
    pub(super) fn lane(&mut self, node: &Arc<str>) -> Lane {
        if !self.nodes.contains_key(node) {
            // Nodes come and go with the load; nobody looks at a log of those that went.
            self.nodes.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let node = self
            .nodes
            .entry(Arc::clone(node))
            .or_insert_with(|| Arc::new(Semaphore::new(MOST_OF_NODE)));
        Lane {
            wishes: self.wishes.clone(),
            most: self.most,
            all: Arc::clone(&self.all),
            node: Arc::clone(node),
            polled: Arc::clone(&self.polled),
        }
    }
}

impl Lane {
    /// A place among the followed, or the cap that stands in the way.
    pub(super) fn follow(&self) -> Result<Slot, Arc<str>> {
        let Ok(all) = Arc::clone(&self.all).try_acquire_owned() else {
            return Err(format!("at most {} followed logs per cluster", self.most).into());
        };
        let Ok(node) = Arc::clone(&self.node).try_acquire_owned() else {
            return Err(format!("at most {MOST_OF_NODE} followed logs per node").into());
        };
        Ok(Slot { _all: all, _node: node })
    }

    /// Waits for a place among the followed. Those who wait get theirs in their order.
    pub(super) async fn room(self) -> Option<Slot> {
        // In this order for all: whoever has the node's place waits for the cluster's, and never the other way round.
        let node = self.node.acquire_owned().await.ok()?;
        let all = self.all.acquire_owned().await.ok()?;
        Some(Slot { _all: all, _node: node })
    }

    /// A place among the polled, if there is one.
    pub(super) fn poll(&self) -> Option<Polling> {
        let more = |polled: usize| (polled < MOST_POLLED).then_some(polled + 1);
        let taken = self.polled.try_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Polling {
            polled: Arc::clone(&self.polled),
            vain: 0,
        })
    }
}

impl Polling {
    /// The pause until the next poll.
    pub(super) fn every(&self) -> Duration {
        let fair = self.polled.load(Ordering::Relaxed) / POLLS_PER_SECOND;
        let own = PAUSES.get(self.vain.min(LONGEST_QUIET)).copied().unwrap_or_default();
        let pause = PAUSES.into_iter().find(|secs| *secs >= own && *secs >= fair as u64);
        Duration::from_secs(pause.unwrap_or(60))
    }

    /// The last poll brought something new.
    pub(super) fn brought_news(&mut self) {
        self.vain = 0;
    }

    /// The last poll brought nothing new.
    pub(super) fn was_vain(&mut self) {
        self.vain += 1;
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.polled.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::rota::rota;
    use super::*;

    fn slots(most: usize) -> Slots {
        Slots::new(most, rota().0)
    }

    #[tokio::test]
    async fn whoever_waits_for_a_place_gets_it_when_it_is_left() {
        let mut slots = slots(2);
        let (one, two) = (slots.lane(&"one".into()), slots.lane(&"two".into()));
        let taken = [one.follow().unwrap(), two.follow().unwrap()];
        let mut waiting = Box::pin(one.clone().room());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(taken);
        assert!(waiting.await.is_some());
    }

    #[tokio::test]
    async fn nodes_that_went_are_forgotten() {
        let mut slots = slots(10);
        for n in 0..1000 {
            drop(slots.lane(&format!("node-{n}").into()).follow());
        }
        assert!(slots.nodes.len() <= 2, "{}", slots.nodes.len());
    }

    #[tokio::test]
    async fn a_node_is_followed_64_times_and_a_cluster_as_often_as_asked() {
        let mut slots = slots(70);
        let (one, two) = (slots.lane(&"one".into()), slots.lane(&"two".into()));
        let of_one: Vec<_> = (0..64).map(|_| one.follow().unwrap()).collect();
        assert_eq!(&*one.follow().unwrap_err(), "at most 64 followed logs per node");
        let of_two: Vec<_> = (0..6).map(|_| two.follow().unwrap()).collect();
        assert_eq!(&*two.follow().unwrap_err(), "at most 70 followed logs per cluster");
        drop(of_one);
        assert!(
            one.follow().is_ok() && two.follow().is_ok(),
            "a place that is left is free again"
        );
        drop(of_two);
    }

    #[tokio::test]
    async fn polls_become_rarer_with_their_number_and_while_nothing_comes() {
        let lane = slots(0).lane(&"n".into());
        let mut first = lane.poll().unwrap();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            pauses.push(first.every().as_secs());
            first.was_vain();
        }
        assert_eq!(pauses, [2, 4, 8, 15, 15, 15]);
        first.brought_news();
        assert_eq!(first.every().as_secs(), 2);
        let others: Vec<_> = std::iter::from_fn(|| lane.poll()).collect();
        assert_eq!((others.len(), first.every().as_secs()), (599, 60));
        drop(others);
        assert_eq!(first.every().as_secs(), 2);
    }
}
