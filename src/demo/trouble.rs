//! What is wrong with a cluster at the moment: read by its listener, its answers and its logs, written by its life.
#![expect(
    clippy::disallowed_types,
    reason = "the life of the cluster writes it while requests read; the lock is never held across an await"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::demo::record::{Book, sum};
use crate::demo::scenario::fault::{Cut, Fault, Kind, Requests};
use crate::demo::wire::{End, Hold};

/// The trouble of one cluster. A cheap handle.
#[derive(Clone)]
pub struct Trouble(Arc<Inner>);

struct Inner {
    book: Book,
    seed: AtomicU64,
    /// How often random numbers were drawn for each name.
    drawn: Mutex<HashMap<String, u64>>,
    /// How far the cluster's clock is from the true time, in nanoseconds.
    skew: AtomicI64,
    streams: watch::Sender<Vec<Armed>>,
    listener: watch::Sender<Listener>,
    nodes: watch::Sender<BTreeMap<String, Instant>>,
    refusals: Mutex<Vec<(u64, Arc<Fault>)>>,
    wires: Mutex<Vec<Hold>>,
}

/// A fault that comes to each followed log by its own time.
#[derive(Clone)]
pub struct Armed {
    pub fault: Arc<Fault>,
    pub from: Instant,
    pub until: Option<Instant>,
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Outages of the server at this moment; refused while there is one.
    pub down: u32,
    /// Black holes at this moment; accepted and silent while there is one.
    pub silent: u32,
}

impl Default for Trouble {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Trouble {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Inner {
            book: Book::default(),
            seed: AtomicU64::new(seed),
            drawn: Mutex::default(),
            skew: AtomicI64::new(0),
            streams: watch::Sender::default(),
            listener: watch::Sender::default(),
            nodes: watch::Sender::default(),
            refusals: Mutex::default(),
            wires: Mutex::default(),
        }))
    }

    pub fn book(&self) -> &Book {
        &self.0.book
    }

    /// From now on what is random follows from this.
    pub fn reseed(&self, seed: u64) {
        self.0.seed.store(seed, Ordering::Relaxed);
    }

    /// Random numbers for the next of a name's streams. They follow from the seed, the name and which of its streams it
    /// is, so that nothing depends on the order in which a client opens the streams of several.
    pub fn rng(&self, name: &str) -> Rng {
        let mut drawn = lock(&self.0.drawn);
        let nth = drawn.entry(name.to_owned()).or_default();
        *nth += 1;
        let (seed, step) = (self.0.seed.load(Ordering::Relaxed), 0x9e37_79b9_7f4a_7c15_u64);
        Rng::with_seed(seed ^ sum(name.as_bytes()).wrapping_add(nth.wrapping_mul(step)))
    }

    pub fn skew(&self) -> i64 {
        self.0.skew.load(Ordering::Relaxed)
    }

    pub fn jump(&self, nanos: i64) {
        self.0.skew.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Lets a fault of streams come to those that are open and those to come.
    pub fn arm(&self, armed: Armed) {
        self.0.streams.send_modify(|all| {
            let now = Instant::now();
            // What came once has come, and what may not come any more will not.
            all.retain(|old| {
                let is_over = old.until.is_some_and(|until| until < now);
                let was_once = old.fault.every.is_none() && old.from + Duration::from_mins(1) < now;
                !is_over && !was_once
            });
            all.push(armed);
        });
    }

    pub fn streams(&self) -> watch::Receiver<Vec<Armed>> {
        self.0.streams.subscribe()
    }

    /// Changes what becomes of new connections, and of the open ones with it.
    pub fn listen(&self, change: impl FnOnce(&mut Listener)) {
        self.0.listener.send_modify(change);
        let now = *self.0.listener.borrow();
        self.each_wire(|wire| {
            wire.set_silent(now.silent > 0);
            if now.down > 0 {
                wire.end(End::Fin, 0);
            }
        });
    }

    pub fn listener(&self) -> watch::Receiver<Listener> {
        self.0.listener.subscribe()
    }

    /// A hold on a new connection.
    pub fn wire(&self) -> Hold {
        let hold = Hold::default();
        let mut wires = lock(&self.0.wires);
        wires.retain(|wire| !wire.is_dropped());
        wires.push(hold.clone());
        drop(wires);
        // After it is in the list, so that no change is missed.
        hold.set_silent(self.0.listener.borrow().silent > 0);
        hold
    }

    /// Ends open connections; each has its own form.
    pub fn disconnect(&self, fault: &Fault) {
        let mut rng = self.rng("connections");
        self.each_wire(|wire| {
            let cut = fault.cut(&mut rng);
            self.0.book.count(&format!("disconnect {}", cut.name()));
            cut_wire(wire, cut, rng.usize(1..200));
        });
    }

    fn each_wire(&self, mut each: impl FnMut(&Hold)) {
        let wires = lock(&self.0.wires);
        wires.iter().filter(|wire| !wire.is_dropped()).for_each(&mut each);
    }

    /// Refuses requests, or lets them wait, until [`Trouble::admit`] is called with the same name.
    pub fn refuse(&self, name: u64, fault: Arc<Fault>) {
        lock(&self.0.refusals).push((name, fault));
    }

    pub fn admit(&self, name: u64) {
        lock(&self.0.refusals).retain(|(of, _)| *of != name);
    }

    /// How a request is refused: the status code and the seconds of `Retry-After`.
    pub fn refusal(&self, requests: Requests) -> Option<(u16, Option<u32>)> {
        let refusals = lock(&self.0.refusals);
        let of = |fault: &Fault| fault.requests.is_empty() || fault.requests.contains(&requests);
        let (_, fault) = refusals
            .iter()
            .find(|(_, fault)| fault.kind == Kind::Status && of(fault))?;
        let code = fault.code?;
        self.0.book.count(&format!("status {code}"));
        Some((code, fault.retry_after))
    }

    /// How long such a request waits for its answer.
    pub fn lateness(&self, requests: Requests) -> Option<Duration> {
        let refusals = lock(&self.0.refusals);
        let of = |fault: &Fault| fault.requests.is_empty() || fault.requests.contains(&requests);
        let (_, fault) = refusals
            .iter()
            .find(|(_, fault)| fault.kind == Kind::Late && of(fault))?;
        let nanos = fault.by.map_or(0, |by| by.0);
        self.0.book.count("late");
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
    }

    /// A node that cannot be reached, or can again.
    pub fn lose(&self, node: &str) {
        self.0.nodes.send_modify(|nodes| {
            nodes.entry(node.to_owned()).or_insert_with(Instant::now);
        });
    }

    pub fn find(&self, node: &str) {
        self.0.nodes.send_modify(|nodes| nodes.retain(|lost, _| lost != node));
    }

    /// The nodes that cannot be reached, each since when.
    pub fn nodes(&self) -> watch::Receiver<BTreeMap<String, Instant>> {
        self.0.nodes.subscribe()
    }

    pub fn has_lost(&self, node: &str) -> bool {
        self.0.nodes.borrow().contains_key(node)
    }
}

/// Ends a connection in a form; `bytes` more are written where it ends inside something.
pub fn cut_wire(wire: &Hold, cut: Cut, bytes: usize) {
    match cut {
        Cut::Eof => wire.end(End::Fin, 0),
        Cut::Reset => wire.end(End::Reset, 0),
        Cut::HalfClose => wire.end(End::HalfClose, 0),
        Cut::MidLine | Cut::MidUtf8 | Cut::MidChunk => wire.end(End::Fin, bytes),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
