//! The row of a pod: what `kubectl get pods` calls its status is computed from its containers.

use serde_json::{Value, json};

use super::duration::human;
use super::{AGE, Column, NAME, age_of, count, list, name, text_or_none};
use crate::demo::clock;

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Ready").described("The aggregate readiness state of this pod for accepting traffic."),
    Column::text("Status").described("The aggregate status of the containers in this pod."),
    Column::text("Restarts").described(
        "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
    ),
    AGE,
    Column::wide("IP").described("podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated."),
    Column::wide("Node").described("NodeName indicates in which node this pod is scheduled."),
    Column::wide("Nominated Node").described(
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as \
         preemption victims receive their graceful termination periods.",
    ),
    Column::wide("Readiness Gates").described("If specified, all readiness gates will be evaluated for pod readiness."),
];

pub(super) fn columns(plural: &str) -> Option<&'static [Column]> {
    (plural == "pods").then_some(COLUMNS)
}

pub(super) fn cells(pod: &Value, now: i64) -> Vec<Value> {
    let spec = &pod["spec"];
    let status = &pod["status"];
    let summary = Summary::of(pod);
    vec![
        name(pod),
        json!(format!("{}/{}", summary.ready, summary.total)),
        json!(summary.reason),
        json!(summary.restarts(now)),
        age_of(pod, now),
        text_or_none(&status["podIP"]),
        text_or_none(&spec["nodeName"]),
        text_or_none(&status["nominatedNodeName"]),
        json!(readiness_gates(pod)),
    ]
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(&pod["spec"]["readinessGates"]);
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let is_true = |gate: &&Value| {
        list(&pod["status"]["conditions"])
            .iter()
            .any(|condition| condition["type"] == gate["conditionType"] && condition["status"] == "True")
    };
    format!("{}/{}", gates.iter().filter(is_true).count(), gates.len())
}

#[derive(Default)]
struct Summary {
    ready: usize,
    total: usize,
    reason: String,
    restarts: i64,
    /// When the container that restarted last had ended, in Unix nanoseconds.
    last_restart: Option<i64>,
}

impl Summary {
    /// Follows `printPod` of the API server's printers.
    fn of(pod: &Value) -> Self {
        let status = &pod["status"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut summary = Self {
            total: list(&pod["spec"]["containers"]).len(),
            reason: text(&status["phase"]),
            ..Self::default()
        };
        if let Some(reason) = status["reason"].as_str().filter(|reason| !reason.is_empty()) {
            reason.clone_into(&mut summary.reason);
        }
        if !summary.initializing(pod) {
            summary.containers(pod);
        }
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            let is_lost = status["reason"] == "NodeLost";
            summary.reason = String::from(if is_lost { "Unknown" } else { "Terminating" });
        }
        summary
    }

    fn note_restarts(&mut self, container: &Value) {
        self.restarts += count(&container["restartCount"]);
        let ended = container["lastState"]["terminated"]["finishedAt"]
            .as_str()
            .and_then(clock::parse_rfc3339);
        self.last_restart = self.last_restart.max(ended);
    }

    /// Whether an init container is still to be waited for; then it is what the status is about.
    fn initializing(&mut self, pod: &Value) -> bool {
        let inits = list(&pod["spec"]["initContainers"]);
        let is_sidecar = |name: &Value| {
            inits
                .iter()
                .any(|init| init["name"] == *name && init["restartPolicy"] == "Always")
        };
        self.total += inits.iter().filter(|init| init["restartPolicy"] == "Always").count();
        let mut sidecars = Self::default();
        for (place, init) in list(&pod["status"]["initContainerStatuses"]).iter().enumerate() {
            self.note_restarts(init);
            let sidecar = is_sidecar(&init["name"]);
            if sidecar {
                sidecars.note_restarts(init);
            }
            let terminated = &init["state"]["terminated"];
            if !terminated.is_null() && count(&terminated["exitCode"]) == 0 {
                continue;
            }
            if sidecar && init["started"] == true {
                self.ready += usize::from(init["ready"] == true);
                continue;
            }
            self.reason = init_reason(init, (place, inits.len()));
            return true;
        }
        // Once the pod is initialised only what keeps running counts.
        self.restarts = sidecars.restarts;
        self.last_restart = sidecars.last_restart;
        false
    }

    fn containers(&mut self, pod: &Value) {
        let mut is_running = false;
        for container in list(&pod["status"]["containerStatuses"]).iter().rev() {
            self.note_restarts(container);
            let state = &container["state"];
            if let Some(reason) = state["waiting"]["reason"].as_str().filter(|reason| !reason.is_empty()) {
                reason.clone_into(&mut self.reason);
            } else if !state["terminated"].is_null() {
                self.reason = terminated_reason(&state["terminated"]);
            } else if container["ready"] == true && !state["running"].is_null() {
                is_running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && is_running {
            let conditions = list(&pod["status"]["conditions"]);
            let is_ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
            self.reason = String::from(if is_ready { "Running" } else { "NotReady" });
        }
    }

    fn restarts(&self, now: i64) -> String {
        match self.last_restart {
            Some(ended) if self.restarts > 0 => format!("{} ({} ago)", self.restarts, human(now - ended)),
            _ => self.restarts.to_string(),
        }
    }
}

fn terminated_reason(terminated: &Value) -> String {
    match (terminated["reason"].as_str(), count(&terminated["signal"])) {
        (Some(reason), _) if !reason.is_empty() => reason.to_owned(),
        (_, 0) => format!("ExitCode:{}", count(&terminated["exitCode"])),
        (_, signal) => format!("Signal:{signal}"),
    }
}

fn init_reason(init: &Value, (place, of): (usize, usize)) -> String {
    let state = &init["state"];
    if !state["terminated"].is_null() {
        return format!("Init:{}", terminated_reason(&state["terminated"]));
    }
    match state["waiting"]["reason"].as_str() {
        Some(reason) if !reason.is_empty() && reason != "PodInitializing" => format!("Init:{reason}"),
        _ => format!("Init:{place}/{of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T15:30:05Z
    const NOW: i64 = 1_795_361_405_000_000_000;

    fn row(status: &Value) -> Vec<String> {
        let pod = json!({
            "metadata": {"name": "api", "creationTimestamp": "2026-11-22T15:26:54Z"},
            "spec": {"containers": [{"name": "api"}], "nodeName": "prod-node-1"},
            "status": status
        });
        cells(&pod, NOW)
            .iter()
            .map(|cell| cell.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn a_crashed_container_gives_its_reason_and_its_restarts() {
        let status = json!({
            "phase": "Running", "podIP": "10.30.0.30",
            "containerStatuses": [{
                "name": "api", "restartCount": 5, "ready": false,
                "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
                "lastState": {"terminated": {"finishedAt": "2026-11-22T15:28:42Z"}}
            }]
        });
        let expected = [
            "api",
            "0/1",
            "Error",
            "5 (83s ago)",
            "3m11s",
            "10.30.0.30",
            "prod-node-1",
            "<none>",
            "<none>",
        ];
        assert_eq!(row(&status), expected);
    }

    #[test]
    fn the_status_is_the_waiting_reason_or_the_phase() {
        let waiting =
            json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
        assert_eq!(row(&waiting)[2], "CrashLoopBackOff");
        assert_eq!(row(&json!({"phase": "Pending"}))[1..4], ["0/1", "Pending", "0"]);
        let running = json!({"phase": "Running", "containerStatuses": [{"ready": true, "state": {"running": {}}}]});
        assert_eq!(row(&running)[1..4], ["1/1", "Running", "0"]);
    }

    #[test]
    fn an_init_container_is_waited_for() {
        let pod = json!({
            "metadata": {"name": "api"},
            "spec": {"containers": [{}], "initContainers": [{"name": "a"}, {"name": "b"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"name": "a", "state": {"terminated": {"exitCode": 0}}}, {"name": "b", "state": {"running": {}}}
            ]}
        });
        assert_eq!(cells(&pod, NOW)[2], "Init:1/2");
    }

    #[test]
    fn a_deleted_pod_is_terminating() {
        let pod = json!({"metadata": {"name": "api", "deletionTimestamp": "x"}, "status": {"phase": "Running"}});
        assert_eq!(cells(&pod, NOW)[2], "Terminating");
    }
}
