//! One container instance's log, from its first line to its last: every line that the server delivers once, every
//! interval that it cannot deliver told as a gap. The rules are in `reader` and `instance`, without a clock and a
//! socket; `follow` waits, asks and sends.

mod split;
mod seen;
mod reader;
mod request;
mod instance;
mod told;
mod wait;
mod ask;
mod news;
mod follow;

pub(super) use follow::Follow;
pub(super) use instance::{Fate, Instance, instances};
pub(super) use news::StreamNews;
