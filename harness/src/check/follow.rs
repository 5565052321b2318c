//! A history that is still being written: a file that grows, or a pipe. What is broken is told when it is found, and the verdict at the
//! phase `end`, at the end of the pipe, or at an interrupt.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use reveille_model::jsonl::Malformed;

use super::{BUFFER_BYTES, Checked, Input, Reading, Wanted, for_machines, report, text};
use crate::cli::output::Json;
use crate::say::say;
use crate::sheet::Sheet;
use crate::supervise;

/// How long is waited for more, where a file has no more for now.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A file that grows: it has an end only when nobody waits for more any more.
struct Growing {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            if read > 0 || buffer.is_empty() || self.stop.load(Ordering::Relaxed) {
                return Ok(read);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// The command with `--follow`.
///
/// # Errors
///
/// If there is more than one input, or it cannot be opened, or a file for JSON not written.
pub(crate) fn follow(
    words: &[PathBuf],
    wanted: &Wanted<'_>,
    json: &Json,
    sheet: Sheet,
) -> anyhow::Result<ExitCode> {
    json.check()?;
    let [input] = &Input::all(words)?[..] else {
        bail!("--follow reads one history: a file that grows, or a pipe")
    };
    let name = input.name();
    let checked = match input {
        Input::Standard => follow_input(io::stdin(), wanted, json, sheet, &AtomicBool::new(false))?,
        Input::File(path) => {
            let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
            let stop = supervise::stop_at_interrupt()?;
            follow_input(Growing { file, stop: stop.clone() }, wanted, json, sheet, &stop)?
        }
    };
    let code = report(&name, &checked, wanted, json, sheet)?;
    json.write(&for_machines(&name, &checked, wanted))?;
    Ok(ExitCode::from(code))
}

/// Reads until there is no more, and tells what is broken as soon as it is found.
fn follow_input(
    input: impl Read,
    wanted: &Wanted<'_>,
    json: &Json,
    sheet: Sheet,
    stop: &AtomicBool,
) -> anyhow::Result<Result<Checked, Malformed>> {
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut reading = match Reading::new(input, wanted.profile) {
        Ok(reading) => reading,
        Err(malformed) => return Ok(Err(malformed)),
    };
    let mut told = 0;
    while !reading.has_end {
        match reading.step() {
            Ok(true) => {}
            Ok(false) => break,
            // Interrupted while a line was being written: it is no part of what was judged.
            Err(_) if stop.load(Ordering::Relaxed) => break,
            Err(malformed) => return Ok(Err(malformed)),
        }
        let found = reading.checker.found();
        if !json.instead_of_text() {
            for violation in &found[told..] {
                say(format_args!("{}\n", text::violation_text(violation, sheet)))?;
            }
        }
        told = found.len();
    }
    Ok(Ok(reading.finish()))
}
