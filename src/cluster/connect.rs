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

use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::cause::plain;
use super::kubeconfig::Offer;
use super::plugin;
use super::proxy::ProxyVariables;

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
}

/// Makes the clients. No request is sent, but a credential plugin is run.
pub(super) async fn connect(offer: &Offer, generation: u64, streams: usize) -> Result<Link, Refusal> {
    let mut config = configured(offer).await?;
    let by_plugin = config.auth_info.exec.is_some();
    let expires = plugin::resolve(&mut config.auth_info)
        .await
        .map_err(Refusal::NeedsLogin)?;
    let built = spawn_blocking(move || Stack::new(&config));
    match timeout(BUILD, built).await {
        Ok(Ok(Ok(stack))) => {
            let mut link = Link::new(stack, generation, streams);
            link.expires = expires;
            link.by_plugin = by_plugin;
            Ok(link)
        }
        Ok(Ok(Err(error))) => Err(Refusal::Broken(plain(&error).into())),
        Ok(Err(_)) => Err(Refusal::Broken("making the client failed".into())),
        Err(_) => Err(Refusal::Broken("reading the certificates took too long".into())),
    }
}

async fn configured(offer: &Offer) -> Result<Config, Refusal> {
    let mut kubeconfig = Kubeconfig::clone(&offer.kubeconfig);
    let users = kubeconfig
        .auth_infos
        .iter_mut()
        .filter_map(|named| named.auth_info.as_mut());
    for exec in users.filter_map(|user| user.exec.as_mut()) {
        // Should a plugin ever be run by kube itself, it must not touch the terminal either.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
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
        let connected = connect(&offer, 1, 250).await.map(drop);
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
