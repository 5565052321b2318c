//! A process in lockstep: it runs until it is idle, or at a point that it was asked to stop at, says so and stands still. Then it is
//! told what time it is and goes on. The other end of `shim/lockstep.c`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that a process may compute on the host's clock without being idle.
const BUSY_MAX: Duration = Duration::from_secs(60);

/// How long a process may take to attach itself, on the host's clock.
const START_MAX: Duration = Duration::from_secs(60);

/// Why a process did not stand still again.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Start(io::Error),
    /// It ended by itself.
    #[error("the runtime ended by itself ({status}): {said}")]
    Ended {
        /// How.
        status: String,
        /// The last of what it had written to its standard error.
        said: String,
    },
    /// It never came to an end of what it did.
    #[error("the runtime was busy for {} s without a pause: some code loops without an end", BUSY_MAX.as_secs())]
    Busy,
    /// Something of the host failed.
    #[error(transparent)]
    Host(#[from] io::Error),
}

/// A process that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It has nothing to do before this virtual time, in nanoseconds since the begin of the run; none if nothing at all. So many
    /// points are behind it.
    Idle { next_ns: Option<u64>, points: u64 },
    /// It stands at this point, the number of which counts from 1.
    Point { number: u64 },
}

impl Stand {
    /// The number of the last point.
    pub(crate) fn points(self) -> u64 {
        match self {
            Stand::Idle { points, .. } => points,
            Stand::Point { number } => number,
        }
    }
}

/// What a process is told with each step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) now_ns: u64,
    pub(crate) wall_zero_ns: i64,
    /// The number of the next point at which it stands still.
    pub(crate) stop_at: u64,
}

/// The process. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    socket: UnixStream,
    errors: std::path::PathBuf,
}

/// How a process is started: it is told no more of the host than this.
pub(crate) struct Start<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) shim: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) listener: &'a UnixListener,
    pub(crate) seed: u64,
    pub(crate) step: Step,
}

impl Process {
    /// Starts the process; it runs until it stands still for the first time.
    pub(crate) fn start(start: &Start<'_>) -> Result<(Self, Stand), Fault> {
        let append = |name: &str| OpenOptions::new().create(true).append(true).open(start.folder.join(name));
        let child = Command::new(start.binary)
            .args(["serve", "--experimental", "--verbose", "--control-fd=1", "config.capnp"])
            .current_dir(start.folder)
            .env_clear()
            .env("LD_PRELOAD", start.shim)
            .env("REVEILLE_SOCKET", "lockstep.sock")
            .env("REVEILLE_NOW_NS", start.step.now_ns.to_string())
            .env("REVEILLE_WALL_ZERO_NS", start.step.wall_zero_ns.to_string())
            .env("REVEILLE_SEED", start.seed.cast_signed().to_string())
            .env("REVEILLE_STOP_AT", start.step.stop_at.to_string())
            .stdin(Stdio::null())
            .stdout(append("stdout")?)
            .stderr(append("stderr")?)
            .spawn()
            .map_err(Fault::Start)?;
        let errors = start.folder.join("stderr");
        let mut waiting = Waiting { child, errors };
        let socket = waiting.accept(start.listener)?;
        let Waiting { child, errors } = waiting;
        let mut process = Self { child, socket, errors };
        let stand = process.stand()?;
        Ok((process, stand))
    }

    /// Lets it go on until it stands still again.
    pub(crate) fn go_on(&mut self, step: Step) -> Result<Stand, Fault> {
        let mut bytes = [0; 24];
        let words = [step.now_ns.cast_signed(), step.wall_zero_ns, step.stop_at.cast_signed()];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        if self.socket.write_all(&bytes).is_err() {
            return Err(self.ended());
        }
        self.stand()
    }

    fn stand(&mut self) -> Result<Stand, Fault> {
        let mut bytes = [0; 32];
        match self.socket.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Fault::Busy),
            Err(_) => return Err(self.ended()),
        }
        let word = |index: usize| {
            let bytes = bytes[8 * index..8 * index + 8].try_into().expect("a word has eight bytes");
            i64::from_le_bytes(bytes)
        };
        let (kind, next_ns, number) = (word(0), word(2), word(3).cast_unsigned());
        if kind != 0 {
            return Ok(Stand::Point { number });
        }
        let next_ns = (next_ns != i64::MAX).then(|| u64::try_from(next_ns).unwrap_or(0));
        Ok(Stand::Idle { next_ns, points: number })
    }

    /// What it was that ended it, when the socket is closed.
    fn ended(&mut self) -> Fault {
        ended(&mut self.child, &self.errors)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process that has not attached itself.
struct Waiting {
    child: Child,
    errors: std::path::PathBuf,
}

impl Waiting {
    /// The process's connection to the driver.
    fn accept(&mut self, listener: &UnixListener) -> Result<UnixStream, Fault> {
        let started = Instant::now();
        listener.set_nonblocking(true)?;
        loop {
            match listener.accept() {
                Ok((socket, _)) => {
                    socket.set_nonblocking(false)?;
                    socket.set_read_timeout(Some(BUSY_MAX))?;
                    return Ok(socket);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if self.child.try_wait()?.is_some() || started.elapsed() > START_MAX {
                let _ = self.child.kill();
                return Err(ended(&mut self.child, &self.errors));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn ended(child: &mut Child, errors: &Path) -> Fault {
    let status = match child.wait() {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Fault::Ended { status, said: last_of(errors) }
}

/// The last lines of a file, in one.
fn last_of(path: &Path) -> String {
    const LINES: usize = 6;
    let mut text = Vec::new();
    if File::open(path).and_then(|mut file| file.read_to_end(&mut text)).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join(" / ")
}
