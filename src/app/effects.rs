//! Effects become tasks here, and their answers messages. Every task ends with the loop.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::app::fleet::Fleet;
use crate::cluster::{ExecEvent, ExecInput};
use crate::files::plugins;
use crate::logs::search::search;
use crate::logs::values::values;
use crate::model::{ExecEnd, ExecRequest, PaneId, UnknownPlugin};
use crate::workspace::msg::{Msg, SearchRequest, ValuesRequest};

/// How many answers may wait for the loop; a task with more to say waits too.
const ANSWERS: usize = 64;

/// The tasks that effects started.
pub struct Tasks {
    running: JoinSet<()>,
    answer: mpsc::Sender<Msg>,
    answers: mpsc::Receiver<Msg>,
    shells: BTreeMap<PaneId, mpsc::Sender<ExecInput>>,
    /// The newest search of each pane; raised, it tells the search to give up.
    searches: BTreeMap<PaneId, Arc<AtomicBool>>,
}

impl Tasks {
    #[expect(
        clippy::new_without_default,
        reason = "tasks belong to a loop; there is no default one"
    )]
    pub fn new() -> Self {
        let (answer, answers) = mpsc::channel(ANSWERS);
        Self {
            running: JoinSet::new(),
            answer,
            answers,
            shells: BTreeMap::new(),
            searches: BTreeMap::new(),
        }
    }

    /// The next answer of a task; may be dropped while it waits without losing one.
    pub async fn next(&mut self) -> Msg {
        loop {
            tokio::select! {
                // The sender of our own keeps the channel open.
                Some(msg) = self.answers.recv() => return msg,
                Some(ended) = self.running.join_next() => {
                    if let Some(msg) = ended.as_ref().err().and_then(panicked) {
                        return msg;
                    }
                }
            }
        }
    }

    /// Starts a session and forwards what it says to its pane.
    pub fn open_exec(&mut self, pane: PaneId, request: ExecRequest, fleet: &Fleet) {
        let answer = self.answer.clone();
        let Some((input, mut events)) = fleet.exec(request) else {
            self.running.spawn(async move {
                let end = ExecEnd::Refused {
                    cause: "this cluster is not open".into(),
                };
                // The loop has ended when nobody takes the answer.
                drop(answer.send(Msg::ExecEnded { pane, end }).await);
            });
            return;
        };
        self.shells.insert(pane, input);
        self.running.spawn(async move {
            while let Some(event) = events.recv().await {
                let msg = match event {
                    ExecEvent::Opened => Msg::ExecOpened { pane },
                    ExecEvent::Output(bytes) => Msg::ExecPrinted { pane, bytes },
                    ExecEvent::Ended(end) => Msg::ExecEnded { pane, end },
                };
                if answer.send(msg).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Types into a session; the answer is what there is to say about it.
    pub fn send_to_exec(&mut self, pane: PaneId, bytes: Bytes) -> Option<Msg> {
        self.tell_exec(pane, ExecInput::Bytes(bytes))
    }

    pub fn resize_exec(&mut self, pane: PaneId, (cols, rows): (u16, u16)) -> Option<Msg> {
        self.tell_exec(pane, ExecInput::Resized { cols, rows })
    }

    /// Ends a session; dropping its input is what tells it.
    pub fn close_exec(&mut self, pane: PaneId) {
        self.shells.remove(&pane);
    }

    /// A session that takes no input must not hold up the loop: then it is said, not queued.
    fn tell_exec(&mut self, pane: PaneId, input: ExecInput) -> Option<Msg> {
        match self.shells.get(&pane)?.try_send(input) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(_)) => {
                let cause = "the session takes no input at the moment".into();
                Some(Msg::Failed {
                    what: "type".into(),
                    cause,
                })
            }
            // It has ended, and its end is on the way as a message of its own.
            Err(mpsc::error::TrySendError::Closed(_)) => {
                self.shells.remove(&pane);
                None
            }
        }
    }

    /// Starts a search in the place of the pane's last one.
    pub fn search(&mut self, request: SearchRequest) {
        self.cancel_search(request.pane);
        let cancelled = Arc::new(AtomicBool::new(false));
        self.searches.insert(request.pane, Arc::clone(&cancelled));
        let answer = self.answer.clone();
        self.running.spawn_blocking(move || {
            let SearchRequest {
                pane,
                serial,
                query,
                filter,
                from,
                direction,
                snapshot,
            } = request;
            let found = search(&snapshot, &filter, &query, from, direction, &cancelled);
            if !cancelled.load(Ordering::Relaxed) {
                // The loop has ended when nobody takes the answer.
                drop(answer.blocking_send(Msg::Searched { pane, serial, found }));
            }
        });
    }

    /// Reads the values of a pattern back from the records that are held.
    pub fn read_values(&mut self, request: ValuesRequest) {
        let answer = self.answer.clone();
        self.running.spawn_blocking(move || {
            let ValuesRequest {
                pane,
                pattern,
                most,
                snapshot,
            } = request;
            let values = values(&snapshot, pattern, most);
            // The loop has ended when nobody takes the answer.
            drop(answer.blocking_send(Msg::ValuesRead { pane, pattern, values }));
        });
    }

    /// Remembers a credential plugin that a person has allowed.
    pub fn remember(&mut self, file: PathBuf, plugin: UnknownPlugin) {
        let answer = self.answer.clone();
        self.running.spawn_blocking(move || {
            if let Err(error) = plugins::add(&file, &plugin.fingerprint, &plugin.command) {
                let cause = format!("{}: {error}", file.display()).into();
                // The loop has ended when nobody takes the answer.
                drop(answer.blocking_send(Msg::Failed {
                    what: "remember the credential plugin".into(),
                    cause,
                }));
            }
        });
    }

    pub fn cancel_search(&mut self, pane: PaneId) {
        if let Some(cancelled) = self.searches.remove(&pane) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Tasks {
    /// A search cannot be aborted from outside, only asked to give up.
    fn drop(&mut self) {
        for cancelled in self.searches.values() {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// A panic in a task becomes a message, not a dead screen.
fn panicked(error: &JoinError) -> Option<Msg> {
    error.is_panic().then(|| Msg::Failed {
        what: "finish a task".into(),
        cause: "it panicked".into(),
    })
}
