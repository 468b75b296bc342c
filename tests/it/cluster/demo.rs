//! The actors against the embedded clusters: TLS, HTTP/2, certificates and tokens, RBAC, crash loops, exec.

use std::sync::Arc;

use kontrast::cluster::{Contexts, ExecEvent, ExecInput, Namespaces, Now, Watching, open};
use kontrast::demo::scenario::Scenario;
use kontrast::demo::serve::Demo;
use kontrast::model::{
    ClusterState, ContextId, ExecEnd, ExecRequest, Ingest, PodKey, PodRow, Report, StreamState, Target, Time,
    WorkloadKind,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, Story, since};

const BEGIN: i64 = 1_795_361_400_000_000_000;

/// A clock that goes on from a fixed time.
pub(super) fn now() -> Now {
    let begun = Instant::now();
    Arc::new(move || Time(BEGIN + i64::try_from(begun.elapsed().as_nanos()).unwrap()))
}

pub(super) async fn demo(now: &Now) -> Demo {
    let scenario = Scenario::embedded("works-in-staging").unwrap();
    let now = Arc::clone(now);
    Demo::start(scenario, 1, Arc::new(move || now().nanos())).await.unwrap()
}

pub(super) fn story(kubeconfig: &str, context: &str, now: &Now, watching: Watching) -> Story {
    let offer = Contexts::from_yaml(kubeconfig)
        .unwrap()
        .choose(&[context.to_owned()])
        .unwrap()
        .remove(0);
    let handle = open(
        ContextId(0),
        offer,
        Arc::new(watching),
        Arc::clone(now),
        CancellationToken::new(),
    );
    Story {
        handle,
        reports: Vec::new(),
        ingests: Vec::new(),
    }
}

impl Story {
    fn pods(&self) -> Vec<&PodRow> {
        let listed = self.reports.iter().rev().find_map(|report| match report {
            Report::PodsListed { pods, .. } => Some(pods.iter().collect()),
            _ => None,
        });
        listed.unwrap_or_default()
    }

    /// Texts of all lines of a workload's containers.
    pub(super) fn texts(&self, workload: &str) -> Vec<String> {
        let sources: Vec<_> = self
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::SourceOpened(source) if &*source.workload.name == workload => Some(source.id),
                _ => None,
            })
            .collect();
        sources.iter().flat_map(|source| self.lines(source.n)).collect()
    }
}

#[tokio::test]
async fn prod_crashes_and_staging_does_not() {
    let now = now();
    let demo = demo(&now).await;
    let kubeconfig = demo.kubeconfig();
    let mut prod = story(&kubeconfig, "prod", &now, since(600));
    let missing = "No module named 'requests'";
    prod.until("the traceback", |story| {
        story.texts("api").iter().any(|text| text.contains(missing))
    })
    .await;
    prod.until_state("live", ClusterState::is_live).await;
    let api = prod
        .pods()
        .into_iter()
        .find(|pod| &*pod.workload.name == "api")
        .unwrap();
    assert_eq!(
        (&*api.key.namespace, &api.workload.kind),
        ("shop", &WorkloadKind::Deployment)
    );
    assert!(api.restarts() > 0);
    prod.until("an instance read to its end", |story| {
        story
            .ingests
            .iter()
            .any(|ingest| matches!(ingest, Ingest::SourceEnded { .. }))
    })
    .await;
    prod.until("events", |story| {
        story
            .reports
            .iter()
            .any(|report| matches!(report, Report::EventsListed { events, .. } if !events.is_empty()))
    })
    .await;
    let mut staging = story(&kubeconfig, "staging", &now, since(600));
    staging
        .until("request logs", |story| story.texts("api").len() > 20)
        .await;
    assert!(!staging.texts("api").iter().any(|text| text.contains(missing)));
    // A connection that breaks under its own load would show here: many short lines come at once at the start.
    let broke = |report: &&Report| {
        matches!(
            report,
            Report::StreamChanged {
                state: StreamState::Reconnecting { .. },
                ..
            }
        )
    };
    let broke: Vec<_> = prod.reports.iter().chain(&staging.reports).filter(broke).collect();
    assert_eq!(broke, Vec::<&Report>::new());
    let lost: Vec<_> = prod
        .ingests
        .iter()
        .chain(&staging.ingests)
        .filter(|ingest| matches!(ingest, Ingest::GapFound { .. }))
        .collect();
    assert_eq!(lost, Vec::<&Ingest>::new());
    for story in [prod, staging] {
        timeout(PATIENCE, story.handle.closed()).await.expect("all tasks end");
    }
    demo.stop().await;
}

#[tokio::test]
async fn jane_sees_her_namespace_and_a_reason_elsewhere() {
    let now = now();
    let demo = demo(&now).await;
    let kubeconfig = demo.kubeconfig();
    let mut hers = story(&kubeconfig, "staging-jane", &now, since(600));
    hers.until_state("live", ClusterState::is_live).await;
    hers.until("her logs", |story| story.texts("api").len() > 3).await;
    let mut all = story(
        &kubeconfig,
        "staging-jane",
        &now,
        Watching {
            namespaces: Namespaces::All,
            ..since(600)
        },
    );
    all.until_state("forbidden", |state| {
        matches!(state, ClusterState::Forbidden { cause, .. } if cause.contains("\"jane\" cannot list resource \"pods\"") && cause.contains("at the cluster scope"))
    }).await;
    demo.stop().await;
}

#[tokio::test]
async fn jane_may_see_one_of_two_namespaces_and_the_engine_knows() {
    let now = now();
    let demo = demo(&now).await;
    let namespaces = Namespaces::Listed(vec!["shop".into(), "kube-system".into()]);
    let watching = Watching {
        namespaces,
        ..since(600)
    };
    let mut hers = story(&demo.kubeconfig(), "prod-jane", &now, watching);
    hers.until("her logs", |story| story.texts("api").len() > 3).await;
    hers.until("forbidden", |story| {
        story.access("kube-system").last() == Some(&"forbidden")
    })
    .await;
    hers.until_state("live", ClusterState::is_live).await;
    assert!(!hers.access("shop").contains(&"forbidden"));
    // The review of the rules is a real one here: nothing is granted to her in the other namespace.
    let pod = PodKey {
        context: ContextId(0),
        namespace: "kube-system".into(),
        name: "coredns".into(),
        uid: "u".into(),
    };
    let target = Target {
        pod,
        container: "coredns".into(),
    };
    let (_, end) = run(&hers, target, &["sh"], &[]).await;
    let cause = "pods/exec: create and get are missing in namespace kube-system".into();
    assert_eq!(end, ExecEnd::Refused { cause });
    demo.stop().await;
}

#[tokio::test]
async fn a_stranger_needs_a_login_and_an_impostor_is_not_trusted() {
    let now = now();
    let demo = demo(&now).await;
    let kubeconfig = demo.kubeconfig();
    let server = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("server: "))
        .unwrap()
        .trim_matches(['"', '\'']);
    let authority = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("certificate-authority-data: "))
        .unwrap();
    let yaml = format!(
        "contexts:\n- {{name: stranger, context: {{cluster: good, user: u}}}}\n- {{name: impostor, context: {{cluster: bad, user: \
         u}}}}\nclusters:\n- {{name: good, cluster: {{server: '{server}', certificate-authority-data: {authority}}}}}\n- {{name: bad, \
         cluster: {{server: '{server}'}}}}\nusers: [{{name: u, user: {{token: bogus}}}}]\n"
    );
    let mut stranger = story(&yaml, "stranger", &now, since(600));
    stranger
        .until_state(
            "needs login",
            |state| matches!(state, ClusterState::NeedsLogin { cause, .. } if &**cause == "Unauthorized"),
        )
        .await;
    let mut impostor = story(&yaml, "impostor", &now, since(600));
    impostor.until_state("not trusted", |state| {
        matches!(state, ClusterState::Unreachable { cause, .. } if &**cause == "certificate signed by unknown authority")
    }).await;
    demo.stop().await;
}

#[tokio::test]
async fn a_cluster_that_stops_is_stale_and_its_streams_say_why() {
    let now = now();
    let demo = demo(&now).await;
    let mut story = story(&demo.kubeconfig(), "dev", &now, since(600));
    story.until("lines", |story| story.texts("api").len() > 3).await;
    story.until_state("live", ClusterState::is_live).await;
    demo.stop().await;
    story
        .until_state("stale", |state| matches!(state, ClusterState::Stale { .. }))
        .await;
    story
        .until("a stream that says so", |story| {
            story.reports.iter().any(|report| {
                matches!(
                    report,
                    Report::StreamChanged {
                        state: StreamState::Reconnecting { .. },
                        ..
                    }
                )
            })
        })
        .await;
    story
        .until("coverage ended", |story| {
            story
                .ingests
                .iter()
                .any(|ingest| matches!(ingest, Ingest::CoverageEnded { .. }))
        })
        .await;
}

async fn run(story: &Story, target: Target, command: &[&str], keys: &[&str]) -> (String, ExecEnd) {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let (input, mut events) = story.handle.exec(ExecRequest {
        target,
        command,
        cols: 80,
        rows: 24,
    });
    for keys in keys {
        input.send(ExecInput::Bytes((*keys).to_owned().into())).await.unwrap();
    }
    let mut output = Vec::new();
    loop {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            ExecEvent::Opened => {}
            ExecEvent::Output(bytes) => output.extend_from_slice(&bytes),
            ExecEvent::Ended(end) => return (String::from_utf8_lossy(&output).into_owned(), end),
        }
    }
}

#[tokio::test]
async fn commands_run_in_containers() {
    let now = now();
    let demo = demo(&now).await;
    let mut story = story(&demo.kubeconfig(), "dev", &now, since(600));
    story
        .until("the api runs", |story| {
            story.pods().iter().any(|pod| &*pod.workload.name == "api")
        })
        .await;
    let pod = story
        .pods()
        .into_iter()
        .find(|pod| &*pod.workload.name == "api")
        .unwrap();
    let target = Target {
        pod: pod.key.clone(),
        container: Arc::clone(&pod.default_container),
    };
    let (output, end) = run(&story, target.clone(), &["pip", "list"], &[]).await;
    assert!(output.contains("requests"), "{output}");
    assert_eq!(end, ExecEnd::Exited(0));
    let (output, end) = run(
        &story,
        target.clone(),
        &["sh"],
        &["echo a$((1+1))b || echo hello\r", "exit 3\r"],
    )
    .await;
    assert_eq!(end, ExecEnd::Exited(3), "{output}");
    let (_, end) = run(&story, target.clone(), &["nosuchcmd"], &[]).await;
    assert!(
        matches!(&end, ExecEnd::Refused { cause } if cause.contains("executable file not found")),
        "{end:?}"
    );
    let unknown = Target {
        container: "nope".into(),
        ..target
    };
    let (_, end) = run(&story, unknown, &["sh"], &[]).await;
    assert!(matches!(&end, ExecEnd::Refused { .. }), "{end:?}");
    demo.stop().await;
}
