//! From flags to what is opened: which contexts, which namespaces, pods and containers.

use std::sync::Arc;

use regex::Regex;

use crate::app::fleet::Opening;
use crate::cli::args::Targets;
use crate::cli::failure::Failure;
use crate::cluster::{
    Contexts, KubeconfigError, Kubeconfigs, Namespaces, Places, PodQuery, Policy, Strangers, Trust, Watching,
};
use crate::files::{Environment, plugins};

/// What the flags ask for, and one sentence for each kubeconfig file that could not be read.
pub fn opening(
    targets: &Targets,
    environment: &Environment,
    strangers: Strangers,
) -> Result<(Opening, Vec<String>), Failure> {
    let watching = watching(targets)?;
    let contexts = match &targets.kubeconfig {
        Some(path) => Contexts::from_file(path),
        None => Contexts::from_environment(environment.kubeconfig.as_deref(), environment.home.as_deref()),
    }
    .map_err(explain)?
    .trusting(trust(targets, environment, strangers));
    let offers = contexts.choose(&targets.contexts()).map_err(explain)?;
    Ok((Opening::of_contexts(offers, watching), contexts.broken))
}

/// What the user has said about credential plugins; `strangers` is what is done with one that nobody has allowed.
fn trust(targets: &Targets, environment: &Environment, strangers: Strangers) -> Trust {
    let allowed = environment.allowed_plugins_file();
    Trust {
        policy: Policy::read(Places {
            flag: targets.kuberc.as_deref(),
            variable: environment.kuberc.as_deref(),
            home: environment.home.as_deref(),
        }),
        strangers: if targets.allow_plugins {
            Strangers::Run
        } else {
            strangers
        },
        kubeconfigs: if targets.trust_kubeconfig {
            Kubeconfigs::Trusted
        } else {
            Kubeconfigs::Judged
        },
        allowed: allowed.map(|file| plugins::read(&file)).unwrap_or_default(),
        home: environment.home.clone(),
    }
}

/// What to watch in every context.
pub fn watching(targets: &Targets) -> Result<Watching, Failure> {
    let namespaces = if targets.all_namespaces {
        Namespaces::All
    } else if targets.namespace.is_empty() {
        Namespaces::OfContext
    } else {
        Namespaces::Listed(targets.namespace.iter().map(|name| Arc::from(name.trim())).collect())
    };
    let pods = match &targets.pod_query {
        Some(query) => PodQuery::parse(query).map_err(Failure::usage)?,
        None => PodQuery::All,
    };
    Ok(Watching {
        namespaces,
        label_selector: targets.selector.clone(),
        field_selector: targets.field_selector.clone(),
        pods,
        container: targets
            .container
            .as_deref()
            .map(|text| regex("--container", text))
            .transpose()?,
        exclude_containers: regexes("--exclude-container", &targets.exclude_container)?,
        exclude_pods: regexes("--exclude-pod", &targets.exclude_pod)?,
        since: targets.since,
        tail: targets.tail,
        most_streams: targets.max_log_requests,
    })
}

fn regexes(flag: &str, texts: &[String]) -> Result<Vec<Regex>, Failure> {
    texts.iter().map(|text| regex(flag, text)).collect()
}

fn regex(flag: &str, text: &str) -> Result<Regex, Failure> {
    Regex::new(text).map_err(|error| Failure::usage(format!("{flag} {text:?} is not a regular expression: {error}")))
}

fn explain(error: KubeconfigError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error {
        KubeconfigError::None => {
            failure.hint("`kontrast demo` shows the tool on embedded clusters, without any kubeconfig")
        }
        KubeconfigError::Unknown {
            names,
            nearest: Some(nearest),
            ..
        } => failure.hint(format!("did you mean {nearest:?}? There are: {}", names.join(", "))),
        KubeconfigError::NoCurrent { names }
        | KubeconfigError::Unknown {
            names, nearest: None, ..
        }
        | KubeconfigError::NoMatch { names, .. } => failure.hint(format!("there are: {}", names.join(", "))),
        KubeconfigError::Unreadable(_) | KubeconfigError::BadRegex { .. } => failure,
    }
}
