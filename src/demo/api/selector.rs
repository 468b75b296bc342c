//! Label and field selectors: their grammar, the messages for wrong ones, and whether an object matches.

use serde_json::Value;

use super::resource::Resource;
use super::status::Status;

/// Which objects a list or watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// `None` is every namespace.
    pub(super) namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
}

impl Selection {
    pub(super) fn parse(
        resource: &Resource,
        namespace: Option<&str>,
        (labels, fields): (Option<&str>, Option<&str>),
    ) -> Result<Self, Status> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: parse_labels(labels.unwrap_or_default()).map_err(Status::bad_request)?,
            fields: parse_fields(resource, fields.unwrap_or_default()).map_err(Status::bad_request)?,
        })
    }

    /// Whether anything but the namespace restricts the selection.
    pub(super) fn is_selective(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.namespace
            .as_deref()
            .is_none_or(|namespace| metadata["namespace"] == namespace)
            && self
                .labels
                .iter()
                .all(|requirement| requirement.is_met(&metadata["labels"]))
            && self.fields.iter().all(|term| term.is_met(object))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Requirement {
    fn is_met(&self, labels: &Value) -> bool {
        let value = labels.get(&self.key).and_then(Value::as_str);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|unwanted| unwanted != value)),
            Operator::Above(bound) => number().is_some_and(|number| number > *bound),
            Operator::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Splits as the API's lexer does: words, and the signs `( ) , ! = == != < >`.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let mut token = String::from(first);
        match first {
            ' ' | '\t' | '\r' | '\n' => continue,
            '(' | ')' | ',' | '<' | '>' => {}
            '=' | '!' => {
                if let Some(equals) = chars.next_if_eq(&'=') {
                    token.push(equals);
                }
            }
            _ => {
                while let Some(next) = chars.next_if(|c| !c.is_whitespace() && !"(),!=<>".contains(*c)) {
                    token.push(next);
                }
            }
        }
        tokens.push(token);
    }
    tokens
}

struct LabelParser {
    tokens: Vec<String>,
    at: usize,
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = LabelParser {
        tokens: tokens(text),
        at: 0,
    };
    parser
        .requirements()
        .map_err(|why| format!("unable to parse requirement: {why}"))
}

fn is_sign(token: &str) -> bool {
    matches!(token, "" | "(" | ")" | "," | "!" | "=" | "==" | "!=" | "<" | ">")
}

impl LabelParser {
    /// The next token; the empty text is the end.
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        while !self.peek().is_empty() {
            requirements.push(self.requirement()?);
            match self.next().as_str() {
                "" => break,
                "," => match self.peek() {
                    next if next == "!" || !is_sign(next) => {}
                    next => return Err(format!("found '{next}', expected: identifier after ','")),
                },
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
        Ok(requirements)
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_negated = self.peek() == "!";
        if is_negated {
            self.next();
        }
        let key = self.next();
        if is_sign(&key) {
            return Err(format!("found '{key}', expected: identifier"));
        }
        check_key(&key)?;
        if is_negated {
            let operator = Operator::Missing;
            return Ok(Requirement { key, operator });
        }
        let operator = match self.peek() {
            "" | "," => Operator::Exists,
            _ => self.operation(&key)?,
        };
        Ok(Requirement { key, operator })
    }

    fn operation(&mut self, key: &str) -> Result<Operator, String> {
        match self.next().as_str() {
            "in" => Ok(Operator::In(self.values(key)?)),
            "notin" => Ok(Operator::NotIn(self.values(key)?)),
            "=" | "==" => Ok(Operator::In(vec![self.value(key)?])),
            "!=" => Ok(Operator::NotIn(vec![self.value(key)?])),
            ">" => Ok(Operator::Above(self.number()?)),
            "<" => Ok(Operator::Below(self.number()?)),
            other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn value(&mut self, key: &str) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok(String::new());
        }
        let value = self.next();
        if is_sign(&value) {
            return Err(format!("found '{value}', expected: identifier"));
        }
        check_value(key, &value)?;
        Ok(value)
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.next();
        value.parse().map_err(|_| {
            format!(
                "values[0][{value}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    fn values(&mut self, key: &str) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != "(" {
            return Err(format!("found '{open}', expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            match self.next().as_str() {
                "," if matches!(self.peek(), "," | ")") => values.push(String::new()),
                "," => {}
                ")" => return Ok(values),
                word if is_sign(word) => return Err(format!("found '{word}', expected: ',', ')' or identifier")),
                word => {
                    check_value(key, word)?;
                    values.push(word.to_owned());
                }
            }
        }
    }
}

fn is_label_text(text: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && is_edge(text.chars().next())
        && is_edge(text.chars().next_back())
        && text.len() <= 63
}

fn check_key(key: &str) -> Result<(), String> {
    let name = key.split_once('/').map_or(key, |(_, name)| name);
    if is_label_text(name) {
        return Ok(());
    }
    Err(format!(
        "key: Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
         with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    ))
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    if is_label_text(value) {
        return Ok(());
    }
    Err(format!(
        "values[0][{key}]: Invalid value: \"{value}\": a valid label must be an empty string or consist of alphanumeric characters, \
         '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
         used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    ))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldTerm {
    /// Dotted, as in the stored object.
    path: String,
    value: String,
    is_equal: bool,
}

impl FieldTerm {
    fn is_met(&self, object: &Value) -> bool {
        (field(object, &self.path) == self.value) == self.is_equal
    }
}

/// A field as selectors compare it: as text, empty when it is absent.
fn field(object: &Value, path: &str) -> String {
    let path = match path {
        // The selector names what the reporter is called, wherever the event keeps it.
        "source" => "source.component",
        "status.successful" => "status.succeeded",
        other => other,
    };
    let found = path.split('.').fold(object, |value, name| &value[name]);
    match found {
        Value::String(text) => text.clone(),
        Value::Null if matches!(path, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        Value::Null if path.starts_with("status.") && matches!(path, "status.succeeded" | "status.replicas") => {
            "0".to_owned()
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

const POD_FIELDS: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];
const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

fn fields_of(resource: &Resource) -> &'static [&'static str] {
    match resource.plural {
        "pods" => POD_FIELDS,
        "events" => EVENT_FIELDS,
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "jobs" => &["status.successful"],
        "replicasets" | "replicationcontrollers" => &["status.replicas"],
        _ => &[],
    }
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<FieldTerm>, String> {
    split_unescaped(text, ',')
        .iter()
        .filter(|term| !term.is_empty())
        .map(|term| field_term(resource, text, term))
        .collect()
}

fn field_term(resource: &Resource, whole: &str, term: &str) -> Result<FieldTerm, String> {
    let (path, value, is_equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==") {
        (path, value, true)
    } else if let Some((path, value)) = term.split_once('=') {
        (path, value, true)
    } else {
        return Err(format!("invalid selector: '{whole}'; can't understand '{term}'"));
    };
    let path = match path.split_once('.') {
        Some(("regarding", rest)) if resource.group == "events.k8s.io" => format!("involvedObject.{rest}"),
        _ => path.to_owned(),
    };
    let known = fields_of(resource);
    if path != "metadata.name" && path != "metadata.namespace" && !known.contains(&path.as_str()) {
        return Err(match known {
            [] => format!("\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
            _ => format!("field label not supported: {path}"),
        });
    }
    Ok(FieldTerm {
        path,
        value: unescape(value),
        is_equal,
    })
}

fn split_unescaped(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for c in text.chars() {
        if c == separator && !is_escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        plain.push(escaped.unwrap_or(c));
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::resource;
    use super::*;

    fn named(plural: &str) -> Resource {
        resource::all()
            .into_iter()
            .find(|resource| resource.plural == plural)
            .unwrap()
    }

    fn labels_match(selector: &str) -> bool {
        let selection = Selection::parse(&named("pods"), None, (Some(selector), None)).unwrap();
        selection.matches(&json!({"metadata": {"labels": {"app": "api", "tier": "web", "n": "5"}}}))
    }

    #[test]
    fn labels_are_compared_by_equality_and_by_sets() {
        for selector in [
            "app=api",
            "app==api,tier=web",
            "app!=db",
            "app in (db, api)",
            "tier notin (db)",
            "app",
            "!x",
            "x!=1",
            "x notin (a,b)",
            "n>4",
            "n<6",
            " app = api ",
            "",
        ] {
            assert!(labels_match(selector), "{selector}");
        }
        for selector in [
            "app=db",
            "app!=api",
            "app in (db)",
            "app notin (api)",
            "x",
            "!app",
            "n>5",
            "x in (a)",
            "app=",
        ] {
            assert!(!labels_match(selector), "{selector}");
        }
    }

    #[test]
    fn wrong_label_selectors_are_explained() {
        fn check(selector: &str, expected: &str) {
            let error = parse_labels(selector).unwrap_err();
            assert_eq!(error, format!("unable to parse requirement: {expected}"), "{selector}");
        }
        check("app in b", "found 'b', expected: '('");
        check("app foo", "found 'foo', expected: in, notin, =, ==, !=, gt, lt");
        check("app=api,", "found '', expected: identifier after ','");
        check("=api", "found '=', expected: identifier");
        check("app in (a", "found '', expected: ',', ')' or identifier");
        assert!(parse_labels("a b c").unwrap_err().contains("found 'b'"));
        assert!(
            parse_labels("app=-x-")
                .unwrap_err()
                .contains("a valid label must be an empty string")
        );
    }

    #[test]
    fn fields_are_compared_as_text() {
        let pod = json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
        for (selector, expected) in [
            ("metadata.name=a", true),
            ("metadata.name!=a", false),
            ("spec.nodeName=n1,status.phase!=Pending", true),
            ("status.phase==Running", true),
            ("spec.hostNetwork=false", true),
        ] {
            let selection = Selection::parse(&named("pods"), Some("shop"), (None, Some(selector))).unwrap();
            assert_eq!(selection.matches(&pod), expected, "{selector}");
        }
        let elsewhere = Selection::parse(&named("pods"), Some("other"), (None, None)).unwrap();
        assert!(!elsewhere.matches(&pod));
    }

    #[test]
    fn wrong_field_selectors_are_explained() {
        let error = |plural: &str, text: &str| parse_fields(&named(plural), text).unwrap_err();
        assert_eq!(error("pods", "spec.foo=1"), "field label not supported: spec.foo");
        assert_eq!(
            error("pods", "what"),
            "invalid selector: 'what'; can't understand 'what'"
        );
        assert_eq!(
            error("configmaps", "data.x=1"),
            "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
    }

    #[test]
    fn escapes_keep_commas() {
        let terms = parse_fields(&named("events"), r"reason=a\,b,type=Normal").unwrap();
        assert_eq!((terms.len(), terms[0].value.as_str()), (2, "a,b"));
    }

    proptest! {
        #[test]
        fn any_selector_is_read_or_refused(text in ".{0,40}") {
            drop(parse_labels(&text));
            drop(parse_fields(&named("pods"), &text));
        }
    }
}
