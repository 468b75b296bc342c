//! How the actor comes by its clients and keeps them: credentials made, renewed and refused; and what may be done with
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::super::cause::{Failure, FailureKind, lapse};
use super::super::connect::{Attempt, Link, Refusal, connect};
use super::super::exec::Session;
use super::super::health::LinkHealth;
use super::super::plugin::Manner;
use super::super::rights;
use super::{Actor, News};
use crate::model::{Span, Time};

/// Credentials are renewed this long before they expire, like kube does.
const RENEW_BEFORE: Duration = Duration::from_mins(1);
/// Not more often than this, whatever a plugin says.
const RENEW_AFTER: Duration = Duration::from_secs(30);
/// A token file or a certificate may have been renewed by somebody else.
const LOGIN_AGAIN: Duration = Duration::from_mins(1);
/// From then on the end of a client certificate is worth a word.
const DAY: Span = Span::from_secs(86_400);

/// Who waits for the end of a login.
pub(super) type Asker = oneshot::Sender<Result<(), Arc<str>>>;
/// An attempt at clients that has ended, and who waits for it.
pub(super) type Made = (Result<Link, Refusal>, Option<Asker>);

impl Actor {
    /// Makes the clients, unless that is under way.
    pub(super) fn connect(&mut self) {
        self.renew_at = None;
        if !self.connects.is_empty() {
            return;
        }
        self.health.link = LinkHealth::Making;
        let offer = self.opened.offer.clone();
        let attempt = self.attempt(Manner::Quiet);
        self.connects
            .spawn(async move { (connect(&offer, attempt).await, None) });
    }

    fn attempt(&mut self, manner: Manner) -> Attempt {
        self.generation += 1;
        Attempt {
            generation: self.generation,
            streams: self.opened.watching.most_streams,
            granted: self.granted.clone(),
            manner,
        }
    }

    /// A person has looked at the plugin and wants it run.
    pub(super) fn allow(&mut self, fingerprint: Arc<str>) {
        self.granted.insert(fingerprint);
        if matches!(self.health.link, LinkHealth::Asks(_)) {
            self.connect();
        }
    }

    /// Makes the clients anew with a person at the terminal, in place of any attempt without one.
    pub(super) fn login(&mut self, mut asker: Asker) {
        self.connects = JoinSet::new();
        self.renew_at = None;
        self.health.link = LinkHealth::Making;
        // If the server refuses these as well, there is no use in a further run.
        self.renewed = true;
        let offer = self.opened.offer.clone();
        let attempt = self.attempt(Manner::AtTerminal);
        self.connects.spawn(async move {
            let made = tokio::select! {
                made = connect(&offer, attempt) => made,
                () = asker.closed() => return (Err(Refusal::NeedsLogin("the login was given up".into())), None),
            };
            (made, Some(asker))
        });
    }

    pub(super) fn connected(&mut self, made: Result<Made, JoinError>) {
        let made = made.map(|(made, asker)| {
            self.logged_in = asker.map(|asker| (asker, made.as_ref().map(|_| ()).map_err(Refusal::words)));
            made
        });
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
            Ok(Err(Refusal::Asks(plugin))) => self.health.link = LinkHealth::Asks(plugin),
            Ok(Err(Refusal::Broken(cause))) => self.health.link = LinkHealth::Broken(cause),
            Err(_) => self.health.link = LinkHealth::Broken("an internal error".into()),
        }
    }

    /// After what the login has changed was told: whoever is answered may look at it.
    pub(super) fn answer_login(&mut self) {
        if let Some((asker, told)) = self.logged_in.take() {
            // Who asked may have gone in this very moment; the clients are good all the same.
            drop(asker.send(told));
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

    /// A server does not say that it is the certificate's age which it does not like.
    fn why_unauthorized(&self, cause: &Arc<str>) -> Arc<str> {
        let now = self.opened.outlet.now();
        let end = self.links.borrow().as_ref().and_then(|link| link.certificate);
        end.and_then(|end| expired(end, now))
            .unwrap_or_else(|| Arc::clone(cause))
    }

    /// Tells that the client certificate has only a day left, or less than nothing.
    pub(super) async fn tell_certificate(&mut self, now: Time) {
        let live = self.health.state().is_live();
        let end = self
            .links
            .borrow()
            .as_ref()
            .filter(|link| !link.by_plugin)
            .and_then(|link| link.certificate);
        let told = end.filter(|_| live).and_then(|end| soon(end, now));
        if self.told_certificate == told {
            return;
        }
        self.told_certificate.clone_from(&told);
        // A cluster that is not live has nothing lifted: it says all anew when it is live again.
        if live {
            self.limit("client certificate".into(), told).await;
        }
    }

    /// 401: the clients are made anew once; if that does not help, a person is needed.
    pub(super) fn perhaps_unauthorized(&mut self, failure: &Failure, generation: u64) {
        let current = self.links.borrow().as_ref().map(|link| link.generation);
        if !failure.is(FailureKind::Unauthorized) || current != Some(generation) || !self.connects.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.renewed, true) {
            self.health.link = LinkHealth::NeedsLogin(self.why_unauthorized(&failure.cause));
            let by_plugin = self.links.borrow().as_ref().is_some_and(|link| link.by_plugin);
            // A plugin may open a window each time; everything else may have been renewed by somebody else.
            self.renew_at = (!by_plugin).then(|| Instant::now() + LOGIN_AGAIN);
        } else {
            self.connect();
        }
    }
}

/// Of a client certificate that has come to its end.
fn expired(end: Time, now: Time) -> Option<Arc<str>> {
    (end <= now).then(|| {
        format!(
            "client certificate expired {} ago ({})",
            lapse(now.since(end).as_secs().unsigned_abs()),
            stamp(end)
        )
        .into()
    })
}

/// Of one that has, or will within a day.
fn soon(end: Time, now: Time) -> Option<Arc<str>> {
    let words = || format!("expires in less than a day ({})", stamp(end)).into();
    expired(end, now).or_else(|| (end.since(now) < DAY).then(words))
}

fn stamp(time: Time) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(time.nanos().into());
    stamp.map_or_else(
        |_| String::new(),
        |stamp| stamp.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_told_a_day_before() {
        let end = Time::from_secs(1_795_361_400);
        let check = |ahead: i64, words: Option<&str>| {
            let now = end - Span::from_secs(ahead);
            assert_eq!(soon(end, now).as_deref(), words, "{ahead} s before");
        };
        check(86_401, None);
        check(86_400, None);
        check(86_399, Some("expires in less than a day (2026-11-22 15:30 UTC)"));
        check(0, Some("client certificate expired 0s ago (2026-11-22 15:30 UTC)"));
        check(-7_300, Some("client certificate expired 2h ago (2026-11-22 15:30 UTC)"));
        check(
            -200_000,
            Some("client certificate expired 2d ago (2026-11-22 15:30 UTC)"),
        );
        assert_eq!(expired(end, end - Span::from_secs(1)), None);
    }
}
