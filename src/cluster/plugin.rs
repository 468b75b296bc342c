//! Runs a credential plugin (`users[].exec` of a kubeconfig) once, away from the terminal, within a time limit, and
//! reads what it says. kube would run it several times per client, uninterruptibly, and print its environment when it
//! fails. Protocol: <https://kubernetes.io/docs/reference/config-api/client-authentication.v1/>

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::timeout;

use super::cause::{plain, short};
use crate::model::Time;

const LIMIT: Duration = Duration::from_mins(1);
/// A word without slashes that is longer than this may be a token.
const LONGEST_WORD: usize = 40;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    kind: &'static str,
    api_version: Option<&'a str>,
    spec: AskedSpec,
}

#[derive(Serialize)]
struct AskedSpec {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Answered {
    status: Option<AnsweredStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnsweredStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Who is there when the plugin runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// Nobody: the screen has the terminal.
    #[default]
    Quiet,
    /// A person at the terminal, which is the plugin's for now.
    AtTerminal,
}

/// The plugin that gives the user's credentials. kube prefers what the kubeconfig has inline.
pub(super) fn needed(user: &AuthInfo) -> Option<&ExecConfig> {
    let inline =
        user.token.is_some() || user.token_file.is_some() || user.username.is_some() || user.auth_provider.is_some();
    user.exec.as_ref().filter(|_| !inline)
}

/// Replaces the plugin in `user` by the credentials that `program`, which was found for it, gives, and says until when
/// they are good. The error is a sentence for the user.
pub(super) async fn resolve(user: &mut AuthInfo, program: &Path, manner: Manner) -> Result<Option<Time>, Arc<str>> {
    let Some(exec) = user.exec.take() else { return Ok(None) };
    let output = run(&exec, program, manner).await?;
    let status = read(&exec, &output)?;
    if let (Some(certificate), Some(key)) = (&status.client_certificate_data, &status.client_key_data) {
        // The plugin gives PEM, the kubeconfig's fields are base64 of it.
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key_data = Some(STANDARD.encode(key).into());
        user.client_certificate = None;
        user.client_key = None;
    }
    user.token = status.token.map(Into::into);
    Ok(status.expiration_timestamp.as_deref().and_then(time))
}

async fn run(exec: &ExecConfig, program: &Path, manner: Manner) -> Result<Output, Arc<str>> {
    match (manner, &exec.interactive_mode) {
        (Manner::Quiet, Some(ExecInteractiveMode::Always)) => {
            let name = exec.command.as_deref().unwrap_or_default();
            Err(format!("credential plugin {name:?} always wants a person (interactiveMode: Always)").into())
        }
        (Manner::Quiet, _) | (Manner::AtTerminal, Some(ExecInteractiveMode::Never)) => run_quietly(exec, program).await,
        (Manner::AtTerminal, _) => run_at_terminal(exec, program).await,
    }
}

async fn run_quietly(exec: &ExecConfig, program: &Path) -> Result<Output, Arc<str>> {
    let mut command = command(exec, program, Manner::Quiet);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    // Its own process group: a plugin that reads /dev/tty all the same is stopped instead of stealing keys.
    #[cfg(unix)]
    command.process_group(0);
    match timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(not_started(exec, &error)),
        Err(_) => Err(format!(
            "credential plugin {:?} gave no answer within {} s",
            exec.command.as_deref().unwrap_or_default(),
            LIMIT.as_secs()
        )
        .into()),
    }
}

/// In our process group, so that the terminal's keys are for it: ctrl-c ends it, while we take no notice. It may take
/// all the time that the person takes.
async fn run_at_terminal(exec: &ExecConfig, program: &Path) -> Result<Output, Arc<str>> {
    let mut command = command(exec, program, Manner::AtTerminal);
    command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    let child = command.spawn().map_err(|error| not_started(exec, &error))?;
    child
        .wait_with_output()
        .await
        .map_err(|error| not_started(exec, &error))
}

/// What it prints is the credential in any case, and nobody else's.
fn command(exec: &ExecConfig, program: &Path, manner: Manner) -> Command {
    let mut command = Command::new(program);
    command.args(exec.args.iter().flatten());
    command.envs(variables(exec));
    command.env("KUBERNETES_EXEC_INFO", asked(exec, manner));
    command.stdout(Stdio::piped()).kill_on_drop(true);
    command
}

fn variables(exec: &ExecConfig) -> impl Iterator<Item = (&str, &str)> {
    let pairs = exec.env.iter().flatten();
    pairs.filter_map(|pair| Some((pair.get("name")?.as_str(), pair.get("value")?.as_str())))
}

fn asked(exec: &ExecConfig, manner: Manner) -> String {
    let cluster = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info);
    let asked = Asked {
        kind: "ExecCredential",
        api_version: exec.api_version.as_deref(),
        spec: AskedSpec {
            interactive: manner == Manner::AtTerminal,
            cluster: cluster.and_then(|cluster| serde_json::to_value(cluster).ok()),
        },
    };
    serde_json::to_string(&asked).unwrap_or_default()
}

pub(super) fn not_started(exec: &ExecConfig, error: &std::io::Error) -> Arc<str> {
    let program = exec.command.as_deref().unwrap_or_default();
    let hint = exec
        .install_hint
        .as_deref()
        .map(|hint| format!("; {}", short(hint)))
        .unwrap_or_default();
    format!("credential plugin {program:?} cannot be run: {}{hint}", plain(error)).into()
}

fn read(exec: &ExecConfig, output: &Output) -> Result<AnsweredStatus, Arc<str>> {
    let program = exec.command.as_deref().unwrap_or_default();
    if !output.status.success() {
        let said = said(exec, &output.stderr);
        let colon = if said.is_empty() { "" } else { ": " };
        return Err(format!("credential plugin {program:?} failed ({}){colon}{said}", output.status).into());
    }
    // Some plugins print YAML; JSON is YAML too. The parser's words may quote the token, so they are not repeated.
    let text = String::from_utf8_lossy(&output.stdout);
    let answered: Option<Answered> = serde_saphyr::from_str(&text).ok();
    let status = answered.and_then(|answered| answered.status).unwrap_or_default();
    if status.token.is_none() && status.client_certificate_data.is_none() {
        return Err(format!("credential plugin {program:?} gave no credentials").into());
    }
    Ok(status)
}

/// The last line of what the plugin said, without what may be secret: the values of its environment and long words.
fn said(exec: &ExecConfig, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let mut line = short(line);
    for (_, value) in variables(exec).filter(|(_, value)| value.len() >= 4) {
        line = line.replace(value, "…");
    }
    let words = line.split(' ').map(|word| if may_be_secret(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn may_be_secret(word: &str) -> bool {
    word.contains("eyJ") || (word.len() >= LONGEST_WORD && !word.contains('/'))
}

fn time(text: &str) -> Option<Time> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(stamp.as_nanosecond()).ok().map(Time)
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn plugin(script: &str) -> AuthInfo {
        let env = HashMap::from([
            ("name".to_owned(), "PASS".to_owned()),
            ("value".to_owned(), "hunter2".to_owned()),
        ]);
        let exec = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".to_owned()),
            command: Some("sh".to_owned()),
            args: Some(vec!["-c".to_owned(), script.to_owned()]),
            env: Some(vec![env]),
            ..ExecConfig::default()
        };
        AuthInfo {
            exec: Some(exec),
            ..AuthInfo::default()
        }
    }

    async fn resolved(user: &mut AuthInfo) -> Result<Option<Time>, Arc<str>> {
        resolve(user, Path::new("/bin/sh"), Manner::Quiet).await
    }

    async fn check_error(script: &str, expected: &str) {
        let error = resolved(&mut plugin(script)).await.err().unwrap_or_default();
        assert_eq!(&*error, expected);
    }

    #[tokio::test]
    async fn a_plugin_is_asked_once_and_its_token_used() {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let script = format!(
            r#"echo x >> {}; [ -t 0 ] && exit 9; case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 8;; esac
            echo '{{"kind":"ExecCredential","status":{{"token":"abc","expirationTimestamp":"2026-11-22T15:30:26Z"}}}}'"#,
            count.display()
        );
        let mut user = plugin(&script);
        assert_eq!(resolved(&mut user).await.unwrap(), Some(Time::from_secs(1_795_361_426)));
        assert!(user.exec.is_none());
        assert!(serde_json::to_string(&user).unwrap().contains("abc"));
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\n");
    }

    #[tokio::test]
    async fn a_certificate_becomes_the_users() {
        let mut user = plugin(r"printf 'status:\n  clientCertificateData: PEM\n  clientKeyData: KEY\n'");
        assert_eq!(resolved(&mut user).await.unwrap(), None);
        assert_eq!(user.client_certificate_data.as_deref(), Some("UEVN"));
    }

    #[tokio::test]
    async fn a_failure_is_told_without_secrets() {
        check_error(
            "echo token-on-stdout; echo first >&2; echo 'MFA needed for hunter2' >&2; exit 3",
            "credential plugin \"sh\" failed (exit status: 3): MFA needed for …",
        )
        .await;
        check_error(
            "echo got eyJhbGciOi.x >&2; exit 1",
            "credential plugin \"sh\" failed (exit status: 1): got …",
        )
        .await;
        check_error("exit 1", "credential plugin \"sh\" failed (exit status: 1)").await;
        check_error("echo '{'", "credential plugin \"sh\" gave no credentials").await;
        check_error("echo '{}'", "credential plugin \"sh\" gave no credentials").await;
    }

    #[tokio::test]
    async fn who_always_wants_a_person_is_not_run_without_one() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("MARK");
        let mut user = plugin(&format!("touch {}", mark.display()));
        if let Some(exec) = &mut user.exec {
            exec.interactive_mode = Some(ExecInteractiveMode::Always);
        }
        let error = resolved(&mut user).await.unwrap_err();
        assert_eq!(
            &*error,
            "credential plugin \"sh\" always wants a person (interactiveMode: Always)"
        );
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn a_plugin_is_told_whether_a_person_is_there() {
        for (mode, manner, interactive) in [
            (None, Manner::Quiet, false),
            (None, Manner::AtTerminal, true),
            (Some(ExecInteractiveMode::IfAvailable), Manner::AtTerminal, true),
            (Some(ExecInteractiveMode::Always), Manner::AtTerminal, true),
            (Some(ExecInteractiveMode::Never), Manner::AtTerminal, false),
        ] {
            let script = r#"case "$KUBERNETES_EXEC_INFO" in *'"interactive":true'*) t=yes;; *) t=no;; esac
                echo "{\"status\":{\"token\":\"$t\"}}""#;
            let mut user = plugin(script);
            if let Some(exec) = &mut user.exec {
                exec.interactive_mode.clone_from(&mode);
            }
            resolve(&mut user, Path::new("/bin/sh"), manner).await.unwrap();
            let told = serde_json::to_string(&user).unwrap().contains("yes");
            assert_eq!(told, interactive, "{mode:?} {manner:?}");
        }
    }
}
