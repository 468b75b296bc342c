//! What the user may do in a namespace, asked of the server in one question, and in a few more where its answer is not
//! the whole truth. Only of what would not be learned otherwise: lists and watches are tried at once, and the server's
//! refusal names the verb; a log or a session may be wanted much later. What was opened once is allowed, whatever a
//! review has said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SelfSubjectRulesReview,
    SelfSubjectRulesReviewSpec, SubjectRulesReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::timeout;

/// A review that takes longer is done without.
const ANSWER: Duration = Duration::from_secs(5);

/// One verb on one resource that Kontrast has a use for. All are of the core group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    ReadLogs,
    CreateExec,
    /// A session over a websocket begins with a GET, which needs this beside `CreateExec`.
    GetExec,
}

impl Need {
    const ALL: [Self; 3] = [Self::ReadLogs, Self::CreateExec, Self::GetExec];

    const fn verb(self) -> &'static str {
        match self {
            Self::ReadLogs | Self::GetExec => "get",
            Self::CreateExec => "create",
        }
    }

    /// The part of a pod that it is about.
    const fn part(self) -> &'static str {
        match self {
            Self::ReadLogs => "log",
            Self::CreateExec | Self::GetExec => "exec",
        }
    }

    /// A rule for certain names alone may be good for the very pod that is meant, so it counts as granted.
    fn is_granted_by(self, rule: &ResourceRule) -> bool {
        let names = |resources: &String| match resources.split_once('/') {
            Some((whole, part)) => (whole == "*" || whole == "pods") && part == self.part(),
            None => resources == "*",
        };
        let groups = rule.api_groups.iter().flatten();
        rule.verbs.iter().any(|verb| verb == "*" || verb == self.verb())
            && groups.into_iter().any(|group| group == "*" || group.is_empty())
            && rule.resources.iter().flatten().any(names)
    }
}

/// What the user may not do in one namespace, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    missing: BTreeSet<Need>,
}

impl Rights {
    /// Why no log can be read in `namespace`, if that is so.
    pub(super) fn logs(&self, namespace: &str) -> Option<Arc<str>> {
        self.lack("pods/log", &[Need::ReadLogs], namespace)
    }

    /// Why no command can be started in `namespace`, if that is so.
    pub(super) fn exec(&self, namespace: &str) -> Option<Arc<str>> {
        self.lack("pods/exec", &[Need::CreateExec, Need::GetExec], namespace)
    }

    fn lack(&self, resource: &str, needs: &[Need], namespace: &str) -> Option<Arc<str>> {
        let verbs: Vec<_> = needs
            .iter()
            .filter(|need| self.missing.contains(need))
            .map(|need| need.verb())
            .collect();
        let are = if verbs.len() == 1 { "is" } else { "are" };
        let verbs = (!verbs.is_empty()).then(|| verbs.join(" and "))?;
        Some(format!("{resource}: {verbs} {are} missing in namespace {namespace}").into())
    }

    fn of(status: &SubjectRulesReviewStatus) -> Self {
        let granted = |need: &Need| status.resource_rules.iter().any(|rule| need.is_granted_by(rule));
        let missing = Need::ALL.into_iter().filter(|need| !granted(need)).collect();
        Self { missing }
    }
}

/// Asks what may be done in a namespace; nothing if the server does not say.
pub(super) async fn ask(client: &Client, namespace: &str) -> Option<Rights> {
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(namespace.to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let api = Api::<SelfSubjectRulesReview>::all(client.clone());
    let params = PostParams::default();
    let status = timeout(ANSWER, api.create(&params, &review)).await.ok()?.ok()?.status?;
    let mut rights = Rights::of(&status);
    // Some authorizers cannot list their rules: what they did not name is asked for, verb by verb.
    if status.incomplete || status.evaluation_error.is_some_and(|error| !error.is_empty()) {
        for need in rights.missing.clone() {
            if is_allowed(client, namespace, need).await? {
                rights.missing.remove(&need);
            }
        }
    }
    Some(rights)
}

async fn is_allowed(client: &Client, namespace: &str, need: Need) -> Option<bool> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                resource: Some("pods".to_owned()),
                subresource: Some(need.part().to_owned()),
                verb: Some(need.verb().to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api = Api::<SelfSubjectAccessReview>::all(client.clone());
    let params = PostParams::default();
    let answered = timeout(ANSWER, api.create(&params, &review)).await.ok()?.ok()?;
    Some(answered.status?.allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(rules: &serde_json::Value, exec: Option<&str>, logs: Option<&str>) {
        let status = json!({"incomplete": false, "nonResourceRules": [], "resourceRules": rules});
        let rights = Rights::of(&serde_json::from_value(status).unwrap());
        assert_eq!(
            (rights.exec("shop").as_deref(), rights.logs("shop").as_deref()),
            (exec, logs),
            "{rules}"
        );
    }

    #[test]
    fn a_lack_is_told_verb_by_verb() {
        let no_exec = Some("pods/exec: create and get are missing in namespace shop");
        let no_logs = Some("pods/log: get is missing in namespace shop");
        let rule =
            |resources: &[&str], verbs: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
        check(&json!([]), no_exec, no_logs);
        check(&json!([rule(&["*"], &["*"])]), None, None);
        check(&json!([rule(&["pods"], &["*"])]), no_exec, no_logs);
        check(&json!([rule(&["pods", "pods/log"], &["get"])]), no_exec, None);
        check(
            &json!([rule(&["pods/log"], &["get"]), rule(&["pods/exec"], &["create"])]),
            Some("pods/exec: get is missing in namespace shop"),
            None,
        );
        check(
            &json!([rule(&["pods/exec"], &["create"]), rule(&["*/exec"], &["get"])]),
            None,
            no_logs,
        );
        check(
            &json!([{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}]),
            no_exec,
            no_logs,
        );
        check(
            &json!([{"apiGroups": ["*"], "resources": ["pods/log"], "verbs": ["get"], "resourceNames": ["api-0"]}]),
            no_exec,
            None,
        );
        check(&json!([{"verbs": ["*"]}]), no_exec, no_logs);
    }
}
