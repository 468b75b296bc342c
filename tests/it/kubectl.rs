//! The real kubectl against the embedded clusters. Where there is no kubectl, each check says what it leaves out.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may panic and print, and measures real time"
)]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use kontrast::demo::serve::Demo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::demo::tls::demo;
#[cfg(unix)]
use crate::terminal::Terminal;

/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn kubectl() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("kubectl"))
        .find(|file| file.is_file())
}

/// Clusters, and a kubectl that knows them.
struct Shop {
    demo: Demo,
    program: PathBuf,
    home: TempDir,
}

impl Shop {
    /// None, after saying what is left out, where there is no kubectl.
    async fn open(checks: &str) -> Option<Self> {
        let Some(program) = kubectl() else {
            eprintln!("kubectl is not on PATH; left out: {checks}");
            return None;
        };
        let demo = demo().await;
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("kubeconfig"), demo.kubeconfig()).unwrap();
        Some(Self { demo, program, home })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    fn command(&self, context: &str, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--context", context])
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run<const N: usize>(&self, context: &str, args: [&str; N]) -> Output {
        let running = self.command(context, &args).output();
        tokio::time::timeout(PATIENCE, running)
            .await
            .expect("kubectl ends")
            .unwrap()
    }

    /// What a command that must succeed prints.
    async fn prints<const N: usize>(&self, context: &str, args: [&str; N]) -> String {
        let output = self.run(context, args).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that must fail says, and its exit status.
    async fn fails<const N: usize>(&self, context: &str, args: [&str; N]) -> (Option<i32>, String) {
        let output = self.run(context, args).await;
        assert!(!output.status.success(), "kubectl {args:?} succeeds");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// A pod of `api`.
    async fn api_pod(&self, context: &str) -> String {
        let names = self
            .prints(context, ["get", "pods", "-l", "app=api", "-o", "name"])
            .await;
        let first = names.lines().next().expect("a pod of api");
        first.strip_prefix("pod/").unwrap().to_owned()
    }

    fn follow<const N: usize>(&self, context: &str, args: [&str; N]) -> Following {
        let mut child = self.command(context, &args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Following { lines, _child: child }
    }
}

/// A kubectl that goes on printing; it is killed when this is dropped.
struct Following {
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    _child: Child,
}

impl Following {
    async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let search = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| unreachable!("kubectl ended before: {what}"));
                if wanted(&line) {
                    return line;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| unreachable!("did not come: {what}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read() {
    let Some(shop) = Shop::open("get, describe, events, api-resources, version").await else {
        return;
    };
    let pod = shop.api_pod("prod").await;
    let (wide, yaml, described, events, resources, version, tree) = tokio::join!(
        shop.prints("prod", ["get", "pods", "-o", "wide"]),
        shop.prints("prod", ["get", "pod", &pod, "-o", "json"]),
        shop.prints("prod", ["describe", "pod", &pod]),
        shop.prints("prod", ["events", "--for", "pod/nobody"]),
        shop.prints("prod", ["api-resources", "--no-headers"]),
        shop.prints("prod", ["version", "-o", "json"]),
        shop.prints("prod", ["get", "all", "-A"]),
    );
    let header: Vec<_> = wide.lines().next().unwrap().split_whitespace().collect();
    let expected = "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES";
    assert_eq!(header.join(" "), expected);
    assert!(
        wide.lines()
            .any(|line| line.starts_with(&pod) && line.contains("prod-node-")),
        "{wide}"
    );
    let object: Value = serde_json::from_str(&yaml).unwrap();
    assert_eq!(
        (&object["kind"], &object["apiVersion"]),
        (&Value::from("Pod"), &Value::from("v1"))
    );
    for part in [
        "Controlled By:  ReplicaSet/api-",
        "Last State:",
        "Exit Code:    1",
        "Events:",
        "BackOff",
    ] {
        assert!(described.contains(part), "{part} is not in\n{described}");
    }
    assert_eq!(events.trim(), "", "no event is about a pod that never was");
    assert!(
        resources
            .lines()
            .any(|line| line.split_whitespace().eq(["pods", "po", "v1", "true", "Pod"])),
        "{resources}"
    );
    let version: Value = serde_json::from_str(&version).unwrap();
    assert_eq!(version["serverVersion"]["minor"], "36");
    for part in [
        "deployment.apps/api",
        "statefulset.apps/db",
        "daemonset.apps/",
        "job.batch/",
        "service/api",
    ] {
        assert!(tree.contains(part), "{part} is not in\n{tree}");
    }
    let about_pod = shop.prints("prod", ["events", "--for", &format!("pod/{pod}")]).await;
    assert!(
        about_pod.contains("Back-off restarting failed container"),
        "{about_pod}"
    );
    let (about_all, nodes, yaml) = tokio::join!(
        shop.prints("prod", ["get", "events"]),
        shop.prints("prod", ["get", "nodes", "-o", "wide"]),
        shop.prints("dev", ["get", "deployment", "api", "-o", "yaml"]),
    );
    assert!(about_all.starts_with("LAST SEEN"), "{about_all}");
    assert!(
        nodes.contains("prod-node-1") && nodes.contains("containerd://"),
        "{nodes}"
    );
    assert!(yaml.starts_with("apiVersion: apps/v1\nkind: Deployment\n"), "{yaml}");
    let (_, error) = shop.fails("prod", ["get", "pod", "none"]).await;
    assert_eq!(error, "Error from server (NotFound): pods \"none\" not found\n");
    shop.demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_read() {
    let Some(shop) = Shop::open("logs (-f, --previous, --timestamps, --since)").await else {
        return;
    };
    let (broken, healthy) = tokio::join!(shop.api_pod("prod"), shop.api_pod("dev"));
    let (previous, stamped, since, nothing) = tokio::join!(
        shop.prints("prod", ["logs", &broken, "--previous"]),
        shop.prints("dev", ["logs", &healthy, "--timestamps", "--tail=5"]),
        shop.prints("dev", ["logs", &healthy, "--since=10m"]),
        shop.fails("dev", ["logs", &healthy, "--previous"]),
    );
    assert!(
        previous.contains("ModuleNotFoundError: No module named 'requests'"),
        "{previous}"
    );
    assert!(
        previous.contains("failed to retrieve the complete list of projects from the server"),
        "{previous}"
    );
    assert_eq!(stamped.lines().count(), 5);
    for line in stamped.lines() {
        let (stamp, _) = line.split_once(' ').unwrap();
        assert_eq!(
            (stamp.len(), stamp.chars().nth(19), stamp.ends_with('Z')),
            (30, Some('.'), true),
            "{line}"
        );
    }
    assert!(since.lines().count() > 5, "some minutes have passed before the start");
    let (_, error) = nothing;
    let expected = format!("previous terminated container \"api\" in pod \"{healthy}\" not found");
    assert!(error.contains(&expected), "{error}");
    let mut following = shop.follow("dev", ["logs", "-f", "--tail=0", "--timestamps", &healthy]);
    let first = following
        .until("a line that is written now", |line| !line.is_empty())
        .await;
    let next = following.until("another line", |line| !line.is_empty()).await;
    assert_ne!(first, next);
    drop(following);
    shop.demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_watched_and_made() {
    let Some(shop) = Shop::open("get -w, scale, rollout, delete, patch, apply").await else {
        return;
    };
    let mut watching = shop.follow("dev", ["get", "pods", "-l", "app=web", "-w"]);
    watching.until("the state", |line| line.starts_with("web-")).await;
    shop.prints("dev", ["scale", "deployment", "web", "--replicas=5"]).await;
    watching
        .until("a new pod", |line| {
            line.starts_with("web-") && line.contains("ContainerCreating")
        })
        .await;
    let pod = shop.prints("dev", ["get", "pods", "-l", "app=web", "-o", "name"]).await;
    let pod = pod.lines().next().unwrap().to_owned();
    let name = pod.strip_prefix("pod/").unwrap().to_owned();
    // kubectl waits until the pod is gone.
    let (deleted, _) = tokio::join!(
        shop.prints("dev", ["delete", &pod]),
        watching.until("the end of a pod", |line| line.starts_with(&name)
            && line.contains("Terminating")),
    );
    assert!(deleted.contains(&format!("\"{name}\" deleted")), "{deleted}");
    drop(watching);
    let restarting = async {
        shop.prints("dev", ["rollout", "restart", "deployment/cache"]).await;
        shop.prints("dev", ["rollout", "status", "deployment/cache", "--timeout=25s"])
            .await
    };
    let file = shop.home.path().join("map.yaml");
    let text =
        |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: new}}\ndata: {{a: {value}}}\n");
    let applying = async {
        let path = file.to_str().unwrap();
        std::fs::write(&file, text("one")).unwrap();
        let created = shop.prints("dev", ["apply", "-f", path]).await;
        std::fs::write(&file, text("two")).unwrap();
        let changed = shop.prints("dev", ["apply", "-f", path]).await;
        shop.prints("dev", ["patch", "configmap", "new", "-p", r#"{"data":{"b":"three"}}"#])
            .await;
        let data = shop
            .prints("dev", ["get", "configmap", "new", "-o", "jsonpath={.data}"])
            .await;
        shop.prints("dev", ["delete", "configmap", "new"]).await;
        (created, changed, data)
    };
    let (rollout, (created, changed, data)) = tokio::join!(restarting, applying);
    assert!(rollout.contains("successfully rolled out"), "{rollout}");
    assert_eq!(
        (created.as_str(), changed.as_str()),
        ("configmap/new created\n", "configmap/new configured\n")
    );
    assert_eq!(data, r#"{"a":"two","b":"three"}"#);
    shop.demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_user_is_told_so() {
    let Some(shop) = Shop::open("auth can-i, auth whoami, refusals").await else {
        return;
    };
    let jane = "prod-jane";
    let (logs, exec, deletion, rules, who, nodes) = tokio::join!(
        shop.prints(jane, ["auth", "can-i", "get", "pods", "--subresource=log"]),
        shop.prints(jane, ["auth", "can-i", "create", "pods", "--subresource=exec"]),
        shop.run(jane, ["auth", "can-i", "delete", "pods"]),
        shop.prints(jane, ["auth", "can-i", "--list"]),
        shop.prints(jane, ["auth", "whoami"]),
        shop.fails(jane, ["get", "nodes"]),
    );
    assert_eq!((logs.as_str(), exec.as_str()), ("yes\n", "yes\n"));
    assert_eq!(
        (deletion.status.code(), deletion.stdout.as_slice()),
        (Some(1), &b"no\n"[..])
    );
    assert!(rules.lines().any(|line| line.starts_with("pods/log ")), "{rules}");
    assert!(who.contains("jane"), "{who}");
    let refusal = "User \"jane\" cannot list resource \"nodes\" in API group \"\" at the cluster scope";
    assert!(nodes.1.contains(refusal), "{}", nodes.1);
    assert_eq!(shop.prints("prod", ["auth", "can-i", "*", "*"]).await, "yes\n");
    shop.demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_run_in_containers() {
    let Some(shop) = Shop::open("exec, attach, debug").await else {
        return;
    };
    let (broken, healthy) = tokio::join!(shop.api_pod("prod"), shop.api_pod("dev"));
    let target = format!("pod/{healthy}");
    let ephemeral = [
        "debug",
        &target,
        "--image=busybox:1.37",
        "--container=probe",
        "--attach=false",
        "--",
        "sleep",
        "1h",
    ];
    let (listing, failure, missing, waiting, debug) = tokio::join!(
        shop.prints(
            "dev",
            ["exec", &healthy, "--", "sh", "-c", "echo out; cat /etc/os-release"]
        ),
        shop.fails("dev", ["exec", &healthy, "--", "sh", "-c", "echo gone >&2; exit 3"]),
        shop.fails("dev", ["exec", &healthy, "--", "nosuchcommand"]),
        shop.run("prod", ["exec", &broken, "--", "id"]),
        shop.prints("dev", ephemeral),
    );
    assert!(
        listing.starts_with("out\n") && listing.contains("PRETTY_NAME="),
        "{listing}"
    );
    assert_eq!(failure.0, Some(3));
    assert!(
        failure.1.contains("gone\n") && failure.1.contains("command terminated with exit code 3"),
        "{}",
        failure.1
    );
    assert!(
        missing.1.contains("executable file not found in $PATH"),
        "{}",
        missing.1
    );
    // The container may just be in one of its short runs.
    if !waiting.status.success() {
        let error = String::from_utf8_lossy(&waiting.stderr);
        assert!(error.contains("container not found (\"api\")"), "{error}");
    }
    assert_eq!(debug, "");
    let path = "jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}";
    let begin = Instant::now();
    while shop
        .prints("dev", ["get", "pod", &healthy, "-o", path])
        .await
        .is_empty()
    {
        assert!(begin.elapsed() < PATIENCE, "the ephemeral container does not start");
    }
    let inside = shop
        .prints("dev", ["exec", &healthy, "-c", "probe", "--", "hostname"])
        .await;
    assert_eq!(inside.trim(), healthy);
    shop.demo.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_talked_to_in_a_terminal() {
    let Some(shop) = Shop::open("exec -it and debug -it in a terminal").await else {
        return;
    };
    let pod = shop.api_pod("dev").await;
    let (program, home, config) = (shop.program.clone(), shop.home.path().to_owned(), shop.kubeconfig());
    let place = (program.clone(), home.clone(), config.clone(), pod.clone());
    let debugging = tokio::task::spawn_blocking(move || debug(&place.0, (&place.1, &place.2), &place.3));
    let talking = tokio::task::spawn_blocking(move || talk(&program, (&home, &config), &pod));
    let (debugged, talked) = tokio::join!(debugging, talking);
    talked.expect("the talk goes as it should");
    let pod = debugged.expect("the debugging goes as it should");
    let path = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}";
    let begin = Instant::now();
    while shop.prints("dev", ["get", "pod", &pod, "-o", path]).await != "5" {
        assert!(
            begin.elapsed() < PATIENCE,
            "the ephemeral container does not end with its shell"
        );
    }
    shop.demo.stop().await;
}

#[cfg(unix)]
fn terminal(program: &Path, (home, config): (&Path, &Path), args: &[&str]) -> Terminal {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (home, config) = (text(home), text(config));
    let env = [("KUBECONFIG", config.as_str()), ("HOME", home.as_str())];
    let args = [&["--context", "dev"], args].concat();
    Terminal::start(&text(program), &args, &env, (100, 30))
}

#[cfg(unix)]
fn until_prompt(terminal: &mut Terminal) {
    terminal.until("a prompt", |terminal| {
        let screen = terminal.screen();
        let last = screen.trim_end().lines().last().unwrap_or_default();
        last.ends_with('#') || last.ends_with('$')
    });
}

#[cfg(unix)]
fn talk(program: &Path, place: (&Path, &Path), pod: &str) {
    let mut terminal = terminal(program, place, &["exec", "-it", pod, "--", "sh"]);
    until_prompt(&mut terminal);
    terminal.send(b"stty size\r");
    terminal.until_shows("30 100");
    terminal.resize(132, 50);
    // kubectl hears of the new size by a signal, and tells of it when it gets to it.
    let begin = Instant::now();
    let mut asked = 0;
    while !terminal.screen().contains("50 132") {
        assert!(
            begin.elapsed() < PATIENCE,
            "the new size does not arrive\n{}",
            terminal.screen()
        );
        asked += 1;
        terminal.send(format!("stty size; echo asked {asked}\r").as_bytes());
        let answered = format!("asked {asked}");
        terminal.until(&answered, |terminal| terminal.rows().contains(&answered));
    }
    // The line editor: a wrong letter is taken back.
    terminal.send(b"echo seenx\x7f-by-me\r");
    terminal.until("the output", |terminal| {
        terminal.rows().iter().any(|row| row == "seen-by-me")
    });
    terminal.send(b"exit 7\r");
    let status = terminal.until_ended();
    assert_eq!(status.code(), Some(7), "{}", terminal.screen());
}

/// Gives back the pod's name.
#[cfg(unix)]
fn debug(program: &Path, place: (&Path, &Path), pod: &str) -> String {
    let target = format!("pod/{pod}");
    let mut terminal = terminal(
        program,
        place,
        &["debug", "-it", &target, "--image=busybox:1.37", "--target=api"],
    );
    until_prompt(&mut terminal);
    terminal.send(b"echo in; hostname\r");
    terminal.until("the pod's name", |terminal| {
        terminal.rows().iter().any(|row| row == pod)
    });
    terminal.send(b"exit 5\r");
    terminal.until_ended();
    pod.to_owned()
}
