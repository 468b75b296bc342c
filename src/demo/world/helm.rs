//! The Secret in which Helm keeps a release: JSON, compressed, base64, and base64 again as all Secrets are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::demo::clock::{SECOND, rfc3339, rfc3339_nano};
use crate::demo::scenario::shape::{Helm, Workload};

/// Bytes in one stored block of a deflate stream, at most.
const BLOCK: usize = 0xffff;

/// When a release was made, in Unix nanoseconds.
pub struct Deployed {
    pub first: i64,
    pub last: i64,
}

/// `sh.helm.release.v1.NAME.vREVISION`.
pub fn release_secret(workload: &Workload, helm: &Helm, manifest: &Value, deployed: &Deployed, uid: &str) -> Value {
    let release = json!({
        "name": helm.release,
        "namespace": workload.namespace,
        "version": workload.revision,
        "info": {
            "first_deployed": rfc3339_nano(deployed.first),
            "last_deployed": rfc3339_nano(deployed.last),
            "deleted": "",
            "description": if workload.revision == 1 { "Install complete" } else { "Upgrade complete" },
            "status": "deployed",
        },
        "chart": {
            "metadata": {
                "apiVersion": "v2",
                "name": helm.chart,
                "version": helm.version,
                "appVersion": helm.app_version,
                "type": "application",
            },
            "lock": null,
            "templates": [],
            "values": json!(helm.defaults),
            "schema": null,
            "files": [],
        },
        "config": json!(helm.values),
        "manifest": format!("---\n# Source: {}/templates/{}.yaml\n{manifest:#}\n", helm.chart, workload.name),
    });
    let packed = STANDARD.encode(gzip(release.to_string().as_bytes()));
    json!({
        "metadata": {
            "name": format!("sh.helm.release.v1.{}.v{}", helm.release, workload.revision),
            "namespace": workload.namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(deployed.last),
            "labels": {
                "modifiedAt": deployed.last.div_euclid(SECOND).to_string(),
                "name": helm.release,
                "owner": "helm",
                "status": "deployed",
                "version": workload.revision.to_string(),
            },
        },
        "data": {"release": STANDARD.encode(packed)},
        "type": "helm.sh/release.v1",
    })
}

/// A gzip file (RFC 1952) whose deflate blocks are stored, not squeezed: a release is small.
fn gzip(content: &[u8]) -> Vec<u8> {
    // Magic, deflate, no flags, no time, no hints, unknown system.
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = content.chunks(BLOCK).peekable();
    if content.is_empty() {
        file.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend(crc32(content).to_le_bytes());
    // The length modulo 2^32, by the format.
    #[expect(clippy::cast_possible_truncation, reason = "the format wants the low 32 bits")]
    file.extend((content.len() as u32).to_le_bytes());
    file
}

/// The CRC of RFC 1952, section 8.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_gzip() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn long_content_is_several_blocks() {
        let content = vec![7; BLOCK + 2];
        let file = gzip(&content);
        assert_eq!(file.len(), 10 + 5 + BLOCK + 5 + 2 + 8);
        assert_eq!(file[10..15], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(file[15 + BLOCK..][..5], [1, 2, 0, 0xfd, 0xff]);
        assert_eq!(gzip(b"").len(), 10 + 5 + 8);
    }
}
