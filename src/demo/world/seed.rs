//! Names and numbers that follow from the seed alone: the same seed, the same world.

use fastrand::Rng;

use crate::demo::scenario::template;

/// The letters and digits of generated names; as in `k8s.io/apimachinery/pkg/util/rand`, without vowels, so that no
/// bad word appears.
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The source of everything random in one cluster.
#[derive(Clone, Debug)]
pub struct Seed {
    seed: u64,
}

impl Seed {
    pub fn new(seed: u64, cluster: &str) -> Self {
        Self {
            seed: mix(seed ^ fnv64(cluster.as_bytes())),
        }
    }

    /// Random numbers for one purpose; what others draw does not change them.
    pub fn rng(&self, purpose: &[&str]) -> Rng {
        let mut hash = self.seed;
        for part in purpose {
            // With a separator, so that ("ab", "c") is not ("a", "bc").
            hash = mix(hash ^ fnv64(part.as_bytes()) ^ 0x1f);
        }
        Rng::with_seed(hash)
    }

    pub fn uid(&self, purpose: &[&str]) -> String {
        template::uuid(&mut self.rng(purpose))
    }

    /// `containerd://` and 64 hexadecimal digits.
    pub fn container_id(&self, purpose: &[&str]) -> String {
        format!("containerd://{}", template::hex(64, &mut self.rng(purpose)))
    }

    /// The five characters after a generated name.
    pub fn suffix(&self, purpose: &[&str]) -> String {
        let mut rng = self.rng(purpose);
        (0..5)
            .filter_map(|_| rng.choice(SAFE).map(|byte| char::from(*byte)))
            .collect()
    }
}

/// The hash in the name of a ReplicaSet: FNV-32a in decimal, with its digits written in [`SAFE`] characters
/// (`ComputeHash` and `SafeEncodeString` of Kubernetes; the input differs, so the values do).
pub fn template_hash(template: &str) -> String {
    let decimal = fnv32(template.as_bytes()).to_string();
    decimal
        .bytes()
        .filter_map(|digit| SAFE.get(usize::from(digit) % SAFE.len()))
        .map(|byte| char::from(*byte))
        .collect()
}

/// `sha256:` and 64 hexadecimal digits that follow from the image and how it was built, the same in every cluster.
pub fn digest(image: &str, build: &str) -> String {
    let seed = mix(fnv64(image.as_bytes()) ^ mix(fnv64(build.as_bytes())));
    format!("sha256:{}", template::hex(64, &mut Rng::with_seed(seed)))
}

/// Bytes of an image, between 8 and 400 megabytes; they follow from its name.
pub fn image_size(image: &str) -> u64 {
    Rng::with_seed(mix(fnv64(image.as_bytes()))).u64(8_000_000..400_000_000)
}

fn fnv64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The finaliser of splitmix64: near inputs give far outputs.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_seed() {
        let one = Seed::new(1, "prod");
        assert_eq!(one.uid(&["pod", "a"]), Seed::new(1, "prod").uid(&["pod", "a"]));
        assert_ne!(one.uid(&["pod", "a"]), Seed::new(2, "prod").uid(&["pod", "a"]));
        assert_ne!(one.uid(&["pod", "a"]), Seed::new(1, "dev").uid(&["pod", "a"]));
        assert_ne!(one.uid(&["ab", "c"]), one.uid(&["a", "bc"]));
        let suffix = one.suffix(&["api", "0"]);
        assert!(
            suffix.len() == 5 && suffix.bytes().all(|byte| SAFE.contains(&byte)),
            "{suffix}"
        );
        assert_eq!(one.container_id(&["x"]).len(), "containerd://".len() + 64);
    }

    #[test]
    fn a_digest_tells_builds_apart() {
        let image = "registry.example/shop/api:1.8.3";
        assert_eq!(digest(image, "a"), digest(image, "a"));
        assert_ne!(digest(image, "a"), digest(image, "b"));
        assert_eq!(digest(image, "a").len(), "sha256:".len() + 64);
    }

    #[test]
    fn template_hashes_look_like_those_of_kubernetes() {
        let hash = template_hash("{}");
        assert!((8..=10).contains(&hash.len()), "{hash}");
        assert_ne!(hash, template_hash("{ }"));
    }
}
