//! The loop: whatever happens becomes a `Msg`, `update` answers with effects, and a frame is painted when something
//! that can be seen has changed.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::app::clock::Clock;
use crate::app::effects::Tasks;
use crate::app::fan_in::FanIn;
use crate::app::fleet::{Fleet, Opening};
use crate::app::ingest;
use crate::contrast::Lens;
use crate::logs::Snapshot;
use crate::logs::engine::EngineConfig;
use crate::model::{ContextId, Report, Time};
use crate::term::input::{Happened, Lost};
use crate::term::signals::{self, Signal, Signals};
use crate::term::{Guard, Input, Screen};
use crate::view::{self, Palette};
use crate::workspace::bell::Bell;
use crate::workspace::keymap::Keymap;
use crate::workspace::msg::{Effect, Msg, Size};
use crate::workspace::state::State;
use crate::workspace::update::{settle, update};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// A ctrl-c goes to all programs of the terminal: whoever ends by it may have done so before we hear of it.
const ECHO: Duration = Duration::from_millis(500);

/// How the loop came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Quit,
    Terminated,
}

/// Why the loop could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("use the terminal: {0}")]
    Terminal(#[from] io::Error),
    #[error("{0}")]
    Input(#[from] Lost),
    #[error("{0}")]
    Opening(String),
}

/// What the screen is made with.
#[derive(Debug)]
pub struct Setup {
    pub keymap: Keymap,
    pub palette: Palette,
    pub bell: Bell,
    /// Where the credential plugins that a person allows are remembered.
    pub allowed_plugins: Option<PathBuf>,
    /// Told once after the first frame: what is wrong with the user's files.
    pub notices: Vec<Msg>,
}

/// Runs the screen until the user quits or a signal ends it. The terminal is given back in any case.
pub async fn run(opening: Opening, setup: Setup, clock: Clock) -> Result<End, Error> {
    let signals = Signals::listen()?;
    // Declared first, it is dropped last: giving the terminal back can hang as well.
    let mut watch = JoinSet::new();
    watch.spawn(signals::end_anyway());
    let mut guard = Guard::enter()?;
    let screen = Screen::new()?;
    let (cols, rows) = screen.size()?;
    let mut state = State::new(setup.keymap, Size { cols, rows }, clock.now());
    state.set_bell(setup.bell);
    let mut desk = Desk {
        state,
        screen,
        palette: setup.palette,
        clock,
        stale: true,
        painted: None,
        wake: None,
        pending: VecDeque::new(),
        lens: watch::Sender::default(),
        allowed_plugins: setup.allowed_plugins,
        logged_in: None,
    };

    // The first frame is painted before anything is asked of any network.
    let contexts = opening.contexts();
    let aliases = opening.aliases();
    desk.take(Msg::ContextsOpened(contexts.clone()));
    desk.paint()?;

    let stop = CancellationToken::new();
    let mut fleet = opening.open(clock, &stop).await.map_err(Error::Opening)?;
    let engine = ingest::Setup {
        config: EngineConfig {
            aliases,
            ..EngineConfig::default()
        },
        contexts: contexts
            .iter()
            .map(|context| (context.id, Arc::clone(&context.name)))
            .collect(),
        inlets: FanIn::new(std::mem::take(&mut fleet.ingests)),
        outlet: None,
        lens: desk.lens.subscribe(),
    };
    let (mut snapshots, engine) = ingest::start(engine, clock, stop.clone())?;
    for notice in setup.notices {
        desk.take(notice);
    }
    let end = desk.work(&mut guard, signals, &mut fleet, &mut snapshots).await;

    // The terminal first: whatever takes its time to end must not keep the user from the shell.
    drop(guard);
    stop.cancel();
    fleet.close().await;
    // A panic of the engine was shown while it mattered; now there is nothing left to do about it.
    drop(tokio::task::spawn_blocking(move || engine.join()).await);
    end
}

/// The state with what it is shown by.
struct Desk {
    state: State,
    screen: Screen,
    palette: Palette,
    clock: Clock,
    /// Whether the terminal may show something else than the last frame.
    stale: bool,
    /// When the last frame was painted.
    painted: Option<Instant>,
    wake: Option<Time>,
    /// Effects that are still to be run.
    pending: VecDeque<Effect>,
    /// Through what the engine makes findings.
    lens: watch::Sender<Lens>,
    allowed_plugins: Option<PathBuf>,
    /// When the last login ended.
    logged_in: Option<Instant>,
}

impl Desk {
    fn take(&mut self, msg: Msg) {
        self.pending.extend(update(&mut self.state, msg, self.clock.now()));
    }

    /// Settles what is to be seen, and paints it if that is not what was painted last.
    fn paint(&mut self) -> io::Result<()> {
        let effects = settle(&mut self.state, self.clock.now());
        self.pending.extend(effects);
        self.painted = Some(Instant::now());
        if !self.state.take_dirty() && !self.stale {
            return Ok(());
        }
        self.stale = false;
        let (state, palette) = (&self.state, &self.palette);
        self.screen.draw(|buffer| view::draw(state, palette, buffer))
    }

    async fn work(
        &mut self,
        guard: &mut Guard,
        mut signals: Signals,
        fleet: &mut Fleet,
        snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    ) -> Result<End, Error> {
        let mut input = Input::new();
        let mut tasks = Tasks::new();
        let mut reports: Vec<Report> = Vec::new();
        // Until the engine ends, which it does before the loop only if it panics.
        let mut reading = true;
        loop {
            while let Some(effect) = self.pending.pop_front() {
                let mut said = None;
                match effect {
                    Effect::Quit => return Ok(End::Quit),
                    Effect::Suspend => {
                        // The reader of the terminal must be gone while somebody else has it.
                        drop(input);
                        guard.suspend();
                        signals::stop_self()?;
                        guard.resume()?;
                        input = Input::new();
                        self.forget()?;
                    }
                    Effect::Redraw => self.forget()?,
                    Effect::WakeAt(time) => self.wake = Some(time),
                    Effect::Copy(text) => self.copy(&text)?,
                    Effect::Bell => self.screen.ring()?,
                    Effect::OpenExec { pane, request } => tasks.open_exec(pane, request, fleet),
                    Effect::SendToExec { pane, bytes } => said = tasks.send_to_exec(pane, bytes),
                    Effect::ResizeExec { pane, cols, rows } => said = tasks.resize_exec(pane, (cols, rows)),
                    Effect::CloseExec { pane } => tasks.close_exec(pane),
                    Effect::Search(request) => tasks.search(request),
                    Effect::CancelSearch { pane } => tasks.cancel_search(pane),
                    Effect::ReadValues(request) => tasks.read_values(request),
                    Effect::SetLens(lens) => drop(self.lens.send_replace(lens)),
                    Effect::RetryCluster(context) => fleet.retry(context),
                    Effect::AllowPlugin { context, plugin } => {
                        fleet.allow(context, Arc::clone(&plugin.fingerprint));
                        if let Some(file) = &self.allowed_plugins {
                            tasks.remember(file.clone(), plugin);
                        }
                    }
                    Effect::Login(context) => {
                        drop(input);
                        guard.suspend();
                        let ended = self.log_in(context, &mut signals, fleet, &mut tasks).await?;
                        if ended.is_some() {
                            return Ok(End::Terminated);
                        }
                        guard.resume_as_it_was()?;
                        input = Input::new();
                        self.forget()?;
                    }
                }
                if let Some(msg) = said {
                    self.take(msg);
                }
            }
            let dirty = self.stale || self.state.is_dirty();
            let frame_due = self.painted.map_or_else(Instant::now, |painted| painted + FRAME);
            if dirty && Instant::now() >= frame_due {
                self.paint()?;
                // Painting settles sizes, which may be news to a session.
                continue;
            }
            let wake = self.wake.map(|time| Instant::now() + self.clock.until(time));
            // Keys first; a snapshot only when a frame may follow it, so that a flood costs one look a frame.
            tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    // The ctrl-c that ended a login was for the login.
                    Signal::Interrupt if self.logged_in.take().is_some_and(|at| at.elapsed() < ECHO) => {}
                    Signal::Interrupt => self.take(Msg::Interrupted),
                    Signal::Terminate => return Ok(End::Terminated),
                    Signal::Stop => self.pending.push_back(Effect::Suspend),
                },
                happened = input.next() => self.take(message(happened?)),
                msg = tasks.next() => self.take(msg),
                true = fleet.reports.receive(&mut reports) => {
                    for report in reports.drain(..) {
                        self.take(Msg::Reported(report));
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.wake = None;
                    self.take(Msg::Woke);
                }
                () = sleep_until(frame_due), if dirty => {}
                changed = snapshots.changed(), if reading && !dirty => {
                    reading = changed.is_ok();
                    self.take(match changed {
                        Ok(()) => Msg::SnapshotTaken(Arc::clone(&snapshots.borrow_and_update())),
                        Err(_) => Msg::Failed { what: "read the logs".into(), cause: "an internal error ended the engine".into() },
                    });
                }
            }
        }
    }

    /// Lets the credential plugin of a context have the terminal until it has ended. All else goes on meanwhile. Ctrl-c
    /// is for the plugin; one that does not mind it is ended by the second. Something comes back if we are to end.
    async fn log_in(
        &mut self,
        context: ContextId,
        signals: &mut Signals,
        fleet: &mut Fleet,
        tasks: &mut Tasks,
    ) -> Result<Option<Signal>, Error> {
        let Some(mut answer) = fleet.login(context) else {
            return Ok(None);
        };
        let name = self.state.announce_login(context);
        writeln!(io::stdout(), "{name}")?;
        let mut reports: Vec<Report> = Vec::new();
        let mut interrupted = false;
        let ended = loop {
            tokio::select! {
                biased;
                // News before the answer: the next key is meant for what the login has changed.
                true = fleet.reports.receive(&mut reports) => {
                    for report in reports.drain(..) {
                        self.take(Msg::Reported(report));
                    }
                }
                answered = &mut answer => break answered.unwrap_or_else(|_| Err("the context has ended".into())),
                signal = signals.next() => match signal {
                    Signal::Interrupt if interrupted => break Err("it was given up".into()),
                    Signal::Interrupt => interrupted = true,
                    Signal::Terminate => return Ok(Some(signal)),
                    Signal::Stop => signals::stop_self()?,
                },
                msg = tasks.next() => self.take(msg),
            }
        };
        self.logged_in = Some(Instant::now());
        if let Err(cause) = ended {
            self.take(Msg::Failed {
                what: "log in".into(),
                cause,
            });
        }
        Ok(None)
    }

    /// The terminal may show anything by now: the next frame paints every cell, at today's size.
    fn forget(&mut self) -> io::Result<()> {
        self.screen.forget()?;
        let (cols, rows) = self.screen.size()?;
        self.take(Msg::Resized(Size { cols, rows }));
        self.stale = true;
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        if !self.screen.copy(text)? {
            let cause = format!("{} bytes are more than terminals take", text.len());
            self.take(Msg::Failed {
                what: Arc::from("copy"),
                cause: cause.into(),
            });
        }
        Ok(())
    }
}

fn message(happened: Happened) -> Msg {
    match happened {
        Happened::Pressed(key) => Msg::KeyPressed(key),
        Happened::Pasted(text) => Msg::Pasted(text),
        Happened::Resized { cols, rows } => Msg::Resized(Size { cols, rows }),
        Happened::Clicked { col, row } => Msg::Clicked { x: col, y: row },
        Happened::Scrolled { col, row, lines } => Msg::Scrolled {
            x: col,
            y: row,
            rows: lines,
        },
    }
}
