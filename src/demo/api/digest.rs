//! SHA-256 in hex: entity tags of discovery and the name of a client certificate.

use std::fmt::Write as _;

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

/// 64 lower-case hex digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    // The crypto provider is here for TLS anyway; its suites name their hash.
    let Some(suite) = TLS13_AES_128_GCM_SHA256.tls13() else {
        return String::new();
    };
    let mut hex = String::with_capacity(64);
    for byte in suite.common.hash_provider.hash(bytes).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A UUID (version 4 by its form) that follows from a text.
pub(super) fn uuid(seed: &str) -> String {
    let hex = sha256(seed.as_bytes());
    let mut digits = hex.chars();
    let mut take = |n: usize| digits.by_ref().take(n).collect::<String>();
    format!("{}-{}-4{}-8{}-{}", take(8), take(4), take(3), take(3), take(12))
}

/// Five characters of the alphabet that generated names use, which spells no words.
pub(super) fn suffix(seed: &str) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = sha256(seed.as_bytes());
    let letters = digest.bytes().zip(digest.bytes().skip(32)).take(5);
    letters
        .map(|(a, b)| usize::from(a) * 7 + usize::from(b))
        .filter_map(|number| ALPHABET.get(number % ALPHABET.len()))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_their_seed() {
        assert_eq!(uuid("a"), uuid("a"));
        assert_ne!(uuid("a"), uuid("b"));
        assert_eq!(uuid("a").len(), 36);
        assert_eq!(suffix("a").len(), 5);
        assert_ne!(suffix("a"), suffix("b"));
    }

    #[test]
    fn the_digest_of_nothing() {
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
