//! Reads one container instance's log to its end: asks, waits, resumes, and tells what was and was not read.
//!
//! An end of the response says nothing about the container: the kubelet's death looks the same. What became of the
//! instance is its fate, which the pod watch tells; the end of its log is read when the fate says that it ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::instance::{Fate, Place};
use super::news::Teller;
use super::pass::{FOR_EVER, Follow, Pass, Run, SILENCE, WATCH_LAG};
use super::reader::{Missing, Reader};
use super::request::Follows;
use super::told::Told;
use super::wait::{fate_changed, span};
use crate::cluster::backoff::Backoff;
use crate::cluster::cause::{Failure, FailureKind, short};
use crate::cluster::connect::PING_BLINDNESS;
use crate::model::{Gap, GapCause, StreamState, Time};

const HEALTHY: Duration = Duration::from_secs(30);
/// Rights may be granted later.
const DENIED_PAUSE: Duration = Duration::from_mins(1);

/// Whether there is more to do.
enum Next {
    Again,
    Done,
}

impl Follow {
    /// Runs until the instance's log is read, or until it is dropped.
    pub(in crate::cluster) async fn run(self) {
        let told = Told::new(self.source.id, self.outlet.clone(), &self.memory);
        let teller = Teller::new(&self.source, self.news.clone());
        let (reader, backoff) = (Reader::new(Arc::clone(&self.memory.seen)), Backoff::of_stream());
        let run = Run {
            follow: self,
            reader,
            was_open: false,
            told,
            teller,
            backoff,
        };
        run.run().await;
    }
}

impl Run {
    async fn run(mut self) {
        self.announce().await;
        let Some(_slot) = self.slot().await else {
            return self.gone().await;
        };
        loop {
            let fate = *self.follow.fate.borrow_and_update();
            let next = match fate {
                Fate::Running => self.read(Place::Current, Follows::Yes).await,
                Fate::Ended { place, .. } => self.read(place, Follows::No).await,
                Fate::Overtaken => return self.overtaken().await,
                Fate::Gone => return self.gone().await,
            };
            if matches!(next, Next::Done) {
                return;
            }
        }
    }

    async fn announce(&mut self) {
        self.told.opened(self.follow.source.clone()).await;
        if let Some(gap) = self.follow.gap.take() {
            self.told.gap(gap);
        }
    }

    /// A place among the streams that may be open at a time; nothing if the pod went before there was one.
    async fn slot(&mut self) -> Option<OwnedSemaphorePermit> {
        let slots = Arc::clone(&self.follow.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Some(slot);
        }
        let cap = format!("at most {} log streams per cluster", self.follow.most_streams);
        self.told.state(StreamState::NotFollowed { cap: cap.into() }).await;
        loop {
            tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => return slot.ok(),
                () = fate_changed(&mut self.follow.fate) => {
                    if *self.follow.fate.borrow() == Fate::Gone {
                        return None;
                    }
                }
            }
        }
    }

    /// One request and what follows from its end.
    async fn read(&mut self, place: Place, follows: Follows) -> Next {
        if self.told.is_new() {
            self.told.state(StreamState::Opening).await;
        }
        let begun = Instant::now();
        let pass = self.pass(place, follows).await;
        if begun.elapsed() > HEALTHY {
            self.backoff.reset();
        }
        match pass {
            Pass::Over { complaint: None } if follows == Follows::No => self.finish().await,
            Pass::Over {
                complaint: Some(complaint),
            } if follows == Follows::No => self.unreadable(&short(&complaint)).await,
            Pass::Over {
                complaint: Some(complaint),
            } => self.broke(Failure::broken(short(&complaint)), self.now()).await,
            Pass::Over { complaint: None } => self.over().await,
            Pass::Silent => self.silent(),
            Pass::Stalled => self.stalled().await,
            Pass::LastCall => Next::Again,
            Pass::Replaced => self.wait(WATCH_LAG * 5).await,
            Pass::Broke(failure) => self.broke(failure, self.heard(PING_BLINDNESS)).await,
            Pass::NotYet(reason) => self.not_yet(reason).await,
            Pass::Refused { failure, generation } => self.refused(failure, generation, follows).await,
        }
    }

    /// The response ended and the container is said to run: the watch may lag behind. Then it is resumed.
    async fn over(&mut self) -> Next {
        let now = self.now();
        self.told.stopped(now);
        let pause = self.backoff.next(fastrand::f64()).max(WATCH_LAG);
        self.wait(pause).await
    }

    /// Nothing came for long; if the link is dead, it may have been so all the while.
    fn silent(&mut self) -> Next {
        let heard = self.heard(SILENCE);
        self.told.stopped(heard);
        Next::Again
    }

    /// Everything up to the last line that came was delivered; what came after it is there to be asked for.
    async fn stalled(&mut self) -> Next {
        let heard = self.reader.high().unwrap_or_else(|| self.covered_from());
        self.told.stopped(heard);
        let state = StreamState::Reconnecting {
            attempt: 1,
            cause: "the server stopped sending, though the log has gone on".into(),
            next: self.follow.outlet.now(),
        };
        self.told.state(state).await;
        Next::Again
    }

    /// The connection broke. A first resume is tried at once and without a word; after that it is told.
    async fn broke(&mut self, failure: Failure, heard: Time) -> Next {
        let broke_at = self.told.stopped(heard);
        if self.backoff.attempt() == 0 && self.was_open && !failure.is(FailureKind::Dead) {
            self.backoff.next(1.0);
            return Next::Again;
        }
        self.told.uncover(broke_at);
        let pause = self
            .backoff
            .next(fastrand::f64())
            .max(failure.retry_after.unwrap_or_default());
        let next = self.follow.outlet.now() + span(pause);
        let state = if failure.is(FailureKind::Throttled) {
            StreamState::Throttled { until: next }
        } else {
            StreamState::Reconnecting {
                attempt: self.backoff.attempt(),
                cause: failure.cause,
                next,
            }
        };
        self.told.state(state).await;
        self.wait(pause).await
    }

    async fn not_yet(&mut self, reason: Arc<str>) -> Next {
        self.told.state(StreamState::Waiting { reason }).await;
        let pause = self.backoff.next(fastrand::f64()).max(WATCH_LAG);
        self.wait(pause).await
    }

    async fn refused(&mut self, failure: Failure, generation: u64, follows: Follows) -> Next {
        match failure.kind {
            FailureKind::Unauthorized | FailureKind::Forbidden => self.denied(failure, generation).await,
            FailureKind::BadRequest if follows == Follows::No => self.unreadable(&failure.cause).await,
            FailureKind::BadRequest => self.not_yet(failure.cause).await,
            // The pod has gone, and the watch will say so, or the kubelet does not know it yet.
            FailureKind::NotFound
            | FailureKind::Expired
            | FailureKind::Throttled
            | FailureKind::Dead
            | FailureKind::Broken => self.broke(failure, self.now()).await,
        }
    }

    async fn denied(&mut self, failure: Failure, generation: u64) -> Next {
        self.told.uncover(self.now());
        let cause = Arc::clone(&failure.cause);
        self.told.state(StreamState::Denied { cause }).await;
        self.teller.denied(&failure, generation).await;
        let unauthorized = failure.is(FailureKind::Unauthorized);
        self.wait(if unauthorized { FOR_EVER } else { DENIED_PAUSE }).await
    }

    /// Waits, unless there is news of the instance or the cluster, or the user wants it now.
    async fn wait(&mut self, pause: Duration) -> Next {
        tokio::select! {
            () = self.follow.line.pause(pause) => {}
            () = fate_changed(&mut self.follow.fate) => {}
        }
        Next::Again
    }

    /// Everything that the instance wrote was read.
    async fn finish(&mut self) -> Next {
        let at = self.ended_at();
        if let Some(Missing { from, to }) = self.reader.missing_at_end(at) {
            // It was rotated, and nothing has been written since.
            self.told.uncover(self.told.stopped_at().unwrap_or(from));
            let cause = GapCause::Rotated;
            self.told.gap(Gap { from, to, cause });
        } else if self.reader.high().is_none() {
            // It wrote nothing at all.
            self.told.cover(self.covered_from().min(at));
        }
        self.end(at, StreamState::Ended).await;
        Next::Done
    }

    /// The instance ended and the server cannot give its log, or not to the end.
    async fn unreadable(&mut self, words: &str) -> Next {
        let at = self.ended_at();
        let from = self.reader.high().unwrap_or_else(|| self.covered_from());
        self.told.uncover(self.told.stopped_at().unwrap_or(from));
        self.told.gap(Gap {
            from,
            to: at.max(from),
            cause: GapCause::Unreadable(words.into()),
        });
        self.end(at, StreamState::Ended).await;
        Next::Done
    }

    async fn overtaken(mut self) {
        let from = self.reader.high().unwrap_or_else(|| self.covered_from());
        let now = self.now();
        self.told.uncover(self.told.stopped_at().unwrap_or(from));
        self.told.gap(Gap {
            from,
            to: now.max(from),
            cause: GapCause::Restarted(2),
        });
        self.end(now, StreamState::Ended).await;
    }

    async fn gone(mut self) {
        self.end(self.now(), StreamState::Gone).await;
    }

    async fn end(&mut self, at: Time, state: StreamState) {
        self.told.lines(self.reader.last_words());
        self.told.uncover(at);
        self.told.ended(at);
        self.told.state(state).await;
        self.teller.ended().await;
    }

    fn ended_at(&self) -> Time {
        match *self.follow.fate.borrow() {
            Fate::Ended { at, .. } => self.reader.high().map_or(at, |high| high.max(at)),
            Fate::Running | Fate::Overtaken | Fate::Gone => self.now(),
        }
    }
}
