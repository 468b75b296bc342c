//! The thread that prints: whoever reads the output may be slow or stop, and the rest of the program must not wait for
//! it, least of all the signals. What is printed and what to do about it is not decided here.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::logs::holdback::Placed;
use crate::logs::record::Content;
use crate::logs::snapshot::Sources;
use crate::workspace::msg::OpenedContext;

/// Batches that wait to be printed; behind them waits the engine, and then the spool fills.
const WAITING: usize = 2;

/// Records in the order in which they are to be printed, and what their names are.
#[derive(Clone, Debug)]
pub struct Batch {
    pub records: Vec<Placed>,
    pub sources: Sources,
    pub contexts: Arc<[OpenedContext]>,
}

/// What was printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    pub records: u64,
    /// Gaps among them.
    pub gaps: u64,
}

/// How the printing ended.
#[derive(Debug)]
pub enum End {
    /// Everything was printed.
    Done,
    /// Whoever reads the output has gone: `kontrast logs | head`.
    Closed,
    Failed(io::Error),
}

/// The way to the thread.
pub struct Printer {
    pub batches: mpsc::Sender<Batch>,
    pub end: oneshot::Receiver<(Printed, End)>,
}

/// Starts the thread; it ends when nobody can send any more, or when it cannot print.
pub fn start(mut print: impl FnMut(&Batch) -> io::Result<()> + Send + 'static) -> io::Result<Printer> {
    let (batches, mut waiting) = mpsc::channel::<Batch>(WAITING);
    let (tell, end) = oneshot::channel();
    thread::Builder::new().name("printer".to_owned()).spawn(move || {
        let mut printed = Printed::default();
        let mut ended = End::Done;
        while let Some(batch) = waiting.blocking_recv() {
            if let Err(error) = print(&batch) {
                ended = if error.kind() == io::ErrorKind::BrokenPipe {
                    End::Closed
                } else {
                    End::Failed(error)
                };
                break;
            }
            printed.count(&batch.records);
        }
        // Nobody waits for it any more: the user would not.
        drop(tell.send((printed, ended)));
    })?;
    Ok(Printer { batches, end })
}

impl Printed {
    fn count(&mut self, records: &[Placed]) {
        let gaps = records
            .iter()
            .filter(|placed| matches!(placed.record.content, Content::Gap(_)));
        self.gaps += gaps.count() as u64;
        self.records += records.len() as u64;
    }
}
