//! Bytes from outside to safe text: display (escapes, bidi, width), log headers and levels, lines joined to records.
//!
//! May use: model.
//! Crates: none.
