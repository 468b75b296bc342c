//! From a pod's owner to the workload that a user thinks in, by names alone: an extra list would need extra rights.

use crate::model::WorkloadKind;

/// Minute numbers below this are before 2017, older than `CronJob` names by minute; eight digits below it are dates.
const FIRST_MINUTE: u64 = 24_720_480;
/// Controllers before 1.21 named jobs by the second.
const FIRST_SECOND: u64 = 1_483_228_800;

/// The controller of a pod as its owner reference names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

/// The kind and name of the workload of the pod `pod`.
pub(super) fn workload<'a>(
    pod: &'a str,
    owner: Option<Owner<'a>>,
    template_hash: Option<&str>,
) -> (WorkloadKind, &'a str) {
    let Some(Owner { kind, name }) = owner else {
        return (WorkloadKind::Pod, pod);
    };
    match kind {
        "ReplicaSet" => match template_hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-')) {
            Some(deployment) if !deployment.is_empty() => (WorkloadKind::Deployment, deployment),
            _ => (WorkloadKind::Other("ReplicaSet".into()), name),
        },
        "Job" => scheduled_by(name).map_or((WorkloadKind::Job, name), |cron| (WorkloadKind::CronJob, cron)),
        "StatefulSet" => (WorkloadKind::StatefulSet, name),
        "DaemonSet" => (WorkloadKind::DaemonSet, name),
        // A static pod is owned by its node, which is not what anybody calls its workload.
        "Node" => (WorkloadKind::Pod, pod),
        other => (WorkloadKind::Other(other.into()), name),
    }
}

/// The `CronJob` that made the job of this name: it appends the scheduled time, in minutes since the epoch.
fn scheduled_by(job: &str) -> Option<&str> {
    let (cron, digits) = job.rsplit_once('-')?;
    if cron.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match digits.len() {
        8 if number >= FIRST_MINUTE => Some(cron),
        10 if number >= FIRST_SECOND => Some(cron),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(owner: Option<(&str, &str)>, hash: Option<&str>, expected: (&str, &str)) {
        let owner = owner.map(|(kind, name)| Owner { kind, name });
        let (kind, name) = workload("the-pod", owner, hash);
        assert_eq!((kind.as_str(), name), expected);
    }

    #[test]
    fn owners_lead_to_workloads_without_a_further_question() {
        check(None, None, ("Pod", "the-pod"));
        check(
            Some(("ReplicaSet", "api-54b7848d46")),
            Some("54b7848d46"),
            ("Deployment", "api"),
        );
        check(
            Some(("ReplicaSet", "api-54b7848d46")),
            None,
            ("ReplicaSet", "api-54b7848d46"),
        );
        check(
            Some(("ReplicaSet", "api-x")),
            Some("54b7848d46"),
            ("ReplicaSet", "api-x"),
        );
        check(
            Some(("ReplicaSet", "-54b7848d46")),
            Some("54b7848d46"),
            ("ReplicaSet", "-54b7848d46"),
        );
        check(Some(("Job", "backup-29912345")), None, ("CronJob", "backup"));
        check(Some(("Job", "backup-1620000000")), None, ("CronJob", "backup"));
        check(Some(("Job", "backup-20261122")), None, ("Job", "backup-20261122"));
        check(Some(("Job", "migrate")), None, ("Job", "migrate"));
        check(Some(("Job", "step-2")), None, ("Job", "step-2"));
        check(Some(("Node", "worker-1")), None, ("Pod", "the-pod"));
        check(Some(("Rollout", "api")), None, ("Rollout", "api"));
    }
}
