//! Which logs are followed, and what their streams say.

use std::sync::Arc;

use super::Actor;
use crate::cluster::cause::{Failure, FailureKind};
use crate::cluster::followed::Start;
use crate::cluster::stream::{Follow, StreamNews};
use crate::model::{PodRow, Source, SourceId, Target};

impl Actor {
    pub(super) fn hear_stream(&mut self, news: StreamNews) {
        match news {
            StreamNews::Opened { namespace, source } => self.logs.allowed(namespace, source),
            StreamNews::Forbidden {
                namespace,
                source,
                cause,
            } => self.logs.denied(namespace, source, cause),
            StreamNews::Ended { namespace, source } => self.logs.ended(&namespace, source),
            StreamNews::Unauthorized { cause, generation } => {
                let failure = Failure {
                    kind: FailureKind::Unauthorized,
                    ..Failure::broken(cause)
                };
                self.perhaps_unauthorized(&failure, generation);
            }
        }
    }

    /// Opens the logs that this state of the pod adds.
    pub(super) fn follow(&mut self, row: &PodRow, tail: Option<i64>) {
        let watching = Arc::clone(&self.opened.watching);
        let starts = self
            .followed
            .apply(row, self.bound, |name| watching.wants_container(name));
        for start in starts {
            let follow = self.following(row, start, tail);
            self.tasks.spawn(follow.run());
        }
    }

    fn following(&mut self, row: &PodRow, start: Start, tail: Option<i64>) -> Follow {
        let Start {
            container,
            instance,
            gap,
            fate,
        } = start;
        let id = SourceId {
            context: self.opened.context,
            n: self.sources,
        };
        self.sources += 1;
        let source = Source {
            id,
            target: Target {
                pod: row.key.clone(),
                container: container.name,
            },
            kind: container.kind,
            workload: row.workload.clone(),
            restarts: instance.restarts,
            started: instance.started,
            image: container.image,
        };
        Follow {
            source,
            instance: instance.id,
            bound: self.bound,
            tail,
            gap,
            fate,
            line: self.line(),
            lane: self.slots.lane(&row.node),
            memory: Arc::clone(&self.opened.offer.memory),
            outlet: self.opened.outlet.clone(),
            news: self.stream_news.0.clone(),
        }
    }
}
