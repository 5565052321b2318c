//! A long command is run by a second process, so that its death is told: a stack overflow, memory that ran out, a `kill -9`.
//! Nothing within a process can tell these; the one that started it can, and names what it was at.
//!
//! The first process, the *supervisor*, starts this very program again, as the *worker*, with the same arguments and an
//! environment variable (`FOLDER`). The worker has the supervisor's output and does the work. What it is at stands in a
//! file (`supervise/notes.rs`), which costs two small writes a run. The worker's input is a pipe from the supervisor:
//! a byte on it is an interrupt, and its end that of the supervisor, without which the worker does not go on. If both are
//! killed at once the next long command finds the file and says so.

mod notes;

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio, exit};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use self::notes::{Folder, Note, Notes};
use crate::say::tell;

/// The environment variable that makes a process a worker: the folder of its supervisor.
const FOLDER: &str = "REVEILLE_SUPERVISED";

/// The exit code of a process that ended because of a panic.
const PANICKED: u8 = 101;

/// The exit code of a process that was interrupted twice, or once before there was anything to tell.
pub(crate) const INTERRUPTED: u8 = 130;

/// What this process is at, if it is a worker.
static NOTES: OnceLock<Notes> = OnceLock::new();

/// Does some work in a process of its own, and tells if that dies. `command` is what the work is called. Called before
/// anything is done that should be done once.
///
/// The work is to stop soon when its flag becomes true: that is the first interrupt (Ctrl-C, SIGTERM, SIGHUP). The second
/// one ends the process.
///
/// The exit code is that of the work, or 1 if its process died.
///
/// # Errors
///
/// What the work gives, or if there is no second process to be had.
pub fn watch(
    command: &str,
    work: impl FnOnce(&AtomicBool) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    match env::var_os(FOLDER) {
        Some(folder) => be_worker(command, &folder, work),
        None => supervise(command),
    }
}

/// For work in this process: what becomes true at the first interrupt (Ctrl-C, SIGTERM, SIGHUP). The second one ends the process.
///
/// # Errors
///
/// If interrupts cannot be heard.
pub fn stop_at_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupts = Arc::new(Interrupts::default());
    let heard = interrupts.clone();
    let handler = move || heard.by_signal(Instant::now());
    ctrlc::set_handler(handler).context("the handler for interrupts could not be set")?;
    Ok(interrupts.stop.clone())
}

/// Says what a thread of the work is at until the value that this gives is dropped: in a few words, and the command that
/// repeats it. Nothing happens in a process without a supervisor.
pub fn at(thread: usize, what: &str, again: &str) -> At {
    if let Some(notes) = NOTES.get() {
        notes.write(thread, &Note { what: what.to_owned(), again: again.to_owned() });
    }
    At { thread }
}

/// A thread is at something.
#[derive(Debug)]
#[must_use]
pub struct At {
    thread: usize,
}

impl Drop for At {
    fn drop(&mut self) {
        // What it panicked at is what the supervisor is to tell.
        if let Some(notes) = NOTES.get().filter(|_| !thread::panicking()) {
            notes.clear(self.thread);
        }
    }
}

fn supervise(command: &str) -> anyhow::Result<ExitCode> {
    for earlier in notes::left_behind() {
        tell(format_args!("{}\n", earlier.told()));
    }
    let folder = Folder::new().context("there is no folder to be had for the notes of a second process")?;
    let program = env::current_exe().context("the program that runs cannot be found again")?;
    let mut worker = Command::new(program)
        .args(env::args_os().skip(1))
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .context("a second process cannot be started")?;
    let mut pipe = worker.stdin.take().context("the second process has no input")?;
    let heard = Heard::default();
    let pass_on = move || {
        if heard.one_more(Instant::now()).is_some() {
            // If it has ended, nobody is left to be interrupted.
            drop(pipe.write_all(b"!"));
        }
    };
    ctrlc::set_handler(pass_on).context("the handler for interrupts could not be set")?;
    let ended = worker.wait().context("the second process cannot be waited for")?;
    match ended.code().map(u8::try_from) {
        Some(Ok(code)) if code != PANICKED => Ok(ExitCode::from(code)),
        _ => {
            // Behind whatever it was writing.
            let behind = if std::io::stderr().is_terminal() { "\n" } else { "" };
            tell(format_args!("{behind}{}", death(command, ended, &folder.notes())));
            Ok(ExitCode::from(1))
        }
    }
}

/// What is told of a worker that died.
fn death(command: &str, ended: ExitStatus, notes: &[Note]) -> String {
    let mut text = format!("{command} died ({ended})");
    text.push_str(&notes::told(notes));
    text.push('\n');
    for Note { again, .. } in notes {
        writeln!(text, "  replay: {again}").expect("writing to a string succeeds");
    }
    text.push_str("What it had found until then is lost with it.\n");
    text
}

fn be_worker(
    command: &str,
    folder: &OsStr,
    work: impl FnOnce(&AtomicBool) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let wrong =
        || format!("{FOLDER} is set, and names no folder of a supervisor: nobody but a supervisor sets it");
    anyhow::ensure!(Path::new(folder).is_dir(), wrong());
    let notes = Notes::begin(Path::new(folder), command).with_context(wrong)?;
    NOTES.get_or_init(|| notes);
    let interrupts = Arc::new(Interrupts::default());
    let (by_signal, by_supervisor) = (interrupts.clone(), interrupts.clone());
    let handler = move || by_signal.by_signal(Instant::now());
    ctrlc::set_handler(handler).context("the handler for interrupts could not be set")?;
    thread::spawn(move || {
        for byte in std::io::stdin().lock().bytes() {
            if byte.is_err() {
                break;
            }
            by_supervisor.by_supervisor().obey();
        }
        // The supervisor is gone, and with it whoever waited for an end. The notes stay for the next one.
        Then::End.obey();
    });
    work(&interrupts.stop)
}

/// An interrupt may reach the worker in two ways: from the terminal, which tells both processes, and from the supervisor,
/// which passes on what it gets. So each way is counted by itself, and the larger count is that of the interrupts.
#[derive(Debug, Default)]
struct Interrupts {
    stop: Arc<AtomicBool>,
    signals: Heard,
    /// Those that the supervisor has passed on: it is idle, and so the better judge of how far they are apart.
    passed_on: AtomicU32,
}

/// The signals that a process has heard.
#[derive(Debug, Default)]
struct Heard(OnceLock<Instant>);

/// What comes so soon behind the first signal is that one again: `timeout` sends it to the process and then to the whole group
/// that the process is in. A person who wants to end it at once takes longer.
const ONE_INTERRUPT: Duration = Duration::from_millis(500);

/// What follows from an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The work is to stop soon, and tell what it has.
    Stop,
    /// The process ends.
    End,
}

impl Interrupts {
    fn by_supervisor(&self) -> Then {
        self.stop.store(true, Ordering::Relaxed);
        if self.passed_on.fetch_add(1, Ordering::Relaxed) == 0 { Then::Stop } else { Then::End }
    }

    fn by_signal(&self, now: Instant) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(then) = self.signals.one_more(now) {
            then.obey();
        }
    }
}

impl Heard {
    /// A signal has come. What follows from it, if it is not the first one again.
    fn one_more(&self, now: Instant) -> Option<Then> {
        if self.0.set(now).is_ok() {
            return Some(Then::Stop);
        }
        let first = self.0.get().copied().unwrap_or(now);
        (now.saturating_duration_since(first) >= ONE_INTERRUPT).then_some(Then::End)
    }
}

impl Then {
    fn obey(self) {
        if self == Self::End {
            exit(i32::from(INTERRUPTED));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_that_comes_both_ways_is_one() {
        let interrupts = Interrupts::default();
        assert!(!interrupts.stop.load(Ordering::Relaxed));
        assert_eq!(interrupts.signals.one_more(Instant::now()), Some(Then::Stop));
        assert_eq!(interrupts.by_supervisor(), Then::Stop);
        assert!(interrupts.stop.load(Ordering::Relaxed));
        assert_eq!(interrupts.by_supervisor(), Then::End);
    }

    #[test]
    fn a_signal_that_comes_twice_at_once_is_one() {
        let heard = Heard::default();
        let now = Instant::now();
        assert_eq!(heard.one_more(now), Some(Then::Stop));
        assert_eq!(heard.one_more(now + Duration::from_millis(3)), None);
        assert_eq!(heard.one_more(now + ONE_INTERRUPT), Some(Then::End));
    }
}
