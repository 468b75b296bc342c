//! Request bodies in protobuf, which kubectl sends for the kinds that it knows: read into the JSON they stand for.
//!
//! Only the kinds that clients write here are known. Answers are JSON, which every client takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What such a body starts with.
const MAGIC: &[u8] = b"k8s\0";

/// How a field is written, and what of it is kept.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// Base64 in JSON.
    Bytes,
    Integer,
    Flag,
    Message(&'static [Field]),
    /// A repeated text.
    Texts,
    /// A map of texts.
    TextMap,
    /// A map of bytes.
    BytesMap,
}

/// The number of a field on the wire, its name in JSON, its shape.
struct Field(u64, &'static str, Shape);

const OBJECT_META: &[Field] = &[
    Field(1, "name", Shape::Text),
    Field(2, "generateName", Shape::Text),
    Field(3, "namespace", Shape::Text),
    Field(5, "uid", Shape::Text),
    Field(6, "resourceVersion", Shape::Text),
    Field(11, "labels", Shape::TextMap),
    Field(12, "annotations", Shape::TextMap),
    Field(14, "finalizers", Shape::Texts),
];
const METADATA: Field = Field(1, "metadata", Shape::Message(OBJECT_META));

const RESOURCE_ATTRIBUTES: &[Field] = &[
    Field(1, "namespace", Shape::Text),
    Field(2, "verb", Shape::Text),
    Field(3, "group", Shape::Text),
    Field(4, "version", Shape::Text),
    Field(5, "resource", Shape::Text),
    Field(6, "subresource", Shape::Text),
    Field(7, "name", Shape::Text),
];
const PATH_ATTRIBUTES: &[Field] = &[Field(1, "path", Shape::Text), Field(2, "verb", Shape::Text)];
const ACCESS_SPEC: &[Field] = &[
    Field(1, "resourceAttributes", Shape::Message(RESOURCE_ATTRIBUTES)),
    Field(2, "nonResourceAttributes", Shape::Message(PATH_ATTRIBUTES)),
];
const ACCESS_REVIEW: &[Field] = &[METADATA, Field(2, "spec", Shape::Message(ACCESS_SPEC))];
const RULES_SPEC: &[Field] = &[Field(1, "namespace", Shape::Text)];
const RULES_REVIEW: &[Field] = &[METADATA, Field(2, "spec", Shape::Message(RULES_SPEC))];
const ONLY_METADATA: &[Field] = &[METADATA];
const CONFIG_MAP: &[Field] = &[
    METADATA,
    Field(2, "data", Shape::TextMap),
    Field(3, "binaryData", Shape::BytesMap),
    Field(4, "immutable", Shape::Flag),
];
const SECRET: &[Field] = &[
    METADATA,
    Field(2, "data", Shape::BytesMap),
    Field(3, "type", Shape::Text),
    Field(4, "stringData", Shape::TextMap),
    Field(5, "immutable", Shape::Flag),
];
const PRECONDITIONS: &[Field] = &[Field(1, "uid", Shape::Text), Field(2, "resourceVersion", Shape::Text)];
const DELETE_OPTIONS: &[Field] = &[
    Field(1, "gracePeriodSeconds", Shape::Integer),
    Field(2, "preconditions", Shape::Message(PRECONDITIONS)),
    Field(4, "propagationPolicy", Shape::Text),
    Field(5, "dryRun", Shape::Texts),
];

fn fields_of(kind: &str) -> Option<&'static [Field]> {
    match kind {
        "SelfSubjectAccessReview" => Some(ACCESS_REVIEW),
        "SelfSubjectRulesReview" => Some(RULES_REVIEW),
        "SelfSubjectReview" | "Namespace" | "ServiceAccount" => Some(ONLY_METADATA),
        "ConfigMap" => Some(CONFIG_MAP),
        "Secret" => Some(SECRET),
        "DeleteOptions" => Some(DELETE_OPTIONS),
        _ => None,
    }
}

const TYPE_META: &[Field] = &[Field(1, "apiVersion", Shape::Text), Field(2, "kind", Shape::Text)];

/// The object in a body; `None` if it is of an unknown kind or no such body.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let mut envelope = Wire(body.strip_prefix(MAGIC)?);
    let (mut kind, mut raw) = (Value::Null, &[][..]);
    while let Some((number, piece)) = envelope.next()? {
        match (number, piece) {
            (1, Piece::Bytes(bytes)) => kind = message(bytes, TYPE_META)?,
            (2, Piece::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message(raw, fields_of(kind["kind"].as_str()?)?)?;
    object["kind"] = kind["kind"].clone();
    object["apiVersion"] = kind["apiVersion"].clone();
    Some(object)
}

fn message(bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    let mut wire = Wire(bytes);
    while let Some((number, piece)) = wire.next()? {
        let Some(Field(_, name, shape)) = fields.iter().find(|field| field.0 == number) else {
            continue;
        };
        add(&mut object, name, (*shape, piece))?;
    }
    Some(Value::Object(object))
}

fn add(object: &mut Map<String, Value>, name: &str, (shape, piece): (Shape, Piece<'_>)) -> Option<()> {
    let value = match (shape, piece) {
        // Go writes every text, also an empty one.
        (Shape::Text, Piece::Bytes([])) => return Some(()),
        (Shape::Text, Piece::Bytes(bytes)) => text(bytes)?,
        (Shape::Bytes, Piece::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
        (Shape::Integer, Piece::Number(number)) => json!(number.cast_signed()),
        (Shape::Flag, Piece::Number(number)) => json!(number != 0),
        (Shape::Message(fields), Piece::Bytes(bytes)) => message(bytes, fields)?,
        (Shape::Texts, Piece::Bytes(bytes)) => {
            let texts = object.entry(name.to_owned()).or_insert_with(|| json!([]));
            texts.as_array_mut()?.push(text(bytes)?);
            return Some(());
        }
        (Shape::TextMap, Piece::Bytes(bytes)) => return add_pair(object, name, (bytes, Shape::Text)),
        (Shape::BytesMap, Piece::Bytes(bytes)) => return add_pair(object, name, (bytes, Shape::Bytes)),
        _ => return None,
    };
    object.insert(name.to_owned(), value);
    Some(())
}

fn add_pair(object: &mut Map<String, Value>, name: &str, (bytes, shape): (&[u8], Shape)) -> Option<()> {
    let pair = message(bytes, &[Field(1, "key", Shape::Text), Field(2, "value", shape)])?;
    let map = object.entry(name.to_owned()).or_insert_with(|| json!({}));
    let key = pair["key"].as_str().unwrap_or_default().to_owned();
    let value = pair["value"].as_str().unwrap_or_default();
    map.as_object_mut()?.insert(key, json!(value));
    Some(())
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

/// The value of a field on the wire.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// The next field; the outer `None` is a broken message, the inner one its end.
    #[expect(clippy::option_option, reason = "an end and a fault are two things")]
    fn next(&mut self) -> Option<Option<(u64, Piece<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.number()?;
        let piece = match tag & 7 {
            0 => Piece::Number(self.number()?),
            1 => Piece::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Piece::Bytes(self.take(length)?)
            }
            5 => Piece::Bytes(self.take(4)?),
            _ => return None,
        };
        Some(Some((tag >> 3, piece)))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length][..], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [
            MAGIC.to_vec(),
            field(1, &type_meta),
            field(2, raw),
            field(3, b""),
            field(4, b""),
        ]
        .concat()
    }

    #[test]
    fn a_review_is_read() {
        let attributes = [
            field(1, b"shop"),
            field(2, b"get"),
            field(3, b""),
            field(5, b"pods"),
            field(6, b"log"),
        ]
        .concat();
        let raw = [field(1, b""), field(2, &field(1, &attributes))].concat();
        let expected = json!({"namespace": "shop", "verb": "get", "resource": "pods", "subresource": "log"});
        let read = read(&body("SelfSubjectAccessReview", &raw)).unwrap();
        assert_eq!(read["spec"], json!({"resourceAttributes": expected}));
        assert_eq!(read["kind"], "SelfSubjectAccessReview");
    }

    #[test]
    fn maps_numbers_and_lists_are_read() {
        let pair = |value: &[u8]| [field(1, b"k"), field(2, value)].concat();
        let map = [
            field(1, &field(1, b"c")),
            field(2, &pair(b"v")),
            field(3, &pair(&[0, 255])),
        ]
        .concat();
        let read_map = read(&body("ConfigMap", &map)).unwrap();
        assert_eq!(read_map["data"], json!({"k": "v"}));
        assert_eq!(read_map["binaryData"], json!({"k": "AP8="}));
        let options = [&[8, 30][..], &field(5, b"All")].concat();
        let read_options = read(&body("DeleteOptions", &options)).unwrap();
        assert_eq!(
            (&read_options["gracePeriodSeconds"], &read_options["dryRun"]),
            (&json!(30), &json!(["All"]))
        );
    }

    #[test]
    fn unknown_kinds_and_other_bodies_are_none() {
        assert_eq!(read(&body("Pod", b"")), None);
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(b"k8s\0\x0a\xff"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(read(&[MAGIC, &bytes].concat()));
            drop(read(&body("ConfigMap", &bytes)));
        }
    }
}
