//! When which silent log is asked for its last line. One connection or kubelet may fall silent with all of its logs at
//! once, and there are only so many questions a second: they are put as late as their deadlines allow, the earliest
//! deadline first, so that no log that was busy a moment ago waits behind those that have been quiet for hours. A log
//! that says something before its turn needs no question and costs none.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Four questions a second: 120 silent logs are asked every 30 s, and a hundred that fall silent together, known here
/// 10 s later, are asked within 35 s.
pub(super) const PACE: Duration = Duration::from_millis(250);

/// A log to be asked about.
#[derive(Debug)]
struct Wish {
    /// The rank among all: `by`, and later for those who have patience.
    rank: Instant,
    /// It should have been asked by then.
    by: Instant,
    go: oneshot::Sender<()>,
}

/// Where wishes are put.
#[derive(Clone, Debug)]
pub(super) struct Wishes(mpsc::UnboundedSender<Wish>);

/// The order of all questions of a context.
#[derive(Debug)]
pub(super) struct Rota {
    wishes: mpsc::UnboundedReceiver<Wish>,
    /// Ordered by rank.
    list: Vec<Wish>,
    /// Not before this.
    free_at: Instant,
}

pub(super) fn rota() -> (Wishes, Rota) {
    let (to_rota, wishes) = mpsc::unbounded_channel();
    let rota = Rota {
        wishes,
        list: Vec::new(),
        free_at: Instant::now(),
    };
    (Wishes(to_rota), rota)
}

impl Wishes {
    /// A turn, by `by` if there are not too many; where there are, the others may go first for as long as `patience`.
    /// Dropping it takes the wish back.
    pub(super) fn turn(&self, by: Instant, patience: Duration) -> oneshot::Receiver<()> {
        let (go, turn) = oneshot::channel();
        let rank = by + patience;
        // Without a rota the context is being closed.
        drop(self.0.send(Wish { rank, by, go }));
        turn
    }
}

impl Rota {
    /// Runs until nobody can have a wish any more.
    pub(super) async fn run(mut self) {
        loop {
            self.list.retain(|wish| !wish.go.is_closed());
            let next = self.next();
            tokio::select! {
                wish = self.wishes.recv() => match wish {
                    Some(wish) => self.put(wish),
                    None => return,
                },
                () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {
                    self.give(Instant::now());
                }
            }
        }
    }

    fn put(&mut self, wish: Wish) {
        let place = self.list.partition_point(|other| other.rank <= wish.rank);
        self.list.insert(place, wish);
    }

    /// The latest moment for the first, if all others shall be in time behind it.
    fn next(&self) -> Option<Instant> {
        let mut before = Duration::ZERO;
        let latest = self.list.iter().map(|wish| {
            let latest = wish.by.checked_sub(before).unwrap_or(wish.by);
            before += PACE;
            latest
        });
        latest.min().map(|latest| latest.max(self.free_at))
    }

    /// The first one's turn, if it still wants it.
    fn give(&mut self, now: Instant) {
        if self.list.is_empty() {
            return;
        }
        if self.list.remove(0).go.send(()).is_ok() {
            self.free_at = now + PACE;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const AT_ONCE: Duration = Duration::ZERO;

    /// Who had its turn after how long, if these wishes (by when, patience) are all put now.
    async fn turns(wishes: impl IntoIterator<Item = (Duration, Duration)>) -> Vec<(usize, Duration)> {
        let begun = Instant::now();
        let (book, rota) = rota();
        let mut tasks = JoinSet::new();
        for (n, (by, patience)) in wishes.into_iter().enumerate() {
            let turn = book.turn(begun + by, patience);
            tasks.spawn(async move { turn.await.map(|()| (n, begun.elapsed())) });
        }
        let mut running = JoinSet::new();
        running.spawn(rota.run());
        let mut turns = Vec::new();
        while let Some(done) = tasks.join_next().await {
            turns.extend(done.unwrap());
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_question_is_put_as_late_as_it_may_be() {
        let turns = turns([(20 * SECOND, AT_ONCE)]).await;
        assert!(turns[0].1 >= 20 * SECOND && turns[0].1 < 21 * SECOND, "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_that_fall_silent_together_are_asked_in_time_and_four_a_second() {
        // They are put here after 10 s of silence.
        let mut turns = turns((0..100).map(|_| (20 * SECOND, AT_ONCE))).await;
        turns.sort_by_key(|(_, at)| *at);
        assert_eq!(turns.len(), 100);
        assert!(turns[99].1 <= 25 * SECOND, "{:?}", turns[99]);
        for pair in turns.windows(2) {
            assert!(pair[1].1 >= pair[0].1 + PACE, "{pair:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_busy_goes_first_and_what_has_been_quiet_for_long_comes_all_the_same() {
        let quiet = (0..300).map(|_| (SECOND, 90 * SECOND));
        let busy = (0..8).map(|_| (5 * SECOND, AT_ONCE));
        let turns = turns(quiet.chain(busy)).await;
        assert_eq!(turns.len(), 308);
        for (n, at) in turns {
            assert!(at <= if n < 300 { 80 * SECOND } else { 3 * SECOND }, "{n} after {at:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_heard_something_meanwhile_costs_no_question() {
        let begun = Instant::now();
        let (book, rota) = rota();
        let dropped: Vec<_> = (0..100).map(|_| book.turn(begun + SECOND, AT_ONCE)).collect();
        let last = book.turn(begun + 2 * SECOND, AT_ONCE);
        let mut running = JoinSet::new();
        running.spawn(rota.run());
        drop(dropped);
        last.await.unwrap();
        assert!(begun.elapsed() <= 3 * SECOND, "{:?}", begun.elapsed());
        drop(book);
        running.join_next().await.unwrap().unwrap();
    }
}
