//! From a kubeconfig's context to clients: one for lists and exec sessions, one for watches, and several for logs.
//!
//! kube's own client speaks HTTP/1.1 alone, one connection per stream, and never notices a dead link. All clients
//! therefore have our own connections, whose sockets the kernel watches, and whose pings notice a dead link over HTTP/2;
//! logs are spread over several connections because a server lets about a hundred streams share one and makes further
//! requests wait for ever. The way through a proxy is the same for all.

mod gather;
mod dial;
mod carrier;
mod stack;
mod link;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use kube::config::{ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::cause::plain;
use super::certificate;
use super::kubeconfig::Offer;
use super::plugin::{self, Manner};
use super::proxy::ProxyVariables;
use super::trust::{Case, Verdict};
use crate::model::UnknownPlugin;

pub(super) use self::link::{Link, Seat};
use self::stack::Stack;

/// Reading certificate and token files, which may lie on a network disk.
const BUILD: Duration = Duration::from_mins(1);
/// How late a dead link is noticed by pings.
pub(super) const PING_BLINDNESS: Duration = Duration::from_secs(20);

/// Why a context cannot be connected at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The kubeconfig cannot be used.
    Broken(Arc<str>),
    /// The credential plugin did not give credentials.
    NeedsLogin(Arc<str>),
    /// The credential plugin was not run, because nobody has allowed it.
    Asks(UnknownPlugin),
}

impl Refusal {
    /// Why, in a sentence.
    pub(super) fn words(&self) -> Arc<str> {
        match self {
            Self::Broken(cause) | Self::NeedsLogin(cause) => Arc::clone(cause),
            Self::Asks(plugin) => format!("nobody has allowed {:?} to run", plugin.command).into(),
        }
    }
}

/// How the clients are to be made.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) generation: u64,
    /// Log streams that there has to be room for.
    pub(super) streams: usize,
    /// Fingerprints of the plugins that were allowed in this run.
    pub(super) granted: BTreeSet<Arc<str>>,
    pub(super) manner: Manner,
}

/// Makes the clients. No request is sent, but a credential plugin is run.
pub(super) async fn connect(offer: &Offer, attempt: Attempt) -> Result<Link, Refusal> {
    let mut config = configured(offer).await?;
    let program = match plugin::needed(&config.auth_info) {
        Some(exec) => Some(admitted(offer, exec, &attempt.granted)?),
        None => None,
    };
    let by_plugin = program.is_some();
    let told = match program {
        Some(program) => plugin::resolve(&mut config.auth_info, &program, attempt.manner)
            .await
            .map_err(Refusal::NeedsLogin)?,
        None => None,
    };
    if let Some(exec) = &mut config.auth_info.exec {
        // Should a plugin ever be run by kube itself, it must not touch the terminal.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let built = spawn_blocking(move || Stack::new(&config).map(|stack| (stack, certificate::until(&config.auth_info))));
    match timeout(BUILD, built).await {
        Ok(Ok(Ok((stack, certificate)))) => {
            let mut link = Link::new(stack, attempt.generation, attempt.streams);
            link.expires = told.into_iter().chain(certificate.filter(|_| by_plugin)).min();
            link.certificate = certificate;
            link.by_plugin = by_plugin;
            Ok(link)
        }
        Ok(Ok(Err(error))) => Err(Refusal::Broken(plain(&error).into())),
        Ok(Err(_)) => Err(Refusal::Broken("making the client failed".into())),
        Err(_) => Err(Refusal::Broken("reading the certificates took too long".into())),
    }
}

/// The file of the credential plugin, if it may run.
fn admitted(offer: &Offer, exec: &ExecConfig, granted: &BTreeSet<Arc<str>>) -> Result<PathBuf, Refusal> {
    let case = Case {
        exec,
        file: offer.file.as_deref(),
        written: offer.written,
        granted,
    };
    match offer.trust.judge(&case) {
        Verdict::Run(program) => Ok(program),
        Verdict::Ask(plugin) => Err(Refusal::Asks(plugin)),
        Verdict::Missing(why) => Err(Refusal::NeedsLogin(why)),
        Verdict::Refused(why) => Err(Refusal::Broken(why)),
    }
}

async fn configured(offer: &Offer) -> Result<Config, Refusal> {
    let kubeconfig = Kubeconfig::clone(&offer.kubeconfig);
    let proxy = proxy_named(&kubeconfig, &offer.name);
    let options = KubeConfigOptions {
        context: Some(offer.name.to_string()),
        ..KubeConfigOptions::default()
    };
    let broken = |error: &kube::config::KubeconfigError| Refusal::Broken(plain(error).into());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| broken(&error))?;
    if let Some(provider) = &config.auth_info.auth_provider
        && provider.config.contains_key("cmd-path")
    {
        // kube would run the command without a time limit; kubectl dropped it in 1.26.
        return Err(Refusal::Broken(
            format!(
                "the auth provider {:?} is no longer supported; use a credential plugin",
                provider.name
            )
            .into(),
        ));
    }
    let decided = ProxyVariables::read().decide(proxy.as_deref(), &config.cluster_url);
    config.proxy_url = match decided.map(|url| url.parse()).transpose() {
        Ok(url) => url,
        Err(_) => return Err(Refusal::Broken("the proxy's address is not a URL".into())),
    };
    config.default_retry = false;
    Ok(config)
}

/// The proxy that the kubeconfig names for the cluster of a context.
fn proxy_named(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)?
        .context
        .as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.clone()
}

#[cfg(test)]
mod tests {
    use super::super::kubeconfig::Contexts;
    use super::*;

    async fn check(cluster: &str, user: &str, expected: Result<(), Refusal>) {
        let yaml = format!(
            "contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {cluster}}}]\nusers: \
             [{{name: u, user: {user}}}]\n"
        );
        let offer = Contexts::from_yaml(&yaml)
            .unwrap()
            .choose(&["c".to_owned()])
            .unwrap()
            .remove(0);
        let attempt = Attempt {
            streams: 250,
            ..Attempt::default()
        };
        let connected = connect(&offer, attempt).await.map(drop);
        assert_eq!(connected, expected);
    }

    #[tokio::test]
    async fn an_unusable_kubeconfig_says_what_is_wrong() {
        let broken = |words: &str| Err(Refusal::Broken(words.into()));
        let good = "{server: 'https://127.0.0.1:1'}";
        check(good, "{token: t}", Ok(())).await;
        check("{}", "{}", broken("cluster url is missing on selected cluster")).await;
        check(
            good,
            "{auth-provider: {name: gcp, config: {cmd-path: /bin/true}}}",
            broken("the auth provider \"gcp\" is no longer supported; use a credential plugin"),
        )
        .await;
        check(
            good,
            "{client-certificate: /nonexistent, client-key: /nonexistent}",
            broken("No such file or directory"),
        )
        .await;
        check(
            good,
            "{exec: {command: /nonexistent/p}}",
            Err(Refusal::NeedsLogin(
                "credential plugin \"/nonexistent/p\" cannot be run: No such file or directory".into(),
            )),
        )
        .await;
    }
}
