//! Credential plugins through the whole program: which run at all, what a person is asked, how a login gets the terminal,
//! and that nothing secret is shown on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use alacritty_terminal::term::TermMode;

use crate::served::{KONTRAST, Served, kontrast, text};
use crate::terminal::Terminal;

/// Embedded clusters, a plugin for the user jane of prod, and a configuration of its own.
struct Stage {
    served: Served,
    dir: tempfile::TempDir,
    token: String,
}

/// Leaves a mark for each run, and gives jane's token.
const WILLING: &str = r#"echo run >> "$HERE/MARK"
echo "{\"status\":{\"token\":\"$TOKEN\"}}"
"#;

/// Fails, after it has told the token on both channels.
const TALKATIVE: &str = r#"echo "{\"status\":{\"token\":\"$TOKEN\"}}"
echo "debug: token $TOKEN" >&2
echo "cannot refresh $TOKEN: MFA is needed" >&2
exit 1
"#;

/// Asks a person for a word without showing it, as for a password.
const ASKING: &str = r#"case "$KUBERNETES_EXEC_INFO" in
*'"interactive":true'*) ;;
*) echo "MFA is needed" >&2; exit 1;;
esac
stty -echo
printf 'The word, please: ' >&2
read -r word < /dev/tty
stty echo
[ "$word" = sesame ] || exit 1
echo "{\"status\":{\"token\":\"$TOKEN\"}}"
"#;

impl Stage {
    fn new(script: &str) -> Self {
        let served = Served::start("works-in-staging");
        let dir = tempfile::tempdir().unwrap();
        let given = fs::read_to_string(served.kubeconfig()).unwrap();
        let (_, after) = given
            .split_once("- name: \"prod-jane\"\n  user:\n    token: \"")
            .unwrap();
        let (token, _) = after.split_once('"').unwrap();
        let plugin = dir.path().join("company-login");
        let head = format!("#!/bin/sh\nHERE='{}'\nTOKEN='{token}'\n", dir.path().display());
        fs::write(&plugin, head + script).unwrap();
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
        let exec = format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: {}\n      args: [get, --secret, open]\n",
            plugin.display()
        );
        let kubeconfig = given.replace(&format!("    token: \"{token}\"\n"), &exec);
        let token = token.to_owned();
        fs::write(dir.path().join("kubeconfig"), kubeconfig).unwrap();
        let stage = Self { served, dir, token };
        stage.set_mode(0o600);
        stage
    }

    fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(self.kubeconfig(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.dir.path().join("MARK")).map_or(0, |marks| marks.lines().count())
    }

    fn logs(&self, args: &[&str]) -> Output {
        let mut command = kontrast(&["logs", "--for", "3s"]);
        command
            .args(args)
            .env("KONTRAST_CONFIG_DIR", self.config())
            .env("KUBERC", "off");
        command.arg("--kubeconfig").arg(self.kubeconfig()).output().unwrap()
    }

    /// Nothing runs, and stderr says why.
    #[track_caller]
    fn refused(&self, args: &[&str], words: &str) {
        let before = self.runs();
        let output = self.logs(&[&["--context", "prod-jane"], args].concat());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{told}");
        assert!(told.contains(words), "{words:?} is not in {told:?}");
        assert_eq!(self.runs(), before, "it ran");
    }

    fn screen(&self, contexts: &str) -> Terminal {
        let (kubeconfig, config) = (self.kubeconfig(), self.config());
        let args = ["--kubeconfig", kubeconfig.to_str().unwrap(), "--context", contexts];
        let env = [
            ("KONTRAST_CONFIG_DIR", config.to_str().unwrap()),
            ("KUBERC", "off"),
            ("NO_COLOR", ""),
            ("HOME", config.to_str().unwrap()),
        ];
        Terminal::start(KONTRAST, &args, &env, (160, 40))
    }
}

fn write(dir: &Path, name: &str, contents: &str) -> String {
    let file = dir.join(name);
    fs::write(&file, contents).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn without_a_screen_an_unknown_plugin_runs_only_when_it_is_allowed() {
    let stage = Stage::new(WILLING);
    assert_eq!(stage.logs(&["--context", "dev"]).status.code(), Some(0));
    assert_eq!(stage.runs(), 0, "a context that was not opened");
    stage.refused(&[], "--allow-plugins runs it");
    let deny = write(stage.dir.path(), "deny", "credentialPluginPolicy: DenyAll\n");
    stage.refused(
        &["--allow-plugins", "--kuberc", &deny],
        "none may (credentialPluginPolicy in",
    );
    let wrong = write(stage.dir.path(), "wrong", "credentialPluginPolicy: allow\n");
    stage.refused(&["--allow-plugins", "--kuberc", &wrong], "there is no policy \"allow\"");
    stage.set_mode(0o666);
    stage.refused(&["--allow-plugins"], "--trust-kubeconfig runs it");
    let output = stage.logs(&["--context", "prod-jane", "--allow-plugins", "--trust-kubeconfig"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(stage.runs(), 1);
    assert!(!output.stdout.is_empty());
    stage.set_mode(0o600);
    let plugin = stage.dir.path().join("company-login");
    let list = format!(
        "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{{name: {}}}]\n",
        plugin.display()
    );
    let list = write(stage.dir.path(), "list", &list);
    let output = stage.logs(&["--context", "prod-jane", "--kuberc", &list]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(stage.runs(), 2);
}

#[test]
fn a_token_that_a_failing_plugin_tells_is_shown_nowhere() {
    let stage = Stage::new(TALKATIVE);
    for output in ["text", "ndjson"] {
        let output = stage.logs(&["--context", "prod-jane", "--allow-plugins", "-o", output]);
        let told = text(&output.stderr) + &text(&output.stdout);
        assert!(told.contains("MFA is needed"), "{told}");
        assert!(!told.contains(&stage.token), "{told}");
    }
    let mut terminal = stage.screen("dev,prod-jane");
    terminal.until_shows("asks");
    terminal.send(b"L");
    terminal.until_shows("Run this credential plugin for prod-jane?");
    terminal.send(b"y");
    terminal.until_shows("MFA is needed");
    terminal.send(b":q\r");
    terminal.until_ended();
    let written = String::from_utf8_lossy(&terminal.written).into_owned();
    assert!(!written.contains(&stage.token));
    assert!(!written.contains("--secret open"), "what follows a flag for a secret");
    let remembered = fs::read_to_string(stage.config().join("allowed-plugins")).unwrap();
    assert!(remembered.contains("company-login get --secret …"), "{remembered}");
    assert!(!remembered.contains(&stage.token));
}

#[test]
fn a_login_has_the_terminal_and_gives_it_back() {
    let stage = Stage::new(ASKING);
    let mut terminal = stage.screen("dev,prod-jane");
    terminal.until_shows("asks");
    terminal.send(b"L");
    terminal.until_shows("company-login get --secret …");
    // Not now.
    terminal.send(b"n");
    terminal.until("the question is gone", |terminal| !terminal.screen().contains("y / n"));
    terminal.send(b"L");
    terminal.until_shows("y / n");
    terminal.send(b"y");
    terminal.until_shows("needs login");
    // Without a person it was told that there is none; now there is one, who changes their mind.
    terminal.send(b"L");
    terminal.until_shows("The word, please:");
    assert!(!terminal.mode().contains(TermMode::ALT_SCREEN));
    assert!(
        terminal.screen().contains("Login to prod-jane: "),
        "{}",
        terminal.screen()
    );
    terminal.send(b"\x03");
    terminal.until("the screen again", |terminal| {
        terminal.mode().contains(TermMode::ALT_SCREEN)
    });
    terminal.until_shows("failed to log in");
    terminal.send(b"L");
    terminal.until_shows("The word, please:");
    terminal.send(b"sesame\r");
    terminal.until("both are connected", |terminal| {
        let screen = terminal.screen();
        screen.contains("dev live") && screen.contains("prod-jane live")
    });
    assert!(!String::from_utf8_lossy(&terminal.written).contains(&stage.token));
    terminal.send(b":q\r");
    assert_eq!(terminal.until_ended().code(), Some(0));
    // The plugin was ended while it had taken the echo away.
    assert!(terminal.is_cooked(), "the terminal has lost its echo");
    // What was allowed on the screen is allowed without one.
    let output = stage.logs(&["--context", "prod-jane"]);
    assert!(
        text(&output.stderr).contains("MFA is needed"),
        "{}",
        text(&output.stderr)
    );
    let mode = fs::metadata(stage.config().join("allowed-plugins"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(stage.served);
}
