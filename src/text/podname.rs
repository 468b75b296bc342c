//! The workload behind a pod's name, by the names that Kubernetes' own controllers give. For where nothing but the
//! name is known; the API knows the owner.

/// The letters and digits of generated names (`rand.SafeEncodeString` of apimachinery).
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The name of what made the pod: `api-7d9c5b6f8d-x2k4v` of a Deployment and `backup-29092395-7rgvs` of a `CronJob`
/// lose two parts, `agent-x2k4v` of a `DaemonSet` or a Job and `db-0` of a `StatefulSet` one. Any other pod is its own.
pub fn workload(pod: &str) -> &str {
    let Some((front, last)) = parted(pod) else {
        return pod;
    };
    if is_suffix(last) {
        match parted(front) {
            Some((workload, middle)) if is_template_hash(middle) || is_scheduled(middle) => workload,
            Some(_) | None => front,
        }
    } else if is_ordinal(last) {
        front
    } else {
        pod
    }
}

/// Both parts around the last dash, none of them empty.
fn parted(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('-')
        .filter(|(front, last)| !front.is_empty() && !last.is_empty())
}

fn is_safe(part: &str) -> bool {
    part.bytes().all(|byte| SAFE.contains(&byte))
}

/// What is appended to make a name unique.
fn is_suffix(part: &str) -> bool {
    part.len() == 5 && is_safe(part)
}

/// A `ReplicaSet`'s hash of its pod template: a 32-bit number in decimal digits, encoded.
fn is_template_hash(part: &str) -> bool {
    (8..=10).contains(&part.len()) && is_safe(part)
}

/// Minutes since 1970 when a `CronJob` was due; older ones write seconds.
fn is_scheduled(part: &str) -> bool {
    matches!(part.len(), 8 | 10) && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of a `StatefulSet`'s pod.
fn is_ordinal(part: &str) -> bool {
    let is_number = part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (part == "0" || !part.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_controllers() {
        for (pod, expected) in [
            ("api-7d9c5b6f8d-x2k4v", "api"),
            ("shop-api-6b7f9c8d4-zzq5t", "shop-api"),
            ("backup-cron-29092395-7rgvs", "backup-cron"),
            ("backup-cron-1772611200-7rgvs", "backup-cron"),
            ("node-agent-x2k4v", "node-agent"),
            ("db-0", "db"),
            ("db-12", "db"),
            ("db-01", "db-01"),
            ("kafka-broker", "kafka-broker"),
            ("mesh-proxy", "mesh-proxy"),
            ("etcd", "etcd"),
            ("-0", "-0"),
            ("x-", "x-"),
            ("", ""),
            ("é-0", "é"),
        ] {
            assert_eq!(workload(pod), expected, "{pod}");
        }
    }
}
