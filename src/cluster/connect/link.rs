//! The clients of one context, and the seats of log streams on its connections: how many a connection takes, and how
//! often the server may be asked.

#![expect(
    clippy::disallowed_types,
    reason = "connections are added by whichever stream finds no seat on the others"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::super::bucket::Bucket;
use super::super::cause::Failure;
use super::super::hold::Hold;
use super::carrier::Most;
use super::stack::Stack;
use crate::model::Time;

/// Kubernetes allows 100 by default (`--http2-max-streams-per-connection`).
const STREAMS_PER_CONNECTION: usize = 80;
const WARM_UP: Duration = Duration::from_secs(20);
/// Log requests on their way at the same time.
const PARALLEL_OPENS: usize = 32;
/// Requests for logs: 30 a second, 10 at once; with all others they are not more than 50 in any second.
const PACE: Duration = Duration::from_micros(33_333);
const BURST: u32 = 10;
/// Logs that are read to their end and not followed, at the same time.
const BRIEF: usize = 16;

/// The clients of one context, with one set of credentials.
pub(in crate::cluster) struct Link {
    /// Counts the links of a context, so that a late complaint about an old one is known as such.
    pub(in crate::cluster) generation: u64,
    /// Lists, single questions, exec sessions.
    pub(in crate::cluster) api: Client,
    pub(in crate::cluster) watches: Client,
    stack: Stack,
    /// Logs that are not followed.
    brief: Client,
    brief_room: Arc<Semaphore>,
    /// Log streams that there will be at most, and so connections: a server may allow one stream on each.
    streams: usize,
    shards: Mutex<Vec<Arc<Shard>>>,
    opens: Arc<Semaphore>,
    pace: Bucket,
    /// Whether the server wants to be left alone.
    pub(in crate::cluster) hold: Hold,
    made: Instant,
    /// When the credentials of a plugin expire, as far as it is known.
    pub(in crate::cluster) expires: Option<Time>,
    /// Until when the client certificate is good.
    pub(in crate::cluster) certificate: Option<Time>,
    /// Whether a plugin gave the credentials.
    pub(in crate::cluster) by_plugin: bool,
}

/// One connection's worth of log streams.
struct Shard {
    client: Client,
    /// What the server allows.
    most: Most,
    taken: AtomicUsize,
    /// Whether its connection stands. Its first request brings it up and learns what the server allows.
    warm: AtomicBool,
    warming: Semaphore,
}

/// A log stream's seat on a connection.
pub(in crate::cluster) struct Seat {
    pub(in crate::cluster) client: Client,
    place: Place,
}

/// Where a seat is.
enum Place {
    /// Beside other followed logs.
    Shared(Arc<Shard>),
    /// Among those that are read to their end.
    Brief { _room: OwnedSemaphorePermit },
}

impl Link {
    pub(super) fn new(stack: Stack, generation: u64, streams: usize) -> Self {
        Self {
            generation,
            api: stack.plain(),
            watches: stack.pinged(),
            brief: stack.pinged(),
            brief_room: Arc::new(Semaphore::new(BRIEF)),
            hold: stack.hold(),
            stack,
            streams: streams.max(1),
            shards: Mutex::default(),
            opens: Arc::new(Semaphore::new(PARALLEL_OPENS)),
            pace: Bucket::new(PACE, BURST),
            made: Instant::now(),
            expires: None,
            certificate: None,
            by_plugin: false,
        }
    }

    /// A seat for one more log stream on the first connection that has room.
    pub(in crate::cluster) async fn seat(&self) -> Result<Seat, Failure> {
        for n in 0..self.streams {
            let shard = self.shard(n);
            let Some(seat) = Seat::taken(&shard) else { continue };
            self.hold.over().await;
            shard.warm_up().await?;
            // Only now it is known how many streams the server allows.
            if !shard.is_overfull() {
                return Ok(seat);
            }
        }
        Err(Failure::broken("no connection has room for another log stream"))
    }

    /// A seat for a log that is read to its end as it is now.
    pub(in crate::cluster) async fn brief_seat(&self) -> Result<Seat, Failure> {
        let room = Arc::clone(&self.brief_room).acquire_owned().await;
        let room = room.map_err(|_| Failure::broken("the connection was closed"))?;
        Ok(Seat {
            client: self.brief.clone(),
            place: Place::Brief { _room: room },
        })
    }

    fn shard(&self, n: usize) -> Arc<Shard> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shards.get(n) {
            return Arc::clone(shard);
        }
        let (client, most) = self.stack.logs();
        let shard = Arc::new(Shard::new(client, most));
        shards.push(Arc::clone(&shard));
        shard
    }

    /// Waits until one of the few requests that may be on their way at a time can be sent. Nothing on the server's side
    /// protects the kubelets: requests for logs are exempt from its priority and fairness.
    pub(in crate::cluster) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.opens).acquire_owned().await.ok();
        loop {
            sleep(self.pace.take(self.made.elapsed())).await;
            if self.hold.left().is_zero() {
                return turn;
            }
            // Those who waited for it do not come all at once.
            self.hold.over().await;
        }
    }
}

impl Shard {
    fn new(client: Client, most: Most) -> Self {
        Self {
            client,
            most,
            taken: AtomicUsize::new(0),
            warm: AtomicBool::new(false),
            warming: Semaphore::new(1),
        }
    }

    fn room(&self) -> usize {
        // A server that allows none would be waited for; it may change its mind.
        self.most.streams().clamp(1, STREAMS_PER_CONNECTION)
    }

    fn is_overfull(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.room()
    }

    /// Brings the connection up, one request for all who wait for it.
    async fn warm_up(&self) -> Result<(), Failure> {
        if self.warm.load(Ordering::Acquire) {
            return Ok(());
        }
        let Ok(_only) = self.warming.acquire().await else {
            return Ok(());
        };
        if self.warm.load(Ordering::Acquire) {
            return Ok(());
        }
        match timeout(WARM_UP, self.client.apiserver_version()).await {
            // Refused is an answer too: the connection stands.
            Ok(Ok(_) | Err(kube::Error::Api(_))) => {}
            Ok(Err(error)) => return Err(Failure::of(&error)),
            Err(_) => return Err(Failure::no_answer(WARM_UP)),
        }
        self.warm.store(true, Ordering::Release);
        Ok(())
    }
}

impl Seat {
    fn taken(shard: &Arc<Shard>) -> Option<Self> {
        let room = shard.room();
        let one_more = |taken: usize| (taken < room).then_some(taken + 1);
        shard
            .taken
            .try_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Self {
            client: shard.client.clone(),
            place: Place::Shared(Arc::clone(shard)),
        })
    }

    /// The connection broke: the next stream has to bring it up anew.
    pub(in crate::cluster) fn broke(&self) {
        match &self.place {
            Place::Shared(shard) => shard.warm.store(false, Ordering::Release),
            Place::Brief { .. } => {}
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        match &self.place {
            Place::Shared(shard) => drop(shard.taken.fetch_sub(1, Ordering::Relaxed)),
            Place::Brief { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many who take a seat before it is known what the server allows, so many stay.
    fn check(wanted: usize, allowed: usize, stay: usize) {
        let client = Client::new(
            tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>().0,
            "",
        );
        let most = Most::unknown();
        let shard = Arc::new(Shard::new(client, most.clone()));
        let mut seats: Vec<_> = std::iter::from_fn(|| Seat::taken(&shard)).take(wanted).collect();
        assert_eq!(seats.len(), wanted.min(STREAMS_PER_CONNECTION));
        most.learn(allowed);
        // Each in its turn gives up its seat if there are too many.
        let mut n = 0;
        while n < seats.len() {
            if shard.is_overfull() {
                drop(seats.remove(n));
            } else {
                n += 1;
            }
        }
        assert_eq!(seats.len(), stay);
        assert_eq!(
            Seat::taken(&shard).is_some(),
            stay < allowed.clamp(1, STREAMS_PER_CONNECTION)
        );
        drop(seats);
        assert!(Seat::taken(&shard).is_some());
    }

    #[tokio::test]
    async fn no_more_streams_share_a_connection_than_the_server_allows() {
        check(60, 10, 10);
        check(60, 100, 60);
        check(200, 100, 80);
        check(5, 0, 1);
        check(5, usize::MAX, 5);
    }
}
