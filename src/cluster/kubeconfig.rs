//! The contexts that the user's kubeconfig files offer. Each context belongs to its file: two files that both call a
//! user `kubernetes-admin` mean two users. Nothing is connected and no plugin is run here.

use std::collections::BTreeSet;
use std::env::split_paths;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use regex::Regex;

use super::memory::Memory;
use super::plugin;
use super::proxy::{ProxyVariables, tells_a_password};
use super::trust::{Trust, Written, command_line};
use crate::model::Insecure;

/// All contexts of all files, in the order of the files.
#[derive(Debug, Default)]
pub struct Contexts {
    offers: Vec<Offer>,
    /// The first file's current context that is not empty, as kubectl has it.
    current: Option<String>,
    /// Files that cannot be read, one sentence each; the contexts of the others are still offered.
    pub broken: Vec<String>,
    memory: Arc<Memory>,
}

/// One context as its file has it.
#[derive(Clone, Debug)]
pub struct Offer {
    pub name: Arc<str>,
    /// The context's namespace, `default` if it names none.
    pub namespace: Arc<str>,
    /// What the file gives up of the safety of the connection, if anything.
    pub insecure: Option<Insecure>,
    /// The credential plugin that gives this context's credentials, as its file has it and as a person may see it.
    pub plugin: Option<Arc<str>>,
    pub(super) kubeconfig: Arc<Kubeconfig>,
    /// Where the kubeconfig was read.
    pub(super) file: Option<Arc<Path>>,
    pub(super) written: Written,
    pub(super) trust: Arc<Trust>,
    /// What it and the contexts offered with it may hold in memory together.
    pub(super) memory: Arc<Memory>,
}

/// Why no context can be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KubeconfigError {
    #[error("no kubeconfig found: neither $KUBECONFIG nor ~/.kube/config leads to one")]
    None,
    #[error("{0}")]
    Unreadable(String),
    #[error("the kubeconfig names no current context")]
    NoCurrent { names: Vec<String> },
    #[error("there is no context {asked:?}")]
    Unknown {
        asked: String,
        names: Vec<String>,
        nearest: Option<String>,
    },
    #[error("no context matches /{regex}/")]
    NoMatch { regex: String, names: Vec<String> },
    #[error("/{regex}/ is not a regular expression: {cause}")]
    BadRegex { regex: String, cause: String },
}

impl Contexts {
    /// Reads the one file that was asked for; it has to be there.
    pub fn from_file(path: &Path) -> Result<Self, KubeconfigError> {
        let mut contexts = Self::default();
        match contexts.add_file(path) {
            Ok(()) => Ok(contexts),
            Err(cause) => Err(KubeconfigError::Unreadable(cause)),
        }
    }

    /// Reads what `$KUBECONFIG` names, several paths in the manner of the platform, or `~/.kube/config`. A missing
    /// file is skipped, as kubectl does; a broken one is reported by itself.
    pub fn from_environment(kubeconfig: Option<&OsStr>, home: Option<&Path>) -> Result<Self, KubeconfigError> {
        let paths: Vec<PathBuf> = match kubeconfig {
            Some(paths) => split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => home.map(|home| home.join(".kube").join("config")).into_iter().collect(),
        };
        let mut contexts = Self::default();
        for path in paths.iter().filter(|path| is_there(path)) {
            if let Err(cause) = contexts.add_file(path) {
                contexts.broken.push(cause);
            }
        }
        match (contexts.offers.is_empty(), contexts.broken.first()) {
            (true, None) => Err(KubeconfigError::None),
            (true, Some(cause)) => Err(KubeconfigError::Unreadable(cause.clone())),
            (false, _) => Ok(contexts),
        }
    }

    /// Reads a kubeconfig that is already at hand.
    pub fn from_yaml(yaml: &str) -> Result<Self, KubeconfigError> {
        let kubeconfig = Kubeconfig::from_yaml(yaml).map_err(|error| KubeconfigError::Unreadable(error.to_string()))?;
        let mut contexts = Self::default();
        contexts.add(kubeconfig, &Origin::default());
        Ok(contexts)
    }

    /// With what the user has said about credential plugins.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        let trust = Arc::new(trust);
        for offer in &mut self.offers {
            offer.trust = Arc::clone(&trust);
        }
        self
    }

    pub fn names(&self) -> Vec<String> {
        self.offers.iter().map(|offer| offer.name.to_string()).collect()
    }

    /// The contexts that `terms` ask for: names, or regular expressions between slashes; the current context if there
    /// are no terms. In the order asked for, each once.
    pub fn choose(&self, terms: &[String]) -> Result<Vec<Offer>, KubeconfigError> {
        if terms.is_empty() {
            return self.current().map(|offer| vec![offer]);
        }
        let mut chosen: Vec<Offer> = Vec::new();
        for term in terms {
            for offer in self.matching(term)? {
                if !chosen.iter().any(|known| known.name == offer.name) {
                    chosen.push(offer.clone());
                }
            }
        }
        Ok(chosen)
    }

    fn current(&self) -> Result<Offer, KubeconfigError> {
        let Some(current) = &self.current else {
            return Err(KubeconfigError::NoCurrent { names: self.names() });
        };
        self.named(current).cloned()
    }

    fn matching(&self, term: &str) -> Result<Vec<&Offer>, KubeconfigError> {
        let Some(regex) = term.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) else {
            return self.named(term).map(|offer| vec![offer]);
        };
        let compiled = Regex::new(regex).map_err(|error| KubeconfigError::BadRegex {
            regex: regex.to_owned(),
            cause: error.to_string(),
        })?;
        let found: Vec<_> = self
            .offers
            .iter()
            .filter(|offer| compiled.is_match(&offer.name))
            .collect();
        if found.is_empty() {
            return Err(KubeconfigError::NoMatch {
                regex: regex.to_owned(),
                names: self.names(),
            });
        }
        Ok(found)
    }

    fn named(&self, name: &str) -> Result<&Offer, KubeconfigError> {
        self.offers.iter().find(|offer| &*offer.name == name).ok_or_else(|| {
            let names = self.names();
            let nearest = nearest(name, &names);
            KubeconfigError::Unknown {
                asked: name.to_owned(),
                names,
                nearest,
            }
        })
    }

    fn add_file(&mut self, path: &Path) -> Result<(), String> {
        // The path goes along: relative paths in the file are relative to it.
        let kubeconfig =
            Kubeconfig::read_from(path).map_err(|error| format!("{}: {}", path.display(), root_cause(&error)))?;
        self.add(kubeconfig, &Origin::of(path));
        Ok(())
    }

    fn add(&mut self, kubeconfig: Kubeconfig, origin: &Origin) {
        let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
        self.current = self.current.take().or(current);
        let kubeconfig = Arc::new(kubeconfig);
        for named in &kubeconfig.contexts {
            // The first file wins a context's name, as in kubectl.
            if self.offers.iter().any(|offer| *offer.name == named.name) {
                continue;
            }
            let Some(context) = &named.context else { continue };
            let cluster = kubeconfig
                .clusters
                .iter()
                .find(|cluster| cluster.name == context.cluster);
            let cluster = cluster.and_then(|cluster| cluster.cluster.as_ref());
            let user = kubeconfig
                .auth_infos
                .iter()
                .find(|user| Some(&user.name) == context.user.as_ref())
                .and_then(|user| user.auth_info.as_ref());
            let plugin = user.and_then(plugin::needed);
            self.offers.push(Offer {
                plugin: plugin.map(|exec| command_line(exec.command.as_deref().unwrap_or_default(), exec)),
                file: origin.file.clone(),
                written: origin.written(context.user.as_deref()),
                trust: Arc::default(),
                name: named.name.as_str().into(),
                namespace: context
                    .namespace
                    .as_deref()
                    .filter(|name| !name.is_empty())
                    .unwrap_or("default")
                    .into(),
                insecure: cluster.and_then(insecure),
                kubeconfig: Arc::clone(&kubeconfig),
                memory: Arc::clone(&self.memory),
            });
        }
    }
}

/// Where contexts come from.
#[derive(Debug, Default)]
struct Origin {
    file: Option<Arc<Path>>,
    /// Users whose commands are relative to the file, which are absolute once it is read; all if that cannot be known.
    relative: Relative,
}

#[derive(Debug)]
enum Relative {
    Users(BTreeSet<String>),
    All,
}

impl Default for Relative {
    fn default() -> Self {
        Self::Users(BTreeSet::new())
    }
}

impl Origin {
    fn of(path: &Path) -> Self {
        let relative = match fs::read_to_string(path).map(|text| Kubeconfig::from_yaml(&text)) {
            Ok(Ok(raw)) => Relative::Users(
                raw.auth_infos
                    .into_iter()
                    .filter(|user| user.auth_info.as_ref().is_some_and(has_relative_command))
                    .map(|user| user.name)
                    .collect(),
            ),
            Ok(Err(_)) | Err(_) => Relative::All,
        };
        Self {
            file: Some(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into()),
            relative,
        }
    }

    fn written(&self, user: Option<&str>) -> Written {
        match &self.relative {
            Relative::Users(users) if !user.is_some_and(|user| users.contains(user)) => Written::NameOrAbsolute,
            Relative::Users(_) | Relative::All => Written::Relative,
        }
    }
}

fn has_relative_command(user: &AuthInfo) -> bool {
    let command = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    command.is_some_and(|command| Path::new(command).is_relative() && command.contains(MAIN_SEPARATOR))
}

/// The worst of what makes the connection to a cluster unsafe.
fn insecure(cluster: &Cluster) -> Option<Insecure> {
    let server: http::Uri = cluster.server.as_deref()?.parse().ok()?;
    if server.scheme_str() == Some("http") {
        return Some(Insecure::Unencrypted);
    }
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Some(Insecure::Unverified);
    }
    let proxy = ProxyVariables::read().decide(cluster.proxy_url.as_deref(), &server)?;
    tells_a_password(&proxy).then_some(Insecure::ProxyInClear)
}

/// Whether there is a file to read; one that may not be looked at is there, and reading it says why it fails.
fn is_there(path: &Path) -> bool {
    !matches!(fs::metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// The name that a slip of the fingers is likely to have meant.
fn nearest(asked: &str, names: &[String]) -> Option<String> {
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(asked, name), name))
        .filter(|(distance, name)| *distance <= 2.max(name.chars().count() / 3))
        .min()
        .map(|(_, name)| name.clone())
}

/// The innermost error: the outer ones only repeat that a kubeconfig was being read.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::env::join_paths;

    use super::*;

    fn kubeconfig(context: &str, user: &str, token: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {context}\ncontexts:\n- name: {context}\n  context: {{cluster: c, \
             user: {user}, namespace: shop}}\nclusters:\n- name: c\n  cluster: {{server: 'https://127.0.0.1:1'}}\nusers:\n- name: \
             {user}\n  user: {{token: {token}}}\n"
        )
    }

    fn files(contents: &[(&str, &str)]) -> (tempfile::TempDir, std::ffi::OsString) {
        let dir = tempfile::tempdir().unwrap();
        let paths = contents.iter().map(|(name, text)| {
            let path = dir.path().join(name);
            if !text.starts_with("missing") {
                fs::write(&path, text).unwrap();
            }
            path
        });
        let joined = join_paths(paths.collect::<Vec<_>>()).unwrap();
        (dir, joined)
    }

    #[test]
    fn a_missing_file_is_skipped_and_a_broken_one_reported_by_itself() {
        let good = kubeconfig("dev", "u", "t");
        let (_dir, paths) = files(&[("a", "missing"), ("b", "contexts: {{"), ("c", ""), ("d", &good)]);
        let contexts = Contexts::from_environment(Some(&paths), None).unwrap();
        assert_eq!(contexts.names(), ["dev"]);
        assert_eq!(contexts.broken.len(), 1);
        assert!(contexts.broken[0].contains("/b: "), "{:?}", contexts.broken);
    }

    #[test]
    fn users_of_the_same_name_in_two_files_stay_two() {
        let (one, two) = (
            kubeconfig("dev", "admin", "token-1"),
            kubeconfig("prod", "admin", "token-2"),
        );
        let (_dir, paths) = files(&[("a", &one), ("b", &two)]);
        let chosen = Contexts::from_environment(Some(&paths), None)
            .unwrap()
            .choose(&["prod".to_owned()])
            .unwrap();
        let users = &chosen[0].kubeconfig.auth_infos;
        assert_eq!(users.len(), 1);
        let rendered = serde_json::to_string(&users[0]).unwrap();
        assert!(rendered.contains("token-2"), "{rendered}");
    }

    #[test]
    fn terms_are_names_or_regular_expressions_each_context_once() {
        let texts = ["dev", "prod-eu", "prod-us"].map(|name| kubeconfig(name, "u", "t"));
        let (_dir, paths) = files(&[("a", &texts[0]), ("b", &texts[1]), ("c", &texts[2])]);
        let contexts = Contexts::from_environment(Some(&paths), None).unwrap();
        let choose = |terms: &[&str]| {
            let terms: Vec<_> = terms.iter().map(|term| (*term).to_owned()).collect();
            contexts
                .choose(&terms)
                .map(|offers| offers.iter().map(|offer| offer.name.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(choose(&["prod-us", "/^prod/"]).unwrap(), ["prod-us", "prod-eu"]);
        assert_eq!(choose(&[]).unwrap(), ["dev"]);
        let Err(KubeconfigError::Unknown { nearest, names, .. }) = choose(&["prod-eo"]) else {
            panic!()
        };
        assert_eq!((nearest.as_deref(), names.len()), (Some("prod-eu"), 3));
        assert!(matches!(choose(&["/x/"]), Err(KubeconfigError::NoMatch { .. })));
        assert!(matches!(choose(&["/(/"]), Err(KubeconfigError::BadRegex { .. })));
    }

    #[test]
    fn what_makes_a_connection_unsafe_is_known_before_it_is_made() {
        let check = |cluster: &str, expected: Option<Insecure>| {
            let yaml = format!(
                "contexts: [{{name: c, context: {{cluster: c}}}}]\nclusters: [{{name: c, cluster: {cluster}}}]"
            );
            let offers = Contexts::from_yaml(&yaml).unwrap().choose(&["c".to_owned()]).unwrap();
            assert_eq!(offers[0].insecure, expected, "{cluster}");
        };
        check("{server: 'https://127.0.0.1:1'}", None);
        check("{server: 'HTTP://127.0.0.1:1'}", Some(Insecure::Unencrypted));
        check(
            "{server: 'https://127.0.0.1', insecure-skip-tls-verify: true}",
            Some(Insecure::Unverified),
        );
        check("{server: 'https://127.0.0.1', insecure-skip-tls-verify: false}", None);
        check(
            "{server: 'https://127.0.0.1', proxy-url: 'http://me:secret@proxy:3128'}",
            Some(Insecure::ProxyInClear),
        );
        check(
            "{server: 'https://127.0.0.1', proxy-url: 'https://me:secret@proxy:3128'}",
            None,
        );
        check("{server: 'https://127.0.0.1', proxy-url: 'http://proxy:3128'}", None);
        check("{}", None);
    }

    #[test]
    fn a_command_that_is_relative_to_its_file_is_known_as_such() {
        let check = |command: &str, expected: Written| {
            let text =
                kubeconfig("dev", "u", "t").replace("token: t", &format!("exec: {{command: '{command}', args: [x]}}"));
            let (_dir, paths) = files(&[("a", &text)]);
            let offer = Contexts::from_environment(Some(&paths), None)
                .unwrap()
                .choose(&[])
                .unwrap()
                .remove(0);
            assert_eq!(offer.written, expected, "{command}");
            assert!(offer.plugin.unwrap().ends_with(" x"));
            assert!(offer.file.unwrap().is_absolute());
        };
        check("plugin", Written::NameOrAbsolute);
        check("/usr/bin/plugin", Written::NameOrAbsolute);
        check("./plugin", Written::Relative);
        check("bin/plugin", Written::Relative);
    }

    #[test]
    fn nothing_at_all_is_its_own_error() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(
            Contexts::from_environment(None, Some(home.path())).unwrap_err(),
            KubeconfigError::None
        );
    }
}
