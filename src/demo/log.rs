//! The log file of one container instance, as the kubelet keeps it: stamped lines, appended, followed, rotated.
#![expect(
    clippy::disallowed_types,
    reason = "the container writes while requests read; the lock is never held across an await"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

/// Lines kept of one log; the oldest are dropped, as rotation drops them in a real node.
pub const RETAINED: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unix nanoseconds at which the runtime read it.
    pub nanos: i64,
    pub stream: Stream,
    /// Without the newline.
    pub bytes: Bytes,
}

/// A handle on one log. Lines are counted from 0, and a dropped line keeps its number.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<usize>,
}

struct Inner {
    entries: VecDeque<Entry>,
    dropped: usize,
    ended: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    pub fn new() -> Self {
        let inner = Inner {
            entries: VecDeque::new(),
            dropped: 0,
            ended: false,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            changed: watch::Sender::new(0),
        }
    }

    /// Writes a line; ignored after the end.
    pub fn append(&self, entry: Entry) {
        let mut inner = self.lock();
        if inner.ended {
            return;
        }
        inner.entries.push_back(entry);
        if inner.entries.len() > RETAINED {
            inner.entries.pop_front();
            inner.dropped += 1;
        }
        self.changed.send_replace(inner.len());
    }

    /// The container has exited: nothing more will come.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        self.changed.send_replace(inner.len());
    }

    pub fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// The lines numbered `from` and later that are still kept. Use [`Log::follow`] to read on from where it ended.
    pub fn read(&self, from: usize) -> Vec<Entry> {
        self.follow(from).0
    }

    /// The kept lines numbered `from` and later, and the number to ask for next time.
    pub fn follow(&self, from: usize) -> (Vec<Entry>, usize) {
        let inner = self.lock();
        let skipped = from.saturating_sub(inner.dropped);
        (
            inner.entries.iter().skip(skipped).cloned().collect(),
            inner.len().max(from),
        )
    }

    /// Lines ever written, those dropped since included.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells of every append and of the end; holds the number of lines ever written.
    pub fn changed(&self) -> watch::Receiver<usize> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that can panic runs under this lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.dropped + self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Entry {
        let nanos = i64::try_from(number).unwrap();
        Entry {
            nanos,
            stream: Stream::Stdout,
            bytes: Bytes::from(format!("line {number}")),
        }
    }

    #[test]
    fn a_follower_reads_every_line_once() {
        let log = Log::new();
        let mut changed = log.changed();
        log.append(line(0));
        log.append(line(1));
        assert!(changed.has_changed().unwrap());
        assert_eq!(*changed.borrow_and_update(), 2);
        let (first, next) = log.follow(0);
        assert_eq!((first, next), (vec![line(0), line(1)], 2));
        assert!(log.follow(next).0.is_empty());
        log.append(line(2));
        assert_eq!(log.follow(next), (vec![line(2)], 3));
        assert_eq!(log.read(1).len(), 2);
    }

    #[test]
    fn the_end_is_told_and_final() {
        let log = Log::new();
        log.append(line(0));
        let mut changed = log.changed();
        changed.mark_unchanged();
        log.end();
        assert!(changed.has_changed().unwrap(), "even though the length is as before");
        assert!(log.is_ended());
        log.append(line(1));
        assert_eq!(log.len(), 1);
    }

    #[test]
    fn old_lines_are_dropped_but_keep_their_numbers() {
        let log = Log::new();
        for number in 0..RETAINED + 5 {
            log.append(line(number));
        }
        assert_eq!(log.len(), RETAINED + 5);
        let (kept, next) = log.follow(0);
        assert_eq!((kept.len(), next), (RETAINED, RETAINED + 5));
        assert_eq!(kept[0], line(5));
        assert_eq!(log.read(RETAINED + 3), [line(RETAINED + 3), line(RETAINED + 4)]);
        assert_eq!(log.follow(RETAINED + 9), (vec![], RETAINED + 9));
    }
}
