//! Who asks, and whether they may: client certificates, bearer tokens, and the rules of the cluster's users.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};

use super::digest::sha256;
use super::status::{Details, Status};
use crate::demo::cluster::{Rule, User};

/// The certificate that the client proved to own in the TLS handshake, as DER. Put into a request's extensions.
#[derive(Clone)]
pub struct PeerCertificate(pub Arc<[u8]>);

/// What the API accepts as credentials.
#[derive(Clone)]
pub struct Auth {
    users: Arc<[User]>,
    /// Issued client certificates as DER, each with the place of its user.
    certificates: Arc<[(Vec<u8>, usize)]>,
    trusted: Option<usize>,
}

impl Auth {
    pub fn new(users: &[User]) -> Self {
        Self {
            users: users.into(),
            certificates: Arc::new([]),
            trusted: None,
        }
    }

    /// Also accepts these certificates (DER), each for the user of that name.
    #[must_use]
    pub fn with_certificates(mut self, issued: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let places = issued
            .into_iter()
            .filter_map(|(name, der)| Some((der, self.place(&name)?)));
        self.certificates = places.collect();
        self
    }

    /// Takes a request without credentials as that user's: for a client that is mounted without TLS.
    #[must_use]
    pub fn trusting(mut self, name: &str) -> Self {
        self.trusted = self.place(name);
        self
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.users.iter().position(|user| user.name == name)
    }

    pub(super) fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Identity, Status> {
        let identity = self.credentials(headers, extensions)?;
        match headers.get("impersonate-user").and_then(|value| value.to_str().ok()) {
            Some(name) => self.impersonate(&identity, name),
            None => Ok(identity),
        }
    }

    fn credentials(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Identity, Status> {
        if let Some(identity) = extensions
            .get::<PeerCertificate>()
            .and_then(|peer| self.of_certificate(peer))
        {
            return Ok(identity);
        }
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) {
            let user = self
                .users
                .iter()
                .find(|user| !user.token.is_empty() && user.token == token.trim());
            return user.map(Identity::of).ok_or_else(Status::unauthorized);
        }
        Ok(self
            .trusted
            .and_then(|place| self.users.get(place))
            .map_or_else(Identity::anonymous, Identity::of))
    }

    fn of_certificate(&self, peer: &PeerCertificate) -> Option<Identity> {
        let (der, place) = self.certificates.iter().find(|(der, _)| **der == *peer.0)?;
        let identity = Identity::of(self.users.get(*place)?);
        let credential = Some(format!("X509SHA256={}", sha256(der)));
        Some(Identity { credential, ..identity })
    }

    fn impersonate(&self, identity: &Identity, name: &str) -> Result<Identity, Status> {
        if !identity.is_master() {
            let ask = Ask {
                verb: "impersonate",
                group: "",
                resource: "users",
                subresource: None,
                namespace: None,
                name: Some(name),
            };
            return Err(identity.refusal(&ask));
        }
        let known = self.place(name).and_then(|place| self.users.get(place));
        Ok(known.map_or_else(|| Identity::stranger(name), Identity::of))
    }
}

/// Someone who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    /// How a certificate is named in `SelfSubjectReview`.
    pub(super) credential: Option<String>,
    pub(super) rules: Vec<Rule>,
}

/// What a request wants to do with a resource.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    pub(super) subresource: Option<&'a str>,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: Option<&'a str>,
}

impl Ask<'_> {
    fn with_subresource(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.to_owned(),
        }
    }
}

const AUTHENTICATED: &str = "system:authenticated";
const MASTERS: &str = "system:masters";

/// Paths that the role `system:public-info-viewer` opens to everyone.
pub(super) const PUBLIC_PATHS: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];
/// Paths that the role `system:discovery` opens to whoever has proved who they are.
pub(super) const DISCOVERY_PATHS: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];
/// What the role `system:basic-user` lets whoever has proved who they are create.
pub(super) const BASIC_USER: &[(&str, &[&str])] = &[
    (
        "authorization.k8s.io",
        &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    ),
    ("authentication.k8s.io", &["selfsubjectreviews"]),
];

impl Identity {
    fn of(user: &User) -> Self {
        let mut groups = user.groups.clone();
        groups.push(AUTHENTICATED.to_owned());
        Self {
            name: user.name.clone(),
            groups,
            credential: None,
            rules: user.rules.clone(),
        }
    }

    fn stranger(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec![AUTHENTICATED.to_owned()],
            credential: None,
            rules: Vec::new(),
        }
    }

    fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
            credential: None,
            rules: Vec::new(),
        }
    }

    pub(super) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    fn is_authenticated(&self) -> bool {
        self.groups.iter().any(|group| group == AUTHENTICATED)
    }

    pub(super) fn may(&self, ask: &Ask<'_>) -> bool {
        if self.is_master() || self.rules.iter().any(|rule| permits(rule, ask)) {
            return true;
        }
        let is_basic = |(group, resources): &(&str, &[&str])| *group == ask.group && resources.contains(&ask.resource);
        self.is_authenticated() && ask.verb == "create" && BASIC_USER.iter().any(is_basic)
    }

    pub(super) fn may_get_path(&self, path: &str) -> bool {
        let fits = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == *pattern,
        };
        self.is_master()
            || PUBLIC_PATHS.iter().any(fits)
            || (self.is_authenticated() && DISCOVERY_PATHS.iter().any(fits))
    }

    pub(super) fn refusal(&self, ask: &Ask<'_>) -> Status {
        let qualified = match ask.group {
            "" => ask.resource.to_owned(),
            group => format!("{}.{group}", ask.resource),
        };
        let object = match ask.name {
            Some(name) => format!("{qualified} \"{name}\""),
            None => qualified,
        };
        let place = match ask.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{object} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.name,
            ask.verb,
            ask.with_subresource(),
            ask.group
        );
        let details = Details {
            name: ask.name.unwrap_or_default().to_owned(),
            group: ask.group.to_owned(),
            kind: ask.resource.to_owned(),
            ..Details::default()
        };
        Status::forbidden(message, details)
    }

    pub(super) fn refusal_of_path(&self, verb: &str, path: &str) -> Status {
        let message = format!("forbidden: User \"{}\" cannot {verb} path \"{path}\"", self.name);
        Status::forbidden(message, Details::default())
    }
}

fn permits(rule: &Rule, ask: &Ask<'_>) -> bool {
    let names = |list: &[String], wanted: &str| list.iter().any(|name| name == "*" || name == wanted);
    let in_place = rule.namespaces.is_empty()
        || ask
            .namespace
            .is_some_and(|asked| rule.namespaces.iter().any(|n| n == asked));
    let any_of_subresource = ask.subresource.map(|subresource| format!("*/{subresource}"));
    in_place
        && names(&rule.verbs, ask.verb)
        && names(&rule.groups, ask.group)
        && (names(&rule.resources, &ask.with_subresource())
            || any_of_subresource.is_some_and(|pattern| rule.resources.contains(&pattern)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn auth() -> Auth {
        let rule = Rule {
            namespaces: owned(&["shop"]),
            groups: owned(&[""]),
            resources: owned(&["pods", "pods/log"]),
            verbs: owned(&["get", "list"]),
        };
        let user = |name: &str, groups: &[&str], rules: Vec<Rule>| User {
            name: name.to_owned(),
            groups: owned(groups),
            token: format!("{name}-token"),
            rules,
        };
        Auth::new(&[
            user("admin", &[MASTERS], Vec::new()),
            user("jane", &["shop-viewers"], vec![rule]),
        ])
    }

    fn with_token(token: &str) -> Result<Identity, Status> {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
        );
        auth().authenticate(&headers, &Extensions::new())
    }

    const LIST: Ask<'_> = Ask {
        verb: "list",
        group: "",
        resource: "pods",
        subresource: None,
        namespace: Some("shop"),
        name: None,
    };

    #[test]
    fn rules_say_what_is_allowed() {
        let jane = with_token("jane-token").unwrap();
        assert!(jane.may(&LIST));
        let log = Ask {
            verb: "get",
            subresource: Some("log"),
            ..LIST
        };
        assert!(jane.may(&log));
        assert!(!jane.may(&Ask {
            subresource: Some("exec"),
            ..log
        }));
        assert!(!jane.may(&Ask {
            namespace: None,
            ..LIST
        }));
        assert!(!jane.may(&Ask {
            namespace: Some("default"),
            ..LIST
        }));
        assert!(with_token("admin-token").unwrap().may(&Ask {
            namespace: None,
            verb: "delete",
            ..LIST
        }));
    }

    #[test]
    fn refusals_are_worded_as_the_api_words_them() {
        let jane = with_token("jane-token").unwrap();
        let refusal = |ask: &Ask<'_>| jane.refusal(ask).message;
        assert_eq!(
            refusal(&Ask {
                namespace: None,
                ..LIST
            }),
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope"#
        );
        let exec = Ask {
            verb: "create",
            subresource: Some("exec"),
            name: Some("a"),
            ..LIST
        };
        assert_eq!(
            refusal(&exec),
            r#"pods "a" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "shop""#
        );
    }

    #[test]
    fn a_wrong_token_is_unauthorized_and_no_token_is_anonymous() {
        assert_eq!(with_token("bogus").unwrap_err().code, 401);
        let nobody = auth().authenticate(&HeaderMap::new(), &Extensions::new()).unwrap();
        assert_eq!(nobody.name, "system:anonymous");
        assert!(nobody.may_get_path("/version") && !nobody.may_get_path("/api"));
        assert!(with_token("jane-token").unwrap().may_get_path("/apis/apps/v1"));
    }

    #[test]
    fn a_certificate_is_its_user() {
        let auth = auth().with_certificates([("jane".to_owned(), vec![1, 2, 3])]);
        let mut extensions = Extensions::new();
        extensions.insert(PeerCertificate(Arc::from([1, 2, 3])));
        let jane = auth.authenticate(&HeaderMap::new(), &extensions).unwrap();
        assert_eq!(jane.name, "jane");
        assert!(jane.credential.unwrap().starts_with("X509SHA256=039058"));
    }
}
