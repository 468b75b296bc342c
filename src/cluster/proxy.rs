//! Which proxy leads to a server. Decided here because kube 5.0 compares `NO_PROXY` with the proxy's own address
//! instead of the server's. Follows Go's `ProxyFromEnvironment`, as kubectl does.

use std::net::IpAddr;

/// The proxy variables, read once by whoever may read the environment.
#[derive(Clone, Debug, Default)]
pub(super) struct ProxyVariables {
    /// `HTTPS_PROXY` or `https_proxy`.
    pub(super) https: Option<String>,
    /// `HTTP_PROXY` or `http_proxy`.
    pub(super) http: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub(super) except: Option<String>,
}

impl ProxyVariables {
    pub(super) fn read() -> Self {
        let variable = |upper: &str, lower: &str| {
            [upper, lower]
                .into_iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        Self {
            https: variable("HTTPS_PROXY", "https_proxy"),
            http: variable("HTTP_PROXY", "http_proxy"),
            except: variable("NO_PROXY", "no_proxy"),
        }
    }

    /// The proxy for `server`: the kubeconfig's own word wins, then the variables, never for loopback.
    pub(super) fn decide(&self, explicit: Option<&str>, server: &http::Uri) -> Option<String> {
        if let Some(explicit) = explicit.filter(|url| !url.is_empty()) {
            return Some(explicit.to_owned());
        }
        let secure = server.scheme_str() != Some("http");
        let proxy = if secure {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }?;
        let host = server.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return None;
        }
        let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let excepted = self
            .except
            .iter()
            .flat_map(|list| list.split(','))
            .any(|entry| excepts(entry.trim(), &host, address, port));
        (!excepted).then(|| {
            if proxy.contains("://") {
                proxy.clone()
            } else {
                format!("http://{proxy}")
            }
        })
    }
}

/// Whether a proxy's address holds a name or a password that goes to it without TLS.
pub(super) fn tells_a_password(proxy: &str) -> bool {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !scheme.eq_ignore_ascii_case("https") && authority.rsplit_once('@').is_some_and(|(user, _)| !user.is_empty())
}

/// Whether one entry of `NO_PROXY` covers the host: `*`, an address, a network, a domain (with its subdomains) or a
/// domain with a leading dot (subdomains only), each with an optional port.
fn excepts(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let (Ok(network), Ok(bits), Some(address)) = (network.parse(), bits.parse(), address) else {
            return false;
        };
        return in_network(address, network, bits);
    }
    let entry = entry.to_ascii_lowercase();
    let (name, entry_port) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (name, digits.parse().ok()),
        _ => (entry.as_str(), None),
    };
    let name = name.trim_matches(['[', ']']);
    if name.is_empty() || entry_port.is_some_and(|wanted: u16| wanted != port) {
        return false;
    }
    if let (Ok(wanted), Some(address)) = (name.parse::<IpAddr>(), address) {
        return wanted == address;
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(except: &str, server: &str, proxied: bool) {
        let variables = ProxyVariables {
            https: Some("http://10.0.0.5:3128".to_owned()),
            http: None,
            except: Some(except.to_owned()),
        };
        let decided = variables.decide(None, &server.parse().unwrap());
        assert_eq!(decided.is_some(), proxied, "NO_PROXY={except} {server}");
    }

    #[test]
    fn the_server_is_compared_not_the_proxy() {
        check("10.0.0.0/8", "https://example.com", true);
        check("10.0.0.0/8", "https://10.1.2.3:6443", false);
        check("127.0.0.1", "https://10.1.2.3:6443", true);
        check("", "https://127.0.0.1:6443", false);
        check("", "https://localhost:6443", false);
        check("", "https://[::1]:6443", false);
        check("*", "https://example.com", false);
        check("example.com", "https://api.example.com", false);
        check("example.com", "https://example.com", false);
        check("example.com", "https://badexample.com", true);
        check(".example.com", "https://example.com", true);
        check(".example.com, other.org", "https://api.example.com", false);
        check("*.example.com", "https://api.example.com", false);
        check("example.com:6443", "https://example.com:6443", false);
        check("example.com:6443", "https://example.com", true);
        check("fd00::/8", "https://[fd00::1]:6443", false);
        check("rubbish/zz,,", "https://10.1.2.3", true);
        check("", "http://10.1.2.3", false);
    }

    #[test]
    fn a_password_goes_in_clear_unless_the_proxy_speaks_tls() {
        for (proxy, told) in [
            ("http://me:secret@proxy:3128", true),
            ("me:secret@proxy:3128", true),
            ("socks5://me:secret@proxy:1080", true),
            ("http://token@proxy", true),
            ("https://me:secret@proxy", false),
            ("http://proxy:3128", false),
            ("http://proxy:3128/@/x?a@b", false),
            ("http://@proxy", false),
        ] {
            assert_eq!(tells_a_password(proxy), told, "{proxy}");
        }
    }

    #[test]
    fn the_kubeconfig_has_the_first_word() {
        let none = ProxyVariables::default();
        let server = "https://10.1.2.3".parse().unwrap();
        assert_eq!(
            none.decide(Some("socks5://p:1"), &server).as_deref(),
            Some("socks5://p:1")
        );
        assert_eq!(none.decide(None, &server), None);
        let bare = ProxyVariables {
            https: Some("proxy:3128".to_owned()),
            ..ProxyVariables::default()
        };
        assert_eq!(bare.decide(None, &server).as_deref(), Some("http://proxy:3128"));
    }
}
