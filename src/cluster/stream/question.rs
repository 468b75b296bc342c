//! The question about a silent log: it waits for its turn, is asked, and is answered.

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::vigil::Newest;

/// How far it is.
pub(super) enum Question {
    None,
    /// Others are asked before.
    Waits(oneshot::Receiver<()>),
    Asked(BoxFuture<'static, Newest>),
}

/// How it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It may be asked now.
    Turn,
    Newest(Newest),
}

impl Question {
    /// The log has said something by itself: a question that waits for its turn is no more. What was asked already is
    /// heard to its end.
    pub(super) fn is_needless(&mut self) -> bool {
        let waits = matches!(self, Self::Waits(_));
        if waits {
            *self = Self::None;
        }
        waits
    }

    pub(super) fn wants_turn(&mut self, turn: impl FnOnce() -> oneshot::Receiver<()>) {
        if matches!(self, Self::None) {
            *self = Self::Waits(turn());
        }
    }

    /// Waits for the next of it, if there is a question.
    pub(super) async fn next(&mut self) -> Said {
        match self {
            Self::None => std::future::pending().await,
            Self::Waits(turn) => match turn.await {
                Ok(()) => Said::Turn,
                // Nobody gives turns any more: the context is being closed.
                Err(_) => std::future::pending().await,
            },
            Self::Asked(answer) => Said::Newest(answer.await),
        }
    }
}
