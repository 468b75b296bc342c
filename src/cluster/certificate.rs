//! Until when a client certificate is good. Only as much of X.509 is read as it takes to get there (RFC 5280, 4.1); what
//! cannot be read has no end that is known, and the server will say what it thinks of it.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::model::Time;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the certificate that the user shows to the server. Reads its file, if it is in one.
pub(super) fn until(user: &AuthInfo) -> Option<Time> {
    let pem = match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) => STANDARD.decode(data).ok()?,
        (None, Some(file)) => fs::read(file).ok()?,
        (None, None) => return None,
    };
    // The first one is the user's, the others lead to the authority.
    not_after(CertificateDer::from_pem_slice(&pem).ok()?.as_ref())
}

fn not_after(certificate: &[u8]) -> Option<Time> {
    let (signed, _) = value(certificate, SEQUENCE)?;
    let (rest, _) = value(signed, SEQUENCE)?;
    let rest = value(rest, VERSION).map_or(rest, |(_, rest)| rest);
    let (_, rest) = value(rest, INTEGER)?;
    let (_algorithm, rest) = value(rest, SEQUENCE)?;
    let (_issuer, rest) = value(rest, SEQUENCE)?;
    let (validity, _) = value(rest, SEQUENCE)?;
    let (_, _not_before, rest) = first(validity)?;
    let (tag, not_after, _) = first(rest)?;
    time(tag, std::str::from_utf8(not_after).ok()?)
}

/// The content of the first value of `der`, which has to be a `tag`, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = first(der)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content and what follows, of the first value.
fn first(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDhhmmssZ`, in which years from 50 on are of the last century, or `YYYYMMDDhhmmssZ`.
fn time(tag: u8, text: &str) -> Option<Time> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = number(text, 2)?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => number(text, 4)?,
        _ => return None,
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    if rest != "Z" {
        return None;
    }
    let small = |n: i16| i8::try_from(n).ok();
    let date = jiff::civil::Date::new(year, small(month)?, small(day)?).ok()?;
    let clock = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let stamp = date
        .to_datetime(clock)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?
        .timestamp();
    Some(Time::from_secs(stamp.as_second()))
}

fn number(text: &str, digits: usize) -> Option<(i16, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate(year: i32) -> rcgen::Certificate {
        let mut params = CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(1999, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 11, 24);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        // `date -u -d 2026-11-24 +%s` and the like; from 2050 on the year has four digits.
        for (year, end) in [(2026, 1_795_478_400), (2049, 2_521_324_800), (2050, 2_552_860_800)] {
            let made = certificate(year);
            let user = AuthInfo {
                client_certificate_data: Some(STANDARD.encode(made.pem())),
                ..AuthInfo::default()
            };
            assert_eq!(until(&user), Some(Time::from_secs(end)), "{year}");
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("c.pem");
            fs::write(&file, made.pem()).unwrap();
            let user = AuthInfo {
                client_certificate: Some(file.to_str().unwrap().to_owned()),
                ..AuthInfo::default()
            };
            assert_eq!(until(&user), Some(Time::from_secs(end)), "{year}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        assert_eq!(until(&AuthInfo::default()), None);
        for data in ["", "%%%", "aGVsbG8="] {
            let user = AuthInfo {
                client_certificate_data: Some(data.to_owned()),
                ..AuthInfo::default()
            };
            assert_eq!(until(&user), None, "{data}");
        }
        for (tag, text) in [
            (UTC_TIME, "261301000000Z"),
            (UTC_TIME, "2611240000Z"),
            (UTC_TIME, "+61124000000Z"),
            (UTC_TIME, "261124000000+0100"),
            (GENERALIZED_TIME, "261124000000Z"),
            (0x0c, "261124000000Z"),
        ] {
            assert_eq!(time(tag, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_survived(at in 0_usize..400, byte in any::<u8>(), end in 0_usize..400) {
            let mut der = certificate(2026).der().to_vec();
            let at = at % der.len();
            der[at] = byte;
            der.truncate(end);
            // Years have four digits at most, whatever the bytes say.
            prop_assert!(not_after(&der).is_none_or(|time| time < Time::from_secs(253_402_300_800)));
        }
    }
}
