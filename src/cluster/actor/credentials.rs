//! How the actor comes by its clients and keeps them: credentials made, renewed and refused; and what may be done with
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::super::cause::{Failure, FailureKind};
use super::super::connect::{Link, Refusal, connect};
use super::super::exec::Session;
use super::super::health::LinkHealth;
use super::super::rights;
use super::{Actor, News};
use crate::model::Time;

/// Credentials are renewed this long before they expire, like kube does.
const RENEW_BEFORE: Duration = Duration::from_mins(1);
/// Not more often than this, whatever a plugin says.
const RENEW_AFTER: Duration = Duration::from_secs(30);
/// A token file or a certificate may have been renewed by somebody else.
const LOGIN_AGAIN: Duration = Duration::from_mins(1);

impl Actor {
    /// Makes the clients, unless that is under way.
    pub(super) fn connect(&mut self) {
        self.renew_at = None;
        if !self.connects.is_empty() {
            return;
        }
        self.health.link = LinkHealth::Making;
        self.generation += 1;
        let (offer, generation) = (self.opened.offer.clone(), self.generation);
        let streams = self.opened.watching.most_streams;
        self.connects
            .spawn(async move { connect(&offer, generation, streams).await });
    }

    pub(super) fn connected(&mut self, made: Result<Result<Link, Refusal>, JoinError>) {
        match made {
            Ok(Ok(link)) => {
                self.health.link = LinkHealth::Made;
                self.health.trying();
                self.renew_at = link.expires.map(|expires| self.renewal(expires));
                self.rights.clear();
                self.links.send_replace(Some(Arc::new(link)));
            }
            Ok(Err(Refusal::NeedsLogin(cause))) => {
                self.health.link = LinkHealth::NeedsLogin(cause);
                // The old credentials are good for a moment: what kept the plugin from renewing them may pass.
                self.renew_at = self.health.state().is_live().then(|| Instant::now() + LOGIN_AGAIN);
            }
            Ok(Err(Refusal::Broken(cause))) => self.health.link = LinkHealth::Broken(cause),
            Err(_) => self.health.link = LinkHealth::Broken("an internal error".into()),
        }
    }

    fn renewal(&self, expires: Time) -> Instant {
        let left = expires.since(self.opened.outlet.now()).nanos();
        let left = Duration::from_nanos(u64::try_from(left).unwrap_or(0));
        Instant::now() + left.saturating_sub(RENEW_BEFORE).max(RENEW_AFTER)
    }

    /// The user wants it now: new credentials where they are missing, and another try of everything that waits.
    pub(super) fn retry(&mut self) {
        self.renewed = self.links.borrow().is_none() || self.health.link != LinkHealth::Made;
        if self.renewed {
            self.connect();
        }
        self.retries.send_modify(|retries| *retries += 1);
    }

    /// Starts a session. Where a command may be run is looked up first: without the right the upgrade to a websocket fails
    /// with less to say.
    pub(super) fn exec(&mut self, session: Session) {
        let Some(link) = self.links.borrow().clone() else {
            let cause = self.health.state().cause().unwrap_or("not connected yet").to_owned();
            self.tasks.spawn(async move { session.refuse(&cause).await });
            return;
        };
        let namespace = Arc::clone(&session.request.target.pod.namespace);
        let known = self.rights.get(&namespace);
        if known.is_some_and(|rights| rights.exec(&namespace).is_none()) {
            self.tasks.spawn(async move { session.run(link.api.clone()).await });
            return;
        }
        // A lack that was told once may be over by now.
        let news = self.news.0.clone();
        self.tasks.spawn(async move {
            let rights = rights::ask(&link.api, &namespace).await;
            let lack = rights.as_ref().and_then(|rights| rights.exec(&namespace));
            if let Some(rights) = rights {
                drop(news.send(News::Rights { namespace, rights }).await);
            }
            match lack {
                Some(lack) => session.refuse(&lack).await,
                None => session.run(link.api.clone()).await,
            }
        });
    }

    /// Asks once what may be done in a namespace. In the whole cluster there is too much to ask.
    pub(super) fn ask_rights(&mut self, scope: usize) {
        let Some(Some(namespace)) = self.scopes.get(scope).cloned() else {
            return;
        };
        let Some(link) = self.links.borrow().clone() else {
            return;
        };
        if self.rights.contains_key(&namespace) {
            return;
        }
        let news = self.news.0.clone();
        self.tasks.spawn(async move {
            // Without an answer it is asked again when the namespace is live the next time.
            if let Some(rights) = rights::ask(&link.api, &namespace).await {
                drop(news.send(News::Rights { namespace, rights }).await);
            }
        });
    }

    /// The namespaces of which the logs are refused, as streams were told or, where none was opened yet, as a review says.
    pub(super) fn unreadable(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let reviewed = self
            .rights
            .iter()
            .filter(|(namespace, _)| !self.logs.is_read(namespace));
        let reviewed =
            reviewed.filter_map(|(namespace, rights)| Some((Arc::clone(namespace), rights.logs(namespace)?)));
        let mut unreadable: BTreeMap<_, _> = reviewed.collect();
        let refused = self.logs.forbidden();
        unreadable.extend(refused.map(|(namespace, cause)| (Arc::clone(namespace), Arc::clone(cause))));
        unreadable
    }

    /// Who may not list the pods of the whole cluster may often list those of some namespaces.
    pub(super) fn with_a_way_out(&self, scope: usize, failure: Failure) -> Failure {
        let whole = matches!(self.scopes.get(scope), Some(None));
        if !whole || !failure.is(FailureKind::Forbidden) {
            return failure;
        }
        let own = &self.opened.offer.namespace;
        let cause = format!(
            "{}; -n NAMESPACE watches one alone (this context's own is {own})",
            failure.cause
        );
        Failure {
            cause: cause.into(),
            ..failure
        }
    }

    /// 401: the clients are made anew once; if that does not help, a person is needed.
    pub(super) fn perhaps_unauthorized(&mut self, failure: &Failure, generation: u64) {
        let current = self.links.borrow().as_ref().map(|link| link.generation);
        if !failure.is(FailureKind::Unauthorized) || current != Some(generation) || !self.connects.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.renewed, true) {
            self.health.link = LinkHealth::NeedsLogin(Arc::clone(&failure.cause));
            let by_plugin = self.links.borrow().as_ref().is_some_and(|link| link.by_plugin);
            // A plugin may open a window each time; everything else may have been renewed by somebody else.
            self.renew_at = (!by_plugin).then(|| Instant::now() + LOGIN_AGAIN);
        } else {
            self.connect();
        }
    }
}
