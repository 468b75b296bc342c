//! Whether a credential plugin may run. A kubeconfig names a program with its arguments, and whoever wrote the file need
//! not be the user: so a file that others may have written runs nothing, and a program that is not known here runs when
//! a person has said so, once.
//!
//! Well-known plugins in the form that their makers' tools write are not asked about. Whoever has one of these installed
//! runs it each time that kubectl runs, and a question at three in the morning that everybody answers with yes protects
//! nobody. What that leaves open is small: the name has to lead through the user's own `PATH` to that very file, which
//! nobody else may be able to write, the words that make it a plugin have to stand among its arguments, and its
//! environment may only choose between the user's own profiles.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::config::ExecConfig;

use super::cause::short;
use super::kuberc::Policy;
use crate::model::UnknownPlugin;

/// What a user has said about plugins, in files and flags.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pub policy: Policy,
    pub strangers: Strangers,
    pub kubeconfigs: Kubeconfigs,
    /// Fingerprints of what was allowed in earlier runs.
    pub allowed: BTreeSet<Arc<str>>,
    pub home: Option<PathBuf>,
}

/// What is done with a plugin that nobody has allowed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// There is somebody to ask.
    #[default]
    Ask,
    /// Nobody is there.
    Refuse,
    /// `--allow-plugins`
    Run,
}

/// Whether every kubeconfig may name programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kubeconfigs {
    #[default]
    Judged,
    /// `--trust-kubeconfig`
    Trusted,
}

/// The plugin that is to run, and who says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) exec: &'a ExecConfig,
    /// The kubeconfig; there is none where it is of our own making.
    pub(super) file: Option<&'a Path>,
    pub(super) written: Written,
    /// Fingerprints of what was allowed in this run.
    pub(super) granted: &'a BTreeSet<Arc<str>>,
}

/// How the command is written in the kubeconfig.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Written {
    #[default]
    NameOrAbsolute,
    /// Relative to the kubeconfig.
    Relative,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This very file may run.
    Run(PathBuf),
    Ask(UnknownPlugin),
    /// A person has to do something: install it, or say a flag. A sentence.
    Missing(Arc<str>),
    /// It may not, whatever key is pressed. A sentence.
    Refused(Arc<str>),
}

/// Name, and words that have to stand in this order among the arguments.
const WELL_KNOWN: &[(&str, &[&str])] = &[
    ("aws", &["eks", "get-token"]),
    ("aws-iam-authenticator", &["token"]),
    ("gke-gcloud-auth-plugin", &[]),
    ("kubelogin", &["get-token"]),
    ("kubectl-oidc_login", &["get-token"]),
    ("kubectl", &["oidc-login", "get-token"]),
    ("doctl", &["kubernetes", "cluster", "kubeconfig", "exec-credential"]),
    ("tsh", &["kube", "credentials"]),
    ("oci", &["ce", "cluster", "generate-token"]),
    ("yc", &["k8s", "create-token"]),
    ("pinniped", &["login"]),
];

/// Variables that only choose between things of the user's own. `AWS_CONFIG_FILE` and the like may name programs.
const HARMLESS_VARIABLES: &[&str] = &[
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AAD_LOGIN_METHOD",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "USE_GKE_GCLOUD_AUTH_PLUGIN",
];

impl Trust {
    pub(super) fn judge(&self, case: &Case<'_>) -> Verdict {
        self.judge_in(case, &Surroundings::read())
    }

    fn judge_in(&self, case: &Case<'_>, here: &Surroundings) -> Verdict {
        let Some(configured) = case.exec.command.as_deref() else {
            return Verdict::Refused("the credential plugin has no command".into());
        };
        let program = match here.look(configured) {
            Ok(program) => program,
            Err(error) => return Verdict::Missing(super::plugin::not_started(case.exec, &error)),
        };
        if let Err(why) = self.policy.check(configured, &program, |name| here.look(name).ok()) {
            return Verdict::Refused(why);
        }
        if self.kubeconfigs == Kubeconfigs::Judged
            && let Some(why) = self.suspicion(case, here)
        {
            let words = format!("credential plugin {configured:?} may not run: {why}; --trust-kubeconfig runs it");
            return Verdict::Refused(words.into());
        }
        let stranger = UnknownPlugin {
            command: command_line(&program.to_string_lossy(), case.exec),
            fingerprint: fingerprint(case, &program),
        };
        let fingerprint = &stranger.fingerprint;
        let is_listed = matches!(self.policy, Policy::Allowlist { .. });
        let is_allowed = self.allowed.contains(fingerprint) || case.granted.contains(fingerprint);
        match self.strangers {
            _ if is_listed || is_allowed || is_well_known(case.exec, &program, here) => Verdict::Run(program),
            Strangers::Run => Verdict::Run(program),
            Strangers::Ask => Verdict::Ask(stranger),
            Strangers::Refuse => Verdict::Missing(
                format!(
                    "nobody has allowed the credential plugin {:?}; --allow-plugins runs it",
                    stranger.command
                )
                .into(),
            ),
        }
    }

    /// Why the kubeconfig may be the work of somebody else.
    fn suspicion(&self, case: &Case<'_>, here: &Surroundings) -> Option<String> {
        if case.written == Written::Relative {
            return Some("its path is relative to the kubeconfig".to_owned());
        }
        let file = case.file?;
        let name = file.display();
        match standing(file, here.user) {
            Standing::Foreign => return Some(format!("{name} belongs to another user")),
            Standing::Open => return Some(format!("everybody can write {name}")),
            Standing::Unknown => return Some(format!("it cannot be seen whom {name} belongs to")),
            Standing::Own => {}
        }
        let own_folder = self.home.as_ref().map(|home| home.join(".kube"));
        let folder = file.parent()?;
        let is_here = here.folder.as_deref() == Some(folder) && own_folder.as_deref() != Some(folder);
        is_here.then(|| format!("{name} lies in the current folder"))
    }
}

/// What of the process matters here.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    /// `PATH`
    path: OsString,
    folder: Option<PathBuf>,
    user: u32,
}

impl Surroundings {
    fn read() -> Self {
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            folder: std::env::current_dir().ok(),
            user: user(),
        }
    }

    /// Finds a command as a shell does, but never in the current folder.
    fn look(&self, command: &str) -> io::Result<PathBuf> {
        let path = Path::new(command);
        if path.is_absolute() {
            return match fs::metadata(path) {
                Ok(metadata) if may_run(&metadata) => Ok(path.to_owned()),
                Ok(_) => Err(io::ErrorKind::PermissionDenied.into()),
                Err(error) => Err(error),
            };
        }
        let missing = || io::Error::other("it is not in $PATH");
        if path.components().count() != 1 || command.is_empty() {
            return Err(missing());
        }
        let folders = std::env::split_paths(&self.path).filter(|folder| folder.is_absolute());
        let mut found = folders
            .map(|folder| folder.join(format!("{command}{}", std::env::consts::EXE_SUFFIX)))
            .filter(|file| fs::metadata(file).is_ok_and(|metadata| may_run(&metadata)));
        found.next().ok_or_else(missing)
    }
}

fn is_well_known(exec: &ExecConfig, program: &Path, here: &Surroundings) -> bool {
    let Some(name) = program.file_stem().and_then(OsStr::to_str) else {
        return false;
    };
    let args: Vec<_> = exec.args.iter().flatten().map(String::as_str).collect();
    let named = WELL_KNOWN
        .iter()
        .any(|(known, words)| *known == name && follow_each_other(&args, words));
    let mut variables = exec.env.iter().flatten().filter_map(|pair| pair.get("name"));
    let harmless = variables.all(|name| HARMLESS_VARIABLES.contains(&name.as_str()));
    named
        && harmless
        && here.look(name).is_ok_and(|found| found == program)
        && standing(program, here.user) == Standing::Own
}

fn follow_each_other(args: &[&str], words: &[&str]) -> bool {
    words.is_empty() || args.windows(words.len()).any(|window| window == words)
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The user's or the system's, and nobody else may write it.
    Own,
    Foreign,
    /// Everybody may write it.
    Open,
    Unknown,
}

#[cfg(unix)]
fn standing(file: &Path, user: u32) -> Standing {
    use std::os::unix::fs::MetadataExt as _;
    match fs::metadata(file) {
        Ok(metadata) if metadata.mode() & 0o002 != 0 => Standing::Open,
        Ok(metadata) if metadata.uid() == user || metadata.uid() == 0 => Standing::Own,
        Ok(_) => Standing::Foreign,
        Err(_) => Standing::Unknown,
    }
}

/// Owners and modes are not what decides elsewhere.
#[cfg(not(unix))]
fn standing(_: &Path, _: u32) -> Standing {
    Standing::Own
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

#[cfg(unix)]
fn may_run(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn may_run(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}

/// The program with its arguments as a person may see them: without what follows a flag for something secret, and without
/// its environment.
pub(super) fn command_line(program: &str, exec: &ExecConfig) -> Arc<str> {
    let mut line = program.to_owned();
    let mut is_secret = false;
    for arg in exec.args.iter().flatten() {
        let shown = match arg.split_once('=') {
            _ if is_secret => "…".to_owned(),
            Some((flag, _)) if names_a_secret(flag) => format!("{flag}=…"),
            Some(_) | None if super::plugin::may_be_secret(arg) => "…".to_owned(),
            Some(_) | None => arg.clone(),
        };
        is_secret = !is_secret && arg.starts_with('-') && !arg.contains('=') && names_a_secret(arg);
        line.push(' ');
        line.push_str(&shown);
    }
    short(&line).into()
}

fn names_a_secret(flag: &str) -> bool {
    let flag = flag.to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "api-key", "apikey"]
        .iter()
        .any(|word| flag.starts_with('-') && flag.contains(word))
}

/// A hash of all that makes this plugin what was looked at: the file with its owner and mode, its arguments and
/// environment, and the kubeconfig. Another of any of these is another plugin.
fn fingerprint(case: &Case<'_>, program: &Path) -> Arc<str> {
    let mut told = Vec::new();
    let mut tell = |part: &[u8]| {
        // Its length first, so that no two lists of parts run into the same bytes.
        told.extend_from_slice(&part.len().to_be_bytes());
        told.extend_from_slice(part);
    };
    tell(program.as_os_str().as_encoded_bytes());
    tell(owner_and_mode(program).as_bytes());
    tell(case.file.map_or(&[], |file| file.as_os_str().as_encoded_bytes()));
    let args = case.exec.args.iter().flatten();
    tell(&args.clone().count().to_be_bytes());
    args.for_each(|arg| tell(arg.as_bytes()));
    for pair in case.exec.env.iter().flatten() {
        for field in ["name", "value"] {
            tell(pair.get(field).map_or(&[], |text| text.as_bytes()));
        }
    }
    hex(&sha256(&told)).into()
}

#[cfg(unix)]
fn owner_and_mode(file: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(file).map_or_else(|_| String::new(), |seen| format!("{} {:o}", seen.uid(), seen.mode()))
}

#[cfg(not(unix))]
fn owner_and_mode(_: &Path) -> String {
    String::new()
}

/// By the hash of a cipher suite: SHA-256 is in the tree for TLS already.
fn sha256(bytes: &[u8]) -> Vec<u8> {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
    suite.map_or_else(Vec::new, |suite| {
        suite.common.hash_provider.hash(bytes).as_ref().to_vec()
    })
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A home with a kubeconfig, and a folder of programs that is all of `PATH`.
    struct Stage {
        dir: tempfile::TempDir,
        trust: Trust,
        here: Surroundings,
        granted: BTreeSet<Arc<str>>,
    }

    impl Stage {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let bin = dir.path().join("bin");
            let home = dir.path().join("home");
            for folder in [&bin, &home.join(".kube")] {
                fs::create_dir_all(folder).unwrap();
            }
            for name in ["aws", "kubectl", "stranger"] {
                fs::write(bin.join(name), "#!/bin/sh\n").unwrap();
                set_mode(&bin.join(name), 0o755);
            }
            fs::write(home.join(".kube/config"), "").unwrap();
            set_mode(&home.join(".kube/config"), 0o600);
            let trust = Trust {
                home: Some(home.clone()),
                ..Trust::default()
            };
            let here = Surroundings {
                path: bin.into_os_string(),
                folder: Some(home),
                user: user(),
            };
            Self {
                dir,
                trust,
                here,
                granted: BTreeSet::new(),
            }
        }

        fn path(&self, of: &str) -> PathBuf {
            self.dir.path().join(of)
        }

        fn judge(&self, exec: &ExecConfig) -> Verdict {
            self.judge_written(exec, Written::NameOrAbsolute, "home/.kube/config")
        }

        fn judge_written(&self, exec: &ExecConfig, written: Written, file: &str) -> Verdict {
            let file = self.path(file);
            let case = Case {
                exec,
                file: Some(&file),
                written,
                granted: &self.granted,
            };
            self.trust.judge_in(&case, &self.here)
        }

        #[track_caller]
        fn runs(&self, exec: &ExecConfig, program: &str) {
            assert_eq!(self.judge(exec), Verdict::Run(self.path(program)));
        }

        #[track_caller]
        fn asks(&self, exec: &ExecConfig) -> UnknownPlugin {
            match self.judge(exec) {
                Verdict::Ask(plugin) => plugin,
                other => panic!("{other:?}"),
            }
        }
    }

    #[track_caller]
    fn refused(verdict: Verdict, words: &str) {
        let Verdict::Refused(why) = verdict else {
            panic!("{verdict:?}")
        };
        assert!(why.contains(words), "{why}");
    }

    fn set_mode(file: &Path, mode: u32) {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn plugin(line: &str) -> ExecConfig {
        let mut words = line.split(' ').map(str::to_owned);
        ExecConfig {
            command: words.next(),
            args: Some(words.collect()),
            ..ExecConfig::default()
        }
    }

    fn with_variable(exec: &ExecConfig, name: &str, value: &str) -> ExecConfig {
        let pair = [("name", name), ("value", value)].map(|(key, text)| (key.to_owned(), text.to_owned()));
        ExecConfig {
            env: Some(vec![HashMap::from(pair)]),
            ..exec.clone()
        }
    }

    #[test]
    fn a_well_known_plugin_in_its_usual_form_runs_unasked() {
        let stage = Stage::new();
        let usual = plugin("aws --region eu-west-1 eks get-token --cluster-name c");
        stage.runs(&usual, "bin/aws");
        stage.runs(&with_variable(&usual, "AWS_PROFILE", "prod"), "bin/aws");
        stage.runs(
            &plugin("kubectl oidc-login get-token --oidc-issuer-url=https://x"),
            "bin/kubectl",
        );
        let aws = stage.path("bin/aws");
        stage.runs(&plugin(&format!("{} eks get-token", aws.display())), "bin/aws");
        // Everything else is asked about.
        stage.asks(&plugin("aws s3 rm s3://all --recursive"));
        stage.asks(&plugin("aws eks describe get-token"));
        stage.asks(&plugin("kubectl delete ns --all"));
        stage.asks(&plugin("stranger eks get-token"));
        for name in ["AWS_CONFIG_FILE", "LD_PRELOAD", "PATH"] {
            stage.asks(&with_variable(&usual, name, "/tmp/evil"));
        }
    }

    #[test]
    fn a_well_known_name_is_not_enough() {
        let stage = Stage::new();
        let evil = stage.path("evil");
        fs::create_dir(&evil).unwrap();
        fs::copy(stage.path("bin/aws"), evil.join("aws")).unwrap();
        stage.asks(&plugin(&format!("{} eks get-token", evil.join("aws").display())));
        set_mode(&stage.path("bin/aws"), 0o777);
        stage.asks(&plugin("aws eks get-token"));
    }

    #[test]
    fn what_was_allowed_is_this_very_plugin() {
        let mut stage = Stage::new();
        let exec = plugin("stranger login --client-secret=hunter2 --token abc --user me");
        let asked = stage.asks(&exec);
        let shown = format!(
            "{} login --client-secret=… --token … --user me",
            stage.path("bin/stranger").display()
        );
        assert_eq!(&*asked.command, shown);
        assert_eq!(asked.fingerprint.len(), 64);
        stage.granted.insert(asked.fingerprint.clone());
        stage.runs(&exec, "bin/stranger");
        stage.trust.allowed = std::mem::take(&mut stage.granted);
        stage.runs(&exec, "bin/stranger");
        stage.asks(&plugin("stranger login --client-secret=hunter2 --token abc --user you"));
        stage.asks(&with_variable(&exec, "A", "b"));
        set_mode(&stage.path("bin/stranger"), 0o775);
        stage.asks(&exec);
        set_mode(&stage.path("bin/stranger"), 0o755);
        stage.runs(&exec, "bin/stranger");
        // Another kubeconfig is another word.
        fs::copy(stage.path("home/.kube/config"), stage.path("home/.kube/other")).unwrap();
        let other = stage.judge_written(&exec, Written::NameOrAbsolute, "home/.kube/other");
        assert!(matches!(other, Verdict::Ask(_)), "{other:?}");
    }

    #[test]
    fn without_anybody_to_ask_the_flag_is_named() {
        let mut stage = Stage::new();
        let exec = plugin("stranger");
        stage.trust.strangers = Strangers::Refuse;
        let verdict = stage.judge(&exec);
        assert!(
            matches!(&verdict, Verdict::Missing(why) if why.contains("--allow-plugins")),
            "{verdict:?}"
        );
        stage.trust.strangers = Strangers::Run;
        stage.runs(&exec, "bin/stranger");
    }

    #[test]
    fn a_kubeconfig_that_others_may_have_written_runs_nothing() {
        let mut stage = Stage::new();
        let exec = plugin("aws eks get-token");
        refused(
            stage.judge_written(&exec, Written::Relative, "home/.kube/config"),
            "relative to the kubeconfig",
        );
        let here = stage.path("home/kc.yaml");
        fs::write(&here, "").unwrap();
        refused(
            stage.judge_written(&exec, Written::NameOrAbsolute, "home/kc.yaml"),
            "lies in the current folder; --trust-kubeconfig runs it",
        );
        // Who works in ~/.kube has not been given a file by anybody.
        stage.here.folder = Some(stage.path("home/.kube"));
        stage.runs(&exec, "bin/aws");
        let file = stage.path("home/.kube/config");
        set_mode(&file, 0o602);
        refused(stage.judge(&exec), "everybody can write");
        stage.trust.kubeconfigs = Kubeconfigs::Trusted;
        stage.runs(&exec, "bin/aws");
        stage.trust.kubeconfigs = Kubeconfigs::Judged;
        set_mode(&file, 0o600);
        stage.here.user += 1;
        // Of tests that root runs, all files are the system's.
        if user() != 0 {
            refused(stage.judge(&exec), "belongs to another user");
        }
        assert!(matches!(
            stage.judge_written(&exec, Written::NameOrAbsolute, "nowhere"),
            Verdict::Refused(_)
        ));
    }

    #[test]
    fn the_users_own_policy_comes_first() {
        let mut stage = Stage::new();
        let (known, unknown) = (plugin("aws eks get-token"), plugin("stranger"));
        stage.trust.strangers = Strangers::Run;
        stage.trust.kubeconfigs = Kubeconfigs::Trusted;
        let file = PathBuf::from("/k");
        stage.trust.policy = Policy::DenyAll { file: file.clone() };
        refused(stage.judge(&known), "none may");
        stage.trust.policy = Policy::Allowlist {
            file,
            entries: vec!["stranger".to_owned()],
        };
        stage.trust.strangers = Strangers::Ask;
        refused(stage.judge(&known), "not on the list");
        stage.runs(&unknown, "bin/stranger");
    }

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let stage = Stage::new();
        let check = |command: &str, words: &str| {
            let verdict = stage.judge(&plugin(command));
            assert!(
                matches!(&verdict, Verdict::Missing(why) if why.contains(words)),
                "{verdict:?}"
            );
        };
        check("nothing", "it is not in $PATH");
        check("/nonexistent/kubelogin", "No such file or directory");
        check(&stage.path("home").display().to_string(), "ermission denied");
        refused(stage.judge(&ExecConfig::default()), "no command");
    }

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(
            hex(&sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
