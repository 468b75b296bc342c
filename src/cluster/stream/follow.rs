//! Reads one container instance's log to its end: asks, waits, resumes, and tells what was and was not read.
//!
//! An end of the response says nothing about the container: the kubelet's death looks the same. What became of the
//! instance is its fate, which the pod watch tells; the end of its log is read when the fate says that it ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::instance::{Fate, Place};
use super::news::Teller;
use super::pass::{FOR_EVER, Follow, Pass, Run, SILENCE, Tail, WATCH_LAG};
use super::reader::{Missing, Reader};
use super::request::Follows;
use super::told::Told;
use super::wait::{fate_changed, span};
use crate::cluster::backoff::Backoff;
use crate::cluster::cause::{Failure, FailureKind, short};
use crate::cluster::connect::PING_BLINDNESS;
use crate::model::{Gap, GapCause, Line, Span, StreamState, Time};

const HEALTHY: Duration = Duration::from_secs(30);
/// A stream that held for so long and gave something new was a good one: the next failure is a first failure.
const WORTHWHILE: Duration = Duration::from_secs(1);
/// A log that ended so shortly before its pod was gone ended because of that.
const PARTING: Duration = Duration::from_millis(1500);
/// Another log may leave its place.
const CAPPED_PAUSE: Duration = Duration::from_secs(15);
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
            slot: None,
            polling: None,
            asked: Time::MIN,
            tail: Tail::Open,
            is_sure: true,
            over_since: Instant::now(),
            vain: None,
        };
        run.run().await;
    }
}

impl Run {
    async fn run(mut self) {
        self.announce().await;
        loop {
            let fate = *self.follow.fate.borrow_and_update();
            let next = match fate {
                Fate::Running => match self.place() {
                    Ok(()) => self.read(Place::Current, Follows::Yes).await,
                    Err(cap) => self.poll(cap).await,
                },
                Fate::Ended { place, .. } => {
                    (self.slot, self.polling) = (None, None);
                    self.read(place, Follows::No).await
                }
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

    /// A place among the followed, or what stands in the way of it.
    fn place(&mut self) -> Result<(), Arc<str>> {
        if self.slot.is_none() {
            self.slot = Some(self.follow.lane.follow()?);
            self.polling = None;
        }
        Ok(())
    }

    /// Reads what is there by now; a cap keeps the log from being followed.
    async fn poll(&mut self, cap: Arc<str>) -> Next {
        let Some(polling) = self.polling.take().or_else(|| self.follow.lane.poll()) else {
            self.told.state(StreamState::NotFollowed { cap }).await;
            return self.wait_for_room(CAPPED_PAUSE).await;
        };
        let every = span(polling.every());
        self.polling = Some(polling);
        self.told.state(StreamState::Polled { every, cap }).await;
        self.read(Place::Current, Follows::Later).await
    }

    /// Up to when it was asked for, everything was delivered, if the answer went on where the last one had ended.
    async fn polled(&mut self, before: Option<Time>, asked_before: Time) -> Next {
        self.backoff.reset();
        if self.reader.is_settled() || self.reader.high().is_none() {
            if !self.told.is_covered() {
                self.told.cover(asked_before.max(self.covered_from()).min(self.asked));
            }
            self.told.uncover(self.asked);
        }
        let pause = self.polling.as_mut().map_or(CAPPED_PAUSE, |polling| {
            if self.reader.newest() > before {
                polling.brought_news();
            } else {
                polling.was_vain();
            }
            polling.every()
        });
        self.wait_for_room(pause).await
    }

    /// Waits as `wait` does, and no longer than until there is a place among the followed.
    async fn wait_for_room(&mut self, pause: Duration) -> Next {
        let room = self.follow.lane.clone().room();
        tokio::select! {
            slot = room => self.slot = slot,
            _ = self.wait(pause) => {}
        }
        if self.slot.is_some() {
            self.polling = None;
        }
        Next::Again
    }

    /// One request and what follows from its end.
    async fn read(&mut self, place: Place, follows: Follows) -> Next {
        if self.told.is_new() {
            self.told.state(StreamState::Opening).await;
        }
        let (begun, newest, asked_before) = (Instant::now(), self.reader.newest(), self.asked);
        let pass = self.pass(place, follows).await;
        let brought_news = self.reader.newest() > newest;
        let tail = self.tail_after(&pass, follows, brought_news);
        if tail == Tail::Over && self.tail != Tail::Over {
            self.over_since = Instant::now();
        }
        self.tail = tail;
        if begun.elapsed() > HEALTHY || (brought_news && begun.elapsed() > WORTHWHILE) {
            self.backoff.reset();
        } else if brought_news {
            self.backoff.ease();
        }
        match pass {
            Pass::Over { complaint: None } if follows == Follows::Later => self.polled(newest, asked_before).await,
            Pass::Over { complaint: None } if follows == Follows::No => self.finish().await,
            Pass::Over {
                complaint: Some(complaint),
            } if follows == Follows::No => self.unreadable(&short(&complaint)).await,
            Pass::Over {
                complaint: Some(complaint),
            } => self.broke(Failure::broken(short(&complaint)), self.now()).await,
            Pass::Over { complaint: None } => self.over().await,
            Pass::Silent => self.silent(),
            Pass::Stalled(line) => self.stalled(line).await,
            Pass::SetBack => self.set_back(),
            Pass::LastCall | Pass::Outdated => Next::Again,
            Pass::Replaced => self.wait(WATCH_LAG * 5).await,
            Pass::Broke(failure) => self.broke(failure, self.heard(PING_BLINDNESS)).await,
            Pass::NotYet(reason) => self.not_yet(reason).await,
            Pass::Refused { failure, generation } => self.refused(failure, generation, follows).await,
        }
    }

    /// What an end means for the tail of the log. A refusal to serve what is no more leaves it as it was.
    fn tail_after(&self, pass: &Pass, follows: Follows, brought_news: bool) -> Tail {
        let is_gone = *self.follow.fate.borrow() == Fate::Gone;
        // Without the line that has to come again, or with half a line at its end, it was no end of the log.
        let is_whole = self.reader.is_settled() && self.reader.newest() == self.reader.high();
        let read = match (is_whole, self.tail) {
            (false, _) => Tail::Open,
            // An answer that is stuck in a file which the kubelet has renamed ends no different, and nobody can be asked.
            (true, _) if is_gone && !self.is_sure => Tail::Open,
            (true, _) if is_gone => Tail::Read,
            (true, Tail::Over | Tail::Read) if !brought_news => Tail::Read,
            (true, _) => Tail::Over,
        };
        match pass {
            Pass::Over { complaint: None } if follows != Follows::Later => read,
            // The kubelet has read to the end of the file when it finds that the container is no more.
            Pass::Over { complaint: Some(_) } if is_gone => read,
            Pass::Over { complaint: Some(_) } | Pass::NotYet(_) | Pass::Outdated | Pass::Replaced => self.tail,
            Pass::Refused { failure, .. }
                if failure.is(FailureKind::NotFound) || failure.is(FailureKind::BadRequest) =>
            {
                self.tail
            }
            Pass::Over { complaint: None }
            | Pass::Broke(_)
            | Pass::Silent
            | Pass::Stalled(_)
            | Pass::SetBack
            | Pass::LastCall
            | Pass::Refused { .. } => Tail::Open,
        }
    }

    /// The response ended and the container is said to run: the watch may lag behind. Then it is resumed.
    async fn over(&mut self) -> Next {
        let now = self.now();
        self.told.stopped(now);
        let pause = self.backoff.next(fastrand::f64());
        self.wait(pause).await
    }

    /// Nothing came for long; if the link is dead, it may have been so all the while.
    fn silent(&mut self) -> Next {
        let heard = self.heard(SILENCE);
        self.told.stopped(heard);
        Next::Again
    }

    /// Everything up to the last line that came was delivered; what came after it is there to be asked for.
    async fn stalled(&mut self, line: Line) -> Next {
        if self.reader.high().is_some_and(|high| line.time <= high) {
            // What is asked for by time leaves it out: the node's clock was set back.
            self.reader.ask_for_all();
        }
        self.vain = Some(line);
        let heard = self.reader.high().unwrap_or_else(|| self.covered_from());
        self.told.stopped(heard);
        let since = self.follow.outlet.now();
        self.told.state(StreamState::Stalled { since }).await;
        Next::Again
    }

    /// What is missing will come: everything is asked for, and what was shown is known.
    fn set_back(&mut self) -> Next {
        let now = self.now();
        self.told.stopped(now);
        Next::Again
    }

    /// The connection broke. A first resume is tried at once and without a word; after that it is told.
    async fn broke(&mut self, failure: Failure, heard: Time) -> Next {
        let broke_at = self.told.stopped(heard);
        let is_told_to_wait = failure.retry_after.is_some() || failure.is(FailureKind::Throttled);
        if self.backoff.attempt() == 0 && self.was_open && !failure.is(FailureKind::Dead) && !is_told_to_wait {
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
        if let Some(Missing { from, to }) = self.reader.missing_at_end(self.ended_by()) {
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
        self.lost_from_here(self.ended_by(), GapCause::Unreadable(words.into()));
        self.end(at, StreamState::Ended).await;
        Next::Done
    }

    async fn overtaken(mut self) {
        let now = self.now();
        self.lost_from_here(now, GapCause::Restarted(2));
        self.end(now, StreamState::Ended).await;
    }

    /// The log went with its pod. Where it was not read to its end, what is missing cannot be had any more.
    async fn gone(mut self) {
        let now = self.now();
        let was_denied = !self.was_open && self.told.is_denied();
        // With the end of the log goes its pod, more often than not before it can be asked again.
        let ended_with_it = self.tail == Tail::Over && self.is_sure && self.over_since.elapsed() < PARTING;
        if self.tail != Tail::Read && !ended_with_it && !was_denied {
            let words = if self.was_open {
                "the pod went before its log was read to the end"
            } else {
                "the pod went before its log could be opened"
            };
            self.lost_from_here(now, GapCause::Unreadable(words.into()));
        }
        self.end(now, StreamState::Gone).await;
    }

    /// What follows the last line, up to `to`, cannot be read. That nothing was missing for a while after that line may
    /// have been an answer that was stuck.
    fn lost_from_here(&mut self, to: Time, cause: GapCause) {
        let from = self.reader.high().unwrap_or_else(|| self.covered_from());
        self.told.uncover(from);
        let to = to.max(from);
        self.told.gap(Gap { from, to, cause });
    }

    async fn end(&mut self, at: Time, state: StreamState) {
        self.told.lines(self.reader.last_words());
        self.told.uncover(at);
        self.told.ended(at);
        self.told.state(state).await;
        self.teller.ended().await;
    }

    /// What the instance may have written to the end: its status tells the second only.
    fn ended_by(&self) -> Time {
        match *self.follow.fate.borrow() {
            Fate::Ended { at, .. } => at + Span::from_secs(1),
            Fate::Running | Fate::Overtaken | Fate::Gone => self.ended_at(),
        }
    }

    fn ended_at(&self) -> Time {
        match *self.follow.fate.borrow() {
            Fate::Ended { at, .. } => self.reader.high().map_or(at, |high| high.max(at)),
            Fate::Running | Fate::Overtaken | Fate::Gone => self.now(),
        }
    }
}
