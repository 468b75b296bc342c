//! What the state of a context is, given what its link and each of its namespaces' feeds last said.

use std::sync::Arc;

use super::cause::{Failure, FailureKind};
use crate::model::{Access, ClusterState, Time, UnknownPlugin};

/// The clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkHealth {
    /// Not made yet, or being made anew.
    Making,
    Made,
    NeedsLogin(Arc<str>),
    Asks(UnknownPlugin),
    Broken(Arc<str>),
}

/// The pods of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PartHealth {
    Trying,
    Live,
    /// 401; the clients are being made anew.
    Unauthorized(Arc<str>),
    Forbidden(Arc<str>),
    Failing {
        cause: Arc<str>,
        next: Time,
    },
}

/// The state of one context, derived and kept.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) link: LinkHealth,
    parts: Vec<PartHealth>,
    /// What was last told of each part's limits, so that it is told once.
    told: Vec<Option<Arc<str>>>,
    state: ClusterState,
    was_live: bool,
}

impl Health {
    pub(super) fn new(parts: usize, now: Time) -> Self {
        Self {
            link: LinkHealth::Making,
            parts: vec![PartHealth::Trying; parts],
            told: vec![None; parts],
            state: ClusterState::Connecting { since: now },
            was_live: false,
        }
    }

    pub(super) fn state(&self) -> &ClusterState {
        &self.state
    }

    /// Its last try was in vain, and not for want of a right.
    pub(super) fn is_failing(&self, part: usize) -> bool {
        matches!(self.parts.get(part), Some(PartHealth::Failing { .. }))
    }

    pub(super) fn live(&mut self, part: usize) {
        self.set(part, PartHealth::Live);
    }

    pub(super) fn failed(&mut self, part: usize, failure: &Failure, next: Time) {
        let cause = Arc::clone(&failure.cause);
        self.set(
            part,
            match failure.kind {
                FailureKind::Unauthorized => PartHealth::Unauthorized(cause),
                FailureKind::Forbidden => PartHealth::Forbidden(cause),
                FailureKind::NotFound
                | FailureKind::BadRequest
                | FailureKind::Expired
                | FailureKind::Throttled
                | FailureKind::Dead
                | FailureKind::Broken => PartHealth::Failing { cause, next },
            },
        );
    }

    fn set(&mut self, part: usize, health: PartHealth) {
        if let Some(known) = self.parts.get_mut(part) {
            *known = health;
        }
    }

    /// The clients are made anew after the user's wish: whatever waited for it is being tried.
    pub(super) fn trying(&mut self) {
        for part in &mut self.parts {
            if matches!(part, PartHealth::Unauthorized(_)) {
                *part = PartHealth::Trying;
            }
        }
    }

    /// The new state, if it is another one.
    pub(super) fn settle(&mut self, now: Time) -> Option<ClusterState> {
        let since = now;
        let state = self.derive(since);
        // The same state with the same cause goes on since when it began.
        let state = match (&self.state, state) {
            (ClusterState::Connecting { since }, ClusterState::Connecting { .. }) => {
                ClusterState::Connecting { since: *since }
            }
            (ClusterState::Live { since }, ClusterState::Live { .. }) => ClusterState::Live { since: *since },
            (ClusterState::Stale { since, .. }, ClusterState::Stale { cause, next, .. }) => ClusterState::Stale {
                since: *since,
                cause,
                next,
            },
            (ClusterState::NeedsLogin { since, .. }, ClusterState::NeedsLogin { cause, .. }) => {
                ClusterState::NeedsLogin { since: *since, cause }
            }
            (ClusterState::Asks { since, .. }, ClusterState::Asks { plugin, .. }) => {
                ClusterState::Asks { since: *since, plugin }
            }
            (ClusterState::Forbidden { since, .. }, ClusterState::Forbidden { cause, .. }) => {
                ClusterState::Forbidden { since: *since, cause }
            }
            (ClusterState::Unreachable { since, .. }, ClusterState::Unreachable { cause, next, .. }) => {
                ClusterState::Unreachable {
                    since: *since,
                    cause,
                    next,
                }
            }
            (ClusterState::Broken { since, .. }, ClusterState::Broken { cause, .. }) => {
                ClusterState::Broken { since: *since, cause }
            }
            (_, state) => state,
        };
        self.was_live |= state.is_live();
        if state == self.state {
            return None;
        }
        self.state = state.clone();
        Some(state)
    }

    fn derive(&self, since: Time) -> ClusterState {
        if self.parts.contains(&PartHealth::Live) {
            return ClusterState::Live { since };
        }
        match &self.link {
            LinkHealth::Broken(cause) => {
                return ClusterState::Broken {
                    since,
                    cause: Arc::clone(cause),
                };
            }
            LinkHealth::NeedsLogin(cause) => {
                return ClusterState::NeedsLogin {
                    since,
                    cause: Arc::clone(cause),
                };
            }
            LinkHealth::Asks(plugin) => {
                let plugin = plugin.clone();
                return ClusterState::Asks { since, plugin };
            }
            LinkHealth::Making | LinkHealth::Made => {}
        }
        let failing = self.parts.iter().filter_map(|part| match part {
            PartHealth::Failing { cause, next } => Some((*next, cause)),
            PartHealth::Trying | PartHealth::Live | PartHealth::Unauthorized(_) | PartHealth::Forbidden(_) => None,
        });
        if let Some((next, cause)) = failing.min_by_key(|(next, _)| *next) {
            let cause = Arc::clone(cause);
            return if self.was_live {
                ClusterState::Stale { since, cause, next }
            } else {
                ClusterState::Unreachable { since, cause, next }
            };
        }
        self.waiting(since)
    }

    /// Nobody is live and nobody is failing: forbidden altogether, or still on the way.
    fn waiting(&self, since: Time) -> ClusterState {
        let refused = self.parts.iter().find_map(|part| match part {
            PartHealth::Forbidden(cause) => Some(Arc::clone(cause)),
            PartHealth::Trying | PartHealth::Live | PartHealth::Unauthorized(_) | PartHealth::Failing { .. } => None,
        });
        let all = self.parts.iter().all(|part| matches!(part, PartHealth::Forbidden(_)));
        match refused {
            Some(cause) if all => ClusterState::Forbidden { since, cause },
            _ => match &self.state {
                // While the clients are made anew the last word stands.
                state @ (ClusterState::Stale { .. }
                | ClusterState::NeedsLogin { .. }
                | ClusterState::Unreachable { .. })
                    if self.link == LinkHealth::Making =>
                {
                    state.clone()
                }
                ClusterState::Live { .. } | ClusterState::Stale { .. } => ClusterState::Stale {
                    since,
                    cause: "connecting again".into(),
                    next: since,
                },
                ClusterState::Connecting { .. }
                | ClusterState::NeedsLogin { .. }
                | ClusterState::Asks { .. }
                | ClusterState::Forbidden { .. }
                | ClusterState::Unreachable { .. }
                | ClusterState::Broken { .. } => ClusterState::Connecting { since },
            },
        }
    }

    /// What of each namespace's pods can be seen.
    pub(super) fn access(&self) -> impl Iterator<Item = Access> {
        self.parts.iter().map(|part| match part {
            PartHealth::Live => Access::Open,
            PartHealth::Trying | PartHealth::Unauthorized(_) | PartHealth::Failing { .. } => Access::Lost,
            PartHealth::Forbidden(_) => Access::Forbidden,
        })
    }

    /// The namespaces that are refused or failing while the cluster is live, each once per cause, and without a cause
    /// when that is over. A cluster that is live again says it anew.
    pub(super) fn limits(&mut self) -> Vec<(usize, Option<Arc<str>>)> {
        if !self.state.is_live() {
            self.told.fill(None);
            return Vec::new();
        }
        let mut limits = Vec::new();
        for (n, (part, told)) in self.parts.iter().zip(&mut self.told).enumerate() {
            let cause = match part {
                PartHealth::Forbidden(cause) | PartHealth::Failing { cause, .. } | PartHealth::Unauthorized(cause) => {
                    Some(Arc::clone(cause))
                }
                PartHealth::Trying | PartHealth::Live => None,
            };
            if *told != cause {
                told.clone_from(&cause);
                limits.push((n, cause));
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, cause: &str) -> Failure {
        Failure {
            kind,
            ..Failure::broken(cause)
        }
    }

    const NOW: Time = Time::from_secs(100);
    const LATER: Time = Time::from_secs(200);

    fn made(parts: usize) -> Health {
        let mut health = Health::new(parts, Time::from_secs(1));
        health.link = LinkHealth::Made;
        health
    }

    #[test]
    fn never_reached_is_not_stale() {
        let mut health = made(1);
        health.failed(0, &failure(FailureKind::Broken, "connection refused"), NOW);
        let expected = ClusterState::Unreachable {
            since: NOW,
            cause: "connection refused".into(),
            next: NOW,
        };
        assert_eq!(health.settle(NOW), Some(expected));
        health.live(0);
        assert_eq!(health.settle(NOW), Some(ClusterState::Live { since: NOW }));
        assert_eq!(health.settle(LATER), None);
        health.failed(0, &failure(FailureKind::Broken, "connection reset"), LATER);
        assert_eq!(
            health.settle(NOW),
            Some(ClusterState::Stale {
                since: NOW,
                cause: "connection reset".into(),
                next: LATER
            })
        );
        // It is as stale as at first, whatever the next try says.
        health.failed(0, &failure(FailureKind::Broken, "connection refused"), LATER);
        assert_eq!(
            health.settle(LATER),
            Some(ClusterState::Stale {
                since: NOW,
                cause: "connection refused".into(),
                next: LATER
            })
        );
    }

    #[test]
    fn one_namespace_does_not_speak_for_the_others() {
        let mut health = made(2);
        health.failed(0, &failure(FailureKind::Forbidden, "pods is forbidden"), NOW);
        assert_eq!(health.settle(NOW), None, "the other may still answer");
        assert_eq!(health.limits(), []);
        health.live(1);
        assert_eq!(health.settle(NOW), Some(ClusterState::Live { since: NOW }));
        assert_eq!(health.limits(), [(0, Some("pods is forbidden".into()))]);
        assert_eq!(health.limits(), [], "told once");
        assert_eq!(health.access().collect::<Vec<_>>(), [Access::Forbidden, Access::Open]);
        health.live(0);
        assert_eq!(health.limits(), [(0, None)]);
        health.failed(0, &failure(FailureKind::Forbidden, "pods is forbidden"), NOW);
        health.failed(1, &failure(FailureKind::Forbidden, "that one too"), NOW);
        assert_eq!(
            health.settle(NOW),
            Some(ClusterState::Forbidden {
                since: NOW,
                cause: "pods is forbidden".into()
            })
        );
    }

    #[test]
    fn a_missing_login_stays_until_somebody_logs_in() {
        let mut health = made(1);
        health.failed(0, &failure(FailureKind::Unauthorized, "Unauthorized"), NOW);
        assert_eq!(health.settle(NOW), None, "the clients are made anew once");
        health.link = LinkHealth::NeedsLogin("Unauthorized".into());
        assert_eq!(
            health.settle(NOW),
            Some(ClusterState::NeedsLogin {
                since: NOW,
                cause: "Unauthorized".into()
            })
        );
        health.link = LinkHealth::Making;
        assert_eq!(health.settle(LATER), None);
        health.link = LinkHealth::Made;
        health.trying();
        assert_eq!(health.settle(LATER), Some(ClusterState::Connecting { since: LATER }));
        health.live(0);
        assert_eq!(health.settle(LATER), Some(ClusterState::Live { since: LATER }));
    }

    #[test]
    fn a_useless_kubeconfig_is_broken() {
        let mut health = Health::new(1, NOW);
        health.link = LinkHealth::Broken("missing cluster url".into());
        assert_eq!(
            health.settle(NOW),
            Some(ClusterState::Broken {
                since: NOW,
                cause: "missing cluster url".into()
            })
        );
    }
}
