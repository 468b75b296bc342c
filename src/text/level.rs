//! Words and numbers that mean a severity.

use super::class::Class;
use crate::model::Level;

const LONGEST: usize = 13;

/// The level that a word of any case means by itself. A level `none` is not a word.
pub(super) fn word(word: &[u8]) -> Option<Level> {
    let first = word.first()?;
    if !matches!(word.len(), 3..=LONGEST) || !FIRST.has(*first) {
        return None;
    }
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..word.len())?;
    for (to, from) in lower.iter_mut().zip(word) {
        // Lower case: only letters become letters so.
        *to = from | 0x20;
    }
    match lower.len() {
        3 => of_three(lower),
        4 => of_four(lower),
        5 => of_five(lower),
        _ => longer(lower),
    }
}

/// Whether a level word begins with this letter.
#[inline]
pub(super) fn may_begin(letter: u8) -> bool {
    FIRST.has(letter)
}

/// What the words below begin with.
static FIRST: Class = Class::of(b"acdefinpstvwACDEFINPSTVW");

fn of_three(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"trc" | b"vrb" => Level::Trace,
        b"dbg" => Level::Debug,
        b"inf" => Level::Info,
        b"wrn" => Level::Warn,
        b"err" => Level::Error,
        b"ftl" => Level::Fatal,
        _ => return None,
    })
}

fn of_four(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"info" | b"noti" | b"note" => Level::Info,
        b"warn" => Level::Warn,
        b"erro" | b"eror" | b"fail" => Level::Error,
        b"trce" | b"trac" => Level::Trace,
        b"dbug" | b"debu" | b"debg" | b"verb" | b"fine" => Level::Debug,
        b"fata" | b"crit" | b"pani" => Level::Fatal,
        _ => return None,
    })
}

fn of_five(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"trace" | b"finer" => Level::Trace,
        b"debug" => Level::Debug,
        b"error" => Level::Error,
        b"fatal" | b"alert" | b"emerg" | b"panic" => Level::Fatal,
        _ => return None,
    })
}

fn longer(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"finest" => Level::Trace,
        b"verbose" | b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" => Level::Debug,
        b"information" | b"informational" | b"notice" | b"success" => Level::Info,
        b"warning" => Level::Warn,
        b"failure" | b"severe" => Level::Error,
        b"critical" | b"emergency" | b"dpanic" => Level::Fatal,
        _ => return None,
    })
}

/// The level that a shouted word of another language means, as servers and Java write it after the locale: German,
/// French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese.
pub(super) fn foreign_word(word: &[u8]) -> Option<Level> {
    let text = std::str::from_utf8(word).ok()?;
    let level = match text {
        "FEHLER" | "ERREUR" | "ERRORE" | "ERRO" | "SCHWERWIEGEND" | "GRAVE" | "ОШИБКА" | "错误" | "エラー" => {
            Level::Error
        }
        "WARNUNG"
        | "AVERTISSEMENT"
        | "ATTENTION"
        | "ADVERTENCIA"
        | "AVISO"
        | "AVVERTENZA"
        | "ATTENZIONE"
        | "ПРЕДУПРЕЖДЕНИЕ"
        | "警告" => Level::Warn,
        "INFORMATIONEN" | "HINWEIS" | "INFOS" | "INFORMACIÓN" | "INFORMAZIONI" | "NOTA" | "ЗАМЕЧАНИЕ" | "信息"
        | "情報" => Level::Info,
        "FATALE" | "FATAL" | "PANIK" | "PANICO" | "ПАНИКА" | "ВАЖНО" | "致命错误" => Level::Fatal,
        _ => return None,
    };
    Some(level)
}

/// The one letter that klog, Ruby and others write.
pub(super) const fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'V' => Level::Trace,
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' | b'C' => Level::Fatal,
        _ => return None,
    })
}

/// Syslog severity 0 (emergency) to 7 (debug), RFC 5424 table 2.
pub(super) const fn syslog(severity: u32) -> Level {
    match severity {
        0..=2 => Level::Fatal,
        3 => Level::Error,
        4 => Level::Warn,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    }
}

/// A number in a `level` field: syslog's below 10 (as GELF has it), 10 to 60 by tens (bunyan, pino, Python), 100 to 600
/// by hundreds (Monolog, Google Cloud).
pub(super) const fn number(number: u32) -> Level {
    match number {
        0..=7 => syslog(number),
        8..=14 => Level::Trace,
        15..=24 | 100..=199 => Level::Debug,
        25..=34 | 200..=299 => Level::Info,
        35..=44 | 300..=399 => Level::Warn,
        45..=54 | 400..=499 => Level::Error,
        55..=64 | 500..=800 => Level::Fatal,
        _ => Level::None,
    }
}

/// An answered request is an error when the server failed; what the client did wrong is its own affair.
pub(super) const fn status(status: u16) -> Level {
    match status {
        500..=599 => Level::Error,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_case_and_length() {
        assert_eq!(word(b"WARNING"), Some(Level::Warn));
        assert_eq!(word(b"Crit"), Some(Level::Fatal));
        assert_eq!(word(b"informational"), Some(Level::Info));
        assert_eq!(word(b"errors"), None);
        assert_eq!(word(b""), None);
        assert_eq!(word(b"a word that is longer"), None);
    }

    #[test]
    fn numbers_of_every_school() {
        assert_eq!(number(3), Level::Error);
        assert_eq!(number(30), Level::Info);
        assert_eq!(number(50), Level::Error);
        assert_eq!(number(250), Level::Info);
        assert_eq!(number(400), Level::Error);
        assert_eq!(number(9_999), Level::None);
    }
}
