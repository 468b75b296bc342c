//! What the actor has to know of the streams, told once each time it changes.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cluster::cause::{Failure, FailureKind};
use crate::model::{Source, SourceId};

/// News of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum StreamNews {
    /// This log can be read.
    Opened { namespace: Arc<str>, source: SourceId },
    /// 403: the server's sentence.
    Forbidden {
        namespace: Arc<str>,
        source: SourceId,
        cause: Arc<str>,
    },
    /// 401 over the link of this generation.
    Unauthorized { cause: Arc<str>, generation: u64 },
    /// Nobody will ask for this log any more.
    Ended { namespace: Arc<str>, source: SourceId },
}

/// The telling of one source.
pub(super) struct Teller {
    namespace: Arc<str>,
    source: SourceId,
    is_open: bool,
    news: mpsc::Sender<StreamNews>,
}

impl Teller {
    pub(super) fn new(source: &Source, news: mpsc::Sender<StreamNews>) -> Self {
        Self {
            namespace: Arc::clone(&source.target.pod.namespace),
            source: source.id,
            is_open: false,
            news,
        }
    }

    pub(super) async fn opened(&mut self) {
        if !std::mem::replace(&mut self.is_open, true) {
            let (namespace, source) = (Arc::clone(&self.namespace), self.source);
            self.send(StreamNews::Opened { namespace, source }).await;
        }
    }

    /// 401 or 403 over the link of this generation.
    pub(super) async fn denied(&mut self, failure: &Failure, generation: u64) {
        let cause = Arc::clone(&failure.cause);
        if failure.is(FailureKind::Unauthorized) {
            return self.send(StreamNews::Unauthorized { cause, generation }).await;
        }
        self.is_open = false;
        let (namespace, source) = (Arc::clone(&self.namespace), self.source);
        self.send(StreamNews::Forbidden {
            namespace,
            source,
            cause,
        })
        .await;
    }

    pub(super) async fn ended(&self) {
        let (namespace, source) = (Arc::clone(&self.namespace), self.source);
        self.send(StreamNews::Ended { namespace, source }).await;
    }

    /// Nobody to hear it is not an error: the context is being closed.
    async fn send(&self, news: StreamNews) {
        drop(self.news.send(news).await);
    }
}
