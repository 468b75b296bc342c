//! A user's rules for workloads that have another name in some cluster, so that they are compared as one.
//!
//! `[NAMESPACE/][KIND/]NAME[:CONTAINER]=[NAMESPACE/][KIND/]NAME[:CONTAINER]`. What is left out on the left may be
//! anything; what is left out on the right stays as it is. One `*` a part stands for any text, the same on both sides:
//! `shop-prod/*=shop/*` compares a whole namespace with another.

use std::fmt;
use std::sync::Arc;

use crate::model::{WorkloadKey, WorkloadKind};

/// All rules, in their order: the first that fits a workload is applied, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(Vec<Alias>);

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    from: Side,
    to: Side,
}

/// What is wrong with a rule, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasError(String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    namespace: Option<Part>,
    kind: Option<WorkloadKind>,
    name: Part,
    container: Option<Part>,
}

/// A name, or what stands before and after its `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exact(Arc<str>),
    Around(Arc<str>, Arc<str>),
}

impl Aliases {
    pub fn new(aliases: Vec<Alias>) -> Self {
        Self(aliases)
    }

    /// # Errors
    /// If it is not a rule.
    pub fn parse(text: &str) -> Result<Alias, AliasError> {
        Alias::parse(text).map_err(|wrong| AliasError(format!("`{text}` is not NAME=NAME: {wrong}")))
    }

    /// The names under which a container of a workload is compared.
    pub fn apply(&self, workload: &WorkloadKey, container: &Arc<str>) -> (WorkloadKey, Arc<str>) {
        self.0
            .iter()
            .find_map(|alias| alias.apply(workload, Some(container)))
            .map_or_else(
                || (workload.clone(), container.clone()),
                |(workload, renamed)| (workload, renamed.unwrap_or_else(|| container.clone())),
            )
    }

    /// The same of the workload as a whole.
    pub fn apply_to_workload(&self, workload: &WorkloadKey) -> WorkloadKey {
        let renamed = self.0.iter().find_map(|alias| alias.apply(workload, None));
        renamed.map_or_else(|| workload.clone(), |(workload, _)| workload)
    }

    /// Whether what is in the one namespace may be compared as if it were in the other.
    pub fn may_lead(&self, from: &str, to: &str) -> bool {
        self.0.iter().any(|alias| {
            let Some(target) = &alias.to.namespace else {
                return false;
            };
            match &alias.from.namespace {
                Some(part) => part.matched(from).is_some_and(|star| &*target.with(star) == to),
                None => target.matched(to).is_some(),
            }
        })
    }
}

impl Alias {
    fn parse(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("there is no `=` in it")?;
        if to.contains('=') {
            return Err("there is more than one `=` in it".to_owned());
        }
        let alias = Self {
            from: Side::parse(from).map_err(|wrong| format!("on the left, {wrong}"))?,
            to: Side::parse(to).map_err(|wrong| format!("on the right, {wrong}"))?,
        };
        let pairs = [
            ("namespace", &alias.from.namespace, &alias.to.namespace),
            ("name", &Some(alias.from.name.clone()), &Some(alias.to.name.clone())),
            ("container", &alias.from.container, &alias.to.container),
        ];
        for (what, from, to) in pairs {
            let has_star = |part: &Option<Part>| matches!(part, Some(Part::Around(..)));
            if has_star(to) && !has_star(from) {
                return Err(format!(
                    "the {what} on the right has a `*`, but that on the left has none to take its text from"
                ));
            }
        }
        Ok(alias)
    }

    fn apply(&self, workload: &WorkloadKey, container: Option<&str>) -> Option<(WorkloadKey, Option<Arc<str>>)> {
        if self.from.kind.as_ref().is_some_and(|kind| *kind != workload.kind) {
            return None;
        }
        let namespace = renamed(
            self.from.namespace.as_ref(),
            self.to.namespace.as_ref(),
            &workload.namespace,
        )?;
        let name = renamed(Some(&self.from.name), Some(&self.to.name), &workload.name)?;
        let container = match container {
            Some(container) => Some(renamed(
                self.from.container.as_ref(),
                self.to.container.as_ref(),
                &container.into(),
            )?),
            None if self.from.container.is_some() => return None,
            None => None,
        };
        let kind = self.to.kind.clone().unwrap_or_else(|| workload.kind.clone());
        Some((WorkloadKey { namespace, kind, name }, container))
    }
}

/// The new name of a part, the old one if the rule says nothing of it; `None` if the rule does not fit.
fn renamed(from: Option<&Part>, to: Option<&Part>, name: &Arc<str>) -> Option<Arc<str>> {
    let star = match from {
        Some(from) => from.matched(name)?,
        None => "",
    };
    Some(to.map_or_else(|| name.clone(), |to| to.with(star)))
}

impl Side {
    fn parse(text: &str) -> Result<Self, String> {
        let (path, container) = match text.split_once(':') {
            Some((path, container)) => (path, Some(Part::parse("container", container)?)),
            None => (text, None),
        };
        let parts: Vec<_> = path.split('/').collect();
        let (namespace, kind, name) = match parts.as_slice() {
            [name] => (None, None, *name),
            [first, name] => match kind_of(first) {
                Some(kind) => (None, Some(kind), *name),
                None => (Some(*first), None, *name),
            },
            [namespace, "*", name] => (Some(*namespace), None, *name),
            [namespace, kind, name] => {
                let known = kind_of(kind).ok_or_else(|| {
                    format!("`{kind}` is no kind of workload; expected one such as deploy, sts, ds, job, cj or pod")
                })?;
                (Some(*namespace), Some(known), *name)
            }
            _ => return Err("there are more than three parts; expected NAMESPACE/KIND/NAME".to_owned()),
        };
        Ok(Self {
            namespace: namespace
                .map(|namespace| Part::parse("namespace", namespace))
                .transpose()?,
            kind,
            name: Part::parse("name", name)?,
            container,
        })
    }
}

impl Part {
    fn parse(what: &str, text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!("the {what} is empty"));
        }
        if let Some(odd) = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"-_.*".contains(*c))
        {
            return Err(format!(
                "the {what} `{text}` has a `{}`, which no name has",
                odd.escape_default()
            ));
        }
        match text.split_once('*') {
            None => Ok(Self::Exact(text.into())),
            Some((_, after)) if after.contains('*') => Err(format!("the {what} `{text}` has more than one `*`")),
            Some((before, after)) => Ok(Self::Around(before.into(), after.into())),
        }
    }

    /// The text for which `*` stands, empty without one; `None` if it is another name.
    fn matched<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Self::Exact(exact) => (**exact == *name).then_some(""),
            Self::Around(before, after) => name.strip_prefix(&**before)?.strip_suffix(&**after),
        }
    }

    fn with(&self, star: &str) -> Arc<str> {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Around(before, after) => format!("{before}{star}{after}").into(),
        }
    }
}

/// By the names that kubectl knows.
fn kind_of(text: &str) -> Option<WorkloadKind> {
    match text.to_ascii_lowercase().as_str() {
        "deploy" | "deployment" | "deployments" => Some(WorkloadKind::Deployment),
        "sts" | "statefulset" | "statefulsets" => Some(WorkloadKind::StatefulSet),
        "ds" | "daemonset" | "daemonsets" => Some(WorkloadKind::DaemonSet),
        "job" | "jobs" => Some(WorkloadKind::Job),
        "cj" | "cronjob" | "cronjobs" => Some(WorkloadKind::CronJob),
        "po" | "pod" | "pods" => Some(WorkloadKind::Pod),
        "rs" | "replicaset" | "replicasets" => Some(WorkloadKind::Other("ReplicaSet".into())),
        _ => None,
    }
}

impl fmt::Display for AliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AliasError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(namespace: &str, kind: WorkloadKind, name: &str) -> WorkloadKey {
        WorkloadKey {
            namespace: namespace.into(),
            kind,
            name: name.into(),
        }
    }

    /// What a deployment's container, given as `namespace/name:container`, is compared as.
    fn check(rules: &[&str], given: &str, expected: &str) {
        let aliases = Aliases::new(rules.iter().map(|rule| Aliases::parse(rule).unwrap()).collect());
        let (path, container) = given.split_once(':').unwrap();
        let (namespace, name) = path.split_once('/').unwrap();
        let (workload, container) = aliases.apply(&key(namespace, WorkloadKind::Deployment, name), &container.into());
        let got = format!(
            "{}/{}/{}:{container}",
            workload.namespace,
            workload.kind.as_str(),
            workload.name
        );
        assert_eq!(got, expected, "{rules:?}");
    }

    #[test]
    fn rules_rename() {
        check(&[], "shop/api:main", "shop/Deployment/api:main");
        check(
            &["shop-prod/*=shop/*"],
            "shop-prod/api:main",
            "shop/Deployment/api:main",
        );
        check(&["shop-prod/*=shop/*"], "shop/api:main", "shop/Deployment/api:main");
        check(&["*-prod/*=*/*"], "shop-prod/api:main", "shop/Deployment/api:main");
        check(&["api-v2=api"], "shop/api-v2:main", "shop/Deployment/api:main");
        check(
            &["api-*-blue=api-*"],
            "shop/api-eu-blue:main",
            "shop/Deployment/api-eu:main",
        );
        check(&["deploy/api=sts/api"], "shop/api:main", "shop/StatefulSet/api:main");
        check(&["sts/api=deploy/other"], "shop/api:main", "shop/Deployment/api:main");
        check(&["api:app=api:main"], "shop/api:app", "shop/Deployment/api:main");
        check(&["api:app=api:main"], "shop/api:proxy", "shop/Deployment/api:proxy");
        check(&["a/Deployments/x=b/*/y"], "a/x:c", "b/Deployment/y:c");
        check(&["x=y", "y=z"], "a/x:c", "a/Deployment/y:c");
    }

    #[test]
    fn wrong_rules_are_told() {
        let check = |rule: &str, expected: &str| {
            let error = Aliases::parse(rule).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(rule), "{error}");
        };
        check("api", "there is no `=`");
        check("a=b=c", "more than one `=`");
        check("=b", "on the left, the name is empty");
        check("shop/=b", "on the left, the name is empty");
        check("a=b:", "on the right, the container is empty");
        check("a=b*", "the name on the right has a `*`");
        check("a*b*=c", "more than one `*`");
        check("a/b/c/d=e", "more than three parts");
        check("a/thing/c=e", "`thing` is no kind of workload");
        check("a b=c", "has a ` `");
    }

    #[test]
    fn a_namespace_may_lead_to_another() {
        let aliases = Aliases::new(vec![
            Aliases::parse("*-prod/*=*/*").unwrap(),
            Aliases::parse("x=far/x").unwrap(),
        ]);
        assert!(aliases.may_lead("shop-prod", "shop"));
        assert!(!aliases.may_lead("shop-dev", "shop"));
        assert!(aliases.may_lead("anywhere", "far"));
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(rule in "[a-z*/:=. é-]{0,24}") {
            drop(Aliases::parse(&rule));
        }
    }
}
