//! `Status`, the body of every refusal and of some successes, worded as a kube-apiserver 1.36 words it.

use http::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::resource::Resource;

/// Why a request is refused, or what a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: StatusCode,
    pub(super) reason: Option<&'static str>,
    pub(super) message: String,
    pub(super) details: Option<Box<Details>>,
    /// A fresh continue token, where the old one has expired.
    pub(super) continue_token: Option<String>,
    /// Refusals of the authorizer carry `X-Content-Type-Options: nosniff`; refusals of a handler do not.
    pub(super) nosniff: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) uid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_seconds: Option<u32>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) field: String,
}

impl Cause {
    fn new(reason: &'static str, field: &str, message: String) -> Self {
        Self {
            reason,
            message,
            field: field.to_owned(),
        }
    }

    pub(super) fn forbidden(field: &str, why: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    pub(super) fn required(field: &str, why: &str) -> Self {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(": {why}")
        };
        Self::new("FieldValueRequired", field, format!("Required value{why}"))
    }

    /// `value` as JSON writes it: text in quotes, numbers bare.
    pub(super) fn invalid(field: &str, value: &str, why: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
    }

    pub(super) fn duplicate(field: &str, value: &str) -> Self {
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: \"{value}\""))
    }

    pub(super) fn not_found(field: &str, value: &str) -> Self {
        Self::new("FieldValueNotFound", field, format!("Not found: \"{value}\""))
    }

    pub(super) fn unsupported(field: &str, value: &str, supported: &str) -> Self {
        let message = format!("Unsupported value: \"{value}\": supported values: {supported}");
        Self::new("FieldValueNotSupported", field, message)
    }

    fn with_field(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

/// What a 422 says is invalid.
pub(super) struct Subject<'a> {
    pub(super) kind: &'a str,
    pub(super) group: &'a str,
    pub(super) name: &'a str,
}

impl Status {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: Some(reason),
            message: message.into(),
            details: None,
            continue_token: None,
            nosniff: false,
        }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: resource.group.to_owned(),
            kind: resource.plural.to_owned(),
            ..Details::default()
        }));
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub(super) fn forbidden(message: impl Into<String>, details: Details) -> Self {
        Self {
            details: Some(Box::new(details)),
            nosniff: true,
            ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
        }
    }

    pub(super) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    pub(super) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    pub(super) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            resource.qualified()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn too_large_version(asked: u64, current: u64) -> Self {
        let cause = Cause::new("ResourceVersionTooLarge", "", "Too large resource version".to_owned());
        Self {
            details: Some(Box::new(Details {
                causes: vec![cause],
                retry_after_seconds: Some(1),
                ..Details::default()
            })),
            ..Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "Timeout",
                format!("Timeout: Too large resource version: {asked}, current: {current}"),
            )
        }
    }

    pub(super) fn invalid(subject: &Subject<'_>, causes: Vec<Cause>) -> Self {
        let kind = match subject.group {
            "" => subject.kind.to_owned(),
            group => format!("{}.{group}", subject.kind),
        };
        let said = match causes.as_slice() {
            [only] => only.with_field(),
            several => format!(
                "[{}]",
                several.iter().map(Cause::with_field).collect::<Vec<_>>().join(", ")
            ),
        };
        Self {
            details: Some(Box::new(Details {
                name: subject.name.to_owned(),
                group: subject.group.to_owned(),
                kind: subject.kind.to_owned(),
                causes,
                ..Details::default()
            })),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Invalid",
                format!("{kind} \"{}\" is invalid: {said}", subject.name),
            )
        }
    }

    pub(super) fn method_not_allowed() -> Self {
        Self {
            details: Some(Box::default()),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        }
    }

    pub(super) fn not_acceptable() -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        )
    }

    pub(super) fn unsupported_media(accepted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}"),
        )
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {most}"),
        )
    }

    /// A refusal that has nothing to do with the request, worded as a server in that trouble words it.
    pub(super) fn trouble(code: u16, retry_after_seconds: Option<u32>) -> Self {
        let status = match code {
            401 => Self::unauthorized(),
            403 => Self::new(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "forbidden: User cannot do this any more",
            ),
            410 => Self::expired("The provided continue parameter is too old to display a consistent list result."),
            429 => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Too many requests, please try again later.",
            ),
            503 => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "Internal error occurred: etcdserver: request timed out",
            ),
        };
        let details = retry_after_seconds.map(|seconds| {
            Box::new(Details {
                retry_after_seconds: Some(seconds),
                ..Details::default()
            })
        });
        Self {
            details: details.or_else(|| status.details.clone()),
            ..status
        }
    }

    /// The answer to a deletion that leaves nothing to show.
    pub(super) fn deleted(resource: &Resource, name: &str, uid: &str) -> Self {
        let mut status = Self {
            reason: None,
            ..Self::new(StatusCode::OK, "", "")
        }
        .about(resource, name);
        if let Some(details) = &mut status.details {
            uid.clone_into(&mut details.uid);
        }
        status
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ListMeta<'a> {
            #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
            continue_token: Option<&'a str>,
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", "Status")?;
        map.serialize_entry("apiVersion", "v1")?;
        let meta = ListMeta {
            continue_token: self.continue_token.as_deref(),
        };
        map.serialize_entry("metadata", &meta)?;
        let outcome = if self.code.is_success() { "Success" } else { "Failure" };
        map.serialize_entry("status", outcome)?;
        if !self.message.is_empty() {
            map.serialize_entry("message", &self.message)?;
        }
        if let Some(reason) = self.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(details) = &self.details {
            map.serialize_entry("details", details)?;
        }
        if !self.code.is_success() {
            map.serialize_entry("code", &self.code.as_u16())?;
        }
        map.end()
    }
}
