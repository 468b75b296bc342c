//! The query of a URL, decoded: names and values in their order.

/// Pairs of a query string. A name may occur several times (`command=sh&command=-c`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(name), decode_form(value))
        });
        Self(pairs.collect())
    }

    /// The first value of that name, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(named, _)| named == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(named, _)| named == name)
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(named, _)| named == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// As the API reads a boolean: named and neither `false` nor `0`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.0
            .iter()
            .find(|(named, _)| named == name)
            .is_some_and(|(_, value)| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
    }
}

fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// Percent-decoding; bytes that are no UTF-8 become replacement characters.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded_and_kept_in_order() {
        let query = Query::parse("command=sh&command=-c&command=echo%20a%3B+b&watch=1&follow=false&empty=&bare");
        assert_eq!(query.all("command"), ["sh", "-c", "echo a; b"]);
        assert!(query.is_set("watch") && query.is_set("bare"));
        assert!(!query.is_set("follow") && !query.is_set("missing"));
        assert_eq!(query.get("empty"), None);
        assert!(query.has("empty"));
        assert_eq!(decode("%zz%4"), "%zz%4");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".*") {
            drop(Query::parse(&text));
            drop(decode(&text));
        }
    }
}
