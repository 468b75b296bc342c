//! The user's own word on which credential plugins may run at all: `credentialPluginPolicy` and
//! `credentialPluginAllowlist` of kubectl's preferences (kuberc, kubectl 1.35 and later). What does not make sense
//! allows nothing, as in kubectl: <https://kubernetes.io/docs/reference/kubectl/kuberc/>.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

/// Which plugins may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The user has not said anything.
    #[default]
    Unsaid,
    AllowAll,
    DenyAll {
        file: PathBuf,
    },
    Allowlist {
        file: PathBuf,
        entries: Vec<String>,
    },
    /// The file cannot be used, so nothing may run. A sentence.
    Unusable(Arc<str>),
}

#[derive(Default, Deserialize)]
struct Preference {
    #[serde(rename = "credentialPluginPolicy")]
    policy: Option<String>,
    #[serde(rename = "credentialPluginAllowlist")]
    allowlist: Option<Vec<Entry>>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// A later kubectl may know more conditions; one that is not known here must not be passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Its name has not been the same in all versions.
    #[serde(default, alias = "command")]
    name: String,
}

/// Where the preferences are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    /// `--kuberc`
    pub flag: Option<&'a Path>,
    /// `$KUBERC`
    pub variable: Option<&'a OsStr>,
    pub home: Option<&'a Path>,
}

impl Policy {
    /// Reads the preferences. `off` instead of a file means none; only the file in the home folder may be missing.
    pub fn read(places: Places<'_>) -> Self {
        let variable = places.variable.filter(|value| !value.is_empty()).map(Path::new);
        match places.flag.or(variable) {
            Some(off) if off == Path::new("off") => Self::Unsaid,
            Some(file) => Self::of_file(file).unwrap_or_else(|| Self::unusable(file, "it is not there")),
            None => {
                let file = places.home.map(|home| home.join(".kube").join("kuberc"));
                file.and_then(|file| Self::of_file(&file)).unwrap_or_default()
            }
        }
    }

    fn of_file(file: &Path) -> Option<Self> {
        match fs::read_to_string(file) {
            Ok(text) => Some(Self::parse(&text, file)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => Some(Self::unusable(file, &error.to_string())),
        }
    }

    fn unusable(file: &Path, why: &str) -> Self {
        Self::Unusable(format!("no credential plugin may run, because of {}: {why}", file.display()).into())
    }

    fn parse(text: &str, file: &Path) -> Self {
        let documents: Vec<Option<Preference>> = match serde_saphyr::from_multiple(text) {
            Ok(documents) => documents,
            Err(_) => return Self::unusable(file, "it cannot be understood"),
        };
        let mut said = Self::Unsaid;
        for preference in documents.into_iter().flatten() {
            match Self::of(preference, file) {
                Ok(Self::Unsaid) => {}
                Ok(policy) if said == Self::Unsaid => said = policy,
                Ok(_) => return Self::unusable(file, "it has more than one policy"),
                Err(why) => return Self::unusable(file, &why),
            }
        }
        said
    }

    fn of(preference: Preference, file: &Path) -> Result<Self, String> {
        let is_misspelled = |name: &&String| name.to_ascii_lowercase().starts_with("credentialplugin");
        if let Some(name) = preference.rest.keys().find(is_misspelled) {
            return Err(format!("{name:?} is not known"));
        }
        let file = file.to_owned();
        match (preference.policy.as_deref(), preference.allowlist) {
            (None | Some(""), None) => Ok(Self::Unsaid),
            (Some("AllowAll"), None) => Ok(Self::AllowAll),
            (Some("DenyAll"), None) => Ok(Self::DenyAll { file }),
            (Some("Allowlist"), Some(list)) => {
                let entries = entries(list)?;
                Ok(Self::Allowlist { file, entries })
            }
            (Some("Allowlist"), None) => Err("the policy is Allowlist, and there is no list".to_owned()),
            (policy @ (None | Some("" | "AllowAll" | "DenyAll")), Some(_)) => {
                let policy = policy.filter(|policy| !policy.is_empty()).unwrap_or("AllowAll");
                Err(format!("the policy is {policy}, and there is a list all the same"))
            }
            (Some(other), _) => Err(format!("there is no policy {other:?}")),
        }
    }

    /// Whether the command `configured`, found at `resolved`, may run. `look` finds a command as a shell does.
    pub(super) fn check(
        &self,
        configured: &str,
        resolved: &Path,
        look: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<(), Arc<str>> {
        let denied = |file: &Path, words: &str| {
            let file = file.display();
            Err(
                format!("credential plugin {configured:?} may not run: {words} (credentialPluginPolicy in {file})")
                    .into(),
            )
        };
        match self {
            Self::Unsaid | Self::AllowAll => Ok(()),
            Self::Unusable(why) => Err(Arc::clone(why)),
            Self::DenyAll { file } => denied(file, "none may"),
            Self::Allowlist { file, entries } => {
                let written = clean(configured);
                let named = |entry: &String| *entry == written || Path::new(entry) == resolved;
                let found = |entry: &String| look(entry).is_some_and(|path| path == resolved);
                if entries.iter().any(named) || entries.iter().any(found) {
                    return Ok(());
                }
                denied(file, "it is not on the list")
            }
        }
    }
}

fn entries(list: Vec<Entry>) -> Result<Vec<String>, String> {
    if list.is_empty() {
        return Err("the policy is Allowlist, and the list is empty; DenyAll would say so".to_owned());
    }
    let checked = list
        .into_iter()
        .zip(1..)
        .map(|(Entry { name }, n)| match name.as_str() {
            "" => Err(format!("entry {n} of the list has no name")),
            written if clean(written) != written => Err(format!(
                "entry {written:?} is not in its shortest form {:?}",
                clean(written)
            )),
            _ => Ok(name),
        });
    checked.collect()
}

/// The path in its shortest form, without a look at the disk.
fn clean(path: &str) -> String {
    let mut parts = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            Component::ParentDir if parts.has_root() => {}
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                parts.push(component);
            }
        }
    }
    let cleaned = parts.to_string_lossy().into_owned();
    if cleaned.is_empty() { ".".to_owned() } else { cleaned }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn policy(fields: &str) -> Policy {
        let text = format!("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{fields}");
        Policy::parse(&text, Path::new("/k"))
    }

    /// `foo` lies in /usr/bin, `bar` in /opt.
    fn look(name: &str) -> Option<PathBuf> {
        match name {
            "foo" | "/usr/bin/foo" => Some("/usr/bin/foo".into()),
            "bar" | "/opt/bar" => Some("/opt/bar".into()),
            _ => None,
        }
    }

    #[track_caller]
    fn check(fields: &str, command: &str, allowed: bool) {
        let resolved = look(command).expect("a known command");
        let checked = policy(fields).check(command, &resolved, look);
        assert_eq!(checked.is_ok(), allowed, "{fields:?} {command}: {checked:?}");
    }

    fn list(entries: &str) -> String {
        format!("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{entries}]")
    }

    #[test]
    fn what_is_allowed_is_what_kubectl_allows() {
        for command in ["foo", "/usr/bin/foo"] {
            check("", command, true);
            check("credentialPluginPolicy: ''", command, true);
            check("credentialPluginPolicy: AllowAll", command, true);
            check("credentialPluginPolicy: DenyAll", command, false);
            check(&list("{name: foo}"), command, true);
            check(&list("{name: /usr/bin/foo}"), command, true);
            check(&list("{name: bar}, {name: foo}"), command, true);
            check(&list("{name: missing}, {name: foo}"), command, true);
            check(&list("{name: bar}"), command, false);
            check(&list("{name: /opt/foo}"), command, false);
            check(&list("{name: missing}"), command, false);
        }
    }

    #[test]
    fn what_makes_no_sense_allows_nothing() {
        for fields in [
            "credentialPluginPolicy: allowall",
            "credentialPluginPolicy: Allowlist",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: []",
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowList: [{name: foo}]",
            "credentialPluginPolicy: AllowAll\ncredentialPluginAllowlist: [{name: foo}]",
            "credentialPluginPolicy: AllowAll\ncredentialPluginAllowlist: []",
            "credentialPluginPolicy: DenyAll\ncredentialPluginAllowlist: [{name: foo}]",
            "credentialPluginAllowlist: [{name: foo}]",
            "credentialpluginpolicy: AllowAll",
            "credentialPluginPolicy: [DenyAll]",
            ": : :",
        ] {
            check(fields, "foo", false);
        }
        for entries in [
            "{name: ''}",
            "{}",
            "{name: /usr/bin/../bin/foo}",
            "{name: ./foo}",
            "{name: foo/}",
            "{name: foo, sha: 1}",
        ] {
            check(&list(&format!("{{name: foo}}, {entries}")), "foo", false);
        }
    }

    #[test]
    fn a_refusal_names_the_file() {
        let told = policy("credentialPluginPolicy: DenyAll").check("foo", Path::new("/usr/bin/foo"), look);
        let words = "credential plugin \"foo\" may not run: none may (credentialPluginPolicy in /k)";
        assert_eq!(told.unwrap_err().as_ref(), words);
    }

    #[test]
    fn the_file_is_the_one_that_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let read = |flag: Option<&Path>, variable: Option<&str>| {
            Policy::read(Places {
                flag,
                variable: variable.map(OsStr::new),
                home: Some(home),
            })
        };
        assert_eq!(read(None, None), Policy::Unsaid);
        fs::create_dir(home.join(".kube")).unwrap();
        fs::write(home.join(".kube/kuberc"), "credentialPluginPolicy: DenyAll\n").unwrap();
        assert!(matches!(read(None, None), Policy::DenyAll { .. }));
        assert!(matches!(read(None, Some("")), Policy::DenyAll { .. }));
        assert_eq!(read(None, Some("off")), Policy::Unsaid);
        assert_eq!(read(Some(Path::new("off")), None), Policy::Unsaid);
        let other = home.join("other");
        assert!(
            matches!(read(Some(&other), None), Policy::Unusable(_)),
            "it has to be there"
        );
        fs::write(
            &other,
            "# nothing\n---\nkind: Preference\n---\ncredentialPluginPolicy: AllowAll\n",
        )
        .unwrap();
        assert_eq!(read(Some(&other), Some("off")), Policy::AllowAll);
        assert_eq!(read(None, other.to_str()), Policy::AllowAll);
    }
}
