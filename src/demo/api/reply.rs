//! Responses: their bodies and the headers that every answer of an API server carries.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use futures::stream;
use futures::{Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use super::status::Status;

/// The body of every response. An error breaks the connection, as a dying server does.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Go's HTTP server gives a length to bodies that fit its first buffer and sends larger ones in chunks.
const LONGEST_UNCHUNKED: usize = 2048;

/// How a JSON body is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Compact,
    Pretty,
}

impl Layout {
    pub(super) fn write(self, value: &impl Serialize) -> Vec<u8> {
        let written = match self {
            Self::Compact => serde_json::to_vec(value),
            Self::Pretty => serde_json::to_vec_pretty(value),
        };
        // Only maps with text keys are ever given, and those cannot fail.
        written.unwrap_or_default()
    }
}

pub(super) fn json(code: StatusCode, layout: Layout, value: &impl Serialize) -> Response<Body> {
    with_body(code, "application/json", layout.write(value))
}

pub(super) fn status(layout: Layout, status: &Status) -> Response<Body> {
    let mut response = json(status.code, layout, status);
    let headers = response.headers_mut();
    if status.nosniff {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    let retry_after = status.details.as_ref().and_then(|details| details.retry_after_seconds);
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub(super) fn text(code: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = with_body(code, "text/plain; charset=utf-8", text.into());
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What the mux of a real server says of a path that it does not know.
pub(super) fn no_such_path() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(super) fn with_body(code: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let bytes = bytes.into();
    if bytes.len() > LONGEST_UNCHUNKED {
        return streamed(content_type, stream::iter([Ok(bytes)]), code);
    }
    let body = Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    let mut response = empty(code);
    *response.body_mut() = body;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(super) fn empty(code: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A body of unknown length: each piece is one HTTP chunk.
pub(super) fn streamed(
    content_type: &'static str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    code: StatusCode,
) -> Response<Body> {
    let mut response = empty(code);
    *response.body_mut() = StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
