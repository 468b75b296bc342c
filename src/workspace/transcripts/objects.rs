//! Workloads, pods and containers.

use crate::model::{Access, ClusterState, ContainerState, EventRow, ObjectRef, Report, Span, Termination};
use crate::workspace::rehearsal::{START, Stage, context, pod};
use crate::workspace::scene::Body;

#[test]
fn where_no_pods_are_is_said() {
    let mut stage = Stage::new(200, 50);
    for name in ["dev", "staging", "prod"] {
        let context = context(name);
        stage.report(Report::StateChanged {
            context,
            state: ClusterState::Live { since: START },
        });
        stage.report(Report::PodsListed {
            context,
            pods: Vec::new(),
        });
    }
    stage.settle();
    stage.shows(&["no matching pods in shop"]);
}

#[test]
fn a_workload_has_a_cell_per_cluster() {
    let mut stage = Stage::live(200, 50);
    stage.shows(&[
        "api deploy | 1/1 v1.2 2h | 1/1 v1.2 2h | 1/1 v1.2 2h",
        "web deploy | 2/2 v1.2 2h",
    ]);
    let mut bad = pod("prod", "web-2");
    bad.ready = false;
    bad.version = "v1.3".into();
    let end = Termination {
        id: "x".into(),
        exit_code: 1,
        signal: 0,
        reason: "Error".into(),
        message: "first\nModuleNotFoundError: requests\n".into(),
        started: START,
        finished: START - Span::from_secs(30),
    };
    if let Some(container) = bad.containers.first_mut() {
        container.restarts = 4;
        container.state = ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: "back-off 5m0s".into(),
        };
        container.last = Some(end);
    }
    let key = bad.key.clone();
    stage.report(Report::PodApplied(bad));
    stage.report(Report::EventApplied {
        context: context("prod"),
        event: EventRow {
            uid: "e".into(),
            about: ObjectRef {
                context: context("prod"),
                kind: "Pod".into(),
                namespace: "shop".into(),
                name: "web-2".into(),
            },
            warning: true,
            reason: "BackOff".into(),
            message: "restarting failed container".into(),
            source: "kubelet".into(),
            count: 7,
            first: START,
            last: START,
        },
    });
    stage.keys("2 j space j j j j j j");
    stage.shows(&[
        "bar prod live 2/3",
        "| 1/2 CrashLoopBackOff ↻4 v1.2 v1.3 2h",
        ">  ▸web-2 |  |  | CrashLoopBackOff ↻4 v1.3 2h node-1",
        "= app CrashLoopBackOff back-off 5m0s",
        "exit 1 · ModuleNotFoundError: requests",
    ]);
    stage.report(Report::PodDeleted(key));
    stage.settle();
    stage.shows(&["bar prod live 2/2"]);
    stage.does_not_show("CrashLoopBackOff");
}

#[test]
fn what_is_not_known_of_a_cluster_is_not_said_to_be_absent() {
    let mut stage = Stage::new(200, 50);
    stage.report(Report::PodsListed {
        context: context("dev"),
        pods: vec![pod("dev", "api-1")],
    });
    let forbidden = ClusterState::Forbidden {
        since: START,
        cause: "pods is forbidden".into(),
    };
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: forbidden,
    });
    stage.settle();
    stage.shows(&[
        "api deploy | 1/1 v1.2 2h | ? | no access",
        "bar prod forbidden 0s pods is forbidden",
        "trouble prod forbidden 0s: pods is forbidden",
        "no access to prod: pods is forbidden",
    ]);
    stage.report(Report::PodsListed {
        context: context("staging"),
        pods: Vec::new(),
    });
    stage.settle();
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | no access"]);
}

#[test]
fn a_namespace_without_access_is_not_said_to_be_empty() {
    let mut stage = Stage::new(200, 50);
    for (cluster, pods) in [
        ("dev", vec![pod("dev", "api-1")]),
        ("staging", Vec::new()),
        ("prod", Vec::new()),
    ] {
        stage.report(Report::StateChanged {
            context: context(cluster),
            state: ClusterState::Live { since: START },
        });
        stage.report(Report::PodsListed {
            context: context(cluster),
            pods,
        });
    }
    let change = |stage: &mut Stage, namespace: &str, access| {
        stage.report(Report::NamespaceChanged {
            context: context("prod"),
            namespace: namespace.into(),
            access,
        });
        stage.settle();
    };
    change(&mut stage, "kube-system", Access::Forbidden);
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | –"]);
    change(&mut stage, "shop", Access::Forbidden);
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | no access"]);
    change(&mut stage, "shop", Access::Lost);
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | ?"]);
    change(&mut stage, "shop", Access::Open);
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | –"]);
}

#[test]
fn a_limit_that_is_lifted_is_not_said_any_more() {
    let mut stage = Stage::live(200, 50);
    let what: std::sync::Arc<str> = "pods in namespace secret".into();
    stage.report(Report::Limited {
        context: context("prod"),
        what: what.clone(),
        cause: "pods is forbidden".into(),
    });
    stage.settle();
    stage.shows(&["bar prod live, limited", "pods in namespace secret: pods is forbidden"]);
    stage.report(Report::LimitLifted {
        context: context("prod"),
        what,
    });
    stage.settle();
    stage.does_not_show("limited");
    stage.does_not_show("pods is forbidden");
}

#[test]
fn collapsing_goes_up_the_tree() {
    let mut stage = Stage::live(160, 40);
    stage.keys("2 j space j space j");
    stage.shows(&[">   app |"]);
    stage.keys("h");
    stage.shows(&[">  ▾web-1"]);
    stage.keys("h");
    stage.shows(&[">  ▸web-1"]);
    stage.keys("h h");
    stage.shows(&["> ▸web deploy", "(2/2)"]);
}

#[test]
fn a_message_costs_no_more_with_many_pods() {
    let mut stage = Stage::live(160, 40);
    let pods: Vec<_> = (0..5_000).map(|n| pod("prod", &format!("web-{n}"))).collect();
    stage.report(Report::PodsListed {
        context: context("prod"),
        pods,
    });
    stage.settle();
    stage.shows(&["5000/5000"]);
    let Body::Objects(objects) = &stage.scene().panes[1].body else {
        panic!("no objects")
    };
    assert_eq!(objects.total, 2);
    stage.keys("2 j space G");
    stage.shows(&["(5006/5006)"]);
    let Body::Objects(objects) = &stage.focused().body else {
        panic!("no objects")
    };
    assert!(objects.rows.len() < 40, "only what is visible is composed");
}
