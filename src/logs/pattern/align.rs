//! A record laid beside its pattern: what stands in place of each variable.

use std::sync::Arc;

use bytes::Bytes;

use super::leaf::{VARIABLE, hash, hash_of_break};
use super::parts::texts;
use super::scan::{Item, scan};
use crate::text::header::Header;

/// Bytes of one value that are kept.
const LONGEST_VALUE: usize = 120;

/// The constants and variables of a pattern, in their order. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(Arc<[u64]>);

/// One part of a record.
struct Part {
    hash: u64,
    /// The text that it is of, and its bytes there.
    text: usize,
    start: usize,
    end: usize,
}

impl Shape {
    pub(super) fn new(hashes: impl Iterator<Item = u64>) -> Self {
        Self(hashes.collect())
    }

    /// Bytes that it costs.
    pub(super) fn cost(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// How many variables it has.
    pub fn variables(&self) -> usize {
        self.0.iter().filter(|hash| **hash == VARIABLE).count()
    }

    /// What stands in place of each variable of a record: as it is written, but cut if it is long. Nothing if the
    /// record does not have this shape.
    pub fn values(&self, header: &Header, lines: &[Bytes]) -> Option<Vec<String>> {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let mut parts = Vec::new();
        let mut items: Vec<Item> = Vec::new();
        texts(header, lines, |text, role| {
            scan(text, &mut items);
            parts.push(Part {
                hash: hash_of_break(role),
                text: kept.len(),
                start: 0,
                end: 0,
            });
            parts.extend(items.iter().map(|item| Part {
                hash: hash(item, text),
                text: kept.len(),
                start: item.start,
                end: item.end,
            }));
            kept.push(text.to_vec());
        });
        let runs = self.runs(&parts)?;
        let value = |(from, to): (usize, usize)| {
            let run = parts.get(from..to).unwrap_or_default();
            let Some(first) = run.first() else { return String::new() };
            let end = run
                .iter()
                .take_while(|part| part.text == first.text)
                .last()
                .map_or(first.end, |part| part.end);
            let bytes = kept.get(first.text).and_then(|text| text.get(first.start..end));
            cut(&String::from_utf8_lossy(bytes.unwrap_or_default()))
        };
        Some(runs.into_iter().map(value).collect())
    }

    /// The parts that each variable stands for: as few as possible, as when names of files are matched with `*`.
    fn runs(&self, parts: &[Part]) -> Option<Vec<(usize, usize)>> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let (mut cell, mut at) = (0, 0);
        // Where to go on with a longer run if it does not fit: behind the last variable.
        let mut behind = None;
        loop {
            match (self.0.get(cell), parts.get(at)) {
                (None, None) => return Some(runs),
                (Some(&VARIABLE), _) => {
                    runs.push((at, at));
                    cell += 1;
                    behind = Some(cell);
                }
                (Some(hash), Some(part)) if is_same(*hash, part.hash) => {
                    cell += 1;
                    at += 1;
                }
                _ => {
                    cell = behind?;
                    let (_, end) = runs.last_mut()?;
                    *end += 1;
                    at = *end;
                    if at > parts.len() {
                        return None;
                    }
                }
            }
        }
    }
}

/// Texts begin alike whether they lead or not.
const fn is_same(cell: u64, part: u64) -> bool {
    cell == part || (super::leaf::is_break(cell) && super::leaf::is_break(part))
}

fn cut(value: &str) -> String {
    value
        .get(..value.floor_char_boundary(LONGEST_VALUE))
        .unwrap_or(value)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::header;
    use crate::text::header::Format;

    fn lines(text: &str) -> Vec<Bytes> {
        text.split('\n')
            .map(|line| Bytes::copy_from_slice(line.as_bytes()))
            .collect()
    }

    /// The shape of `pattern`, in which words in capitals are variables.
    fn check(pattern: &str, record: &str, expected: Option<&[&str]>) {
        let mut items = Vec::new();
        scan(pattern.as_bytes(), &mut items);
        let of = |item: &Item| {
            let bytes = item.bytes(pattern.as_bytes());
            if bytes.iter().all(u8::is_ascii_uppercase) {
                VARIABLE
            } else {
                hash(item, pattern.as_bytes())
            }
        };
        let shape = Shape::new(
            [hash_of_break(super::super::parts::Role::Message)]
                .into_iter()
                .chain(items.iter().map(of)),
        );
        let lines = lines(record);
        let header = header::parse(&lines[0], Format::None);
        let values = shape.values(&header, &lines);
        assert_eq!(
            values.as_deref(),
            expected
                .map(|values| values.iter().map(ToString::to_string).collect::<Vec<_>>())
                .as_deref(),
            "{record}"
        );
    }

    #[test]
    fn a_variable_takes_what_stands_up_to_the_next_constant() {
        check(
            "put A into B",
            "put 3 apples into the red box",
            Some(&["3 apples", "the red box"]),
        );
        check("put A into B", "INFO put x into into y", Some(&["x", "into y"]));
        check("put A into B", "put into", Some(&["", ""]));
        check("put A into B", "take x into y", None);
        check("A done", "10.0.0.1:80 is done", Some(&["10.0.0.1:80 is"]));
        check("A done", "all done now", None);
    }
}
