//! The page on a terminal: drawn anew when something was read or a key pressed.
//!
//! The terminal is restored however this ends: at its end, at a signal, and by a panic, whose message is
//! then on the usual screen.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use sqlx::PgPool;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, sleep};

use super::frame::draw;
use super::snapshot::{Pace, Snapshot};
use super::state::{Asks, State};
use crate::Error;
use crate::cli::output::failure::Failure;
use crate::cli::output::redact::hide;

/// How often the thread that reads keys looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// After how long without an answer the page says so.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether there is a terminal to show a page on.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

pub(super) async fn show(pool: &PgPool, place: &str, mut pace: Pace) -> Result<(), Failure> {
    // The first one before the screen is taken: what is wrong then is an ordinary failure.
    let snapshot = Snapshot::read(pool, place, &mut pace).await?;
    let (mut ends, stopped) = (Ends::listen().map_err(|error| failed(&error))?, watch::Sender::new(false));
    let (send, mut read) = mpsc::channel(1);
    tokio::spawn(look_again(pool.clone(), place.to_owned(), pace, stopped.subscribe(), send));
    let terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let _restored = Restored;
    let page = Page { snapshot, answered: Instant::now(), state: State::default(), stopped, terminal };
    page.run(&mut ends, &mut read).await
}

type Read = Result<Snapshot, Error>;

/// Reads one snapshot after the other, for as long as somebody shows them and the page does not stand still.
async fn look_again(
    pool: PgPool,
    place: String,
    mut pace: Pace,
    mut stopped: watch::Receiver<bool>,
    send: mpsc::Sender<Read>,
) {
    let mut took = Duration::ZERO;
    loop {
        sleep(pace.pause(took)).await;
        if stopped.wait_for(|stopped| !stopped).await.is_err() {
            return;
        }
        let begun = Instant::now();
        let read = Snapshot::read(&pool, &place, &mut pace).await;
        took = begun.elapsed();
        if send.send(read).await.is_err() {
            return;
        }
    }
}

/// Gives the terminal back when it is dropped.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

struct Page {
    snapshot: Snapshot,
    /// When it came.
    answered: Instant,
    state: State,
    stopped: watch::Sender<bool>,
    terminal: DefaultTerminal,
}

impl Page {
    async fn run(mut self, ends: &mut Ends, read: &mut mpsc::Receiver<Read>) -> Result<(), Failure> {
        let (mut keys, mut second) = (Keys::listen(), interval(Duration::from_secs(1)));
        self.draw()?;
        loop {
            let asks = tokio::select! {
                () = ends.came() => Asks::End,
                event = keys.0.recv() => self.take(event),
                read = read.recv() => match read {
                    Some(read) => self.keep(read),
                    None => return Err(Failure::failed("nothing reads the database any more")), // it panicked
                },
                _ = second.tick() => self.wait(),
            };
            match asks {
                Asks::End => return Ok(()),
                Asks::Draw => self.draw()?,
                Asks::Nothing => {}
            }
        }
    }

    /// What a key, or another size of the terminal, asks for.
    fn take(&mut self, event: Option<Event>) -> Asks {
        let asks = match event {
            Some(Event::Key(key)) => self.state.press(key, self.snapshot.tasks.len()),
            Some(Event::Resize(..)) => Asks::Draw,
            Some(_) => Asks::Nothing,
            None => Asks::End, // the terminal is gone
        };
        if self.stopped.send_replace(self.state.stopped) != self.state.stopped {
            self.answered = Instant::now(); // nobody was asked meanwhile
        }
        asks
    }

    /// Shows what was read; or goes on showing the last one, and says why.
    fn keep(&mut self, read: Read) -> Asks {
        self.answered = Instant::now();
        match read {
            Ok(snapshot) => (self.snapshot, self.state.trouble) = (snapshot, None),
            Err(error) => self.state.trouble = Some(hide(Failure::from(error).message())),
        }
        if self.state.stopped { Asks::Nothing } else { Asks::Draw }
    }

    /// Says that no answer comes.
    fn wait(&mut self) -> Asks {
        let waited = self.answered.elapsed();
        if self.state.stopped || waited < PATIENCE {
            return Asks::Nothing;
        }
        self.state.trouble = Some(format!("no answer for {} s", waited.as_secs()));
        Asks::Draw
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let (snapshot, state) = (&self.snapshot, &self.state);
        self.terminal.draw(|frame| draw(frame, snapshot, state)).map_err(|error| failed(&error))?;
        Ok(())
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed(format!("the terminal cannot be used: {error}"))
}

/// Keys, read by a thread of their own, which ends with this.
struct Keys(mpsc::UnboundedReceiver<Event>, Arc<AtomicBool>);

impl Keys {
    fn listen() -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        let end = Arc::new(AtomicBool::new(false));
        let ends = end.clone();
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let read = event::poll(LOOK).and_then(|is_there| is_there.then(event::read).transpose());
                let goes_on = match read {
                    Ok(None) => true,
                    Ok(Some(event)) => send.send(event).is_ok(),
                    Err(_) => false,
                };
                if !goes_on {
                    return; // nobody listens, or there is nothing to read from
                }
            }
        });
        Keys(receive, end)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
    }
}

/// Signals that end the page.
struct Ends([tokio::signal::unix::Signal; 3]);

impl Ends {
    fn listen() -> io::Result<Self> {
        Ok(Ends([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn came(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
