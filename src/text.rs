//! Bytes from outside to safe text: display (escapes, bidi, width), log headers and levels, lines joined to records.
//!
//! May use: model.
//! Crates: none.
//!
//! Nothing here keeps state from one line to the next but `join`, which keeps whole lines: an evil line can harm
//! no other line.

mod cells;
mod class;
pub mod lanes;
pub mod quote;
mod escape;
pub mod display;
pub mod strip;
mod cursor;
mod calendar;
mod stamp;
pub mod kubelet;
pub mod envelope;
mod level;
mod piece;
mod role;
mod layout;
mod fields;
mod tail;
mod seek;
mod shape;
mod access;
mod known;
mod syslog;
pub mod header;
pub mod compact;
mod trace;
mod complaint;
mod lines;
pub mod join;
pub mod podname;
