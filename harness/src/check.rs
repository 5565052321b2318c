//! `reveille check`: holds a history that lies in a file, of our system or of any other, against the contract. It reads
//! event by event, so a file may be longer than memory.

mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use reveille_model::history::{Header, Phase, What};
use reveille_model::jsonl::{Malformed, Reader};
use reveille_model::verdict::{RuleId, Verdict};
use reveille_model::{Checker, Profile};
use serde::Serialize;

use crate::cli::output::Json;
use crate::say::{say, tell};
use crate::supervise::INTERRUPTED;

/// How much is read at once.
pub(crate) const BUFFER_BYTES: usize = 1 << 20;

/// The bar is told so often how far the reader is.
const EVENTS_A_STEP: usize = 1 << 14;

/// What was found in a file.
#[derive(Debug, Serialize)]
pub struct Checked {
    header: Header,
    /// How many events the file has.
    pub events: usize,
    /// True time of the last event.
    last_ns: u64,
    /// Whether the history tells that the run is over.
    has_end: bool,
    /// What the checkers say.
    pub verdict: Verdict,
}

/// Reads a history and judges it. `progress` hears now and then how many bytes were read.
///
/// # Errors
///
/// The first thing in it that does not belong in a history.
pub fn check(
    input: impl BufRead,
    profile: Profile,
    mut progress: impl FnMut(u64),
) -> Result<Checked, Malformed> {
    let mut reader = Reader::new(input)?;
    let mut checker = Checker::new(reader.header(), profile);
    let (mut events, mut last_ns, mut has_end) = (0, 0, false);
    while let Some(event) = reader.next().transpose()? {
        checker.observe(events, &event);
        events += 1;
        last_ns = event.at_ns;
        has_end |= matches!(event.what, What::Phase { phase: Phase::End });
        if events % EVENTS_A_STEP == 0 {
            progress(reader.bytes());
        }
    }
    let header = reader.header().clone();
    Ok(Checked { header, events, last_ns, has_end, verdict: checker.finish() })
}

impl Checked {
    /// Which of these rules were not judged: the history lacks what that takes, or gave no occasion.
    fn not_judged(&self, required: &[RuleId]) -> Vec<RuleId> {
        let is_judged =
            |rule: &RuleId| self.verdict.coverage.get(rule).is_some_and(|coverage| coverage.occasions() > 0);
        required.iter().copied().filter(|rule| !is_judged(rule)).collect()
    }

    /// 1: a promise was broken. 2: nothing was judged, or not what was required.
    fn exit_code(&self, required: &[RuleId]) -> ExitCode {
        if !self.verdict.is_clean() {
            return ExitCode::from(1);
        }
        let is_enough = self.verdict.is_judged() && self.not_judged(required).is_empty();
        if is_enough { ExitCode::SUCCESS } else { ExitCode::from(2) }
    }
}

/// The command: checks `path`, or what comes on standard input if it is `-`, and prints what was found. It fails if one of the
/// `required` rules was not judged.
///
/// # Errors
///
/// If the input cannot be opened, or a file for JSON not written.
pub(crate) fn run(
    path: &Path,
    profile: Profile,
    required: &[RuleId],
    json: &Json,
) -> anyhow::Result<ExitCode> {
    json.check()?;
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let bar = if is_stdin {
        bar(None)
    } else {
        let about = path.metadata().with_context(|| format!("{name} cannot be read"))?;
        anyhow::ensure!(!about.is_dir(), "{name} is a folder; what is checked is one history, a file");
        bar(about.is_file().then_some(about.len()))
    };
    stop_when_interrupted(&bar)?;
    let progress = |bytes| bar.set_position(bytes);
    let checked = if is_stdin {
        check(BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock()), profile, progress)
    } else {
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        check(BufReader::with_capacity(BUFFER_BYTES, file), profile, progress)
    };
    bar.finish_and_clear();
    report(&name, &checked, required, json)
}

/// Tells what was found. On standard output is the verdict or nothing.
fn report(
    name: &str,
    checked: &Result<Checked, Malformed>,
    required: &[RuleId],
    json: &Json,
) -> anyhow::Result<ExitCode> {
    match checked {
        _ if json.instead_of_text() => {}
        Ok(checked) => say(text::text(name, checked, required))?,
        Err(malformed) => tell(format_args!("error: {name}: {malformed}\n")),
    }
    json.write(&match checked {
        Ok(checked) => text::for_machines(name, checked, required),
        Err(malformed) => {
            let (column, message) = (malformed.problem.column(), malformed.problem.to_string());
            let malformed =
                serde_json::json!({ "line": malformed.line, "column": column, "message": message });
            serde_json::json!({ "file": name, "malformed": malformed })
        }
    })?;
    Ok(match checked {
        Ok(checked) => checked.exit_code(required),
        Err(_) => ExitCode::from(2),
    })
}

/// How far the reader is, on a terminal; nothing elsewhere.
fn bar(bytes: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match bytes {
        Some(_) => "{elapsed_precise} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}",
        None => "{elapsed_precise} {bytes}, {bytes_per_sec}",
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is a literal"));
    bar
}

/// A file is only read, and nothing is printed before the verdict: there is nothing to undo, but the bar goes.
fn stop_when_interrupted(bar: &ProgressBar) -> anyhow::Result<()> {
    let bar = bar.clone();
    let stop = move || {
        bar.finish_and_clear();
        tell("stopped: there is no verdict\n");
        std::process::exit(i32::from(INTERRUPTED));
    };
    ctrlc::set_handler(stop).context("the handler for interrupts could not be set")
}
