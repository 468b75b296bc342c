//! What a path and a method ask for: group, version, namespace, resource, name, subresource, verb.

use http::Method;

use super::auth::Ask;
use super::query::Query;
use super::resource::Resource;

/// The parts of a resource's path, known or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: Option<String>,
    pub(super) resource: String,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Target {
    /// `None` if the path is no resource's.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", version, rest),
            ["apis", group, version, rest @ ..] => (*group, version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            [] => return None,
            ["namespaces", namespace, "status"] => (Some(*namespace), rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            // Rules about a namespace are looked for inside it.
            ["namespaces", namespace] => (Some(*namespace), rest),
            _ => (None, rest),
        };
        let part = |place: usize| rest.get(place).map(|part| (*part).to_owned());
        Some(Self {
            group: group.to_owned(),
            version: (*version).to_owned(),
            namespace: namespace.map(str::to_owned),
            resource: part(0)?,
            name: part(1),
            subresource: part(2),
        })
    }

    pub(super) fn is_of(&self, resource: &Resource) -> bool {
        let is_inside = self.namespace.is_some() && resource.plural != "namespaces";
        resource.group == self.group
            && resource.version == self.version
            && resource.plural == self.resource
            && (resource.is_namespaced || !is_inside)
            && (!resource.is_namespaced || is_inside || self.name.is_none())
    }

    /// The verb as rules name it.
    pub(super) fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match (method.as_str(), &self.name) {
            ("GET" | "HEAD", Some(_)) => "get",
            ("GET" | "HEAD", None) if query.is_set("watch") => "watch",
            ("GET" | "HEAD", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            _ => "",
        }
    }

    pub(super) fn ask<'a>(&'a self, verb: &'a str) -> Ask<'a> {
        Ask {
            verb,
            group: &self.group,
            resource: &self.resource,
            subresource: self.subresource.as_deref(),
            namespace: self.namespace.as_deref(),
            name: self.name.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        fn check(path: &str, [group, namespace, resource, name, subresource]: [&str; 5]) {
            let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let expected = Target {
                group: group.to_owned(),
                version: "v1".to_owned(),
                namespace: named(namespace),
                resource: resource.to_owned(),
                name: named(name),
                subresource: named(subresource),
            };
            assert_eq!(Target::parse(path), Some(expected), "{path}");
        }
        check("/api/v1/pods", ["", "", "pods", "", ""]);
        check("/api/v1/namespaces", ["", "", "namespaces", "", ""]);
        check("/api/v1/namespaces/shop", ["", "shop", "namespaces", "shop", ""]);
        check("/api/v1/namespaces/shop/pods/a/log", ["", "shop", "pods", "a", "log"]);
        check(
            "/apis/apps/v1/namespaces/shop/deployments/api/scale",
            ["apps", "shop", "deployments", "api", "scale"],
        );
        for path in ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version"] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_namespaced_name_needs_its_namespace() {
        let all = resource::all();
        let is_known = |path: &str| {
            let target = Target::parse(path).unwrap();
            all.iter().any(|resource| target.is_of(resource))
        };
        assert!(is_known("/api/v1/pods") && is_known("/api/v1/namespaces/shop/pods/a") && is_known("/api/v1/nodes/n"));
        assert!(is_known("/api/v1/namespaces/shop") && is_known("/api/v1/namespaces/shop/status"));
        assert!(!is_known("/api/v1/pods/a"));
        assert!(!is_known("/api/v1/namespaces/shop/nodes"));
        assert!(!is_known("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"));
    }
}
