//! Several bounded channels read as one, each in its turn, so that a noisy sender starves nobody.

use std::task::Poll;

use futures::future::poll_fn;
use tokio::sync::mpsc::Receiver;

/// How many messages of one channel are taken before the others get their turn.
const TURN: usize = 64;

/// The receiving ends of several channels.
#[derive(Debug)]
pub struct FanIn<T> {
    /// In the order in which they are asked: the one that was served last is the last.
    inlets: Vec<Receiver<T>>,
}

impl<T> FanIn<T> {
    pub const fn new(inlets: Vec<Receiver<T>>) -> Self {
        Self { inlets }
    }

    /// Waits for messages of any channel and adds one turn's worth of them to `batch`; false when all channels are
    /// closed. May be dropped while it waits without losing a message.
    pub async fn receive(&mut self, batch: &mut Vec<T>) -> bool {
        let inlets = &mut self.inlets;
        let served = poll_fn(|cx| {
            let mut at = 0;
            while let Some(inlet) = inlets.get_mut(at) {
                match inlet.poll_recv_many(cx, batch, TURN) {
                    Poll::Ready(0) => drop(inlets.remove(at)),
                    Poll::Ready(_) => return Poll::Ready(Some(at)),
                    Poll::Pending => at += 1,
                }
            }
            if inlets.is_empty() {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        })
        .await;
        let Some(at) = served else { return false };
        let inlet = self.inlets.remove(at);
        self.inlets.push(inlet);
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_noisy_sender_starves_nobody() {
        let (noisy, noisy_end) = mpsc::channel(1000);
        let (quiet, quiet_end) = mpsc::channel(1);
        for n in 0..1000 {
            noisy.try_send(n).unwrap();
        }
        quiet.try_send(-1).unwrap();
        let mut fan_in = FanIn::new(vec![noisy_end, quiet_end]);
        let mut batch = Vec::new();
        assert!(fan_in.receive(&mut batch).await);
        assert!(fan_in.receive(&mut batch).await);
        assert_eq!(batch.iter().position(|n| *n == -1), Some(TURN));
    }

    #[tokio::test]
    async fn it_ends_when_all_senders_are_gone_and_nothing_is_lost() {
        let (sender, end) = mpsc::channel(8);
        sender.try_send(1).unwrap();
        drop(sender);
        let mut fan_in = FanIn::new(vec![end]);
        let mut batch = Vec::new();
        assert!(fan_in.receive(&mut batch).await);
        assert!(!fan_in.receive(&mut batch).await);
        assert_eq!(batch, [1]);
    }
}
