//! Reviews: what the asking user may do, and who they are.

use http::StatusCode;
use serde_json::{Value, json};

use super::auth::{Ask, BASIC_USER, DISCOVERY_PATHS, Identity, PUBLIC_PATHS};
use super::resource::Resource;
use super::status::{Cause, Status, Subject};
use crate::demo::clock;

/// Answers a POST to one of the review resources with the object to show.
pub(super) fn answer(
    resource: &Resource,
    identity: &Identity,
    body: &Value,
    now: i64,
) -> Result<(StatusCode, Value), Status> {
    let review = match resource.plural {
        "selfsubjectaccessreviews" => access(identity, &body["spec"])?,
        "selfsubjectrulesreviews" => rules(identity, &body["spec"])?,
        "selfsubjectreviews" => who(identity, now),
        _ => return Err(Status::method_not_allowed()),
    };
    Ok((StatusCode::CREATED, review))
}

fn access(identity: &Identity, spec: &Value) -> Result<Value, Status> {
    let attributes = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    if attributes.is_object() == path.is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let subject = Subject {
            kind: "SelfSubjectAccessReview",
            group: "authorization.k8s.io",
            name: "",
        };
        return Err(Status::invalid(
            &subject,
            vec![Cause::invalid("spec.resourceAttributes", "null", why)],
        ));
    }
    let status = if path.is_object() {
        let path = path["path"].as_str().unwrap_or_default();
        verdict(identity, identity.may_get_path(path), None)
    } else {
        let text = |field: &str| attributes[field].as_str().filter(|text| !text.is_empty());
        let ask = Ask {
            verb: text("verb").unwrap_or_default(),
            group: text("group").unwrap_or_default(),
            resource: text("resource").unwrap_or_default(),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
        };
        verdict(identity, identity.may(&ask), ask.namespace)
    };
    Ok(json!({"metadata": {}, "spec": spec, "status": status}))
}

fn verdict(identity: &Identity, is_allowed: bool, namespace: Option<&str>) -> Value {
    match (is_allowed, namespace) {
        (false, _) => json!({"allowed": false}),
        // Members of system:masters pass before any rule is looked at.
        (true, _) if identity.is_master() => json!({"allowed": true}),
        (true, Some(namespace)) => {
            let name = &identity.name;
            let reason =
                format!("RBAC: allowed by RoleBinding \"{name}/{namespace}\" of Role \"{name}\" to User \"{name}\"");
            json!({"allowed": true, "reason": reason})
        }
        (true, None) => {
            let reason = "RBAC: allowed by ClusterRoleBinding \"system:basic-user\" of ClusterRole \"system:basic-user\" to \
                          Group \"system:authenticated\"";
            json!({"allowed": true, "reason": reason})
        }
    }
}

fn rules(identity: &Identity, spec: &Value) -> Result<Value, Status> {
    let Some(namespace) = spec["namespace"].as_str().filter(|namespace| !namespace.is_empty()) else {
        return Err(Status::bad_request("no namespace on request"));
    };
    let mut resource_rules: Vec<Value> = BASIC_USER
        .iter()
        .map(|(group, resources)| json!({"verbs": ["create"], "apiGroups": [group], "resources": resources}))
        .collect();
    let mut path_rules = vec![
        json!({"verbs": ["get"], "nonResourceURLs": DISCOVERY_PATHS}),
        json!({"verbs": ["get"], "nonResourceURLs": PUBLIC_PATHS}),
    ];
    if identity.is_master() {
        resource_rules.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        path_rules.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    let in_place = identity
        .rules
        .iter()
        .filter(|rule| rule.namespaces.is_empty() || rule.namespaces.iter().any(|named| named == namespace));
    resource_rules.extend(
        in_place.map(|rule| json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources})),
    );
    let status = json!({"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": false});
    Ok(json!({"metadata": {}, "spec": {}, "status": status}))
}

fn who(identity: &Identity, now: i64) -> Value {
    let mut user = json!({"username": identity.name, "groups": identity.groups});
    if let Some(credential) = &identity.credential {
        user["extra"] = json!({"authentication.kubernetes.io/credential-id": [credential]});
    }
    json!({"metadata": {"creationTimestamp": clock::rfc3339(now)}, "status": {"userInfo": user}})
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;
    use crate::demo::cluster::Rule;

    fn jane() -> Identity {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Identity {
            name: "jane".to_owned(),
            groups: owned(&["shop-viewers", "system:authenticated"]),
            credential: None,
            rules: vec![Rule {
                namespaces: owned(&["shop"]),
                groups: owned(&[""]),
                resources: owned(&["pods/log"]),
                verbs: owned(&["get"]),
            }],
        }
    }

    fn ask(plural: &str, spec: &Value) -> Result<Value, Status> {
        let resource = resource::all()
            .into_iter()
            .find(|resource| resource.plural == plural)
            .unwrap();
        answer(&resource, &jane(), &json!({"spec": spec}), 0).map(|(_, shown)| shown)
    }

    #[test]
    fn access_is_judged_by_the_rules() {
        let verdict = |subresource: &str, verb: &str| {
            let attributes = json!({"namespace": "shop", "verb": verb, "resource": "pods", "subresource": subresource});
            ask("selfsubjectaccessreviews", &json!({"resourceAttributes": attributes})).unwrap()["status"].clone()
        };
        assert_eq!(verdict("log", "get")["allowed"], true);
        assert_eq!(verdict("exec", "create"), json!({"allowed": false}));
        assert_eq!(ask("selfsubjectaccessreviews", &json!({})).unwrap_err().code, 422);
    }

    #[test]
    fn the_rules_of_a_namespace_are_listed() {
        let shown = ask("selfsubjectrulesreviews", &json!({"namespace": "shop"})).unwrap();
        let rules = shown["status"]["resourceRules"].as_array().unwrap();
        assert_eq!(
            rules.last().unwrap(),
            &json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]})
        );
        let elsewhere = ask("selfsubjectrulesreviews", &json!({"namespace": "default"})).unwrap();
        assert_eq!(elsewhere["status"]["resourceRules"].as_array().unwrap().len(), 2);
        assert_eq!(
            ask("selfsubjectrulesreviews", &json!({})).unwrap_err().message,
            "no namespace on request"
        );
    }

    #[test]
    fn a_user_is_told_who_they_are() {
        let shown = ask("selfsubjectreviews", &json!({})).unwrap();
        assert_eq!(shown["status"]["userInfo"]["username"], "jane");
    }
}
