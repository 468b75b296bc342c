//! What is known of a connection right now. Every state that is not good carries the cause in the server's words.

use std::sync::Arc;

use super::time::{Span, Time};

/// The state of one context. The messages are raw words from outside: `text::display` before they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Not tried yet, or trying for the first time since `since`.
    Connecting { since: Time },
    /// Watches are open and answered lately.
    Live { since: Time },
    /// It was live; what is shown is as old as `since`. `next` is the time of the next try.
    Stale { since: Time, cause: Arc<str>, next: Time },
    /// The credential plugin needs a person, or the credentials were refused (401).
    NeedsLogin { since: Time, cause: Arc<str> },
    /// Its credential plugin was never allowed to run here: a person has to say so.
    Asks { since: Time, plugin: UnknownPlugin },
    /// 403 for everything that was asked; `cause` is the server's sentence.
    Forbidden { since: Time, cause: Arc<str> },
    /// Never reached. `next` is the time of the next try.
    Unreachable { since: Time, cause: Arc<str>, next: Time },
    /// The kubeconfig of this context cannot be used; no try will follow.
    Broken { since: Time, cause: Arc<str> },
}

/// A credential plugin that nobody has allowed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPlugin {
    /// The program with its arguments, without its environment and whatever of it is secret.
    pub command: Arc<str>,
    /// A hash of all that makes it this plugin and no other.
    pub fingerprint: Arc<str>,
}

impl ClusterState {
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Since when the cluster is in this state.
    pub const fn since(&self) -> Time {
        match self {
            Self::Connecting { since }
            | Self::Live { since }
            | Self::Stale { since, .. }
            | Self::NeedsLogin { since, .. }
            | Self::Asks { since, .. }
            | Self::Forbidden { since, .. }
            | Self::Unreachable { since, .. }
            | Self::Broken { since, .. } => *since,
        }
    }

    /// Why, in the words of whoever said no.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Connecting { .. } | Self::Live { .. } => None,
            Self::Asks { plugin, .. } => Some(&plugin.command),
            Self::Stale { cause, .. }
            | Self::NeedsLogin { cause, .. }
            | Self::Forbidden { cause, .. }
            | Self::Unreachable { cause, .. }
            | Self::Broken { cause, .. } => Some(cause),
        }
    }
}

/// Why what goes to and from a cluster may be read or changed by others on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insecure {
    /// `insecure-skip-tls-verify`: anybody may pose as the server.
    Unverified,
    /// The server's address is `http://`.
    Unencrypted,
    /// The proxy's name and password go to it without TLS.
    ProxyInClear,
}

impl Insecure {
    /// What is wrong, behind `TLS OFF: `.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unverified => "the server's certificate is not verified, so anybody may pose as the server",
            Self::Unencrypted => "the server is spoken to over http, so anybody on the way can read along",
            Self::ProxyInClear => "the password of its proxy goes there in clear",
        }
    }
}

/// Whether a context, or one namespace of it, can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Open,
    /// Not yet or not any more; it is being tried.
    Lost,
    /// 403: nothing can be concluded from its silence.
    Forbidden,
}

/// The state of one log stream. "Connected" alone is not a state: a healthy socket proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// The request is on its way.
    Opening,
    /// Open; lines arrive as the container writes them: one came lately, or the silence was not looked into yet.
    Live,
    /// Open, and the server says that nothing newer than the last line is there. `since` is when it said so first.
    Quiet { since: Time },
    /// Open, and nothing comes, though the server says that the log has gone on: it is being opened anew.
    Stalled { since: Time },
    /// Not followed, by a cap of ours (`cap` says which): what is new is asked for every `every` instead.
    Polled { every: Span, cap: Arc<str> },
    /// The container is waiting (image pull, crash back-off, config): there is nothing to read yet.
    Waiting { reason: Arc<str> },
    /// Broken; the next try is at `next`.
    Reconnecting { attempt: u32, cause: Arc<str>, next: Time },
    /// 401 or 403: which verb is missing, in the server's words. No try will follow by itself.
    Denied { cause: Arc<str> },
    /// The server asked to come back later.
    Throttled { until: Time },
    /// The container instance ended and everything it wrote was read.
    Ended,
    /// The pod is gone; what was read is kept.
    Gone,
    /// Not followed, by a cap of ours; `cap` says which.
    NotFollowed { cap: Arc<str> },
}
