//! One container instance's log, from its first line to its last: every line that the server delivers once, every
//! interval that it cannot deliver told as a gap. The rules are in `reader`, `vigil` and `instance`,
//! without a clock and a socket; `pass` and `follow` wait, ask and send.

mod split;
mod seen;
mod twins;
mod half;
mod reader;
mod request;
mod instance;
mod told;
mod wait;
mod vigil;
mod ask;
mod news;
mod question;
mod pass;
mod follow;

pub(super) use instance::{Fate, Instance, instances};
pub(super) use news::StreamNews;
pub(super) use pass::Follow;

#[cfg(test)]
mod oracle;
